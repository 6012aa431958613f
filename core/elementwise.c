#include <segkit/layer.h>

/**
 * SegElementwise:
 *
 * Base of layers that are a function of one number.
 */
G_DEFINE_ABSTRACT_TYPE (SegElementwise, seg_elementwise, SEG_TYPE_LAYER)

static void
seg_elementwise_forward (SegLayer *layer, const SegRun *run, const SegView *in, guint n_in,
                         SegView *out, const SegPiece *piece)
{
  const SegRect *r = &piece->rect;

  (void) run, (void) n_in;
  for (guint b = piece->block; b < piece->block + piece->n_blocks; b++)
    for (gint64 y = r->y; y < r->y + r->h; y++)
      SEG_ELEMENTWISE_GET_CLASS (layer)->forward (
          layer, seg_view_at (in, b, piece->sample, y, r->x),
          seg_view_at (out, b, piece->sample, y, r->x), (gsize) (r->w * out->blocks[b].lanes));
}

static void
seg_elementwise_backward (SegLayer *layer, const SegRun *run, const SegView *in, guint n_in,
                          const SegView *out, const SegView *dout, guint input, SegView *din,
                          const SegPiece *piece)
{
  const SegRect *r = &piece->rect;

  (void) run, (void) n_in, (void) input;
  for (guint b = piece->block; b < piece->block + piece->n_blocks; b++)
    for (gint64 y = r->y; y < r->y + r->h; y++)
      SEG_ELEMENTWISE_GET_CLASS (layer)->backward (
          layer, seg_view_at (in, b, piece->sample, y, r->x),
          seg_view_at (out, b, piece->sample, y, r->x),
          seg_view_at (dout, b, piece->sample, y, r->x),
          seg_view_at (din, b, piece->sample, y, r->x), (gsize) (r->w * din->blocks[b].lanes));
}

static void
seg_elementwise_class_init (SegElementwiseClass *klass)
{
  SegLayerClass *layer_class = SEG_LAYER_CLASS (klass);

  layer_class->flags = SEG_LAYER_CHEAP;
  layer_class->layout = seg_layer_layout_alike;
  layer_class->forward = seg_elementwise_forward;
  layer_class->backward_input = seg_elementwise_backward;
}

static void
seg_elementwise_init (SegElementwise *self)
{
  (void) self;
}
