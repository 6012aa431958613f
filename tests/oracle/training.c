/* Runs losses and training steps for the oracle, on tensors that a safetensors file DATA has: targets
 * (n, h, w) as 64-bit integers, negative where pixels do not count, and if they are there weights
 * (n, h, w) and class_weight.
 *
 * training loss RECIPE DATA OUT: of logits (n, c, h, w), the loss that the recipe's [train.loss] is;
 *   OUT has loss and gradient.
 * training optimizer RECIPE DATA RATE DECAY OUT: of w (n) and g (steps, n), steps of the recipe's
 *   [train.optimizer]; OUT has w and the optimiser's slots.
 * training steps MODEL DATA N RATE DECAY OUT [frozen|HEADS]: of images (n, c, h, w), N steps of a model whose
 *   recipe has [train.loss] and [train.optimizer], perhaps with frozen norms or with auxiliary heads; OUT has
 *   losses, gradient.NAME of the first step, first.NAME and last.NAME, parameters after the first and the last
 *   step. */
#include <stdio.h>
#include <stdlib.h>

#include <segkit/segkit.h>

#define N_THREADS 2

typedef struct
{
  SegSafetensors *file;
  SegTensor *input; /* images or logits */
  guint16 *targets;
  const float *weights, *class_weight;
} Data;

static gpointer
look_up (SegSafetensors *file, const char *name)
{
  SegTensor *tensor = seg_safetensors_lookup (file, name);

  return tensor != NULL ? tensor->data : NULL;
}

static gboolean
data_read (Data *data, const char *path, const char *input, GError **error)
{
  SegTensor *targets;

  if ((data->file = seg_safetensors_read (path, error)) == NULL)
    return FALSE;
  data->input = seg_safetensors_lookup (data->file, input);
  targets = seg_safetensors_lookup (data->file, "targets");
  g_assert (data->input != NULL && targets != NULL);
  data->weights = look_up (data->file, "weights");
  data->class_weight = look_up (data->file, "class_weight");
  data->targets = g_new (guint16, seg_tensor_get_n_elements (targets));
  for (gsize i = 0; i < seg_tensor_get_n_elements (targets); i++)
    {
      gint64 target = ((const gint64 *) targets->data)[i];

      data->targets[i] = target < 0 ? SEG_TARGET_IGNORE : (guint16) target;
    }
  return TRUE;
}

static void
data_clear (Data *data)
{
  g_clear_object (&data->file);
  g_free (data->targets);
}

static void
add (SegSafetensors *file, const char *prefix, const char *name, const SegTensor *like,
     const float *values)
{
  SegTensor *tensor = seg_tensor_new (SEG_DTYPE_F32, like->rank, like->dims, NULL);
  g_autofree char *full = g_strconcat (prefix, name, NULL);

  memcpy (tensor->data, values, seg_tensor_get_n_bytes (tensor));
  seg_safetensors_add (file, full, tensor);
  seg_tensor_unref (tensor);
}

static void
add_numbers (SegSafetensors *file, const char *name, const float *values, gint64 n)
{
  SegTensor like = { .rank = 1, .dims = { n } };

  add (file, name, "", &like, values);
}

/* ---- losses ------------------------------------------------------------------------------ */

/* A view of a tensor (n, c, h, w). */
static SegView
view_new (const SegTensor *tensor, float *values)
{
  const gint64 *d = tensor->dims;
  SegChannelBlock *blocks = g_new0 (SegChannelBlock, d[1]);

  for (gint64 c = 0; c < d[1]; c++)
    {
      float **rows = g_new (float *, d[0] * d[2]);

      for (gint64 row = 0; row < d[0] * d[2]; row++)
        rows[row] = values + (((row / d[2]) * d[1] + c) * d[2] + row % d[2]) * d[3];
      blocks[c] = (SegChannelBlock){ rows, (gint32) c, 1, 1 };
    }
  return (SegView){ { d[0], d[1], d[2], d[3] }, { 0, 0, d[3], d[2] }, blocks, (guint) d[1] };
}

static void
view_clear (SegView *view)
{
  for (guint c = 0; c < view->n_blocks; c++)
    g_free ((gpointer) view->blocks[c].rows);
  g_free ((gpointer) view->blocks);
}

/* What the group of the recipe in a file says. */
static gpointer
read_object (const char *path, const char *group, GType kind, GError **error)
{
  g_autofree char *text = NULL;
  g_autoptr (GKeyFile) recipe = NULL;

  if (!g_file_get_contents (path, &text, NULL, error)
      || (recipe = seg_recipe_parse (text, strlen (text), error)) == NULL)
    return NULL;
  return seg_recipe_build_object (recipe, group, kind, error);
}

static gboolean
run_loss (char **argv, SegPool *pool, GError **error)
{
  g_autoptr (SegLoss) loss = read_object (argv[0], "train.loss", SEG_TYPE_LOSS, error);
  g_autoptr (SegSafetensors) out = seg_safetensors_new ();
  g_autofree float *gradient = NULL;
  Data data = { 0 };
  SegView logits, view;
  SegLossBatch batch;
  double value;
  float rounded;

  if (loss == NULL || !data_read (&data, argv[1], "logits", error))
    return FALSE;
  gradient = g_new0 (float, seg_tensor_get_n_elements (data.input));
  logits = view_new (data.input, data.input->data);
  view = view_new (data.input, gradient);
  batch = (SegLossBatch){ .pool = pool, .logits = &logits, .targets = data.targets,
                          .weights = data.weights, .class_weight = data.class_weight,
                          .gradient = &view };
  if (!seg_loss_compute (loss, &batch, 1., &value, error))
    return FALSE;
  rounded = (float) value;
  add_numbers (out, "loss", &rounded, 1);
  add (out, "gradient", "", data.input, gradient);
  view_clear (&logits);
  view_clear (&view);
  data_clear (&data);
  return seg_safetensors_write (out, argv[2], error);
}

/* ---- optimisers -------------------------------------------------------------------------- */

static gboolean
run_optimizer (char **argv, GError **error)
{
  g_autoptr (SegOptimizer) optimizer
      = read_object (argv[0], "train.optimizer", SEG_TYPE_OPTIMIZER, error);
  g_autoptr (SegSafetensors) data = NULL, out = seg_safetensors_new ();
  double rate = g_ascii_strtod (argv[2], NULL), decay = g_ascii_strtod (argv[3], NULL);
  const char *const *names;
  float *slots[8];
  SegTensor *w, *g;
  guint n_slots;
  gsize n;

  if (optimizer == NULL || (data = seg_safetensors_read (argv[1], error)) == NULL)
    return FALSE;
  w = seg_safetensors_lookup (data, "w");
  g = seg_safetensors_lookup (data, "g");
  n = seg_tensor_get_n_elements (w);
  names = seg_optimizer_get_slots (optimizer, &n_slots);
  g_assert (n_slots <= G_N_ELEMENTS (slots));
  for (guint s = 0; s < n_slots; s++)
    slots[s] = g_new0 (float, n);
  for (gint64 step = 0; step < g->dims[0]; step++)
    seg_optimizer_step (optimizer, (guint64) step + 1, rate, decay, w->data,
                        (const float *) g->data + (gsize) step * n, slots, n);
  add (out, "w", "", w, w->data);
  for (guint s = 0; s < n_slots; s++)
    {
      add (out, names[s], "", w, slots[s]);
      g_free (slots[s]);
    }
  return seg_safetensors_write (out, argv[4], error);
}

/* ---- steps ------------------------------------------------------------------------------- */

static void
add_parameters (SegSafetensors *out, const char *prefix, SegModel *model)
{
  SegParameters *parameters = seg_model_get_parameters (model);

  for (guint i = 0; i < seg_parameters_get_n (parameters); i++)
    {
      SegTensor *tensor = seg_parameters_get_tensor (parameters, i, NULL);

      if (tensor->dtype == SEG_DTYPE_F32)
        add (out, prefix, seg_parameters_get_name (parameters, i), tensor, tensor->data);
    }
}

/* A second copy of the model makes a step: the first thing that the slot of descent with momentum
 * holds is the gradient itself. */
static gboolean
add_gradients (SegSafetensors *out, const char *path, SegTrainerOptions options, SegPool *pool,
               const SegBatch *batch, GError **error)
{
  g_autoptr (SegModel) model = seg_model_load (path, error);
  g_autoptr (SegOptimizer) sgd
      = seg_registry_create (seg_registry_get_default (), "sgd", SEG_TYPE_OPTIMIZER, error,
                             "momentum", 0.5, NULL);
  g_autofree char *state = g_strconcat (path, ".state", NULL);
  g_autoptr (SegTrainer) trainer = NULL;
  g_autoptr (SegSafetensors) file = NULL;
  g_auto (GStrv) names = NULL;
  const char *const prefix = "optimizer.momentum_buffer.";
  SegTrainerStep step;

  options.optimizer = sgd;
  options.weight_decay = 0.;
  if (model == NULL || sgd == NULL
      || (trainer = seg_trainer_new (model, &options, pool, batch->n, batch->h, batch->w, error))
             == NULL
      || !seg_trainer_step (trainer, batch, &step, error)
      || !seg_trainer_save (trainer, state, NULL, NULL, error)
      || (file = seg_safetensors_read (state, error)) == NULL)
    return FALSE;
  names = seg_safetensors_list (file);
  for (char **name = names; *name != NULL; name++)
    if (g_str_has_prefix (*name, prefix))
      {
        SegTensor *tensor = seg_safetensors_lookup (file, *name);

        add (out, "gradient.", *name + strlen (prefix), tensor, tensor->data);
      }
  return TRUE;
}

static gboolean
run_steps (char **argv, const char *form, SegPool *pool, GError **error)
{
  g_autoptr (SegModel) model = seg_model_load (argv[0], error);
  g_autoptr (SegSafetensors) out = seg_safetensors_new ();
  g_autoptr (GKeyFile) recipe = NULL;
  g_autoptr (SegLoss) loss = NULL;
  g_autoptr (SegOptimizer) optimizer = NULL;
  g_autoptr (SegTrainer) trainer = NULL;
  SegTrainerOptions options;
  Data data = { 0 };
  SegBatch batch;
  guint n = (guint) atoi (argv[2]);
  g_autofree float *losses = g_new (float, n);

  if (model == NULL || !data_read (&data, argv[1], "images", error))
    return FALSE;
  recipe = seg_recipe_parse (seg_model_get_recipe (model), strlen (seg_model_get_recipe (model)),
                             error);
  if (recipe == NULL
      || (loss = seg_recipe_build_object (recipe, "train.loss", SEG_TYPE_LOSS, error)) == NULL
      || (optimizer
          = seg_recipe_build_object (recipe, "train.optimizer", SEG_TYPE_OPTIMIZER, error))
             == NULL)
    return FALSE;
  options = (SegTrainerOptions){ .loss = loss, .optimizer = optimizer,
                                 .rate = g_ascii_strtod (argv[3], NULL),
                                 .weight_decay = g_ascii_strtod (argv[4], NULL),
                                 .class_weight = data.class_weight,
                                 .freeze_norms = g_str_equal (form, "frozen"),
                                 .auxiliary_heads = (guint) atoi (form), .n_steps = n };
  batch = (SegBatch){ .images = data.input->data, .targets = data.targets,
                      .weights = data.weights, .n = data.input->dims[0],
                      .c = data.input->dims[1], .h = data.input->dims[2],
                      .w = data.input->dims[3] };
  if (!add_gradients (out, argv[0], options, pool, &batch, error)
      || (trainer = seg_trainer_new (model, &options, pool, batch.n, batch.h, batch.w, error))
             == NULL)
    return FALSE;
  for (guint i = 0; i < n; i++)
    {
      SegTrainerStep step;

      if (!seg_trainer_step (trainer, &batch, &step, error))
        return FALSE;
      losses[i] = (float) step.loss;
      if (i == 0)
        add_parameters (out, "first.", model);
    }
  add_parameters (out, "last.", model);
  add_numbers (out, "losses", losses, n);
  data_clear (&data);
  return seg_safetensors_write (out, argv[5], error);
}

int
main (int argc, char **argv)
{
  g_autoptr (SegPool) pool = seg_pool_new (N_THREADS);
  g_autoptr (GError) error = NULL;
  gboolean done;

  seg_registry_load_default (seg_registry_get_default (), NULL);
  if (argc == 5 && g_str_equal (argv[1], "loss"))
    done = run_loss (argv + 2, pool, &error);
  else if (argc == 7 && g_str_equal (argv[1], "optimizer"))
    done = run_optimizer (argv + 2, &error);
  else if ((argc == 8 || argc == 9) && g_str_equal (argv[1], "steps"))
    done = run_steps (argv + 2, argc == 9 ? argv[8] : "", pool, &error);
  else
    {
      fprintf (stderr, "usage: training loss|optimizer|steps ...\n");
      return 2;
    }
  if (!done)
    fprintf (stderr, "%s\n", error->message);
  return done ? 0 : 1;
}
