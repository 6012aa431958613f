#pragma once

#include <segkit/block.h>
#include <segkit/layer.h>

G_BEGIN_DECLS

typedef struct _SegRegistry SegRegistry;
typedef struct _SegPluginDescriptor SegPluginDescriptor; /* in seg-plugin.h */

SegRegistry *seg_registry_get_default (void);

void        seg_registry_add          (SegRegistry *self, const char *name, GType type);
GType       seg_registry_lookup       (SegRegistry *self, const char *name);
char      **seg_registry_list         (SegRegistry *self, GType parent);
const char *seg_registry_get_plugin   (SegRegistry *self, const char *name);
char       *seg_registry_find_nearest (SegRegistry *self, const char *name);
const char *seg_type_get_feature      (GType type);
gpointer    seg_registry_create       (SegRegistry *self, const char *name, GType parent,
                                       GError **error, const char *first_property, ...);
gpointer    seg_registry_create_valist (SegRegistry *self, const char *name, GType parent,
                                        GError **error, const char *first_property, va_list args);

GType       seg_registry_get_kind     (guint i);
const char *seg_type_get_kind         (GType type);
const char *seg_feature_get_title     (gpointer object);
const char *seg_feature_get_source    (gpointer object);

gboolean    seg_registry_load_file      (SegRegistry *self, const char *path, GError **error);
void        seg_registry_load_directory (SegRegistry *self, const char *path);
void        seg_registry_load_default   (SegRegistry *self, const char *plugin_path);
char      **seg_registry_list_plugins   (SegRegistry *self);

const SegPluginDescriptor *seg_registry_get_descriptor (SegRegistry *self, const char *path);

/**
 * SegNotLoaded:
 * @path: a module file
 * @reason: why it, or one of its features, was not loaded: one line, fit to be shown
 * @foreign: whether a module from elsewhere than the folder of segkit's own plugins has to do
 *   with it
 */
typedef struct
{
  const char *path, *reason;
  gboolean foreign;

  /*< private >*/
  gpointer reserved[4];
} SegNotLoaded;
const SegNotLoaded *seg_registry_get_not_loaded (SegRegistry *self, guint *n);

G_END_DECLS
