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

G_END_DECLS
