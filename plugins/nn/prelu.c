#include "blocks.h"
#include "nn.h"

struct _SegPrelu
{
  SegLayer parent_instance;
  gboolean shared;
};

G_DEFINE_FINAL_TYPE (SegPrelu, seg_prelu, SEG_TYPE_LAYER)

/**
 * SegPrelu:
 *
 * Negative numbers are multiplied by a trained slope: one for all channels, or one for each. NaN
 * stays NaN.
 * Shapes: x (N, C, H, W), weight (1) or (C) → as x.
 * Source: He et al. 2015, Delving deep into rectifiers, eq. 1 and 4, arXiv:1502.01852
 * Halo: none
 * Kept for backward: the input
 */

/* Not SEG_ROLE_WEIGHT: decay would turn the slope into an ordinary ReLU's, the authors say. */
static void
seg_prelu_declare (SegLayer *layer, const SegShape *in, guint n_in, SegParamSet *params)
{
  SegInit quarter = { SEG_INIT_CONSTANT, 0.25f, 0, 0 };
  (void) n_in;

  seg_param_set_add (params, "weight", SEG_ROLE_BIAS, SEG_DTYPE_F32, quarter, 1,
                     SEG_PRELU (layer)->shared ? (gint64) 1 : in[0].c);
}

/* Each lane has its slope. A sum of two clamps: of a choice between results GCC makes no vector
 * code. */
static inline void
seg_prelu_run (gint lanes, gint64 n, const float *slopes, const float *restrict x,
               float *restrict y)
{
  if (lanes == 1)
    {
      float slope = slopes[0];
#pragma omp simd
      for (gint64 i = 0; i < n; i++)
        y[i] = (x[i] < 0.f ? 0.f : x[i]) + slope * (x[i] > 0.f ? 0.f : x[i]);
      return;
    }
  for (gint64 i = 0; i < n; i++, x += lanes, y += lanes)
#pragma omp simd
    for (gint l = 0; l < lanes; l++)
      y[l] = (x[l] < 0.f ? 0.f : x[l]) + slopes[l] * (x[l] > 0.f ? 0.f : x[l]);
}

/* Of a block's channels. */
static void
seg_prelu_get_slopes (SegLayer *layer, const SegRun *run, const SegChannelBlock *block,
                      float *slopes)
{
  const float *weight = run->params[0];

  for (gint32 l = 0; l < block->n_channels; l++)
    slopes[l] = weight[SEG_PRELU (layer)->shared ? 0 : block->channel + l];
}

static void
seg_prelu_forward (SegLayer *layer, const SegRun *run, const SegView *in, guint n_in, SegView *out,
                   const SegPiece *piece)
{
  const SegRect *r = &piece->rect;
  (void) n_in;

  for (guint b = piece->block; b < piece->block + piece->n_blocks; b++)
    {
      float slopes[SEG_KERNEL_MAX_LANES] = { 0 };

      seg_prelu_get_slopes (layer, run, &in->blocks[b], slopes);
      for (gint64 y = r->y; y < r->y + r->h; y++)
        SEG_CALL_WITH_LANES (in->blocks[b].lanes, seg_prelu_run, r->w, slopes,
                             seg_view_at (in, b, piece->sample, y, r->x),
                             seg_view_at (out, b, piece->sample, y, r->x));
    }
}

static inline void
seg_prelu_add_gradient (gint lanes, gint64 n, const float *slopes, const float *restrict x,
                        const float *restrict dy, float *restrict dx)
{
  for (gint64 i = 0; i < n; i++, x += lanes, dy += lanes, dx += lanes)
#pragma omp simd
    for (gint l = 0; l < lanes; l++)
      dx[l] += x[l] > 0.f ? dy[l] : slopes[l] * dy[l];
}

static void
seg_prelu_backward_input (SegLayer *layer, const SegRun *run, const SegView *in, guint n_in,
                          const SegView *out, const SegView *dout, guint input, SegView *din,
                          const SegPiece *piece)
{
  const SegRect *r = &piece->rect;
  (void) n_in, (void) out, (void) input;

  for (guint b = piece->block; b < piece->block + piece->n_blocks; b++)
    {
      float slopes[SEG_KERNEL_MAX_LANES] = { 0 };

      seg_prelu_get_slopes (layer, run, &in->blocks[b], slopes);
      for (gint64 y = r->y; y < r->y + r->h; y++)
        SEG_CALL_WITH_LANES (in->blocks[b].lanes, seg_prelu_add_gradient, r->w, slopes,
                             seg_view_at (in, b, piece->sample, y, r->x),
                             seg_view_at (dout, b, piece->sample, y, r->x),
                             seg_view_at (din, b, piece->sample, y, r->x));
    }
}

/* Σ dy·x of a row where x is not positive */
static inline void
seg_prelu_sum (gint lanes, gint64 n, const float *restrict x, const float *restrict dy,
               double *restrict sum)
{
  for (gint64 i = 0; i < n; i++, x += lanes, dy += lanes)
#pragma omp simd
    for (gint l = 0; l < lanes; l++)
      sum[l] += x[l] > 0.f ? 0. : (double) dy[l] * (double) x[l];
}

static void
seg_prelu_backward_params (SegLayer *layer, const SegRun *run, const SegView *in, guint n_in,
                           const SegView *out, const SegView *dout, const SegParamPiece *piece,
                           float *const *dparams)
{
  gboolean shared = SEG_PRELU (layer)->shared;
  double all = 0.;
  (void) run, (void) n_in, (void) out;

  for (guint b = piece->block; b < piece->block + piece->n_blocks; b++)
    {
      const SegChannelBlock *block = &in->blocks[b];
      double sum[SEG_KERNEL_MAX_LANES] = { 0 };

      for (gint64 row = piece->row0; row < piece->row1; row++)
        SEG_CALL_WITH_LANES (block->lanes, seg_prelu_sum, in->shape.w,
                             seg_view_at (in, b, row / in->shape.h, row % in->shape.h, 0),
                             seg_view_at (dout, b, row / in->shape.h, row % in->shape.h, 0), sum);
      for (gint32 l = 0; l < block->n_channels; l++)
        if (shared)
          all += sum[l];
        else
          dparams[0][block->channel + l] += (float) sum[l];
    }
  if (shared)
    dparams[0][0] += (float) all;
}

static void
seg_prelu_class_init (SegPreluClass *klass)
{
  SegLayerClass *layer = SEG_LAYER_CLASS (klass);

  layer->declare = seg_prelu_declare;
  layer->layout = seg_layer_layout_alike;
  layer->forward = seg_prelu_forward;
  layer->backward_input = seg_prelu_backward_input;
  layer->backward_params = seg_prelu_backward_params;
  layer->flags = SEG_LAYER_DROPS_OUTPUT | SEG_LAYER_CHEAP;
  seg_layer_class_set_info (layer, "Parametric ReLU", "He et al. 2015, arXiv:1502.01852");
  seg_class_add_boolean (klass, "shared", G_STRUCT_OFFSET (SegPrelu, shared), TRUE,
                         "One slope for all channels, not one for each");
}

static void
seg_prelu_init (SegPrelu *self)
{
  (void) self;
}
