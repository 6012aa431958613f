#include <math.h>

#include "blocks.h"
#include "nn.h"

struct _SegGlobalMaxPool
{
  SegLayer parent_instance;
};

G_DEFINE_FINAL_TYPE (SegGlobalMaxPool, seg_global_max_pool, SEG_TYPE_LAYER)

/**
 * SegGlobalMaxPool:
 *
 * The largest number of each channel over the whole map. NaN wins.
 * Shapes: (N, C, H, W) → (N, C, 1, 1).
 * Source: Oquab et al. 2015, Is object localization for free?, CVPR, section 3
 * Halo: the whole map, in inference, too: it is computed and held before any pixel that needs
 *   the maximum
 * Kept for backward: input and output. Among equals the first in reading order takes the
 *   gradient, as PyTorch's AdaptiveMaxPool2d has it; NaN takes none
 */

static gboolean
seg_global_max_pool_infer (SegLayer *layer, const SegShape *in, guint n_in, SegShape *out,
                           GError **error)
{
  (void) layer, (void) n_in, (void) error;
  *out = (SegShape){ in[0].n, in[0].c, 1, 1 };
  return TRUE;
}

static void
seg_global_max_pool_required (SegLayer *layer, const SegShape *in, guint n_in, const SegRect *out,
                              guint input, SegRect *need)
{
  (void) layer, (void) n_in, (void) out, (void) input;
  *need = (SegRect){ 0, 0, in[0].w, in[0].h };
}

static inline void
seg_global_max_pool_row (gint lanes, gint64 n, const float *restrict x, float *restrict largest)
{
  for (gint64 i = 0; i < n; i++, x += lanes)
#pragma omp simd
    for (gint l = 0; l < lanes; l++)
      largest[l] = x[l] > largest[l] || x[l] != x[l] ? x[l] : largest[l];
}

static void
seg_global_max_pool_forward (SegLayer *layer, const SegRun *run, const SegView *in, guint n_in,
                             SegView *out, const SegPiece *piece)
{
  (void) layer, (void) run, (void) n_in;

  for (guint b = piece->block; b < piece->block + piece->n_blocks; b++)
    {
      float *largest = seg_view_at (out, b, piece->sample, 0, 0);
      gint lanes = in->blocks[b].lanes;

      for (gint l = 0; l < lanes; l++)
        largest[l] = -INFINITY;
      for (gint64 y = 0; y < in->shape.h; y++)
        SEG_CALL_WITH_LANES (lanes, seg_global_max_pool_row, in->shape.w,
                             seg_view_at (in, b, piece->sample, y, 0), largest);
    }
}

/* The first pixel of channel @lane of a block that holds @largest; FALSE: none, which is NaN. */
static gboolean
seg_global_max_pool_find (const SegView *in, guint b, gint64 sample, gint lane, float largest,
                          gint64 *at_x, gint64 *at_y)
{
  for (gint64 y = 0; y < in->shape.h; y++)
    {
      const float *row = seg_view_at (in, b, sample, y, 0) + lane;

      for (gint64 x = 0; x < in->shape.w; x++)
        if (row[x * in->blocks[b].lanes] == largest)
          {
            *at_x = x;
            *at_y = y;
            return TRUE;
          }
    }
  return FALSE;
}

/* Adds to the first pixel that holds the maximum, if it lies in the piece. */
static void
seg_global_max_pool_backward_input (SegLayer *layer, const SegRun *run, const SegView *in,
                                    guint n_in, const SegView *out, const SegView *dout,
                                    guint input, SegView *din, const SegPiece *piece)
{
  const SegRect *r = &piece->rect;
  (void) layer, (void) run, (void) n_in, (void) input;

  for (guint b = piece->block; b < piece->block + piece->n_blocks; b++)
    {
      const float *largest = seg_view_at (out, b, piece->sample, 0, 0);
      const float *dy = seg_view_at (dout, b, piece->sample, 0, 0);
      gint64 x, y;

      for (gint l = 0; l < in->blocks[b].n_channels; l++)
        if (seg_global_max_pool_find (in, b, piece->sample, l, largest[l], &x, &y) && y >= r->y
            && y < r->y + r->h && x >= r->x && x < r->x + r->w)
          seg_view_at (din, b, piece->sample, y, x)[l] += dy[l];
    }
}

static void
seg_global_max_pool_class_init (SegGlobalMaxPoolClass *klass)
{
  SegLayerClass *layer = SEG_LAYER_CLASS (klass);

  layer->infer = seg_global_max_pool_infer;
  layer->required = seg_global_max_pool_required;
  layer->layout = seg_layer_layout_alike;
  layer->forward = seg_global_max_pool_forward;
  layer->backward_input = seg_global_max_pool_backward_input;
  seg_layer_class_set_info (layer, "Maximum of each channel", "Oquab et al. 2015, CVPR");
}

static void
seg_global_max_pool_init (SegGlobalMaxPool *self)
{
  (void) self;
}
