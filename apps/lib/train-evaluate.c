/* How good a model is, for a person and for a program. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <segkit/error.h>

#include "evaluate.h"
#include "path.h"
#include "train-evaluate.h"
#include "units.h"

#define SEG_TRAIN_EVALUATE_ALL "all"

static const char *const seg_split_names[SEG_N_SPLITS] = { "train", "validation", "test" };

/**
 * seg_train_evaluate_is_split:
 * @name: a word
 *
 * Returns: whether it names a part of the data, or all of it
 */
gboolean
seg_train_evaluate_is_split (const char *name)
{
  for (guint i = 0; i < SEG_N_SPLITS; i++)
    if (strcmp (name, seg_split_names[i]) == 0)
      return TRUE;
  return strcmp (name, SEG_TRAIN_EVALUATE_ALL) == 0;
}

static const char *
seg_train_evaluate_choose_split (const SegTrainEvaluate *request)
{
  if (request->split != NULL)
    return request->split;
  return seg_split_names[seg_dataset_choose_test_split (request->dataset)];
}

/**
 * seg_train_evaluate_get_splits:
 * @request: whose part of the data is wanted
 *
 * Returns: a bit 1 << SegSplit for each split that belongs to it
 */
guint
seg_train_evaluate_get_splits (const SegTrainEvaluate *request)
{
  const char *name = seg_train_evaluate_choose_split (request);
  guint splits = 0;

  for (guint i = 0; i < SEG_N_SPLITS; i++)
    if (strcmp (name, seg_split_names[i]) == 0 || strcmp (name, SEG_TRAIN_EVALUATE_ALL) == 0)
      splits |= 1u << i;
  return splits;
}

static void
seg_train_evaluate_show (guint n_done, guint n, gpointer data)
{
  (void) data;
  fprintf (stderr, "\r%u of %u image%s", n_done, n, seg_units_plural (n));
  if (n_done == n)
    fputs ("\r                              \r", stderr);
  fflush (stderr);
}

static gboolean
seg_train_evaluate_check (const SegTrainEvaluate *request, GError **error)
{
  guint n_bands = seg_dataset_get_n_bands (request->dataset);
  guint n_channels = seg_model_get_n_channels (request->model);

  if (n_bands == n_channels)
    return TRUE;
  if (n_bands == 0)
    g_set_error_literal (error, SEG_ERROR, SEG_ERROR_UNSUPPORTED,
                         "the data have no image with a mask");
  else
    g_set_error (error, SEG_ERROR, SEG_ERROR_UNSUPPORTED,
                 "the model takes images of %u band%s, and the data have %u", n_channels,
                 seg_units_plural (n_channels), n_bands);
  return FALSE;
}

static gboolean
seg_train_evaluate_run (const SegTrainEvaluate *request, SegMetrics *metrics, GPtrArray *cases,
                        GCancellable *cancellable, GError **error)
{
  guint splits = seg_train_evaluate_get_splits (request);
  g_autoptr (SegPool) pool = seg_pool_new (request->n_threads);
  g_autoptr (SegPredictor) predictor =
      seg_predictor_new (request->model, pool, request->limit_bytes, error);
  SegEvaluation evaluation = { .predictor = predictor, .dataset = request->dataset };

  if (predictor == NULL)
    return FALSE;
  seg_predictor_set_tta (predictor, request->tta);
  if (!request->quiet && isatty (STDERR_FILENO))
    evaluation.progress = seg_train_evaluate_show;
  for (guint i = 0; i < SEG_N_SPLITS; i++)
    {
      evaluation.split = (SegSplit) i;
      if ((splits & 1u << i) != 0
          && !seg_evaluate (&evaluation, metrics, cases, NULL, cancellable, error))
        return FALSE;
    }
  return TRUE;
}

/**
 * seg_train_evaluate:
 * @request: what to compare with what
 * @cancellable: stops it
 * @error: return location
 *
 * Prints a table of metrics on stdout, and writes what nnU-Net calls a summary.
 * Errors: `SEG_ERROR_UNSUPPORTED` where the model does not fit the data, or where there is no
 * image; those of seg_evaluate() and of writing.
 */
gboolean
seg_train_evaluate (const SegTrainEvaluate *request, GCancellable *cancellable, GError **error)
{
  const char *split = seg_train_evaluate_choose_split (request);
  const char *tta = request->tta != SEG_TTA_NONE ? seg_tta_get_name (request->tta) : NULL;
  guint n_classes = seg_model_get_n_classes (request->model);
  g_autoptr (SegMetrics) metrics = NULL;
  g_autoptr (GPtrArray) cases = g_ptr_array_new_with_free_func ((GDestroyNotify) seg_case_free);
  g_auto (GStrv) names = g_new0 (char *, n_classes + 1);
  g_autoptr (GString) text = g_string_new (NULL);

  if (!seg_train_evaluate_check (request, error))
    return FALSE;
  metrics = seg_metrics_new (n_classes);
  if (!seg_train_evaluate_run (request, metrics, cases, cancellable, error))
    return FALSE;
  if (cases->len == 0)
    {
      g_set_error (error, SEG_ERROR, SEG_ERROR_UNSUPPORTED,
                   "the data have no image of the part \"%s\"", split);
      return FALSE;
    }
  /* the model's names, as segment has them; masks often are only numbers */
  for (guint i = 0; i < n_classes; i++)
    names[i] = seg_path_escape (seg_model_get_class (request->model, i)->name);
  seg_metrics_print (metrics, (const char *const *) names, text);
  printf ("%u image%s (%s%s%s)\n%s", cases->len, seg_units_plural (cases->len), split,
          tta != NULL ? ", tta " : "", tta != NULL ? tta : "", text->str);
  return request->summary == NULL
         || seg_metrics_write_summary (metrics, cases, (const char *const *) names, tta,
                                       request->summary, error);
}
