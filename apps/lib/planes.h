#pragma once

#include <segkit/types.h>

G_BEGIN_DECLS

/**
 * SegPlanes:
 *
 * A rectangle of a map in memory, plane by plane and row by row, and how the engine sees it.
 */
typedef struct _SegPlanes SegPlanes;

SegPlanes     *seg_planes_new      (const SegShape *shape, const SegRect *rect, GError **error);
SegPlanes     *seg_planes_new_over (float *samples, const SegShape *shape, const SegRect *rect,
                                    GError **error);
void           seg_planes_free     (SegPlanes *self);
const SegView *seg_planes_get_view (SegPlanes *self);
float         *seg_planes_at       (SegPlanes *self, gint64 channel, gint64 y, gint64 x);
void           seg_planes_copy     (SegPlanes *self, const SegView *view);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (SegPlanes, seg_planes_free)

G_END_DECLS
