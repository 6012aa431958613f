/* Images in memory through a model, one after the other, as `segment` runs files: whole, by bands
 * or tiles as memory allows, with the same bits. How images of a size are run is chosen once. */
#include <segkit/error.h>
#include <segkit/kernels.h>
#include <segkit/labels.h>
#include <segkit/plan.h>
#include <segkit/workspace.h>

#include "memory-budget.h"
#include "planes.h"
#include "predictor.h"
#include "tile.h"
#include "units.h"
#include "way.h"
#include "workspace-cache.h"

/* libvips, libc and the rest of the program, see session.c. */
#define SEG_PREDICTOR_SPARE_BYTES (16u << 20)

/* Sizes that are remembered; a folder of photographs has two. */
#define SEG_PREDICTOR_MAX_SIZES 64

typedef struct
{
  gint64 height, width;
  SegWay way;
} SegPredictorSize;

struct _SegPredictor
{
  SegModel *model;
  SegPlan *plan;
  SegPool *pool;
  SegWorkspaceCache *cache;
  gsize limit;
  SegTta tta;
  GPtrArray *sizes;
  SegPredictorSize *size; /* of the image at hand */

  /* of the image at hand */
  const float *image;
  gint64 n_bands;
  guint8 *labels;
  SegPlanes *logits;
};

/**
 * seg_predictor_new:
 * @model: its parameters are copied as they are now
 * @pool: (transfer none): threads, which must outlive the predictor
 * @limit_bytes: that the process may take, or 0: what the system has to give
 * @error: return location
 *
 * Errors: those of compiling; `SEG_ERROR_MEMORY`.
 * Threads: one at a time.
 */
SegPredictor *
seg_predictor_new (SegModel *model, SegPool *pool, gsize limit_bytes, GError **error)
{
  g_autoptr (SegPredictor) self = g_new0 (SegPredictor, 1);

  self->model = g_object_ref (model);
  self->pool = pool;
  self->limit = limit_bytes > 0 ? limit_bytes : seg_memory_budget_get_default ();
  self->sizes = g_ptr_array_new_with_free_func (g_free);
  self->plan = seg_plan_new (seg_model_get_graph (model), seg_model_get_parameters (model),
                             SEG_PURPOSE_INFERENCE, seg_kernels_get (), NULL, error);
  if (self->plan == NULL)
    return NULL;
  self->cache = seg_workspace_cache_new (self->plan, pool);
  return g_steal_pointer (&self);
}

/**
 * seg_predictor_free:
 * @self: a predictor
 */
void
seg_predictor_free (SegPredictor *self)
{
  g_clear_pointer (&self->cache, seg_workspace_cache_free);
  g_ptr_array_unref (self->sizes);
  g_clear_object (&self->plan);
  g_object_unref (self->model);
  g_free (self);
}

/**
 * seg_predictor_set_tta:
 * @self: a predictor that has not run yet
 * @tta: in which orientations the network sees each image; by default as it is
 */
void
seg_predictor_set_tta (SegPredictor *self, SegTta tta)
{
  self->tta = tta;
}

SegModel *
seg_predictor_get_model (SegPredictor *self)
{
  return self->model;
}

SegPool *
seg_predictor_get_pool (SegPredictor *self)
{
  return self->pool;
}

/**
 * seg_predictor_get_n_planes:
 * @self: a predictor
 *
 * Returns: channels of logits, which are 1 where one logit decides between two classes
 */
gint64
seg_predictor_get_n_planes (SegPredictor *self)
{
  SegGraph *graph = seg_model_get_graph (self->model);

  return seg_graph_get_channels (graph, seg_graph_get_output (graph));
}

/* ---- what the network reads and gives ------------------------------------------------------ */

/* As source.c: (value − mean) / std, and grey is every colour. */
static gboolean
seg_predictor_read (const SegView *view, gpointer data, GError **error)
{
  SegPredictor *self = data;
  const SegRect *r = &view->valid;
  const float *mean = seg_model_get_mean (self->model), *std = seg_model_get_std (self->model);

  (void) error;
  for (guint b = 0; b < view->n_blocks; b++)
    for (gint32 lane = 0; lane < view->blocks[b].n_channels; lane++)
      for (gint64 y = r->y; y < r->y + r->h; y++)
        {
          gint64 c = view->blocks[b].channel + lane;
          gint32 lanes = view->blocks[b].lanes;
          gint64 band = self->n_bands == 1 ? 0 : c;
          const float *from =
              self->image + (band * self->size->height + y) * self->size->width + r->x;
          float *to = seg_view_at (view, b, 0, y, r->x) + lane;

          for (gint64 x = 0; x < r->w; x++)
            to[x * lanes] = (from[x] - mean[c]) / std[c];
        }
  return TRUE;
}

static gboolean
seg_predictor_write (const SegView *view, gpointer data, GError **error)
{
  SegPredictor *self = data;
  const SegRect *r = &view->valid;

  (void) error;
  for (gint64 y = r->y; y < r->y + r->h; y++)
    seg_labels_from_logits (view, 0, y, self->labels + y * self->size->width + r->x);
  if (self->logits != NULL)
    seg_planes_copy (self->logits, view);
  return TRUE;
}

/* ---- sizes --------------------------------------------------------------------------------- */

static SegPredictorSize *
seg_predictor_add_size (SegPredictor *self, gint64 height, gint64 width, GError **error)
{
  SegWayRequest request = {
    .plan = self->plan,
    .width = width,
    .height = height,
    .n_channels = seg_model_get_n_channels (self->model),
    .n_threads = seg_pool_get_n_threads (self->pool),
    .base_bytes = seg_memory_budget_get_resident () + SEG_PREDICTOR_SPARE_BYTES,
    .limit_bytes = self->limit,
    .tta = self->tta,
  };
  SegWay way;
  SegPredictorSize *size;

  if (!seg_way_choose (&request, &way, error))
    return NULL;
  size = g_new0 (SegPredictorSize, 1);
  size->height = height;
  size->width = width;
  size->way = way;
  if (self->sizes->len == SEG_PREDICTOR_MAX_SIZES)
    g_ptr_array_remove_index (self->sizes, 0);
  g_ptr_array_add (self->sizes, size);
  return size;
}

/* What is kept of another size is given up first: it would count as memory that is taken. */
static gboolean
seg_predictor_choose_size (SegPredictor *self, gint64 height, gint64 width, GError **error)
{
  if (self->size != NULL && self->size->height == height && self->size->width == width)
    return TRUE;
  seg_workspace_cache_clear (self->cache);
  self->size = NULL;
  for (guint i = 0; i < self->sizes->len && self->size == NULL; i++)
    {
      SegPredictorSize *size = self->sizes->pdata[i];

      if (size->height == height && size->width == width)
        self->size = size;
    }
  if (self->size == NULL)
    self->size = seg_predictor_add_size (self, height, width, error);
  return self->size != NULL;
}

/* ---- running ------------------------------------------------------------------------------- */

static gboolean
seg_predictor_run_tiles (SegPredictor *self, GCancellable *cancellable, GError **error)
{
  gint64 height = self->size->height, width = self->size->width, side = self->size->way.tile;
  SegTileRun tiles = {
    .cache = self->cache,
    .height = height,
    .width = width,
    .tta = self->tta,
    .read = seg_predictor_read,
    .write = seg_predictor_write,
    .data = self,
  };

  for (gint64 y = 0; y < height; y += side)
    for (gint64 x = 0; x < width; x += side)
      {
        SegRect tile = { x, y, MIN (side, width - x), MIN (side, height - y) };

        if (!seg_tile_run (&tiles, &tile, cancellable, error))
          return FALSE;
      }
  return TRUE;
}

static gboolean
seg_predictor_run_bands (SegPredictor *self, GCancellable *cancellable, GError **error)
{
  SegPredictorSize *size = self->size;
  SegWorkspace *workspace
      = seg_workspace_cache_get_bands (self->cache, size->height, size->width,
                                       MIN (size->way.band_rows, size->height), error);

  if (workspace == NULL)
    return FALSE;
  if (seg_workspace_run (workspace, seg_predictor_read, seg_predictor_write, self, cancellable,
                         error))
    return TRUE;
  seg_workspace_cache_clear (self->cache);
  return FALSE;
}

static gboolean
seg_predictor_check_bands (SegPredictor *self, gint64 n_bands, GError **error)
{
  guint n_channels = seg_model_get_n_channels (self->model);

  if (n_bands == n_channels || (n_bands == 1 && n_channels == 3))
    return TRUE;
  g_set_error (error, SEG_ERROR, SEG_ERROR_UNSUPPORTED,
               "has %" G_GINT64_FORMAT " band%s, and the model takes %u", n_bands,
               seg_units_plural ((guint64) n_bands), n_channels);
  return FALSE;
}

/**
 * seg_predictor_check_size:
 * @self: a predictor
 * @height: of an image, in rows
 * @width: of it, in columns
 * @error: return location
 *
 * Errors: `SEG_ERROR_SHAPE` for a size that the network does not take, `SEG_ERROR_UNSUPPORTED` where
 * it does not give each pixel a label; `SEG_ERROR_MEMORY`.
 */
gboolean
seg_predictor_check_size (SegPredictor *self, gint64 height, gint64 width, GError **error)
{
  return seg_predictor_choose_size (self, height, width, error);
}

/**
 * seg_predictor_run:
 * @self: a predictor
 * @image: planes of samples, scaled as `segment` scales them, and not normalised
 * @n_bands: planes: as many as the model takes or, where it takes three, one
 * @height: rows
 * @width: columns
 * @labels: (out caller-allocates): a class for each pixel
 * @logits: (out caller-allocates) (nullable): planes, see seg_predictor_get_n_planes()
 * @cancellable: stops it
 * @error: return location
 *
 * Errors: `SEG_ERROR_SHAPE` for a size that the network does not take, `SEG_ERROR_UNSUPPORTED` for
 * other bands and where it does not give each pixel a label, `SEG_ERROR_MEMORY`,
 * `G_IO_ERROR_CANCELLED`.
 */
gboolean
seg_predictor_run (SegPredictor *self, const float *image, gint64 n_bands, gint64 height,
                   gint64 width, guint8 *labels, float *logits, GCancellable *cancellable,
                   GError **error)
{
  SegShape shape = { 1, seg_predictor_get_n_planes (self), height, width };
  SegRect all = { 0, 0, width, height };
  g_autoptr (SegPlanes) planes = NULL;

  if (!seg_predictor_check_bands (self, n_bands, error)
      || !seg_predictor_choose_size (self, height, width, error)
      || (logits != NULL && (planes = seg_planes_new_over (logits, &shape, &all, error)) == NULL))
    return FALSE;
  self->image = image;
  self->n_bands = n_bands;
  self->labels = labels;
  self->logits = planes;
  return self->size->way.tile > 0 ? seg_predictor_run_tiles (self, cancellable, error)
                                  : seg_predictor_run_bands (self, cancellable, error);
}
