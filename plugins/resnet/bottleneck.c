#include "resnet.h"

struct _SegBottleneck
{
  SegBlock parent_instance;
  gint channels, stride, groups, width_per_group;
  gboolean pre_activation;
  const char *norm;
};

G_DEFINE_FINAL_TYPE (SegBottleneck, seg_bottleneck, SEG_TYPE_BLOCK)

/**
 * SegBottleneck:
 *
 * A 1×1 convolution to a quarter of the channels, a 3×3 one there, and a 1×1 one to all of them;
 * the input is added to the result. The 3×3 convolution carries the stride and the groups, as in
 * torchvision ("version 1.5"; in the paper the first one has the stride). Parameters are named as
 * there. Shortcut and "pre-activation" are as in the residual block.
 *
 * Inside there are ⌊channels / 4 · width-per-group / 64⌋ channels to a group, but at least one:
 * 32 groups of width 4 make ResNeXt, 1 of width 128 the wide ResNet.
 * Source: He et al. 2016, Deep residual learning for image recognition, figure 5 right,
 * arXiv:1512.03385; pre-activation: He et al. 2016, Identity mappings in deep residual networks,
 * arXiv:1603.05027; groups: Xie et al. 2017, figure 3(c), arXiv:1611.05431; width: Zagoruyko and
 * Komodakis 2016, arXiv:1605.07146
 */

static void
seg_bottleneck_build (SegBlock *block, SegGraph *graph, const SegFeatures *in, SegFeatures *out)
{
  SegBottleneck *self = SEG_BOTTLENECK (block);
  gint64 per_group = (gint64) (self->channels / 4) * self->width_per_group / 64;
  /* more than a convolution may have is the convolution's to refuse */
  gint width = (gint) MIN (MAX (per_group, 1) * self->groups, G_MAXINT);
  SegResidualUnit unit = {
    .convs = { { width, 1, 1, 1 },
               { width, 3, self->stride, self->groups },
               { self->channels, 1, 1, 1 } },
    .n_convs = 3,
    .pre_activation = self->pre_activation,
    .norm = self->norm,
  };

  _seg_resnet_build_unit (graph, &unit, in, out);
}

static void
seg_bottleneck_class_init (SegBottleneckClass *klass)
{
  SegBlockClass *block = SEG_BLOCK_CLASS (klass);

  block->kind = SEG_BLOCK_MAP;
  block->build = seg_bottleneck_build;
  seg_block_class_set_info (block, "Bottleneck residual block",
                            "He et al. 2016, arXiv:1512.03385 and arXiv:1603.05027");
  seg_class_add_int (klass, "channels", G_STRUCT_OFFSET (SegBottleneck, channels), 1, 65536, 64,
                     "Channels of the result");
  seg_class_add_int (klass, "stride", G_STRUCT_OFFSET (SegBottleneck, stride), 1, 8, 1,
                     "Stride of the 3×3 convolution");
  seg_class_add_int (klass, "groups", G_STRUCT_OFFSET (SegBottleneck, groups), 1, 65536, 1,
                     "Groups of the 3×3 convolution");
  seg_class_add_int (klass, "width-per-group", G_STRUCT_OFFSET (SegBottleneck, width_per_group), 1,
                     65536, 64, "Channels of a group where the result has 256");
  seg_class_add_boolean (klass, "pre-activation", G_STRUCT_OFFSET (SegBottleneck, pre_activation),
                         FALSE, "Normalisation and ReLU before each convolution, not after");
  seg_class_add_string (
      klass, "norm", G_STRUCT_OFFSET (SegBottleneck, norm), "batch",
      "Normalisation: NAME for the layer NAME-norm (batch, instance, …), or none");
}

static void
seg_bottleneck_init (SegBottleneck *self)
{
  (void) self;
}
