#include "unet.h"

struct _SegUnetEncoder
{
  SegBlock parent_instance;
  gint channels, depth;
  gboolean norm;
  SegBlock *inner;
};

G_DEFINE_FINAL_TYPE (SegUnetEncoder, seg_unet_encoder, SEG_TYPE_BLOCK)

/**
 * SegUnetEncoder:
 *
 * The contracting half of a U-Net: an inner block at full resolution, then at each level half
 * the size by max pooling and twice the channels.
 * Pyramid: depth + 1 maps of stride 1, 2, 4, …
 * Source: Ronneberger, Fischer and Brox 2015, U-Net, figure 1, arXiv:1505.04597
 */

static void
seg_unet_encoder_build (SegBlock *block, SegGraph *graph, const SegFeatures *in, SegFeatures *out)
{
  SegUnetEncoder *self = SEG_UNET_ENCODER (block);
  SegFeatures level = { .n = 1, .values = { in->values[0] }, .strides = { in->strides[0] } };

  for (gint i = 0; i <= self->depth; i++)
    {
      g_autofree char *name = g_strdup_printf ("blocks.%d", i);
      g_autoptr (SegBlock) inner = NULL;
      SegFeatures finer = level;

      seg_graph_push (graph, name);
      inner = _seg_unet_new_inner (graph, self->inner, (gint64) self->channels << i, self->norm);
      if (i > 0)
        {
          finer.values[0] = seg_graph_add (graph, "pool", "max-pool", SEG_IN (level.values[0]),
                                           "kernel-size", 2, "stride", 2, NULL);
          finer.strides[0] *= 2;
        }
      if (inner != NULL)
        seg_block_build (inner, graph, NULL, &finer, &level);
      seg_graph_pop (graph);

      if (seg_graph_failed (graph))
        return;
      out->values[out->n] = level.values[0];
      out->strides[out->n++] = level.strides[0];
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
  seg_class_add_boolean (klass, "norm", G_STRUCT_OFFSET (SegUnetEncoder, norm), TRUE,
                         "Batch normalisation in the default inner block");
  seg_class_add_object (klass, "inner", G_STRUCT_OFFSET (SegUnetEncoder, inner), SEG_TYPE_BLOCK,
                        "Block of each level; double-conv by default");
}

static void
seg_unet_encoder_init (SegUnetEncoder *self)
{
  (void) self;
}
