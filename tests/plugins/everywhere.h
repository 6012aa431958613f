/* The promise, on one network: the same bits whatever the tile, the band and the threads. */
#pragma once

#include <segkit/segkit.h>

G_BEGIN_DECLS

gboolean everywhere_fill_parameters (SegParameters *parameters, gsize max_elements, GError **error);
gboolean everywhere_check (SegGraph *graph, const char *what, gint64 channels, gint64 height,
                           gint64 width, gsize max_parameters);

G_END_DECLS
