#include "densenet.h"

struct _SegFcDensenetDecoder
{
  SegBlock parent_instance;
  gint growth;
  gfloat dropout;
  const char *layers;
};

G_DEFINE_FINAL_TYPE (SegFcDensenetDecoder, seg_fc_densenet_decoder, SEG_TYPE_BLOCK)

/**
 * SegFcDensenetDecoder:
 *
 * The expanding half of FC-DenseNet. At each level, deepest first: a 3×3 transposed convolution of
 * stride 2 doubles the size and keeps the channels; its middle is cut to the skip's size; both are
 * joined, [upsampled, skip], and read by a dense block of layers without bottleneck. Only what
 * that has made goes up to the next level, or channels would grow out of hand; of the finest level
 * everything goes on, what it has read, too. Convolutions have biases, as in the authors' program.
 * What goes up from each level is given, finest first.
 *
 * Takes a pyramid of strides 1, 2, 4, … that has one map more than "layers" has numbers. Other
 * pyramids are refused.
 * Source: Jégou et al. 2017, The one hundred layers tiramisu, section 3.2 and tables 1 and 2,
 * arXiv:1611.09326
 */

static gboolean
seg_fc_densenet_decoder_check (const SegFeatures *in, guint n_levels, GError **error)
{
  if (in->n != n_levels + 1 || n_levels == 0)
    {
      g_set_error (error, SEG_ERROR, SEG_ERROR_SHAPE,
                   "fc-densenet-decoder takes one feature more than it has numbers of layers, not "
                   "%u features for %u numbers",
                   in->n, n_levels);
      return FALSE;
    }
  for (guint i = 0; i < in->n; i++)
    if (in->strides[i] != (gint64) 1 << i)
      {
        g_set_error (error, SEG_ERROR, SEG_ERROR_SHAPE,
                     "fc-densenet-decoder needs features of strides 1, 2, 4, …, but number %u has "
                     "stride %" G_GINT64_FORMAT,
                     i, in->strides[i]);
        return FALSE;
      }
  return TRUE;
}

static void
seg_fc_densenet_decoder_build (SegBlock *block, SegGraph *graph, const SegFeatures *in,
                               SegFeatures *out)
{
  SegFcDensenetDecoder *self = SEG_FC_DENSENET_DECODER (block);
  SegDenseForm form = { .growth = self->growth, .bias = TRUE, .dropout = self->dropout };
  SegValue x;
  GError *error = NULL;
  guint n;
  g_autofree gint *n_layers =
      seg_ints_from_string (self->layers, 1, SEG_DENSE_MAX_LAYERS, &n, &error);

  if (n_layers == NULL || !seg_fc_densenet_decoder_check (in, n, &error))
    {
      seg_graph_fail (graph, error);
      return;
    }

  x = in->values[n];
  for (guint i = 0; i < n; i++)
    {
      guint level = n - 1 - i;
      SegValue skip = in->values[level];
      g_autofree char *name = g_strdup_printf ("blocks.%u", i);

      form.n_layers = n_layers[i];
      seg_graph_push (graph, name);
      x = seg_graph_add (graph, "up", "conv-transpose2d", SEG_IN (x), "channels",
                         (gint) MIN (seg_graph_get_channels (graph, x), G_MAXINT), "kernel-size", 3,
                         "stride", 2, NULL);
      x = seg_graph_add (graph, "crop", "crop", SEG_IN (x, skip), NULL);
      x = seg_graph_add (graph, "concat", "concat", SEG_IN (x, skip), NULL);
      seg_graph_push (graph, "denseblock");
      x = _seg_dense_build_layers (graph, &form, i < n - 1, x);
      seg_graph_pop (graph);
      seg_graph_pop (graph);
      out->values[level] = x;
      out->strides[level] = in->strides[level];
    }
  out->n = n;
}

static void
seg_fc_densenet_decoder_class_init (SegFcDensenetDecoderClass *klass)
{
  SegBlockClass *block = SEG_BLOCK_CLASS (klass);

  block->kind = SEG_BLOCK_DECODER;
  block->build = seg_fc_densenet_decoder_build;
  seg_block_class_set_info (block, "Decoder of FC-DenseNet", "Jégou et al. 2017, arXiv:1611.09326");
  seg_class_add_string (klass, "layers", G_STRUCT_OFFSET (SegFcDensenetDecoder, layers),
                        "4;4;4;4;4", "Layers of each level, deepest first");
  seg_class_add_int (klass, "growth", G_STRUCT_OFFSET (SegFcDensenetDecoder, growth), 1, 65536, 12,
                     "New channels of each layer");
  seg_class_add_float (klass, "dropout", G_STRUCT_OFFSET (SegFcDensenetDecoder, dropout), 0.f,
                       0.95f, 0.2f, "Share of new numbers that training drops");
}

static void
seg_fc_densenet_decoder_init (SegFcDensenetDecoder *self)
{
  (void) self;
}
