#include "conv-training.h"
#include "nn.h"

/**
 * SegConvTranspose2d:
 *
 * Transposed convolution: the gradient of a convolution with respect to its input, used to
 * enlarge a map.
 * Shapes: x (N, C, H, W), weight (C, K / groups, R, S), bias (K) → (N, K, H', W'), H' = (H − 1) ·
 * stride − 2 · padding + dilation · (R − 1) + output-padding + 1, and W' likewise.
 * Source: Zeiler et al. 2010; names and sizes PyTorch 1.13 `torch.nn.ConvTranspose2d`. Initial
 * weights: He et al. 2015, eq. 14, uniform; bias zero.
 * Halo: none for kernel = stride; in general the outputs of one phase (row and column modulo the
 * stride) are an ordinary convolution of the input, and its halo counts.
 * Kept for backward: its input.
 */
struct _SegConvTranspose2d
{
  SegLayer parent_instance;
  gint channels, kernel, stride, padding, output_padding, dilation, groups;
  gboolean bias;
};

G_DEFINE_FINAL_TYPE (SegConvTranspose2d, seg_conv_transpose2d, SEG_TYPE_LAYER)

/* ---- shapes ------------------------------------------------------------------------------ */

static gboolean
seg_conv_transpose2d_infer (SegLayer *layer, const SegShape *in, guint n_in, SegShape *out,
                            GError **error)
{
  SegConvTranspose2d *self = SEG_CONV_TRANSPOSE2D (layer);
  gint64 more = (gint64) self->dilation * (self->kernel - 1) + self->output_padding + 1
                - 2 * (gint64) self->padding;

  (void) n_in;
  if (in[0].c % self->groups != 0 || self->channels % self->groups != 0)
    {
      g_set_error (error, SEG_ERROR, SEG_ERROR_SHAPE,
                   "%d groups divide not both %" G_GINT64_FORMAT " input and %d output channels",
                   self->groups, in[0].c, self->channels);
      return FALSE;
    }
  if (self->output_padding >= MAX (self->stride, self->dilation))
    {
      g_set_error (error, SEG_ERROR, SEG_ERROR_PARAM,
                   "output padding %d is not below stride %d or dilation %d", self->output_padding,
                   self->stride, self->dilation);
      return FALSE;
    }
  *out = (SegShape){ in[0].n, self->channels, (in[0].h - 1) * self->stride + more,
                     (in[0].w - 1) * self->stride + more };
  if (out->h < 1 || out->w < 1)
    {
      g_set_error (error, SEG_ERROR, SEG_ERROR_SHAPE,
                   "padding %d leaves nothing of an output of %" G_GINT64_FORMAT " × %" G_GINT64_FORMAT,
                   self->padding, out->w + 2 * (gint64) self->padding,
                   out->h + 2 * (gint64) self->padding);
      return FALSE;
    }
  return TRUE;
}

static void
seg_conv_transpose2d_declare (SegLayer *layer, const SegShape *in, guint n_in, SegParamSet *params)
{
  SegConvTranspose2d *self = SEG_CONV_TRANSPOSE2D (layer);
  gint64 area = (gint64) self->kernel * self->kernel;
  SegInit init = { .kind = SEG_INIT_KAIMING_UNIFORM, .value = (float) G_SQRT2 };

  (void) n_in;
  /* each output is made of area / stride² taps of every input channel */
  init.fan_in = MAX (in[0].c / self->groups * area / ((gint64) self->stride * self->stride), 1);
  seg_param_set_add (params, "weight", SEG_ROLE_WEIGHT, SEG_DTYPE_F32, init, 4, in[0].c,
                     (gint64) (self->channels / self->groups), (gint64) self->kernel,
                     (gint64) self->kernel);
  if (self->bias)
    seg_param_set_add (params, "bias", SEG_ROLE_BIAS, SEG_DTYPE_F32,
                       (SegInit){ SEG_INIT_CONSTANT, 0.f, 0, 0 }, 1, (gint64) self->channels);
}

/* Input i gives outputs i · stride − padding to i · stride − padding + dilation · (kernel − 1). */
static void
seg_conv_transpose2d_required (SegLayer *layer, const SegShape *in, guint n_in, const SegRect *out,
                               guint input, SegRect *need)
{
  SegConvTranspose2d *self = SEG_CONV_TRANSPOSE2D (layer);
  gint64 reach = (gint64) self->dilation * (self->kernel - 1), s = self->stride;

  (void) in, (void) n_in, (void) input;
  need->x = -seg_floor_div (reach - out->x - self->padding, s);
  need->y = -seg_floor_div (reach - out->y - self->padding, s);
  need->w = seg_floor_div (out->x + out->w - 1 + self->padding, s) + 1 - need->x;
  need->h = seg_floor_div (out->y + out->h - 1 + self->padding, s) + 1 - need->y;
}

/* Counted as if every output had its share of the taps, which is exact but at the border. */
static gint64
seg_conv_transpose2d_multiply_adds (SegLayer *layer, const SegShape *in, guint n_in,
                                    const SegRect *out)
{
  SegConvTranspose2d *self = SEG_CONV_TRANSPOSE2D (layer);
  gint64 area = (gint64) self->kernel * self->kernel, s = self->stride;

  (void) n_in;
  return out->w * out->h * self->channels * (in[0].c / self->groups) * area / (s * s);
}

/* ---- compiling ---------------------------------------------------------------------------- */

static SegStep *
seg_conv_transpose2d_compile (SegLayer *layer, const SegOffer *offer, GError **error)
{
  SegConvTranspose2d *self = SEG_CONV_TRANSPOSE2D (layer);
  SegWindow window = { self->kernel, self->stride, self->padding, self->dilation };
  gboolean apart = self->dilation * (self->kernel - 1) < self->stride;
  SegConvSpec spec = { window, window, self->groups, FALSE }, back = spec;

  spec.inside = self->padding == 0 && self->output_padding == 0 && apart;
  back.inside = self->padding == 0;
  if (offer->purpose == SEG_PURPOSE_TRAINING)
    return seg_conv_training_step_new (offer, &spec, &back, TRUE, self->channels, self->bias,
                                       (SegConvTiles){ 0, 0, 0 });
  return seg_direct_step_new (offer, &spec, TRUE, self->channels, self->bias, error);
}

static SegLayout
seg_conv_transpose2d_layout (SegLayer *layer, SegPurpose purpose, const SegShape *in, guint n_in,
                             gint lanes)
{
  (void) purpose, (void) in, (void) n_in, (void) lanes;
  return SEG_CONV_TRANSPOSE2D (layer)->groups == 1 ? SEG_LAYOUT_EACH : SEG_LAYOUT_PLANAR;
}

/* ---- class -------------------------------------------------------------------------------- */

static void
seg_conv_transpose2d_class_init (SegConvTranspose2dClass *klass)
{
  SegLayerClass *layer_class = SEG_LAYER_CLASS (klass);

  /* outputs of a phase are not neighbours, so nothing is added to a run of them */
  layer_class->absorbs = SEG_POST_AFFINE | SEG_POST_ELEMENTWISE;
  layer_class->infer = seg_conv_transpose2d_infer;
  layer_class->declare = seg_conv_transpose2d_declare;
  layer_class->required = seg_conv_transpose2d_required;
  layer_class->multiply_adds = seg_conv_transpose2d_multiply_adds;
  layer_class->layout = seg_conv_transpose2d_layout;
  layer_class->compile = seg_conv_transpose2d_compile;

  layer_class->flags = SEG_LAYER_DROPS_OUTPUT;
  seg_layer_class_set_info (layer_class, "Transposed convolution", "Zeiler et al. 2010");
  seg_class_add_int (klass, "channels", G_STRUCT_OFFSET (SegConvTranspose2d, channels), 1, 65536, 1,
                     "Output channels");
  seg_class_add_int (klass, "kernel-size", G_STRUCT_OFFSET (SegConvTranspose2d, kernel), 1, 255, 2,
                     "Rows and columns of the window");
  seg_class_add_int (klass, "stride", G_STRUCT_OFFSET (SegConvTranspose2d, stride), 1, 64, 2,
                     "Output pixels from one input pixel to the next");
  seg_class_add_int (klass, "padding", G_STRUCT_OFFSET (SegConvTranspose2d, padding), 0, 1024, 0,
                     "Pixels cut from each side of the output");
  seg_class_add_int (klass, "output-padding", G_STRUCT_OFFSET (SegConvTranspose2d, output_padding),
                     0, 63, 0, "Pixels added to the right and below");
  seg_class_add_int (klass, "dilation", G_STRUCT_OFFSET (SegConvTranspose2d, dilation), 1, 64, 1,
                     "Pixels from one tap to the next");
  seg_class_add_int (klass, "groups", G_STRUCT_OFFSET (SegConvTranspose2d, groups), 1, 65536, 1,
                     "Groups of channels that do not see each other");
  seg_class_add_boolean (klass, "bias", G_STRUCT_OFFSET (SegConvTranspose2d, bias), TRUE,
                         "Add a number to each output channel");
}

static void
seg_conv_transpose2d_init (SegConvTranspose2d *self)
{
  (void) self;
}
