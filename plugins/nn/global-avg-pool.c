#include "blocks.h"
#include "nn.h"

struct _SegGlobalAvgPool
{
  SegLayer parent_instance;
};

G_DEFINE_FINAL_TYPE (SegGlobalAvgPool, seg_global_avg_pool, SEG_TYPE_LAYER)

/**
 * SegGlobalAvgPool:
 *
 * The mean of each channel over the whole map. Each row is summed on its own, in double, and rows
 * are joined in order.
 * Shapes: (N, C, H, W) → (N, C, 1, 1).
 * Source: Lin, Chen and Yan 2013, Network in network, section 3.2, arXiv:1312.4400
 * Halo: the whole map, in inference, too: it is computed and held before any pixel that needs
 *   the mean
 * Kept for backward: nothing
 */

static gboolean
seg_global_avg_pool_infer (SegLayer *layer, const SegShape *in, guint n_in, SegShape *out,
                           GError **error)
{
  (void) layer, (void) n_in, (void) error;
  *out = (SegShape){ in[0].n, in[0].c, 1, 1 };
  return TRUE;
}

static void
seg_global_avg_pool_required (SegLayer *layer, const SegShape *in, guint n_in, const SegRect *out,
                              guint input, SegRect *need)
{
  (void) layer, (void) n_in, (void) out, (void) input;
  *need = (SegRect){ 0, 0, in[0].w, in[0].h };
}

/* sum[l] += Σ of a row, lane by lane */
static inline void
seg_global_avg_pool_add_row (gint lanes, gint64 n, const float *restrict x, double *restrict sum)
{
  double row[SEG_KERNEL_MAX_LANES] = { 0 };

  for (gint64 i = 0; i < n; i++, x += lanes)
#pragma omp simd
    for (gint l = 0; l < lanes; l++)
      row[l] += (double) x[l];
  for (gint l = 0; l < lanes; l++)
    sum[l] += row[l];
}

static void
seg_global_avg_pool_forward (SegLayer *layer, const SegRun *run, const SegView *in, guint n_in,
                             SegView *out, const SegPiece *piece)
{
  double n = (double) in->shape.h * (double) in->shape.w;
  (void) layer, (void) run, (void) n_in;

  for (guint b = piece->block; b < piece->block + piece->n_blocks; b++)
    {
      double sum[SEG_KERNEL_MAX_LANES] = { 0 };
      float *mean = seg_view_at (out, b, piece->sample, 0, 0);
      gint lanes = in->blocks[b].lanes;

      for (gint64 y = 0; y < in->shape.h; y++)
        SEG_CALL_WITH_LANES (lanes, seg_global_avg_pool_add_row, in->shape.w,
                             seg_view_at (in, b, piece->sample, y, 0), sum);
      for (gint l = 0; l < lanes; l++)
        mean[l] = (float) (sum[l] / n);
    }
}

static void
seg_global_avg_pool_backward_input (SegLayer *layer, const SegRun *run, const SegView *in,
                                    guint n_in, const SegView *out, const SegView *dout,
                                    guint input, SegView *din, const SegPiece *piece)
{
  double n = (double) in->shape.h * (double) in->shape.w;
  const SegRect *r = &piece->rect;
  (void) layer, (void) run, (void) n_in, (void) out, (void) input;

  for (guint b = piece->block; b < piece->block + piece->n_blocks; b++)
    for (gint64 y = r->y; y < r->y + r->h; y++)
      {
        const float *dy = seg_view_at (dout, b, piece->sample, 0, 0);
        float *dx = seg_view_at (din, b, piece->sample, y, r->x);
        gint lanes = din->blocks[b].lanes;

        for (gint64 i = 0; i < r->w; i++)
          for (gint l = 0; l < lanes; l++)
            dx[i * lanes + l] += (float) ((double) dy[l] / n);
      }
}

static void
seg_global_avg_pool_class_init (SegGlobalAvgPoolClass *klass)
{
  SegLayerClass *layer = SEG_LAYER_CLASS (klass);

  layer->infer = seg_global_avg_pool_infer;
  layer->required = seg_global_avg_pool_required;
  layer->layout = seg_layer_layout_alike;
  layer->forward = seg_global_avg_pool_forward;
  layer->backward_input = seg_global_avg_pool_backward_input;
  layer->flags = SEG_LAYER_DROPS_INPUT | SEG_LAYER_DROPS_OUTPUT;
  seg_layer_class_set_info (layer, "Mean of each channel",
                            "Lin, Chen and Yan 2013, arXiv:1312.4400");
}

static void
seg_global_avg_pool_init (SegGlobalAvgPool *self)
{
  (void) self;
}
