#include <math.h>
#include <string.h>

#include "losses.h"

struct _SegLovasz
{
  SegLoss parent_instance;
};

G_DEFINE_FINAL_TYPE (SegLovasz, seg_lovasz, SEG_TYPE_LOSS)

/**
 * SegLovasz:
 *
 * Lovász-softmax: for each class that the batch has, the errors |y - p| of all pixels that count, in
 * falling order, times what each adds to the Jaccard loss when the pixels before it are already
 * wrong; L is the mean over these classes, weighted by the classes' weights. Weights of pixels do not
 * count. One plane is class 1, with its sigmoid.
 * Source: Berman, Triki and Blaschko 2018, equations 8, 9 and 11 and algorithm 1, arXiv:1705.08790
 *
 * It sorts, so that it is no function of sums over pixels, and takes three times the memory of its
 * logits for each thread.
 */

#define N_DIGITS 2048 /* of a sort in three passes of 11 bits */

/* Pixels that count, gathered from all samples. */
typedef struct
{
  gsize n;
  guint n_planes;
  float *p, *gradient; /* n for each plane */
  guint16 *target;
  double *losses;      /* of planes; -1 where the class is not there */
  guint32 *scratch;    /* 4 n for each thread */
} SegLovaszJob;

static guint32
seg_lovasz_get_key (float error)
{
  guint32 key;

  memcpy (&key, &error, sizeof key); /* errors are not negative, so bits are in their order */
  return ~key;
}

/* Sorts pixels by falling error: keys and indices, equal ones as they came. */
static void
seg_lovasz_sort (gsize n, guint32 *keys, guint32 *indices, guint32 *other_keys,
                 guint32 *other_indices)
{
  for (guint shift = 0; shift < 33; shift += 11)
    {
      gsize begin[N_DIGITS + 1] = { 0 };
      guint32 *swap;

      for (gsize i = 0; i < n; i++)
        begin[(keys[i] >> shift) % N_DIGITS + 1]++;
      for (guint d = 1; d < N_DIGITS; d++)
        begin[d] += begin[d - 1];
      for (gsize i = 0; i < n; i++)
        {
          gsize to = begin[(keys[i] >> shift) % N_DIGITS]++;

          other_keys[to] = keys[i];
          other_indices[to] = indices[i];
        }
      swap = keys, keys = other_keys, other_keys = swap;
      swap = indices, indices = other_indices, other_indices = swap;
    }
  /* after three passes they lie in the others' place, which are the caller's */
}

/* One class: its loss, and the gradient by its probabilities. */
static void
seg_lovasz_plane (guint plane, guint thread, gpointer user_data)
{
  SegLovaszJob *job = user_data;
  gsize n = job->n;
  guint32 *keys = job->scratch + 4 * n * thread, *indices = keys + n, *sorted = keys + 3 * n;
  const float *p = job->p + plane * n;
  float *gradient = job->gradient + plane * n;
  guint class = job->n_planes > 1 ? plane : 1;
  gsize n_true = 0, found = 0;
  double before = 0., loss = 0.;

  for (gsize i = 0; i < n; i++)
    {
      gboolean is_true = job->target[i] == class;

      n_true += is_true;
      keys[i] = seg_lovasz_get_key (fabsf ((is_true ? 1.f : 0.f) - p[i]));
      indices[i] = (guint32) i;
    }
  job->losses[plane] = -1.;
  if (n_true == 0)
    {
      memset (gradient, 0, n * sizeof *gradient);
      return;
    }
  seg_lovasz_sort (n, keys, indices, keys + 2 * n, sorted);
  for (gsize k = 0; k < n; k++)
    {
      guint32 i = sorted[k];
      gboolean is_true = job->target[i] == class;
      double jaccard, slope;

      found += is_true;
      jaccard = 1. - (double) (n_true - found) / (double) (n_true + k + 1 - found);
      slope = jaccard - before;
      before = jaccard;
      loss += slope * fabs ((is_true ? 1. : 0.) - (double) p[i]);
      gradient[i] = (float) (is_true ? -slope : slope);
    }
  job->losses[plane] = loss;
}

/* Probabilities and targets of the pixels that count. */
static void
seg_lovasz_gather (SegLovaszJob *job, const SegLossBatch *batch, SegLossRow *row,
                   const float **planes)
{
  const SegShape *shape = &batch->logits->shape;
  SegLossRun run;
  gsize at = 0;

  for (gint64 y = 0; y < shape->n * shape->h; y++)
    {
      for (guint c = 0; c < job->n_planes; c++)
        planes[c] = seg_view_at (batch->logits, c, y / shape->h, y % shape->h, 0);
      row->target = batch->targets + y * shape->w;
      for (gsize first = 0; first < row->n; first += SEG_LOSS_RUN)
        {
          seg_loss_run_compute (&run, row, first);
          for (guint i = 0; i < run.n; i++)
            if (row->target[first + i] != SEG_TARGET_IGNORE)
              {
                for (guint c = 0; c < job->n_planes; c++)
                  job->p[c * job->n + at] = run.p[c][i];
                job->target[at++] = row->target[first + i];
              }
        }
    }
}

/* The loss; planes' gradients are scaled to be its. */
static double
seg_lovasz_join (SegLovaszJob *job, const float *class_weight, double factor)
{
  double loss = 0., total = 0.;

  if (job->n_planes == 1)
    class_weight = NULL;
  for (guint c = 0; c < job->n_planes; c++)
    if (!(job->losses[c] < 0.)) /* also NaN */
      {
        double weight = class_weight != NULL ? (double) class_weight[c] : 1.;

        loss += weight * job->losses[c];
        total += weight;
      }
  for (guint c = 0; c < job->n_planes; c++)
    {
      double weight = class_weight != NULL ? (double) class_weight[c] : 1.;
      float scale = total > 0. ? (float) (factor * weight / total) : 0.f;

      for (gsize i = 0; i < job->n; i++)
        job->gradient[c * job->n + i] *= scale;
    }
  return total > 0. ? loss / total : 0.;
}

/* Adds the gradient of logits where pixels count. */
static void
seg_lovasz_scatter (const SegLovaszJob *job, const SegLossBatch *batch)
{
  const SegShape *shape = &batch->logits->shape;
  gsize at = 0;

  for (gint64 y = 0; y < shape->n * shape->h; y++)
    for (gint64 x = 0; x < shape->w; x++)
      if (batch->targets[y * shape->w + x] != SEG_TARGET_IGNORE)
        {
          float dot = 0.f;

          for (guint c = 0; c < job->n_planes; c++)
            dot += job->p[c * job->n + at] * job->gradient[c * job->n + at];
          for (guint c = 0; c < job->n_planes; c++)
            *seg_view_at (batch->gradient, c, y / shape->h, y % shape->h, x)
                += job->p[c * job->n + at] * (job->gradient[c * job->n + at] - dot);
          at++;
        }
}

static gboolean
seg_lovasz_allocate (SegLovaszJob *job, SegPool *pool, GError **error)
{
  gsize n = MAX (job->n, 1);

  return (job->p = seg_alloc (n, job->n_planes * sizeof (float), "probabilities", error)) != NULL
         && (job->gradient
             = seg_alloc (n, job->n_planes * sizeof (float), "their gradients", error))
                != NULL
         && (job->target = seg_alloc (n, sizeof (guint16), "targets", error)) != NULL
         && (job->losses = seg_alloc (job->n_planes, sizeof (double), "losses", error)) != NULL
         && (job->scratch = seg_alloc (n, 4 * sizeof (guint32) * seg_pool_get_n_threads (pool),
                                       "errors to be sorted", error))
                != NULL;
}

static gboolean
seg_lovasz_compute (SegLoss *loss, const SegLossBatch *batch, double factor, double *value,
                    GError **error)
{
  const SegShape *shape = &batch->logits->shape;
  SegLovaszJob job = { .n_planes = (guint) shape->c };
  const float *planes[SEG_LOSS_MAX_PLANES];
  SegLossRow row = { .n = (gsize) shape->w, .n_classes = job.n_planes, .logits = planes };
  gboolean ready;
  (void) loss;

  for (gint64 i = 0; i < shape->n * shape->h * shape->w; i++)
    job.n += batch->targets[i] != SEG_TARGET_IGNORE;
  ready = seg_lovasz_allocate (&job, batch->pool, error);
  if (ready)
    {
      seg_lovasz_gather (&job, batch, &row, planes);
      seg_pool_run (batch->pool, job.n_planes, seg_lovasz_plane, &job);
      *value = seg_lovasz_join (&job, batch->class_weight, factor);
      if (batch->gradient != NULL)
        seg_lovasz_scatter (&job, batch);
    }
  seg_free (job.p);
  seg_free (job.gradient);
  seg_free (job.target);
  seg_free (job.losses);
  seg_free (job.scratch);
  return ready;
}

static void
seg_lovasz_class_init (SegLovaszClass *klass)
{
  SEG_LOSS_CLASS (klass)->compute = seg_lovasz_compute;
  seg_loss_class_set_info (SEG_LOSS_CLASS (klass), "Lovász-softmax",
                           "Berman et al. 2018, equations 8, 9 and 11, arXiv:1705.08790");
}

static void
seg_lovasz_init (SegLovasz *self)
{
  (void) self;
}
