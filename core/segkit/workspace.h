#pragma once

#include <gio/gio.h>

#include <segkit/pool.h>
#include <segkit/schedule.h>

G_BEGIN_DECLS

/**
 * SegWorkspace:
 *
 * The memory that one running schedule needs. One for each run at a time.
 */
#define SEG_TYPE_WORKSPACE (seg_workspace_get_type ())
G_DECLARE_FINAL_TYPE (SegWorkspace, seg_workspace, SEG, WORKSPACE, GObject)

/**
 * SegRowsFunc:
 * @view: the rectangle at hand, view->valid, float32
 * @user_data: as given
 * @error: return location
 *
 * As reader: fills the rectangle with the network's input, normalised. As writer: takes the
 * logits away. By bands both are called for consecutive rows, top to bottom, each row once;
 * otherwise once. Always called in the thread that runs the workspace.
 *
 * Returns: %FALSE with @error set to stop the run
 */
typedef gboolean (*SegRowsFunc) (const SegView *view, gpointer user_data, GError **error);

/**
 * SegStepProfile:
 * @n_runs: how often the step ran: by bands, once for each portion of rows
 * @seconds: that it took, all threads together waiting for the last
 * @multiply_adds: that it did, as a direct computation counts them
 * @bytes: of the maps that it read and wrote, once each, and of its weights, once for each run
 *
 * What a step of a plan took.
 */
typedef struct
{
  guint64 n_runs;
  double seconds, multiply_adds, bytes;

  /*< private >*/
  gpointer reserved[4];
} SegStepProfile;

/**
 * SegNorms:
 * @SEG_NORMS_BATCH: of the batch, and running ones follow
 * @SEG_NORMS_RUNNING: running ones, which stay as they are: PyTorch's `module.eval()`
 *
 * What layers with running state, such as batch norm, normalise by in training.
 */
typedef enum
{
  SEG_NORMS_BATCH,
  SEG_NORMS_RUNNING,
} SegNorms;

SegWorkspace *seg_workspace_new (SegSchedule *schedule, SegPool *pool, GError **error);
gboolean      seg_workspace_run (SegWorkspace *self, SegRowsFunc read, SegRowsFunc write,
                                 gpointer user_data, GCancellable *cancellable, GError **error);
double        seg_workspace_get_multiply_adds (SegWorkspace *self);

void          seg_workspace_start_profile     (SegWorkspace *self);
void          seg_workspace_get_profile       (SegWorkspace *self, guint step,
                                               SegStepProfile *profile);

/* Training plans only. */
void          seg_workspace_set_random (SegWorkspace *self, guint64 seed, guint64 step);
void          seg_workspace_set_norms  (SegWorkspace *self, SegNorms which, double share);
gboolean      seg_workspace_run_backward (SegWorkspace *self, SegRowsFunc read_gradient,
                                          gpointer user_data, GError **error);
const float  *seg_workspace_get_gradient (SegWorkspace *self, const char *parameter);
void          seg_workspace_freeze     (SegWorkspace *self, const char *parameter);
void          seg_workspace_want_input_gradient (SegWorkspace *self);
gboolean      seg_workspace_get_input_gradient (SegWorkspace *self, SegRowsFunc write,
                                                gpointer user_data, GError **error);

G_END_DECLS
