/* Convolution of 3×3 with stride 1 by Winograd's minimal filtering: F(4×4, 3×3) or F(2×2, 3×3)
 * [Lavin and Gray 2016, arXiv:1509.09308]. Outputs are made in tiles of a grid that is fixed in
 * the map, so that bits do not depend on what is asked for. A NaN or an infinity in the input makes
 * NaN of all its tile. */
#pragma once

#include "conv-posts.h"

typedef struct
{
  const SegKernels *kernels;
  gint64 tile, window, n_points; /* outputs along an axis, inputs, and products of a tile */
  gint64 in_channels, out_channels, n_in_blocks, n_out_blocks;
  gint32 *channels; /* of the output, in each lane of its blocks; -1: none */
  gint64 n_narrow; /* vectors of the narrow product; 0: outputs are not that few */
  gint64 out_lanes, y_padding, x_padding, y_phase, x_phase;
  gint64 n_tiles; /* worked on at once */
  gboolean transposed; /* weights are (inputs, outputs, 3, 3), turned by half a circle */
  SegConvPrologue prologue;
  float *weights; /* [point][panel of two vectors][input channel][output channel], or narrow's */
  float *shift;
} SegWinogradConv;

void     seg_winograd_conv_init          (SegWinogradConv *self, const SegOffer *offer, gint tile,
                                          gint64 out_channels, gint y_padding, gint x_padding);
void     seg_winograd_conv_clear         (SegWinogradConv *self);
gboolean seg_winograd_conv_reserve       (SegWinogradConv *self, GError **error);
guint    seg_winograd_conv_pack          (SegWinogradConv *self, const float *weights,
                                          const float *bias, const SegPost *posts, guint n_posts);
guint    seg_winograd_conv_n_panels      (const SegWinogradConv *self);
void     seg_winograd_conv_pack_panel    (const SegWinogradConv *self, guint panel,
                                          const float *weights, const float *bias, float *packed);
guint    seg_winograd_conv_get_grain     (const SegWinogradConv *self);
gsize    seg_winograd_conv_packed_bytes  (const SegWinogradConv *self);
gsize    seg_winograd_conv_scratch_bytes (const SegWinogradConv *self);
void     seg_winograd_conv_run           (const SegWinogradConv *self, const float *packed,
                                          gboolean adds, const SegConvPosts *posts,
                                          const SegView *in, SegView *out, const SegPiece *piece,
                                          gpointer scratch);
