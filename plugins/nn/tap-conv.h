/* A sum over taps, which convolutions are made of that are computed directly:
 *
 *   y[k](oy, ox) = shift[k] + Σ_t Σ_c w[k][c][t] · x[c](oy · y_stride + dy_t, ox · x_stride + dx_t),
 *
 * in that order of t and c, for any rectangle of (oy, ox), whichever way input and output lie. With
 * more than one group they are planar: a block might belong to two. */
#pragma once

#include "conv-posts.h"

/* @index: of the weight in the kernel, row by row */
typedef struct
{
  gint64 dy, dx, index;
} SegTap;

typedef struct
{
  const SegKernels *kernels;
  gint64 n_groups, in_channels, out_channels; /* channels of one group */
  gint64 n_taps, y_stride, x_stride;
  SegTap *taps;
  gint64 area;         /* weights of one kernel, taps or not */
  gboolean input_first; /* weights are (inputs, outputs, area), not (outputs, inputs, area) */
  gboolean adds;       /* to what the output holds */
  gint64 in_lanes, out_lanes, n_units; /* blocks of one group's input */
  gint64 n_vectors;                    /* of one group's sums */
  gint64 n_narrow;                     /* vectors of the narrow product instead; 0: not that few */
  gint32 *channels;                    /* of the group, in each lane of them; -1: none */
  gint64 min_dy, min_dx, extra_rows, extra_columns; /* of a patch, beside its outputs */
  gboolean interleaved; /* a pixel of the patch is a number of each channel, else one block's lanes */
  gint64 patch_y_step, patch_x_step; /* from output to output, in pixels of the patch */
  gint64 n_planes;                   /* a strided patch that is not interleaved is split by phase */
  gint32 *plane_of_tap;
  gint64 *plane_y, *plane_x; /* phase of each plane */
  gint64 n_runs;             /* of terms that lie one behind the other */
  gint32 *run_taps;          /* interleaved: the first of each run, and the end */
  gint64 patch_floats;       /* of scratch; 0: the input is read where it lies */
  SegConvPrologue prologue;
  float *weights, *shift; /* packed in panels of two vectors of outputs, one at a group's end, or as
                           * the narrow product reads them */
} SegTapConv;

/* Which pixel of the map output (oy, ox) is: (oy · y_step + y_first, ox · x_step + x_first). */
typedef struct
{
  gint64 y_step, y_first, x_step, x_first;
} SegTapPlace;

void  seg_tap_conv_init          (SegTapConv *self, const SegOffer *offer, gint64 n_groups,
                                  gint64 out_channels, gint64 y_stride, gint64 x_stride,
                                  const SegTap *taps, gint64 n_taps, gboolean inside);
void  seg_tap_conv_clear         (SegTapConv *self);
gboolean seg_tap_conv_reserve    (SegTapConv *self, GError **error);
guint seg_tap_conv_pack          (SegTapConv *self, const float *weights, const float *bias,
                                  const SegPost *posts, guint n_posts);
guint seg_tap_conv_n_panels      (const SegTapConv *self);
void  seg_tap_conv_pack_panel    (const SegTapConv *self, guint panel, const float *weights,
                                  const float *bias, float *packed);
guint seg_tap_conv_get_grain     (const SegTapConv *self);
gsize seg_tap_conv_packed_bytes  (const SegTapConv *self);
gsize seg_tap_conv_scratch_bytes (const SegTapConv *self);
void  seg_tap_conv_run           (const SegTapConv *self, const float *packed,
                                  const SegTapPlace *place, gint64 oy, gint64 ox, gint64 height,
                                  gint64 width, const SegConvPosts *posts, const SegView *in,
                                  SegView *out, const SegPiece *piece, gpointer scratch);
