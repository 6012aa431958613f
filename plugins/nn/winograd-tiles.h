/* Tiles that lie side by side: how Winograd's convolutions read them, those at a border too. */
#pragma once

#include "conv-posts.h"

/* Tiles at a border are worked on side by side, too, but not so many that their copy leaves L1. */
#define SEG_WINOGRAD_BORDER_TILES 8

#define SEG_WINOGRAD_MAX_WINDOW 6

/**
 * SegWinogradTiles:
 * @kernels: of the level
 * @tile: pixels from one to the next, 2 or 4
 * @window: pixels of each, @tile + 2, or @tile
 * @adjoint: whether they are transformed as gradients of outputs, not as inputs
 * @prologue: on what is read; its scale may be %NULL
 * @valid: what of the map counts: outside of it are zeros
 * @border: scratch of seg_winograd_border_floats()
 * @plane: of the result, floats from point to point
 * @next: block whose pixels at the same place are called for meanwhile; 0: none
 */
typedef struct
{
  const SegKernels *kernels;
  gint64 tile, window;
  gboolean adjoint;
  SegConvPrologue prologue;
  SegRect valid;
  float *border;
  gsize plane;
  guint next;
} SegWinogradTiles;

/* For windows of tile + 2 pixels. */
static inline gsize
seg_winograd_border_floats (const SegKernels *kernels, gint64 tile)
{
  return (gsize) ((tile + 2) * (SEG_WINOGRAD_BORDER_TILES * tile + 2) * kernels->lanes);
}

void   seg_winograd_split_run          (gint64 x, gint64 n, gint64 tile, gint64 size, gint64 begin,
                                        gint64 end, gint64 *left, gint64 *inside);
gint64 seg_winograd_count_border_tiles (gint64 t, gint64 n, gint64 left, gint64 inside);
void   seg_winograd_tiles_load         (const SegWinogradTiles *self, const SegView *in,
                                        guint block, gint64 sample, gint64 y, gint64 x, gint64 n,
                                        float *v);
