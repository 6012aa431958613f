#include "unet.h"

struct _SegNnunetEncoder
{
  SegBlock parent_instance;
  gint channels, max_channels, stages;
  gboolean residual;
  const char *repeats;
  SegUnetNames names;
};

G_DEFINE_FINAL_TYPE (SegNnunetEncoder, seg_nnunet_encoder, SEG_TYPE_BLOCK)

/**
 * SegNnunetEncoder:
 *
 * nnU-Net's encoder: stages of stacked convolutions, the first convolution of each stage but the
 * first halving the size. With "residual", stages of residual blocks behind a stem of one
 * convolution (nnU-Net's ResEnc). Parameters are named as in dynamic_network_architectures, each
 * once: a checkpoint's `all_modules` and `decoder.encoder` say the same again.
 * Pyramid: as many maps as stages, of stride 1, 2, 4, …, with min (max-channels, channels · 2ⁱ)
 * channels.
 * Source: Isensee et al. 2021, nnU-Net, doi:10.1038/s41592-020-01008-z; Isensee et al. 2024,
 * nnU-Net revisited, arXiv:2404.09556
 */

/* Number @stage of a list whose last number holds for all that follow. */
gint
_seg_nnunet_get_repeat (const gint *numbers, guint n, guint stage)
{
  return numbers[MIN (stage, n - 1)];
}

static void
seg_nnunet_encoder_add_stage (SegNnunetEncoder *self, SegGraph *graph, gint stage, gint n_repeats,
                              SegFeatures *map)
{
  gint64 channels = MIN ((gint64) self->channels << stage, self->max_channels);
  gint stride = stage > 0 ? 2 : 1;

  for (gint i = 0; i < (self->residual ? n_repeats : 1); i++, stride = 1)
    {
      g_autofree char *name = self->residual ? g_strdup_printf ("stages.%d.blocks.%d", stage, i)
                                             : g_strdup_printf ("stages.%d.0", stage);
      g_autoptr (SegBlock) block =
          g_object_new (self->residual ? SEG_TYPE_RESIDUAL_D : SEG_TYPE_STACKED_CONVS, "channels",
                        (gint) channels, "stride", stride, "norm", self->names.norm, "activation",
                        self->names.activation, self->residual ? NULL : "n-convs", n_repeats, NULL);
      SegFeatures in = *map;

      seg_block_build (block, graph, name, &in, map);
    }
}

static void
seg_nnunet_encoder_build (SegBlock *block, SegGraph *graph, const SegFeatures *in, SegFeatures *out)
{
  SegNnunetEncoder *self = SEG_NNUNET_ENCODER (block);
  SegFeatures map = { .n = 1, .values = { in->values[0] }, .strides = { in->strides[0] } };
  GError *error = NULL;
  guint n;
  g_autofree gint *repeats = seg_ints_from_string (self->repeats, 1, 64, &n, &error);

  if (repeats != NULL && (n == 0 || n > (guint) self->stages))
    g_set_error (&error, SEG_ERROR, SEG_ERROR_PARAM, "\"repeats\" has %u numbers for %d stages", n,
                 self->stages);
  if (error != NULL)
    {
      seg_graph_fail (graph, error);
      return;
    }
  if (self->residual)
    {
      g_autoptr (SegBlock) stem = g_object_new (
          SEG_TYPE_STACKED_CONVS, "channels", MIN (self->channels, self->max_channels), "n-convs",
          1, "norm", self->names.norm, "activation", self->names.activation, NULL);
      map.values[0] = seg_block_build_map (stem, graph, "stem", map.values[0]);
    }
  for (gint stage = 0; stage < self->stages && !seg_graph_failed (graph); stage++)
    {
      seg_nnunet_encoder_add_stage (self, graph, stage, _seg_nnunet_get_repeat (repeats, n, stage),
                                    &map);
      out->values[out->n] = map.values[0];
      out->strides[out->n++] = map.strides[0];
    }
}

static void
seg_nnunet_encoder_class_init (SegNnunetEncoderClass *klass)
{
  SegBlockClass *block = SEG_BLOCK_CLASS (klass);

  block->kind = SEG_BLOCK_ENCODER;
  block->build = seg_nnunet_encoder_build;
  seg_block_class_set_info (block, "nnU-Net encoder",
                            "Isensee et al. 2021, doi:10.1038/s41592-020-01008-z");
  seg_class_add_int (klass, "channels", G_STRUCT_OFFSET (SegNnunetEncoder, channels), 1, 4096, 32,
                     "Channels of the first stage; each further one doubles them");
  seg_class_add_int (klass, "max-channels", G_STRUCT_OFFSET (SegNnunetEncoder, max_channels), 1,
                     SEG_UNET_MAX_CHANNELS, 512, "The most channels of a stage");
  seg_class_add_int (klass, "stages", G_STRUCT_OFFSET (SegNnunetEncoder, stages), 2, 10, 6,
                     "How many sizes there are");
  seg_class_add_boolean (klass, "residual", G_STRUCT_OFFSET (SegNnunetEncoder, residual), FALSE,
                         "Residual blocks behind a stem, not stacked convolutions");
  seg_class_add_string (klass, "repeats", G_STRUCT_OFFSET (SegNnunetEncoder, repeats), "2",
                        "Convolutions, or residual blocks, of each stage; the last number holds "
                        "for all that follow");
  _seg_unet_class_add_names (klass, G_STRUCT_OFFSET (SegNnunetEncoder, names), "instance",
                             "leaky-relu");
}

static void
seg_nnunet_encoder_init (SegNnunetEncoder *self)
{
  (void) self;
}
