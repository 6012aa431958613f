/* Whether a network's numbers depend on how they are computed, tried on a user's own image.
 *
 * A window amid the image is run whole, and then in other ways: in bands and tiles of several
 * sizes, by several numbers of threads. The window is bounded, so that a whole run of it fits into
 * memory, and taken as an image of its own, so that the network's padding is at its border in each
 * way. Compared are the logits, bit by bit, of which every result is made. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include <segkit/pool.h>
#include <segkit/schedule.h>
#include <segkit/workspace.h>

#include "exit-code.h"
#include "planes.h"
#include "verify.h"
#include "way.h"

/* Odd, so that no tile fits evenly. */
#define SEG_VERIFY_MAX_WIDTH 509
#define SEG_VERIFY_MAX_HEIGHT 389

typedef struct
{
  SegPlan *plan;
  SegSource *source;
  GCancellable *cancellable;
  SegRect window;
  gsize n_logits;
  SegPlanes *whole, *other;
  SegPlanes *into; /* which of the two is being filled */
} SegVerify;

static void
seg_verify_clear (SegVerify *self)
{
  g_clear_pointer (&self->whole, seg_planes_free);
  g_clear_pointer (&self->other, seg_planes_free);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (SegVerify, seg_verify_clear)

/* The network asks for pixels of the window, the source has those of the image. */
static gboolean
seg_verify_read (const SegView *view, gpointer data, GError **error)
{
  SegVerify *self = data;
  SegView moved = *view;

  moved.valid.x += self->window.x;
  moved.valid.y += self->window.y;
  return seg_source_fetch (self->source, &moved.valid, error)
         && seg_source_fill (self->source, &moved, error);
}

static gboolean
seg_verify_keep (const SegView *logits, gpointer data, GError **error)
{
  SegVerify *self = data;

  (void) error;
  seg_planes_copy (self->into, logits);
  return TRUE;
}

static gboolean
seg_verify_run_schedule (SegVerify *self, SegSchedule *schedule, SegPool *pool, GError **error)
{
  g_autoptr (SegWorkspace) workspace
      = schedule != NULL ? seg_workspace_new (schedule, pool, error) : NULL;

  if (workspace == NULL)
    {
      g_prefix_error (error, "%s: ", seg_source_get_name (self->source));
      return FALSE;
    }
  return seg_workspace_run (workspace, seg_verify_read, seg_verify_keep, self, self->cancellable,
                            error);
}

static gboolean
seg_verify_run_region (SegVerify *self, const SegRect *region, SegPool *pool, GError **error)
{
  g_autoptr (SegSchedule) schedule = seg_schedule_new_region (self->plan, 1, self->window.h,
                                                              self->window.w, region, error);

  return seg_verify_run_schedule (self, schedule, pool, error);
}

static gboolean
seg_verify_run_bands (SegVerify *self, gint64 rows, SegPool *pool, GError **error)
{
  g_autoptr (SegSchedule) schedule
      = seg_schedule_new_bands (self->plan, self->window.h, self->window.w, rows, error);

  return seg_verify_run_schedule (self, schedule, pool, error);
}

static gboolean
seg_verify_run_way (SegVerify *self, const SegWay *way, guint n_threads, GError **error)
{
  g_autoptr (SegPool) pool = seg_pool_new (n_threads);

  if (way->tile == 0)
    return seg_verify_run_bands (self, MIN (way->band_rows, self->window.h), pool, error);
  for (gint64 y = 0; y < self->window.h; y += way->tile)
    for (gint64 x = 0; x < self->window.w; x += way->tile)
      {
        SegRect tile = { x, y, MIN (way->tile, self->window.w - x),
                         MIN (way->tile, self->window.h - y) };

        if (!seg_verify_run_region (self, &tile, pool, error))
          return FALSE;
      }
  return TRUE;
}

/* How many numbers differ in any bit, and the largest difference. */
static gsize
seg_verify_compare (SegVerify *self, double *largest)
{
  const float *whole = seg_planes_at (self->whole, 0, 0, 0);
  const float *other = seg_planes_at (self->other, 0, 0, 0);
  gsize n_different = 0;

  *largest = 0;
  for (gsize i = 0; i < self->n_logits; i++)
    if (memcmp (&whole[i], &other[i], sizeof (float)) != 0)
      {
        n_different++;
        *largest = fmax (*largest, fabs ((double) whole[i] - (double) other[i]));
      }
  return n_different;
}

static gboolean
seg_verify_prepare (SegVerify *self, GError **error)
{
  gint64 width = seg_source_get_width (self->source), height = seg_source_get_height (self->source);
  SegRect all = { 0, 0, MIN (width, SEG_VERIFY_MAX_WIDTH), MIN (height, SEG_VERIFY_MAX_HEIGHT) };
  g_autoptr (SegSchedule) schedule
      = seg_schedule_new_region (self->plan, 1, all.h, all.w, &all, error);
  const SegShape *out;

  if (schedule == NULL || !seg_way_check_output (schedule, all.h, all.w, error))
    return FALSE;
  out = seg_schedule_get_output_shape (schedule);
  self->window = (SegRect){ (width - all.w) / 2, (height - all.h) / 2, all.w, all.h };
  self->n_logits = (gsize) (out->c * out->h * out->w);
  self->whole = seg_planes_new (out, &all, error);
  if (self->whole == NULL)
    return FALSE;
  self->other = seg_planes_new (out, &all, error);
  return self->other != NULL;
}

static gboolean
seg_verify_run_all (SegVerify *self, guint n_threads, GError **error)
{
  const SegWay ways[] = { { .band_rows = 1 },  { .band_rows = 16 }, { .band_rows = 100 },
                          { .tile = 96 },      { .tile = 200 },     { .tile = 300 } };
  const guint threads[] = { 1, 2, MAX (n_threads, 3) };
  g_autoptr (SegPool) pool = seg_pool_new (1);
  SegRect all = { 0, 0, self->window.w, self->window.h };
  guint n_runs = 0, n_bad = 0;

  self->into = self->whole;
  if (!seg_verify_run_region (self, &all, pool, error))
    return FALSE;
  printf ("window of %" G_GINT64_FORMAT " × %" G_GINT64_FORMAT " pixels from column %"
          G_GINT64_FORMAT ", row %" G_GINT64_FORMAT "; logits, against the whole at once:\n",
          all.w, all.h, self->window.x, self->window.y);

  self->into = self->other;
  for (guint w = 0; w < G_N_ELEMENTS (ways); w++)
    for (guint t = 0; t < G_N_ELEMENTS (threads); t++)
      {
        g_autofree char *name = seg_way_to_string (&ways[w]);
        gint64 start = g_get_monotonic_time ();
        gsize n_different;
        double largest;

        memset (seg_planes_at (self->other, 0, 0, 0), 0xff, self->n_logits * sizeof (float));
        if (!seg_verify_run_way (self, &ways[w], threads[t], error))
          return FALSE;
        n_different = seg_verify_compare (self, &largest);
        printf ("  %s%*s  %u %-7s  %6.2f s  %" G_GSIZE_FORMAT " differ, largest difference %g\n",
                name, (int) (20 - g_utf8_strlen (name, -1)), "", threads[t],
                threads[t] == 1 ? "thread" : "threads",
                (double) (g_get_monotonic_time () - start) / G_USEC_PER_SEC, n_different, largest);
        fflush (stdout);
        n_runs++;
        n_bad += n_different > 0;
      }

  if (n_bad > 0)
    {
      g_set_error (error, SEG_APP_ERROR, SEG_APP_ERROR_DIFFERENT,
                   "%s: %u of %u ways of running gave other logits than the whole at once",
                   seg_source_get_name (self->source), n_bad, n_runs);
      return FALSE;
    }
  printf ("identical in all of %u ways, to the bit\n", n_runs);
  return TRUE;
}

/**
 * seg_verify: (skip)
 * @plan: of a model, for inference
 * @source: an image, opened for random reading
 * @n_threads: one of the numbers of threads to try
 * @cancellable: stops it
 * @error: return location
 *
 * Runs a window of the image in many ways and prints how far their logits differ.
 * Errors: `SEG_APP_ERROR_DIFFERENT`; those of reading and of making room.
 */
gboolean
seg_verify (SegPlan *plan, SegSource *source, guint n_threads, GCancellable *cancellable,
            GError **error)
{
  g_auto (SegVerify) self = { .plan = plan, .source = source, .cancellable = cancellable };

  if (!seg_verify_prepare (&self, error))
    {
      g_prefix_error (error, "%s: ", seg_source_get_name (source));
      return FALSE;
    }
  return seg_verify_run_all (&self, n_threads, error);
}
