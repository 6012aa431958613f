#include <math.h>

#include "nn.h"

/* Columns worked on at once: what a thread keeps per column stays on its stack. */
#define COLUMNS 64

struct _SegSoftmax
{
  SegLayer parent_instance;
};

G_DEFINE_FINAL_TYPE (SegSoftmax, seg_softmax, SEG_TYPE_LAYER)

/**
 * SegSoftmax:
 *
 * Turns each pixel's logits into probabilities: exp (x) over its sum across the channels, as
 * PyTorch's softmax over dimension 1. The largest logit is subtracted first, so that nothing
 * overflows; the sum runs in channel order.
 * Shapes: (N, C, H, W) → the same, in 0…1, adding up to 1 over C.
 * Source: Bridle 1990, Training stochastic model recognition algorithms as networks
 * Halo: none
 * Kept for backward: the output
 */

static void
seg_softmax_forward (SegLayer *layer, const SegRun *run, const SegView *in, guint n_in,
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

        /* every channel counts in the sum, also where the piece asks for some only */
        for (guint b = 0; b < in->n_blocks; b++)
          {
            const float *from = seg_view_at (in, b, piece->sample, y, x);
            gboolean wanted = b >= piece->block && b < piece->block + piece->n_blocks;
            float unused[COLUMNS];
            float *to = wanted ? seg_view_at (out, b, piece->sample, y, x) : unused;

            for (gsize i = 0; i < n; i++)
              {
                to[i] = expf (from[i] - largest[i]);
                sum[i] += to[i];
              }
          }

        for (guint b = piece->block; b < piece->block + piece->n_blocks; b++)
          {
            float *to = seg_view_at (out, b, piece->sample, y, x);
            for (gsize i = 0; i < n; i++)
              to[i] /= sum[i];
          }
      }
}

/* dx = y · (dy - Σ dy·y), the sum over channels */
static void
seg_softmax_backward_input (SegLayer *layer, const SegRun *run, const SegView *in, guint n_in,
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
            const float *p = seg_view_at (out, b, piece->sample, y, x);
            const float *dp = seg_view_at (dout, b, piece->sample, y, x);
            for (gsize i = 0; i < n; i++)
              sum[i] += p[i] * dp[i];
          }
        for (guint b = piece->block; b < piece->block + piece->n_blocks; b++)
          {
            const float *p = seg_view_at (out, b, piece->sample, y, x);
            const float *dp = seg_view_at (dout, b, piece->sample, y, x);
            float *dx = seg_view_at (din, b, piece->sample, y, x);
            for (gsize i = 0; i < n; i++)
              dx[i] += p[i] * (dp[i] - sum[i]);
          }
      }
}

static void
seg_softmax_class_init (SegSoftmaxClass *klass)
{
  SegLayerClass *layer = SEG_LAYER_CLASS (klass);

  layer->forward = seg_softmax_forward;
  layer->backward_input = seg_softmax_backward_input;
  layer->flags = SEG_LAYER_DROPS_INPUT;
  seg_layer_class_set_info (layer, "Softmax over channels", "Bridle 1990");
}

static void
seg_softmax_init (SegSoftmax *self)
{
  (void) self;
}
