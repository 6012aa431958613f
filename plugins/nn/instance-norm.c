#include "nn.h"

struct _SegInstanceNorm
{
  SegSampleNorm parent_instance;
};

G_DEFINE_FINAL_TYPE (SegInstanceNorm, seg_instance_norm, SEG_TYPE_SAMPLE_NORM)

/**
 * SegInstanceNorm:
 *
 * Normalises each channel of each sample by its own mean and deviation: SegSampleNorm with a
 * group for each channel. Batch norm on the statistics of the image at hand, too. Unlike
 * PyTorch's, it has weight and bias unless told otherwise, as the other normalisations here.
 * Shapes: (N, C, H, W), weight and bias (C) → the same; not of a single pixel.
 * Source: Ulyanov, Vedaldi and Lempitsky 2016, eq. 3, arXiv:1607.08022
 * Halo: the whole map, in inference, too
 * Kept for backward: the input
 */

static gint64
seg_instance_norm_get_n_groups (SegSampleNorm *self, gint64 channels)
{
  (void) self;
  return channels;
}

static void
seg_instance_norm_class_init (SegInstanceNormClass *klass)
{
  SEG_SAMPLE_NORM_CLASS (klass)->get_n_groups = seg_instance_norm_get_n_groups;
  seg_layer_class_set_info (SEG_LAYER_CLASS (klass), "Instance normalisation",
                            "Ulyanov, Vedaldi and Lempitsky 2016, arXiv:1607.08022");
}

static void
seg_instance_norm_init (SegInstanceNorm *self)
{
  (void) self;
}
