/* Training: that losses fall, that bits depend on neither threads nor interruptions, and that nothing
 * changes where a step could not be made. Against PyTorch: tests/oracle/compare-training.py. */
#include <math.h>

#include <segkit/random.h>
#include <segkit/segkit.h>

#include "testing.h"

#define BATCH 2
#define SIDE 32
#define N_PIXELS (BATCH * SIDE * SIDE)

static const char recipe[] = "[segkit]\nformat=1\n"
                             "[input]\nchannels=1\n"
                             "[classes]\nnames=a;b\n"
                             "[model]\ntype=unet\nclasses=2\n"
                             "[model.encoder]\ntype=unet-encoder\nchannels=4\ndepth=2\n"
                             "[model.decoder]\ntype=unet-decoder\n";

/* ---- a problem that is easily learnt ----------------------------------------------------- */

typedef struct
{
  float images[N_PIXELS];
  guint16 targets[N_PIXELS];
  SegBatch batch;
} Toy;

/* Noise with a bright disc somewhere; of batch @i. Some pixels do not count. */
static void
toy_fill (Toy *toy, guint64 i)
{
  seg_random_normal (5, i, 0, N_PIXELS, toy->images);
  for (guint n = 0; n < BATCH; n++)
    {
      float centre[2];

      seg_random_uniform (6, i, 2 * n, 2, centre);
      for (guint y = 0; y < SIDE; y++)
        for (guint x = 0; x < SIDE; x++)
          {
            guint at = (n * SIDE + y) * SIDE + x;
            float dx = (float) x - SIDE * centre[0], dy = (float) y - SIDE * centre[1];
            gboolean inside = dx * dx + dy * dy < 80.f;

            toy->images[at] = .5f * toy->images[at] + (inside ? 1.5f : 0.f);
            toy->targets[at] = x == 0 ? SEG_TARGET_IGNORE : inside;
          }
    }
  toy->batch = (SegBatch){ .images = toy->images, .targets = toy->targets,
                           .n = BATCH, .c = 1, .h = SIDE, .w = SIDE };
}

static gpointer
create (GType kind, const char *name)
{
  g_autoptr (GError) error = NULL;
  gpointer object = seg_registry_create (seg_registry_get_default (), name, kind, &error, NULL);

  g_assert_no_error (error);
  return object;
}

typedef struct
{
  SegModel *model;
  SegPool *pool;
  SegTrainerOptions options;
  SegTrainer *trainer;
} Run;

static SegModel *
new_model (const char *text)
{
  g_autoptr (GError) error = NULL;
  SegModel *model = seg_model_new_from_recipe (text, 3, &error);

  g_assert_no_error (error);
  return model;
}

/* Not yet with a trainer, so that options can be changed. */
static Run
run_new (const char *optimizer, guint n_threads)
{
  Run run = { .model = new_model (recipe), .pool = seg_pool_new (n_threads) };

  run.options = (SegTrainerOptions){ .loss = create (SEG_TYPE_LOSS, "dice-ce"),
                                     .optimizer = create (SEG_TYPE_OPTIMIZER, optimizer),
                                     .schedule = create (SEG_TYPE_RATE_SCHEDULE, "cosine"),
                                     .rate = .01,
                                     .weight_decay = 1e-4,
                                     .n_steps = 40 };
  return run;
}

static void
run_start (Run *run)
{
  g_autoptr (GError) error = NULL;

  run->trainer
      = seg_trainer_new (run->model, &run->options, run->pool, BATCH, SIDE, SIDE, &error);
  g_assert_no_error (error);
}

static void
run_clear (Run *run)
{
  g_clear_object (&run->trainer);
  g_object_unref (run->model);
  g_object_unref (run->options.loss);
  g_object_unref (run->options.optimizer);
  g_object_unref (run->options.schedule);
  seg_pool_free (run->pool);
}

static SegTrainerStep
run_step (Run *run)
{
  guint n = MAX (run->options.accumulate, 1);
  g_autofree Toy *toys = g_new (Toy, n);
  g_autofree SegBatch *batches = g_new (SegBatch, n);
  g_autoptr (GError) error = NULL;
  SegTrainerStep result;

  for (guint i = 0; i < n; i++)
    {
      toy_fill (&toys[i], seg_trainer_get_step (run->trainer) * n + i);
      batches[i] = toys[i].batch;
    }
  seg_trainer_step (run->trainer, batches, &result, &error);
  g_assert_no_error (error);
  return result;
}

static void
run_steps (Run *run, guint n)
{
  for (guint i = 0; i < n; i++)
    run_step (run);
}

/* All of the model's values, one parameter after the other. */
static GByteArray *
get_bytes (SegModel *model)
{
  SegParameters *parameters = seg_model_get_parameters (model);
  GByteArray *bytes = g_byte_array_new ();

  for (guint i = 0; i < seg_parameters_get_n (parameters); i++)
    {
      SegTensor *tensor = seg_parameters_get_tensor (parameters, i, NULL);

      g_byte_array_append (bytes, tensor->data, (guint) seg_tensor_get_n_bytes (tensor));
    }
  return bytes;
}

static void
assert_same (SegModel *a, SegModel *b)
{
  g_autoptr (GByteArray) x = get_bytes (a), y = get_bytes (b);

  g_assert_cmpmem (x->data, x->len, y->data, y->len);
}

static const float *
get_values (SegModel *model, const char *name)
{
  SegParameters *parameters = seg_model_get_parameters (model);
  gint i = seg_parameters_find (parameters, name);
  SegTensor *tensor;

  g_assert_cmpint (i, >=, 0);
  tensor = seg_parameters_get_tensor (parameters, (guint) i, NULL);
  return tensor->data;
}

/* ---- learning ---------------------------------------------------------------------------- */

static void
test_learns (void)
{
  static const struct
  {
    const char *name;
    double rate;
  } optimizers[] = { { "sgd", .1 }, { "adam", .01 }, { "adamw", .01 }, { "rmsprop", .005 } };

  for (guint i = 0; i < G_N_ELEMENTS (optimizers); i++)
    {
      Run run = run_new (optimizers[i].name, 2);
      SegTrainerStep first, last = { 0 };

      run.options.rate = optimizers[i].rate;
      run_start (&run);
      first = run_step (&run);
      while (seg_trainer_get_step (run.trainer) < 40)
        last = run_step (&run);
      g_test_message ("%s: %g, %g", optimizers[i].name, first.loss, last.loss);
      g_assert_cmpfloat (first.loss, >, .8);
      g_assert_cmpfloat (last.loss, <, .5 * first.loss);
      g_assert_cmpfloat (first.rate, ==, optimizers[i].rate);
      g_assert_cmpfloat (last.rate, <, .01 * first.rate);
      run_clear (&run);
    }
}

static void
test_threads (void)
{
  Run one = run_new ("adam", 1);

  one.options.clip_norm = .1;
  run_start (&one);
  run_steps (&one, 4);
  for (guint n_threads = 2; n_threads <= 5; n_threads++)
    {
      Run run = run_new ("adam", n_threads);

      run.options.clip_norm = .1;
      run_start (&run);
      run_steps (&run, 4);
      assert_same (one.model, run.model);
      run_clear (&run);
    }
  run_clear (&one);
}

/* Gradients of accumulated batches are the mean of theirs; without batch norm, that of one batch. */
static void
test_accumulate (void)
{
  g_autofree Toy *toy = g_new (Toy, 1);
  SegBatch twice[2];
  SegTrainerStep once_result, twice_result;
  g_autoptr (GError) error = NULL;
  Run once = run_new ("sgd", 1), twofold = run_new ("sgd", 1);
  const float *a, *b;

  toy_fill (toy, 1);
  twice[0] = twice[1] = toy->batch;
  twofold.options.accumulate = 2;
  run_start (&once);
  run_start (&twofold);
  seg_trainer_step (once.trainer, &toy->batch, &once_result, &error);
  g_assert_no_error (error);
  seg_trainer_step (twofold.trainer, twice, &twice_result, &error);
  g_assert_no_error (error);
  g_assert_cmpfloat_with_epsilon (once_result.loss, twice_result.loss, 1e-12);
  a = get_values (once.model, "segmentation_head.0.weight");
  b = get_values (twofold.model, "segmentation_head.0.weight");
  for (guint i = 0; i < 2 * 4; i++)
    g_assert_cmpfloat_with_epsilon (a[i], b[i], 1e-6f);
  /* each batch moves running statistics */
  a = get_values (twofold.model, "encoder.blocks.0.conv1.1.num_batches_tracked");
  g_assert_cmpint (*(const gint64 *) (gconstpointer) a, ==, 2);
  run_clear (&once);
  run_clear (&twofold);
}

/* A step of plain descent is rate times gradient: no longer than the clipped norm. */
static void
test_clip (void)
{
  Run run = run_new ("sgd", 1);
  g_autoptr (GByteArray) before = NULL, after = NULL;
  SegParameters *parameters = seg_model_get_parameters (run.model);
  SegTrainerStep result;
  double square = 0;
  gsize at = 0;

  run.options.rate = 1.;
  run.options.weight_decay = 0.;
  run.options.clip_norm = .01;
  run_start (&run);
  before = get_bytes (run.model);
  result = run_step (&run);
  after = get_bytes (run.model);
  g_assert_cmpfloat (result.gradient_norm, >, .1);
  for (guint i = 0; i < seg_parameters_get_n (parameters); i++)
    {
      SegTensor *tensor = seg_parameters_get_tensor (parameters, i, NULL);
      SegRole role = seg_parameters_get_role (parameters, i);

      for (gsize j = 0; j < seg_tensor_get_n_elements (tensor); j++)
        if (role != SEG_ROLE_STATE && role != SEG_ROLE_COUNTER)
          {
            const float *old = (const float *) (gpointer) (before->data + at);
            const float *new = (const float *) (gpointer) (after->data + at);

            square += ((double) new[j] - (double) old[j]) * ((double) new[j] - (double) old[j]);
          }
      at += seg_tensor_get_n_bytes (tensor);
    }
  g_assert_cmpfloat_with_epsilon (sqrt (square), .01, 1e-4);
  run_clear (&run);
}

static gboolean
have_same (SegModel *a, SegModel *b, const char *name, guint n)
{
  return memcmp (get_values (a, name), get_values (b, name), n * sizeof (float)) == 0;
}

/* As with requires_grad_(False), running statistics go on. */
static void
test_frozen (void)
{
  Run run = run_new ("adam", 2);
  g_autoptr (SegModel) fresh = new_model (recipe);

  run.options.frozen = " encoder. ,";
  run_start (&run);
  run_steps (&run, 2);
  g_assert_true (have_same (run.model, fresh, "encoder.blocks.1.conv1.0.weight", 8 * 4 * 9));
  g_assert_true (have_same (run.model, fresh, "encoder.blocks.1.conv1.1.weight", 8));
  g_assert_false (have_same (run.model, fresh, "encoder.blocks.1.conv1.1.running_mean", 8));
  g_assert_false (have_same (run.model, fresh, "segmentation_head.0.weight", 8));
  run_clear (&run);
}

static void
test_frozen_norms (void)
{
  Run run = run_new ("adam", 2);
  g_autoptr (SegModel) fresh = new_model (recipe);

  run.options.freeze_norms = TRUE;
  run_start (&run);
  run_steps (&run, 2);
  g_assert_true (have_same (run.model, fresh, "encoder.blocks.1.conv1.1.running_mean", 8));
  g_assert_true (have_same (run.model, fresh, "encoder.blocks.1.conv1.1.running_var", 8));
  g_assert_true (have_same (run.model, fresh, "encoder.blocks.1.conv1.1.weight", 8));
  g_assert_true (have_same (run.model, fresh, "encoder.blocks.1.conv1.1.bias", 8));
  g_assert_false (have_same (run.model, fresh, "encoder.blocks.1.conv1.0.weight", 8 * 4 * 9));
  run_clear (&run);
}

static void
test_averages (void)
{
  Run run = run_new ("adam", 2), plain = run_new ("adam", 2);
  g_autoptr (GByteArray) live = NULL, averaged = NULL, again = NULL;
  g_autoptr (GError) error = NULL, refused = NULL;

  run.options.ema_decay = .9;
  run_start (&run);
  run_start (&plain);
  run_steps (&run, 5);
  run_steps (&plain, 5);
  assert_same (run.model, plain.model);
  live = get_bytes (run.model);
  g_assert_true (seg_trainer_use_averaged (run.trainer, TRUE, &error));
  g_assert_true (seg_trainer_use_averaged (run.trainer, TRUE, &error));
  averaged = get_bytes (run.model);
  g_assert_true (seg_trainer_use_averaged (run.trainer, FALSE, &error));
  again = get_bytes (run.model);
  g_assert_cmpmem (live->data, live->len, again->data, again->len);
  g_assert_true (memcmp (live->data, averaged->data, live->len) != 0);
  run_step (&run);
  g_assert_false (seg_trainer_use_averaged (plain.trainer, TRUE, &refused));
  g_assert_error (refused, SEG_ERROR, SEG_ERROR_PARAM);
  run_clear (&run);
  run_clear (&plain);
}

/* ---- statistics -------------------------------------------------------------------------- */

static gboolean
next_toy (guint i, SegBatch *batch, gpointer user_data, GError **error)
{
  Toy *toy = user_data;

  if (i == 5)
    {
      g_set_error_literal (error, SEG_ERROR, SEG_ERROR_FORMAT, "there is no sixth");
      return FALSE;
    }
  toy_fill (toy, 100 + i);
  *batch = toy->batch;
  return TRUE;
}

/* The first norm sees what does not depend on norms: its mean is that of the means. */
static void
test_statistics (void)
{
  Run run = run_new ("adam", 1), other = run_new ("adam", 3);
  g_autofree Toy *toy = g_new (Toy, 1);
  const float *mean, *counter;
  float single[3];
  g_autoptr (GByteArray) before = NULL, after = NULL;
  g_autoptr (GError) error = NULL;

  run_start (&run);
  run_start (&other);
  run_steps (&run, 2);
  run_steps (&other, 2);
  mean = get_values (run.model, "encoder.blocks.0.conv1.1.running_mean");
  counter = get_values (run.model, "encoder.blocks.0.conv1.1.num_batches_tracked");
  seg_trainer_recompute_statistics (run.trainer, next_toy, 3, toy, &error);
  g_assert_no_error (error);
  g_assert_cmpint (*(const gint64 *) (gconstpointer) counter, ==, 3);
  seg_trainer_recompute_statistics (other.trainer, next_toy, 3, toy, &error);
  g_assert_no_error (error);
  assert_same (run.model, other.model);

  for (guint i = 0; i < 3; i++)
    {
      SegTrainerStep result;
      Run fresh = run_new ("sgd", 1);

      /* a fresh run's statistics after one batch are a tenth of the batch's */
      toy_fill (toy, 100 + i);
      run_start (&fresh);
      memcpy ((float *) get_values (fresh.model, "encoder.blocks.0.conv1.0.weight"),
              get_values (run.model, "encoder.blocks.0.conv1.0.weight"),
              4 * 9 * sizeof (float));
      seg_trainer_step (fresh.trainer, &toy->batch, &result, &error);
      g_assert_no_error (error);
      single[i] = get_values (fresh.model, "encoder.blocks.0.conv1.1.running_mean")[0] / .1f;
      run_clear (&fresh);
    }
  g_assert_cmpfloat_with_epsilon (mean[0], (single[0] + single[1] + single[2]) / 3.f, 1e-5f);

  before = get_bytes (run.model);
  g_assert_false (seg_trainer_recompute_statistics (run.trainer, next_toy, 6, toy, &error));
  g_assert_error (error, SEG_ERROR, SEG_ERROR_FORMAT);
  after = get_bytes (run.model);
  g_assert_cmpmem (before->data, before->len, after->data, after->len);
  run_clear (&run);
  run_clear (&other);
}

/* ---- what goes wrong --------------------------------------------------------------------- */

static void
test_diverged (void)
{
  Run run = run_new ("adam", 2), other = run_new ("adam", 2);
  g_autofree Toy *toy = g_new (Toy, 1);
  g_autoptr (GError) error = NULL, shape = NULL, class = NULL;
  SegTrainerStep result;

  run.options.ema_decay = other.options.ema_decay = .9;
  run_start (&run);
  run_start (&other);
  run_steps (&run, 2);
  run_steps (&other, 2);
  toy_fill (toy, 9);
  toy->images[SIDE + 5] = NAN;
  g_assert_false (seg_trainer_step (run.trainer, &toy->batch, &result, &error));
  g_assert_error (error, SEG_ERROR, SEG_ERROR_DIVERGED);
  g_assert_cmpstr (error->message, ==, "step 3: the loss is NaN");
  assert_same (run.model, other.model);

  toy_fill (toy, 9);
  toy->targets[3 * SIDE + 5] = 2;
  g_assert_false (seg_trainer_step (run.trainer, &toy->batch, &result, &class));
  g_assert_error (class, SEG_ERROR, SEG_ERROR_PARAM);
  g_assert_cmpstr (class->message, ==,
                   "sample 0, row 3, column 5 of a batch has class 2, but there are 2");
  toy->batch.n = 1;
  g_assert_false (seg_trainer_step (run.trainer, &toy->batch, &result, &shape));
  g_assert_error (shape, SEG_ERROR, SEG_ERROR_SHAPE);

  /* and the next steps are as if nothing had been */
  run_steps (&run, 2);
  run_steps (&other, 2);
  assert_same (run.model, other.model);
  run_clear (&run);
  run_clear (&other);
}

static void
assert_refused (Run *run, gint64 side, const char *message)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (
      seg_trainer_new (run->model, &run->options, run->pool, BATCH, side, side, &error));
  g_assert_nonnull (error);
  g_test_message ("%s", error->message);
  g_assert_nonnull (strstr (error->message, message));
}

static void
test_bad_options (void)
{
  Run run = run_new ("adam", 1);

  run.options.rate = NAN;
  assert_refused (&run, SIDE, "the learning rate cannot be nan");
  run.options.rate = 1.;
  run.options.ema_decay = 1.5;
  assert_refused (&run, SIDE, "the decay of averages cannot be 1.5 (0 to 1)");
  run.options.ema_decay = 0.;
  run.options.frozen = "encodr.";
  assert_refused (&run, SIDE, "frozen: no parameter's name begins with \"encodr.\"");
  run.options.frozen = "encoder.,decoder.,segmentation_head.";
  assert_refused (&run, SIDE, "no parameter is left to be trained");
  run.options.frozen = NULL;
  run.options.auxiliary_heads = 2;
  assert_refused (&run, SIDE, "deep supervision: auxiliary-heads is 2, but unet-decoder has 1 ");
  run.options.auxiliary_heads = 99;
  assert_refused (&run, SIDE, "\"auxiliary-heads\" cannot be 99 (0 to 15)");
  run_clear (&run);
}

static void
test_estimate (void)
{
  Run run = run_new ("adam", 2);
  gsize before = seg_memory_get_used (), estimate;
  g_autoptr (GError) error = NULL;

  estimate = seg_trainer_estimate_bytes (run.model, &run.options, BATCH, SIDE, SIDE, 2, &error);
  g_assert_no_error (error);
  run_start (&run);
  run_steps (&run, 2);
  g_test_message ("estimate %" G_GSIZE_FORMAT ", peak %" G_GSIZE_FORMAT, estimate,
                  seg_memory_get_peak () - before);
  g_assert_cmpuint (estimate, >, .8 * (double) (seg_memory_get_used () - before));
  g_assert_cmpuint (estimate, <, 1.5 * (double) (seg_memory_get_used () - before));
  run_clear (&run);
}

/* ---- checkpoints ------------------------------------------------------------------------- */

static void
run_save (Run *run, const char *path)
{
  static const char *const keys[] = { "epoch", "note", NULL }, *const values[] = { "3", "a\nb" };
  g_autoptr (GError) error = NULL;

  seg_trainer_save (run->trainer, path, keys, values, &error);
  g_assert_no_error (error);
}

/* Ten steps, and five in one process and five in another, with other numbers of threads. */
static void
test_resume (void)
{
  static const char *const optimizers[] = { "sgd", "adam", "rmsprop" };
  g_autoptr (TestingFolder) folder = testing_folder_new ();
  g_autofree char *path = g_build_filename (folder, "a.safetensors", NULL);
  g_autofree char *end_a = g_build_filename (folder, "b.safetensors", NULL);
  g_autofree char *end_b = g_build_filename (folder, "c.safetensors", NULL);

  for (guint i = 0; i < G_N_ELEMENTS (optimizers); i++)
    {
      Run whole = run_new (optimizers[i], 1), first = run_new (optimizers[i], 2),
          second = run_new (optimizers[i], 3);
      Run *runs[] = { &whole, &first, &second };
      g_autoptr (GHashTable) metadata = NULL;
      g_autoptr (GError) error = NULL;
      g_autofree char *a = NULL, *b = NULL;
      gsize n_a, n_b;

      for (guint r = 0; r < 3; r++)
        {
          g_clear_object (&runs[r]->options.schedule);
          runs[r]->options.schedule = create (SEG_TYPE_RATE_SCHEDULE, "plateau");
          runs[r]->options.ema_decay = .95;
          runs[r]->options.accumulate = 2;
          run_start (runs[r]);
        }
      for (guint s = 0; s < 14; s++)
        seg_trainer_observe (whole.trainer, 1.), seg_trainer_observe (first.trainer, 1.);
      run_steps (&whole, 10);
      run_steps (&first, 5);
      run_save (&first, path);
      seg_trainer_load (second.trainer, path, &metadata, &error);
      g_assert_no_error (error);
      g_assert_cmpint (g_hash_table_size (metadata), ==, 2);
      g_assert_cmpstr (g_hash_table_lookup (metadata, "note"), ==, "a\nb");
      g_assert_cmpuint (seg_trainer_get_step (second.trainer), ==, 5);
      run_steps (&second, 4);
      g_assert_cmpfloat_with_epsilon (run_step (&second).rate, .001, 1e-9);
      assert_same (whole.model, second.model);

      /* slots, averages and all */
      run_save (&whole, end_a);
      run_save (&second, end_b);
      g_assert_true (g_file_get_contents (end_a, &a, &n_a, NULL));
      g_assert_true (g_file_get_contents (end_b, &b, &n_b, NULL));
      g_assert_cmpmem (a, n_a, b, n_b);
      for (guint r = 0; r < 3; r++)
        run_clear (runs[r]);
    }
}

/* With auxiliary heads: the model has none of them, and what is true without them still is. */
static void
test_heads (void)
{
  g_autoptr (TestingFolder) folder = testing_folder_new ();
  g_autofree char *path = g_build_filename (folder, "a.safetensors", NULL);
  Run whole = run_new ("adam", 1), first = run_new ("adam", 2), second = run_new ("adam", 3);
  Run *runs[] = { &whole, &first, &second };
  g_autoptr (SegModel) fresh = new_model (recipe);
  g_autofree Toy *toy = g_new (Toy, 1);
  g_autoptr (SegSafetensors) file = NULL;
  g_autoptr (GError) error = NULL;

  for (guint r = 0; r < 3; r++)
    {
      runs[r]->options.auxiliary_heads = 1;
      runs[r]->options.ema_decay = .9;
      run_start (runs[r]);
    }
  assert_same (whole.model, fresh);
  run_steps (&whole, 6);
  run_steps (&first, 3);
  run_save (&first, path);
  seg_trainer_load (second.trainer, path, NULL, &error);
  g_assert_no_error (error);
  run_steps (&second, 3);
  assert_same (whole.model, second.model);
  g_assert_false (have_same (whole.model, fresh, "segmentation_head.0.weight", 8));

  file = seg_safetensors_open (path, &error);
  g_assert_nonnull (seg_safetensors_lookup (file, "auxiliary_heads.0.conv.weight"));
  g_assert_nonnull (seg_safetensors_lookup (file, "ema.auxiliary_heads.0.conv.weight"));
  g_assert_cmpint (
      seg_parameters_find (seg_model_get_parameters (whole.model), "auxiliary_heads.0.conv.weight"),
      <, 0);

  for (guint r = 0; r < 3; r += 2)
    {
      seg_trainer_use_averaged (runs[r]->trainer, TRUE, &error);
      seg_trainer_recompute_statistics (runs[r]->trainer, next_toy, 2, toy, &error);
      g_assert_no_error (error);
    }
  assert_same (whole.model, second.model);
  for (guint r = 0; r < 3; r++)
    run_clear (runs[r]);
}

/* Every 97th bit of the file, changed: none goes unnoticed, and none changes the trainer. */
static void
test_damaged (void)
{
  g_autoptr (TestingFolder) folder = testing_folder_new ();
  g_autofree char *path = g_build_filename (folder, "a.safetensors", NULL), *bytes = NULL;
  Run run = run_new ("sgd", 2), other = run_new ("sgd", 2);
  gsize n_bytes;

  run_start (&run);
  run_start (&other);
  run_steps (&run, 1);
  run_steps (&other, 1);
  run_save (&run, path);
  g_assert_true (g_file_get_contents (path, &bytes, &n_bytes, NULL));
  for (gsize bit = 3; bit < 8 * n_bytes; bit += 97 + bit / 50)
    {
      g_autoptr (GError) error = NULL;

      bytes[bit / 8] ^= (char) (1 << bit % 8);
      g_assert_true (g_file_set_contents (path, bytes, (gssize) n_bytes, NULL));
      bytes[bit / 8] ^= (char) (1 << bit % 8);
      if (seg_trainer_load (run.trainer, path, NULL, &error))
        g_test_message ("bit %d of byte %d", (int) (bit % 8), (int) (bit / 8));
      g_assert_nonnull (error);
      g_assert_true (g_str_has_prefix (error->message, path));
    }
  assert_same (run.model, other.model);
  run_clear (&run);
  run_clear (&other);
}

/* A rate that throws weights out of all numbers: the good checkpoint stays. */
static void
test_no_bad_checkpoint (void)
{
  g_autoptr (TestingFolder) folder = testing_folder_new ();
  g_autofree char *path = g_build_filename (folder, "a.safetensors", NULL);
  g_autofree char *before = NULL, *after = NULL;
  Run run = run_new ("sgd", 2);
  g_autoptr (GError) error = NULL;
  gsize n_before, n_after;

  run.options.rate = 1e38;
  run_start (&run);
  run_save (&run, path);
  g_assert_true (g_file_get_contents (path, &before, &n_before, NULL));
  run_step (&run);
  ((float *) get_values (run.model, "encoder.blocks.1.conv1.0.weight"))[7] *= 1e38f;
  g_assert_false (seg_trainer_save (run.trainer, path, NULL, NULL, &error));
  g_assert_error (error, SEG_ERROR, SEG_ERROR_NUMERIC);
  g_assert_true (g_str_has_prefix (error->message, path));
  g_test_message ("%s", error->message);
  g_assert_true (g_file_get_contents (path, &after, &n_after, NULL));
  g_assert_cmpmem (before, n_before, after, n_after);
  run_clear (&run);
}

static void
test_other_checkpoint (void)
{
  g_autoptr (TestingFolder) folder = testing_folder_new ();
  g_autofree char *path = g_build_filename (folder, "a.safetensors", NULL);
  Run adam = run_new ("adam", 1), sgd = run_new ("sgd", 1);
  g_autoptr (GError) error = NULL, model = NULL;

  run_start (&adam);
  run_start (&sgd);
  run_save (&adam, path);
  g_assert_false (seg_trainer_load (sgd.trainer, path, NULL, &error));
  g_assert_error (error, SEG_ERROR, SEG_ERROR_FORMAT);
  g_test_message ("%s", error->message);
  g_assert_nonnull (strstr (error->message, "is not of this training: "
                                            "\"optimizer.momentum_buffer.encoder.blocks.0"));
  g_assert_true (seg_model_save (sgd.model, path, NULL));
  g_assert_false (seg_trainer_load (sgd.trainer, path, NULL, &model));
  g_assert_error (model, SEG_ERROR, SEG_ERROR_FORMAT);
  g_assert_nonnull (strstr (model->message, "is no checkpoint of a training"));
  run_clear (&adam);
  run_clear (&sgd);
}

/* To other classes: all but the head is taken over, and a file of something else is refused. */
static void
test_other_classes (void)
{
  g_autoptr (TestingFolder) folder = testing_folder_new ();
  g_autofree char *path = g_build_filename (folder, "a.safetensors", NULL);
  g_auto (GStrv) parts = g_strsplit (recipe, "names=a;b", 2);
  g_autofree char *text = g_strjoinv ("names=a;b;c", parts);
  g_auto (GStrv) halves = g_strsplit (text, "classes=2", 2), left = NULL;
  g_autofree char *three = g_strjoinv ("classes=3", halves);
  g_autoptr (SegModel) model = new_model (recipe), other = new_model (three);
  g_autoptr (SegSafetensors) strange = seg_safetensors_new ();
  g_autoptr (SegTensor) tensor = seg_tensor_new (SEG_DTYPE_F32, 0, NULL, NULL);
  g_autoptr (GError) error = NULL, refused = NULL;
  float *values = (float *) get_values (model, "encoder.blocks.0.conv1.0.weight");

  values[0] = 42.f;
  g_assert_true (seg_model_save (model, path, NULL));
  seg_model_load_matching (other, path, &left, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (g_strv_length (left), ==, 2);
  g_assert_cmpstr (left[0], ==, "segmentation_head.0.weight");
  g_assert_cmpstr (left[1], ==, "segmentation_head.0.bias");
  g_assert_true (have_same (model, other, "encoder.blocks.0.conv1.0.weight", 4 * 9));

  seg_safetensors_add (strange, "x", tensor);
  g_assert_true (seg_safetensors_write (strange, path, NULL));
  g_clear_pointer (&left, g_strfreev);
  g_assert_false (seg_model_load_matching (other, path, &left, &refused));
  g_assert_error (refused, SEG_ERROR, SEG_ERROR_FORMAT);
  g_assert_true (g_str_has_prefix (refused->message, path));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  seg_registry_load_default (seg_registry_get_default (), NULL);
  g_test_add_func ("/trainer/estimate", test_estimate);
  g_test_add_func ("/trainer/learns", test_learns);
  g_test_add_func ("/trainer/threads", test_threads);
  g_test_add_func ("/trainer/accumulate", test_accumulate);
  g_test_add_func ("/trainer/clip", test_clip);
  g_test_add_func ("/trainer/frozen", test_frozen);
  g_test_add_func ("/trainer/frozen-norms", test_frozen_norms);
  g_test_add_func ("/trainer/averages", test_averages);
  g_test_add_func ("/trainer/statistics", test_statistics);
  g_test_add_func ("/trainer/diverged", test_diverged);
  g_test_add_func ("/trainer/bad-options", test_bad_options);
  g_test_add_func ("/trainer/resume", test_resume);
  g_test_add_func ("/trainer/heads", test_heads);
  g_test_add_func ("/trainer/damaged", test_damaged);
  g_test_add_func ("/trainer/no-bad-checkpoint", test_no_bad_checkpoint);
  g_test_add_func ("/trainer/other-checkpoint", test_other_checkpoint);
  g_test_add_func ("/trainer/other-classes", test_other_classes);
  return g_test_run ();
}
