#pragma once

#include <segkit/graph.h>
#include <segkit/workspace.h>

G_BEGIN_DECLS

/**
 * SegProfile:
 *
 * What each step of a plan took in all runs, held against what the machine can do.
 */
typedef struct _SegProfile SegProfile;

SegProfile *seg_profile_new   (SegGraph *graph, SegPlan *plan, guint n_threads, gsize limit,
                               GError **error);
void        seg_profile_free  (SegProfile *self);
gboolean    seg_profile_run   (SegProfile *self, SegWorkspace *workspace, SegRowsFunc read,
                               SegRowsFunc write, gpointer user_data, double *multiply_adds,
                               GCancellable *cancellable, GError **error);
void        seg_profile_add_seconds (SegProfile *self, double seconds);
void        seg_profile_print (const SegProfile *self, GString *out);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (SegProfile, seg_profile_free)

G_END_DECLS
