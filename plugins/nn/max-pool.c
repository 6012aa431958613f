#include <math.h>

#include "blocks.h"
#include "nn.h"

/* Output columns worked on at once, of planes and of blocks: scratch does not grow with the image, and
 * what a row was read for is still in the cache. */
#define COLUMNS 128
#define BLOCK_COLUMNS 16

struct _SegMaxPool
{
  SegWindowed parent_instance;
};

G_DEFINE_FINAL_TYPE (SegMaxPool, seg_max_pool, SEG_TYPE_WINDOWED)

/**
 * SegMaxPool:
 *
 * The largest number under a window. Padding is skipped, as in PyTorch, not taken for zero; a
 * window that lies wholly in the padding gives -∞. NaN wins. Padding may be at most half the
 * kernel.
 * Shapes: (N, C, H, W) → (N, C, H', W') as SegWindowed has it.
 * Source: Ranzato et al. 2007, Unsupervised learning of invariant feature hierarchies, CVPR
 * Halo: the window's
 * Kept for backward: input and output. Among equals the first in reading order takes the
 *   gradient, as in PyTorch; NaN takes none
 */

static gboolean
seg_max_pool_infer (SegLayer *layer, const SegShape *in, guint n_in, SegShape *out, GError **error)
{
  SegWindow v, h;

  seg_windowed_get_windows (SEG_WINDOWED (layer), &v, &h);
  if (2 * v.padding > v.kernel || 2 * h.padding > h.kernel)
    {
      g_set_error (error, SEG_ERROR, SEG_ERROR_PARAM,
                   "padding %d×%d is more than half of kernel %d×%d", v.padding, h.padding,
                   v.kernel, h.kernel);
      return FALSE;
    }
  return SEG_LAYER_CLASS (seg_max_pool_parent_class)->infer (layer, in, n_in, out, error);
}


/* Where the gradient of one output pixel goes. */
typedef struct
{
  const float *x; /* input under a tap */
  float *dx;      /* NULL: outside the piece */
} Target;

/* Forward a run of the input that BLOCK_COLUMNS outputs look at; COLUMNS of a plane look at less.
 * Backward the taps of a window. */
static gsize
seg_max_pool_scratch (SegLayer *layer, const SegShape *in, guint n_in)
{
  SegWindow v, h;
  gsize run;
  (void) in, (void) n_in;

  seg_windowed_get_windows (SEG_WINDOWED (layer), &v, &h);
  run = (gsize) (BLOCK_COLUMNS - 1) * h.stride + (gsize) (h.kernel - 1) * h.dilation + 1;
  return MAX (run * SEG_KERNEL_MAX_LANES * sizeof (float),
              (gsize) v.kernel * h.kernel * sizeof (Target));
}

/* y[i] = max (y[i], x[i * stride]) for pixels of a block; inlined with constants it becomes vector
 * code. */
static inline void
seg_max_pool_strided (gint lanes, gsize n, const float *restrict x, gsize stride, float *restrict y)
{
  if (lanes == 1)
    {
#pragma omp simd
      for (gsize i = 0; i < n; i++)
        {
          float a = y[i], b = x[i * stride];
          y[i] = b > a || b != b ? b : a;
        }
      return;
    }
  for (gsize i = 0; i < n; i++, x += stride * (gsize) lanes, y += lanes)
#pragma omp simd
    for (gint l = 0; l < lanes; l++)
      {
        float a = y[l], b = x[l];
        y[l] = b > a || b != b ? b : a;
      }
}

/* The maximum of each of @n input columns from @first on, over the rows of output row @y: in @largest,
 * or the only row itself. */
static const float *
seg_max_pool_down (const SegRun *run, const SegView *in, guint block, gint64 sample,
                   const SegWindow *v, gint64 y, gint64 first, gint64 n, float *largest)
{
  gsize n_floats = (gsize) (n * in->blocks[block].lanes);
  const float *before = NULL; /* of the rows so far */

  for (gint t = 0; t < v->kernel; t++)
    {
      gint64 row = y * v->stride - v->padding + (gint64) t * v->dilation;
      const float *x;

      if (row < 0 || row >= in->shape.h)
        continue;
      x = seg_view_at (in, block, sample, row, first);
      if (before != NULL)
        {
          run->kernels->maximum (n_floats, before, x, largest);
          x = largest;
        }
      before = x;
    }
  if (before == NULL)
    for (gsize i = 0; i < n_floats; i++)
      largest[i] = -INFINITY;
  return before != NULL ? before : largest;
}

/* The maximum of those columns, which begin at @first, under each of the windows x…x+n-1. */
static void
seg_max_pool_across (const SegRun *run, const SegWindow *h, gint64 width, gint lanes, gint64 first,
                     const float *largest, gint64 x, gint64 n, float *to)
{
  for (gint64 i = 0; i < n * lanes; i++)
    to[i] = -INFINITY;
  for (gint s = 0; s < h->kernel; s++)
    {
      gint64 offset = (gint64) s * h->dilation - h->padding; /* of the tap in output column 0 */
      gint64 left = MAX (x, -seg_floor_div (offset, h->stride));
      gint64 right = MIN (x + n, seg_floor_div (width - 1 - offset, h->stride) + 1);

      if (left >= right)
        continue;
      const float *from = largest + (left * h->stride + offset - first) * lanes;
      float *run_to = to + (left - x) * lanes;
      gsize n_pixels = (gsize) (right - left);

      if (h->stride == 1)
        run->kernels->maximum (n_pixels * (gsize) lanes, run_to, from, run_to);
      else if (h->stride == 2)
        SEG_CALL_WITH_LANES (lanes, seg_max_pool_strided, n_pixels, from, 2, run_to);
      else
        SEG_CALL_WITH_LANES (lanes, seg_max_pool_strided, n_pixels, from, (gsize) h->stride,
                             run_to);
    }
}

static void
seg_max_pool_forward (SegLayer *layer, const SegRun *run, const SegView *in, guint n_in,
                      SegView *out, const SegPiece *piece)
{
  gint64 width = in->shape.w, end_x = piece->rect.x + piece->rect.w;
  gint lanes = out->blocks[piece->block].lanes, at_once = lanes == 1 ? COLUMNS : BLOCK_COLUMNS;
  SegWindow v, h;
  (void) n_in;

  seg_windowed_get_windows (SEG_WINDOWED (layer), &v, &h);
  for (guint b = piece->block; b < piece->block + piece->n_blocks; b++)
    for (gint64 y = piece->rect.y; y < piece->rect.y + piece->rect.h; y++)
      for (gint64 x = piece->rect.x; x < end_x; x += at_once)
        {
          gint64 n = MIN (at_once, end_x - x);
          gint64 first = x * h.stride - h.padding;
          gint64 end = first + (n - 1) * h.stride + (gint64) (h.kernel - 1) * h.dilation + 1;
          const float *largest;

          first = CLAMP (first, 0, width);
          end = CLAMP (end, first, width);
          largest = seg_max_pool_down (run, in, b, piece->sample, &v, y, first, end - first,
                                       run->scratch);
          seg_max_pool_across (run, &h, width, lanes, first, largest, x, n,
                               seg_view_at (out, b, piece->sample, y, x));
        }
}

/* dx of the first tap whose input is the maximum += dy, in each lane. */
static inline void
seg_max_pool_give (gint lanes, guint n_taps, const Target *taps, const float *restrict y,
                   const float *restrict dy)
{
  float rest[SEG_KERNEL_MAX_LANES];

  for (gint l = 0; l < lanes; l++)
    rest[l] = dy[l];
  for (guint t = 0; t < n_taps; t++)
    {
      const float *restrict x = taps[t].x;
      float *restrict dx = taps[t].dx;

      if (dx != NULL)
#pragma omp simd
        for (gint l = 0; l < lanes; l++)
          dx[l] += x[l] == y[l] ? rest[l] : 0.f;
#pragma omp simd
      for (gint l = 0; l < lanes; l++)
        rest[l] = x[l] == y[l] ? 0.f : rest[l];
    }
}

/* The taps of output (@x, @y) that lie in the map. */
static guint
seg_max_pool_find_taps (const SegView *in, const SegView *din, const SegWindow *v,
                        const SegWindow *h, const SegPiece *piece, guint b, gint64 y, gint64 x,
                        Target *taps)
{
  const SegRect *r = &piece->rect;
  guint n = 0;

  for (gint t = 0; t < v->kernel; t++)
    for (gint s = 0; s < h->kernel; s++)
      {
        gint64 row = y * v->stride - v->padding + (gint64) t * v->dilation;
        gint64 column = x * h->stride - h->padding + (gint64) s * h->dilation;
        gboolean inside = row >= r->y && row < r->y + r->h && column >= r->x
                          && column < r->x + r->w;

        if (row >= 0 && row < in->shape.h && column >= 0 && column < in->shape.w)
          taps[n++] = (Target){ seg_view_at (in, b, piece->sample, row, column),
                                inside ? seg_view_at (din, b, piece->sample, row, column) : NULL };
      }
  return n;
}

/* Outputs whose windows reach into @n pixels from @first on: *@from … *@end - 1. */
static void
seg_max_pool_find_readers (const SegWindow *w, gint64 first, gint64 n, gint64 size, gint64 *from,
                           gint64 *end)
{
  gint64 reach = (gint64) (w->kernel - 1) * w->dilation;

  *from = MAX (-seg_floor_div (reach - first - w->padding, w->stride), 0);
  *end = MIN (seg_floor_div (first + n - 1 + w->padding, w->stride) + 1, size);
}

/* Goes through the outputs that look at the piece, in reading order, wherever it ends. */
static void
seg_max_pool_backward_input (SegLayer *layer, const SegRun *run, const SegView *in, guint n_in,
                             const SegView *out, const SegView *dout, guint input, SegView *din,
                             const SegPiece *piece)
{
  const SegRect *r = &piece->rect;
  gint64 left, right, top, bottom;
  Target *taps = run->scratch;
  SegWindow v, h;
  (void) n_in, (void) input;

  seg_windowed_get_windows (SEG_WINDOWED (layer), &v, &h);
  seg_max_pool_find_readers (&v, r->y, r->h, out->shape.h, &top, &bottom);
  seg_max_pool_find_readers (&h, r->x, r->w, out->shape.w, &left, &right);
  for (guint b = piece->block; b < piece->block + piece->n_blocks; b++)
    for (gint64 y = top; y < bottom; y++)
      for (gint64 x = left; x < right; x++)
        {
          guint n_taps = seg_max_pool_find_taps (in, din, &v, &h, piece, b, y, x, taps);

          SEG_CALL_WITH_LANES (din->blocks[b].lanes, seg_max_pool_give, n_taps, taps,
                               seg_view_at (out, b, piece->sample, y, x),
                               seg_view_at (dout, b, piece->sample, y, x));
        }
}

static void
seg_max_pool_class_init (SegMaxPoolClass *klass)
{
  SegLayerClass *layer = SEG_LAYER_CLASS (klass);

  layer->infer = seg_max_pool_infer;
  layer->scratch = seg_max_pool_scratch;
  layer->layout = seg_layer_layout_alike;
  layer->forward = seg_max_pool_forward;
  layer->backward_input = seg_max_pool_backward_input;
  seg_layer_class_set_info (layer, "Max pooling", "Ranzato, Huang, Boureau and LeCun 2007, CVPR");
}

static void
seg_max_pool_init (SegMaxPool *self)
{
  (void) self;
}
