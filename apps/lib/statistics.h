#pragma once

#include <gio/gio.h>

#include "classifier.h"

G_BEGIN_DECLS

/**
 * SegStatistics:
 *
 * How many pixels of each class there are in each of some images, as one JSON or CSV file.
 */
typedef struct _SegStatistics SegStatistics;

SegStatistics *seg_statistics_new       (const char *path, SegClassifier *classifier,
                                         GError **error);
void           seg_statistics_free      (SegStatistics *self);
void           seg_statistics_add_image (SegStatistics *self, const char *image, gint64 width,
                                         gint64 height, const gint64 counts[256]);
gboolean       seg_statistics_commit    (SegStatistics *self, const char *model,
                                         const char *sha256, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (SegStatistics, seg_statistics_free)

G_END_DECLS
