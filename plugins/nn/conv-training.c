#include "conv-training.h"

#include <math.h>

#include "direct-gradient.h"
#include "winograd-conv.h"
#include "winograd-gradient.h"

/* Gradients of parameters are worked out in at least so many tasks, if there is enough to do: by
 * ranges of output channels, and where these are few by rows of the batch, too. Each slot of rows
 * sums into memory of its own, so there are no more of them than that needs. */
#define SEG_CONV_TRAINING_TASKS 8
#define SEG_CONV_TRAINING_ROWS 8 /* of a slot, at least */
#define SEG_CONV_TRAINING_CHANNELS 64

/* One direction, by Winograd or directly, which always adds going back. */
typedef struct
{
  gint tile; /* 0: directly */
  SegWinogradConv winograd;
  SegDirectConv direct;
} SegConvPass;

typedef struct
{
  SegStep step;
  SegConvPass forward, back;
  gboolean transposed, bias;
  gint64 groups;
  SegBlocking out_blocking;
  gint tile; /* of the gradient of the weights; 0: directly */
  SegWinogradGradient winograd;
  SegDirectGradient direct;
} SegConvTrainingStep;

static const SegConvPosts seg_conv_no_posts
    = { NULL, 0, TRUE, -1, -(float) INFINITY, (float) INFINITY };

/* ---- one direction ----------------------------------------------------------------------- */

static guint
seg_conv_pass_n_panels (const SegConvPass *self)
{
  return self->tile > 0 ? seg_winograd_conv_n_panels (&self->winograd)
                        : seg_direct_conv_n_panels (&self->direct);
}

static void
seg_conv_pass_pack_panel (const SegConvPass *self, guint panel, const float *weights,
                          const float *bias, float *packed)
{
  if (panel >= seg_conv_pass_n_panels (self))
    return;
  if (self->tile > 0)
    seg_winograd_conv_pack_panel (&self->winograd, panel, weights, bias, packed);
  else
    seg_direct_conv_pack_panel (&self->direct, panel, weights, bias, packed);
}

static void
seg_conv_pass_run (const SegConvPass *self, const SegRun *run, gboolean adds, const SegView *in,
                   SegView *out, const SegPiece *piece)
{
  if (self->tile > 0)
    seg_winograd_conv_run (&self->winograd, run->shared, adds, &seg_conv_no_posts, in, out, piece,
                           run->scratch);
  else
    seg_direct_conv_run (&self->direct, run->shared, &seg_conv_no_posts, in, out, piece,
                         run->scratch);
}

static gsize
seg_conv_pass_packed_bytes (const SegConvPass *self)
{
  return self->tile > 0 ? seg_winograd_conv_packed_bytes (&self->winograd)
                        : seg_direct_conv_packed_bytes (&self->direct);
}

static gsize
seg_conv_pass_scratch_bytes (const SegConvPass *self)
{
  return self->tile > 0 ? seg_winograd_conv_scratch_bytes (&self->winograd)
                        : seg_direct_conv_scratch_bytes (&self->direct);
}

static guint
seg_conv_pass_get_grain (const SegConvPass *self)
{
  return self->tile > 0 ? seg_winograd_conv_get_grain (&self->winograd)
                        : seg_direct_conv_get_grain (&self->direct);
}

static void
seg_conv_pass_clear (SegConvPass *self)
{
  if (self->tile > 0)
    seg_winograd_conv_clear (&self->winograd);
  else
    seg_direct_conv_clear (&self->direct);
}

/* ---- the step ---------------------------------------------------------------------------- */

static void
seg_conv_training_run (const SegStep *step, const SegRun *run, const SegView *in, guint n_in,
                       SegView *out, const SegPiece *piece)
{
  const SegConvTrainingStep *self = (const SegConvTrainingStep *) step;

  (void) n_in;
  seg_conv_pass_run (&self->forward, run, FALSE, in, out, piece);
}

static void
seg_conv_training_prepare (const SegStep *step, const SegRun *run, SegPhase phase, guint task)
{
  const SegConvTrainingStep *self = (const SegConvTrainingStep *) step;

  if (phase == SEG_PHASE_FORWARD)
    seg_conv_pass_pack_panel (&self->forward, task, run->params[0],
                              self->bias ? run->params[1] : NULL, run->shared);
  else
    seg_conv_pass_pack_panel (&self->back, task, run->params[0], NULL, run->shared);
}

static void
seg_conv_training_backward_input (const SegStep *step, const SegRun *run, const SegView *in,
                                  guint n_in, const SegView *out, const SegView *dout, guint input,
                                  SegView *din, const SegPiece *piece)
{
  const SegConvTrainingStep *self = (const SegConvTrainingStep *) step;

  (void) in, (void) n_in, (void) out, (void) input;
  seg_conv_pass_run (&self->back, run, !run->sets, dout, din, piece);
}

/* db[k] = Σ dy[k], each row in single precision, rows of a piece in double. */
static void
seg_conv_training_sum_bias (const SegView *dout, const SegParamPiece *piece, guint block,
                            float *dbias)
{
  const SegChannelBlock *b = &dout->blocks[block];
  double sums[SEG_KERNEL_MAX_LANES] = { 0 };
  SegParamPiece rest = *piece;
  gint64 sample, y0, y1, lanes = b->lanes;

  while (seg_param_piece_take (&rest, dout->shape.h, &sample, &y0, &y1))
    for (gint64 y = y0; y < y1; y++)
      {
        const float *dy = seg_view_at (dout, block, sample, y, 0);
        float row[SEG_KERNEL_MAX_LANES] = { 0 };

        for (gint64 x = 0; x < dout->shape.w; x++, dy += lanes)
          for (gint64 l = 0; l < lanes; l++)
            row[l] += dy[l];
        for (gint64 l = 0; l < lanes; l++)
          sums[l] += (double) row[l];
      }
  for (gint64 l = 0; l < b->n_channels; l++)
    dbias[b->channel + l] = (float) sums[l];
}

/* A transposed convolution's input has other rows than its output: the same share of each sample. */
static gint64
seg_conv_training_scale_row (gint64 row, gint64 height, gint64 other)
{
  return row / height * other + row % height * other / height;
}

static void
seg_conv_training_backward_params (const SegStep *step, const SegRun *run, const SegView *in,
                                   guint n_in, const SegView *out, const SegView *dout,
                                   const SegParamPiece *piece, float *const *dparams)
{
  const SegConvTrainingStep *self = (const SegConvTrainingStep *) step;
  gint64 h = out->shape.h, other = in->shape.h;

  (void) n_in;
  for (guint b = piece->block; self->bias && b < piece->block + piece->n_blocks; b++)
    seg_conv_training_sum_bias (dout, piece, b, dparams[1]);
  if (self->tile > 0)
    seg_winograd_gradient_run (&self->winograd, in, dout, piece, dparams[0], run->scratch);
  else if (self->transposed)
    seg_direct_gradient_run (&self->direct, in, dout,
                             seg_conv_training_scale_row (piece->row0, h, other),
                             seg_conv_training_scale_row (piece->row1, h, other), 0, in->n_blocks,
                             piece->block, piece->n_blocks, dparams[0], run->scratch);
  else
    seg_direct_gradient_run (&self->direct, dout, in, piece->row0, piece->row1, piece->block,
                             piece->n_blocks, 0, in->n_blocks, dparams[0], run->scratch);
}

static void
seg_conv_training_split_params (const SegStep *step, const SegShape *in, guint n_in,
                                const SegShape *out, guint *n_slots, guint *grain)
{
  const SegConvTrainingStep *self = (const SegConvTrainingStep *) step;
  const SegBlocking *blocks = &self->out_blocking;
  gint64 n_ranges = 1, most = out->n * MIN (out->h, in->h) / SEG_CONV_TRAINING_ROWS;

  (void) n_in;
  *grain = 0;
  if (self->groups == 1)
    {
      *grain = self->tile > 0 ? (guint) self->winograd.grain
                                      : SEG_CONV_TRAINING_CHANNELS / (guint) blocks->lanes;
      n_ranges = (blocks->n_blocks + *grain - 1) / *grain;
    }
  *n_slots = (guint) CLAMP (SEG_CONV_TRAINING_TASKS / n_ranges, 1, MAX (most, 1));
}

static void
seg_conv_training_free (SegStep *step)
{
  SegConvTrainingStep *self = (SegConvTrainingStep *) step;

  seg_conv_pass_clear (&self->forward);
  seg_conv_pass_clear (&self->back);
  g_free (self);
}

/* ---- compiling --------------------------------------------------------------------------- */

static void
seg_conv_training_init_forward (SegConvTrainingStep *self, const SegOffer *offer,
                                const SegConvSpec *spec, gint64 out_channels, gint tile)
{
  SegWinogradConv *conv = &self->forward.winograd;
  SegOffer at_border = *offer; /* nobody waits for a tile, and the fewest cover a map from there */

  self->forward.tile = tile;
  at_border.asked = (SegRect){ 0 };
  if (tile > 0)
    {
      seg_winograd_conv_init (conv, &at_border, tile, out_channels, spec->v.padding,
                              spec->h.padding);
      self->step.grid_y = self->step.grid_x = (guint16) tile;
    }
  else if (self->transposed)
    seg_direct_conv_init_scatter (&self->forward.direct, offer, spec, out_channels);
  else
    seg_direct_conv_init_gather (&self->forward.direct, offer, spec, out_channels);
}

/* The same with weights transposed: from the output's gradient to the input's. */
static void
seg_conv_training_init_back (SegConvTrainingStep *self, const SegOffer *offer,
                             const SegConvSpec *spec, gint64 in_channels, gint tile)
{
  SegWinogradConv *conv = &self->back.winograd;

  self->back.tile = tile;
  if (tile > 0)
    {
      seg_winograd_conv_init (conv, offer, tile, in_channels, 2 - spec->v.padding,
                              2 - spec->h.padding);
      conv->transposed = self->step.sets_input = TRUE;
      self->step.back_grid = (guint) tile;
      return;
    }
  if (self->transposed)
    seg_direct_conv_init_gather (&self->back.direct, offer, spec, in_channels);
  else
    seg_direct_conv_init_scatter (&self->back.direct, offer, spec, in_channels);
  seg_direct_conv_set_adds (&self->back.direct);
}

static void
seg_conv_training_init_weights (SegConvTrainingStep *self, const SegOffer *offer,
                                const SegConvSpec *spec, gint64 out_channels, gint tile)
{
  gint64 n_in = offer->in[0].c / spec->groups, n_out = out_channels / spec->groups;
  const SegBlocking *in_blocking = &offer->in_blocking[0], *out_blocking = &offer->out_blocking;

  self->tile = tile;
  if (tile > 0)
    seg_winograd_gradient_init (&self->winograd, offer, tile, spec->v.padding, spec->h.padding);
  else if (self->transposed)
    seg_direct_gradient_init (&self->direct, offer->kernels, spec, n_in, in_blocking, n_out,
                              out_blocking);
  else
    seg_direct_gradient_init (&self->direct, offer->kernels, spec, n_out, out_blocking, n_in,
                              in_blocking);
}

/**
 * seg_conv_training_step_new: (skip)
 * @spec: the convolution, or what it is the transpose of
 * @back: the same, but for whether windows reach over the border going back
 * @transposed: it is the transpose
 * @bias: whether there is one
 * @tiles: how each of the three is computed
 */
SegStep *
seg_conv_training_step_new (const SegOffer *offer, const SegConvSpec *spec, const SegConvSpec *back,
                            gboolean transposed, gint64 out_channels, gboolean bias,
                            SegConvTiles tiles)
{
  static const char *const names[] = { "direct", NULL, "Winograd 2×2", NULL, "Winograd 4×4" };
  SegConvTrainingStep *self = g_new0 (SegConvTrainingStep, 1);
  SegShape dout = { offer->in[0].n, out_channels, 0, 0 };
  SegOffer back_offer = { .purpose = offer->purpose, .kernels = offer->kernels, .in = &dout,
                          .n_in = 1, .in_blocking = &offer->out_blocking,
                          .out_blocking = offer->in_blocking[0], .stride = offer->stride };
  SegStep *step = &self->step;

  g_return_val_if_fail (offer->n_after == 0 && offer->n_before == 0, NULL);

  self->transposed = transposed;
  self->bias = bias;
  self->groups = spec->groups;
  self->out_blocking = offer->out_blocking;
  seg_conv_training_init_forward (self, offer, spec, out_channels, tiles.forward);
  seg_conv_training_init_back (self, &back_offer, back, offer->in[0].c, tiles.back);
  seg_conv_training_init_weights (self, offer, spec, out_channels, tiles.weights);

  step->run = seg_conv_training_run;
  step->prepare = seg_conv_training_prepare;
  step->backward_input = seg_conv_training_backward_input;
  step->split_params = seg_conv_training_split_params;
  step->backward_params = seg_conv_training_backward_params;
  step->sets_params = TRUE;
  step->free = seg_conv_training_free;
  step->kernel = names[tiles.forward];
  step->channel_grain = seg_conv_pass_get_grain (&self->forward);
  step->back_channel_grain = seg_conv_pass_get_grain (&self->back);
  step->n_prepare = MAX (seg_conv_pass_n_panels (&self->forward),
                         seg_conv_pass_n_panels (&self->back));
  step->shared_bytes = MAX (seg_conv_pass_packed_bytes (&self->forward),
                            seg_conv_pass_packed_bytes (&self->back));
  step->scratch_bytes = MAX (seg_conv_pass_scratch_bytes (&self->forward),
                             seg_conv_pass_scratch_bytes (&self->back));
  step->scratch_bytes = MAX (step->scratch_bytes,
                             self->tile > 0 ? seg_winograd_gradient_scratch_bytes (&self->winograd)
                                            : seg_direct_gradient_scratch_bytes (&self->direct));
  return step;
}
