#pragma once

#include "planes.h"

G_BEGIN_DECLS

/**
 * SegOrientation:
 * @number: 0 to 7; 0 is as it is, 1 to 3 are mirrored, 4 to 7 also transposed
 * @height: rows of the image as it is
 * @width: columns of it
 *
 * One of the eight ways to see an image: the symmetries of the square, D4.
 */
typedef struct
{
  guint number;
  gint64 height, width;
} SegOrientation;

gint64  seg_orientation_get_height (const SegOrientation *self);
gint64  seg_orientation_get_width  (const SegOrientation *self);
SegRect seg_orientation_turn       (const SegOrientation *self, const SegRect *rect);
SegRect seg_orientation_turn_back  (const SegOrientation *self, const SegRect *rect);
void    seg_orientation_copy       (const SegOrientation *self, SegPlanes *from,
                                    const SegView *seen);
void    seg_orientation_add        (const SegOrientation *self, const SegView *seen,
                                    SegPlanes *to);

G_END_DECLS
