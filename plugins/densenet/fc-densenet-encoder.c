#include "densenet.h"

struct _SegFcDensenetEncoder
{
  SegBlock parent_instance;
  gint channels, growth;
  gfloat dropout;
  const char *layers;
};

G_DEFINE_FINAL_TYPE (SegFcDensenetEncoder, seg_fc_densenet_encoder, SEG_TYPE_BLOCK)

/**
 * SegFcDensenetEncoder:
 *
 * The contracting half of FC-DenseNet: a 3×3 convolution, then open dense blocks of layers without
 * bottleneck, and between two of them a transition that keeps the channels and takes the maximum.
 * Convolutions have biases, as in the authors' program.
 * Pyramid: what each block has read and made, of strides 1, 2, 4, …; of the last block only what
 * it has made, for only that goes up again.
 *
 * Batch normalisation uses its running statistics; the paper's results were computed with those of
 * each test image, which makes a pixel depend on the whole image.
 * Source: Jégou et al. 2017, The one hundred layers tiramisu, tables 1 and 2, arXiv:1611.09326
 */

static gboolean
seg_fc_densenet_encoder_check (guint n_blocks, GError **error)
{
  if (n_blocks >= 1 && n_blocks <= SEG_FEATURES_MAX)
    return TRUE;
  g_set_error (error, SEG_ERROR, SEG_ERROR_PARAM,
               "fc-densenet-encoder takes 1 to %d numbers of layers, one for each level, not %u",
               SEG_FEATURES_MAX, n_blocks);
  return FALSE;
}

/* Half the size, the same channels. */
static void
seg_fc_densenet_encoder_build_down (SegFcDensenetEncoder *self, SegGraph *graph, const char *name,
                                    SegFeatures *map)
{
  gint64 channels = seg_graph_get_channels (graph, map->values[0]);
  GError *error = NULL;
  g_autoptr (SegBlock) down =
      seg_registry_create (seg_registry_get_default (), "transition", SEG_TYPE_BLOCK, &error,
                           "channels", (gint) MIN (channels, G_MAXINT), "bias", TRUE, "dropout",
                           (double) self->dropout, "pool", "max-pool", NULL);
  SegFeatures before = *map;

  if (down != NULL)
    seg_block_build (down, graph, name, &before, map);
  else
    seg_graph_fail (graph, error);
}

static void
seg_fc_densenet_encoder_build (SegBlock *block, SegGraph *graph, const SegFeatures *in,
                               SegFeatures *out)
{
  SegFcDensenetEncoder *self = SEG_FC_DENSENET_ENCODER (block);
  SegDenseForm form = { .growth = self->growth, .bias = TRUE, .dropout = self->dropout };
  SegFeatures map = { .n = 1, .values = { in->values[0] }, .strides = { in->strides[0] } };
  GError *error = NULL;
  guint n;
  g_autofree gint *n_layers =
      seg_ints_from_string (self->layers, 1, SEG_DENSE_MAX_LAYERS, &n, &error);

  if (n_layers == NULL || !seg_fc_densenet_encoder_check (n, &error))
    {
      seg_graph_fail (graph, error);
      return;
    }

  map.values[0] = seg_graph_add (graph, "conv0", "conv2d", SEG_IN (map.values[0]), "channels",
                                 self->channels, "kernel-size", 3, "padding", 1, NULL);
  for (guint i = 0; i < n && !seg_graph_failed (graph); i++)
    {
      g_autofree char *dense = g_strdup_printf ("denseblock%u", i + 1);
      g_autofree char *transition = g_strdup_printf ("transition%u", i + 1);

      form.n_layers = n_layers[i];
      seg_graph_push (graph, dense);
      map.values[0] = _seg_dense_build_layers (graph, &form, i == n - 1, map.values[0]);
      seg_graph_pop (graph);
      out->values[out->n] = map.values[0];
      out->strides[out->n++] = map.strides[0];
      if (i < n - 1)
        seg_fc_densenet_encoder_build_down (self, graph, transition, &map);
    }
}

static void
seg_fc_densenet_encoder_class_init (SegFcDensenetEncoderClass *klass)
{
  SegBlockClass *block = SEG_BLOCK_CLASS (klass);

  block->kind = SEG_BLOCK_ENCODER;
  block->build = seg_fc_densenet_encoder_build;
  seg_block_class_set_info (block, "Encoder of FC-DenseNet", "Jégou et al. 2017, arXiv:1611.09326");
  seg_class_add_string (klass, "layers", G_STRUCT_OFFSET (SegFcDensenetEncoder, layers),
                        "4;4;4;4;4;4", "Layers of each block, finest first");
  seg_class_add_int (klass, "growth", G_STRUCT_OFFSET (SegFcDensenetEncoder, growth), 1, 65536, 12,
                     "New channels of each layer");
  seg_class_add_int (klass, "channels", G_STRUCT_OFFSET (SegFcDensenetEncoder, channels), 1, 65536,
                     48, "Channels of the first convolution");
  seg_class_add_float (klass, "dropout", G_STRUCT_OFFSET (SegFcDensenetEncoder, dropout), 0.f,
                       0.95f, 0.2f, "Share of new numbers that training drops");
}

static void
seg_fc_densenet_encoder_init (SegFcDensenetEncoder *self)
{
  (void) self;
}
