/* From the pixels of a crop to those of its image. */
#pragma once

#include "augmentation.h"

G_BEGIN_DECLS

/**
 * SegWarp:
 * @h: rows of the crop
 * @w: columns of the crop
 * @image_h: rows of the image
 * @image_w: columns of the image
 * @is_exact: whether each pixel of the crop is one of the image: see @rows and @columns
 * @is_transposed: whether rows of the crop are columns of the image
 * @rows: of an exact warp, the image's row for each row of the crop, or for each column where
 *   transposed
 * @columns: the same for columns
 * @origin_x: to which @x is relative
 * @origin_y: to which @y is relative
 * @x: otherwise for each pixel of the crop its place in the image
 * @y: the same
 * @shrink: pixels of the image, in each direction, that are averaged before
 *
 * One map for flips, rotations, scale and elastic deformation, so that an image is resampled once.
 * Outside of the image it is mirrored.
 */
typedef struct
{
  gint64 h, w, image_h, image_w;
  gboolean is_exact, is_transposed;
  gint64 *rows, *columns;
  gint64 origin_x, origin_y;
  float *x, *y;
  gint64 shrink;
} SegWarp;

gboolean seg_warp_init        (SegWarp *self, const SegAugmentationDraw *draw, gint64 h, gint64 w,
                               gint64 image_h, gint64 image_w, double centre_x, double centre_y,
                               GError **error);
void     seg_warp_clear       (SegWarp *self);
void     seg_warp_get_extent  (const SegAugmentationDraw *draw, gint64 h, gint64 w, double *extent_w,
                               double *extent_h);
gboolean seg_warp_image       (const SegWarp *self, const float *planes, gint64 n_planes, float *out,
                               GError **error);
void     seg_warp_target      (const SegWarp *self, const guint16 *target, gboolean outside_ignored,
                               guint16 *out);
void     seg_warp_weights     (const SegWarp *self, const float *weights, float *out);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (SegWarp, seg_warp_clear)

G_END_DECLS
