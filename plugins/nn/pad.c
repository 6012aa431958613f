#include <string.h>

#include "nn.h"

#define MARGIN_MAX 65536

typedef enum
{
  SEG_PAD_ZERO,
  SEG_PAD_REFLECT,
  SEG_PAD_REPLICATE,
} SegPadMode;

static GType seg_pad_mode_get_type (void);
G_DEFINE_ENUM_TYPE (SegPadMode, seg_pad_mode,
                    G_DEFINE_ENUM_VALUE (SEG_PAD_ZERO, "zero"),
                    G_DEFINE_ENUM_VALUE (SEG_PAD_REFLECT, "reflect"),
                    G_DEFINE_ENUM_VALUE (SEG_PAD_REPLICATE, "replicate"))

struct _SegPad
{
  SegLayer parent_instance;
  gint top, bottom, left, right, multiple, remainder;
  SegPadMode mode;
};

G_DEFINE_FINAL_TYPE (SegPad, seg_pad, SEG_TYPE_LAYER)

/**
 * SegPad:
 *
 * Puts pixels around a map; a negative margin crops. With a second input, of which only the
 * shape counts, it pads or crops to that one's size and the properties play no part: half of
 * the difference, rounded down, goes to the top and left. That is the classic U-Net's rule for
 * skips of odd size, as its PyTorch versions have it (floor also where the difference is
 * negative).
 *
 * Without one, "multiple" and "remainder" round each size up, after the margins: half of what that
 * takes, rounded down, goes to the top and left, too. A crop to the size from before therefore
 * finds the map in its place.
 *
 * The new pixels are zeros, or the nearest pixel again (replicate), or the map mirrored at the
 * centres of its outermost pixels (reflect), back and forth if the margin is as large as the map:
 * PyTorch refuses that, numpy.pad does what is done here.
 * Shapes: (N, C, H, W) → (N, C, H + top + bottom, W + left + right), each rounded up to remainder
 *   more than a multiple.
 * Source: Ronneberger, Fischer and Brox 2015, U-Net, sections 2 (the crop) and 3.1 (the mirror),
 *   arXiv:1505.04597
 * Halo: none, moved by the margins; the pixels that margins repeat
 * Kept for backward: nothing
 *
 * Longer than most layers: three modes, and the two ways to say how much.
 */

typedef struct
{
  gint64 top, left, height, width;
} Margins;

/* What rounding up adds to a size. */
static gint64
seg_pad_get_surplus (SegPad *self, gint64 size)
{
  gint64 beyond = size - self->remainder;

  return -seg_floor_div (-beyond, self->multiple) * self->multiple - beyond;
}

static Margins
seg_pad_get_margins (SegLayer *layer, const SegShape *in, guint n_in)
{
  SegPad *self = SEG_PAD (layer);
  gint64 height = in[0].h + self->top + self->bottom, width = in[0].w + self->left + self->right;
  gint64 taller = seg_pad_get_surplus (self, height), wider = seg_pad_get_surplus (self, width);

  if (n_in == 2)
    return (Margins){ seg_floor_div (in[1].h - in[0].h, 2), seg_floor_div (in[1].w - in[0].w, 2),
                      in[1].h, in[1].w };
  return (Margins){ self->top + taller / 2, self->left + wider / 2, height + taller, width + wider };
}

static Margins
seg_pad_get_view_margins (SegLayer *layer, const SegView *in, guint n_in)
{
  SegShape shapes[2] = { in[0].shape, in[n_in - 1].shape };

  return seg_pad_get_margins (layer, shapes, n_in);
}

static gboolean
seg_pad_is_identity (SegLayer *layer, const SegShape *in, guint n_in)
{
  Margins m = seg_pad_get_margins (layer, in, n_in);

  return m.top == 0 && m.left == 0 && m.height == in[0].h && m.width == in[0].w;
}

static gboolean
seg_pad_infer (SegLayer *layer, const SegShape *in, guint n_in, SegShape *out, GError **error)
{
  Margins m = seg_pad_get_margins (layer, in, n_in);

  if (m.height < 1 || m.width < 1)
    {
      g_set_error (error, SEG_ERROR, SEG_ERROR_SHAPE,
                   "margins leave %" G_GINT64_FORMAT "×%" G_GINT64_FORMAT " of %" G_GINT64_FORMAT
                   "×%" G_GINT64_FORMAT " pixels",
                   m.height, m.width, in[0].h, in[0].w);
      return FALSE;
    }
  *out = (SegShape){ in[0].n, in[0].c, m.height, m.width };
  return TRUE;
}

/* The pixel of an axis of @n that stands at @i, or -1: a zero. */
static inline gint64
seg_pad_source (SegPadMode mode, gint64 i, gint64 n)
{
  gint64 period = 2 * (n - 1);

  if (i >= 0 && i < n)
    return i;
  if (mode == SEG_PAD_ZERO)
    return -1;
  if (mode == SEG_PAD_REPLICATE || n == 1)
    return i < 0 ? 0 : n - 1;
  i -= seg_floor_div (i, period) * period;
  return i < n ? i : period - i;
}

/* The smallest range that holds the sources of @first to @first + @count - 1. */
static void
seg_pad_get_range (SegPadMode mode, gint64 first, gint64 count, gint64 n, gint64 *start,
                   gint64 *length)
{
  gint64 last = first + count - 1, period = 2 * (n - 1), a, b;

  *start = first;
  *length = count;
  if (mode == SEG_PAD_ZERO || count < 1)
    return;
  a = seg_pad_source (mode, first, n);
  b = seg_pad_source (mode, last, n);
  *start = MIN (a, b);
  *length = MAX (a, b) + 1 - *start;
  if (mode == SEG_PAD_REPLICATE || n == 1)
    return;
  /* the mirror turns at multiples of the period, and half way between them */
  if (seg_floor_div (last, period) * period >= first)
    *start = 0;
  if (seg_floor_div (last - (n - 1), period) * period + n - 1 >= first)
    b = n - 1;
  *length = MAX (a, b) + 1 - *start;
}

static void
seg_pad_required (SegLayer *layer, const SegShape *in, guint n_in, const SegRect *out, guint input,
                  SegRect *need)
{
  SegPadMode mode = SEG_PAD (layer)->mode;
  Margins m = seg_pad_get_margins (layer, in, n_in);

  *need = (SegRect){ 0 };
  if (input != 0)
    return;
  seg_pad_get_range (mode, out->x - m.left, out->w, in[0].w, &need->x, &need->w);
  seg_pad_get_range (mode, out->y - m.top, out->h, in[0].h, &need->y, &need->h);
}

/* Pixels @x to @x + @n - 1 of a margin; @from is the address of column @valid. */
static void
seg_pad_fill (SegPadMode mode, const float *from, gint64 valid, gint64 x, gint64 n, gint64 width,
              gint lanes, float *to)
{
  for (gint64 i = 0; i < n; i++, to += lanes)
    {
      gint64 source = seg_pad_source (mode, x + i, width);

      for (gint l = 0; l < lanes; l++)
        to[l] = source < 0 ? 0.f : from[(source - valid) * lanes + l];
    }
}

static void
seg_pad_forward (SegLayer *layer, const SegRun *run, const SegView *in, guint n_in, SegView *out,
                 const SegPiece *piece)
{
  SegPadMode mode = SEG_PAD (layer)->mode;
  Margins m = seg_pad_get_view_margins (layer, in, n_in);
  gint64 width = in[0].shape.w, valid = in[0].valid.x;
  gint64 first = piece->rect.x - m.left, end = first + piece->rect.w; /* input's columns */
  gint64 left = CLAMP (0, first, end), right = CLAMP (width, left, end); /* what is copied */
  (void) run;

  for (guint b = piece->block; b < piece->block + piece->n_blocks; b++)
    for (gint64 y = piece->rect.y; y < piece->rect.y + piece->rect.h; y++)
      {
        float *to = seg_view_at (out, b, piece->sample, y, piece->rect.x);
        gint64 row = seg_pad_source (mode, y - m.top, in[0].shape.h);
        gint lanes = out->blocks[b].lanes;
        const float *from;

        if (row < 0 || in[0].valid.w < 1) /* zeros only, and then maybe nothing is held */
          {
            memset (to, 0, (gsize) (piece->rect.w * lanes) * sizeof (float));
            continue;
          }
        from = seg_view_at (&in[0], b, piece->sample, row, valid);
        seg_pad_fill (mode, from, valid, first, left - first, width, lanes, to);
        if (right > left)
          memcpy (to + (left - first) * lanes, from + (left - valid) * lanes,
                  (gsize) ((right - left) * lanes) * sizeof (float));
        seg_pad_fill (mode, from, valid, right, end - right, width, lanes,
                      to + (right - first) * lanes);
      }
}

/* dx (source of ox) += dy (ox) for the outputs @from … @end - 1 of a margin; of the input's columns only
 * those of @r. */
static void
seg_pad_gather (SegPadMode mode, const float *dy, gint64 from, gint64 end, gint64 left,
                gint64 width, gint lanes, const SegRect *r, float *dx)
{
  for (gint64 ox = from; ox < end; ox++)
    {
      gint64 x = seg_pad_source (mode, ox - left, width);

      if (x < r->x || x >= r->x + r->w)
        continue;
      for (gint l = 0; l < lanes; l++)
        dx[(x - r->x) * lanes + l] += dy[ox * lanes + l];
    }
}

/* A pixel's gradient is the sum over the places where it stands, in reading order. */
static void
seg_pad_backward_input (SegLayer *layer, const SegRun *run, const SegView *in, guint n_in,
                        const SegView *out, const SegView *dout, guint input, SegView *din,
                        const SegPiece *piece)
{
  SegPadMode mode = SEG_PAD (layer)->mode;
  Margins m = seg_pad_get_view_margins (layer, in, n_in);
  const SegRect *r = &piece->rect;
  gint64 width = in[0].shape.w, end = out->shape.w;
  gint64 left = CLAMP (m.left, 0, end), right = CLAMP (m.left + width, left, end);
  gint64 first = MAX (r->x, left - m.left), last = MIN (r->x + r->w, right - m.left);

  if (input != 0)
    return;
  for (guint b = piece->block; b < piece->block + piece->n_blocks; b++)
    for (gint64 oy = 0; oy < out->shape.h; oy++)
      {
        gint64 y = seg_pad_source (mode, oy - m.top, in[0].shape.h);
        gint lanes = din->blocks[b].lanes;
        const float *dy;
        float *dx;

        if (y < r->y || y >= r->y + r->h)
          continue;
        dy = seg_view_at (dout, b, piece->sample, oy, 0);
        dx = seg_view_at (din, b, piece->sample, y, r->x);
        seg_pad_gather (mode, dy, 0, left, m.left, width, lanes, r, dx);
        if (first < last)
          run->kernels->add ((gsize) ((last - first) * lanes), dx + (first - r->x) * lanes,
                             dy + (first + m.left) * lanes, dx + (first - r->x) * lanes);
        seg_pad_gather (mode, dy, right, end, m.left, width, lanes, r, dx);
      }
}

static void
seg_pad_class_init (SegPadClass *klass)
{
  SegLayerClass *layer = SEG_LAYER_CLASS (klass);

  layer->max_inputs = 2;
  layer->infer = seg_pad_infer;
  layer->required = seg_pad_required;
  layer->layout = seg_layer_layout_first;
  layer->is_identity = seg_pad_is_identity;
  layer->forward = seg_pad_forward;
  layer->backward_input = seg_pad_backward_input;
  layer->flags = SEG_LAYER_DROPS_INPUT | SEG_LAYER_DROPS_OUTPUT;
  seg_layer_class_set_info (layer, "Padding and cropping",
                            "Ronneberger, Fischer and Brox 2015, arXiv:1505.04597");
  seg_class_add_int (klass, "top", G_STRUCT_OFFSET (SegPad, top), -MARGIN_MAX, MARGIN_MAX, 0,
                     "Rows put above");
  seg_class_add_int (klass, "bottom", G_STRUCT_OFFSET (SegPad, bottom), -MARGIN_MAX, MARGIN_MAX, 0,
                     "Rows put below");
  seg_class_add_int (klass, "left", G_STRUCT_OFFSET (SegPad, left), -MARGIN_MAX, MARGIN_MAX, 0,
                     "Columns put on the left");
  seg_class_add_int (klass, "right", G_STRUCT_OFFSET (SegPad, right), -MARGIN_MAX, MARGIN_MAX, 0,
                     "Columns put on the right");
  seg_class_add_enum (klass, "mode", G_STRUCT_OFFSET (SegPad, mode), seg_pad_mode_get_type (),
                      SEG_PAD_ZERO, "What the new pixels are: zero, reflect or replicate");
  seg_class_add_int (klass, "multiple", G_STRUCT_OFFSET (SegPad, multiple), 1, MARGIN_MAX, 1,
                     "Sizes are rounded up to multiples of this");
  seg_class_add_int (klass, "remainder", G_STRUCT_OFFSET (SegPad, remainder), 0, MARGIN_MAX, 0,
                     "What rounded sizes have more than a multiple");
}

static void
seg_pad_init (SegPad *self)
{
  (void) self;
}
