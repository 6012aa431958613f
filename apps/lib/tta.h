#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/**
 * SegTta:
 * @SEG_TTA_NONE: the image as it is
 * @SEG_TTA_FLIPS: also mirrored, in columns, in rows and in both: nnU-Net's mirroring
 * @SEG_TTA_D4: also turned by right angles, each mirrored and not
 *
 * Test-time augmentation: in which orientations a network sees an image, for the mean of its
 * logits. The value is the binary logarithm of their number.
 */
typedef enum
{
  SEG_TTA_NONE = 0,
  SEG_TTA_FLIPS = 2,
  SEG_TTA_D4 = 3,
} SegTta;

gboolean    seg_tta_parse              (const char *name, SegTta *tta, GError **error);
const char *seg_tta_get_name           (SegTta tta);
guint       seg_tta_get_n_orientations (SegTta tta);

G_END_DECLS
