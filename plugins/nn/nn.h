/* The standard layers. One file each; this header only lets nn.c register them. */
#pragma once

#include <segkit/seg-plugin.h>

G_BEGIN_DECLS

#define SEG_TYPE_ADD (seg_add_get_type ())
G_DECLARE_FINAL_TYPE (SegAdd, seg_add, SEG, ADD, SegLayer)

#define SEG_TYPE_BATCH_NORM (seg_batch_norm_get_type ())
G_DECLARE_FINAL_TYPE (SegBatchNorm, seg_batch_norm, SEG, BATCH_NORM, SegLayer)

#define SEG_TYPE_CONCAT (seg_concat_get_type ())
G_DECLARE_FINAL_TYPE (SegConcat, seg_concat, SEG, CONCAT, SegLayer)

#define SEG_TYPE_CONV2D (seg_conv2d_get_type ())
G_DECLARE_FINAL_TYPE (SegConv2d, seg_conv2d, SEG, CONV2D, SegWindowed)

#define SEG_TYPE_CONV_TRANSPOSE2D (seg_conv_transpose2d_get_type ())
G_DECLARE_FINAL_TYPE (SegConvTranspose2d, seg_conv_transpose2d, SEG, CONV_TRANSPOSE2D, SegLayer)

#define SEG_TYPE_MAX_POOL (seg_max_pool_get_type ())
G_DECLARE_FINAL_TYPE (SegMaxPool, seg_max_pool, SEG, MAX_POOL, SegWindowed)

#define SEG_TYPE_PAD (seg_pad_get_type ())
G_DECLARE_FINAL_TYPE (SegPad, seg_pad, SEG, PAD, SegLayer)

#define SEG_TYPE_RELU (seg_relu_get_type ())
G_DECLARE_FINAL_TYPE (SegRelu, seg_relu, SEG, RELU, SegElementwise)

#define SEG_TYPE_RESIZE_NEAREST (seg_resize_nearest_get_type ())
G_DECLARE_FINAL_TYPE (SegResizeNearest, seg_resize_nearest, SEG, RESIZE_NEAREST, SegLayer)

#define SEG_TYPE_SIGMOID (seg_sigmoid_get_type ())
G_DECLARE_FINAL_TYPE (SegSigmoid, seg_sigmoid, SEG, SIGMOID, SegElementwise)

#define SEG_TYPE_SOFTMAX (seg_softmax_get_type ())
G_DECLARE_FINAL_TYPE (SegSoftmax, seg_softmax, SEG, SOFTMAX, SegLayer)

G_END_DECLS
