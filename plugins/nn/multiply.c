#include "blocks.h"
#include "nn.h"

struct _SegMultiply
{
  SegLayer parent_instance;
};

G_DEFINE_FINAL_TYPE (SegMultiply, seg_multiply, SEG_TYPE_LAYER)

/**
 * SegMultiply:
 *
 * The product of two maps. The second may be one pixel, which then counts everywhere, and it may
 * have one channel, which then counts for every channel: the gates of attention.
 * Shapes: (N, C, H, W) and (N, C or 1, H, W) or (N, C or 1, 1, 1) → as the first.
 * Source: Hu, Shen and Sun 2018, Squeeze-and-excitation networks, eq. 4, arXiv:1709.01507
 * Halo: none
 * Kept for backward: both inputs
 */

static gboolean
seg_multiply_is_pixel (const SegShape *gate)
{
  return gate->h == 1 && gate->w == 1;
}

static gboolean
seg_multiply_infer (SegLayer *layer, const SegShape *in, guint n_in, SegShape *out, GError **error)
{
  const SegShape *a = &in[0], *b = &in[1];
  (void) layer, (void) n_in;

  if (a->n != b->n || (b->c != a->c && b->c != 1)
      || ((b->h != a->h || b->w != a->w) && !seg_multiply_is_pixel (b)))
    {
      g_set_error (error, SEG_ERROR, SEG_ERROR_SHAPE,
                   "cannot multiply %" G_GINT64_FORMAT " channels of %" G_GINT64_FORMAT
                   "×%" G_GINT64_FORMAT " by %" G_GINT64_FORMAT " channels of %" G_GINT64_FORMAT
                   "×%" G_GINT64_FORMAT,
                   a->c, a->h, a->w, b->c, b->h, b->w);
      return FALSE;
    }
  *out = *a;
  return TRUE;
}

static void
seg_multiply_required (SegLayer *layer, const SegShape *in, guint n_in, const SegRect *out,
                       guint input, SegRect *need)
{
  (void) layer, (void) n_in;
  *need = input == 1 && seg_multiply_is_pixel (&in[1]) ? (SegRect){ 0, 0, 1, 1 } : *out;
}

/* A gate of one pixel or of one channel may lie as it likes. */
static SegLayout
seg_multiply_layout (SegLayer *layer, SegPurpose purpose, const SegShape *in, guint n_in, gint lanes)
{
  (void) layer, (void) purpose, (void) n_in, (void) lanes;
  return seg_multiply_is_pixel (&in[1]) || in[1].c == 1 ? SEG_LAYOUT_FIRST : SEG_LAYOUT_ALIKE;
}

/* What a pixel of one channel is in each lane of a block of the map. */
static void
seg_multiply_read_pixel (const SegView *gate, const SegChannelBlock *block, gint64 sample,
                         float *lanes)
{
  for (gint32 l = 0; l < block->n_channels; l++)
    {
      gint32 channel = gate->shape.c == 1 ? 0 : block->channel + l;
      guint b = 0;

      while (channel >= gate->blocks[b].channel + gate->blocks[b].n_channels)
        b++;
      lanes[l] = seg_view_at (gate, b, sample, 0, 0)[channel - gate->blocks[b].channel];
    }
}

/* y[i] = x[i] · gate[i]: pixels of a block, each of whose lanes the gate's one channel counts for */
static inline void
seg_multiply_by_channel (gint lanes, gint64 n, const float *restrict x, const float *restrict gate,
                         gint gate_lanes, float *restrict y)
{
  for (gint64 i = 0; i < n; i++, x += lanes, y += lanes, gate += gate_lanes)
#pragma omp simd
    for (gint l = 0; l < lanes; l++)
      y[l] = x[l] * gate[0];
}

static inline void
seg_multiply_by_pixel (gint lanes, gint64 n, const float *restrict x, const float *restrict gate,
                       float *restrict y)
{
  for (gint64 i = 0; i < n; i++, x += lanes, y += lanes)
#pragma omp simd
    for (gint l = 0; l < lanes; l++)
      y[l] = x[l] * gate[l];
}

static void
seg_multiply_forward (SegLayer *layer, const SegRun *run, const SegView *in, guint n_in,
                      SegView *out, const SegPiece *piece)
{
  const SegView *gate = &in[1];
  gboolean pixel = seg_multiply_is_pixel (&gate->shape);
  const SegRect *r = &piece->rect;
  (void) layer, (void) run, (void) n_in;

  for (guint b = piece->block; b < piece->block + piece->n_blocks; b++)
    {
      gint lanes = out->blocks[b].lanes;
      float factors[SEG_KERNEL_MAX_LANES] = { 0 };

      if (pixel)
        seg_multiply_read_pixel (gate, &out->blocks[b], piece->sample, factors);
      for (gint64 y = r->y; y < r->y + r->h; y++)
        {
          const float *x = seg_view_at (&in[0], b, piece->sample, y, r->x);
          float *to = seg_view_at (out, b, piece->sample, y, r->x);

          if (pixel)
            SEG_CALL_WITH_LANES (lanes, seg_multiply_by_pixel, r->w, x, factors, to);
          else if (gate->shape.c == 1)
            SEG_CALL_WITH_LANES (lanes, seg_multiply_by_channel, r->w, x,
                                 seg_view_at (gate, 0, piece->sample, y, r->x),
                                 gate->blocks[0].lanes, to);
          else
            seg_multiply_by_channel (1, r->w * lanes, x,
                                     seg_view_at (gate, b, piece->sample, y, r->x), 1, to);
        }
    }
}

/* dx[i] += dy[i] · gate[i], as forward */
static inline void
seg_multiply_add_by_channel (gint lanes, gint64 n, const float *restrict dy,
                             const float *restrict gate, gint gate_lanes, float *restrict dx)
{
  for (gint64 i = 0; i < n; i++, dy += lanes, dx += lanes, gate += gate_lanes)
#pragma omp simd
    for (gint l = 0; l < lanes; l++)
      dx[l] += dy[l] * gate[0];
}

static inline void
seg_multiply_add_by_pixel (gint lanes, gint64 n, const float *restrict dy,
                           const float *restrict gate, float *restrict dx)
{
  for (gint64 i = 0; i < n; i++, dy += lanes, dx += lanes)
#pragma omp simd
    for (gint l = 0; l < lanes; l++)
      dx[l] += dy[l] * gate[l];
}

static void
seg_multiply_backward_first (const SegView *in, const SegView *dout, SegView *din,
                             const SegPiece *piece)
{
  const SegView *gate = &in[1];
  gboolean pixel = seg_multiply_is_pixel (&gate->shape);
  const SegRect *r = &piece->rect;

  for (guint b = piece->block; b < piece->block + piece->n_blocks; b++)
    {
      gint lanes = din->blocks[b].lanes;
      float factors[SEG_KERNEL_MAX_LANES] = { 0 };

      if (pixel)
        seg_multiply_read_pixel (gate, &din->blocks[b], piece->sample, factors);
      for (gint64 y = r->y; y < r->y + r->h; y++)
        {
          const float *dy = seg_view_at (dout, b, piece->sample, y, r->x);
          float *dx = seg_view_at (din, b, piece->sample, y, r->x);

          if (pixel)
            SEG_CALL_WITH_LANES (lanes, seg_multiply_add_by_pixel, r->w, dy, factors, dx);
          else if (gate->shape.c == 1)
            SEG_CALL_WITH_LANES (lanes, seg_multiply_add_by_channel, r->w, dy,
                                 seg_view_at (gate, 0, piece->sample, y, r->x),
                                 gate->blocks[0].lanes, dx);
          else
            seg_multiply_add_by_channel (1, r->w * lanes, dy,
                                         seg_view_at (gate, b, piece->sample, y, r->x), 1, dx);
        }
    }
}

/* Σ dy·x over a rectangle of one channel of a block: each row on its own, rows in order. */
static double
seg_multiply_sum_channel (const SegView *in, const SegView *dout, guint b, gint lane,
                          gint64 sample, SegRect rect)
{
  gint lanes = in->blocks[b].lanes;
  double sum = 0.;

  for (gint64 y = rect.y; y < rect.y + rect.h; y++)
    {
      const float *x = seg_view_at (&in[0], b, sample, y, rect.x) + lane;
      const float *dy = seg_view_at (dout, b, sample, y, rect.x) + lane;
      double row = 0.;

      for (gint64 i = 0; i < rect.w; i++)
        row += (double) x[i * lanes] * (double) dy[i * lanes];
      sum += row;
    }
  return sum;
}

/* Over channels @first to @end - 1. */
static float
seg_multiply_sum (const SegView *in, const SegView *dout, gint64 first, gint64 end, gint64 sample,
                  SegRect rect)
{
  double sum = 0.;

  for (guint b = 0; b < in->n_blocks; b++)
    for (gint32 l = 0; l < in->blocks[b].n_channels; l++)
      if (in->blocks[b].channel + l >= first && in->blocks[b].channel + l < end)
        sum += seg_multiply_sum_channel (in, dout, b, l, sample, rect);
  return (float) sum;
}

/* Each number of the gate gathers from all that it was multiplied by. */
static void
seg_multiply_backward_gate (const SegView *in, const SegView *dout, SegView *din,
                            const SegPiece *piece)
{
  const SegShape *shape = &in[0].shape;
  gboolean pixel = seg_multiply_is_pixel (&in[1].shape), one = in[1].shape.c == 1;
  const SegRect *r = &piece->rect;

  for (guint b = piece->block; b < piece->block + piece->n_blocks; b++)
    for (gint64 y = r->y; y < r->y + r->h; y++)
      for (gint64 x = r->x; x < r->x + r->w; x++)
        for (gint32 l = 0, c = din->blocks[b].channel; l < din->blocks[b].n_channels; l++, c++)
          seg_view_at (din, b, piece->sample, y, x)[l] += seg_multiply_sum (
              in, dout, one ? 0 : c, one ? shape->c : c + 1, piece->sample,
              pixel ? (SegRect){ 0, 0, shape->w, shape->h } : (SegRect){ x, y, 1, 1 });
}

static void
seg_multiply_backward_input (SegLayer *layer, const SegRun *run, const SegView *in, guint n_in,
                             const SegView *out, const SegView *dout, guint input, SegView *din,
                             const SegPiece *piece)
{
  (void) layer, (void) run, (void) n_in, (void) out;

  if (input == 0)
    seg_multiply_backward_first (in, dout, din, piece);
  else
    seg_multiply_backward_gate (in, dout, din, piece);
}

static void
seg_multiply_class_init (SegMultiplyClass *klass)
{
  SegLayerClass *layer = SEG_LAYER_CLASS (klass);

  layer->min_inputs = layer->max_inputs = 2;
  layer->infer = seg_multiply_infer;
  layer->required = seg_multiply_required;
  layer->layout = seg_multiply_layout;
  layer->forward = seg_multiply_forward;
  layer->backward_input = seg_multiply_backward_input;
  layer->flags = SEG_LAYER_DROPS_OUTPUT;
  seg_layer_class_set_info (layer, "Product of two maps",
                            "Hu, Shen and Sun 2018, eq. 4, arXiv:1709.01507");
}

static void
seg_multiply_init (SegMultiply *self)
{
  (void) self;
}
