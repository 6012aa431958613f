#pragma once

#include <glib.h>

G_BEGIN_DECLS

void seg_gemm (gboolean transpose_a, gboolean transpose_b, gint64 m, gint64 n, gint64 k, float alpha,
               const float *a, gint64 a_stride, const float *b, gint64 b_stride, float beta, float *c,
               gint64 c_stride);

G_END_DECLS
