#include "nn.h"

struct _SegAdd
{
  SegLayer parent_instance;
};

G_DEFINE_FINAL_TYPE (SegAdd, seg_add, SEG_TYPE_LAYER)

/**
 * SegAdd:
 *
 * The sum of two maps.
 * Shapes: (N, C, H, W) twice → the same.
 * Source: He et al. 2016, Deep residual learning for image recognition, eq. 1, arXiv:1512.03385
 * Halo: none
 * Kept for backward: nothing
 */

static gboolean
seg_add_infer (SegLayer *layer, const SegShape *in, guint n_in, SegShape *out, GError **error)
{
  const SegShape *a = &in[0], *b = &in[1];
  (void) layer, (void) n_in;

  if (a->n != b->n || a->c != b->c || a->h != b->h || a->w != b->w)
    {
      g_set_error (error, SEG_ERROR, SEG_ERROR_SHAPE,
                   "cannot add %" G_GINT64_FORMAT " channels of %" G_GINT64_FORMAT
                   "×%" G_GINT64_FORMAT " and %" G_GINT64_FORMAT " channels of %" G_GINT64_FORMAT
                   "×%" G_GINT64_FORMAT,
                   a->c, a->h, a->w, b->c, b->h, b->w);
      return FALSE;
    }
  *out = *a;
  return TRUE;
}

static void
seg_add_forward (SegLayer *layer, const SegRun *run, const SegView *in, guint n_in, SegView *out,
                 const SegPiece *piece)
{
  const SegRect *r = &piece->rect;
  (void) layer, (void) n_in;

  for (guint b = piece->block; b < piece->block + piece->n_blocks; b++)
    for (gint64 y = r->y; y < r->y + r->h; y++)
      run->kernels->add ((gsize) (r->w * out->blocks[b].lanes),
                         seg_view_at (&in[0], b, piece->sample, y, r->x),
                         seg_view_at (&in[1], b, piece->sample, y, r->x),
                         seg_view_at (out, b, piece->sample, y, r->x));
}

static void
seg_add_backward_input (SegLayer *layer, const SegRun *run, const SegView *in, guint n_in,
                        const SegView *out, const SegView *dout, guint input, SegView *din,
                        const SegPiece *piece)
{
  const SegRect *r = &piece->rect;
  (void) layer, (void) in, (void) n_in, (void) out, (void) input;

  for (guint b = piece->block; b < piece->block + piece->n_blocks; b++)
    for (gint64 y = r->y; y < r->y + r->h; y++)
      {
        float *dx = seg_view_at (din, b, piece->sample, y, r->x);
        run->kernels->add ((gsize) (r->w * din->blocks[b].lanes), dx,
                           seg_view_at (dout, b, piece->sample, y, r->x), dx);
      }
}

static void
seg_add_class_init (SegAddClass *klass)
{
  SegLayerClass *layer = SEG_LAYER_CLASS (klass);

  layer->min_inputs = layer->max_inputs = 2;
  layer->flags = SEG_LAYER_SUM | SEG_LAYER_DROPS_INPUT | SEG_LAYER_DROPS_OUTPUT;
  layer->infer = seg_add_infer;
  layer->layout = seg_layer_layout_alike;
  layer->forward = seg_add_forward;
  layer->backward_input = seg_add_backward_input;
  seg_layer_class_set_info (layer, "Sum of two maps", "He et al. 2016, arXiv:1512.03385");
}

static void
seg_add_init (SegAdd *self)
{
  (void) self;
}
