#include "nn.h"

/* Columns worked on at once: their draws stay on the thread's stack. */
#define COLUMNS 256

struct _SegDropout
{
  SegLayer parent_instance;
  float p;
  gboolean whole_channels;
};

G_DEFINE_FINAL_TYPE (SegDropout, seg_dropout, SEG_TYPE_LAYER)

/**
 * SegDropout:
 *
 * In training sets each number, or each whole channel of a sample, to zero with probability p,
 * and multiplies the rest by 1 / (1 - p). In inference it does nothing, and costs nothing.
 *
 * Whether a number is kept depends on seed, step, node and its place in the batch alone: so the
 * backward pass draws the mask again, and it is the same for any number of threads. The
 * frameworks' masks, from generators with a state, cannot be reproduced.
 * Shapes: (N, C, H, W) → the same.
 * Source: Srivastava et al. 2014, Dropout, JMLR 15; whole channels: Tompson et al. 2015, section
 *   3.2, arXiv:1411.4280
 * Halo: none
 * Kept for backward: nothing
 */

/* The factors of @n numbers from column @x of a row of channel @b on. */
static void
seg_dropout_draw (SegDropout *self, const SegRun *run, const SegShape *shape, guint b,
                  gint64 sample, gint64 y, gint64 x, gsize n, float *factors)
{
  /* an odd multiple of the step: no two steps of a node share a stream */
  guint64 stream = run->stream + run->step * G_GUINT64_CONSTANT (0x9e3779b97f4a7c15);
  guint64 channel = (guint64) (sample * shape->c + b);
  guint64 first = ((guint64) shape->h * channel + (guint64) y) * (guint64) shape->w + (guint64) x;
  float kept = 1.f / (1.f - self->p);

  seg_random_uniform (run->seed, stream, self->whole_channels ? channel : first,
                      self->whole_channels ? 1 : n, factors);
  for (gsize i = n; i-- > 0;)
    factors[i] = factors[self->whole_channels ? 0 : i] < self->p ? 0.f : kept;
}

/* to = or += from · mask. A product, not a choice: NaN is not hidden by the mask, as in PyTorch. */
static void
seg_dropout_apply (SegLayer *layer, const SegRun *run, const SegView *from, SegView *to,
                   gboolean add, const SegPiece *piece)
{
  const SegRect *r = &piece->rect;
  float factors[COLUMNS];

  for (guint b = piece->block; b < piece->block + piece->n_blocks; b++)
    for (gint64 y = r->y; y < r->y + r->h; y++)
      for (gint64 x = r->x; x < r->x + r->w; x += COLUMNS)
        for (gint32 l = 0; l < to->blocks[b].n_channels; l++)
          {
            gint lanes = to->blocks[b].lanes;
            gsize n = (gsize) MIN (COLUMNS, r->x + r->w - x);
            const float *a = seg_view_at (from, b, piece->sample, y, x) + l;
            float *c = seg_view_at (to, b, piece->sample, y, x) + l;

            seg_dropout_draw (SEG_DROPOUT (layer), run, &to->shape,
                              (guint) (to->blocks[b].channel + l), piece->sample, y, x, n, factors);
            for (gsize i = 0; i < n; i++, a += lanes, c += lanes)
              *c = add ? *c + *a * factors[i] : *a * factors[i];
          }
}

static void
seg_dropout_forward (SegLayer *layer, const SegRun *run, const SegView *in, guint n_in,
                     SegView *out, const SegPiece *piece)
{
  (void) n_in;
  seg_dropout_apply (layer, run, in, out, FALSE, piece);
}

static void
seg_dropout_backward_input (SegLayer *layer, const SegRun *run, const SegView *in, guint n_in,
                            const SegView *out, const SegView *dout, guint input, SegView *din,
                            const SegPiece *piece)
{
  (void) in, (void) n_in, (void) out, (void) input;
  seg_dropout_apply (layer, run, dout, din, TRUE, piece);
}

static void
seg_dropout_class_init (SegDropoutClass *klass)
{
  SegLayerClass *layer = SEG_LAYER_CLASS (klass);

  layer->flags = SEG_LAYER_TRAINING_ONLY | SEG_LAYER_DROPS_INPUT | SEG_LAYER_DROPS_OUTPUT
                 | SEG_LAYER_CHEAP;
  layer->layout = seg_layer_layout_alike;
  layer->forward = seg_dropout_forward;
  layer->backward_input = seg_dropout_backward_input;
  seg_layer_class_set_info (layer, "Dropout", "Srivastava et al. 2014, JMLR 15");
  seg_class_add_float (klass, "p", G_STRUCT_OFFSET (SegDropout, p), 0.f, 0.95f, 0.5f,
                       "Probability that a number becomes zero");
  seg_class_add_boolean (klass, "whole-channels", G_STRUCT_OFFSET (SegDropout, whole_channels),
                         FALSE, "Draw once for each channel, not for each number");
}

static void
seg_dropout_init (SegDropout *self)
{
  (void) self;
}
