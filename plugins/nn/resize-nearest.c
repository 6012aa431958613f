#include <math.h>

#include "blocks.h"
#include "nn.h"

/* Columns worked on at once: their sources are looked up once for all channels and rows. */
#define COLUMNS 256

struct _SegResizeNearest
{
  SegLayer parent_instance;
  gint scale;
};

G_DEFINE_FINAL_TYPE (SegResizeNearest, seg_resize_nearest, SEG_TYPE_LAYER)

/**
 * SegResizeNearest:
 *
 * Resizes a map by repeating or leaving out pixels: by a whole factor, or, with a second input
 * of which only the shape counts, to that one's size.
 * Shapes: (N, C, H, W) → (N, C, H · scale, W · scale), or (N, C, H₁, W₁).
 *
 * Frameworks disagree about the nearest pixel. This is PyTorch's "nearest" (not
 * "nearest-exact"): ⌊i · in / out⌋ with the ratio and the product in single precision, which
 * from a few thousand pixels on is at some places one pixel off the exact quotient. i counts
 * from the map's border, never from a tile's.
 * Source: PyTorch, torch.nn.functional.interpolate, mode "nearest"
 * Halo: none, scaled
 * Kept for backward: nothing
 */

/* The input's pixel that output pixel @i repeats; never decreases with @i. */
static inline gint64
seg_resize_nearest_source (gint64 i, gint64 n_in, gint64 n_out)
{
  float ratio = (float) n_in / (float) n_out;
  return MIN ((gint64) floorf ((float) i * ratio), n_in - 1);
}

/* The first output pixel whose source is @i or later. */
static gint64
seg_resize_nearest_first_reader (gint64 i, gint64 n_in, gint64 n_out)
{
  gint64 reader = MIN (i * n_out / n_in, n_out);

  while (reader > 0 && seg_resize_nearest_source (reader - 1, n_in, n_out) >= i)
    reader--;
  while (reader < n_out && seg_resize_nearest_source (reader, n_in, n_out) < i)
    reader++;
  return reader;
}

static gboolean
seg_resize_nearest_infer (SegLayer *layer, const SegShape *in, guint n_in, SegShape *out,
                          GError **error)
{
  gint64 scale = SEG_RESIZE_NEAREST (layer)->scale;
  (void) error;

  if (n_in == 2)
    *out = (SegShape){ in[0].n, in[0].c, in[1].h, in[1].w };
  else
    *out = (SegShape){ in[0].n, in[0].c, in[0].h * scale, in[0].w * scale };
  return TRUE;
}

static void
seg_resize_nearest_required (SegLayer *layer, const SegShape *in, guint n_in, const SegRect *out,
                             guint input, SegRect *need)
{
  SegShape whole;

  *need = (SegRect){ 0 };
  if (input != 0 || seg_rect_is_empty (out))
    return;
  seg_resize_nearest_infer (layer, in, n_in, &whole, NULL);
  need->x = seg_resize_nearest_source (out->x, in[0].w, whole.w);
  need->y = seg_resize_nearest_source (out->y, in[0].h, whole.h);
  need->w = seg_resize_nearest_source (out->x + out->w - 1, in[0].w, whole.w) + 1 - need->x;
  need->h = seg_resize_nearest_source (out->y + out->h - 1, in[0].h, whole.h) + 1 - need->y;
}

/* Up to here single precision halves, quarters, … whole numbers without an error. */
#define MAX_EXACT (1 << 24)

static gint64
seg_resize_nearest_row_repeat (SegLayer *layer, const SegShape *in, guint n_in)
{
  SegShape out;
  gint64 repeat;

  seg_resize_nearest_infer (layer, in, n_in, &out, NULL);
  repeat = out.h / in[0].h;
  if (repeat * in[0].h != out.h || (repeat & (repeat - 1)) != 0 || out.h > MAX_EXACT)
    return 1;
  return repeat;
}

/* y[i] = x[column[i]]: pixels of a block. */
static inline void
seg_resize_nearest_gather (gint lanes, gsize n, const gint64 *column, const float *restrict x,
                           float *restrict y)
{
  for (gsize i = 0; i < n; i++)
    for (gint l = 0; l < lanes; l++)
      y[i * (gsize) lanes + (gsize) l] = x[column[i] * lanes + l];
}

static void
seg_resize_nearest_forward (SegLayer *layer, const SegRun *run, const SegView *in, guint n_in,
                            SegView *out, const SegPiece *piece)
{
  const SegRect *r = &piece->rect;
  const SegShape *from = &in[0].shape, *to = &out->shape;
  (void) layer, (void) run, (void) n_in;

  for (gint64 x0 = r->x; x0 < r->x + r->w; x0 += COLUMNS)
    {
      gsize n = MIN (COLUMNS, r->x + r->w - x0);
      gint64 left = seg_resize_nearest_source (x0, from->w, to->w);
      gint64 column[COLUMNS]; /* from left on */

      for (gsize i = 0; i < n; i++)
        column[i] = seg_resize_nearest_source (x0 + i, from->w, to->w) - left;

      for (guint b = piece->block; b < piece->block + piece->n_blocks; b++)
        for (gint64 y = r->y; y < r->y + r->h; y++)
          {
            gint64 row = seg_resize_nearest_source (y, from->h, to->h);
            const float *x = seg_view_at (&in[0], b, piece->sample, row, left);
            float *repeated = seg_view_at (out, b, piece->sample, y, x0);

            if (y > r->y && repeated == seg_view_at (out, b, piece->sample, y - 1, x0))
              continue;
            SEG_CALL_WITH_LANES (out->blocks[b].lanes, seg_resize_nearest_gather, n, column, x,
                                 repeated);
          }
    }
}

/* dx += Σ dy[i]: pixels of a block */
static inline void
seg_resize_nearest_add (gint lanes, gint64 n, const float *restrict dy, float *restrict dx)
{
  for (gint64 i = 0; i < n; i++, dy += lanes)
#pragma omp simd
    for (gint l = 0; l < lanes; l++)
      dx[l] += dy[l];
}

/* A pixel's gradient is the sum over those that repeat it: a rectangle, row by row. */
static void
seg_resize_nearest_backward_input (SegLayer *layer, const SegRun *run, const SegView *in,
                                   guint n_in, const SegView *out, const SegView *dout, guint input,
                                   SegView *din, const SegPiece *piece)
{
  const SegRect *r = &piece->rect;
  const SegShape *from = &in[0].shape, *to = &out->shape;
  (void) layer, (void) run, (void) n_in;

  if (input != 0)
    return;
  for (gint64 y = r->y; y < r->y + r->h; y++)
    {
      gint64 top = seg_resize_nearest_first_reader (y, from->h, to->h);
      gint64 bottom = seg_resize_nearest_first_reader (y + 1, from->h, to->h);

      for (gint64 x = r->x; x < r->x + r->w; x++)
        {
          gint64 left = seg_resize_nearest_first_reader (x, from->w, to->w);
          gint64 right = seg_resize_nearest_first_reader (x + 1, from->w, to->w);

          if (left == right)
            continue;
          for (guint b = piece->block; b < piece->block + piece->n_blocks; b++)
            {
              float *dx = seg_view_at (din, b, piece->sample, y, x);

              for (gint64 i = top; i < bottom; i++)
                SEG_CALL_WITH_LANES (din->blocks[b].lanes, seg_resize_nearest_add, right - left,
                                     seg_view_at (dout, b, piece->sample, i, left), dx);
            }
        }
    }
}

static void
seg_resize_nearest_class_init (SegResizeNearestClass *klass)
{
  SegLayerClass *layer = SEG_LAYER_CLASS (klass);

  layer->max_inputs = 2;
  layer->infer = seg_resize_nearest_infer;
  layer->required = seg_resize_nearest_required;
  layer->layout = seg_layer_layout_first;
  layer->row_repeat = seg_resize_nearest_row_repeat;
  layer->forward = seg_resize_nearest_forward;
  layer->backward_input = seg_resize_nearest_backward_input;
  layer->flags = SEG_LAYER_DROPS_INPUT | SEG_LAYER_DROPS_OUTPUT | SEG_LAYER_CHEAP;
  seg_layer_class_set_info (layer, "Nearest-neighbour resizing",
                            "PyTorch, torch.nn.functional.interpolate, mode \"nearest\"");
  seg_class_add_int (klass, "scale", G_STRUCT_OFFSET (SegResizeNearest, scale), 1, 64, 2,
                     "Factor of height and width, where no second input gives the size");
}

static void
seg_resize_nearest_init (SegResizeNearest *self)
{
  (void) self;
}
