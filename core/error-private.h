#pragma once

#include <segkit/error.h>

G_BEGIN_DECLS

void _seg_error_complete (GError **error, gconstpointer object, const char *function);

G_END_DECLS
