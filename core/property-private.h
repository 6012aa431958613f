#pragma once

#include <glib-object.h>

G_BEGIN_DECLS

void     _seg_properties_dispose (GObject *object);
gboolean _seg_properties_collect (GType type, const char *first_property, va_list args,
                                  GPtrArray *names, GArray *values, GError **error);

G_END_DECLS
