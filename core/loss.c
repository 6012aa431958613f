/* Losses: how far a batch of logits is from its targets, and the gradient. Rows are summed each by
 * itself, in double, and joined in order, so that the bits do not depend on threads. */
#include "error-private.h"
#include "property-private.h"

#include <segkit/loss.h>
#include <segkit/memory.h>

/**
 * SegLoss:
 *
 * Base of losses. Most are a function of sums over pixels, and say only what a row adds to these and
 * what gradient a row then has.
 */
G_DEFINE_ABSTRACT_TYPE (SegLoss, seg_loss, G_TYPE_OBJECT)

/* ---- by rows ----------------------------------------------------------------------------- */

typedef struct
{
  SegLoss *self;
  const SegLossBatch *batch;
  gsize n_sums;
  double *sums;       /* n_sums for each row */
  double factor;      /* of the gradient */
  gboolean by_sample; /* the sums of a sample lie in its first row; otherwise in the batch's */
  gpointer *planes;   /* for each thread, twice as many pointers as there are planes */
} SegLossJob;

static guint
seg_loss_batch_get_n_planes (const SegLossBatch *batch)
{
  return (guint) batch->logits->shape.c;
}

/* Row @task of all samples, with room for its pointers. */
static SegLossRow
seg_loss_job_get_row (const SegLossJob *job, guint task, const float **planes)
{
  const SegLossBatch *batch = job->batch;
  const SegShape *shape = &batch->logits->shape;
  gsize first = (gsize) task * (gsize) shape->w;

  for (guint c = 0; c < (guint) shape->c; c++)
    planes[c] = seg_view_at (batch->logits, c, task / shape->h, task % shape->h, 0);
  return (SegLossRow){ .n = (gsize) shape->w,
                       .n_classes = (guint) shape->c,
                       .logits = planes,
                       .target = batch->targets + first,
                       .weight = batch->weights != NULL ? batch->weights + first : NULL,
                       .class_weight = batch->class_weight };
}

static void
seg_loss_sum_row (guint task, guint thread, gpointer user_data)
{
  SegLossJob *job = user_data;
  gpointer *planes = job->planes + thread * 2 * seg_loss_batch_get_n_planes (job->batch);
  SegLossRow row = seg_loss_job_get_row (job, task, (const float **) planes);
  double *sums = job->sums + task * job->n_sums;

  memset (sums, 0, job->n_sums * sizeof *sums);
  SEG_LOSS_GET_CLASS (job->self)->sum_row (job->self, &row, sums);
}

static void
seg_loss_gradient_row (guint task, guint thread, gpointer user_data)
{
  SegLossJob *job = user_data;
  const SegShape *shape = &job->batch->logits->shape;
  guint n_planes = seg_loss_batch_get_n_planes (job->batch);
  gpointer *planes = job->planes + thread * 2 * n_planes;
  SegLossRow row = seg_loss_job_get_row (job, task, (const float **) planes);
  float **gradients = (float **) planes + n_planes;
  gsize first = job->by_sample ? task / (gsize) shape->h * (gsize) shape->h : 0;

  for (guint c = 0; c < n_planes; c++)
    gradients[c] = seg_view_at (job->batch->gradient, c, task / shape->h, task % shape->h, 0);
  SEG_LOSS_GET_CLASS (job->self)
      ->gradient_row (job->self, &row, job->sums + first * job->n_sums, job->factor, gradients);
}

/* Joins the rows of each group in the first of them, and makes a loss of each. */
static double
seg_loss_job_finish (SegLossJob *job)
{
  const SegShape *shape = &job->batch->logits->shape;
  gsize n_rows = (gsize) (shape->n * shape->h);
  gsize n_together = job->by_sample ? (gsize) shape->h : n_rows;
  double loss = 0.;

  for (gsize first = 0; first < n_rows; first += n_together)
    {
      double *sums = job->sums + first * job->n_sums;

      for (gsize row = 1; row < n_together; row++)
        for (gsize i = 0; i < job->n_sums; i++)
          sums[i] += sums[row * job->n_sums + i];
      loss += SEG_LOSS_GET_CLASS (job->self)
                  ->finish (job->self, (guint) shape->c, job->batch->class_weight, sums);
    }
  job->factor *= (double) n_together / (double) n_rows;
  return loss * (double) n_together / (double) n_rows;
}

static gboolean
seg_loss_compute_by_rows (SegLoss *self, const SegLossBatch *batch, double factor, double *loss,
                          GError **error)
{
  SegLossClass *klass = SEG_LOSS_GET_CLASS (self);
  const SegShape *shape = &batch->logits->shape;
  gsize n_rows = (gsize) (shape->n * shape->h), n_planes = (gsize) shape->c;
  SegLossJob job = { .self = self,
                     .batch = batch,
                     .n_sums = klass->n_sums (self, (guint) n_planes),
                     .factor = factor,
                     .by_sample = klass->by_sample != NULL && klass->by_sample (self) };
  gboolean ready;

  job.sums = seg_alloc (n_rows, job.n_sums * sizeof *job.sums, "sums of a loss", error);
  job.planes = job.sums == NULL ? NULL
                                : seg_alloc (2 * seg_pool_get_n_threads (batch->pool),
                                             n_planes * sizeof (gpointer), "row pointers", error);
  ready = job.planes != NULL;
  if (ready)
    {
      seg_pool_run (batch->pool, (guint) n_rows, seg_loss_sum_row, &job);
      *loss = seg_loss_job_finish (&job);
      if (batch->gradient != NULL)
        seg_pool_run (batch->pool, (guint) n_rows, seg_loss_gradient_row, &job);
    }
  seg_free (job.planes);
  seg_free (job.sums);
  return ready;
}

/* ---- the class --------------------------------------------------------------------------- */

static void
seg_loss_dispose (GObject *object)
{
  _seg_properties_dispose (object);
  G_OBJECT_CLASS (seg_loss_parent_class)->dispose (object);
}

static void
seg_loss_class_init (SegLossClass *klass)
{
  G_OBJECT_CLASS (klass)->dispose = seg_loss_dispose;
  klass->compute = seg_loss_compute_by_rows;
}

static void
seg_loss_init (SegLoss *self)
{
  (void) self;
}

/**
 * seg_loss_class_set_info:
 * @klass: the class
 * @title: a few words
 * @source: paper and equation
 */
void
seg_loss_class_set_info (SegLossClass *klass, const char *title, const char *source)
{
  klass->title = title;
  klass->source = source;
}

const char *
seg_loss_get_title (SegLoss *self)
{
  return SEG_LOSS_GET_CLASS (self)->title;
}

const char *
seg_loss_get_source (SegLoss *self)
{
  return SEG_LOSS_GET_CLASS (self)->source;
}

/* Losses index by class, so that one which is not there would read elsewhere. */
static gboolean
seg_loss_check_targets (const SegLossBatch *batch, GError **error)
{
  const SegShape *shape = &batch->logits->shape;
  gsize n = (gsize) (shape->n * shape->h * shape->w);
  guint n_classes = (guint) MAX (shape->c, 2);

  for (gsize i = 0; i < n; i++)
    if (batch->targets[i] >= n_classes && batch->targets[i] != SEG_TARGET_IGNORE)
      {
        g_set_error (error, SEG_ERROR, SEG_ERROR_PARAM,
                     "sample %" G_GSIZE_FORMAT ", row %" G_GSIZE_FORMAT ", column %" G_GSIZE_FORMAT
                     " of a batch has class %u, but there are %u",
                     i / (gsize) (shape->h * shape->w), i / (gsize) shape->w % (gsize) shape->h,
                     i % (gsize) shape->w, batch->targets[i], n_classes);
        return FALSE;
      }
  return TRUE;
}

/**
 * seg_loss_compute:
 * @self: a loss
 * @batch: logits and targets
 * @factor: of the gradient: 1 / n where the gradients of n batches are summed
 * @loss: (out): the loss, without @factor
 * @error: return location
 *
 * Computes a loss and, if @batch has a place for it, adds its gradient there. The loss need not be
 * finite. The bits of both do not depend on the number of threads.
 * Errors: `SEG_ERROR_PARAM` for a class that is not there; `SEG_ERROR_MEMORY`.
 * Threads: one at a time for each pool.
 *
 * Returns: %FALSE with @error set
 */
gboolean
seg_loss_compute (SegLoss *self, const SegLossBatch *batch, double factor, double *loss,
                  GError **error)
{
  g_return_val_if_fail (SEG_IS_LOSS (self), FALSE);
  g_return_val_if_fail (batch->logits->shape.c <= SEG_LOSS_MAX_PLANES, FALSE);

  if (!seg_loss_check_targets (batch, error))
    return FALSE;
  if (SEG_LOSS_GET_CLASS (self)->compute (self, batch, factor, loss, error))
    return TRUE;
  _seg_error_complete (error, self, "compute");
  return FALSE;
}
