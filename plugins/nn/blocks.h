/* What layers on channel blocks share. */
#pragma once

#include <segkit/seg-plugin.h>

G_BEGIN_DECLS

/* Calls @func (lanes, …), an inline function, with the lanes of each level as a constant: its loops
 * over lanes become vector code without a tail, and a plane's vanish. */
#define SEG_CALL_WITH_LANES(lanes, func, ...) \
  G_STMT_START \
  { \
    if ((lanes) == 1) \
      func (1, __VA_ARGS__); \
    else if ((lanes) == 4) \
      func (4, __VA_ARGS__); \
    else if ((lanes) == 8) \
      func (8, __VA_ARGS__); \
    else if ((lanes) == 16) \
      func (16, __VA_ARGS__); \
    else \
      func (lanes, __VA_ARGS__); \
  } \
  G_STMT_END

/* y = scale[l] · x + shift[l] in each lane of block @block of the piece; all lanes have a scale and
 * a shift. */
void seg_block_affine (const SegRun *run, const SegView *in, SegView *out, const SegPiece *piece,
                       guint block, const float *scale, const float *shift);

/* Adds Σ x and Σ x² of row @y of block @b, lane by lane. Products of floats are exact in double, so
 * that their difference loses nothing that a float would show. */
void seg_block_sum (const SegView *in, guint b, gint64 sample, gint64 y, double *sum,
                    double *square);

/* Adds Σ dy and Σ dy·(x - mean), likewise. */
void seg_block_sum_gradient (const SegView *in, const SegView *dout, guint b, gint64 sample,
                             gint64 y, const float *mean, double *sum, double *product);

/* How a norm's gradient follows from that of its output, lane by lane: dx += scale·dy - mean -
 * (x - center)·slope. */
typedef struct
{
  float scale[SEG_KERNEL_MAX_LANES], mean[SEG_KERNEL_MAX_LANES], center[SEG_KERNEL_MAX_LANES],
      slope[SEG_KERNEL_MAX_LANES];
} SegNormGradient;

void seg_block_add_norm_gradient (const SegNormGradient *of, const SegView *in,
                                  const SegView *dout, SegView *din, const SegPiece *piece,
                                  guint block);

G_END_DECLS
