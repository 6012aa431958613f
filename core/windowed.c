#include <segkit/layer.h>

/**
 * SegWindowed:
 *
 * Base of layers that slide a window over the map: its properties give shape and requirement.
 * Source: the output size is PyTorch's, floor ((size + 2·padding − dilation·(kernel − 1) − 1) /
 * stride) + 1.
 * Halo: as far as the window reaches.
 */
typedef struct
{
  SegWindow vertical;
  gint kernel_x, stride_x, padding_x, dilation_x; /* below their least: as the vertical one */
} SegWindowedPrivate;

G_DEFINE_ABSTRACT_TYPE_WITH_PRIVATE (SegWindowed, seg_windowed, SEG_TYPE_LAYER)

/**
 * seg_windowed_get_windows:
 * @self: a windowed layer
 * @vertical: (out caller-allocates): the window along rows
 * @horizontal: (out caller-allocates): the window along columns
 */
void
seg_windowed_get_windows (SegWindowed *self, SegWindow *vertical, SegWindow *horizontal)
{
  SegWindowedPrivate *priv = seg_windowed_get_instance_private (self);
  SegWindow *v = &priv->vertical;

  *vertical = *v;
  *horizontal = (SegWindow){
    priv->kernel_x < 1 ? v->kernel : priv->kernel_x,
    priv->stride_x < 1 ? v->stride : priv->stride_x,
    priv->padding_x < 0 ? v->padding : priv->padding_x,
    priv->dilation_x < 1 ? v->dilation : priv->dilation_x,
  };
}

static gboolean
seg_window_output (const SegWindow *w, gint64 size, gint64 *out, GError **error)
{
  gint64 reach = (gint64) w->dilation * (w->kernel - 1) + 1;
  gint64 padded = size + 2 * (gint64) w->padding;

  if (reach > padded)
    {
      g_set_error (error, SEG_ERROR, SEG_ERROR_SHAPE,
                   "a window of %" G_GINT64_FORMAT " is larger than the padded input of %"
                   G_GINT64_FORMAT, reach, padded);
      return FALSE;
    }
  *out = (padded - reach) / w->stride + 1;
  return TRUE;
}

static gboolean
seg_windowed_infer (SegLayer *layer, const SegShape *in, guint n_in, SegShape *out, GError **error)
{
  SegWindow v, h;

  (void) n_in;
  seg_windowed_get_windows (SEG_WINDOWED (layer), &v, &h);
  *out = in[0];
  return seg_window_output (&v, in[0].h, &out->h, error)
         && seg_window_output (&h, in[0].w, &out->w, error);
}

static void
seg_windowed_required (SegLayer *layer, const SegShape *in, guint n_in, const SegRect *out,
                       guint input, SegRect *need)
{
  SegWindow v, h;

  (void) in, (void) n_in, (void) input;
  seg_windowed_get_windows (SEG_WINDOWED (layer), &v, &h);
  need->y = out->y * v.stride - v.padding;
  need->x = out->x * h.stride - h.padding;
  need->h = (out->h - 1) * v.stride + (gint64) v.dilation * (v.kernel - 1) + 1;
  need->w = (out->w - 1) * h.stride + (gint64) h.dilation * (h.kernel - 1) + 1;
}

#define SEG_WINDOW_FIELD(field) \
  (seg_windowed_get_private_offset (klass) + (gssize) G_STRUCT_OFFSET (SegWindowedPrivate, field))

static gssize
seg_windowed_get_private_offset (SegWindowedClass *klass)
{
  return g_type_class_get_instance_private_offset (klass);
}

static void
seg_windowed_class_init (SegWindowedClass *klass)
{
  SegLayerClass *layer_class = SEG_LAYER_CLASS (klass);

  layer_class->infer = seg_windowed_infer;
  layer_class->required = seg_windowed_required;

  seg_class_add_int (klass, "kernel-size", (gsize) SEG_WINDOW_FIELD (vertical.kernel), 1, 255, 3,
                     "Rows of the window");
  seg_class_add_int (klass, "stride", (gsize) SEG_WINDOW_FIELD (vertical.stride), 1, 64, 1,
                     "Input rows from one output row to the next");
  seg_class_add_int (klass, "padding", (gsize) SEG_WINDOW_FIELD (vertical.padding), 0, 1024, 0,
                     "Rows added above and below the image");
  seg_class_add_int (klass, "dilation", (gsize) SEG_WINDOW_FIELD (vertical.dilation), 1, 64, 1,
                     "Rows from one tap to the next");
  seg_class_add_int (klass, "kernel-size-x", (gsize) SEG_WINDOW_FIELD (kernel_x), 0, 255, 0,
                     "Columns of the window; 0: as many as rows");
  seg_class_add_int (klass, "stride-x", (gsize) SEG_WINDOW_FIELD (stride_x), 0, 64, 0,
                     "Horizontal stride; 0: the vertical one");
  seg_class_add_int (klass, "padding-x", (gsize) SEG_WINDOW_FIELD (padding_x), -1, 1024, -1,
                     "Columns added left and right of the image; -1: as many as rows");
  seg_class_add_int (klass, "dilation-x", (gsize) SEG_WINDOW_FIELD (dilation_x), 0, 64, 0,
                     "Horizontal dilation; 0: the vertical one");
}

static void
seg_windowed_init (SegWindowed *self)
{
  (void) self;
}
