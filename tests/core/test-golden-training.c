/* Training against PyTorch where there is no PyTorch: tests/oracle/make-golden-training.py has kept
 * what it computes. */
#include "network.h"

#include <stdio.h>
#include <unistd.h>

#define N_THREADS 2

/* Of the gradient's norm, or the number itself. */
#define TOLERANCE 1e-4

static SegSafetensors *
golden_read (const char *name)
{
  g_autofree char *path
      = g_test_build_filename (G_TEST_DIST, "tests", "oracle", "golden", name, NULL);
  g_autoptr (GError) error = NULL;
  SegSafetensors *file = seg_safetensors_read (path, &error);

  g_assert_no_error (error);
  return file;
}

G_GNUC_PRINTF (2, 3)
static const SegTensor *
golden_get (SegSafetensors *file, const char *format, ...)
{
  g_autofree char *name = NULL;
  const SegTensor *tensor;
  va_list args;

  va_start (args, format);
  name = g_strdup_vprintf (format, args);
  va_end (args);
  tensor = seg_safetensors_lookup (file, name);
  g_assert_nonnull (tensor);
  return tensor;
}

static guint16 *
to_targets (const SegTensor *tensor)
{
  gsize n = seg_tensor_get_n_elements (tensor);
  guint16 *targets = g_new (guint16, n);

  for (gsize i = 0; i < n; i++)
    {
      gint64 target = ((const gint64 *) tensor->data)[i];

      targets[i] = target < 0 ? SEG_TARGET_IGNORE : (guint16) target;
    }
  return targets;
}

/* ---- losses ------------------------------------------------------------------------------ */

#define MAX_ROWS 128

typedef struct
{
  SegChannelBlock blocks[8];
  float *rows[MAX_ROWS];
  SegView view;
} Planes;

static void
planes_init (Planes *self, const SegTensor *like, float *values)
{
  const gint64 *d = like->dims;

  g_assert_cmpint (d[1] * d[0] * d[2], <=, MAX_ROWS);
  for (gint64 c = 0; c < d[1]; c++)
    {
      float **rows = self->rows + c * d[0] * d[2];

      for (gint64 row = 0; row < d[0] * d[2]; row++)
        rows[row] = values + ((row / d[2] * d[1] + c) * d[2] + row % d[2]) * d[3];
      self->blocks[c] = (SegChannelBlock){ rows, (gint32) c, 1, 1 };
    }
  self->view = (SegView){ { d[0], d[1], d[2], d[3] }, { 0, 0, d[3], d[2] }, self->blocks,
                          (guint) d[1] };
}

static void
check_loss (SegSafetensors *file, const char *group, guint planes, guint number)
{
  g_autofree char *text = g_strconcat ("[segkit]\nformat=1\n[train.loss]\n", group, NULL);
  g_autoptr (GError) error = NULL;
  g_autoptr (GKeyFile) recipe = seg_recipe_parse (text, strlen (text), &error);
  g_autoptr (SegLoss) loss = NULL;
  g_autoptr (SegPool) pool = seg_pool_new (N_THREADS);
  const SegTensor *logits = golden_get (file, "%u.logits", planes);
  const SegTensor *expected = golden_get (file, "%u.gradient.%u", planes, number);
  gsize n = seg_tensor_get_n_elements (logits);
  g_autofree guint16 *targets = to_targets (golden_get (file, "%u.targets", planes));
  g_autofree float *gradient = g_new0 (float, n);
  double value, wanted = *(float *) golden_get (file, "%u.loss.%u", planes, number)->data;
  double largest = 0., worst = 0.;
  Planes in, out;
  SegLossBatch batch;

  g_assert_no_error (error);
  loss = seg_recipe_build_object (recipe, "train.loss", SEG_TYPE_LOSS, &error);
  g_assert_no_error (error);
  planes_init (&in, logits, logits->data);
  planes_init (&out, logits, gradient);
  batch = (SegLossBatch){ .pool = pool, .logits = &in.view, .targets = targets,
                          .weights = golden_get (file, "%u.weights", planes)->data,
                          .class_weight = golden_get (file, "%u.class_weight", planes)->data,
                          .gradient = &out.view };
  seg_loss_compute (loss, &batch, 1., &value, &error);
  g_assert_no_error (error);
  for (gsize i = 0; i < n; i++)
    {
      double g = (double) ((const float *) expected->data)[i];

      largest = MAX (largest, fabs (g));
      worst = MAX (worst, fabs ((double) gradient[i] - g));
    }
  g_test_message ("%s, %u planes: loss %g instead of %g, gradient %.1g of its largest", group,
                  planes, value, wanted, worst / largest);
  g_assert_cmpfloat (fabs (value - wanted), <=, 1e-6 * wanted);
  g_assert_cmpfloat (worst, <=, 1e-5 * largest);
}

static void
test_losses (void)
{
  static const guint planes[] = { 1, 2, 5 };
  g_autoptr (SegSafetensors) file = golden_read ("losses.safetensors");

  for (guint i = 0; i < 100; i++)
    {
      g_autofree char *key = g_strdup_printf ("loss.%u", i);
      const char *group = seg_safetensors_get_metadata (file, key);

      if (group == NULL)
        {
          g_assert_cmpuint (i, >, 8);
          return;
        }
      for (guint p = 0; p < G_N_ELEMENTS (planes); p++)
        check_loss (file, group, planes[p], i);
    }
}

/* ---- a network --------------------------------------------------------------------------- */

#define SIDE 48
#define BATCH 2
#define N_PIXELS (BATCH * SIDE * SIDE)

typedef struct
{
  float images[3 * N_PIXELS], uniform[N_PIXELS];
  guint16 targets[N_PIXELS];
} Data;

/* As fill.py fills them. */
static void
data_fill (Data *data)
{
  seg_random_uniform (NETWORK_SEED, seg_random_name_hash ("input"), 0, 3 * N_PIXELS,
                      data->images);
  for (guint i = 0; i < 3 * N_PIXELS; i++)
    data->images[i] = 2.f * data->images[i] - 1.f;
  seg_random_uniform (NETWORK_SEED, seg_random_name_hash ("targets"), 0, N_PIXELS,
                      data->uniform);
  for (guint i = 0; i < N_PIXELS; i++)
    data->targets[i] = data->uniform[i] < .3f;
}

static gpointer
create (GType kind, const char *name, const char *property, double value)
{
  g_autoptr (GError) error = NULL;
  gpointer object = seg_registry_create (seg_registry_get_default (), name, kind, &error,
                                         property, value, NULL);

  g_assert_no_error (error);
  return object;
}

/* With a rate of 0 weights stay, and momentum's slot holds the gradient. */
static SegSafetensors *
run_step (SegModel *model, Data *data, double *loss)
{
  g_autoptr (SegLoss) dice_ce = create (SEG_TYPE_LOSS, "dice-ce", NULL, 0.);
  g_autoptr (SegOptimizer) sgd = create (SEG_TYPE_OPTIMIZER, "sgd", "momentum", .5);
  SegTrainerOptions options = { .loss = dice_ce, .optimizer = sgd, .n_steps = 1 };
  SegBatch batch = { .images = data->images, .targets = data->targets, .n = BATCH, .c = 3,
                     .h = SIDE, .w = SIDE };
  g_autoptr (SegPool) pool = seg_pool_new (N_THREADS);
  g_autoptr (SegTrainer) trainer = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *folder = g_dir_make_tmp ("segkit-test-XXXXXX", &error);
  g_autofree char *path = g_build_filename (folder, "a.safetensors", NULL);
  SegSafetensors *file;
  SegTrainerStep step;

  trainer = seg_trainer_new (model, &options, pool, BATCH, SIDE, SIDE, &error);
  g_assert_no_error (error);
  seg_trainer_step (trainer, &batch, &step, &error);
  g_assert_no_error (error);
  seg_trainer_save (trainer, path, NULL, NULL, &error);
  g_assert_no_error (error);
  file = seg_safetensors_read (path, &error);
  g_assert_no_error (error);
  g_assert_cmpint (remove (path), ==, 0);
  g_assert_cmpint (rmdir (folder), ==, 0);
  *loss = step.loss;
  return file;
}

/* Norm, and share in a direction drawn by the name. */
static double
compare_gradient (SegSafetensors *file, const char *name, const float *expected)
{
  g_autofree char *full = g_strconcat ("optimizer.momentum_buffer.", name, NULL);
  const SegTensor *tensor = golden_get (file, "%s", full);
  gsize n = seg_tensor_get_n_elements (tensor);
  g_autofree float *direction = g_new (float, n);
  double square = 0., share = 0.;

  seg_random_uniform (NETWORK_SEED, seg_random_name_hash (name), 0, n, direction);
  for (gsize i = 0; i < n; i++)
    {
      double g = (double) ((const float *) tensor->data)[i];

      square += g * g;
      share += g * (2. * (double) direction[i] - 1.);
    }
  return MAX (fabs (sqrt (square) - (double) expected[0]), fabs (share - (double) expected[1]))
         / MAX ((double) expected[0], 1e-9);
}

static void
test_step (void)
{
  g_autoptr (SegSafetensors) golden = golden_read ("training.safetensors"), file = NULL;
  g_autoptr (SegModel) model = network_new ("classic", 4);
  g_autofree Data *data = g_new (Data, 1);
  g_auto (GStrv) names = seg_safetensors_list (golden);
  double loss, wanted = *(float *) golden_get (golden, "loss")->data, worst = 0.;
  guint n_gradients = 0;

  data_fill (data);
  network_fill (seg_model_get_parameters (model));
  file = run_step (model, data, &loss);
  g_assert_cmpfloat (fabs (loss - wanted), <=, 1e-5 * wanted);
  for (char **name = names; *name != NULL; name++)
    {
      const SegTensor *expected = golden_get (golden, "%s", *name);
      double error = 0.;

      if (g_str_has_prefix (*name, "gradient."))
        {
          error = compare_gradient (file, strchr (*name, '.') + 1, expected->data);
          n_gradients++;
        }
      else if (g_str_has_prefix (*name, "statistics."))
        {
          const SegTensor *actual = golden_get (file, "%s", strchr (*name, '.') + 1);

          for (gsize i = 0; i < seg_tensor_get_n_elements (expected); i++)
            error = MAX (error, fabs ((double) ((float *) actual->data)[i]
                                      - (double) ((float *) expected->data)[i]));
        }
      if (error > TOLERANCE)
        {
          g_test_message ("%s: %g", *name, error);
          g_test_fail ();
        }
      worst = MAX (worst, error);
    }
  g_test_message ("loss %g, worst error %.1g", loss, worst);
  g_assert_cmpuint (n_gradients, ==, 64);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  seg_registry_load_default (seg_registry_get_default (), NULL);
  g_test_add_func ("/golden-training/losses", test_losses);
  g_test_add_func ("/golden-training/step", test_step);
  return g_test_run ();
}
