#pragma once

#include <segkit/loss.h>
#include <segkit/model.h>

G_BEGIN_DECLS

/* The network that is trained for a model: its own, or one that has auxiliary heads beside. */
typedef struct
{
  SegGraph *graph;
  SegParameters *parameters;
} SegSupervision;

gboolean _seg_supervision_init    (SegSupervision *self, SegModel *model, guint n_heads,
                                   guint64 seed, GError **error);
void     _seg_supervision_clear   (SegSupervision *self);
gboolean _seg_supervision_compute (SegLoss *loss, guint n_heads, const SegLossBatch *batch,
                                   double factor, double *value, GError **error);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (SegSupervision, _seg_supervision_clear)

G_END_DECLS
