#pragma once

#include <gio/gio.h>

#include <segkit/plan.h>
#include <segkit/pool.h>
#include <segkit/workspace.h>

G_BEGIN_DECLS

/**
 * SegBandRunner:
 *
 * Threads, and the memory in which a network last ran by bands.
 */
typedef struct _SegBandRunner SegBandRunner;

SegBandRunner *seg_band_runner_new       (SegPlan *plan, guint n_threads);
void           seg_band_runner_free      (SegBandRunner *self);
SegPool       *seg_band_runner_get_pool  (SegBandRunner *self);
void           seg_band_runner_give_up   (SegBandRunner *self);
void           seg_band_runner_keep_only (SegBandRunner *self, gint64 height, gint64 width);
gsize          seg_band_runner_get_bytes (SegBandRunner *self);
SegWorkspace  *seg_band_runner_prepare   (SegBandRunner *self, gint64 height, gint64 width,
                                          gint64 band_rows, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (SegBandRunner, seg_band_runner_free)

G_END_DECLS
