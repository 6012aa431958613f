#pragma once

#include <glib-object.h>

G_BEGIN_DECLS

/**
 * SegAugmentation:
 *
 * By how much samples are changed before they are learnt from; with its defaults not at all. The
 * properties are the keys of a recipe's group [train.augmentation].
 */
#define SEG_TYPE_AUGMENTATION (seg_augmentation_get_type ())
G_DECLARE_FINAL_TYPE (SegAugmentation, seg_augmentation, SEG, AUGMENTATION, GObject)

/**
 * SegAugmentationDraw:
 * @flip_horizontal: left becomes right
 * @flip_vertical: top becomes bottom
 * @n_turns: right angles
 * @angle: of free rotation, in radians
 * @scale: of things in the crop; 1: as they are
 * @is_elastic: whether @grid is in use
 * @grid: displacements right and down at corners, edges and centre of the crop, in pixels
 * @brightness: is added
 * @contrast: factor on the distance from a band's mean
 * @gamma: exponent
 * @noise: deviation
 * @blur: deviation in pixels
 * @needs_class: whether the crop is chosen by a class that it contains
 * @outside_ignored: whether what lies outside of the image counts for nothing
 *
 * What happens to one sample.
 */
typedef struct
{
  gboolean flip_horizontal, flip_vertical;
  guint n_turns;
  double angle, scale;
  gboolean is_elastic;
  float grid[2][3][3];
  float brightness, contrast, gamma, noise, blur;
  gboolean needs_class, outside_ignored;
} SegAugmentationDraw;

gboolean seg_augmentation_check (SegAugmentation *self, GError **error);
void     seg_augmentation_draw  (SegAugmentation *self, guint64 seed, guint64 counter,
                                 SegAugmentationDraw *draw);

G_END_DECLS
