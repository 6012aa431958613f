#pragma once

#include <segkit/model.h>

G_BEGIN_DECLS

/**
 * SegClassifier:
 *
 * What is made of logits: labels and probabilities, of all classes or of some.
 */
typedef struct _SegClassifier SegClassifier;

SegClassifier *seg_classifier_new          (SegModel *model, GError **error);
void           seg_classifier_free         (SegClassifier *self);
gboolean       seg_classifier_choose       (SegClassifier *self, const char *classes,
                                            GError **error);
void           seg_classifier_set_threshold (SegClassifier *self, double threshold);

guint          seg_classifier_get_n_classes (SegClassifier *self);
const SegClass *seg_classifier_get_class   (SegClassifier *self, guint i);
guint8         seg_classifier_get_label    (SegClassifier *self, guint i);

gboolean       seg_classifier_prepare      (SegClassifier *self, gint64 width,
                                            gboolean want_probabilities, GError **error);
void           seg_classifier_run          (SegClassifier *self, const SegView *logits, gint64 y,
                                            guint8 *labels, float *probabilities);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (SegClassifier, seg_classifier_free)

G_END_DECLS
