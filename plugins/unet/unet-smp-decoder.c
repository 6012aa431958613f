#include "unet.h"

struct _SegUnetSmpDecoder
{
  SegBlock parent_instance;
  const char *channels, *interpolation, *attention;
  SegUnetInner inner;
};

G_DEFINE_FINAL_TYPE (SegUnetSmpDecoder, seg_unet_smp_decoder, SEG_TYPE_BLOCK)

/**
 * SegUnetSmpDecoder:
 *
 * The decoder of segmentation_models.pytorch's Unet, parameter names included. At each level,
 * deepest first: the map is resized to the next finer one's size (bilinear: by areas, not
 * corners), joined with it, [upsampled, skip], and goes through the inner block. The finest map
 * gives its size only: an encoder made for this decoder puts the image itself there. What each
 * level has made is given, finest first.
 *
 * Takes a pyramid that begins at stride 1 and has more maps than "channels" has numbers, each
 * coarser than the one before; of maps beyond one more nothing is read. Other pyramids are
 * refused. As in its model, parts that nothing reads are there all the same, though never
 * computed: encoder stages beyond the maps that are used, and the finest level's first attention.
 * Source: segmentation_models.pytorch, Unet, after Ronneberger, Fischer and Brox 2015,
 * arXiv:1505.04597
 */

static gboolean
seg_unet_smp_decoder_check (const SegFeatures *in, guint n_channels, GError **error)
{
  if (in->n < n_channels + 1 || n_channels < 1)
    {
      g_set_error (error, SEG_ERROR, SEG_ERROR_SHAPE,
                   "unet-smp-decoder takes at least one feature more than it has channel numbers, "
                   "not %u features for %u numbers",
                   in->n, n_channels);
      return FALSE;
    }
  for (guint i = 0; i <= n_channels; i++)
    if (i == 0 ? in->strides[0] != 1 : in->strides[i] <= in->strides[i - 1])
      {
        g_set_error (error, SEG_ERROR, SEG_ERROR_SHAPE,
                     "unet-smp-decoder needs features of growing stride from 1 on, but number %u "
                     "has stride %" G_GINT64_FORMAT,
                     i, in->strides[i]);
        return FALSE;
      }
  return TRUE;
}

static void
seg_unet_smp_decoder_build (SegBlock *block, SegGraph *graph, const SegFeatures *in,
                            SegFeatures *out)
{
  SegUnetSmpDecoder *self = SEG_UNET_SMP_DECODER (block);
  GError *error = NULL;
  guint n = 0;
  g_autofree gint *channels =
      seg_ints_from_string (self->channels, 1, SEG_UNET_MAX_CHANNELS, &n, &error);
  SegValue x;

  if (channels == NULL || !seg_unet_smp_decoder_check (in, n, &error))
    {
      seg_graph_fail (graph, error);
      return;
    }

  x = in->values[n];
  for (guint i = 0; i < n; i++)
    {
      guint level = n - 1 - i;
      SegValue finer = in->values[level], attended;
      g_autofree char *join = g_strdup_printf ("joins.%u", i);
      g_autofree char *name = g_strdup_printf ("blocks.%u", i);
      g_autoptr (SegBlock) inner = NULL;

      seg_graph_push (graph, join);
      x = _seg_unet_add_resize (graph, "resize", self->interpolation, FALSE, SEG_IN (x, finer));
      if (i < n - 1)
        x = seg_graph_add (graph, "concat", "concat", SEG_IN (x, finer), NULL);
      seg_graph_pop (graph);

      seg_graph_push (graph, name);
      inner = _seg_unet_new_inner (graph, &self->inner, channels[i], channels[i]);
      attended = _seg_unet_add_attention (graph, "attention1", self->attention, x);
      if (i < n - 1)
        x = attended;
      x = inner != NULL ? seg_block_build_map (inner, graph, NULL, x) : 0;
      x = _seg_unet_add_attention (graph, "attention2", self->attention, x);
      seg_graph_pop (graph);

      if (seg_graph_failed (graph))
        return;
      out->values[level] = x;
      out->strides[level] = in->strides[level];
    }
  out->n = n;
}

static void
seg_unet_smp_decoder_class_init (SegUnetSmpDecoderClass *klass)
{
  SegBlockClass *block = SEG_BLOCK_CLASS (klass);

  block->kind = SEG_BLOCK_DECODER;
  block->build = seg_unet_smp_decoder_build;
  seg_block_class_set_info (block, "Decoder of segmentation_models.pytorch's Unet",
                            "segmentation_models.pytorch, Unet; arXiv:1505.04597");
  seg_class_add_string (klass, "channels", G_STRUCT_OFFSET (SegUnetSmpDecoder, channels),
                        "256;128;64;32;16", "Channels of each level, deepest first");
  seg_class_add_string (klass, "interpolation", G_STRUCT_OFFSET (SegUnetSmpDecoder, interpolation),
                        "nearest",
                        "How a map is made larger: NAME for the layer resize-NAME (nearest, "
                        "bilinear, …)");
  seg_class_add_string (klass, "attention", G_STRUCT_OFFSET (SegUnetSmpDecoder, attention), "none",
                        "Block before and after the inner one (scse, …), or none");
  _seg_unet_class_add_inner (klass, G_STRUCT_OFFSET (SegUnetSmpDecoder, inner));
}

static void
seg_unet_smp_decoder_init (SegUnetSmpDecoder *self)
{
  (void) self;
}
