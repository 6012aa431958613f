#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * SegImageGroups:
 *
 * Which files of the same folders belong together.
 */
typedef struct _SegImageGroups SegImageGroups;

SegImageGroups *seg_image_groups_new      (const char *const *suffixes);
void            seg_image_groups_free     (SegImageGroups *self);
char           *seg_image_groups_dup_stem (SegImageGroups *self, const char *name,
                                           gboolean *is_first);
char          **seg_image_groups_find     (SegImageGroups *self, const char *image, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (SegImageGroups, seg_image_groups_free)

G_END_DECLS
