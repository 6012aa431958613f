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

G_END_DECLS
