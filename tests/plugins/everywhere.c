#include "everywhere.h"

#include <math.h>
#include <string.h>

#include "map.h"

#include <segkit/random.h>

/* More output numbers than this are not worth a test's time. */
#define MAX_OUTPUT 300000

/* An image, and the result that a run leaves: planar, whole. */
typedef struct
{
  SegShape in, out;
  float *image, *result;
  gint64 next_read, next_written; /* by bands rows come in order, each once */
} Job;

static void
job_clear (Job *self)
{
  g_free (self->image);
  g_free (self->result);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Job, job_clear)

static float *
job_row (float *plane, const SegShape *shape, guint channel, gint64 y, gint64 x)
{
  return plane + ((gint64) channel * shape->h + y) * shape->w + x;
}

static gboolean
job_read (const SegView *view, gpointer user_data, GError **error)
{
  Job *self = user_data;
  const SegRect *r = &view->valid;

  (void) error;
  g_assert_cmpint (r->y, >=, self->next_read);
  self->next_read = r->y + r->h;
  for (guint c = 0; c < view->n_blocks; c++)
    for (gint64 y = r->y; y < r->y + r->h; y++)
      memcpy (seg_view_at (view, c, 0, y, r->x), job_row (self->image, &self->in, c, y, r->x),
              (gsize) r->w * sizeof (float));
  return TRUE;
}

static gboolean
job_write (const SegView *view, gpointer user_data, GError **error)
{
  Job *self = user_data;
  const SegRect *r = &view->valid;

  (void) error;
  g_assert_cmpint (r->y, >=, self->next_written);
  self->next_written = r->y + r->h;
  for (guint c = 0; c < view->n_blocks; c++)
    for (gint64 y = r->y; y < r->y + r->h; y++)
      memcpy (job_row (self->result, &self->out, c, y, r->x), seg_view_at (view, c, 0, y, r->x),
              (gsize) r->w * sizeof (float));
  return TRUE;
}

/* Runs, into fresh memory that the caller frees. @schedule is used up. */
static float *
job_run (Job *self, SegSchedule *schedule, guint n_threads)
{
  g_autoptr (SegSchedule) owned = schedule;
  g_autoptr (SegPool) pool = seg_pool_new (n_threads);
  g_autoptr (GError) error = NULL;
  g_autoptr (SegWorkspace) workspace = seg_workspace_new (owned, pool, &error);
  gboolean ran;

  g_assert_no_error (error);
  self->out = *seg_schedule_get_output_shape (owned);
  self->result = g_new0 (float, (gsize) (self->out.c * self->out.h * self->out.w));
  self->next_read = self->next_written = 0;
  ran = seg_workspace_run (workspace, job_read, job_write, self, NULL, &error);
  g_assert_no_error (error);
  g_assert_true (ran);
  return g_steal_pointer (&self->result);
}

static void
job_assert_equal (const Job *self, const float *a, const float *b, const SegRect *rect,
                  const char *what, const char *how)
{
  for (guint c = 0; c < self->out.c; c++)
    for (gint64 y = rect->y; y < rect->y + rect->h; y++)
      {
        gsize at = (gsize) ((c * self->out.h + y) * self->out.w + rect->x);
        if (memcmp (a + at, b + at, (gsize) rect->w * sizeof (float)) != 0)
          {
            g_test_message ("%s: %s differs in channel %u, row %d", what, how, c, (gint) y);
            g_test_fail ();
            return;
          }
      }
}

/* Random numbers for parameters: statistics and scales around 1, where a network stays sane. */
gboolean
everywhere_fill_parameters (SegParameters *parameters, gsize max_elements, GError **error)
{
  gsize total = 0;

  for (guint i = 0; i < seg_parameters_get_n (parameters); i++)
    {
      guint rank;
      const gint64 *dims = seg_parameters_get_shape (parameters, i, &rank);
      gsize n = 1;

      for (guint d = 0; d < rank; d++)
        if (__builtin_mul_overflow (n, (gsize) dims[d], &n))
          n = max_elements;
      total += n;
    }
  if (total > max_elements)
    {
      g_set_error (error, SEG_ERROR, SEG_ERROR_MEMORY, "too many parameters for a test");
      return FALSE;
    }
  if (!seg_parameters_initialise (parameters, 1, error))
    return FALSE;

  for (guint i = 0; i < seg_parameters_get_n (parameters); i++)
    {
      SegRole role = seg_parameters_get_role (parameters, i);
      SegTensor *tensor = seg_parameters_get_tensor (parameters, i, NULL);
      float *data = tensor->data;

      if (role == SEG_ROLE_WEIGHT || role == SEG_ROLE_COUNTER)
        continue;
      seg_random_uniform (2, i, 0, seg_tensor_get_n_elements (tensor), data);
      for (gsize j = 0; j < seg_tensor_get_n_elements (tensor); j++)
        data[j] += role == SEG_ROLE_BIAS ? -0.5f : 0.5f;
    }
  return TRUE;
}

/* Rectangles of a map: corners, a pixel, a row, a column, the middle. */
static guint
everywhere_get_tiles (const SegShape *out, SegRect tiles[6])
{
  gint64 w = out->w, h = out->h;

  tiles[0] = (SegRect){ 0, 0, MIN (w, 7), MIN (h, 5) };
  tiles[1] = (SegRect){ MAX (w - 9, 0), MAX (h - 6, 0), MIN (w, 9), MIN (h, 6) };
  tiles[2] = (SegRect){ w / 2, h / 3, 1, 1 };
  tiles[3] = (SegRect){ 0, h / 2, w, 1 };
  tiles[4] = (SegRect){ w - 1, 0, 1, h };
  tiles[5] = (SegRect){ w / 3, h / 4, (w + 1) / 2, (h + 1) / 2 };
  return 6;
}

static void
everywhere_check_tiles (Job *job, SegPlan *plan, const float *whole, const char *what)
{
  SegRect tiles[6];
  guint n = everywhere_get_tiles (&job->out, tiles);

  for (guint i = 0; i < n; i++)
    {
      g_autoptr (GError) error = NULL;
      SegSchedule *schedule =
          seg_schedule_new_region (plan, 1, job->in.h, job->in.w, &tiles[i], &error);
      g_autofree float *tile = NULL, *kept = NULL, *outside = NULL;
      SegRect read;

      g_assert_no_error (error);
      read = seg_schedule_get_input_rect (schedule);
      tile = job_run (job, schedule, 2);
      job_assert_equal (job, whole, tile, &tiles[i], what, "a tile");

      /* what the plan declares is all: with every other pixel changed the bits stay */
      if (read.w == job->in.w && read.h == job->in.h)
        continue;
      kept = g_memdup2 (job->image, (gsize) (job->in.c * job->in.h * job->in.w) * sizeof (float));
      for (gint64 at = 0; at < job->in.c * job->in.h * job->in.w; at++)
        {
          gint64 x = at % job->in.w, y = at / job->in.w % job->in.h;
          if (x < read.x || x >= read.x + read.w || y < read.y || y >= read.y + read.h)
            job->image[at] = 3.f * random_value (7, (guint64) at);
        }
      outside =
          job_run (job, seg_schedule_new_region (plan, 1, job->in.h, job->in.w, NULL, NULL), 2);
      job_assert_equal (job, whole, outside, &tiles[i], what, "the whole, changed outside");
      g_free (job->image);
      job->image = g_steal_pointer (&kept);
    }
}

static void
everywhere_check_passes (Job *job, SegGraph *graph, SegParameters *parameters, const float *whole,
                         const char *what)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (SegPlan) plan =
      seg_plan_new (graph, parameters, SEG_PURPOSE_INFERENCE, NULL, "-all", &error);
  g_autofree float *plain = NULL;
  float largest = 0.f, difference = 0.f;

  g_assert_no_error (error);
  plain = job_run (job, seg_schedule_new_region (plan, 1, job->in.h, job->in.w, NULL, NULL), 1);
  for (gint64 i = 0; i < job->out.c * job->out.h * job->out.w; i++)
    {
      if (isfinite (plain[i]))
        largest = MAX (largest, fabsf (plain[i]));
      if (plain[i] != whole[i]) /* infinity is no difference to itself */
        difference = MAX (difference, fabsf (plain[i] - whole[i]));
    }
  if (!(difference <= 1e-4f * largest))
    {
      g_test_message ("%s: passes change the result by %g of %g", what, (double) difference,
                      (double) largest);
      g_test_fail ();
    }
}

/* Runs the network in every way there is and compares bits. FALSE, and nothing checked, where
 * the image is too small, or the network has more than so many parameters. */
gboolean
everywhere_check (SegGraph *graph, const char *what, gint64 channels, gint64 height, gint64 width,
                  gsize max_parameters)
{
  static const gint64 band_rows[] = { 1, 5, 32 };
  g_autoptr (GError) error = NULL;
  g_autoptr (SegParameters) parameters = seg_parameters_new (graph);
  g_autoptr (SegPlan) plan = NULL;
  g_autoptr (SegSchedule) schedule = NULL;
  g_auto (Job) job = { .in = { 1, channels, height, width } };
  g_autofree float *whole = NULL, *threads = NULL;
  SegRect all;

  if (!everywhere_fill_parameters (parameters, max_parameters, &error))
    return FALSE;
  plan = seg_plan_new (graph, parameters, SEG_PURPOSE_INFERENCE, NULL, NULL, &error);
  g_assert_no_error (error);
  schedule = seg_schedule_new_region (plan, 1, height, width, NULL, &error);
  if (schedule == NULL)
    {
      g_assert_cmpuint (error->domain, ==, SEG_ERROR);
      return FALSE;
    }
  job.out = *seg_schedule_get_output_shape (schedule);
  if (job.out.c * job.out.h > MAX_OUTPUT / job.out.w)
    return FALSE;
  all = (SegRect){ 0, 0, job.out.w, job.out.h };

  job.image = g_new (float, (gsize) (channels * height * width));
  for (gint64 i = 0; i < channels * height * width; i++)
    job.image[i] = random_value (3, (guint64) i);
  whole = job_run (&job, g_steal_pointer (&schedule), 1);
  for (gint64 i = 0; i < job.out.c * job.out.h * job.out.w; i++)
    g_assert_false (isnan (whole[i]));

  threads = job_run (&job, seg_schedule_new_region (plan, 1, height, width, NULL, NULL), 3);
  job_assert_equal (&job, whole, threads, &all, what, "with three threads the whole");
  for (guint i = 0; i < G_N_ELEMENTS (band_rows); i++)
    {
      g_autofree float *bands = job_run (
          &job, seg_schedule_new_bands (plan, height, width, band_rows[i], NULL), 1 + i % 2);
      job_assert_equal (&job, whole, bands, &all, what, "the whole by bands");
    }
  everywhere_check_tiles (&job, plan, whole, what);
  everywhere_check_passes (&job, graph, parameters, whole, what);
  return TRUE;
}
