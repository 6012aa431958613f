/* Construct-only hyper-parameters, stored straight into the instance. One line each. */
#pragma once

#include <glib-object.h>

G_BEGIN_DECLS

void seg_class_add_int     (gpointer klass, const char *name, gsize offset, gint minimum, gint maximum,
                            gint default_value, const char *blurb);
void seg_class_add_float   (gpointer klass, const char *name, gsize offset, gfloat minimum,
                            gfloat maximum, gfloat default_value, const char *blurb);
void seg_class_add_boolean (gpointer klass, const char *name, gsize offset, gboolean default_value,
                            const char *blurb);
void seg_class_add_enum    (gpointer klass, const char *name, gsize offset, GType enum_type,
                            gint default_value, const char *blurb);
void seg_class_add_string  (gpointer klass, const char *name, gsize offset,
                            const char *default_value, const char *blurb);
void seg_class_add_object  (gpointer klass, const char *name, gsize offset, GType object_type,
                            const char *blurb);

gpointer seg_object_new_checked (GType type, guint n, const char *names[], const GValue values[],
                                 GError **error);
gpointer seg_object_copy_with   (gpointer object, GError **error, const char *first_property,
                                 ...) G_GNUC_NULL_TERMINATED;
gboolean seg_value_from_string  (GParamSpec *pspec, const char *text, GValue *value, GError **error);
char    *seg_value_to_string    (const GValue *value);
gint    *seg_ints_from_string   (const char *text, gint minimum, gint maximum, guint *n,
                                  GError **error);

G_END_DECLS
