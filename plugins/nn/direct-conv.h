/* A convolution, or its transpose, computed directly. In gather form output o is made of inputs
 * o · stride + r · dilation − padding; in scatter form, the transpose, outputs are as many
 * convolutions as there are remainders of their row and column by the stride. */
#pragma once

#include "tap-conv.h"

/**
 * SegConvSpec:
 * @v: window along columns
 * @h: window along rows
 * @groups: of channels that do not see each other
 * @inside: no window ever reaches over the border of what it reads
 */
typedef struct
{
  SegWindow v, h;
  gint64 groups;
  gboolean inside;
} SegConvSpec;

typedef struct
{
  SegTapConv *convs; /* row_step × column_step */
  gint64 y_step, y_first, x_step, x_first; /* of their outputs in the map */
} SegDirectConv;

void     seg_direct_conv_init_gather   (SegDirectConv *self, const SegOffer *offer,
                                        const SegConvSpec *spec, gint64 out_channels);
void     seg_direct_conv_init_scatter  (SegDirectConv *self, const SegOffer *offer,
                                        const SegConvSpec *spec, gint64 out_channels);
void     seg_direct_conv_set_adds      (SegDirectConv *self);
void     seg_direct_conv_clear         (SegDirectConv *self);
gboolean seg_direct_conv_reserve       (SegDirectConv *self, GError **error);
guint    seg_direct_conv_pack          (SegDirectConv *self, const float *weights,
                                        const float *bias, const SegPost *posts, guint n_posts);
guint    seg_direct_conv_n_panels      (const SegDirectConv *self);
void     seg_direct_conv_pack_panel    (const SegDirectConv *self, guint panel,
                                        const float *weights, const float *bias, float *packed);
guint    seg_direct_conv_get_grain     (const SegDirectConv *self);
gsize    seg_direct_conv_packed_bytes  (const SegDirectConv *self);
gsize    seg_direct_conv_scratch_bytes (const SegDirectConv *self);
void     seg_direct_conv_run           (const SegDirectConv *self, const float *packed,
                                        const SegConvPosts *posts, const SegView *in, SegView *out,
                                        const SegPiece *piece, gpointer scratch);

SegStep *seg_direct_step_new           (const SegOffer *offer, const SegConvSpec *spec,
                                        gboolean scatter, gint64 out_channels, gboolean bias,
                                        GError **error);
