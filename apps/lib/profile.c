/* Where the time of runs goes, step by step, as a table.
 *
 * What a step must take at least is what its arithmetic or its memory takes at the machine's peak,
 * whichever is longer; the table says how near to that it comes. A convolution may pass the peak
 * of arithmetic: Winograd multiplies less than the direct computation by which it is counted. And
 * one may pass the peak of memory: maps that were just written are still in the caches. */
#include <segkit/describe.h>

#include "path.h"
#include "peak.h"
#include "profile.h"
#include "table.h"
#include "units.h"

struct _SegProfile
{
  SegGraph *graph;
  SegPlan *plan;
  guint n_threads;
  SegPeak peak;
  SegStepProfile *steps; /* one for each of the plan */
  double seconds;        /* of all runs, with all that is no step's */
};

/**
 * seg_profile_new: (skip)
 * @graph: what the plan was made of
 * @plan: what is run
 * @n_threads: that run it
 * @limit: bytes that may be taken while the machine is measured
 * @error: return location
 *
 * Measures what the machine can do.
 * Errors: `SEG_ERROR_MEMORY`.
 *
 * Returns: (transfer full): a profile without a run, or %NULL with @error set
 */
SegProfile *
seg_profile_new (SegGraph *graph, SegPlan *plan, guint n_threads, gsize limit, GError **error)
{
  g_autoptr (SegProfile) self = g_new0 (SegProfile, 1);
  g_autoptr (SegPool) pool = seg_pool_new (n_threads);

  self->graph = g_object_ref (graph);
  self->plan = g_object_ref (plan);
  self->n_threads = n_threads;
  self->steps = g_new0 (SegStepProfile, MAX (seg_plan_get_n_steps (plan), 1));
  if (!seg_peak_measure (seg_plan_get_kernels (plan), pool, limit, &self->peak, error))
    return NULL;
  return g_steal_pointer (&self);
}

void
seg_profile_free (SegProfile *self)
{
  g_clear_object (&self->graph);
  g_clear_object (&self->plan);
  g_free (self->steps);
  g_free (self);
}

static void
seg_profile_add_step (SegStepProfile *sum, const SegStepProfile *step)
{
  sum->n_runs += step->n_runs;
  sum->seconds += step->seconds;
  sum->multiply_adds += step->multiply_adds;
  sum->bytes += step->bytes;
}

static void
seg_profile_add (SegProfile *self, SegWorkspace *workspace)
{
  for (guint i = 0; i < seg_plan_get_n_steps (self->plan); i++)
    {
      SegStepProfile step;

      seg_workspace_get_profile (workspace, i, &step);
      seg_profile_add_step (&self->steps[i], &step);
    }
}

/**
 * seg_profile_run: (skip)
 * @self: (nullable): a profile, which is told what each step takes
 * @workspace: of its plan
 * @read: see seg_workspace_run()
 * @write: likewise
 * @user_data: for both
 * @multiply_adds: (inout): those that were done are added to it
 * @cancellable: stops it
 * @error: return location
 *
 * Runs a workspace, and notes what it took.
 * Errors: those of seg_workspace_run(), after which nothing is noted.
 */
gboolean
seg_profile_run (SegProfile *self, SegWorkspace *workspace, SegRowsFunc read, SegRowsFunc write,
                 gpointer user_data, double *multiply_adds, GCancellable *cancellable,
                 GError **error)
{
  if (self != NULL)
    seg_workspace_start_profile (workspace);
  if (!seg_workspace_run (workspace, read, write, user_data, cancellable, error))
    return FALSE;
  *multiply_adds += seg_workspace_get_multiply_adds (workspace);
  if (self != NULL)
    seg_profile_add (self, workspace);
  return TRUE;
}

/**
 * seg_profile_add_seconds: (skip)
 * @self: a profile
 * @seconds: that an image took from its file to its results, the steps among them
 */
void
seg_profile_add_seconds (SegProfile *self, double seconds)
{
  self->seconds += seconds;
}

/* ---- the table ------------------------------------------------------------------------- */

static double
seg_profile_get_arithmetic_seconds (const SegProfile *self, const SegStepProfile *step)
{
  return step->multiply_adds / self->peak.multiply_adds;
}

static double
seg_profile_get_memory_seconds (const SegProfile *self, const SegStepProfile *step)
{
  return step->bytes / self->peak.bytes;
}

/* What the step takes at least. */
static double
seg_profile_get_least_seconds (const SegProfile *self, const SegStepProfile *step)
{
  return MAX (seg_profile_get_arithmetic_seconds (self, step),
              seg_profile_get_memory_seconds (self, step));
}

/* @limit: which one binds, "" of all steps together. @least_seconds: that they take at least */
static void
seg_profile_add_row (const SegProfile *self, const char *name, const char *kernel,
                     const SegStepProfile *step, double least_seconds, const char *limit,
                     SegTable *table)
{
  /* a clock of microseconds may not see the smallest */
  double seconds = MAX (step->seconds, 1e-6);
  g_autofree char *shown = seg_path_escape (name);
  g_autofree char *n_runs = g_strdup_printf ("%" G_GUINT64_FORMAT, step->n_runs);
  g_autofree char *taken = g_strdup_printf ("%.6f", step->seconds);
  g_autofree char *share = g_strdup_printf ("%.1f%%", 100 * step->seconds / self->seconds);
  g_autofree char *gflops = g_strdup_printf ("%.1f", 2e-9 * step->multiply_adds / seconds);
  g_autofree char *bytes = seg_units_bytes (step->bytes);
  g_autofree char *gbytes = g_strdup_printf ("%.1f", 1e-9 * step->bytes / seconds);
  g_autofree char *of_limit = g_strdup_printf ("%.0f%%", 100 * least_seconds / seconds);

  seg_table_add (table, shown, kernel, n_runs, taken, share, gflops, bytes, gbytes, of_limit,
                 limit, NULL);
}

static void
seg_profile_add_time (const SegProfile *self, const char *name, double seconds, SegTable *table)
{
  g_autofree char *taken = g_strdup_printf ("%.6f", seconds);
  g_autofree char *share = g_strdup_printf ("%.1f%%", 100 * seconds / self->seconds);

  seg_table_add (table, name, "", "", taken, share, NULL);
}

static void
seg_profile_print_steps (const SegProfile *self, GString *out)
{
  g_autoptr (SegTable) table = seg_table_new ("llrrrrrrrl");
  SegStepProfile all = { 0 };
  double least_seconds = 0;

  seg_table_add (table, "step", "kernel", "runs", "seconds", "share", "GFLOP/s", "bytes", "GB/s",
                 "of limit", "", NULL);
  for (guint i = 0; i < seg_plan_get_n_steps (self->plan); i++)
    {
      const SegStepProfile *step = &self->steps[i];
      double least = seg_profile_get_least_seconds (self, step);
      SegStepInfo info;

      if (step->n_runs == 0)
        continue;
      seg_plan_describe_step (self->plan, i, &info);
      seg_profile_add_row (self, seg_graph_get_node_name (self->graph, info.nodes[0]), info.kernel,
                           step, least,
                           least > seg_profile_get_memory_seconds (self, step) ? "arithmetic"
                                                                               : "memory",
                           table);
      seg_profile_add_step (&all, step);
      least_seconds += least;
    }
  seg_profile_add_row (self, "all steps", "", &all, least_seconds, "", table);
  seg_profile_add_time (self, "outside of the steps", self->seconds - all.seconds, table);
  seg_profile_add_time (self, "total", self->seconds, table);
  seg_table_print (table, 0, out);
}

/**
 * seg_profile_print: (skip)
 * @self: a profile
 * @out: where to
 *
 * Appends a line for each step that ran, totals, and the limits; nothing where nothing ran.
 */
void
seg_profile_print (const SegProfile *self, GString *out)
{
  if (self->seconds <= 0)
    return;
  seg_profile_print_steps (self, out);
  g_string_append_printf (out,
                          "\nlimits: %.1f GFLOP/s of arithmetic, %.1f GB/s of memory; %s, "
                          "%u thread%s\n",
                          2e-9 * self->peak.multiply_adds, 1e-9 * self->peak.bytes,
                          seg_plan_get_kernels (self->plan)->level, self->n_threads,
                          seg_units_plural (self->n_threads));
}
