/* Which of all evaluated samples are shown: from the best to the worst, evenly. A report of the
 * best alone would flatter, one of the worst would not show what to expect. */
#include <math.h>
#include <stdlib.h>

#include <segkit/memory.h>

#include "train-report-samples.h"

typedef struct
{
  guint i; /* in the split */
  double score;
} SegTrainReportRank;

/* The best first, equals in the order of the samples. */
static gint
seg_train_report_rank_compare (gconstpointer a, gconstpointer b)
{
  const SegTrainReportRank *one = a, *other = b;

  if (one->score != other->score)
    return one->score > other->score ? -1 : 1;
  return one->i < other->i ? -1 : one->i > other->i;
}

static SegTrainReportRank *
seg_train_report_dup_ranks (GPtrArray *cases)
{
  SegTrainReportRank *ranks = g_new (SegTrainReportRank, cases->len);

  for (guint i = 0; i < cases->len; i++)
    {
      const SegCase *result = cases->pdata[i];
      double score = seg_metrics_get_mean (result->metrics, SEG_METRIC_DICE, 0);

      ranks[i].i = i;
      ranks[i].score = isnan (score) ? -1 : score; /* nothing counts in it: the last of all */
    }
  qsort (ranks, cases->len, sizeof *ranks, seg_train_report_rank_compare);
  return ranks;
}

static char *
seg_train_report_dup_remark (guint rank, guint n)
{
  return rank == 0       ? g_strdup_printf ("the best of %u", n)
         : rank == n - 1 ? g_strdup ("the worst")
                         : g_strdup_printf ("rank %u", rank + 1);
}

static gboolean
seg_train_report_run_sample (SegTrainReport *self, const SegEvaluation *evaluation, guint i,
                             const SegCase *result, const char *remark, GCancellable *cancellable,
                             GError **error)
{
  g_autoptr (SegSampleData) data =
      seg_dataset_read (evaluation->dataset, evaluation->split, i, error);
  SegTrainReportSample sample = {
    .name = result->name,
    .remark = remark,
    .metrics = result->metrics,
  };
  guint8 *labels;
  gboolean ok;

  if (data == NULL
      || (labels = seg_alloc ((gsize) (data->h * data->w), 1, "labels", error)) == NULL)
    return FALSE;
  sample.image = data->image;
  sample.n_bands = data->c;
  sample.height = data->h;
  sample.width = data->w;
  sample.truth = data->target;
  sample.predicted = labels;
  ok = seg_predictor_run (evaluation->predictor, data->image, data->c, data->h, data->w, labels,
                          NULL, cancellable, error)
       && seg_train_report_add_sample (self, &sample, error);
  seg_free (labels);
  return ok;
}

/**
 * seg_train_report_add_samples:
 * @self: a report
 * @evaluation: what was evaluated
 * @cases: (element-type SegCase): all samples of the split, as seg_evaluate() gave them
 * @n: how many to show at most
 * @cancellable: (nullable): stops it
 * @error: return location
 *
 * Shows samples from the best to the worst by their mean Dice. They are run once more, so that
 * evaluation need not keep what it predicts.
 * Errors: those of reading and running.
 */
gboolean
seg_train_report_add_samples (SegTrainReport *self, const SegEvaluation *evaluation,
                              GPtrArray *cases, guint n, GCancellable *cancellable, GError **error)
{
  g_autofree SegTrainReportRank *ranks = seg_train_report_dup_ranks (cases);
  guint n_shown = MIN (n, cases->len);

  for (guint k = 0; k < n_shown; k++)
    {
      guint rank = n_shown > 1 ? k * (cases->len - 1) / (n_shown - 1) : 0;
      g_autofree char *remark = seg_train_report_dup_remark (rank, cases->len);

      if (!seg_train_report_run_sample (self, evaluation, ranks[rank].i,
                                        cases->pdata[ranks[rank].i], remark, cancellable, error))
        return FALSE;
    }
  return TRUE;
}
