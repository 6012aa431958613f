#include <math.h>

#include "nn.h"
#include "tap-conv.h"
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
 * Halo: padding on the left and above, dilation · (kernel − 1) − padding on the right and below. In
 *   inference 3×3 kernels may be computed by Winograd, in tiles of a grid fixed in the map: the last
 *   bits of a pixel, and NaN where an input is NaN or infinite, then depend on all of its tile.
 * Kept for backward: its input.
 */
struct _SegConv2d
{
  SegWindowed parent_instance;
  gint channels, groups;
  gboolean bias;
};

G_DEFINE_FINAL_TYPE (SegConv2d, seg_conv2d, SEG_TYPE_WINDOWED)

/* Columns of one matrix product of the weight gradient: a fixed shape, so that its bits do not
 * depend on the image's width. */
#define SEG_CONV2D_PANEL 64

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

/* ---- forward ------------------------------------------------------------------------------ */

typedef struct
{
  SegStep step;
  SegTapConv conv;
  SegConvPosts posts; /* what is not folded into the weights */
} SegConv2dStep;

static float
seg_conv2d_weight (gconstpointer weights, gint64 k, gint64 c, gint64 t, gpointer user_data)
{
  const SegTapConv *conv = user_data;
  return ((const float *) weights)[(k * conv->in_channels + c) * conv->n_taps + t];
}

static void
seg_conv2d_step_run (const SegStep *step, const SegRun *run, const SegView *in, guint n_in,
                     SegView *out, const SegPiece *piece)
{
  static const SegTapPlace place = { 1, 0, 1, 0 };
  const SegConv2dStep *self = (const SegConv2dStep *) step;
  const SegRect *r = &piece->rect;

  (void) n_in;
  seg_tap_conv_run (&self->conv, &place, r->y, r->x, r->h, r->w, &self->posts, in, out, piece,
                    run->scratch);
}

static void
seg_conv2d_step_prepare (const SegStep *step, const SegRun *run, SegPhase phase, guint task)
{
  SegConv2dStep *self = (SegConv2dStep *) step;
  const float *bias = SEG_CONV2D (step->layer)->bias ? run->params[1] : NULL;

  (void) task;
  if (phase == SEG_PHASE_FORWARD)
    seg_tap_conv_pack (&self->conv, seg_conv2d_weight, &self->conv, run->params[0], bias, NULL, 0);
}

static void
seg_conv2d_step_free (SegStep *step)
{
  SegConv2dStep *self = (SegConv2dStep *) step;

  seg_tap_conv_clear (&self->conv);
  seg_conv_posts_clear (&self->posts);
  g_free (self);
}

static gsize
seg_conv2d_panel_floats (SegConv2d *self, const SegShape *in)
{
  SegWindow v, h;

  seg_windowed_get_windows (SEG_WINDOWED (self), &v, &h);
  return SEG_CONV2D_PANEL
         * (gsize) ((in[0].c * v.kernel * h.kernel + self->channels) / self->groups);
}

static SegStep *
seg_conv2d_step_new (SegConv2d *self, const SegOffer *offer, GError **error)
{
  SegConv2dStep *step = g_new0 (SegConv2dStep, 1);
  SegWindow v, h;
  g_autofree SegTap *taps = NULL;
  guint n_folded;

  seg_windowed_get_windows (SEG_WINDOWED (self), &v, &h);
  taps = g_new (SegTap, v.kernel * h.kernel);
  for (gint r = 0; r < v.kernel; r++)
    for (gint s = 0; s < h.kernel; s++)
      taps[r * h.kernel + s] = (SegTap){ (gint64) r * v.dilation - v.padding,
                                         (gint64) s * h.dilation - h.padding };
  seg_tap_conv_init (&step->conv, offer, self->groups, self->channels / self->groups, v.stride,
                     h.stride, taps, (gint64) v.kernel * h.kernel,
                     v.padding == 0 && h.padding == 0);

  step->step.run = seg_conv2d_step_run;
  step->step.n_prepare = 1;
  step->step.prepare = seg_conv2d_step_prepare;
  step->step.free = seg_conv2d_step_free;
  step->step.kernel = "direct";
  step->step.packed_bytes = seg_tap_conv_packed_bytes (&step->conv);
  step->step.channel_grain = seg_tap_conv_get_grain (&step->conv);
  step->step.scratch_bytes = seg_tap_conv_scratch_bytes (&step->conv);
  if (offer->purpose == SEG_PURPOSE_TRAINING)
    step->step.scratch_bytes = MAX (step->step.scratch_bytes,
                                    seg_conv2d_panel_floats (self, offer->in) * sizeof (float));

  if (!seg_tap_conv_reserve (&step->conv, error))
    {
      seg_conv2d_step_free (&step->step);
      return NULL;
    }
  n_folded = seg_tap_conv_pack (&step->conv, seg_conv2d_weight, &step->conv, offer->params[0],
                                self->bias ? offer->params[1] : NULL, offer->after, offer->n_after);
  seg_conv_posts_init (&step->posts, offer->after + n_folded, offer->n_after - n_folded);
  return &step->step;
}

/* ---- forward by Winograd ------------------------------------------------------------------- */

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
  seg_winograd_conv_run (&self->conv, &self->posts, in, out, piece, run->scratch);
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
  if (!seg_winograd_conv_init (&step->conv, offer, tile, self->channels, v.padding, h.padding,
                               error))
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
#define SEG_CONV2D_MAX_STRIDE_4 8

/* With fewer channels transforming costs more than it saves. */
#define SEG_CONV2D_MIN_CHANNELS 8

/* The one place where a convolution's kernel is chosen: the tile of Winograd's, or 0 for a direct
 * one. By the layer and its level only, since bits depend on it. */
static gint
seg_conv2d_choose_tile (SegConv2d *self, const SegOffer *offer)
{
  SegWindow v, h;

  seg_windowed_get_windows (SEG_WINDOWED (self), &v, &h);
  if (offer->purpose != SEG_PURPOSE_INFERENCE || offer->in_blocking[0].lanes == 1
      || self->groups > 1 || offer->in[0].c < SEG_CONV2D_MIN_CHANNELS || v.kernel != 3
      || h.kernel != 3 || v.stride != 1 || h.stride != 1 || v.dilation != 1 || h.dilation != 1)
    return 0;
  return offer->stride <= SEG_CONV2D_MAX_STRIDE_4 ? 4 : 2;
}

static SegStep *
seg_conv2d_compile (SegLayer *layer, const SegOffer *offer, GError **error)
{
  SegConv2d *self = SEG_CONV2D (layer);
  gint tile = seg_conv2d_choose_tile (self, offer);

  return tile > 0 ? seg_winograd_step_new (self, offer, tile, error)
                  : seg_conv2d_step_new (self, offer, error);
}

static SegLayout
seg_conv2d_layout (SegLayer *layer, SegPurpose purpose, const SegShape *in, guint n_in,
                   gint lanes)
{
  (void) in, (void) n_in, (void) lanes;
  return purpose == SEG_PURPOSE_INFERENCE && SEG_CONV2D (layer)->groups == 1 ? SEG_LAYOUT_EACH
                                                                      : SEG_LAYOUT_PLANAR;
}

/* ---- backward ----------------------------------------------------------------------------- */

/* dx[c](iy, ix) += Σ_k Σ_(r, s) w[k][c][r][s] · dy[k](oy, ox), over the outputs that read it. */
static void
seg_conv2d_backward_input (SegLayer *layer, const SegRun *run, const SegView *in, guint n_in,
                           const SegView *out, const SegView *dout, guint input, SegView *din,
                           const SegPiece *piece)
{
  SegConv2d *self = SEG_CONV2D (layer);
  const float *weight = run->params[0];
  gint64 in_channels = in[0].shape.c / self->groups, out_channels = self->channels / self->groups;
  const SegRect *p = &piece->rect;
  SegWindow v, h;

  (void) n_in, (void) input;
  seg_windowed_get_windows (SEG_WINDOWED (layer), &v, &h);
  for (guint c = piece->block; c < piece->block + piece->n_blocks; c++)
    for (gint64 y = p->y; y < p->y + p->h; y++)
      for (gint64 k = c / in_channels * out_channels; k < (c / in_channels + 1) * out_channels; k++)
        for (gint64 r = 0; r < v.kernel; r++)
          {
            gint64 y_scaled = y + v.padding - r * v.dilation, oy = y_scaled / v.stride;
            const float *taps = weight + ((k * in_channels + c % in_channels) * v.kernel + r) * h.kernel;
            const float *dy;
            float *dx = seg_view_at (din, c, piece->sample, y, p->x);

            if (y_scaled < 0 || y_scaled % v.stride != 0 || oy >= out->shape.h)
              continue;
            dy = seg_view_at (dout, (guint) k, piece->sample, oy, 0);
            for (gint64 x = 0; x < p->w; x++)
              for (gint64 s = 0; s < h.kernel; s++)
                {
                  gint64 x_scaled = p->x + x + h.padding - s * h.dilation, ox = x_scaled / h.stride;

                  if (x_scaled >= 0 && x_scaled % h.stride == 0 && ox < out->shape.w)
                    dx[x] += taps[s] * dy[ox];
                }
          }
}

/* The inputs that up to SEG_CONV2D_PANEL outputs of a row read: a column for each output, a row
 * for each channel and tap; zero past the last. */
static void
seg_conv2d_fill_panel (const SegView *in, gint64 first_channel, gint64 n_channels, SegWindow v,
                       SegWindow h, gint64 sample, gint64 oy, gint64 ox, gint64 n, float *panel)
{
  memset (panel, 0, (gsize) (n_channels * v.kernel * h.kernel * SEG_CONV2D_PANEL) * sizeof *panel);
  for (gint64 c = 0; c < n_channels; c++)
    for (gint64 r = 0; r < v.kernel; r++)
      for (gint64 s = 0; s < h.kernel; s++, panel += SEG_CONV2D_PANEL)
        {
          gint64 y = oy * v.stride + r * v.dilation - v.padding;
          gint64 x = ox * h.stride + s * h.dilation - h.padding;
          const float *row;

          if (y < 0 || y >= in->shape.h)
            continue;
          row = seg_view_at (in, (guint) (first_channel + c), sample, y, 0);
          for (gint64 i = 0; i < n; i++, x += h.stride)
            if (x >= 0 && x < in->shape.w)
              panel[i] = row[x];
        }
}

static float
seg_conv2d_sum (const float *x, gint64 n)
{
  double sum = 0.0;

  for (gint64 i = 0; i < n; i++)
    sum += (double) x[i];
  return (float) sum;
}

/* dw[k][c][r][s] += Σ over outputs of dy[k] · x[c], as products of panels of one fixed shape. */
static void
seg_conv2d_backward_params (SegLayer *layer, const SegRun *run, const SegView *in, guint n_in,
                            const SegView *out, const SegView *dout,
                            const SegParamPiece *piece, float *const *dparams)
{
  SegParamPiece rest = *piece;
  SegConv2d *self = SEG_CONV2D (layer);
  gint64 in_channels = in[0].shape.c / self->groups, out_channels = self->channels / self->groups;
  SegWindow v, h;
  float *panel = run->scratch, *dpanel;
  gint64 n_terms, sample, y0, y1;

  (void) n_in;
  seg_windowed_get_windows (SEG_WINDOWED (layer), &v, &h);
  n_terms = in_channels * v.kernel * h.kernel;
  dpanel = panel + n_terms * SEG_CONV2D_PANEL;

  while (seg_param_piece_take (&rest, out->shape.h, &sample, &y0, &y1))
    for (gint64 y = y0; y < y1; y++)
      for (gint64 x = 0; x < out->shape.w; x += SEG_CONV2D_PANEL)
        for (gint64 g = 0; g < self->groups; g++)
          {
            gint64 n = MIN (SEG_CONV2D_PANEL, out->shape.w - x);

            seg_conv2d_fill_panel (in, g * in_channels, in_channels, v, h, sample, y, x, n, panel);
            memset (dpanel, 0, (gsize) (out_channels * SEG_CONV2D_PANEL) * sizeof *dpanel);
            for (gint64 k = 0; k < out_channels; k++)
              {
                const float *dy
                    = seg_view_at (dout, (guint) (g * out_channels + k), sample, y, x);

                memcpy (dpanel + k * SEG_CONV2D_PANEL, dy, (gsize) n * sizeof *dy);
                if (self->bias)
                  dparams[1][g * out_channels + k] += seg_conv2d_sum (dy, n);
              }
            seg_gemm (FALSE, TRUE, out_channels, n_terms, SEG_CONV2D_PANEL, 1.f, dpanel,
                      SEG_CONV2D_PANEL, panel, SEG_CONV2D_PANEL, 1.f,
                      dparams[0] + g * out_channels * n_terms, n_terms);
          }
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
  layer_class->backward_input = seg_conv2d_backward_input;
  layer_class->backward_params = seg_conv2d_backward_params;

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
