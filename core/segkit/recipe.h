#pragma once

#include <segkit/block.h>

G_BEGIN_DECLS

#define SEG_RECIPE_MAX_BYTES (1024 * 1024)

GKeyFile *seg_recipe_parse        (const char *text, gsize length, GError **error);
gpointer  seg_recipe_build_object (GKeyFile *recipe, const char *group, GType parent,
                                   GError **error);
SegBlock *seg_recipe_build_block  (GKeyFile *recipe, const char *group, GError **error);
gpointer  seg_recipe_build_plain  (GKeyFile *recipe, const char *group, GType type,
                                   GError **error);

const char *seg_recipe_find_nearest (const char *name, const char *const *names);

G_END_DECLS
