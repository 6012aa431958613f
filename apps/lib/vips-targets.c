/* What libvips' savers leave to be done about the files they write.
 *
 * Errors: libtiff gives back what could not be written, and the TIFF saver takes no notice of it
 * everywhere: a disk that was full for a moment made a damaged file and no error. So the function
 * that writes is wrapped, and remembers what went wrong.
 *
 * For libvips before 8.14.2, and to be deleted with the support for it: when saving a pyramidal
 * TIFF fails or is stopped, these versions drop the temporary files of the smaller levels before
 * libtiff has closed them, and the program crashes in freed memory (libvips pull request 3413).
 * They are made deep inside the saver, so the only place to get hold of one is where it is built:
 * there each gets one more reference, until no saver runs any more. */
#include <errno.h>
#include <string.h>

#include <gio/gio.h>
#include <vips/vips.h>

#include "vips-targets.h"

typedef struct
{
  char *path; /* NULL: a temporary file of libvips */
  int code;   /* errno */
} SegVipsFailure;

static struct
{
  GMutex mutex; /* guards the rest */
  int (*build) (VipsObject *object);
  gint64 (*write) (VipsTarget *target, const void *bytes, size_t n_bytes);
  guint n_savers;
  GSList *targets;
  GSList *failures; /* the latest first */
} seg_vips_targets;

static void
seg_vips_failure_free (gpointer data)
{
  SegVipsFailure *self = data;

  g_free (self->path);
  g_free (self);
}

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

static gint64
seg_vips_targets_write (VipsTarget *target, const void *bytes, size_t n_bytes)
{
  gint64 n = seg_vips_targets.write (target, bytes, n_bytes);
  int code = errno;

  if (n < 0 && code != EINTR)
    {
      SegVipsFailure *failure = g_new (SegVipsFailure, 1);

      failure->path = g_strdup (vips_connection_filename (VIPS_CONNECTION (target)));
      failure->code = code;
      g_mutex_lock (&seg_vips_targets.mutex);
      seg_vips_targets.failures = g_slist_prepend (seg_vips_targets.failures, failure);
      g_mutex_unlock (&seg_vips_targets.mutex);
      errno = code;
    }
  return n;
}

static void
seg_vips_targets_wrap (void)
{
  VipsTargetClass *klass = g_type_class_ref (VIPS_TYPE_TARGET);
  gboolean sound = vips_version (0) > 8 || vips_version (1) > 14
                   || (vips_version (1) == 14 && vips_version (2) >= 2);

  seg_vips_targets.write = klass->write;
  klass->write = seg_vips_targets_write;
  if (!sound)
    {
      seg_vips_targets.build = VIPS_OBJECT_CLASS (klass)->build;
      VIPS_OBJECT_CLASS (klass)->build = seg_vips_targets_build;
    }
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
  g_mutex_lock (&seg_vips_targets.mutex);
  if (seg_vips_targets.write == NULL)
    seg_vips_targets_wrap ();
  seg_vips_targets.n_savers++;
  g_mutex_unlock (&seg_vips_targets.mutex);
}

/**
 * seg_vips_targets_check:
 * @path: what the saver has written
 * @name: what messages call it
 * @error: return location
 *
 * Of a saver that says that all is well. Smaller levels of a pyramid go through temporary files,
 * which may be anybody's: each saver that runs then fails.
 * Errors: `G_IO_ERROR`.
 * Threads: any, before seg_vips_targets_release().
 */
gboolean
seg_vips_targets_check (const char *path, const char *name, GError **error)
{
  gboolean ok = TRUE;

  g_mutex_lock (&seg_vips_targets.mutex);
  for (GSList *i = seg_vips_targets.failures; i != NULL && ok; i = i->next)
    {
      SegVipsFailure *failure = i->data;

      ok = failure->path != NULL && strcmp (failure->path, path) != 0;
      if (!ok)
        g_set_error (error, G_IO_ERROR, g_io_error_from_errno (failure->code), "%s: %s%s", name,
                     failure->path == NULL ? "a temporary file for it: " : "",
                     g_strerror (failure->code));
    }
  g_mutex_unlock (&seg_vips_targets.mutex);
  return ok;
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
  GSList *targets = NULL, *failures = NULL;

  g_mutex_lock (&seg_vips_targets.mutex);
  if (--seg_vips_targets.n_savers == 0)
    {
      targets = g_steal_pointer (&seg_vips_targets.targets);
      failures = g_steal_pointer (&seg_vips_targets.failures);
    }
  g_mutex_unlock (&seg_vips_targets.mutex);
  g_slist_free_full (targets, g_object_unref);
  g_slist_free_full (failures, seg_vips_failure_free);
}
