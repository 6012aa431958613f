/* What batch norm does with maps, forward and backward, alone or as a step that has taken over what
 * follows: the sum of a residual unit, and a clamp. */
#include "batch-norm.h"
#include "norm-rows.h"

#include <math.h>
#include <string.h>

/* Pixels whose gradients, of what came through the clamp, stay on the thread's stack. */
#define COLUMNS 32

typedef struct
{
  SegStep step;
  gboolean adds; /* input 1, before the clamp */
  float lo, hi;
} SegBatchNormStep;

/* For the layer alone. */
static const SegBatchNormStep alone = { .lo = -INFINITY, .hi = INFINITY };

/* ---- forward ----------------------------------------------------------------------------- */

static void
seg_batch_norm_run_row (const SegBatchNormStep *step, const SegKernels *kernels,
                        const SegKernelPrologue *affine, gint lanes, gsize n, const float *x,
                        const float *add, float *y)
{
  if (lanes == 1)
    kernels->affine (n, x, affine->scale[0], affine->shift[0], y);
  else
    kernels->prologue (n, x, affine, y);
  if (add != NULL || (lanes == 1 && (step->lo > -INFINITY || step->hi < INFINITY)))
    kernels->finish (n * (gsize) lanes, add, step->lo, step->hi, y);
}

static void
seg_batch_norm_run (const SegBatchNormStep *step, SegBatchNorm *layer, const SegRun *run,
                    const SegView *in, SegView *out, const SegPiece *piece)
{
  const SegRect *r = &piece->rect;

  for (guint b = piece->block; b < piece->block + piece->n_blocks; b++)
    {
      float scale[SEG_KERNEL_MAX_LANES] = { 0 }, shift[SEG_KERNEL_MAX_LANES] = { 0 };
      SegKernelPrologue affine = { scale, shift, step->adds ? -INFINITY : step->lo,
                                   step->adds ? INFINITY : step->hi };

      for (gint32 l = 0; l < in->blocks[b].n_channels; l++)
        {
          SegBatchNormChannel c
              = seg_batch_norm_get_channel (layer, run, &in->shape, in->blocks[b].channel + l);
          scale[l] = c.scale;
          shift[l] = c.shift;
        }
      for (gint64 y = r->y; y < r->y + r->h; y++)
        seg_batch_norm_run_row (step, run->kernels, &affine, in->blocks[b].lanes, (gsize) r->w,
                                seg_view_at (in, b, piece->sample, y, r->x),
                                step->adds ? seg_view_at (&in[1], b, piece->sample, y, r->x) : NULL,
                                seg_view_at (out, b, piece->sample, y, r->x));
    }
}

/* ---- through the clamp --------------------------------------------------------------------- */

/* A block's channels, lane by lane. */
typedef struct
{
  float scale[SEG_KERNEL_MAX_LANES], shift[SEG_KERNEL_MAX_LANES], mean[SEG_KERNEL_MAX_LANES];
} SegBatchNormLanes;

static SegBatchNormLanes
seg_batch_norm_get_lanes (SegBatchNorm *layer, const SegRun *run, const SegView *in, guint b)
{
  SegBatchNormLanes lanes = { { 0 }, { 0 }, { 0 } };

  for (gint32 l = 0; l < in->blocks[b].n_channels; l++)
    {
      SegBatchNormChannel c
          = seg_batch_norm_get_channel (layer, run, &in->shape, in->blocks[b].channel + l);
      lanes.scale[l] = c.scale;
      lanes.shift[l] = c.shift;
      lanes.mean[l] = (float) c.mean;
    }
  return lanes;
}

/* The gradient in front of the clamp, of up to COLUMNS pixels: @dy, or in @buffer what of it came
 * through. What the clamp saw is told by its output @y where something was added, and else by the
 * input. */
static const float *
seg_batch_norm_unclamp (const SegBatchNormStep *step, const SegKernels *kernels,
                        const SegBatchNormLanes *of, gint lanes, gint64 n, const float *x,
                        const float *y, const float *dy, float *buffer)
{
  SegKernelPrologue clamp = { step->adds ? NULL : of->scale, of->shift, step->lo, step->hi };

  if (!(step->lo > -INFINITY || step->hi < INFINITY))
    return dy;
  seg_norm_unclamp (kernels, lanes, n, step->adds ? y : x, &clamp, dy, buffer);
  return buffer;
}

/* ---- sums ---------------------------------------------------------------------------------- */

/* Σ dy and Σ dy·(x - mean) of one row of block @b. */
static void
seg_batch_norm_sum_gradient (const SegBatchNormStep *step, const SegKernels *kernels,
                             const SegBatchNormLanes *of, const SegView *in, const SegView *out,
                             const SegView *dout, guint b, gint64 sample, gint64 y, double *sum,
                             double *product)
{
  gint lanes = in->blocks[b].lanes;
  float buffer[COLUMNS * SEG_KERNEL_MAX_LANES];

  for (gint64 x = 0; x < in->shape.w; x += COLUMNS)
    {
      gint64 n = MIN (COLUMNS, in->shape.w - x);
      const float *from = seg_view_at (in, b, sample, y, x);
      const float *dy = seg_batch_norm_unclamp (
          step, kernels, of, lanes, n, from,
          step->adds ? seg_view_at (out, b, sample, y, x) : NULL,
          seg_view_at (dout, b, sample, y, x), buffer);

      seg_norm_sum_gradient (kernels, lanes, n, from, dy, of->mean, sum, product);
    }
}

/* Forward: Σ x and Σ x². Backward: Σ dy and Σ dy·(x - mean). Two numbers for each channel. */
static void
seg_batch_norm_sum (const SegBatchNormStep *step, SegBatchNorm *layer, SegPhase phase,
                    const SegRun *run, const SegView *in, const SegView *out, const SegView *dout,
                    gint64 sample, gint64 y, double *sums)
{
  for (guint b = 0; b < in->n_blocks; b++)
    {
      const SegChannelBlock *block = &in->blocks[b];
      double first[SEG_KERNEL_MAX_LANES] = { 0 }, second[SEG_KERNEL_MAX_LANES] = { 0 };

      if (phase == SEG_PHASE_FORWARD)
        seg_norm_sum (run->kernels, block->lanes, in->shape.w, seg_view_at (in, b, sample, y, 0),
                      first, second);
      else
        {
          SegBatchNormLanes of = seg_batch_norm_get_lanes (layer, run, in, b);
          seg_batch_norm_sum_gradient (step, run->kernels, &of, in, out, dout, b, sample, y, first,
                                       second);
        }
      for (gint32 l = 0; l < block->n_channels; l++)
        {
          sums[2 * (block->channel + l)] += first[l];
          sums[2 * (block->channel + l) + 1] += second[l];
        }
    }
}

/* ---- backward ------------------------------------------------------------------------------ */

/* dx = weight / deviation · (dy - Σ dy / n - x̂ · Σ dy·x̂ / n): the paper's three partial
 * derivatives put together. With eps outside, the last x̂ is (x - mean) / √variance. Running
 * statistics do not move with x, and only the first term is left. */
static SegKernelNormGradient
seg_batch_norm_get_gradient (SegBatchNorm *layer, const SegRun *run, const SegView *in, guint b)
{
  SegKernelNormGradient of = { { 0 }, { 0 }, { 0 }, { 0 } };

  for (gint32 l = 0; l < in->blocks[b].n_channels; l++)
    {
      SegBatchNormChannel c
          = seg_batch_norm_get_channel (layer, run, &in->shape, in->blocks[b].channel + l);
      of.center[l] = (float) c.mean;
      of.scale[l] = c.weight * (float) c.inverse;
      of.mean[l] = of.scale[l] * c.mean_dy;
      of.slope[l] = of.scale[l] * c.slope;
    }
  return of;
}

static void
seg_batch_norm_go_back (const SegBatchNormStep *step, SegBatchNorm *layer, const SegRun *run,
                        const SegView *in, const SegView *out, const SegView *dout, guint input,
                        SegView *din, const SegPiece *piece)
{
  const SegRect *r = &piece->rect;
  gint64 s = piece->sample;
  float buffer[COLUMNS * SEG_KERNEL_MAX_LANES];

  for (guint b = piece->block; b < piece->block + piece->n_blocks; b++)
    {
      SegBatchNormLanes of = seg_batch_norm_get_lanes (layer, run, in, b);
      SegKernelNormGradient gradient = seg_batch_norm_get_gradient (layer, run, in, b);
      gint lanes = in->blocks[b].lanes;

      for (gint64 y = r->y; y < r->y + r->h; y++)
        for (gint64 x = r->x; x < r->x + r->w; x += COLUMNS)
          {
            gint64 n = MIN (COLUMNS, r->x + r->w - x);
            const float *from = seg_view_at (in, b, s, y, x);
            const float *dy = seg_batch_norm_unclamp (
                step, run->kernels, &of, lanes, n, from,
                step->adds ? seg_view_at (out, b, s, y, x) : NULL, seg_view_at (dout, b, s, y, x),
                buffer);
            float *dx = seg_view_at (din, b, s, y, x);

            if (input == 0)
              seg_norm_gradient (run->kernels, lanes, n, &gradient, from, dy,
                                 run->sets ? NULL : dx, dx);
            else if (run->sets)
              memcpy (dx, dy, (gsize) (n * lanes) * sizeof *dx);
            else
              run->kernels->add ((gsize) (n * lanes), dx, dy, dx);
          }
    }
}

/* With running statistics nothing has been summed. */
static void
seg_batch_norm_add_row (const SegBatchNormStep *step, SegBatchNorm *layer, const SegRun *run,
                        const SegView *in, const SegView *out, const SegView *dout, gint64 row,
                        float *const *dparams)
{
  for (guint b = 0; b < in->n_blocks; b++)
    {
      SegBatchNormLanes of = seg_batch_norm_get_lanes (layer, run, in, b);
      double dy[SEG_KERNEL_MAX_LANES] = { 0 }, product[SEG_KERNEL_MAX_LANES] = { 0 };

      seg_batch_norm_sum_gradient (step, run->kernels, &of, in, out, dout, b, row / in->shape.h,
                                   row % in->shape.h, dy, product);
      for (gint32 l = 0, c = in->blocks[b].channel; l < in->blocks[b].n_channels; l++, c++)
        {
          double inverse = seg_batch_norm_get_channel (layer, run, &in->shape, c).inverse;

          dparams[0][c] += (float) (product[l] * inverse);
          dparams[1][c] += (float) dy[l];
        }
    }
}

/* The sums of the whole map are the gradients: the first piece adds them for all. */
static void
seg_batch_norm_add_params (const SegBatchNormStep *step, SegBatchNorm *layer, const SegRun *run,
                           const SegView *in, const SegView *out, const SegView *dout,
                           const SegParamPiece *piece, float *const *dparams)
{
  if (!layer->affine)
    return;
  if (run->stats == NULL)
    for (gint64 row = piece->row0; row < piece->row1; row++)
      seg_batch_norm_add_row (step, layer, run, in, out, dout, row, dparams);
  else if (piece->row0 == 0 && piece->row1 > 0)
    for (gint32 c = 0; c < in->shape.c; c++)
      {
        float dweight, dbias;

        seg_batch_norm_get_sums (run, &in->shape, c, &dweight, &dbias);
        dparams[0][c] += dweight;
        dparams[1][c] += dbias;
      }
}

/* ---- the layer alone ------------------------------------------------------------------------ */

static void
seg_batch_norm_forward (SegLayer *layer, const SegRun *run, const SegView *in, guint n_in,
                        SegView *out, const SegPiece *piece)
{
  (void) n_in;
  seg_batch_norm_run (&alone, SEG_BATCH_NORM (layer), run, in, out, piece);
}

static void
seg_batch_norm_sum_row (SegLayer *layer, SegPhase phase, const SegRun *run, const SegView *in,
                        guint n_in, const SegView *dout, gint64 sample, gint64 y, double *sums)
{
  (void) n_in;
  seg_batch_norm_sum (&alone, SEG_BATCH_NORM (layer), phase, run, in, NULL, dout, sample, y, sums);
}

static void
seg_batch_norm_backward_input (SegLayer *layer, const SegRun *run, const SegView *in, guint n_in,
                               const SegView *out, const SegView *dout, guint input, SegView *din,
                               const SegPiece *piece)
{
  (void) n_in;
  seg_batch_norm_go_back (&alone, SEG_BATCH_NORM (layer), run, in, out, dout, input, din, piece);
}

static void
seg_batch_norm_backward_params (SegLayer *layer, const SegRun *run, const SegView *in, guint n_in,
                                const SegView *out, const SegView *dout,
                                const SegParamPiece *piece, float *const *dparams)
{
  (void) n_in;
  seg_batch_norm_add_params (&alone, SEG_BATCH_NORM (layer), run, in, out, dout, piece, dparams);
}

/* ---- with what follows ---------------------------------------------------------------------- */

static void
seg_batch_norm_step_run (const SegStep *step, const SegRun *run, const SegView *in, guint n_in,
                         SegView *out, const SegPiece *piece)
{
  (void) n_in;
  seg_batch_norm_run ((const SegBatchNormStep *) step, SEG_BATCH_NORM (step->layer), run, in, out,
                      piece);
}

static void
seg_batch_norm_step_sum_row (const SegStep *step, SegPhase phase, const SegRun *run,
                             const SegView *in, guint n_in, const SegView *out,
                             const SegView *dout, gint64 sample, gint64 y, double *sums)
{
  (void) n_in;
  seg_batch_norm_sum ((const SegBatchNormStep *) step, SEG_BATCH_NORM (step->layer), phase, run,
                      in, out, dout, sample, y, sums);
}

static void
seg_batch_norm_step_backward_input (const SegStep *step, const SegRun *run, const SegView *in,
                                    guint n_in, const SegView *out, const SegView *dout,
                                    guint input, SegView *din, const SegPiece *piece)
{
  (void) n_in;
  seg_batch_norm_go_back ((const SegBatchNormStep *) step, SEG_BATCH_NORM (step->layer), run, in,
                          out, dout, input, din, piece);
}

static void
seg_batch_norm_step_backward_params (const SegStep *step, const SegRun *run, const SegView *in,
                                     guint n_in, const SegView *out, const SegView *dout,
                                     const SegParamPiece *piece, float *const *dparams)
{
  (void) n_in;
  seg_batch_norm_add_params ((const SegBatchNormStep *) step, SEG_BATCH_NORM (step->layer), run, in,
                             out, dout, piece, dparams);
}

/* A sum, a clamp, or both in this order; the two are made again together, unless there is a sum, whose
 * other part would have to be made again, too. */
static SegStep *
seg_batch_norm_compile (SegLayer *layer, const SegOffer *offer, GError **error)
{
  SegBatchNormStep *step;
  (void) layer, (void) error;

  if (offer->n_after == 0)
    return NULL;
  step = g_new0 (SegBatchNormStep, 1);
  *step = alone;
  for (guint i = 0; i < offer->n_after; i++)
    if (offer->after[i].kind == SEG_POST_ADD)
      step->adds = TRUE;
    else
      SEG_ELEMENTWISE_GET_CLASS (offer->after[i].layer)
          ->as_clamp (offer->after[i].layer, &step->lo, &step->hi);
  step->step.run = seg_batch_norm_step_run;
  step->step.sum_row = seg_batch_norm_step_sum_row;
  step->step.backward_input = seg_batch_norm_step_backward_input;
  step->step.backward_params = seg_batch_norm_step_backward_params;
  step->step.free = (void (*) (SegStep *)) g_free;
  step->step.channel_grain = step->step.back_channel_grain = 1;
  step->step.sets_input = TRUE;
  step->step.flags = step->adds ? 0 : SEG_LAYER_DROPS_OUTPUT | SEG_LAYER_CHEAP;
  return &step->step;
}

void
seg_batch_norm_class_init_passes (SegLayerClass *layer)
{
  layer->absorbs_training = SEG_POST_ADD | SEG_POST_ELEMENTWISE;
  layer->flags = SEG_LAYER_DROPS_OUTPUT | SEG_LAYER_CHEAP;
  layer->layout = seg_layer_layout_alike;
  layer->forward = seg_batch_norm_forward;
  layer->backward_input = seg_batch_norm_backward_input;
  layer->backward_params = seg_batch_norm_backward_params;
  layer->sum_row = seg_batch_norm_sum_row;
  layer->compile = seg_batch_norm_compile;
}
