/* An image from its file through a network into files, by bands or by tiles.
 *
 * By bands, the network is a pipeline of rows: it asks for the image's rows and gives back their
 * logits some rows later. By tiles, it computes one rectangle after the other, each from all
 * that it depends on; a row of tiles is gathered and then written. Either way files get rows in
 * order. */
#include <stdio.h>

#include <segkit/error.h>
#include <segkit/labels.h>
#include <segkit/memory.h>
#include <segkit/pool.h>
#include <segkit/schedule.h>
#include <segkit/workspace.h>

#include "overlay.h"
#include "progress.h"
#include "run.h"

/* Labels are bytes. */
#define SEG_RUN_MAX_CLASSES 256

typedef struct
{
  const SegRunRequest *request;
  GCancellable *cancellable;
  gint64 width, height;
  SegPool *pool;
  SegOverlay *overlay; /* NULL: not wanted */
  SegProgress *progress;
  guint8 *labels; /* by bands one row, by tiles a row of tiles */
  SegRect strip;  /* by tiles: what labels holds */
  gint64 multiply_adds, pixels_done;
  gsize arena_bytes; /* the most so far */
} SegRunState;

static void
seg_run_state_clear (SegRunState *self)
{
  g_clear_pointer (&self->pool, seg_pool_free);
  g_clear_pointer (&self->overlay, seg_overlay_free);
  g_clear_pointer (&self->progress, seg_progress_free);
  seg_free (self->labels);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (SegRunState, seg_run_state_clear)

/* Time hardly depends on it: from 8 to 128 rows, the shipped model needed the same within 4 % at
 * width 8192, within 9 % at 1024. Memory
 * does, and a wide image needs enough of it. Lower bands would leave threads without work in the
 * deep levels, where a row is worth many of the image's. */
static gint64
seg_run_choose_band_rows (gint64 width)
{
  return width >= 8192 ? 16 : 32;
}

/* The picture's pixels are those just fetched for the network: no file is read twice. */
static gboolean
seg_run_keep_colours (SegRunState *self, const SegRect *rect, GError **error)
{
  if (self->overlay == NULL)
    return TRUE;
  for (gint64 y = rect->y; y < rect->y + rect->h; y++)
    {
      guint8 *rgb = seg_overlay_add_row (self->overlay, error);

      if (rgb == NULL)
        return FALSE;
      seg_source_copy_colour_row (self->request->source, y, rgb);
    }
  return TRUE;
}

/* A network need not read its last rows; the picture shows them all the same. */
static gboolean
seg_run_catch_up (SegRunState *self, gint64 y, GError **error)
{
  SegRect rect = { 0, y, self->width, 1 };

  return self->overlay == NULL || !seg_overlay_is_empty (self->overlay)
         || (seg_source_fetch (self->request->source, &rect, error)
             && seg_run_keep_colours (self, &rect, error));
}

static gboolean
seg_run_push_row (SegRunState *self, const guint8 *labels, GError **error)
{
  return seg_writer_push (self->request->labels, labels, error)
         && (self->overlay == NULL
             || seg_writer_push (self->request->overlay,
                                 seg_overlay_take_row (self->overlay, labels), error));
}

static void
seg_run_count (SegRunState *self, gint64 pixels)
{
  self->pixels_done += pixels;
  seg_progress_update (self->progress, self->pixels_done);
}

static gboolean
seg_run_read (const SegView *view, gpointer data, GError **error)
{
  SegRunState *self = data;

  return seg_source_fetch (self->request->source, &view->valid, error)
         && seg_source_fill (self->request->source, view, error);
}

static gboolean
seg_run_read_band (const SegView *view, gpointer data, GError **error)
{
  return seg_run_read (view, data, error) && seg_run_keep_colours (data, &view->valid, error);
}

static gboolean
seg_run_write_band (const SegView *logits, gpointer data, GError **error)
{
  SegRunState *self = data;

  for (gint64 y = logits->valid.y; y < logits->valid.y + logits->valid.h; y++)
    {
      seg_labels_from_logits (logits, 0, y, self->labels);
      if (!seg_run_catch_up (self, y, error) || !seg_run_push_row (self, self->labels, error))
        return FALSE;
    }
  seg_run_count (self, logits->valid.w * logits->valid.h);
  return TRUE;
}

static gboolean
seg_run_write_tile (const SegView *logits, gpointer data, GError **error)
{
  SegRunState *self = data;
  const SegRect *tile = &logits->valid;

  (void) error;
  for (gint64 y = tile->y; y < tile->y + tile->h; y++)
    seg_labels_from_logits (logits, 0, y,
                            self->labels + (y - self->strip.y) * self->width + tile->x);
  seg_run_count (self, tile->w * tile->h);
  return TRUE;
}

static gboolean
seg_run_check_output (SegRunState *self, SegSchedule *schedule, GError **error)
{
  const SegShape *out = seg_schedule_get_output_shape (schedule);

  if (out->h == self->height && out->w == self->width)
    return TRUE;
  g_set_error (error, SEG_ERROR, SEG_ERROR_UNSUPPORTED,
               "the model makes %" G_GINT64_FORMAT " × %" G_GINT64_FORMAT
               " labels of %" G_GINT64_FORMAT " × %" G_GINT64_FORMAT " pixels",
               out->w, out->h, self->width, self->height);
  return FALSE;
}

static gboolean
seg_run_schedule (SegRunState *self, SegSchedule *schedule, SegRowsFunc read, SegRowsFunc write,
                  GError **error)
{
  g_autoptr (SegWorkspace) workspace = NULL;

  if (schedule == NULL || !seg_run_check_output (self, schedule, error)
      || (workspace = seg_workspace_new (schedule, self->pool, error)) == NULL)
    {
      g_prefix_error (error, "%s: ", seg_source_get_name (self->request->source));
      return FALSE;
    }
  self->arena_bytes = MAX (self->arena_bytes, seg_schedule_get_arena_bytes (schedule));
  /* what goes wrong in reading and writing names its file itself */
  if (!seg_workspace_run (workspace, read, write, self, self->cancellable, error))
    return FALSE;
  self->multiply_adds += seg_workspace_get_multiply_adds (workspace);
  return TRUE;
}

/* For --verbose: what is about to happen, or has. */
static void seg_run_tell (SegRunState *self, const char *format, ...) G_GNUC_PRINTF (2, 3);

static void
seg_run_tell (SegRunState *self, const char *format, ...)
{
  va_list args;

  if (!self->request->verbose)
    return;
  va_start (args, format);
  vfprintf (stderr, format, args);
  va_end (args);
}

static gboolean
seg_run_by_bands (SegRunState *self, GError **error)
{
  g_autoptr (SegSchedule) schedule = NULL;
  gint64 band_rows = self->request->band_rows;

  if (band_rows == 0)
    band_rows = seg_run_choose_band_rows (self->width);
  schedule = seg_schedule_new_bands (self->request->plan, self->height, self->width,
                                     MIN (band_rows, self->height), error);
  if (schedule != NULL)
    seg_run_tell (self,
                  "way:     bands of %" G_GINT64_FORMAT " rows, threads: %u, memory: %.1f MB\n",
                  band_rows, self->request->n_threads,
                  (double) seg_schedule_get_arena_bytes (schedule) / 1e6);
  return seg_run_schedule (self, schedule, seg_run_read_band, seg_run_write_band, error);
}

static gboolean
seg_run_tile (SegRunState *self, gint64 x, GError **error)
{
  SegRect tile = { x, self->strip.y, MIN (self->request->tile, self->width - x), self->strip.h };
  g_autoptr (SegSchedule) schedule =
      seg_schedule_new_region (self->request->plan, 1, self->height, self->width, &tile, error);

  return seg_run_schedule (self, schedule, seg_run_read, seg_run_write_tile, error);
}

static gboolean
seg_run_by_tiles (SegRunState *self, GError **error)
{
  gint64 tile = self->request->tile;

  seg_run_tell (self,
                "way:     tiles of %" G_GINT64_FORMAT " × %" G_GINT64_FORMAT ", threads: %u\n",
                tile, tile, self->request->n_threads);
  for (gint64 y = 0; y < self->height; y += tile)
    {
      self->strip = (SegRect){ 0, y, self->width, MIN (tile, self->height - y) };
      for (gint64 x = 0; x < self->width; x += tile)
        if (!seg_run_tile (self, x, error))
          return FALSE;

      for (gint64 row = y; row < y + self->strip.h; row++)
        {
          if (!seg_run_catch_up (self, row, error)
              || !seg_run_push_row (self, self->labels + (row - y) * self->width, error))
            return FALSE;
        }
    }
  return TRUE;
}

static gboolean
seg_run_start_writer (SegRunState *self, SegWriter *writer, guint bands, GError **error)
{
  SegWriterFormat format = { self->width, self->height, bands, 1, 1, 0 };

  /* so many that the network need not wait for a saver that takes its rows in strips */
  format.ahead = MIN (self->height, 64);
  seg_source_get_resolution (self->request->source, &format.xres, &format.yres);
  return seg_writer_start (writer, &format, self->cancellable, error);
}

static gboolean
seg_run_prepare (SegRunState *self, GError **error)
{
  const SegRunRequest *request = self->request;
  guint n_classes = seg_model_get_n_classes (request->model);
  gint64 n_rows = request->tile > 0 ? MIN (request->tile, self->height) : 1;

  if (n_classes > SEG_RUN_MAX_CLASSES)
    {
      g_set_error (error, SEG_ERROR, SEG_ERROR_UNSUPPORTED,
                   "%s: the model has %u classes, and a label map has room for %d",
                   seg_source_get_name (request->source), n_classes, SEG_RUN_MAX_CLASSES);
      return FALSE;
    }
  self->labels = seg_alloc ((gsize) n_rows, (gsize) self->width, "labels", error);
  if (self->labels == NULL)
    {
      g_prefix_error (error, "%s: ", seg_source_get_name (request->source));
      return FALSE;
    }
  self->pool = seg_pool_new (request->n_threads);
  if (!seg_run_start_writer (self, request->labels, 1, error))
    return FALSE;
  if (request->overlay != NULL)
    {
      self->overlay = seg_overlay_new (request->model, self->width);
      if (!seg_run_start_writer (self, request->overlay, 3, error))
        return FALSE;
    }
  if (request->progress)
    self->progress = seg_progress_new (self->width, self->height);
  return TRUE;
}

/**
 * seg_run_image: (skip)
 * @request: what to do
 * @cancellable: stops it
 * @error: return location
 *
 * Segments an image and writes the results. Memory does not grow with the image's height.
 * Errors: those of reading, of writing, and of making room for the network, with the name of
 * the file; `G_IO_ERROR_CANCELLED`.
 */
gboolean
seg_run_image (const SegRunRequest *request, GCancellable *cancellable, GError **error)
{
  g_auto (SegRunState) self = { .request = request, .cancellable = cancellable };
  gint64 start = g_get_monotonic_time ();
  double seconds;

  self.width = seg_source_get_width (request->source);
  self.height = seg_source_get_height (request->source);
  if (!seg_run_prepare (&self, error)
      || !(request->tile > 0 ? seg_run_by_tiles (&self, error) : seg_run_by_bands (&self, error))
      || !seg_writer_finish (request->labels, error)
      || (request->overlay != NULL && !seg_writer_finish (request->overlay, error)))
    return FALSE;
  g_clear_pointer (&self.progress, seg_progress_free);

  seconds = (double) (g_get_monotonic_time () - start) / G_USEC_PER_SEC;
  seg_run_tell (&self,
                "done:    %.2f s, %.2f MPix/s, %.4g multiply-adds, %.1f G/s, memory: %.1f MB\n",
                seconds, (double) self.pixels_done / seconds / 1e6, (double) self.multiply_adds,
                (double) self.multiply_adds / seconds / 1e9, (double) self.arena_bytes / 1e6);
  return seg_writer_commit (request->labels, error)
         && (request->overlay == NULL || seg_writer_commit (request->overlay, error));
}
