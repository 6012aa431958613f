/* An image from its file through a network into files, by bands or by tiles.
 *
 * By bands, the network is a pipeline of rows: it asks for the image's rows and gives back their
 * logits some rows later. By tiles, it computes one rectangle after the other, each from all
 * that it depends on; a row of tiles is gathered and then written. Either way files get rows in
 * order. */
#include <string.h>

#include <segkit/memory.h>
#include <segkit/workspace.h>

#include "colour-rows.h"
#include "run.h"
#include "tile.h"

typedef struct
{
  const SegRunRequest *request;
  SegRunResult *result;
  GCancellable *cancellable;
  gint64 width, height;
  SegColourRows *colours; /* NULL: nobody wants to see the image */
  SegRect strip;          /* rows at hand: by bands one, by tiles a row of tiles */
  guint8 *labels;         /* of the strip */
  float *probabilities;   /* of the strip, pixel by pixel; NULL: not wanted */
  gint64 pixels_done;
} SegRunState;

static void
seg_run_state_clear (SegRunState *self)
{
  g_clear_pointer (&self->colours, seg_colour_rows_free);
  seg_free (self->labels);
  seg_free (self->probabilities);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (SegRunState, seg_run_state_clear)

/* The picture's pixels are those just fetched for the network: no file is read twice. */
static gboolean
seg_run_keep_colours (SegRunState *self, const SegRect *rect, GError **error)
{
  if (self->colours == NULL)
    return TRUE;
  for (gint64 y = rect->y; y < rect->y + rect->h; y++)
    {
      guint8 *rgb = seg_colour_rows_add (self->colours, error);

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

  return self->colours == NULL || !seg_colour_rows_is_empty (self->colours)
         || (seg_source_fetch (self->request->source, &rect, error)
             && seg_run_keep_colours (self, &rect, error));
}

/* Labels and, if they are wanted, probabilities of what the network gave, into the strip. */
static void
seg_run_classify_row (SegRunState *self, const SegView *logits, gint64 y)
{
  gint64 at = (y - self->strip.y) * self->width + logits->valid.x;
  gsize n_classes = seg_classifier_get_n_classes (self->request->classifier);

  seg_classifier_run (self->request->classifier, logits, y, self->labels + at,
                      self->probabilities != NULL ? self->probabilities + (gsize) at * n_classes
                                                  : NULL);
}

/* Row @y of the strip, complete now, to the files. */
static gboolean
seg_run_push_row (SegRunState *self, gint64 y, GError **error)
{
  gsize at = (gsize) ((y - self->strip.y) * self->width);
  gsize n_classes = seg_classifier_get_n_classes (self->request->classifier);
  const guint8 *labels = self->labels + at;

  if (!seg_run_catch_up (self, y, error))
    return FALSE;
  for (gint64 x = 0; x < self->width; x++)
    self->result->counts[labels[x]]++;
  return seg_outputs_push (self->request->outputs, labels,
                           self->colours != NULL ? seg_colour_rows_take (self->colours) : NULL,
                           self->probabilities != NULL ? self->probabilities + at * n_classes
                                                       : NULL,
                           error);
}

static void
seg_run_count (gint64 n_pixels, gpointer data)
{
  SegRunState *self = data;

  self->pixels_done += n_pixels;
  seg_progress_update (self->request->progress, self->pixels_done);
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
      self->strip.y = y;
      seg_run_classify_row (self, logits, y);
      if (!seg_run_push_row (self, y, error))
        return FALSE;
    }
  seg_run_count (logits->valid.w * logits->valid.h, self);
  return TRUE;
}

static gboolean
seg_run_write_tile (const SegView *logits, gpointer data, GError **error)
{
  SegRunState *self = data;
  const SegRect *tile = &logits->valid;

  (void) error;
  for (gint64 y = tile->y; y < tile->y + tile->h; y++)
    seg_run_classify_row (self, logits, y);
  return TRUE;
}

/* What goes wrong in reading and writing names its file itself. */
static gboolean
seg_run_by_bands (SegRunState *self, GError **error)
{
  const SegRunRequest *request = self->request;
  SegWorkspace *workspace
      = seg_workspace_cache_get_bands (request->cache, self->height, self->width,
                                       MIN (request->way.band_rows, self->height), error);

  if (workspace == NULL)
    {
      g_prefix_error (error, "%s: ", seg_source_get_name (request->source));
      return FALSE;
    }
  if (seg_profile_run (request->profile, workspace, seg_run_read_band, seg_run_write_band, self,
                       &self->result->multiply_adds, self->cancellable, error))
    return TRUE;
  seg_workspace_cache_clear (request->cache);
  return FALSE;
}

static gboolean
seg_run_by_tiles (SegRunState *self, GError **error)
{
  const SegRunRequest *request = self->request;
  gint64 side = request->way.tile;
  SegTileRun tiles = {
    .name = seg_source_get_name (request->source),
    .cache = request->cache,
    .height = self->height,
    .width = self->width,
    .tta = request->tta,
    .profile = request->profile,
    .read = seg_run_read,
    .write = seg_run_write_tile,
    .count = seg_run_count,
    .data = self,
  };

  for (gint64 y = 0; y < self->height; y += side)
    {
      self->strip = (SegRect){ 0, y, self->width, MIN (side, self->height - y) };
      for (gint64 x = 0; x < self->width; x += side)
        {
          SegRect tile = { x, y, MIN (side, self->width - x), self->strip.h };

          if (!seg_tile_run (&tiles, &tile, self->cancellable, error))
            return FALSE;
        }
      for (gint64 row = y; row < y + self->strip.h; row++)
        if (!seg_run_push_row (self, row, error))
          return FALSE;
    }
  self->result->multiply_adds = tiles.multiply_adds;
  return TRUE;
}

static gboolean
seg_run_alloc (SegRunState *self, GError **error)
{
  const SegRunRequest *request = self->request;
  gsize n_rows = request->way.tile > 0 ? (gsize) MIN (request->way.tile, self->height) : 1;
  gsize n_pixels = n_rows * (gsize) self->width;
  gboolean probabilities = seg_outputs_want_probabilities (request->outputs);
  gsize n_classes = seg_classifier_get_n_classes (request->classifier);

  if (!seg_classifier_prepare (request->classifier, self->width, probabilities, error)
      || (self->labels = seg_alloc (n_pixels, 1, "labels", error)) == NULL)
    return FALSE;
  if (probabilities
      && (self->probabilities
          = seg_alloc (n_pixels, n_classes * sizeof (float), "probabilities", error))
             == NULL)
    return FALSE;
  if (seg_outputs_want_image (request->outputs))
    self->colours = seg_colour_rows_new (self->width);
  return TRUE;
}

static gboolean
seg_run_prepare (SegRunState *self, GError **error)
{
  const SegRunRequest *request = self->request;
  SegOutputsFormat format = {
    .width = self->width,
    .height = self->height,
    .stamp = request->stamp,
  };

  if (!seg_run_alloc (self, error))
    {
      g_prefix_error (error, "%s: ", seg_source_get_name (request->source));
      return FALSE;
    }
  seg_source_get_resolution (request->source, &format.xres, &format.yres);
  return seg_outputs_start (request->outputs, seg_source_get_name (request->source), &format,
                            self->cancellable, error);
}

/**
 * seg_run_image: (skip)
 * @request: what to do
 * @result: (out caller-allocates): what came of it
 * @cancellable: stops it
 * @error: return location
 *
 * Segments an image and writes the results. By bands, memory does not grow with the image's
 * height.
 * Errors: those of reading, of writing, and of making room for the network, with the name of
 * the file; `G_IO_ERROR_CANCELLED`.
 */
gboolean
seg_run_image (const SegRunRequest *request, SegRunResult *result, GCancellable *cancellable,
               GError **error)
{
  g_auto (SegRunState) self
      = { .request = request, .result = result, .cancellable = cancellable };
  gint64 start = g_get_monotonic_time ();

  memset (result, 0, sizeof *result);
  self.width = seg_source_get_width (request->source);
  self.height = seg_source_get_height (request->source);
  if (!seg_run_prepare (&self, error)
      || !(request->way.tile > 0 ? seg_run_by_tiles (&self, error)
                                 : seg_run_by_bands (&self, error))
      || !seg_outputs_finish (request->outputs, error))
    return FALSE;
  result->seconds = (double) (g_get_monotonic_time () - start) / G_USEC_PER_SEC;
  return seg_outputs_commit (request->outputs, error);
}
