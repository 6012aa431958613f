#include <math.h>

#include "nn.h"

/* Columns worked on at once: what a thread keeps per column stays on its stack. */
#define COLUMNS 64

struct _SegLogSoftmax
{
  SegLayer parent_instance;
};

G_DEFINE_FINAL_TYPE (SegLogSoftmax, seg_log_softmax, SEG_TYPE_LAYER)

/**
 * SegLogSoftmax:
 *
 * The logarithm of each pixel's softmax across the channels, computed without taking the
 * logarithm of a number near zero: x - max - log Σ exp (x - max). The sum runs in channel order.
 * Shapes: (N, C, H, W) → the same, at most 0.
 * Source: Bridle 1990, Training stochastic model recognition algorithms as networks; PyTorch,
 *   torch.nn.LogSoftmax over dimension 1
 * Halo: none
 * Kept for backward: the output
 */

static void
seg_log_softmax_forward (SegLayer *layer, const SegRun *run, const SegView *in, guint n_in,
                         SegView *out, const SegPiece *piece)
{
  const SegRect *r = &piece->rect;
  (void) layer, (void) n_in;

  for (gint64 y = r->y; y < r->y + r->h; y++)
    for (gint64 x = r->x; x < r->x + r->w; x += COLUMNS)
      {
        gsize n = MIN (COLUMNS, r->x + r->w - x);
        float largest[COLUMNS], sum[COLUMNS] = { 0 };

        for (gsize i = 0; i < n; i++)
          largest[i] = -INFINITY;
        for (guint b = 0; b < in->n_blocks; b++)
          run->kernels->maximum (n, largest, seg_view_at (in, b, piece->sample, y, x), largest);
        for (guint b = 0; b < in->n_blocks; b++)
          {
            const float *from = seg_view_at (in, b, piece->sample, y, x);
            for (gsize i = 0; i < n; i++)
              sum[i] += expf (from[i] - largest[i]);
          }
        for (gsize i = 0; i < n; i++)
          sum[i] = logf (sum[i]);
        for (guint b = piece->block; b < piece->block + piece->n_blocks; b++)
          {
            const float *from = seg_view_at (in, b, piece->sample, y, x);
            float *to = seg_view_at (out, b, piece->sample, y, x);
            for (gsize i = 0; i < n; i++)
              to[i] = from[i] - largest[i] - sum[i];
          }
      }
}

/* dx = dy - exp (y) · Σ dy, the sum over channels */
static void
seg_log_softmax_backward_input (SegLayer *layer, const SegRun *run, const SegView *in, guint n_in,
                                const SegView *out, const SegView *dout, guint input, SegView *din,
                                const SegPiece *piece)
{
  const SegRect *r = &piece->rect;
  (void) layer, (void) run, (void) in, (void) n_in, (void) input;

  for (gint64 y = r->y; y < r->y + r->h; y++)
    for (gint64 x = r->x; x < r->x + r->w; x += COLUMNS)
      {
        gsize n = MIN (COLUMNS, r->x + r->w - x);
        float sum[COLUMNS] = { 0 };

        for (guint b = 0; b < out->n_blocks; b++)
          {
            const float *dy = seg_view_at (dout, b, piece->sample, y, x);
            for (gsize i = 0; i < n; i++)
              sum[i] += dy[i];
          }
        for (guint b = piece->block; b < piece->block + piece->n_blocks; b++)
          {
            const float *log_p = seg_view_at (out, b, piece->sample, y, x);
            const float *dy = seg_view_at (dout, b, piece->sample, y, x);
            float *dx = seg_view_at (din, b, piece->sample, y, x);
            for (gsize i = 0; i < n; i++)
              dx[i] += dy[i] - expf (log_p[i]) * sum[i];
          }
      }
}

static void
seg_log_softmax_class_init (SegLogSoftmaxClass *klass)
{
  SegLayerClass *layer = SEG_LAYER_CLASS (klass);

  layer->forward = seg_log_softmax_forward;
  layer->backward_input = seg_log_softmax_backward_input;
  layer->flags = SEG_LAYER_DROPS_INPUT;
  seg_layer_class_set_info (layer, "Logarithm of softmax over channels", "Bridle 1990");
}

static void
seg_log_softmax_init (SegLogSoftmax *self)
{
  (void) self;
}
