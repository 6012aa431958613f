#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* In pixels; how long it takes to compute the weights is proportional to it. */
#define SEG_BORDER_MIN_SIGMA 0.1
#define SEG_BORDER_MAX_SIGMA 100.

/* Of each pixel, while they are computed; the weights among them. */
#define SEG_BORDER_WORKING_BYTES 16

gboolean seg_border_weights_compute (const guint16 *objects, gint64 h, gint64 w, double w0,
                                     double sigma, float *weights, GError **error);

G_END_DECLS
