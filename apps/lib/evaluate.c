/* How well a model does on images whose truth is known. Each image is run whole, by the plan that
 * `segment` runs, so that what is measured is what users get: there are no crops, and no seams. */
#include <math.h>

#include <segkit/error.h>
#include <segkit/memory.h>

#include "evaluate.h"
#include "planes.h"

typedef struct
{
  const SegEvaluation *evaluation;
  GCancellable *cancellable;
  guint8 *labels;
  float *logits;     /* planes; NULL: no loss is wanted */
  gsize n_allocated; /* pixels */
} SegEvaluator;

static void
seg_evaluator_clear (SegEvaluator *self)
{
  g_clear_pointer (&self->labels, seg_free);
  g_clear_pointer (&self->logits, seg_free);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (SegEvaluator, seg_evaluator_clear)

/* Room for the results of @n_pixels; that of a larger image is kept. */
static gboolean
seg_evaluator_reserve (SegEvaluator *self, gsize n_pixels, GError **error)
{
  SegPredictor *predictor = self->evaluation->predictor;
  gsize pixel_bytes = sizeof (float) * (gsize) seg_predictor_get_n_planes (predictor);

  if (n_pixels <= self->n_allocated)
    return TRUE;
  seg_evaluator_clear (self);
  self->n_allocated = 0;
  self->labels = seg_alloc (n_pixels, 1, "labels", error);
  if (self->labels == NULL)
    return FALSE;
  if (self->evaluation->loss != NULL)
    {
      self->logits = seg_alloc (n_pixels, pixel_bytes, "logits", error);
      if (self->logits == NULL)
        return FALSE;
    }
  self->n_allocated = n_pixels;
  return TRUE;
}

/* The loss sees the logits of the whole image, as it sees a batch of one. */
static gboolean
seg_evaluator_compute_loss (SegEvaluator *self, const SegSampleData *data, double *loss,
                            GError **error)
{
  const SegEvaluation *evaluation = self->evaluation;
  SegShape shape = { 1, seg_predictor_get_n_planes (evaluation->predictor), data->h, data->w };
  SegRect all = { 0, 0, data->w, data->h };
  g_autoptr (SegPlanes) planes = seg_planes_new_over (self->logits, &shape, &all, error);
  SegLossBatch batch = { .pool = seg_predictor_get_pool (evaluation->predictor),
                         .targets = data->target,
                         .class_weight = evaluation->class_weight };

  if (planes == NULL)
    return FALSE;
  batch.logits = seg_planes_get_view (planes);
  return seg_loss_compute (evaluation->loss, &batch, 1, loss, error);
}

static SegCase *
seg_case_new (const SegSample *sample, guint n_classes)
{
  SegCase *self = g_new0 (SegCase, 1);

  self->name = g_strdup (sample->name);
  self->image = g_strdup (sample->images[0]);
  self->mask = g_strdup (sample->mask);
  self->metrics = seg_metrics_new (n_classes);
  self->loss = NAN;
  return self;
}

static gboolean
seg_evaluator_run (SegEvaluator *self, guint i, SegCase *result, GError **error)
{
  const SegEvaluation *evaluation = self->evaluation;
  g_autoptr (SegSampleData) data =
      seg_dataset_read (evaluation->dataset, evaluation->split, i, error);
  gsize n_pixels;

  if (data == NULL)
    return FALSE;
  n_pixels = (gsize) (data->h * data->w);
  if (!seg_evaluator_reserve (self, n_pixels, error)
      || !seg_predictor_run (evaluation->predictor, data->image, data->c, data->h, data->w,
                             self->labels, self->logits, self->cancellable, error)
      || (evaluation->loss != NULL
          && !seg_evaluator_compute_loss (self, data, &result->loss, error)))
    {
      g_prefix_error (error, "%s: ", result->image);
      return FALSE;
    }
  seg_metrics_add (result->metrics, data->target, self->labels, n_pixels);
  return TRUE;
}

static gboolean
seg_evaluate_check (const SegEvaluation *evaluation, GError **error)
{
  SegModel *model = seg_predictor_get_model (evaluation->predictor);
  guint n_model = seg_model_get_n_classes (model);
  guint n_data = seg_dataset_get_n_classes (evaluation->dataset);
  g_autoptr (GString) names = g_string_new (NULL);

  if (n_model == n_data)
    return TRUE;
  for (guint i = 0; i < n_model; i++)
    g_string_append_printf (names, "%s%s", i > 0 ? ", " : "", seg_model_get_class (model, i)->name);
  g_set_error (
      error, SEG_ERROR, SEG_ERROR_UNSUPPORTED,
      "the model has %u classes, and the data have %u; [data] class-values says what masks "
      "have for each of the model's: %s",
      n_model, n_data, names->str);
  return FALSE;
}

/**
 * seg_evaluate:
 * @evaluation: what to compare with what
 * @total: gets all pixels
 * @cases: (nullable): gets a #SegCase for each sample, in their order
 * @loss: (out) (nullable): mean of the samples' losses; NaN without samples or a loss
 * @cancellable: (nullable): stops it
 * @error: return location
 *
 * Runs all images of a split, whole. The numbers do not depend on threads or memory.
 * Errors: those of reading and of running, with the image's file before them;
 * `SEG_ERROR_UNSUPPORTED` where the model has other classes than the data; `G_IO_ERROR_CANCELLED`.
 */
gboolean
seg_evaluate (const SegEvaluation *evaluation, SegMetrics *total, GPtrArray *cases, double *loss,
              GCancellable *cancellable, GError **error)
{
  g_auto (SegEvaluator) self = { .evaluation = evaluation, .cancellable = cancellable };
  guint n = seg_dataset_get_n (evaluation->dataset, evaluation->split);
  double sum = 0;

  if (!seg_evaluate_check (evaluation, error))
    return FALSE;
  for (guint i = 0; i < n; i++)
    {
      g_autoptr (SegCase) result =
          seg_case_new (seg_dataset_get (evaluation->dataset, evaluation->split, i),
                        seg_metrics_get_n_classes (total));

      if (g_cancellable_set_error_if_cancelled (cancellable, error)
          || !seg_evaluator_run (&self, i, result, error))
        return FALSE;
      seg_metrics_join (total, result->metrics);
      sum += result->loss;
      if (cases != NULL)
        g_ptr_array_add (cases, g_steal_pointer (&result));
      if (evaluation->progress != NULL)
        evaluation->progress (i + 1, n, evaluation->progress_data);
    }
  if (loss != NULL)
    *loss = sum / n; /* of no samples NaN */
  return TRUE;
}
