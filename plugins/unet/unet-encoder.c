#include "unet.h"

struct _SegUnetEncoder
{
  SegBlock parent_instance;
  gint channels, depth;
  gboolean narrow_bottom;
  gfloat dropout;
  SegUnetInner inner;
};

G_DEFINE_FINAL_TYPE (SegUnetEncoder, seg_unet_encoder, SEG_TYPE_BLOCK)

/**
 * SegUnetEncoder:
 *
 * The contracting half of a U-Net: an inner block at full resolution, then at each level half
 * the size by max pooling and twice the channels. With "narrow-bottom" the last level keeps the
 * channels of the one above: what a decoder that upsamples without parameters is usually given.
 * With "dropout" training drops activations of the last two levels, before they are pooled and handed
 * to the decoder, as the end of section 3.1 says and the authors' network does, with 0.5.
 * With "padding" valid the maps are smaller than the strides say, and decoders crop.
 * An inner block that changes the size is refused.
 * Pyramid: depth + 1 maps of stride 1, 2, 4, …
 * Source: Ronneberger, Fischer and Brox 2015, U-Net, figure 1, arXiv:1505.04597
 */

static gint64
seg_unet_encoder_get_channels (SegUnetEncoder *self, gint level)
{
  gboolean narrow = self->narrow_bottom && level == self->depth;

  return (gint64) self->channels << (narrow ? level - 1 : level);
}

/* What a level gives: the last two with dropout. */
static SegValue
seg_unet_encoder_drop (SegUnetEncoder *self, SegGraph *graph, gint level, SegValue x)
{
  g_autofree char *name = g_strdup_printf ("drops.%d", level);

  if (self->dropout <= 0.f || level < self->depth - 1)
    return x;
  return seg_graph_add (graph, name, "dropout", SEG_IN (x), "p", (double) self->dropout, NULL);
}

static void
seg_unet_encoder_build (SegBlock *block, SegGraph *graph, const SegFeatures *in, SegFeatures *out)
{
  SegUnetEncoder *self = SEG_UNET_ENCODER (block);
  SegValue x = in->values[0];

  for (gint i = 0; i <= self->depth && !seg_graph_failed (graph); i++)
    {
      g_autofree char *name = g_strdup_printf ("blocks.%d", i);
      g_autofree char *pool = g_strdup_printf ("pools.%d", i);
      gint64 channels = seg_unet_encoder_get_channels (self, i);
      g_autoptr (SegBlock) inner = NULL;

      if (i > 0)
        x = seg_graph_add (graph, pool, "max-pool", SEG_IN (x), "kernel-size", 2, "stride", 2,
                           NULL);
      seg_graph_push (graph, name);
      inner = _seg_unet_new_inner (graph, &self->inner, channels, channels);
      x = inner != NULL ? seg_block_build_map (inner, graph, NULL, x) : 0;
      seg_graph_pop (graph);
      x = seg_unet_encoder_drop (self, graph, i, x);
      out->values[out->n] = x;
      out->strides[out->n++] = in->strides[0] << i;
    }
}

static void
seg_unet_encoder_class_init (SegUnetEncoderClass *klass)
{
  SegBlockClass *block = SEG_BLOCK_CLASS (klass);

  block->kind = SEG_BLOCK_ENCODER;
  block->build = seg_unet_encoder_build;
  seg_block_class_set_info (block, "Encoder of the classic U-Net",
                            "Ronneberger, Fischer and Brox 2015, arXiv:1505.04597");
  seg_class_add_int (klass, "channels", G_STRUCT_OFFSET (SegUnetEncoder, channels), 1, 4096, 64,
                     "Channels at full resolution; each level doubles them");
  seg_class_add_int (klass, "depth", G_STRUCT_OFFSET (SegUnetEncoder, depth), 1, 8, 4,
                     "How often the size is halved");
  seg_class_add_boolean (klass, "narrow-bottom", G_STRUCT_OFFSET (SegUnetEncoder, narrow_bottom),
                         FALSE, "The last level has no more channels than the one above it");
  seg_class_add_float (klass, "dropout", G_STRUCT_OFFSET (SegUnetEncoder, dropout), 0.f, 0.95f, 0.f,
                       "Probability that training zeroes an activation of the last two levels");
  _seg_unet_class_add_inner (klass, G_STRUCT_OFFSET (SegUnetEncoder, inner));
  _seg_unet_class_add_padding (klass, G_STRUCT_OFFSET (SegUnetEncoder, inner));
}

static void
seg_unet_encoder_init (SegUnetEncoder *self)
{
  (void) self;
}
