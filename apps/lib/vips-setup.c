#include <vips/vips.h>

#include <segkit/error.h>

#include "vips-error.h"
#include "vips-setup.h"

/* A warning comes a second time, as the cause of an error; or it is of the kind that a damaged but
 * harmless tag brings, dozens of them in one file. */
static void
seg_vips_take_warning (const char *domain, GLogLevelFlags level, const char *text, gpointer data)
{
  (void) domain, (void) data;
  if (level & G_LOG_LEVEL_WARNING)
    seg_vips_error_remember (text);
}

/**
 * seg_vips_setup:
 * @program: argv[0]
 * @error: return location
 *
 * Starts libvips as our programs use it: an image is read once from top to bottom, so that its
 * cache of results would only grow; the processors are the network's, so that one thread decodes
 * and one for each file encodes, unless VIPS_CONCURRENCY says otherwise; and loaders that were not
 * made for files from strangers are blocked.
 */
gboolean
seg_vips_setup (const char *program, GError **error)
{
  if (vips_init (program) != 0)
    {
      seg_vips_error (error, "libvips", SEG_ERROR, SEG_ERROR_UNSUPPORTED);
      return FALSE;
    }
  vips_block_untrusted_set (TRUE);
  vips_cache_set_max (0);
  if (g_getenv ("VIPS_CONCURRENCY") == NULL)
    vips_concurrency_set (1);
  g_log_set_handler ("VIPS", G_LOG_LEVEL_WARNING | G_LOG_LEVEL_MESSAGE | G_LOG_LEVEL_INFO,
                     seg_vips_take_warning, NULL);
  return TRUE;
}

/**
 * seg_vips_shutdown:
 *
 * Ends libvips, once nothing of it is in use any more.
 */
void
seg_vips_shutdown (void)
{
  vips_shutdown ();
}
