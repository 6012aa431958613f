#pragma once

#include <gio/gio.h>

#include <segkit/model.h>
#include <segkit/pool.h>

#include "tta.h"

G_BEGIN_DECLS

/**
 * SegPredictor:
 *
 * A model, compiled as it is now, for images in memory.
 */
typedef struct _SegPredictor SegPredictor;

SegPredictor *seg_predictor_new       (SegModel *model, SegPool *pool, gsize limit_bytes,
                                       GError **error);
void          seg_predictor_free      (SegPredictor *self);
void          seg_predictor_set_tta   (SegPredictor *self, SegTta tta);
SegModel     *seg_predictor_get_model (SegPredictor *self);
SegPool      *seg_predictor_get_pool  (SegPredictor *self);
gint64        seg_predictor_get_n_planes (SegPredictor *self);
gboolean      seg_predictor_check_size (SegPredictor *self, gint64 height, gint64 width,
                                        GError **error);
gboolean      seg_predictor_run       (SegPredictor *self, const float *image, gint64 n_bands,
                                       gint64 height, gint64 width, guint8 *labels,
                                       float *logits, GCancellable *cancellable, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (SegPredictor, seg_predictor_free)

G_END_DECLS
