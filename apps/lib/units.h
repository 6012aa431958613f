#pragma once

#include <glib.h>

G_BEGIN_DECLS

const char *seg_units_plural (guint64 n);
char       *seg_units_count  (double n);
char       *seg_units_bytes  (double n);

G_END_DECLS
