#include <math.h>

#include "blocks.h"
#include "nn.h"

/* Columns worked on at once: their sources are looked up once for all channels and rows. */
#define COLUMNS 256

struct _SegResizeBilinear
{
  SegLayer parent_instance;
  gint scale;
  gboolean align_corners;
};

G_DEFINE_FINAL_TYPE (SegResizeBilinear, seg_resize_bilinear, SEG_TYPE_LAYER)

/**
 * SegResizeBilinear:
 *
 * Resizes a map by straight lines between pixels: by a whole factor, or, with a second input of
 * which only the shape counts, to that one's size. It does not smooth before it shrinks.
 * Shapes: (N, C, H, W) → (N, C, H · scale, W · scale), or (N, C, H₁, W₁).
 *
 * Where output pixel i looks is PyTorch's rule: without align-corners at max (ratio · (i + ½) -
 * ½, 0), ratio = in / out, so that the maps' borders meet; with it at ratio · i, ratio =
 * (in - 1) / (out - 1), so that the centres of the corner pixels meet. The ratio is rounded to
 * single precision, as PyTorch rounds it, and from it the position follows exactly; i counts from
 * the map's border, never from a tile's.
 * Source: PyTorch, torch.nn.functional.interpolate, mode "bilinear"
 * Halo: one pixel, scaled
 * Kept for backward: nothing
 *
 * Longer than most layers: rows and columns of both directions are the same few functions.
 */

/* One axis of a resizing. */
typedef struct
{
  gint64 n_in, n_out;
  float ratio;
  gboolean align_corners;
} SegAxis;

/* Output = (1 - weight) · input[first] + weight · input[second] */
typedef struct
{
  gint64 first, second;
  float weight;
} SegTapPair;

static SegAxis
seg_axis_new (gint64 n_in, gint64 n_out, gboolean align_corners)
{
  SegAxis axis = { n_in, n_out, 0.f, align_corners };

  if (!align_corners)
    axis.ratio = (float) n_in / (float) n_out;
  else if (n_out > 1)
    axis.ratio = (float) (n_in - 1) / (float) (n_out - 1);
  return axis;
}

/* Neither source ever decreases with @i. An axis that keeps its size looks at one pixel only. */
static SegTapPair
seg_axis_look (const SegAxis *axis, gint64 i)
{
  double at = axis->align_corners ? (double) axis->ratio * (double) i
                                  : (double) axis->ratio * ((double) i + 0.5) - 0.5;
  gint64 first = at > 0. ? MIN ((gint64) at, axis->n_in - 1) : 0;
  gint64 second = axis->n_in != axis->n_out ? MIN (first + 1, axis->n_in - 1) : first;

  return (SegTapPair){ first, second, (float) CLAMP (at - (double) first, 0., 1.) };
}

/* The first output that looks at input @i or later with its second tap, or with its first. */
static gint64
seg_axis_first_reader (const SegAxis *axis, gint64 i, gboolean with_first)
{
  gint64 low = 0, high = axis->n_out;

  while (low < high)
    {
      gint64 middle = low + (high - low) / 2;
      SegTapPair pair = seg_axis_look (axis, middle);

      if ((with_first ? pair.first : pair.second) >= i)
        high = middle;
      else
        low = middle + 1;
    }
  return low;
}

/* What output @reader takes of input @i. */
static double
seg_axis_share (const SegAxis *axis, gint64 reader, gint64 i)
{
  SegTapPair pair = seg_axis_look (axis, reader);

  return (pair.first == i ? 1. - (double) pair.weight : 0.)
         + (pair.second == i ? (double) pair.weight : 0.);
}

static gboolean
seg_resize_bilinear_infer (SegLayer *layer, const SegShape *in, guint n_in, SegShape *out,
                           GError **error)
{
  gint64 scale = SEG_RESIZE_BILINEAR (layer)->scale;
  (void) error;

  if (n_in == 2)
    *out = (SegShape){ in[0].n, in[0].c, in[1].h, in[1].w };
  else
    *out = (SegShape){ in[0].n, in[0].c, in[0].h * scale, in[0].w * scale };
  return TRUE;
}

static void
seg_resize_bilinear_required (SegLayer *layer, const SegShape *in, guint n_in, const SegRect *out,
                              guint input, SegRect *need)
{
  gboolean align = SEG_RESIZE_BILINEAR (layer)->align_corners;
  SegAxis v, h;
  SegShape whole;

  *need = (SegRect){ 0 };
  if (input != 0 || seg_rect_is_empty (out))
    return;
  seg_resize_bilinear_infer (layer, in, n_in, &whole, NULL);
  v = seg_axis_new (in[0].h, whole.h, align);
  h = seg_axis_new (in[0].w, whole.w, align);
  need->x = seg_axis_look (&h, out->x).first;
  need->y = seg_axis_look (&v, out->y).first;
  need->w = seg_axis_look (&h, out->x + out->w - 1).second + 1 - need->x;
  need->h = seg_axis_look (&v, out->y + out->h - 1).second + 1 - need->y;
}

/* A run of output pixels between two rows: across both rows first, then down, as PyTorch does. */
static inline void
seg_resize_bilinear_mix (gint lanes, gsize n, const SegTapPair *columns, float down,
                         const float *restrict above, const float *restrict below,
                         float *restrict to)
{
  for (gsize i = 0; i < n; i++, to += lanes)
    {
      gint64 first = columns[i].first * lanes, second = columns[i].second * lanes;
      float w = columns[i].weight;

#pragma omp simd
      for (gint l = 0; l < lanes; l++)
        {
          float a = (1.f - w) * above[first + l] + w * above[second + l];
          float c = (1.f - w) * below[first + l] + w * below[second + l];
          to[l] = (1.f - down) * a + down * c;
        }
    }
}

static void
seg_resize_bilinear_forward (SegLayer *layer, const SegRun *run, const SegView *in, guint n_in,
                             SegView *out, const SegPiece *piece)
{
  gboolean align = SEG_RESIZE_BILINEAR (layer)->align_corners;
  SegAxis v = seg_axis_new (in[0].shape.h, out->shape.h, align);
  SegAxis h = seg_axis_new (in[0].shape.w, out->shape.w, align);
  const SegRect *r = &piece->rect;
  (void) run, (void) n_in;

  for (gint64 x0 = r->x; x0 < r->x + r->w; x0 += COLUMNS)
    {
      gsize n = MIN (COLUMNS, r->x + r->w - x0);
      gint64 left = seg_axis_look (&h, x0).first;
      SegTapPair columns[COLUMNS]; /* from left on */

      for (gsize i = 0; i < n; i++)
        {
          columns[i] = seg_axis_look (&h, x0 + (gint64) i);
          columns[i].first -= left;
          columns[i].second -= left;
        }

      for (guint b = piece->block; b < piece->block + piece->n_blocks; b++)
        for (gint64 y = r->y; y < r->y + r->h; y++)
          {
            SegTapPair rows = seg_axis_look (&v, y);
            const float *above = seg_view_at (&in[0], b, piece->sample, rows.first, left);
            const float *below = seg_view_at (&in[0], b, piece->sample, rows.second, left);
            float *to = seg_view_at (out, b, piece->sample, y, x0);

            SEG_CALL_WITH_LANES (out->blocks[b].lanes, seg_resize_bilinear_mix, n, columns,
                                 rows.weight, above, below, to);
          }
    }
}

/* What the outputs that look at input @i take of it: the first of them, and their shares. */
static gint64
seg_axis_get_shares (const SegAxis *axis, gint64 i, gint64 *n, double *shares)
{
  gint64 first = seg_axis_first_reader (axis, i, FALSE);

  *n = seg_axis_first_reader (axis, i + 1, TRUE) - first;
  for (gint64 j = 0; j < *n; j++)
    shares[j] = seg_axis_share (axis, first + j, i);
  return first;
}

/* Of all outputs of both axes, at most. */
static gsize
seg_resize_bilinear_scratch (SegLayer *layer, const SegShape *in, guint n_in)
{
  SegShape out;

  seg_resize_bilinear_infer (layer, in, n_in, &out, NULL);
  return (gsize) (out.w + out.h) * sizeof (double);
}

/* sum += share · Σ shares[j] · dy[j]: pixels of a block */
static inline void
seg_resize_bilinear_gather (gint lanes, gint64 n, double share, const double *shares,
                            const float *restrict dy, double *restrict sum)
{
  double row[SEG_KERNEL_MAX_LANES] = { 0 };

  for (gint64 j = 0; j < n; j++, dy += lanes)
#pragma omp simd
    for (gint l = 0; l < lanes; l++)
      row[l] += shares[j] * (double) dy[l];
#pragma omp simd
  for (gint l = 0; l < lanes; l++)
    sum[l] += share * row[l];
}

/* A pixel's gradient is the sum over outputs between its neighbours: a rectangle, row by row. */
static void
seg_resize_bilinear_backward_input (SegLayer *layer, const SegRun *run, const SegView *in,
                                    guint n_in, const SegView *out, const SegView *dout,
                                    guint input, SegView *din, const SegPiece *piece)
{
  gboolean align = SEG_RESIZE_BILINEAR (layer)->align_corners;
  SegAxis v = seg_axis_new (in[0].shape.h, out->shape.h, align);
  SegAxis h = seg_axis_new (in[0].shape.w, out->shape.w, align);
  double *across = run->scratch, *down = across + out->shape.w;
  const SegRect *r = &piece->rect;
  (void) n_in;

  if (input != 0)
    return;
  for (gint64 x = r->x; x < r->x + r->w; x++)
    {
      gint64 width, height, left = seg_axis_get_shares (&h, x, &width, across);

      for (gint64 y = r->y; y < r->y + r->h; y++)
        {
          gint64 top = seg_axis_get_shares (&v, y, &height, down);

          for (guint b = piece->block; b < piece->block + piece->n_blocks && width > 0; b++)
            {
              gint lanes = din->blocks[b].lanes;
              float *dx = seg_view_at (din, b, piece->sample, y, x);
              double sum[SEG_KERNEL_MAX_LANES] = { 0 };

              for (gint64 i = 0; i < height; i++)
                SEG_CALL_WITH_LANES (lanes, seg_resize_bilinear_gather, width, down[i], across,
                                     seg_view_at (dout, b, piece->sample, top + i, left), sum);
              for (gint l = 0; l < lanes; l++)
                dx[l] += (float) sum[l];
            }
        }
    }
}

static void
seg_resize_bilinear_class_init (SegResizeBilinearClass *klass)
{
  SegLayerClass *layer = SEG_LAYER_CLASS (klass);

  layer->max_inputs = 2;
  layer->infer = seg_resize_bilinear_infer;
  layer->required = seg_resize_bilinear_required;
  layer->scratch = seg_resize_bilinear_scratch;
  layer->layout = seg_layer_layout_first;
  layer->forward = seg_resize_bilinear_forward;
  layer->backward_input = seg_resize_bilinear_backward_input;
  layer->flags = SEG_LAYER_DROPS_INPUT | SEG_LAYER_DROPS_OUTPUT;
  seg_layer_class_set_info (layer, "Bilinear resizing",
                            "PyTorch, torch.nn.functional.interpolate, mode \"bilinear\"");
  seg_class_add_int (klass, "scale", G_STRUCT_OFFSET (SegResizeBilinear, scale), 1, 64, 2,
                     "Factor of height and width, where no second input gives the size");
  seg_class_add_boolean (klass, "align-corners", G_STRUCT_OFFSET (SegResizeBilinear, align_corners),
                         FALSE, "Let the centres of the corner pixels meet, not the maps' borders");
}

static void
seg_resize_bilinear_init (SegResizeBilinear *self)
{
  (void) self;
}
