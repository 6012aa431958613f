/* libvips pulls and the network pushes. So each file has a thread in which a libvips saver runs
 * its course, and a queue of rows between the two. Files do not wait for each other: a writer
 * holds no row that another one lacks, so that they cannot block one another. */
#include <string.h>

#include <segkit/atomic-file.h>
#include <segkit/error.h>

#include "row-queue.h"
#include "saver.h"
#include "vips-error.h"
#include "vips-targets.h"
#include "writer.h"

struct _SegWriter
{
  char *name; /* of the file */
  VipsOperation *saver;
  SegAtomicFile *file;
  SegWriterFormat format; /* without the stamp, which is the caller's */
  SegRowQueue *queue;
  VipsImage *image;  /* what the saver reads: the queue, in order */
  int next_row;      /* that it will read; guarded by libvips, see below */
  GThread *thread;   /* NULL before it has started and once it is joined */
  GError *failure;   /* of the saver */
  GCancellable *cancellable;
  gulong cancelled;
};

/**
 * seg_writer_new:
 * @path: name of the file; the suffix says the format, `[…]` behind it gives options
 * @exact: refuse options with which a pixel would not be read as it was written
 * @error: return location
 *
 * Errors: `SEG_ERROR_PARAM`, `SEG_ERROR_UNSUPPORTED`.
 */
SegWriter *
seg_writer_new (const char *path, gboolean exact, GError **error)
{
  g_autoptr (SegWriter) self = g_new0 (SegWriter, 1);

  self->saver = seg_saver_new (path, exact, &self->name, error);
  return self->saver != NULL ? g_steal_pointer (&self) : NULL;
}

/**
 * seg_writer_open:
 * @self: a writer
 * @error: return location
 *
 * Makes a temporary file beside the final one, so that what is wrong with the folder shows
 * before hours of work.
 * Errors: `G_IO_ERROR`.
 */
gboolean
seg_writer_open (SegWriter *self, GError **error)
{
  self->file = seg_atomic_file_new (self->name, error);
  return self->file != NULL;
}

static void
seg_writer_stop (SegWriter *self)
{
  seg_row_queue_close (self->queue);
  vips_image_set_kill (self->image, TRUE);
}

static void
seg_writer_stop_cancelled (GCancellable *cancellable, gpointer self)
{
  (void) cancellable;
  seg_writer_stop (self);
}

static void
seg_writer_join (SegWriter *self)
{
  if (self->thread != NULL)
    self->failure = g_thread_join (g_steal_pointer (&self->thread));
}

/**
 * seg_writer_free:
 * @self: a writer; a file that was not committed vanishes
 */
void
seg_writer_free (SegWriter *self)
{
  if (self->thread != NULL)
    {
      seg_writer_stop (self);
      seg_writer_join (self);
    }
  g_cancellable_disconnect (self->cancellable, self->cancelled);
  g_clear_object (&self->cancellable);
  g_clear_object (&self->image);
  g_clear_object (&self->saver);
  g_clear_pointer (&self->queue, seg_row_queue_free);
  g_clear_pointer (&self->file, seg_atomic_file_free);
  g_clear_error (&self->failure);
  g_free (self->name);
  g_free (self);
}

/**
 * seg_writer_get_name:
 * @self: a writer
 *
 * Returns: the file's name, without options
 */
const char *
seg_writer_get_name (SegWriter *self)
{
  return self->name;
}

/**
 * seg_writer_takes_floats:
 * @self: a writer
 *
 * Returns: whether its kind of file can hold floats, and more than three bands
 */
gboolean
seg_writer_takes_floats (SegWriter *self)
{
  return seg_saver_takes_floats (self->saver);
}

/* Called for whole rows, in order, by one thread at a time: vips_sequential() sees to that. */
static int
seg_writer_generate (VipsRegion *out, void *sequence, void *a, void *b, gboolean *stop)
{
  SegWriter *self = a;
  const VipsRect *r = &out->valid;

  (void) sequence, (void) b, (void) stop;
  if (r->top != self->next_row || r->width != out->im->Xsize)
    {
      vips_error ("writer", "row %d was asked for when row %d came next", r->top, self->next_row);
      return -1;
    }
  for (; self->next_row < VIPS_RECT_BOTTOM (r); self->next_row++)
    if (!seg_row_queue_pop (self->queue, VIPS_REGION_ADDR (out, 0, self->next_row)))
      {
        vips_error ("writer", "stopped");
        return -1;
      }
  return 0;
}

static VipsBandFormat
seg_writer_get_band_format (const SegWriterFormat *format)
{
  return format->bits == 8    ? VIPS_FORMAT_UCHAR
         : format->bits == 16 ? VIPS_FORMAT_USHORT
                              : VIPS_FORMAT_FLOAT;
}

static VipsInterpretation
seg_writer_get_interpretation (const SegWriterFormat *format)
{
  if (format->bands == 3 && format->bits == 8)
    return VIPS_INTERPRETATION_sRGB;
  if (format->bands > 1)
    return VIPS_INTERPRETATION_MULTIBAND;
  return format->bits == 16 ? VIPS_INTERPRETATION_GREY16 : VIPS_INTERPRETATION_B_W;
}

static gsize
seg_writer_get_row_bytes (const SegWriterFormat *format)
{
  return (gsize) format->width * format->bands * (format->bits / 8);
}

/* Each saver looks for it under a name of its own. */
static void
seg_writer_stamp (VipsImage *image, const char *stamp)
{
  g_autofree char *exif = g_strdup_printf ("%s (%s, ASCII, %" G_GSIZE_FORMAT
                                           " components, %" G_GSIZE_FORMAT " bytes)",
                                           stamp, stamp, strlen (stamp) + 1, strlen (stamp) + 1);

  vips_image_set_string (image, "png-comment-0-Description", stamp);
  vips_image_set_string (image, VIPS_META_IMAGEDESCRIPTION, stamp);
  vips_image_set_string (image, "exif-ifd0-ImageDescription", exif);
}

static VipsImage *
seg_writer_new_image (SegWriter *self, const char *stamp)
{
  VipsImage *image = vips_image_new (), *sequential = NULL;

  vips_image_init_fields (image, (int) self->format.width, (int) self->format.height,
                          (int) self->format.bands, seg_writer_get_band_format (&self->format),
                          VIPS_CODING_NONE, seg_writer_get_interpretation (&self->format),
                          self->format.xres, self->format.yres);
  seg_writer_stamp (image, stamp);
  if (vips_image_pipelinev (image, VIPS_DEMAND_STYLE_FATSTRIP, NULL) == 0
      && vips_image_generate (image, NULL, seg_writer_generate, NULL, self, NULL) == 0)
    vips_sequential (image, &sequential, NULL);
  g_object_unref (image);
  return sequential;
}

static gpointer
seg_writer_save (gpointer data)
{
  SegWriter *self = data;
  GError *error = NULL;

  seg_vips_targets_keep ();
  if (vips_object_build (VIPS_OBJECT (self->saver)) != 0)
    seg_vips_error (&error, self->name, G_IO_ERROR, G_IO_ERROR_FAILED);
  else
    seg_vips_targets_check (seg_atomic_file_get_path (self->file), self->name, &error);
  vips_object_unref_outputs (VIPS_OBJECT (self->saver));
  seg_vips_targets_release ();
  /* who still pushes would wait for ever */
  seg_row_queue_close (self->queue);
  vips_thread_shutdown ();
  return error;
}

/**
 * seg_writer_start:
 * @self: an open writer
 * @format: of the image
 * @cancellable: stops it
 * @error: return location
 *
 * Starts the thread that writes.
 * Errors: `SEG_ERROR_MEMORY`, `G_IO_ERROR`.
 */
gboolean
seg_writer_start (SegWriter *self, const SegWriterFormat *format, GCancellable *cancellable,
                  GError **error)
{
  g_return_val_if_fail (self->queue == NULL && format->bands > 0, FALSE);

  self->format = *format;
  self->format.stamp = NULL;
  self->queue = seg_row_queue_new (seg_writer_get_row_bytes (format), (gsize) format->ahead, error);
  if (self->queue == NULL)
    {
      g_prefix_error (error, "%s: ", self->name);
      return FALSE;
    }
  self->image = seg_writer_new_image (self, format->stamp);
  if (self->image == NULL)
    {
      seg_vips_error (error, self->name, G_IO_ERROR, G_IO_ERROR_FAILED);
      return FALSE;
    }
  seg_saver_set_size (self->saver, (gint64) seg_writer_get_row_bytes (format) * format->height);
  g_object_set (self->saver, "in", self->image, "filename", seg_atomic_file_get_path (self->file),
                NULL);

  self->thread = g_thread_try_new ("writer", seg_writer_save, self, error);
  if (self->thread == NULL)
    {
      g_prefix_error (error, "%s: ", self->name);
      return FALSE;
    }
  self->cancellable = g_object_ref (cancellable);
  self->cancelled = g_cancellable_connect (cancellable, G_CALLBACK (seg_writer_stop_cancelled),
                                           self, NULL);
  return TRUE;
}

/**
 * seg_writer_finish:
 * @self: a writer that all rows have been pushed to
 * @error: return location
 *
 * Waits until all is written, still under a temporary name.
 * Errors: `G_IO_ERROR`.
 */
gboolean
seg_writer_finish (SegWriter *self, GError **error)
{
  seg_writer_join (self);
  /* a saver that was told to stop fails, too */
  if (g_cancellable_set_error_if_cancelled (self->cancellable, error))
    return FALSE;
  if (self->failure != NULL)
    {
      g_propagate_error (error, g_steal_pointer (&self->failure));
      return FALSE;
    }
  return TRUE;
}

/**
 * seg_writer_push:
 * @self: a started writer
 * @row: the next row, width × bands samples
 * @error: return location
 *
 * Waits where writing is slower than computing.
 * Errors: `G_IO_ERROR`, of this row or one before.
 */
gboolean
seg_writer_push (SegWriter *self, gconstpointer row, GError **error)
{
  if (seg_row_queue_push (self->queue, row))
    return TRUE;
  if (seg_writer_finish (self, error))
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_FAILED, "%s: the file was ended too early",
                 self->name);
  return FALSE;
}

/**
 * seg_writer_commit:
 * @self: a finished writer
 * @error: return location
 *
 * Gives the file its name.
 * Errors: `G_IO_ERROR`.
 */
gboolean
seg_writer_commit (SegWriter *self, GError **error)
{
  return seg_atomic_file_commit (self->file, error);
}
