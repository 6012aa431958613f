/* A recipe's groups [train…], made into what a training needs. */
#include <math.h>
#include <string.h>

#include <segkit/error.h>
#include <segkit/recipe.h>

#include "border-weights.h"
#include "train-recipe-private.h"
#include "units.h"

#define SEG_TRAIN_MAX_STEPS 1000000000
#define SEG_TRAIN_MAX_SECONDS (366. * 24 * 3600)
#define SEG_TRAIN_MAX_CROP 65536

static const char *const seg_train_keys[]
    = { "seed", "steps", "epochs", "max-time", "validate-every", "patience", "metric", "batch",
        "crop", "accumulate", "rate", "weight-decay", "clip-norm", "ema-decay", "frozen",
        "freeze-norms", "class-weights", "border-weights", "border-w0", "border-sigma",
        "statistics-batches", "deep-supervision", "encoder-weights", "from", NULL };

static const char *const seg_train_groups[]
    = { "loss", "optimizer", "schedule", "augmentation", NULL };

static const char *const seg_train_metrics[]
    = { "mean-dice", "mean-iou", "foreground-dice", "foreground-iou", "accuracy", "loss", NULL };

/* ---- values ----------------------------------------------------------------------------- */

static gboolean
seg_train_recipe_refuse (const char *key, const char *value, const char *expected, GError **error)
{
  g_set_error (error, SEG_ERROR, SEG_ERROR_PARAM, "[train] %s: \"%s\" is not %s", key, value,
               expected);
  return FALSE;
}

static gboolean
seg_train_recipe_get_number (GKeyFile *keys, const char *key, double least, double most,
                             double *number, GError **error)
{
  g_autofree char *text = g_key_file_get_value (keys, "train", key, NULL);
  g_autofree char *expected = NULL;
  double value;
  char *end;

  if (text == NULL)
    return TRUE;
  value = g_ascii_strtod (text, &end);
  if (end != text && *end == '\0' && value >= least && value <= most)
    {
      *number = value;
      return TRUE;
    }
  expected = g_strdup_printf ("a number from %g to %g", least, most);
  return seg_train_recipe_refuse (key, text, expected, error);
}

static gboolean
seg_train_recipe_get_uint (GKeyFile *keys, const char *key, guint64 least, guint64 most,
                           guint64 *number, GError **error)
{
  g_autofree char *text = g_key_file_get_value (keys, "train", key, NULL);
  g_autofree char *expected = NULL;

  if (text == NULL || g_ascii_string_to_unsigned (text, 10, least, most, number, NULL))
    return TRUE;
  expected = g_strdup_printf ("a whole number from %" G_GUINT64_FORMAT " to %" G_GUINT64_FORMAT,
                              least, most);
  return seg_train_recipe_refuse (key, text, expected, error);
}

static gboolean
seg_train_recipe_get_boolean (GKeyFile *keys, const char *key, gboolean *value, GError **error)
{
  g_autofree char *text = g_key_file_get_value (keys, "train", key, NULL);

  if (text == NULL)
    return TRUE;
  if (!g_str_equal (text, "true") && !g_str_equal (text, "false"))
    return seg_train_recipe_refuse (key, text, "true or false", error);
  *value = g_str_equal (text, "true");
  return TRUE;
}

/* "256" or "352x256", width first. */
static gboolean
seg_train_recipe_get_crop (SegTrainRecipe *self, GError **error)
{
  g_autofree char *text = g_key_file_get_value (self->keys, "train", "crop", NULL);
  g_auto (GStrv) sides = g_strsplit (text != NULL ? text : "256", "x", 3);
  guint n = g_strv_length (sides);
  guint64 width, height;

  if (n < 1 || n > 2
      || !g_ascii_string_to_unsigned (sides[0], 10, 1, SEG_TRAIN_MAX_CROP, &width, NULL)
      || !g_ascii_string_to_unsigned (sides[n - 1], 10, 1, SEG_TRAIN_MAX_CROP, &height, NULL))
    return seg_train_recipe_refuse (
        "crop", text,
        "a side of 1 to " G_STRINGIFY (SEG_TRAIN_MAX_CROP) " pixels, as 256, or two, as 352x256",
        error);
  self->batches.w = (gint64) width;
  self->batches.h = (gint64) height;
  return TRUE;
}

/**
 * seg_train_recipe_parse_time:
 * @text: such as `90`, `15min`, `1.5h`
 * @seconds: (out): what it is
 * @error: return location
 *
 * Errors: `SEG_ERROR_PARAM`.
 */
gboolean
seg_train_recipe_parse_time (const char *text, double *seconds, GError **error)
{
  static const struct
  {
    const char *name;
    double seconds;
  } units[] = { { "", 1. }, { "s", 1. }, { "min", 60. }, { "h", 3600. }, { "d", 86400. } };
  char *end;
  double number = g_ascii_strtod (text, &end);

  for (guint i = 0; end != text && i < G_N_ELEMENTS (units); i++)
    if (g_str_equal (end, units[i].name) && number > 0.
        && number * units[i].seconds <= SEG_TRAIN_MAX_SECONDS)
      {
        *seconds = number * units[i].seconds;
        return TRUE;
      }
  g_set_error (error, SEG_ERROR, SEG_ERROR_PARAM,
               "\"%s\" is not a time as 90s, 15min, 1.5h or 2d, at most a year", text);
  return FALSE;
}

/* A number for each band or class. */
static gboolean
seg_train_recipe_get_list (SegTrainRecipe *self, const char *group, const char *key, guint n,
                           double least, float **numbers, GError **error)
{
  g_autofree char *text = g_key_file_get_value (self->keys, group, key, NULL);
  g_auto (GStrv) words = text != NULL ? g_strsplit (text, ";", -1) : NULL;
  guint n_words;

  g_clear_pointer (numbers, g_free);
  if (text == NULL || g_str_equal (text, "none"))
    return TRUE;
  n_words = g_strv_length (words);
  if (n_words > 0 && *g_strstrip (words[n_words - 1]) == '\0')
    n_words--; /* a list may end with a semicolon */
  *numbers = g_new0 (float, n);
  for (guint i = 0; i < n; i++)
    {
      char *end = NULL;
      double number = n_words == n ? g_ascii_strtod (words[i], &end) : 0.;

      if (end == NULL || end == words[i] || *g_strchug (end) != '\0' || !(number >= least)
          || !isfinite (number))
        {
          g_set_error (error, SEG_ERROR, SEG_ERROR_PARAM,
                       "[%s] %s: \"%s\" is not %u number%s with semicolons between them", group,
                       key, text, n, seg_units_plural (n));
          return FALSE;
        }
      (*numbers)[i] = (float) number;
    }
  return TRUE;
}

/**
 * _seg_train_recipe_blame: (skip)
 * @error: (inout): of a recipe's text, or of what was built of it
 *
 * In a model a recipe that is wrong is input that is; here it is what the user wants. Plugins and
 * memory stay to blame for what is theirs.
 */
void
_seg_train_recipe_blame (GError **error)
{
  if (error != NULL
      && (g_error_matches (*error, SEG_ERROR, SEG_ERROR_FORMAT)
          || g_error_matches (*error, SEG_ERROR, SEG_ERROR_SHAPE)
          || g_error_matches (*error, SEG_ERROR, SEG_ERROR_UNSUPPORTED)))
    (*error)->code = SEG_ERROR_PARAM;
}

/* ---- groups ----------------------------------------------------------------------------- */

static gboolean
seg_train_recipe_refuse_name (const char *what, const char *name, const char *const *names,
                              GError **error)
{
  const char *nearest = seg_recipe_find_nearest (name, names);
  g_autofree char *known = g_strjoinv (", ", (char **) names);

  if (nearest != NULL)
    g_set_error (error, SEG_ERROR, SEG_ERROR_PARAM, "%s \"%s\"; did you mean \"%s\"?", what, name,
                 nearest);
  else
    g_set_error (error, SEG_ERROR, SEG_ERROR_PARAM, "%s \"%s\"; there is %s", what, name, known);
  return FALSE;
}

static gboolean
seg_train_recipe_check_names (GKeyFile *keys, GError **error)
{
  g_auto (GStrv) names = g_key_file_get_keys (keys, "train", NULL, NULL);
  g_auto (GStrv) groups = g_key_file_get_groups (keys, NULL);

  for (char **name = names; name != NULL && *name != NULL; name++)
    if (!g_strv_contains (seg_train_keys, *name))
      return seg_train_recipe_refuse_name ("[train] has no key", *name, seg_train_keys, error);
  for (char **group = groups; *group != NULL; group++)
    if (g_str_has_prefix (*group, "train."))
      {
        g_auto (GStrv) parts = g_strsplit (*group, ".", 3);

        if (!g_strv_contains (seg_train_groups, parts[1]))
          return seg_train_recipe_refuse_name ("[train] has no group below it", parts[1],
                                               seg_train_groups, error);
      }
  return TRUE;
}

static gboolean
seg_train_recipe_get_metric (SegTrainRecipe *self, GError **error)
{
  g_autofree char *known = NULL, *expected = NULL;

  self->metric = g_key_file_get_value (self->keys, "train", "metric", NULL);
  if (self->metric == NULL)
    self->metric = g_strdup ("mean-iou");
  if (g_strv_contains (seg_train_metrics, self->metric))
    return TRUE;
  known = g_strjoinv (", ", (char **) seg_train_metrics);
  expected = g_strdup_printf ("one of %s", known);
  return seg_train_recipe_refuse ("metric", self->metric, expected, error);
}

static gboolean
seg_train_recipe_parse_lengths (SegTrainRecipe *self, GError **error)
{
  GKeyFile *keys = self->keys;
  guint64 patience = 0, statistics = 20;
  g_autofree char *time = g_key_file_get_value (keys, "train", "max-time", NULL);

  self->seed = 1;
  if (!seg_train_recipe_get_uint (keys, "seed", 0, G_MAXUINT64, &self->seed, error)
      || !seg_train_recipe_get_uint (keys, "steps", 1, SEG_TRAIN_MAX_STEPS, &self->n_steps, error)
      || !seg_train_recipe_get_uint (keys, "epochs", 1, 1000000, &self->n_epochs, error)
      || !seg_train_recipe_get_uint (keys, "validate-every", 0, SEG_TRAIN_MAX_STEPS,
                                     &self->validate_every, error)
      || !seg_train_recipe_get_uint (keys, "patience", 0, 1000000, &patience, error)
      || !seg_train_recipe_get_uint (keys, "statistics-batches", 1, 100000, &statistics, error))
    return FALSE;
  self->patience = (guint) patience;
  self->statistics_batches = (guint) statistics;
  if (time != NULL && !seg_train_recipe_parse_time (time, &self->max_seconds, error))
    {
      g_prefix_error (error, "[train] max-time: ");
      return FALSE;
    }
  if (self->n_steps > 0 || self->n_epochs > 0 || self->max_seconds > 0.)
    return TRUE;
  g_set_error (error, SEG_ERROR, SEG_ERROR_PARAM, "[train] has neither steps, epochs nor max-time");
  return FALSE;
}

static gboolean
seg_train_recipe_parse_batches (SegTrainRecipe *self, SegDataset *dataset, GError **error)
{
  SegBatcherOptions *batches = &self->batches;
  guint n_bands = seg_dataset_get_n_bands (dataset);
  guint64 n = 4;

  *batches = (SegBatcherOptions){ .seed = self->seed, .n_threads = 1, .border_w0 = 10.,
                                  .border_sigma = 5. };
  if (!seg_train_recipe_get_uint (self->keys, "batch", 1, 4096, &n, error)
      || !seg_train_recipe_get_crop (self, error)
      || !seg_train_recipe_get_boolean (self->keys, "border-weights", &batches->border_weights,
                                        error)
      || !seg_train_recipe_get_number (self->keys, "border-w0", 0., 1e6, &batches->border_w0, error)
      || !seg_train_recipe_get_number (self->keys, "border-sigma", SEG_BORDER_MIN_SIGMA,
                                       SEG_BORDER_MAX_SIGMA, &batches->border_sigma, error)
      || !seg_train_recipe_get_list (self, "input", "mean", n_bands, -INFINITY, &self->mean, error)
      || !seg_train_recipe_get_list (self, "input", "std", n_bands, 1e-12, &self->std, error))
    return FALSE;
  batches->n = (gint64) n;
  batches->mean = self->mean;
  batches->std = self->std;
  if (batches->border_weights && !seg_dataset_has_instances (dataset))
    {
      g_set_error (error, SEG_ERROR, SEG_ERROR_PARAM,
                   "[train] border-weights: the data have no masks of single objects");
      return FALSE;
    }
  g_clear_object (&self->augmentation);
  self->augmentation = seg_recipe_build_plain (self->keys, "train.augmentation",
                                               SEG_TYPE_AUGMENTATION, error);
  if (self->augmentation == NULL)
    _seg_train_recipe_blame (error);
  return self->augmentation != NULL && seg_augmentation_check (self->augmentation, error);
}

/* At least one class has to count. */
static gboolean
seg_train_recipe_get_class_weights (SegTrainRecipe *self, guint n_classes, GError **error)
{
  g_autofree char *text = g_key_file_get_value (self->keys, "train", "class-weights", NULL);

  if (!seg_train_recipe_get_list (self, "train", "class-weights", n_classes, 0.,
                                  &self->class_weight, error))
    return FALSE;
  for (guint i = 0; i < n_classes; i++)
    if (self->class_weight == NULL || self->class_weight[i] > 0.f)
      return TRUE;
  return seg_train_recipe_refuse ("class-weights", text, "weights of which one is above 0", error);
}

static gboolean
seg_train_recipe_parse_trainer (SegTrainRecipe *self, SegDataset *dataset, GError **error)
{
  SegTrainerOptions *trainer = &self->trainer;
  GKeyFile *keys = self->keys;
  guint64 accumulate = 1, heads = 0;

  trainer->rate = 1e-3;
  if (!seg_train_recipe_get_uint (keys, "accumulate", 1, 4096, &accumulate, error)
      || !seg_train_recipe_get_number (keys, "rate", 0., 1e38, &trainer->rate, error)
      || !seg_train_recipe_get_number (keys, "weight-decay", 0., 1e3, &trainer->weight_decay, error)
      || !seg_train_recipe_get_number (keys, "clip-norm", 0., 1e38, &trainer->clip_norm, error)
      || !seg_train_recipe_get_number (keys, "ema-decay", 0., 0.999999, &trainer->ema_decay, error)
      || !seg_train_recipe_get_boolean (keys, "freeze-norms", &trainer->freeze_norms, error)
      || !seg_train_recipe_get_uint (keys, "deep-supervision", 0, SEG_FEATURES_MAX - 1, &heads,
                                     error)
      || !seg_train_recipe_get_class_weights (self, seg_dataset_get_n_classes (dataset), error))
    return FALSE;
  trainer->accumulate = self->batches.n_kept = (guint) accumulate;
  trainer->auxiliary_heads = (guint) heads;
  trainer->seed = self->seed;
  trainer->n_steps = self->n_steps;
  g_free (self->frozen);
  trainer->frozen = self->frozen = g_key_file_get_value (keys, "train", "frozen", NULL);
  /* with a border's weights those of the classes are in the map */
  trainer->class_weight = self->batches.border_weights ? NULL : self->class_weight;
  self->batches.class_weight = self->batches.border_weights ? self->class_weight : NULL;

  g_clear_object (&trainer->loss);
  g_clear_object (&trainer->optimizer);
  g_clear_object (&trainer->schedule);
  trainer->loss = seg_recipe_build_object (keys, "train.loss", SEG_TYPE_LOSS, error);
  if (trainer->loss != NULL)
    trainer->optimizer
        = seg_recipe_build_object (keys, "train.optimizer", SEG_TYPE_OPTIMIZER, error);
  if (trainer->optimizer != NULL)
    trainer->schedule
        = seg_recipe_build_object (keys, "train.schedule", SEG_TYPE_RATE_SCHEDULE, error);
  if (trainer->schedule == NULL)
    _seg_train_recipe_blame (error);
  return trainer->schedule != NULL;
}

/**
 * seg_train_recipe_dup_class_names:
 * @self: a recipe
 *
 * Returns: (transfer full) (array zero-terminated=1): what the model calls its classes, which may be
 *   otherwise than the data do
 */
char **
seg_train_recipe_dup_class_names (SegTrainRecipe *self)
{
  char **names = g_key_file_get_string_list (self->keys, "classes", "names", NULL, NULL);

  return names != NULL ? names : g_new0 (char *, 1);
}

/**
 * _seg_train_recipe_parse: (skip)
 *
 * Makes everything of self->keys; may be called again when these have changed.
 */
gboolean
_seg_train_recipe_parse (SegTrainRecipe *self, SegDataset *dataset, GError **error)
{
  g_clear_pointer (&self->metric, g_free);
  g_clear_pointer (&self->encoder_weights, g_free);
  g_clear_pointer (&self->from_model, g_free);
  g_clear_pointer (&self->text, g_free);
  self->encoder_weights = g_key_file_get_value (self->keys, "train", "encoder-weights", NULL);
  self->from_model = g_key_file_get_value (self->keys, "train", "from", NULL);
  self->text = g_key_file_to_data (self->keys, NULL, NULL);
  return seg_train_recipe_check_names (self->keys, error)
         && seg_train_recipe_get_metric (self, error)
         && seg_train_recipe_parse_lengths (self, error)
         && seg_train_recipe_parse_batches (self, dataset, error)
         && seg_train_recipe_parse_trainer (self, dataset, error);
}

/* ---- the whole -------------------------------------------------------------------------- */

/* A model must not depend on how many threads there are: what is chosen is chosen for so many. */
#define SEG_TRAIN_NOMINAL_THREADS 8

/**
 * seg_train_recipe_estimate_bytes:
 * @self: a recipe
 * @model: of it
 * @dataset: what is learnt from
 * @batches: those of the recipe, or others
 * @n_threads: of the pool
 * @error: return location
 *
 * Errors: those of seg_trainer_estimate_bytes().
 *
 * Returns: about how many bytes training takes beside the model and the samples that the data set
 *   keeps: of the trainer, of the batches that are made ahead, and of those for the statistics of
 *   norms; 0 with @error set
 */
gsize
seg_train_recipe_estimate_bytes (SegTrainRecipe *self, SegModel *model, SegDataset *dataset,
                                 const SegBatcherOptions *batches, guint n_threads, GError **error)
{
  SegBatcherOptions plain = *batches;
  gsize bytes = seg_trainer_estimate_bytes (model, &self->trainer, batches->n, batches->h,
                                            batches->w, n_threads, error);

  if (bytes == 0)
    {
      if (error != NULL && g_error_matches (*error, SEG_ERROR, SEG_ERROR_SHAPE))
        g_prefix_error (error, "[train] crop: ");
      _seg_train_recipe_blame (error);
      return 0;
    }
  plain.border_weights = FALSE;
  return bytes + seg_batcher_estimate_bytes (dataset, SEG_SPLIT_TRAIN, batches)
         + seg_batcher_estimate_bytes (dataset, SEG_SPLIT_TRAIN, &plain);
}

/* A property that a kind does not have may be one of the kind that somebody had in mind: says where
 * the kind comes from, if it was chosen. */
static void
seg_train_recipe_tell_kind (SegTrainRecipe *self, GError *error)
{
  for (guint i = 0; i < self->reasons->len; i++)
    {
      const char *reason = self->reasons->pdata[i], *end = strstr (reason, "] type=");
      g_autofree char *group = end != NULL ? g_strndup (reason, (gsize) (end + 1 - reason)) : NULL;
      char *message = error->message;

      if (group == NULL || strstr (message, group) == NULL)
        continue;
      error->message = g_strdup_printf ("%s; chosen was %s", message, end + strlen ("] "));
      g_free (message);
      return;
    }
}

static SegModel *
seg_train_recipe_build_model (SegTrainRecipe *self, GError **error)
{
  GError *local = NULL;
  SegModel *model = seg_model_new_from_recipe (self->text, self->seed, &local);

  if (model != NULL)
    return model;
  seg_train_recipe_tell_kind (self, local);
  g_propagate_error (error, local);
  _seg_train_recipe_blame (error);
  return NULL;
}

/* Of a crop that was asked for it is not told why, but what it means. */
static void
seg_train_recipe_note_crop (SegTrainRecipe *self, SegDataset *dataset)
{
  const SegBatcherOptions *b = &self->batches;
  gint64 min_width, max_width, min_height, max_height;

  seg_dataset_get_size_range (dataset, &min_width, &max_width, &min_height, &max_height);
  if (b->w > min_width || b->h > min_height)
    g_ptr_array_add (self->reasons,
                     g_strdup_printf ("[train] crop=%" G_GINT64_FORMAT "x%" G_GINT64_FORMAT
                                      ": images are at least %" G_GINT64_FORMAT
                                      " pixels wide and %" G_GINT64_FORMAT
                                      " high; what they lack is mirrored",
                                      b->w, b->h, min_width, min_height));
}

/* A batch that nobody asked for is as large as memory allows. */
static gboolean
seg_train_recipe_fit_memory (SegTrainRecipe *self, SegDataset *dataset,
                             const SegTrainLimits *limits, GError **error)
{
  g_autoptr (SegModel) model = seg_train_recipe_build_model (self, error);

  if (model == NULL)
    return FALSE;
  for (;;)
    {
      const SegBatcherOptions *b = &self->batches;
      gsize bytes = seg_train_recipe_estimate_bytes (self, model, dataset, b,
                                                     SEG_TRAIN_NOMINAL_THREADS, error);

      if (bytes == 0)
        return FALSE;
      if (bytes <= limits->max_memory || b->n == 1)
        return TRUE;
      g_ptr_array_add (self->reasons,
                       g_strdup_printf ("[train] batch=%" G_GINT64_FORMAT
                                        ": more would take more memory than is allowed",
                                        b->n / 2));
      g_key_file_set_int64 (self->keys, "train", "batch", b->n / 2);
      if (!_seg_train_recipe_parse (self, dataset, error))
        return FALSE;
    }
}

/**
 * seg_train_recipe_new:
 * @given: (nullable): what the user wants; the rest is chosen
 * @dataset: what to learn from
 * @limits: what it may take
 * @error: return location
 *
 * Makes a recipe complete. The same data, limits and wishes give the same.
 * Errors: `SEG_ERROR_PARAM`, `SEG_ERROR_FORMAT`, `SEG_ERROR_PLUGIN` for what is wrong with @given;
 * those of seg_dataset_measure() and of building the network.
 *
 * Returns: (transfer full): the recipe, or %NULL with @error set
 */
SegTrainRecipe *
seg_train_recipe_new (GKeyFile *given, SegDataset *dataset, const SegTrainLimits *limits,
                      GError **error)
{
  g_autoptr (SegTrainRecipe) self = g_new0 (SegTrainRecipe, 1);
  gboolean is_batch_given = given != NULL && g_key_file_has_key (given, "train", "batch", NULL);
  gboolean is_crop_given = given != NULL && g_key_file_has_key (given, "train", "crop", NULL);

  self->reasons = g_ptr_array_new_with_free_func (g_free);
  if ((given != NULL && !seg_train_recipe_check_names (given, error))
      || !_seg_train_choose (self, given, dataset, limits, error)
      || !_seg_train_recipe_parse (self, dataset, error))
    return NULL;
  if (is_crop_given)
    seg_train_recipe_note_crop (self, dataset);
  if (!is_batch_given && limits->max_memory > 0
      && !seg_train_recipe_fit_memory (self, dataset, limits, error))
    return NULL;
  return g_steal_pointer (&self);
}

void
seg_train_recipe_free (SegTrainRecipe *self)
{
  g_clear_object (&self->trainer.loss);
  g_clear_object (&self->trainer.optimizer);
  g_clear_object (&self->trainer.schedule);
  g_clear_object (&self->augmentation);
  g_clear_pointer (&self->keys, g_key_file_unref);
  g_ptr_array_unref (self->reasons);
  g_free (self->encoder_weights);
  g_free (self->from_model);
  g_free (self->class_weight);
  g_free (self->frozen);
  g_free (self->metric);
  g_free (self->mean);
  g_free (self->std);
  g_free (self->text);
  g_free (self);
}

/**
 * seg_train_recipe_set:
 * @recipe: to be changed
 * @assignment: `group.key=value`, as `train.rate=1e-3` or `model.encoder.depth=34`
 * @error: return location
 *
 * Errors: `SEG_ERROR_PARAM` for what is no assignment; what it means is looked at later.
 */
gboolean
seg_train_recipe_set (GKeyFile *recipe, const char *assignment, GError **error)
{
  const char *equals = strchr (assignment, '=');
  g_autofree char *path = equals != NULL ? g_strndup (assignment, (gsize) (equals - assignment))
                                         : NULL;
  char *dot = path != NULL ? strrchr (path, '.') : NULL;

  if (dot == NULL || dot == path || dot[1] == '\0')
    {
      g_set_error (error, SEG_ERROR, SEG_ERROR_PARAM,
                   "\"%s\" is not group.key=value, as train.rate=1e-3", assignment);
      return FALSE;
    }
  *dot = '\0';
  g_key_file_set_value (recipe, path, dot + 1, equals + 1);
  return TRUE;
}

/**
 * seg_train_recipe_set_steps:
 * @self: a recipe
 * @n_steps: at least 1
 * @error: return location
 *
 * Fixes how many steps there are, where it was left to epochs or to a time, in the text, too: a run
 * of that then makes the same steps however fast the machine is.
 */
gboolean
seg_train_recipe_set_steps (SegTrainRecipe *self, guint64 n_steps, GError **error)
{
  if (n_steps < 1 || n_steps > SEG_TRAIN_MAX_STEPS)
    {
      g_set_error (error, SEG_ERROR, SEG_ERROR_PARAM,
                   "%" G_GUINT64_FORMAT " steps are not in 1 to %d", n_steps, SEG_TRAIN_MAX_STEPS);
      return FALSE;
    }
  self->n_steps = self->trainer.n_steps = n_steps;
  g_key_file_set_uint64 (self->keys, "train", "steps", n_steps);
  g_key_file_remove_key (self->keys, "train", "epochs", NULL);
  g_key_file_remove_key (self->keys, "train", "max-time", NULL);
  g_free (self->text);
  self->text = g_key_file_to_data (self->keys, NULL, NULL);
  return TRUE;
}

static gboolean
seg_train_recipe_load_from (SegTrainRecipe *self, SegModel *model, GError **error)
{
  g_autofree char *path = seg_model_find (self->from_model, error);
  g_auto (GStrv) left = NULL;
  guint n;

  if (path == NULL || !seg_model_load_matching (model, path, &left, error))
    return FALSE;
  n = g_strv_length (left);
  if (n > 0)
    g_ptr_array_add (self->reasons,
                     g_strdup_printf ("%u parameter%s at random, as %s: %s has none of that shape",
                                      n, n == 1 ? " begins" : "s begin", *left, self->from_model));
  return TRUE;
}

/**
 * seg_train_recipe_new_model:
 * @self: a recipe
 * @error: return location
 *
 * Makes the network, with the weights that it begins with.
 * Errors: those of seg_model_new_from_recipe(), seg_model_load_encoder() and loading a model.
 *
 * Returns: (transfer full): a model, or %NULL with @error set
 */
SegModel *
seg_train_recipe_new_model (SegTrainRecipe *self, GError **error)
{
  g_autoptr (SegModel) model = seg_train_recipe_build_model (self, error);

  if (model == NULL
      || (self->from_model != NULL && !seg_train_recipe_load_from (self, model, error))
      || (self->encoder_weights != NULL
          && !seg_model_load_encoder (model, self->encoder_weights, error)))
    return NULL;
  return g_steal_pointer (&model);
}
