#include "unet.h"

struct _SegUnetSmpDecoder
{
  SegBlock parent_instance;
  const char *channels;
  gboolean norm;
  SegBlock *inner;
};

G_DEFINE_FINAL_TYPE (SegUnetSmpDecoder, seg_unet_smp_decoder, SEG_TYPE_BLOCK)

/**
 * SegUnetSmpDecoder:
 *
 * The decoder of segmentation_models.pytorch's Unet, parameter names included. At each level,
 * deepest first: the map is resized to the next finer one's size by repeating pixels, joined
 * with it, [upsampled, skip], and goes through the inner block. The finest map gives its size
 * only: an encoder made for this decoder puts the image itself there.
 *
 * Takes a pyramid that begins at stride 1 and has one map more than "channels" has numbers, each
 * coarser than the one before. Other pyramids are refused.
 * Source: segmentation_models.pytorch, Unet, after Ronneberger, Fischer and Brox 2015,
 * arXiv:1505.04597
 */

/* Reads numbers with semicolons between them, and nothing else. NULL with @error set, or as many
 * as *n says. */
static gint *
seg_unet_smp_decoder_parse (const char *text, guint *n, GError **error)
{
  g_auto (GStrv) words = g_strsplit (text != NULL ? text : "", ";", -1);
  gint *numbers = g_new0 (gint, g_strv_length (words) + 1);

  for (*n = 0; words[*n] != NULL; (*n)++)
    {
      gint64 number;
      if (!g_ascii_string_to_signed (words[*n], 10, 1, SEG_UNET_MAX_CHANNELS, &number, NULL))
        {
          g_set_error (error, SEG_ERROR, SEG_ERROR_PARAM,
                       "\"channels\" has \"%s\" where a number from 1 to %d belongs", words[*n],
                       SEG_UNET_MAX_CHANNELS);
          g_free (numbers);
          return NULL;
        }
      numbers[*n] = (gint) number;
    }
  return numbers;
}

static gboolean
seg_unet_smp_decoder_check (const SegFeatures *in, guint n_channels, GError **error)
{
  if (in->n != n_channels + 1 || in->n < 2)
    {
      g_set_error (error, SEG_ERROR, SEG_ERROR_SHAPE,
                   "unet-smp-decoder takes one feature more than it has channel numbers, not %u "
                   "features for %u numbers",
                   in->n, n_channels);
      return FALSE;
    }
  for (guint i = 0; i < in->n; i++)
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
  g_autofree gint *channels = seg_unet_smp_decoder_parse (self->channels, &n, &error);
  SegValue x;

  if (channels == NULL || !seg_unet_smp_decoder_check (in, n, &error))
    {
      seg_graph_fail (graph, error);
      return;
    }

  x = in->values[n];
  for (guint i = 0; i < n; i++)
    {
      SegValue finer = in->values[n - 1 - i];
      g_autofree char *name = g_strdup_printf ("blocks.%u", i);
      g_autoptr (SegBlock) inner = NULL;

      seg_graph_push (graph, name);
      inner = _seg_unet_new_inner (graph, self->inner, channels[i], self->norm);
      x = seg_graph_add (graph, "resize", "resize-nearest", SEG_IN (x, finer), NULL);
      if (i < n - 1)
        x = seg_graph_add (graph, "concat", "concat", SEG_IN (x, finer), NULL);
      x = inner != NULL ? seg_block_build_map (inner, graph, NULL, x) : 0;
      seg_graph_pop (graph);

      if (seg_graph_failed (graph))
        return;
    }
  *out = (SegFeatures){ .n = 1, .values = { x }, .strides = { 1 } };
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
  seg_class_add_boolean (klass, "norm", G_STRUCT_OFFSET (SegUnetSmpDecoder, norm), TRUE,
                         "Batch normalisation in the default inner block");
  seg_class_add_object (klass, "inner", G_STRUCT_OFFSET (SegUnetSmpDecoder, inner), SEG_TYPE_BLOCK,
                        "Block of each level; double-conv by default");
}

static void
seg_unet_smp_decoder_init (SegUnetSmpDecoder *self)
{
  (void) self;
}
