#include "unet.h"

struct _SegNnunetDecoder
{
  SegBlock parent_instance;
  SegBlock *inner;
  const char *repeats;
  SegUnetNames names;
};

G_DEFINE_FINAL_TYPE (SegNnunetDecoder, seg_nnunet_decoder, SEG_TYPE_BLOCK)

/**
 * SegNnunetDecoder:
 *
 * nnU-Net's decoder. At each stage, deepest first: a transposed convolution whose kernel is its
 * stride gives the skip's size and channels; both are joined, [upsampled, skip]; and the inner
 * block gives as many channels as the skip has. Parameters are named as in
 * dynamic_network_architectures.
 *
 * Takes a pyramid of two or more maps, the first of stride 1, each stride a multiple of the one
 * before it, by at most 8. Other pyramids are refused. Where an image's size is no multiple of the
 * coarsest stride an upsampled map and its skip may differ by some pixels: it is then padded, or
 * cropped, to the skip's size. What each stage has made is given, finest first.
 * Source: Isensee et al. 2021, nnU-Net, doi:10.1038/s41592-020-01008-z
 */

static gboolean
seg_nnunet_decoder_check (const SegFeatures *in, guint n_repeats, GError **error)
{
  gboolean fits = in->n >= 2 && in->strides[0] == 1;

  for (guint i = 1; i < in->n; i++)
    fits &= in->strides[i] % in->strides[i - 1] == 0 && in->strides[i] / in->strides[i - 1] <= 8;
  if (!fits)
    g_set_error (error, SEG_ERROR, SEG_ERROR_SHAPE,
                 "nnunet-decoder needs two or more features, the first of stride 1, each stride a "
                 "small multiple of the one before it");
  else if (n_repeats == 0 || n_repeats > in->n - 1)
    g_set_error (error, SEG_ERROR, SEG_ERROR_PARAM, "\"repeats\" has %u numbers for %u stages",
                 n_repeats, in->n - 1);
  else
    return TRUE;
  return FALSE;
}

/* The block of one stage, NULL after failing the graph. */
static SegBlock *
seg_nnunet_decoder_new_inner (SegNnunetDecoder *self, SegGraph *graph, gint64 channels,
                              gint n_repeats)
{
  SegUnetInner inner = { .pattern = self->inner };

  if (self->inner != NULL)
    return _seg_unet_new_inner (graph, &inner, channels, channels);
  return g_object_new (SEG_TYPE_STACKED_CONVS, "channels", (gint) channels, "n-convs", n_repeats,
                       "norm", self->names.norm, "activation", self->names.activation, NULL);
}

static void
seg_nnunet_decoder_build (SegBlock *block, SegGraph *graph, const SegFeatures *in, SegFeatures *out)
{
  SegNnunetDecoder *self = SEG_NNUNET_DECODER (block);
  SegValue x = in->values[in->n - 1];
  GError *error = NULL;
  guint n;
  g_autofree gint *repeats = seg_ints_from_string (self->repeats, 1, 64, &n, &error);

  if (repeats == NULL || !seg_nnunet_decoder_check (in, n, &error))
    {
      seg_graph_fail (graph, error);
      return;
    }
  for (guint i = 0; i < in->n - 1 && !seg_graph_failed (graph); i++)
    {
      guint level = in->n - 2 - i;
      SegValue skip = in->values[level];
      gint64 channels = seg_graph_get_channels (graph, skip);
      gint stride = (gint) (in->strides[level + 1] / in->strides[level]);
      g_autofree char *up = g_strdup_printf ("transpconvs.%u", i);
      g_autofree char *join = g_strdup_printf ("joins.%u", i);
      g_autofree char *stage = g_strdup_printf ("stages.%u", i);
      g_autoptr (SegBlock) inner = seg_nnunet_decoder_new_inner (
          self, graph, channels, _seg_nnunet_get_repeat (repeats, n, i));

      x = seg_graph_add (graph, up, "conv-transpose2d", SEG_IN (x), "channels", (gint) channels,
                         "kernel-size", stride, "stride", stride, NULL);
      seg_graph_push (graph, join);
      x = seg_graph_add (graph, "pad", "pad", SEG_IN (x, skip), NULL);
      x = seg_graph_add (graph, "concat", "concat", SEG_IN (x, skip), NULL);
      seg_graph_pop (graph);
      seg_graph_push (graph, stage);
      x = inner != NULL ? seg_block_build_map (inner, graph, NULL, x) : 0;
      seg_graph_pop (graph);
      out->values[level] = x;
      out->strides[level] = in->strides[level];
    }
  out->n = in->n - 1;
}

static void
seg_nnunet_decoder_class_init (SegNnunetDecoderClass *klass)
{
  SegBlockClass *block = SEG_BLOCK_CLASS (klass);

  block->kind = SEG_BLOCK_DECODER;
  block->build = seg_nnunet_decoder_build;
  seg_block_class_set_info (block, "nnU-Net decoder",
                            "Isensee et al. 2021, doi:10.1038/s41592-020-01008-z");
  seg_class_add_object (klass, "inner", G_STRUCT_OFFSET (SegNnunetDecoder, inner), SEG_TYPE_BLOCK,
                        "Block of each stage; stacked-convs by default");
  seg_class_add_string (klass, "repeats", G_STRUCT_OFFSET (SegNnunetDecoder, repeats), "2",
                        "Convolutions of the default inner block, deepest stage first; the last "
                        "number holds for all that follow");
  _seg_unet_class_add_names (klass, G_STRUCT_OFFSET (SegNnunetDecoder, names), "instance",
                             "leaky-relu");
}

static void
seg_nnunet_decoder_init (SegNnunetDecoder *self)
{
  (void) self;
}
