#include "blocks.h"
#include "nn.h"

/* Output columns worked on at once, of planes and of blocks: their sums stay on the thread's stack. */
#define COLUMNS 128
#define BLOCK_COLUMNS (COLUMNS / SEG_KERNEL_MAX_LANES)

struct _SegAvgPool
{
  SegWindowed parent_instance;
  gboolean count_include_pad;
};

G_DEFINE_FINAL_TYPE (SegAvgPool, seg_avg_pool, SEG_TYPE_WINDOWED)

/**
 * SegAvgPool:
 *
 * The mean under a window. Padding counts as zeros, or, without count-include-pad, not at all.
 * It may be at most half the kernel; there is no dilation.
 * Shapes: (N, C, H, W) → (N, C, H', W') as SegWindowed has it.
 * Source: LeCun et al. 1998, Gradient-based learning applied to document recognition, section
 *   II.A; PyTorch, torch.nn.AvgPool2d
 * Halo: the window's
 * Kept for backward: nothing
 */

static gboolean
seg_avg_pool_infer (SegLayer *layer, const SegShape *in, guint n_in, SegShape *out, GError **error)
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
  if (v.dilation != 1 || h.dilation != 1)
    {
      g_set_error (error, SEG_ERROR, SEG_ERROR_PARAM, "the window of a mean has no dilation");
      return FALSE;
    }
  return SEG_LAYER_CLASS (seg_avg_pool_parent_class)->infer (layer, in, n_in, out, error);
}

/* How many pixels of an axis output @i is a mean of. */
static inline gint64
seg_avg_pool_count (SegAvgPool *self, const SegWindow *w, gint64 size, gint64 i)
{
  gint64 first = i * w->stride - w->padding;

  if (self->count_include_pad)
    return w->kernel;
  return MIN (first + w->kernel, size) - MAX (first, 0);
}

/* sum[i] += x[i * stride]: pixels of a block */
static inline void
seg_avg_pool_add_strided (gint lanes, gint64 n, const float *restrict x, gint stride,
                          double *restrict sum)
{
  for (gint64 i = 0; i < n; i++, x += stride * lanes, sum += lanes)
#pragma omp simd
    for (gint l = 0; l < lanes; l++)
      sum[l] += (double) x[l];
}

/* sum[i] += the pixels of one row under windows x…x+n-1, from left to right. */
static void
seg_avg_pool_add_row (const SegView *in, guint b, gint64 sample, gint64 y, const SegWindow *h,
                      gint64 x, gint64 n, double *sum)
{
  gint lanes = in->blocks[b].lanes;

  for (gint s = 0; s < h->kernel; s++)
    {
      gint64 offset = s - h->padding; /* of the tap in output column 0 */
      gint64 left = MAX (x, -seg_floor_div (offset, h->stride));
      gint64 right = MIN (x + n, seg_floor_div (in->shape.w - 1 - offset, h->stride) + 1);

      if (left < right)
        SEG_CALL_WITH_LANES (lanes, seg_avg_pool_add_strided, right - left,
                             seg_view_at (in, b, sample, y, left * h->stride + offset), h->stride,
                             sum + (left - x) * lanes);
    }
}

static void
seg_avg_pool_forward (SegLayer *layer, const SegRun *run, const SegView *in, guint n_in,
                      SegView *out, const SegPiece *piece)
{
  SegAvgPool *self = SEG_AVG_POOL (layer);
  gint64 height = in->shape.h, width = in->shape.w, end_x = piece->rect.x + piece->rect.w;
  gint lanes = out->blocks[piece->block].lanes, at_once = lanes == 1 ? COLUMNS : BLOCK_COLUMNS;
  SegWindow v, h;
  (void) run, (void) n_in;

  seg_windowed_get_windows (SEG_WINDOWED (layer), &v, &h);
  for (guint b = piece->block; b < piece->block + piece->n_blocks; b++)
    for (gint64 y = piece->rect.y; y < piece->rect.y + piece->rect.h; y++)
      for (gint64 x = piece->rect.x; x < end_x; x += at_once)
        {
          gint64 n = MIN (at_once, end_x - x), top = y * v.stride - v.padding;
          gint64 rows = seg_avg_pool_count (self, &v, height, y);
          float *to = seg_view_at (out, b, piece->sample, y, x);
          double sum[COLUMNS] = { 0 };

          for (gint64 row = MAX (top, 0); row < MIN (top + v.kernel, height); row++)
            seg_avg_pool_add_row (in, b, piece->sample, row, &h, x, n, sum);
          for (gint64 i = 0; i < n; i++)
            {
              double count = (double) (rows * seg_avg_pool_count (self, &h, width, x + i));

              for (gint l = 0; l < lanes; l++)
                to[i * lanes + l] = (float) (sum[i * lanes + l] / count);
            }
        }
}

/* sum += dy / count: a pixel of a block */
static inline void
seg_avg_pool_add_share (gint lanes, double count, const float *restrict dy, double *restrict sum)
{
#pragma omp simd
  for (gint l = 0; l < lanes; l++)
    sum[l] += (double) dy[l] / count;
}

/* Each pixel takes its share of the gradient of every mean that it went into. */
static void
seg_avg_pool_backward_input (SegLayer *layer, const SegRun *run, const SegView *in, guint n_in,
                             const SegView *out, const SegView *dout, guint input, SegView *din,
                             const SegPiece *piece)
{
  SegAvgPool *self = SEG_AVG_POOL (layer);
  const SegShape *from = &in->shape, *to = &out->shape;
  const SegRect *r = &piece->rect;
  SegWindow v, h;
  (void) run, (void) n_in, (void) input;

  seg_windowed_get_windows (SEG_WINDOWED (layer), &v, &h);
  for (gint64 y = r->y; y < r->y + r->h; y++)
    for (gint64 x = r->x; x < r->x + r->w; x++)
      {
        gint64 top = MAX (-seg_floor_div (v.kernel - 1 - y - v.padding, v.stride), 0);
        gint64 bottom = MIN ((y + v.padding) / v.stride + 1, to->h);
        gint64 left = MAX (-seg_floor_div (h.kernel - 1 - x - h.padding, h.stride), 0);
        gint64 right = MIN ((x + h.padding) / h.stride + 1, to->w);

        for (guint b = piece->block; b < piece->block + piece->n_blocks; b++)
          {
            gint lanes = din->blocks[b].lanes;
            float *dx = seg_view_at (din, b, piece->sample, y, x);
            double sum[SEG_KERNEL_MAX_LANES] = { 0 };

            for (gint64 oy = top; oy < bottom; oy++)
              for (gint64 ox = left; ox < right; ox++)
                SEG_CALL_WITH_LANES (lanes, seg_avg_pool_add_share,
                                     (double) (seg_avg_pool_count (self, &v, from->h, oy)
                                               * seg_avg_pool_count (self, &h, from->w, ox)),
                                     seg_view_at (dout, b, piece->sample, oy, ox), sum);
            for (gint l = 0; l < lanes; l++)
              dx[l] += (float) sum[l];
          }
      }
}

static void
seg_avg_pool_class_init (SegAvgPoolClass *klass)
{
  SegLayerClass *layer = SEG_LAYER_CLASS (klass);

  layer->infer = seg_avg_pool_infer;
  layer->layout = seg_layer_layout_alike;
  layer->forward = seg_avg_pool_forward;
  layer->backward_input = seg_avg_pool_backward_input;
  layer->flags = SEG_LAYER_DROPS_INPUT | SEG_LAYER_DROPS_OUTPUT;
  seg_layer_class_set_info (layer, "Average pooling",
                            "LeCun et al. 1998; PyTorch, torch.nn.AvgPool2d");
  seg_class_add_boolean (klass, "count-include-pad",
                         G_STRUCT_OFFSET (SegAvgPool, count_include_pad), TRUE,
                         "Take padding for zeros, and not out of the mean");
}

static void
seg_avg_pool_init (SegAvgPool *self)
{
  (void) self;
}
