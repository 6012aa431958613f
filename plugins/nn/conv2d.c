#include "conv-training.h"
#include "nn.h"
#include "winograd-conv.h"

/**
 * SegConv2d:
 *
 * Convolution (cross-correlation, as everywhere in the field) with any kernel, stride, zero
 * padding, dilation and groups.
 * Shapes: x (N, C, H, W), weight (K, C / groups, R, S), bias (K) → (N, K, H', W'), H' and W' as
 * PyTorch's Conv2d.
 * Source: LeCun et al. 1989; names and sizes PyTorch 1.13 `torch.nn.Conv2d`. Initial weights: He
 * et al. 2015, arXiv 1502.01852, eq. 10, uniform; bias zero.
 * Halo: padding on the left and above, dilation · (kernel − 1) − padding on the right and below.
 *   3×3 kernels may be computed by Winograd, in tiles of a grid fixed in the map: the last bits of a
 *   pixel, and NaN where an input is NaN or infinite, then depend on all of its tile.
 * Kept for backward: its input.
 */
struct _SegConv2d
{
  SegWindowed parent_instance;
  gint channels, groups;
  gboolean bias;
};

G_DEFINE_FINAL_TYPE (SegConv2d, seg_conv2d, SEG_TYPE_WINDOWED)

/* ---- shapes ------------------------------------------------------------------------------ */

static gboolean
seg_conv2d_infer (SegLayer *layer, const SegShape *in, guint n_in, SegShape *out, GError **error)
{
  SegConv2d *self = SEG_CONV2D (layer);

  if (in[0].c % self->groups != 0 || self->channels % self->groups != 0)
    {
      g_set_error (error, SEG_ERROR, SEG_ERROR_SHAPE,
                   "%d groups divide not both %" G_GINT64_FORMAT " input and %d output channels",
                   self->groups, in[0].c, self->channels);
      return FALSE;
    }
  if (!SEG_LAYER_CLASS (seg_conv2d_parent_class)->infer (layer, in, n_in, out, error))
    return FALSE;
  out->c = self->channels;
  return TRUE;
}

static void
seg_conv2d_declare (SegLayer *layer, const SegShape *in, guint n_in, SegParamSet *params)
{
  SegConv2d *self = SEG_CONV2D (layer);
  gint64 per_group = in[0].c / self->groups;
  SegWindow v, h;
  SegInit init = { .kind = SEG_INIT_KAIMING_UNIFORM, .value = (float) G_SQRT2 };

  (void) n_in;
  seg_windowed_get_windows (SEG_WINDOWED (layer), &v, &h);
  init.fan_in = per_group * v.kernel * h.kernel;
  init.fan_out = (gint64) self->channels * v.kernel * h.kernel;
  seg_param_set_add (params, "weight", SEG_ROLE_WEIGHT, SEG_DTYPE_F32, init, 4,
                     (gint64) self->channels, per_group, (gint64) v.kernel, (gint64) h.kernel);
  if (self->bias)
    seg_param_set_add (params, "bias", SEG_ROLE_BIAS, SEG_DTYPE_F32,
                       (SegInit){ SEG_INIT_CONSTANT, 0.f, 0, 0 }, 1, (gint64) self->channels);
}

static gint64
seg_conv2d_multiply_adds (SegLayer *layer, const SegShape *in, guint n_in, const SegRect *out)
{
  SegConv2d *self = SEG_CONV2D (layer);
  SegWindow v, h;

  (void) n_in;
  seg_windowed_get_windows (SEG_WINDOWED (layer), &v, &h);
  return out->w * out->h * self->channels * (in[0].c / self->groups) * v.kernel * h.kernel;
}

/* ---- inference by Winograd ----------------------------------------------------------------- */

typedef struct
{
  SegStep step;
  SegWinogradConv conv;
  SegConvPosts posts;
} SegWinogradStep;

static void
seg_winograd_step_run (const SegStep *step, const SegRun *run, const SegView *in, guint n_in,
                       SegView *out, const SegPiece *piece)
{
  const SegWinogradStep *self = (const SegWinogradStep *) step;

  (void) n_in;
  seg_winograd_conv_run (&self->conv, NULL, FALSE, &self->posts, in, out, piece, run->scratch);
}

static void
seg_winograd_step_free (SegStep *step)
{
  SegWinogradStep *self = (SegWinogradStep *) step;

  seg_winograd_conv_clear (&self->conv);
  seg_conv_posts_clear (&self->posts);
  g_free (self);
}

static SegStep *
seg_winograd_step_new (SegConv2d *self, const SegOffer *offer, gint tile, GError **error)
{
  SegWinogradStep *step = g_new0 (SegWinogradStep, 1);
  SegWindow v, h;
  guint n_folded;

  seg_windowed_get_windows (SEG_WINDOWED (self), &v, &h);
  step->step.run = seg_winograd_step_run;
  step->step.free = seg_winograd_step_free;
  step->step.kernel = tile == 4 ? "Winograd 4×4" : "Winograd 2×2";
  seg_winograd_conv_init (&step->conv, offer, tile, self->channels, v.padding, h.padding);
  if (!seg_winograd_conv_reserve (&step->conv, error))
    {
      seg_winograd_step_free (&step->step);
      return NULL;
    }
  step->step.grid_y = step->step.grid_x = (guint16) tile;
  step->step.phase_y = (guint16) step->conv.y_phase;
  step->step.phase_x = (guint16) step->conv.x_phase;
  step->step.packed_bytes = seg_winograd_conv_packed_bytes (&step->conv);
  step->step.channel_grain = seg_winograd_conv_get_grain (&step->conv);
  step->step.scratch_bytes = seg_winograd_conv_scratch_bytes (&step->conv);
  n_folded = seg_winograd_conv_pack (&step->conv, offer->params[0],
                                     self->bias ? offer->params[1] : NULL, offer->after,
                                     offer->n_after);
  seg_conv_posts_init (&step->posts, offer->after + n_folded, offer->n_after - n_folded);
  return &step->step;
}

/* ---- choice ------------------------------------------------------------------------------- */

/* Deeper than this tiles are smaller: there a map has few pixels and a layer many weights, which
 * F(4×4) would make four times as large, and a tile is as wide as much of the image. */
#define SEG_CONV2D_MAX_STRIDE_4 16

/* At that stride layers of more weights have small tiles, too: theirs would take longer to read than
 * F(4×4) saves. In training weights are packed for one layer at a time, and the maps of a batch are
 * worked on together. */
#define SEG_CONV2D_MANY_WEIGHTS (256 * 1024)

/* With fewer channels transforming costs more than it saves. */
#define SEG_CONV2D_MIN_CHANNELS 8

/* The one place where a convolution's kernel is chosen: the tile of Winograd's, or 0 for a direct
 * one. By the layer and its level only, since bits depend on it. */
static gint
seg_conv2d_choose_tile (SegConv2d *self, const SegOffer *offer)
{
  SegWindow v, h;
  gboolean many;

  seg_windowed_get_windows (SEG_WINDOWED (self), &v, &h);
  if (offer->in_blocking[0].lanes == 1 || self->groups > 1
      || offer->in[0].c < SEG_CONV2D_MIN_CHANNELS || v.kernel != 3 || h.kernel != 3
      || v.stride != 1 || h.stride != 1 || v.dilation != 1 || h.dilation != 1)
    return 0;
  if (offer->stride < SEG_CONV2D_MAX_STRIDE_4)
    return 4;
  many = offer->purpose != SEG_PURPOSE_TRAINING
         && offer->in[0].c * (gint64) self->channels > SEG_CONV2D_MANY_WEIGHTS;
  return offer->stride == SEG_CONV2D_MAX_STRIDE_4 && !many ? 4 : 2;
}

/* Going back, input and output change places. */
static SegConvTiles
seg_conv2d_choose_tiles (SegConv2d *self, const SegOffer *offer)
{
  gint tile = seg_conv2d_choose_tile (self, offer);
  gboolean both_ways = offer->out_blocking.lanes > 1 && self->channels >= SEG_CONV2D_MIN_CHANNELS;

  return (SegConvTiles){ tile, both_ways ? tile : 0, both_ways ? tile : 0 };
}

static SegStep *
seg_conv2d_compile (SegLayer *layer, const SegOffer *offer, GError **error)
{
  SegConv2d *self = SEG_CONV2D (layer);
  gint tile = seg_conv2d_choose_tile (self, offer);
  SegConvSpec spec = { .groups = self->groups }, back;

  seg_windowed_get_windows (SEG_WINDOWED (self), &spec.v, &spec.h);
  spec.inside = spec.v.padding == 0 && spec.h.padding == 0;
  back = spec;
  back.inside = spec.inside && spec.v.kernel == 1 && spec.h.kernel == 1;
  if (offer->purpose == SEG_PURPOSE_TRAINING)
    return seg_conv_training_step_new (offer, &spec, &back, FALSE, self->channels, self->bias,
                                       seg_conv2d_choose_tiles (self, offer));
  return tile > 0 ? seg_winograd_step_new (self, offer, tile, error)
                  : seg_direct_step_new (offer, &spec, FALSE, self->channels, self->bias, error);
}

static SegLayout
seg_conv2d_layout (SegLayer *layer, SegPurpose purpose, const SegShape *in, guint n_in,
                   gint lanes)
{
  (void) purpose, (void) in, (void) n_in, (void) lanes;
  return SEG_CONV2D (layer)->groups == 1 ? SEG_LAYOUT_EACH : SEG_LAYOUT_PLANAR;
}

/* ---- class -------------------------------------------------------------------------------- */

static void
seg_conv2d_class_init (SegConv2dClass *klass)
{
  SegLayerClass *layer_class = SEG_LAYER_CLASS (klass);

  layer_class->absorbs = SEG_POST_AFFINE | SEG_POST_ELEMENTWISE | SEG_POST_ADD;
  layer_class->absorbs_before = SEG_POST_AFFINE | SEG_POST_ELEMENTWISE;
  layer_class->infer = seg_conv2d_infer;
  layer_class->declare = seg_conv2d_declare;
  layer_class->multiply_adds = seg_conv2d_multiply_adds;
  layer_class->layout = seg_conv2d_layout;
  layer_class->compile = seg_conv2d_compile;

  layer_class->flags = SEG_LAYER_DROPS_OUTPUT;
  seg_layer_class_set_info (layer_class, "Convolution", "LeCun et al. 1989");
  seg_class_add_int (klass, "channels", G_STRUCT_OFFSET (SegConv2d, channels), 1, 65536, 1,
                     "Output channels");
  seg_class_add_int (klass, "groups", G_STRUCT_OFFSET (SegConv2d, groups), 1, 65536, 1,
                     "Groups of channels that do not see each other");
  seg_class_add_boolean (klass, "bias", G_STRUCT_OFFSET (SegConv2d, bias), TRUE,
                         "Add a number to each output channel");
}

static void
seg_conv2d_init (SegConv2d *self)
{
  (void) self;
}
