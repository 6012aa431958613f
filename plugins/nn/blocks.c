#include "blocks.h"

#include <math.h>

void
seg_block_affine (const SegRun *run, const SegView *in, SegView *out, const SegPiece *piece,
                  guint block, const float *scale, const float *shift)
{
  SegKernelPrologue affine = { scale, shift, -INFINITY, INFINITY };
  const SegRect *r = &piece->rect;

  for (gint64 y = r->y; y < r->y + r->h; y++)
    {
      const float *from = seg_view_at (in, block, piece->sample, y, r->x);
      float *to = seg_view_at (out, block, piece->sample, y, r->x);

      if (out->blocks[block].lanes == 1)
        run->kernels->affine ((gsize) r->w, from, scale[0], shift[0], to);
      else
        run->kernels->prologue ((gsize) r->w, from, &affine, to);
    }
}
