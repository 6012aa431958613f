#include "densenet.h"

struct _SegDense
{
  SegBlock parent_instance;
  gint channels, n_layers, growth, expansion;
};

G_DEFINE_FINAL_TYPE (SegDense, seg_dense, SEG_TYPE_BLOCK)

/**
 * SegDense:
 *
 * A dense block: layers of which each reads the input and the new maps of all layers before it.
 *
 * As the inner block of an encoder or decoder it must give a certain number of channels, while a
 * dense block by its nature adds to what it reads. It is therefore closed by normalisation, ReLU
 * and a 1×1 convolution to "channels", as DenseNet's blocks are by their transitions. With
 * "growth" 0, the layers together make as many new maps as there are "channels" (rounded up);
 * another growth is kept at every level. With "channels" 0 the block stays open: the result is
 * the input and all new maps.
 * Source: Huang et al. 2017, Densely connected convolutional networks, eq. 2, arXiv:1608.06993
 */

/* The input, unless @only_new, and the maps of all layers, joined. */
SegValue
_seg_dense_build_layers (SegGraph *graph, const SegDenseForm *form, gboolean only_new, SegValue x)
{
  SegValue maps[1 + SEG_DENSE_MAX_LAYERS] = { x };
  guint n = 1, first = only_new ? 1 : 0;
  g_autoptr (SegBlock) layer =
      g_object_new (SEG_TYPE_DENSE_LAYER, "channels", form->growth, "expansion", form->expansion,
                    "bias", form->bias, "dropout", (double) form->dropout, NULL);

  while (n <= (guint) form->n_layers)
    {
      g_autofree char *name = g_strdup_printf ("denselayer%u", n);

      seg_graph_push (graph, name);
      if (n > 1)
        x = seg_graph_add (graph, "concat", "concat", maps, n, NULL);
      maps[n++] = seg_block_build_map (layer, graph, NULL, x);
      seg_graph_pop (graph);
    }
  return n - first > 1 ? seg_graph_add (graph, "concat", "concat", maps + first, n - first, NULL)
                       : maps[first];
}

static void
seg_dense_build (SegBlock *block, SegGraph *graph, const SegFeatures *in, SegFeatures *out)
{
  SegDense *self = SEG_DENSE (block);
  SegDenseForm form = {
    .n_layers = self->n_layers,
    .growth =
        self->growth > 0 ? self->growth : (self->channels + self->n_layers - 1) / self->n_layers,
    .expansion = self->expansion,
  };
  SegValue x;

  if (form.growth == 0)
    {
      seg_graph_fail (graph, g_error_new (SEG_ERROR, SEG_ERROR_PARAM,
                                          "a dense block needs \"channels\" or \"growth\": both "
                                          "are 0"));
      return;
    }
  x = _seg_dense_build_layers (graph, &form, FALSE, in->values[0]);
  if (self->channels > 0)
    {
      x = _seg_dense_activate (graph, "norm", "relu", x);
      x = _seg_dense_shrink (graph, "conv", self->channels, FALSE, x);
    }
  *out = (SegFeatures){ .n = 1, .values = { x }, .strides = { in->strides[0] } };
}

static void
seg_dense_class_init (SegDenseClass *klass)
{
  SegBlockClass *block = SEG_BLOCK_CLASS (klass);

  block->kind = SEG_BLOCK_MAP;
  block->build = seg_dense_build;
  seg_block_class_set_info (block, "Dense block", "Huang et al. 2017, arXiv:1608.06993");
  seg_class_add_int (klass, "channels", G_STRUCT_OFFSET (SegDense, channels), 0, 65536, 64,
                     "Channels of the result; 0: all there are, and no closing convolution");
  seg_class_add_int (klass, "layers", G_STRUCT_OFFSET (SegDense, n_layers), 1, SEG_DENSE_MAX_LAYERS,
                     4, "How many layers");
  seg_class_add_int (klass, "growth", G_STRUCT_OFFSET (SegDense, growth), 0, 65536, 0,
                     "New channels of each layer; 0: channels / layers");
  seg_class_add_int (klass, "expansion", G_STRUCT_OFFSET (SegDense, expansion), 0, 16, 4,
                     "Channels of a layer's 1×1 convolution, in growth rates; 0: there is none");
}

static void
seg_dense_init (SegDense *self)
{
  (void) self;
}
