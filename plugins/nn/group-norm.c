#include "nn.h"

struct _SegGroupNorm
{
  SegSampleNorm parent_instance;
  gint groups;
};

G_DEFINE_FINAL_TYPE (SegGroupNorm, seg_group_norm, SEG_TYPE_SAMPLE_NORM)

/**
 * SegGroupNorm:
 *
 * Normalises groups of neighbouring channels of each sample by the group's mean and deviation.
 * One group is layer normalisation.
 * Shapes: (N, C, H, W), weight and bias (C) → the same; groups divides C, and a group is more
 *   than one number.
 * Source: Wu and He 2018, Group normalization, eq. 1 to 7, arXiv:1803.08494
 * Halo: the whole map, in inference, too
 * Kept for backward: the input
 */

static gint64
seg_group_norm_get_n_groups (SegSampleNorm *self, gint64 channels)
{
  (void) channels;
  return SEG_GROUP_NORM (self)->groups;
}

static void
seg_group_norm_class_init (SegGroupNormClass *klass)
{
  SEG_SAMPLE_NORM_CLASS (klass)->get_n_groups = seg_group_norm_get_n_groups;
  seg_layer_class_set_info (SEG_LAYER_CLASS (klass), "Group normalisation",
                            "Wu and He 2018, arXiv:1803.08494");
  seg_class_add_int (klass, "groups", G_STRUCT_OFFSET (SegGroupNorm, groups), 1, 65536, 1,
                     "Groups of channels");
}

static void
seg_group_norm_init (SegGroupNorm *self)
{
  (void) self;
}
