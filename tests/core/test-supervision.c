/* Deep supervision, beside a plain computation: the loss and the gradient of logits that lie behind
 * each other, each with its weight. */
#include <math.h>

#include <segkit/recipe.h>
#include <segkit/random.h>
#include <segkit/segkit.h>
#include <segkit/workspace.h>

#define BATCH 2
#define CLASSES 3
#define SIDE 32
#define N_PIXELS (BATCH * SIDE * SIDE)
#define MAX_HEADS 2
#define SEED 3

#define MODEL                                                                                      \
  "[segkit]\nformat=1\n[input]\nchannels=1\n[classes]\nnames=a;b;c\n"                              \
  "[model.encoder]\ntype=unet-encoder\nchannels=4\ndepth=3\n"                                      \
  "[model.decoder]\ntype=unet-decoder\n"                                                           \
  "[model]\ntype=unet\nclasses=3\n"

/* Weights of the model's logits and of those of heads: half of what comes before, and 1 in all. */
static const double weights[][1 + MAX_HEADS] = { { 1. },
                                                 { 2. / 3., 1. / 3. },
                                                 { 4. / 7., 2. / 7., 1. / 7. } };

typedef struct
{
  float images[N_PIXELS];
  guint16 targets[N_PIXELS];
  guint n_heads;
  const SegView *logits;
  double loss, square; /* of the gradient's norm */
} Case;

static void
case_fill (Case *self)
{
  seg_random_normal (5, 0, 0, N_PIXELS, self->images);
  for (guint i = 0; i < N_PIXELS; i++)
    {
      float u;

      seg_random_uniform (5, 1, i, 1, &u);
      self->targets[i] = (guint16) (u * CLASSES);
    }
}

/* ---- plain ------------------------------------------------------------------------------- */

static gboolean
case_read (const SegView *view, gpointer user_data, GError **error)
{
  const float *from = ((Case *) user_data)->images;
  (void) error;

  for (gint64 n = 0; n < BATCH; n++)
    for (gint64 y = 0; y < SIDE; y++, from += SIDE)
      memcpy (seg_view_at (view, 0, n, y, 0), from, SIDE * sizeof *from);
  return TRUE;
}

static gboolean
case_keep (const SegView *view, gpointer user_data, GError **error)
{
  Case *self = user_data;
  (void) error;

  g_assert_cmpint (view->shape.c, ==, CLASSES * (1 + self->n_heads));
  self->logits = g_memdup2 (view, sizeof *view);
  return TRUE;
}

/* Cross-entropy of one pixel of one head, and its gradient. */
static void
case_look (Case *self, const SegView *gradient, guint head, guint pixel)
{
  gint64 n = pixel / (SIDE * SIDE), y = pixel / SIDE % SIDE, x = pixel % SIDE;
  double weight = weights[self->n_heads][head] / N_PIXELS, sum = 0.;
  guint first = head * CLASSES, target = self->targets[pixel];

  for (guint c = 0; c < CLASSES; c++)
    sum += exp ((double) *seg_view_at (self->logits, first + c, n, y, x));
  for (guint c = 0; c < CLASSES; c++)
    {
      double p = exp ((double) *seg_view_at (self->logits, first + c, n, y, x)) / sum;

      *seg_view_at (gradient, first + c, n, y, x) = (float) (weight * (p - (c == target)));
      self->loss -= c == target ? weight * log (p) : 0.;
    }
}

static gboolean
case_give (const SegView *gradient, gpointer user_data, GError **error)
{
  Case *self = user_data;
  (void) error;

  for (guint head = 0; head <= self->n_heads; head++)
    for (guint i = 0; i < N_PIXELS; i++)
      case_look (self, gradient, head, i);
  return TRUE;
}

static SegGraph *
build (guint n_heads)
{
  g_autofree char *text = g_strdup_printf (MODEL "auxiliary-heads=%u\n", n_heads);
  g_autoptr (GError) error = NULL;
  g_autoptr (GKeyFile) keys = seg_recipe_parse (text, strlen (text), &error);
  g_autoptr (SegBlock) block = seg_recipe_build_block (keys, "model", &error);
  SegGraph *graph = seg_graph_new ();
  SegFeatures in = { .n = 1, .strides = { 1 } }, out;

  g_assert_no_error (error);
  in.values[0] = seg_graph_add_input (graph, "input", 1);
  seg_block_build (block, graph, NULL, &in, &out);
  seg_graph_set_output (graph, out.values[0]);
  seg_graph_finish (graph, &error);
  g_assert_no_error (error);
  return graph;
}

/* The gradients' squares, of all that is trained. */
static double
sum_squares (SegWorkspace *workspace, SegParameters *parameters)
{
  double square = 0.;

  for (guint i = 0; i < seg_parameters_get_n (parameters); i++)
    {
      const char *name = seg_parameters_get_name (parameters, i);
      SegRole role = seg_parameters_get_role (parameters, i);
      gsize n = seg_tensor_get_n_elements (seg_parameters_get_tensor (parameters, i, NULL));
      const float *gradient = seg_workspace_get_gradient (workspace, name);

      for (gsize j = 0; role != SEG_ROLE_STATE && role != SEG_ROLE_COUNTER && j < n; j++)
        square += (double) gradient[j] * (double) gradient[j];
    }
  return square;
}

static void
case_run (Case *self)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (SegGraph) graph = build (self->n_heads);
  g_autoptr (SegParameters) parameters = seg_parameters_new (graph);
  g_autoptr (SegPlan) plan = NULL;
  g_autoptr (SegSchedule) schedule = NULL;
  g_autoptr (SegWorkspace) workspace = NULL;
  SegPool *pool = seg_pool_new (1);

  g_assert_true (seg_parameters_initialise (parameters, SEED, NULL));
  plan = seg_plan_new (graph, parameters, SEG_PURPOSE_TRAINING, NULL, NULL, &error);
  g_assert_no_error (error);
  schedule = seg_schedule_new_region (plan, BATCH, SIDE, SIDE, NULL, &error);
  g_assert_no_error (error);
  workspace = seg_workspace_new (schedule, pool, &error);
  g_assert_true (seg_workspace_run (workspace, case_read, case_keep, self, NULL, &error));
  g_assert_true (seg_workspace_run_backward (workspace, case_give, self, &error));
  self->square = sum_squares (workspace, parameters);
  g_free ((SegView *) self->logits);
  g_clear_object (&workspace);
  seg_pool_free (pool);
}

/* ---- the trainer ------------------------------------------------------------------------- */

static gpointer
create (GType kind, const char *name)
{
  g_autoptr (GError) error = NULL;
  gpointer object = seg_registry_create (seg_registry_get_default (), name, kind, &error, NULL);

  g_assert_no_error (error);
  return object;
}

static SegTrainerStep
train (const Case *self)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (SegModel) model = seg_model_new_from_recipe (MODEL, SEED, &error);
  g_autoptr (SegLoss) loss = create (SEG_TYPE_LOSS, "cross-entropy");
  g_autoptr (SegOptimizer) optimizer = create (SEG_TYPE_OPTIMIZER, "sgd");
  SegPool *pool = seg_pool_new (2);
  SegTrainerOptions options = { .loss = loss,
                                .optimizer = optimizer,
                                .auxiliary_heads = self->n_heads,
                                .seed = SEED,
                                .n_steps = 1 };
  SegBatch batch = { self->images, self->targets, NULL, BATCH, 1, SIDE, SIDE, { NULL } };
  g_autoptr (SegTrainer) trainer =
      seg_trainer_new (model, &options, pool, BATCH, SIDE, SIDE, &error);
  SegTrainerStep result;

  g_assert_no_error (error);
  seg_trainer_step (trainer, &batch, &result, &error);
  g_assert_no_error (error);
  g_clear_object (&trainer);
  seg_pool_free (pool);
  return result;
}

static void
test_plain (void)
{
  for (guint n_heads = 0; n_heads <= MAX_HEADS; n_heads++)
    {
      g_autofree Case *self = g_new0 (Case, 1);
      SegTrainerStep step;

      self->n_heads = n_heads;
      case_fill (self);
      case_run (self);
      step = train (self);
      g_test_message ("%u heads: loss %.9g and %.9g, norm %.9g and %.9g", n_heads, step.loss,
                      self->loss, step.gradient_norm, sqrt (self->square));
      g_assert_cmpfloat_with_epsilon (step.loss, self->loss, 1e-6 * self->loss);
      g_assert_cmpfloat_with_epsilon (step.gradient_norm, sqrt (self->square),
                                      1e-5 * step.gradient_norm);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  seg_registry_load_default (seg_registry_get_default (), NULL);
  g_test_add_func ("/supervision/plain", test_plain);
  return g_test_run ();
}
