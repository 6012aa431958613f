#pragma once

#include <glib.h>

G_BEGIN_DECLS

gboolean seg_border_weights_compute (const guint16 *objects, gint64 h, gint64 w, double w0,
                                     double sigma, float *weights, GError **error);

G_END_DECLS
