/* The standard layers. One file each; this header only lets nn.c register them. */
#pragma once

#include <segkit/seg-plugin.h>

G_BEGIN_DECLS

/* Base of normalisations of one sample at a time. @get_n_groups: how many groups @channels make. */
#define SEG_TYPE_SAMPLE_NORM (seg_sample_norm_get_type ())
G_DECLARE_DERIVABLE_TYPE (SegSampleNorm, seg_sample_norm, SEG, SAMPLE_NORM, SegLayer)

struct _SegSampleNormClass
{
  SegLayerClass parent_class;
  gint64 (*get_n_groups) (SegSampleNorm *self, gint64 channels);
};

#define SEG_TYPE_ADD (seg_add_get_type ())
G_DECLARE_FINAL_TYPE (SegAdd, seg_add, SEG, ADD, SegLayer)

#define SEG_TYPE_AVG_POOL (seg_avg_pool_get_type ())
G_DECLARE_FINAL_TYPE (SegAvgPool, seg_avg_pool, SEG, AVG_POOL, SegWindowed)

#define SEG_TYPE_BATCH_NORM (seg_batch_norm_get_type ())
G_DECLARE_FINAL_TYPE (SegBatchNorm, seg_batch_norm, SEG, BATCH_NORM, SegLayer)

#define SEG_TYPE_CONCAT (seg_concat_get_type ())
G_DECLARE_FINAL_TYPE (SegConcat, seg_concat, SEG, CONCAT, SegLayer)

#define SEG_TYPE_CONV2D (seg_conv2d_get_type ())
G_DECLARE_FINAL_TYPE (SegConv2d, seg_conv2d, SEG, CONV2D, SegWindowed)

#define SEG_TYPE_CONV_TRANSPOSE2D (seg_conv_transpose2d_get_type ())
G_DECLARE_FINAL_TYPE (SegConvTranspose2d, seg_conv_transpose2d, SEG, CONV_TRANSPOSE2D, SegLayer)

#define SEG_TYPE_CROP (seg_crop_get_type ())
G_DECLARE_FINAL_TYPE (SegCrop, seg_crop, SEG, CROP, SegLayer)

#define SEG_TYPE_DROPOUT (seg_dropout_get_type ())
G_DECLARE_FINAL_TYPE (SegDropout, seg_dropout, SEG, DROPOUT, SegLayer)

#define SEG_TYPE_ELU (seg_elu_get_type ())
G_DECLARE_FINAL_TYPE (SegElu, seg_elu, SEG, ELU, SegElementwise)

#define SEG_TYPE_GELU (seg_gelu_get_type ())
G_DECLARE_FINAL_TYPE (SegGelu, seg_gelu, SEG, GELU, SegElementwise)

#define SEG_TYPE_GLOBAL_AVG_POOL (seg_global_avg_pool_get_type ())
G_DECLARE_FINAL_TYPE (SegGlobalAvgPool, seg_global_avg_pool, SEG, GLOBAL_AVG_POOL, SegLayer)

#define SEG_TYPE_GLOBAL_MAX_POOL (seg_global_max_pool_get_type ())
G_DECLARE_FINAL_TYPE (SegGlobalMaxPool, seg_global_max_pool, SEG, GLOBAL_MAX_POOL, SegLayer)

#define SEG_TYPE_GROUP_NORM (seg_group_norm_get_type ())
G_DECLARE_FINAL_TYPE (SegGroupNorm, seg_group_norm, SEG, GROUP_NORM, SegSampleNorm)

#define SEG_TYPE_HARDSWISH (seg_hardswish_get_type ())
G_DECLARE_FINAL_TYPE (SegHardswish, seg_hardswish, SEG, HARDSWISH, SegElementwise)

#define SEG_TYPE_INSTANCE_NORM (seg_instance_norm_get_type ())
G_DECLARE_FINAL_TYPE (SegInstanceNorm, seg_instance_norm, SEG, INSTANCE_NORM, SegSampleNorm)

#define SEG_TYPE_LEAKY_RELU (seg_leaky_relu_get_type ())
G_DECLARE_FINAL_TYPE (SegLeakyRelu, seg_leaky_relu, SEG, LEAKY_RELU, SegElementwise)

#define SEG_TYPE_LOG_SOFTMAX (seg_log_softmax_get_type ())
G_DECLARE_FINAL_TYPE (SegLogSoftmax, seg_log_softmax, SEG, LOG_SOFTMAX, SegLayer)

#define SEG_TYPE_MAX_POOL (seg_max_pool_get_type ())
G_DECLARE_FINAL_TYPE (SegMaxPool, seg_max_pool, SEG, MAX_POOL, SegWindowed)

#define SEG_TYPE_MULTIPLY (seg_multiply_get_type ())
G_DECLARE_FINAL_TYPE (SegMultiply, seg_multiply, SEG, MULTIPLY, SegLayer)

#define SEG_TYPE_PAD (seg_pad_get_type ())
G_DECLARE_FINAL_TYPE (SegPad, seg_pad, SEG, PAD, SegLayer)

#define SEG_TYPE_PRELU (seg_prelu_get_type ())
G_DECLARE_FINAL_TYPE (SegPrelu, seg_prelu, SEG, PRELU, SegLayer)

#define SEG_TYPE_RELU (seg_relu_get_type ())
G_DECLARE_FINAL_TYPE (SegRelu, seg_relu, SEG, RELU, SegElementwise)

#define SEG_TYPE_RESIZE_BILINEAR (seg_resize_bilinear_get_type ())
G_DECLARE_FINAL_TYPE (SegResizeBilinear, seg_resize_bilinear, SEG, RESIZE_BILINEAR, SegLayer)

#define SEG_TYPE_RESIZE_NEAREST (seg_resize_nearest_get_type ())
G_DECLARE_FINAL_TYPE (SegResizeNearest, seg_resize_nearest, SEG, RESIZE_NEAREST, SegLayer)

#define SEG_TYPE_SIGMOID (seg_sigmoid_get_type ())
G_DECLARE_FINAL_TYPE (SegSigmoid, seg_sigmoid, SEG, SIGMOID, SegElementwise)

#define SEG_TYPE_SILU (seg_silu_get_type ())
G_DECLARE_FINAL_TYPE (SegSilu, seg_silu, SEG, SILU, SegElementwise)

#define SEG_TYPE_SOFTMAX (seg_softmax_get_type ())
G_DECLARE_FINAL_TYPE (SegSoftmax, seg_softmax, SEG, SOFTMAX, SegLayer)

G_END_DECLS
