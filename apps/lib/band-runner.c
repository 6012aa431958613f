/* Images of one size that follow each other run in the same memory: of many small images, each
 * would otherwise take about as long to find memory for as to run. */
#include <segkit/schedule.h>

#include "band-runner.h"
#include "way.h"

struct _SegBandRunner
{
  SegPlan *plan;
  SegPool *pool;
  gint64 height, width, band_rows; /* of the workspace */
  gsize bytes;
  SegWorkspace *workspace; /* NULL: none is kept */
};

/**
 * seg_band_runner_new:
 * @plan: for inference
 * @n_threads: of the network
 *
 * Threads: one at a time.
 */
SegBandRunner *
seg_band_runner_new (SegPlan *plan, guint n_threads)
{
  SegBandRunner *self = g_new0 (SegBandRunner, 1);

  self->plan = g_object_ref (plan);
  self->pool = seg_pool_new (n_threads);
  return self;
}

/**
 * seg_band_runner_give_up:
 * @self: a runner
 *
 * Gives up the memory that is kept.
 */
void
seg_band_runner_give_up (SegBandRunner *self)
{
  g_clear_object (&self->workspace);
  self->bytes = 0;
}

/**
 * seg_band_runner_free:
 * @self: a runner
 */
void
seg_band_runner_free (SegBandRunner *self)
{
  seg_band_runner_give_up (self);
  seg_pool_free (self->pool);
  g_object_unref (self->plan);
  g_free (self);
}

SegPool *
seg_band_runner_get_pool (SegBandRunner *self)
{
  return self->pool;
}

/**
 * seg_band_runner_keep_only:
 * @self: a runner
 * @height: of the next image
 * @width: of the next image
 *
 * Gives up the memory that is kept unless an image of this size could use it.
 */
void
seg_band_runner_keep_only (SegBandRunner *self, gint64 height, gint64 width)
{
  if (self->height != height || self->width != width)
    seg_band_runner_give_up (self);
}

/**
 * seg_band_runner_get_bytes:
 * @self: a runner
 *
 * Returns: of the memory that is kept
 */
gsize
seg_band_runner_get_bytes (SegBandRunner *self)
{
  return self->bytes;
}

/**
 * seg_band_runner_prepare:
 * @self: a runner
 * @height: of an image
 * @width: of the image
 * @band_rows: of a band, at most @height
 * @error: return location
 *
 * Errors: those of seg_schedule_new_bands() and seg_workspace_new(); see seg_way_check_output().
 *
 * Returns: (transfer none): what it runs in, until the next call
 */
SegWorkspace *
seg_band_runner_prepare (SegBandRunner *self, gint64 height, gint64 width, gint64 band_rows,
                         GError **error)
{
  g_autoptr (SegSchedule) schedule = NULL;

  if (self->workspace != NULL && self->height == height && self->width == width
      && self->band_rows == band_rows)
    return self->workspace;
  seg_band_runner_give_up (self);
  schedule = seg_schedule_new_bands (self->plan, height, width, band_rows, error);
  if (schedule == NULL || !seg_way_check_output (schedule, height, width, error)
      || (self->workspace = seg_workspace_new (schedule, self->pool, error)) == NULL)
    return NULL;
  self->height = height;
  self->width = width;
  self->band_rows = band_rows;
  self->bytes = seg_schedule_get_workspace_bytes (schedule, seg_pool_get_n_threads (self->pool));
  return self->workspace;
}
