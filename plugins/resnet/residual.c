#include "resnet.h"

struct _SegResidual
{
  SegBlock parent_instance;
  gint channels, stride;
  gboolean pre_activation;
  const char *norm;
};

G_DEFINE_FINAL_TYPE (SegResidual, seg_residual, SEG_TYPE_BLOCK)

/**
 * SegResidual:
 *
 * Two 3×3 convolutions, to whose result the input is added: ResNet's basic block. Where size or
 * channels change, the input goes through a 1×1 convolution of the same stride first. Parameters
 * are named as in torchvision.
 *
 * With "pre-activation", normalisation and ReLU come before each convolution and nothing after
 * the sum, so that the input passes through a chain of such blocks unchanged. Only where the
 * shortcut is a convolution does it begin behind the first ReLU, and then without a normalisation
 * of its own.
 * Source: He et al. 2016, Deep residual learning for image recognition, figure 5 left and
 * section 3.3 option B, arXiv:1512.03385; pre-activation: He et al. 2016, Identity mappings in
 * deep residual networks, figure 4(e) and appendix, arXiv:1603.05027
 */

static void
seg_residual_build (SegBlock *block, SegGraph *graph, const SegFeatures *in, SegFeatures *out)
{
  SegResidual *self = SEG_RESIDUAL (block);
  SegResidualUnit unit = {
    .convs = { { self->channels, 3, self->stride, 1 }, { self->channels, 3, 1, 1 } },
    .n_convs = 2,
    .pre_activation = self->pre_activation,
    .norm = self->norm,
  };

  _seg_resnet_build_unit (graph, &unit, in, out);
}

static void
seg_residual_class_init (SegResidualClass *klass)
{
  SegBlockClass *block = SEG_BLOCK_CLASS (klass);

  block->kind = SEG_BLOCK_MAP;
  block->build = seg_residual_build;
  seg_block_class_set_info (block, "Residual block",
                            "He et al. 2016, arXiv:1512.03385 and arXiv:1603.05027");
  seg_class_add_int (klass, "channels", G_STRUCT_OFFSET (SegResidual, channels), 1, 65536, 64,
                     "Channels of both convolutions");
  seg_class_add_int (klass, "stride", G_STRUCT_OFFSET (SegResidual, stride), 1, 8, 1,
                     "Stride of the first convolution");
  seg_class_add_boolean (klass, "pre-activation", G_STRUCT_OFFSET (SegResidual, pre_activation),
                         FALSE, "Normalisation and ReLU before each convolution, not after");
  seg_class_add_string (
      klass, "norm", G_STRUCT_OFFSET (SegResidual, norm), "batch",
      "Normalisation: NAME for the layer NAME-norm (batch, instance, …), or none");
}

static void
seg_residual_init (SegResidual *self)
{
  (void) self;
}
