#pragma once

#include <glib.h>

G_BEGIN_DECLS

guint64 seg_random_name_hash (const char *name);
void    seg_random_uniform   (guint64 seed, guint64 stream, guint64 first_element, gsize n,
                              float *uniform);
void    seg_random_normal    (guint64 seed, guint64 stream, guint64 first_element, gsize n,
                              float *normal);

G_END_DECLS
