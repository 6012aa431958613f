#include <math.h>

#include "nn.h"
#include "tap-conv.h"

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

/* Inputs of one matrix product of the weight gradient: a fixed shape, so that its bits do not
 * depend on the image's width. */
#define SEG_CONV_TRANSPOSE2D_PANEL 64

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

/* ---- forward ------------------------------------------------------------------------------ */

/* One convolution for each phase (a, b): outputs with (y + padding) mod stride = a and (x +
 * padding) mod stride = b. Output s·t + a − padding gets tap r from input t + (a − r·dilation) / s
 * where that division leaves nothing. */
typedef struct
{
  SegTapConv conv;
  gint *tap_index; /* of each of its taps in the whole kernel */
} SegPhaseConv;

typedef struct
{
  SegStep step;
  gint stride, padding;
  SegPhaseConv *phases; /* stride × stride */
  SegConvPosts posts;
} SegConvTranspose2dStep;

typedef struct
{
  const SegPhaseConv *phase;
  gint64 area;
} SegPhaseWeights;

static float
seg_conv_transpose2d_weight (gconstpointer weights, gint64 k, gint64 c, gint64 t,
                             gpointer user_data)
{
  const SegPhaseWeights *w = user_data;
  const SegTapConv *conv = &w->phase->conv;
  gint64 input = k / conv->out_channels * conv->in_channels + c;

  return ((const float *) weights)[(input * conv->out_channels + k % conv->out_channels) * w->area
                                   + w->phase->tap_index[t]];
}

static void
seg_conv_transpose2d_step_run (const SegStep *step, const SegRun *run, const SegView *in,
                               guint n_in, SegView *out, const SegPiece *piece)
{
  const SegConvTranspose2dStep *self = (const SegConvTranspose2dStep *) step;
  gint64 s = self->stride, p = self->padding;
  const SegRect *r = &piece->rect;

  (void) n_in;
  for (gint64 a = 0; a < s; a++)
    for (gint64 b = 0; b < s; b++)
      {
        SegTapPlace place = { s, a - p, s, b - p };
        /* phase coordinates t of the first output in the rectangle, and of the first past it */
        gint64 y0 = -seg_floor_div (a - p - r->y, s), y1 = -seg_floor_div (a - p - r->y - r->h, s);
        gint64 x0 = -seg_floor_div (b - p - r->x, s), x1 = -seg_floor_div (b - p - r->x - r->w, s);

        if (y0 < y1 && x0 < x1)
          seg_tap_conv_run (&self->phases[a * s + b].conv, &place, y0, x0, y1 - y0, x1 - x0,
                            &self->posts, in, out, piece, run->scratch);
      }
}

static guint
seg_conv_transpose2d_step_pack (SegConvTranspose2dStep *self, SegConvTranspose2d *layer,
                                gconstpointer const *params, const SegPost *posts, guint n_posts)
{
  guint n_folded = 0;

  for (gint i = 0; i < self->stride * self->stride; i++)
    {
      SegPhaseWeights w = { &self->phases[i], (gint64) layer->kernel * layer->kernel };

      n_folded = seg_tap_conv_pack (&self->phases[i].conv, seg_conv_transpose2d_weight, &w,
                                    params[0], layer->bias ? params[1] : NULL, posts, n_posts);
    }
  return n_folded;
}

static void
seg_conv_transpose2d_step_prepare (const SegStep *step, const SegRun *run, SegPhase phase,
                                   guint task)
{
  (void) task;
  if (phase == SEG_PHASE_FORWARD)
    seg_conv_transpose2d_step_pack ((SegConvTranspose2dStep *) step,
                                    SEG_CONV_TRANSPOSE2D (step->layer), run->params, NULL, 0);
}

static void
seg_conv_transpose2d_step_free (SegStep *step)
{
  SegConvTranspose2dStep *self = (SegConvTranspose2dStep *) step;

  for (gint i = 0; i < self->stride * self->stride; i++)
    {
      seg_tap_conv_clear (&self->phases[i].conv);
      g_free (self->phases[i].tap_index);
    }
  g_free (self->phases);
  seg_conv_posts_clear (&self->posts);
  g_free (self);
}

static gint
seg_conv_transpose2d_gcd (gint a, gint b)
{
  return b == 0 ? a : seg_conv_transpose2d_gcd (b, a % b);
}

static void
seg_conv_transpose2d_init_phase (SegConvTranspose2d *self, const SegOffer *offer, gint a, gint b,
                                 SegPhaseConv *phase)
{
  gint s = self->stride, d = self->dilation, n = 0;
  /* along an axis a phase has taps only at distances that the stride divides */
  gint apart = s / seg_conv_transpose2d_gcd (s, d), most = (self->kernel + apart - 1) / apart;
  gboolean inside = self->padding == 0 && self->output_padding == 0
                    && self->dilation * (self->kernel - 1) < self->stride;
  g_autofree SegTap *taps = g_new (SegTap, most * most);

  phase->tap_index = g_new (gint, most * most);
  for (gint r = 0; r < self->kernel; r++)
    for (gint c = 0; c < self->kernel; c++)
      if ((a - r * d) % s == 0 && (b - c * d) % s == 0)
        {
          taps[n] = (SegTap){ (a - r * d) / s, (b - c * d) / s };
          phase->tap_index[n++] = r * self->kernel + c;
        }
  seg_tap_conv_init (&phase->conv, offer, self->groups, self->channels / self->groups, 1, 1, taps,
                     n, inside);
}

/* Scratch of the weight gradient: inputs, gradients that they were multiplied to, their product. */
static gsize
seg_conv_transpose2d_panel_floats (SegConvTranspose2d *self, const SegShape *in)
{
  gsize rows = (gsize) (in[0].c / self->groups);
  gsize columns = (gsize) (self->channels / self->groups * self->kernel);

  return (rows + columns) * SEG_CONV_TRANSPOSE2D_PANEL + rows * columns;
}

static SegStep *
seg_conv_transpose2d_compile (SegLayer *layer, const SegOffer *offer, GError **error)
{
  SegConvTranspose2d *self = SEG_CONV_TRANSPOSE2D (layer);
  SegConvTranspose2dStep *step = g_new0 (SegConvTranspose2dStep, 1);
  gboolean reserved = TRUE;
  guint n_folded;

  step->stride = self->stride;
  step->padding = self->padding;
  step->phases = g_new0 (SegPhaseConv, self->stride * self->stride);
  step->step.run = seg_conv_transpose2d_step_run;
  step->step.n_prepare = 1;
  step->step.prepare = seg_conv_transpose2d_step_prepare;
  step->step.free = seg_conv_transpose2d_step_free;
  step->step.kernel = "direct";

  for (gint i = 0; i < self->stride * self->stride; i++)
    {
      SegPhaseConv *phase = &step->phases[i];

      seg_conv_transpose2d_init_phase (self, offer, i / self->stride, i % self->stride, phase);
      step->step.scratch_bytes
          = MAX (step->step.scratch_bytes, seg_tap_conv_scratch_bytes (&phase->conv));
      step->step.packed_bytes += seg_tap_conv_packed_bytes (&phase->conv);
      step->step.channel_grain = seg_tap_conv_get_grain (&phase->conv);
      reserved = reserved && seg_tap_conv_reserve (&phase->conv, error);
    }
  if (offer->purpose == SEG_PURPOSE_TRAINING)
    step->step.scratch_bytes
        = MAX (step->step.scratch_bytes,
               seg_conv_transpose2d_panel_floats (self, offer->in) * sizeof (float));
  if (!reserved)
    {
      seg_conv_transpose2d_step_free (&step->step);
      return NULL;
    }
  n_folded = seg_conv_transpose2d_step_pack (step, self, offer->params, offer->after,
                                             offer->n_after);
  seg_conv_posts_init (&step->posts, offer->after + n_folded, offer->n_after - n_folded);
  return &step->step;
}

static SegLayout
seg_conv_transpose2d_layout (SegLayer *layer, SegPurpose purpose, const SegShape *in, guint n_in,
                             gint lanes)
{
  (void) in, (void) n_in, (void) lanes;
  return purpose == SEG_PURPOSE_INFERENCE && SEG_CONV_TRANSPOSE2D (layer)->groups == 1 ? SEG_LAYOUT_EACH
                                                                      : SEG_LAYOUT_PLANAR;
}

/* ---- backward ----------------------------------------------------------------------------- */

/* dx[c](y, x) += Σ_k Σ_(r, s) w[c][k][r][s] · dy[k] (y · stride + r · dilation - padding, …): an
 * ordinary convolution of the gradient. */
static void
seg_conv_transpose2d_backward_input (SegLayer *layer, const SegRun *run, const SegView *in,
                                     guint n_in, const SegView *out, const SegView *dout,
                                     guint input, SegView *din, const SegPiece *piece)
{
  SegConvTranspose2d *self = SEG_CONV_TRANSPOSE2D (layer);
  gint64 in_channels = in[0].shape.c / self->groups, out_channels = self->channels / self->groups;
  gint64 size = self->kernel, stride = self->stride;
  const SegRect *p = &piece->rect;

  (void) n_in, (void) input;
  for (guint c = piece->block; c < piece->block + piece->n_blocks; c++)
    for (gint64 y = p->y; y < p->y + p->h; y++)
      for (gint64 k = 0; k < out_channels; k++)
        for (gint64 r = 0; r < size; r++)
          {
            gint64 oy = y * stride + r * self->dilation - self->padding;
            gint64 group = c / in_channels * out_channels;
            const float *taps
                = (const float *) run->params[0] + ((c * out_channels + k) * size + r) * size;
            float *dx = seg_view_at (din, c, piece->sample, y, p->x);
            const float *dy;

            if (oy < 0 || oy >= out->shape.h)
              continue;
            dy = seg_view_at (dout, (guint) (group + k), piece->sample, oy, 0);
            for (gint64 x = 0; x < p->w; x++)
              for (gint64 s = 0; s < size; s++)
                {
                  gint64 ox = (p->x + x) * stride + s * self->dilation - self->padding;

                  if (ox >= 0 && ox < out->shape.w)
                    dx[x] += taps[s] * dy[ox];
                }
          }
}

/* @n pixels of each of @n_channels rows; zero past the last. */
static void
seg_conv_transpose2d_fill_inputs (const SegView *in, gint64 first, gint64 n_channels, gint64 sample,
                                  gint64 y, gint64 x, gint64 n, float *panel)
{
  memset (panel, 0, (gsize) (n_channels * SEG_CONV_TRANSPOSE2D_PANEL) * sizeof *panel);
  for (gint64 c = 0; c < n_channels; c++, panel += SEG_CONV_TRANSPOSE2D_PANEL)
    memcpy (panel, seg_view_at (in, (guint) (first + c), sample, y, x), (gsize) n * sizeof *panel);
}

/* For each output channel and column of the kernel, the gradient that each of the @n inputs from
 * column @x on meets there; zero outside. */
static void
seg_conv_transpose2d_fill_gradients (SegConvTranspose2d *self, const SegView *dout, gint64 first,
                                     gint64 n_channels, gint64 sample, gint64 oy, gint64 x,
                                     gint64 n, float *panel)
{
  memset (panel, 0,
          (gsize) (n_channels * self->kernel * SEG_CONV_TRANSPOSE2D_PANEL) * sizeof *panel);
  for (gint64 k = 0; k < n_channels; k++)
    {
      const float *dy = seg_view_at (dout, (guint) (first + k), sample, oy, 0);

      for (gint64 s = 0; s < self->kernel; s++, panel += SEG_CONV_TRANSPOSE2D_PANEL)
        for (gint64 i = 0; i < n; i++)
          {
            gint64 ox = (x + i) * self->stride + s * self->dilation - self->padding;

            if (ox >= 0 && ox < dout->shape.w)
              panel[i] = dy[ox];
          }
    }
}

/* dw[c][k][r][s] += Σ x[c] (y, x) · dy[k] (oy, …) for one output row and one row r of the kernel,
 * as products of panels of one fixed shape. */
static void
seg_conv_transpose2d_add_weights (SegConvTranspose2d *self, const SegView *in, const SegView *dout,
                                  gint64 group, gint64 sample, gint64 y, gint64 oy, gint64 r,
                                  float *panel, float *dweight)
{
  gint64 rows = in[0].shape.c / self->groups, channels = self->channels / self->groups;
  gint64 size = self->kernel, columns = channels * size;
  float *dpanel = panel + rows * SEG_CONV_TRANSPOSE2D_PANEL;
  float *product = dpanel + columns * SEG_CONV_TRANSPOSE2D_PANEL;

  memset (product, 0, (gsize) (rows * columns) * sizeof *product);
  for (gint64 x = 0; x < in[0].shape.w; x += SEG_CONV_TRANSPOSE2D_PANEL)
    {
      gint64 n = MIN (SEG_CONV_TRANSPOSE2D_PANEL, in[0].shape.w - x);

      seg_conv_transpose2d_fill_inputs (in, group * rows, rows, sample, y, x, n, panel);
      seg_conv_transpose2d_fill_gradients (self, dout, group * channels, channels, sample, oy, x, n,
                                           dpanel);
      seg_gemm (FALSE, TRUE, rows, columns, SEG_CONV_TRANSPOSE2D_PANEL, 1.f, panel,
                SEG_CONV_TRANSPOSE2D_PANEL, dpanel, SEG_CONV_TRANSPOSE2D_PANEL, 1.f, product,
                columns);
    }
  for (gint64 i = 0; i < rows * channels; i++)
    for (gint64 s = 0; s < size; s++)
      dweight[((group * rows * channels + i) * size + r) * size + s] += product[i * size + s];
}

static void
seg_conv_transpose2d_add_params (SegLayer *layer, const SegRun *run, const SegView *in,
                                      guint n_in, const SegView *out, const SegView *dout,
                                      gint64 sample, gint64 y0, gint64 y1, float *const *dparams)
{
  SegConvTranspose2d *self = SEG_CONV_TRANSPOSE2D (layer);

  (void) n_in;
  for (gint64 oy = y0; oy < y1; oy++)
    for (gint64 r = 0; r < self->kernel; r++)
      {
        gint64 scaled = oy + self->padding - r * self->dilation, y = scaled / self->stride;

        if (scaled < 0 || scaled % self->stride != 0 || y >= in[0].shape.h)
          continue;
        for (gint64 g = 0; g < self->groups; g++)
          seg_conv_transpose2d_add_weights (self, in, dout, g, sample, y, oy, r, run->scratch,
                                            dparams[0]);
      }

  for (gint64 k = 0; self->bias && k < self->channels; k++)
    {
      double sum = 0.;

      for (gint64 oy = y0; oy < y1; oy++)
        {
          const float *dy = seg_view_at (dout, (guint) k, sample, oy, 0);
          for (gint64 i = 0; i < out->shape.w; i++)
            sum += (double) dy[i];
        }
      dparams[1][k] += (float) sum;
    }
}

static void
seg_conv_transpose2d_backward_params (SegLayer *layer, const SegRun *run, const SegView *in, guint n_in,
                                      const SegView *out, const SegView *dout,
                                      const SegParamPiece *piece, float *const *dparams)
{
  SegParamPiece rest = *piece;
  gint64 sample, y0, y1;

  while (seg_param_piece_take (&rest, out->shape.h, &sample, &y0, &y1))
    seg_conv_transpose2d_add_params (layer, run, in, n_in, out, dout, sample, y0, y1, dparams);
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
  layer_class->backward_input = seg_conv_transpose2d_backward_input;
  layer_class->backward_params = seg_conv_transpose2d_backward_params;

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
