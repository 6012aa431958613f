#pragma once

#include <glib.h>

G_BEGIN_DECLS

#define SEG_MEMORY_ALIGNMENT 64

gpointer seg_alloc            (gsize n, gsize element_size, const char *what, GError **error);
void     seg_free             (gpointer memory);
void     seg_memory_set_limit (gsize bytes);
gsize    seg_memory_get_used  (void);
gsize    seg_memory_get_peak  (void);

G_END_DECLS
