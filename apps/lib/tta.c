/* Test-time augmentation: which orientations a network sees an image in. */
#include <string.h>

#include "command.h"
#include "tta.h"

static const struct
{
  const char *name;
  SegTta tta;
} seg_ttas[] = {
  { "none", SEG_TTA_NONE },
  { "flips", SEG_TTA_FLIPS },
  { "d4", SEG_TTA_D4 },
};

/**
 * seg_tta_parse:
 * @name: (nullable): what `--tta` was given; %NULL: none
 * @tta: (out): what it means
 * @error: return location
 *
 * Errors: `G_OPTION_ERROR` for anything else.
 */
gboolean
seg_tta_parse (const char *name, SegTta *tta, GError **error)
{
  *tta = SEG_TTA_NONE;
  for (guint i = 0; name != NULL && i < G_N_ELEMENTS (seg_ttas); i++)
    if (strcmp (name, seg_ttas[i].name) == 0)
      {
        *tta = seg_ttas[i].tta;
        return TRUE;
      }
  return name == NULL || seg_command_fail_usage (error, "--tta is none, flips or d4");
}

/**
 * seg_tta_get_name:
 * @tta: an augmentation
 *
 * Returns: its name on the command line
 */
const char *
seg_tta_get_name (SegTta tta)
{
  guint i = 0;

  while (seg_ttas[i].tta != tta)
    i++;
  return seg_ttas[i].name;
}

/**
 * seg_tta_get_n_orientations:
 * @tta: an augmentation
 *
 * Returns: how often a network runs; the orientations are those from 0 on
 */
guint
seg_tta_get_n_orientations (SegTta tta)
{
  return 1u << tta;
}
