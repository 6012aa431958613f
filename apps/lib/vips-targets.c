/* For libvips before 8.14.2, and to be deleted with the support for it.
 *
 * When saving a pyramidal TIFF fails or is stopped, these versions drop the temporary files of
 * the smaller levels before libtiff has closed them, and the program crashes in freed memory
 * (libvips pull request 3413). They are made deep inside the saver, so the only place to get hold
 * of one is where it is built: here each gets one more reference, until no saver runs any more. */
#include <vips/vips.h>

#include "vips-targets.h"

static struct
{
  GMutex mutex; /* guards the rest */
  int (*build) (VipsObject *object);
  guint n_savers;
  GSList *targets;
} seg_vips_targets;

static int
seg_vips_targets_build (VipsObject *object)
{
  int result = seg_vips_targets.build (object);

  g_mutex_lock (&seg_vips_targets.mutex);
  if (seg_vips_targets.n_savers > 0)
    seg_vips_targets.targets = g_slist_prepend (seg_vips_targets.targets, g_object_ref (object));
  g_mutex_unlock (&seg_vips_targets.mutex);
  return result;
}

/**
 * seg_vips_targets_keep:
 *
 * A saver is about to run.
 * Threads: any.
 */
void
seg_vips_targets_keep (void)
{
  gboolean sound = vips_version (0) > 8 || vips_version (1) > 14
                   || (vips_version (1) == 14 && vips_version (2) >= 2);

  g_mutex_lock (&seg_vips_targets.mutex);
  if (seg_vips_targets.build == NULL && !sound)
    {
      VipsObjectClass *klass = g_type_class_ref (VIPS_TYPE_TARGET);

      seg_vips_targets.build = klass->build;
      klass->build = seg_vips_targets_build;
    }
  seg_vips_targets.n_savers++;
  g_mutex_unlock (&seg_vips_targets.mutex);
}

/**
 * seg_vips_targets_release:
 *
 * A saver has ended.
 * Threads: any.
 */
void
seg_vips_targets_release (void)
{
  GSList *targets = NULL;

  g_mutex_lock (&seg_vips_targets.mutex);
  if (--seg_vips_targets.n_savers == 0)
    targets = g_steal_pointer (&seg_vips_targets.targets);
  g_mutex_unlock (&seg_vips_targets.mutex);
  g_slist_free_full (targets, g_object_unref);
}
