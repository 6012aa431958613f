/* Training plans: gradients against central differences, running statistics, and bits that do
 * not depend on threads. The conformance test does this for each layer alone. */
#include <math.h>

#include <segkit/gemm.h>
#include <segkit/random.h>
#include <segkit/segkit.h>

#define BATCH 2
#define HEIGHT 9
#define WIDTH 11
#define STEP 1e-2f

typedef struct
{
  SegGraph *graph;
  SegParameters *parameters;
  SegPlan *plan;
  SegSchedule *schedule;
  float *image;
  gsize n_image;
} Net;

/* Parameters, plan and an image for the graph. */
static void
net_finish (Net *net, const char *passes_off)
{
  g_autoptr (GError) error = NULL;

  net->parameters = seg_parameters_new (net->graph);
  seg_parameters_initialise (net->parameters, 7, &error);
  g_assert_no_error (error);
  net->plan
      = seg_plan_new (net->graph, net->parameters, SEG_PURPOSE_TRAINING, NULL, passes_off, &error);
  g_assert_no_error (error);
  net->schedule = seg_schedule_new_region (net->plan, BATCH, HEIGHT, WIDTH, NULL, &error);
  g_assert_no_error (error);
  net->n_image = BATCH * 3 * HEIGHT * WIDTH;
  net->image = g_new (float, net->n_image);
  seg_random_normal (7, 1, 0, net->n_image, net->image);
}

/* What of the network is joined: b and a; b, padded by nothing, and a; or b, so padded, and b again. */
static enum { JOIN_PLAIN, JOIN_PADDED, JOIN_TWICE } join;

/* conv → norm → sigmoid → a; a + conv (a) → b; pool of (b, a), which leaves out the last row and
 * column; conv, strided. */
static Net
net_new (void)
{
  Net net = { .graph = seg_graph_new () };
  g_autoptr (GError) error = NULL;
  SegValue x = seg_graph_add_input (net.graph, "input", 3), a, b;

  a = seg_graph_add (net.graph, "conv1", "conv2d", SEG_IN (x), "channels", 6, "padding", 1, "bias",
                     FALSE, NULL);
  a = seg_graph_add (net.graph, "bn", "batch-norm", SEG_IN (a), NULL);
  a = seg_graph_add (net.graph, "act", "sigmoid", SEG_IN (a), NULL);
  b = seg_graph_add (net.graph, "conv2", "conv2d", SEG_IN (a), "channels", 6, "kernel-size", 3,
                     "padding", 2, "dilation", 2, "groups", 2, NULL);
  b = seg_graph_add (net.graph, "add", "add", SEG_IN (a, b), NULL);
  if (join == JOIN_TWICE)
    a = b;
  if (join != JOIN_PLAIN)
    b = seg_graph_add (net.graph, "pad", "pad", SEG_IN (b), NULL);
  b = seg_graph_add (net.graph, "concat", "concat", SEG_IN (b, a), NULL);
  b = seg_graph_add (net.graph, "pool", "avg-pool", SEG_IN (b), "kernel-size", 2, "stride", 2, NULL);
  b = seg_graph_add (net.graph, "conv3", "conv2d", SEG_IN (b), "channels", 2, "stride", 2,
                     "kernel-size", 3, "padding", 1, NULL);
  seg_graph_set_output (net.graph, b);
  g_assert_true (seg_graph_finish (net.graph, &error));
  net_finish (&net, NULL);
  return net;
}

/* conv → norm → ReLU → conv → norm, plus what the ReLU gave → ReLU → conv: a residual unit. */
static Net
net_new_residual (const char *passes_off)
{
  Net net = { .graph = seg_graph_new () };
  g_autoptr (GError) error = NULL;
  SegValue x = seg_graph_add_input (net.graph, "input", 3), a;

  x = seg_graph_add (net.graph, "conv1", "conv2d", SEG_IN (x), "channels", 19, "padding", 1, NULL);
  x = seg_graph_add (net.graph, "bn1", "batch-norm", SEG_IN (x), NULL);
  a = x = seg_graph_add (net.graph, "relu1", "relu", SEG_IN (x), NULL);
  x = seg_graph_add (net.graph, "conv2", "conv2d", SEG_IN (x), "channels", 19, "padding", 1, NULL);
  x = seg_graph_add (net.graph, "bn2", "batch-norm", SEG_IN (x), NULL);
  x = seg_graph_add (net.graph, "add", "add", SEG_IN (x, a), NULL);
  x = seg_graph_add (net.graph, "relu2", "relu", SEG_IN (x), NULL);
  x = seg_graph_add (net.graph, "conv3", "conv2d", SEG_IN (x), "channels", 2, NULL);
  seg_graph_set_output (net.graph, x);
  g_assert_true (seg_graph_finish (net.graph, &error));
  net_finish (&net, passes_off);
  return net;
}

static void
net_clear (Net *net)
{
  g_free (net->image);
  g_object_unref (net->schedule);
  g_object_unref (net->plan);
  g_object_unref (net->parameters);
  g_object_unref (net->graph);
}

typedef struct
{
  const float *from; /* fills the view, or */
  float *to;         /* takes it, or */
  double loss;       /* Σ view · weight of its element */
} Exchange;

static float
loss_weight (gsize element)
{
  float weight;

  seg_random_normal (7, 2, element, 1, &weight);
  return weight;
}

static gboolean
exchange (const SegView *view, gpointer user_data, GError **error)
{
  Exchange *job = user_data;
  const SegRect *r = &view->valid;
  gsize element = 0;

  (void) error;
  for (gint64 n = 0; n < view->shape.n; n++)
    for (guint c = 0; c < view->n_blocks; c++)
      for (gint64 y = 0; y < r->h; y++)
        for (gint64 x = 0; x < r->w; x++, element++)
          {
            float *pixel = seg_view_at (view, c, n, y, x);

            if (job->from != NULL)
              *pixel = job->from[element];
            else if (job->to != NULL)
              job->to[element] = *pixel;
            else
              job->loss += (double) *pixel * (double) loss_weight (element);
          }
  return TRUE;
}

static gboolean
read_image (const SegView *view, gpointer user_data, GError **error)
{
  Exchange job = { .from = ((Net *) user_data)->image };
  return exchange (view, &job, error);
}

static double loss;

static gboolean
write_loss (const SegView *view, gpointer user_data, GError **error)
{
  Exchange job = { 0 };

  (void) user_data;
  exchange (view, &job, error);
  loss = job.loss;
  return TRUE;
}

static gboolean
read_gradient (const SegView *view, gpointer user_data, GError **error)
{
  gsize n = (gsize) (view->shape.n * view->shape.c * view->shape.h * view->shape.w);
  g_autofree float *weights = g_new (float, n);
  Exchange job = { .from = weights };

  (void) user_data;
  for (gsize i = 0; i < n; i++)
    weights[i] = loss_weight (i);
  return exchange (view, &job, error);
}

static SegNorms norms;
static double share;

static SegWorkspace *
net_run (Net *net, SegPool *pool)
{
  g_autoptr (GError) error = NULL;
  SegWorkspace *workspace = seg_workspace_new (net->schedule, pool, &error);

  g_assert_no_error (error);
  seg_workspace_want_input_gradient (workspace);
  seg_workspace_set_norms (workspace, norms, share);
  seg_workspace_run (workspace, read_image, write_loss, net, NULL, &error);
  g_assert_no_error (error);
  return workspace;
}

static double
net_get_loss (Net *net, SegPool *pool)
{
  g_object_unref (net_run (net, pool));
  return loss;
}

/* @gradient must be the slope of the loss along each of @n numbers. */
static void
assert_slopes (Net *net, SegPool *pool, const char *name, float *values, const float *gradient,
               gsize n)
{
  double largest = 0.0;

  for (gsize i = 0; i < n; i++)
    largest = MAX (largest, fabs ((double) gradient[i]));
  g_assert_cmpfloat (largest, >, 0.0);

  for (gsize i = 0; i < n; i++)
    {
      float kept = values[i];
      double slope, high, low;

      values[i] = kept + STEP;
      high = net_get_loss (net, pool);
      values[i] = kept - STEP;
      low = net_get_loss (net, pool);
      values[i] = kept;
      slope = (high - low) / (2.0 * (double) STEP);
      if (fabs (slope - (double) gradient[i]) > 3e-3 * largest)
        {
          g_test_message ("%s[%d]: gradient %g, slope %g, largest %g", name, (int) i,
                          (double) gradient[i], slope, largest);
          g_test_fail ();
          return;
        }
    }
}

static void
check_central_differences (void)
{
  Net net = net_new ();
  g_autoptr (SegPool) pool = seg_pool_new (2);
  g_autoptr (SegWorkspace) workspace = net_run (&net, pool);
  g_autofree float *input_gradient = g_new (float, net.n_image);
  Exchange take = { .to = input_gradient };
  g_autoptr (GError) error = NULL;
  guint n_trained = 0;

  seg_workspace_run_backward (workspace, read_gradient, NULL, &error);
  g_assert_no_error (error);
  for (guint i = 0; i < seg_parameters_get_n (net.parameters); i++)
    {
      const char *name = seg_parameters_get_name (net.parameters, i);
      const float *gradient = seg_workspace_get_gradient (workspace, name);
      SegTensor *tensor = seg_parameters_get_tensor (net.parameters, i, NULL);

      if (gradient == NULL)
        continue;
      n_trained++;
      assert_slopes (&net, pool, name, tensor->data, gradient, seg_tensor_get_n_elements (tensor));
    }
  g_assert_cmpuint (n_trained, ==, 7); /* three weights, two biases, the norm's two */

  seg_workspace_get_input_gradient (workspace, exchange, &take, &error);
  g_assert_no_error (error);
  assert_slopes (&net, pool, "input", net.image, input_gradient, net.n_image);
  net_clear (&net);
}

static void
test_central_differences (void)
{
  check_central_differences ();
}

/* Padding by nothing is an alias, but not if a map would then be joined to itself. */
static void
test_joins (void)
{
  for (join = JOIN_PADDED; join <= JOIN_TWICE; join++)
    check_central_differences ();
  join = JOIN_PLAIN;
}

static float *
get_values (Net *net, const char *name)
{
  gint i = seg_parameters_find (net->parameters, name);

  return seg_parameters_get_tensor (net->parameters, (guint) i, NULL)->data;
}

/* Of norms that use their running statistics, too; and these stay. */
static void
test_frozen_norms (void)
{
  Net net = net_new ();
  g_autoptr (SegPool) pool = seg_pool_new (1);
  const float *mean = get_values (&net, "bn.running_mean");
  const float *variance = get_values (&net, "bn.running_var");
  double plain, frozen;

  plain = net_get_loss (&net, pool);
  norms = SEG_NORMS_RUNNING;
  frozen = net_get_loss (&net, pool);
  g_assert_cmpfloat (plain, !=, frozen);
  g_assert_cmpint (*(gint64 *) (gpointer) get_values (&net, "bn.num_batches_tracked"), ==, 1);
  for (guint c = 0; c < 6; c++)
    {
      float kept[] = { mean[c], variance[c] };

      net_get_loss (&net, pool);
      g_assert_true (kept[0] == mean[c] && kept[1] == variance[c]);
    }
  check_central_differences ();
  norms = SEG_NORMS_BATCH;
  net_clear (&net);
}

/* With a share of 1 / i in batch i: the mean of two that are not alike. */
static void
test_cumulative_statistics (void)
{
  Net net = net_new ();
  g_autoptr (SegPool) pool = seg_pool_new (1);
  float *mean = get_values (&net, "bn.running_mean"), first[6], second[6];

  memset (mean, 0, 6 * sizeof *mean);
  share = 1.;
  net_get_loss (&net, pool);
  memcpy (first, mean, sizeof first);
  for (gsize i = 0; i < net.n_image; i++)
    net.image[i] = 1.f + 2.f * net.image[i];
  net_get_loss (&net, pool);
  memcpy (second, mean, sizeof second);

  memcpy (mean, first, sizeof first);
  share = .5;
  net_get_loss (&net, pool);
  for (guint c = 0; c < 6; c++)
    {
      g_assert_cmpfloat (first[c], !=, second[c]);
      g_assert_cmpfloat_with_epsilon (mean[c], (first[c] + second[c]) / 2.f, 1e-6f);
    }
  share = 0.;
  net_clear (&net);
}

/* The first pass moves the running statistics from (0, 1) by PyTorch's momentum 0.1. */
static void
test_running_statistics (void)
{
  Net net = net_new ();
  g_autoptr (SegPool) pool = seg_pool_new (1);
  gint mean = seg_parameters_find (net.parameters, "bn.running_mean");
  gint counter = seg_parameters_find (net.parameters, "bn.num_batches_tracked");
  const float *m = seg_parameters_get_tensor (net.parameters, (guint) mean, NULL)->data;
  const gint64 *n = seg_parameters_get_tensor (net.parameters, (guint) counter, NULL)->data;
  float first;

  net_get_loss (&net, pool);
  g_assert_cmpint (*n, ==, 1);
  first = m[0];
  g_assert_cmpfloat (first, !=, 0.f);
  net_get_loss (&net, pool);
  g_assert_cmpint (*n, ==, 2);
  /* the same batch again: mean 10·first, so that 0.9·first + 0.1·10·first = 1.9·first */
  g_assert_cmpfloat_with_epsilon (m[0], 1.9f * first, fabsf (first) * 1e-5f);
  net_clear (&net);
}

static void
check_threads (Net net)
{
  g_autofree float *expected = NULL;
  gsize n = 0;

  for (guint n_threads = 1; n_threads <= 4; n_threads *= 2)
    {
      g_autoptr (SegPool) pool = seg_pool_new (n_threads);
      g_autoptr (SegWorkspace) workspace = net_run (&net, pool);
      g_autoptr (GError) error = NULL;
      gint i = seg_parameters_find (net.parameters, "conv1.weight");
      const float *gradient;

      seg_workspace_run_backward (workspace, read_gradient, NULL, &error);
      g_assert_no_error (error);
      n = seg_tensor_get_n_bytes (seg_parameters_get_tensor (net.parameters, (guint) i, NULL));
      gradient = seg_workspace_get_gradient (workspace, "conv1.weight");
      if (expected == NULL)
        expected = g_memdup2 (gradient, n);
      g_assert_cmpmem (expected, n, gradient, n);
    }
  net_clear (&net);
}

/* In planes, and in blocks of channels. */
static void
test_threads (void)
{
  check_threads (net_new ());
  check_threads (net_new_residual (NULL));
}

/* Steps that have taken over a sum or a clamp give the gradients of layers on their own, whether the
 * norms use the batch or not. */
static void
test_absorbed (void)
{
  Net net = net_new_residual (NULL), plain = net_new_residual ("-all");
  g_autoptr (SegPool) pool = seg_pool_new (2);

  g_assert_cmpuint (seg_plan_get_n_steps (net.plan), ==, 5);
  g_assert_cmpuint (seg_plan_get_n_steps (plain.plan), ==, 8);
  for (norms = SEG_NORMS_BATCH; norms <= SEG_NORMS_RUNNING; norms++)
    {
      g_autoptr (SegWorkspace) workspace = net_run (&net, pool), other = net_run (&plain, pool);
      g_autoptr (GError) error = NULL;

      seg_workspace_run_backward (workspace, read_gradient, NULL, &error);
      g_assert_no_error (error);
      seg_workspace_run_backward (other, read_gradient, NULL, &error);
      g_assert_no_error (error);
      for (guint i = 0; i < seg_parameters_get_n (net.parameters); i++)
        {
          const char *name = seg_parameters_get_name (net.parameters, i);
          const float *a = seg_workspace_get_gradient (workspace, name);
          const float *b = seg_workspace_get_gradient (other, name);
          double error_square = 0., square = 1e-6;

          if (a == NULL)
            continue;
          for (gsize j = 0; j < seg_tensor_get_n_elements (
                                seg_parameters_get_tensor (net.parameters, i, NULL)); j++)
            {
              error_square += pow ((double) a[j] - (double) b[j], 2.);
              square += pow ((double) b[j], 2.);
            }
          g_test_message ("%s: %g of %g", name, sqrt (error_square), sqrt (square));
          g_assert_cmpfloat (error_square, <, 1e-10 * square);
        }
    }
  norms = SEG_NORMS_BATCH;
  net_clear (&net);
  net_clear (&plain);
}

/* Nobody asks for the gradients of the first layers; the others' are as before. */
static void
test_frozen (void)
{
  static const char *const frozen[] = { "conv1.weight", "conv1.bias", "bn1.weight", "bn2.bias" };
  Net net = net_new_residual (NULL);
  g_autoptr (SegPool) pool = seg_pool_new (2);
  g_autoptr (SegWorkspace) workspace = net_run (&net, pool), all = net_run (&net, pool);
  g_autoptr (GError) error = NULL;

  for (guint i = 0; i < G_N_ELEMENTS (frozen); i++)
    seg_workspace_freeze (workspace, frozen[i]);
  seg_workspace_run_backward (workspace, read_gradient, NULL, &error);
  g_assert_no_error (error);
  seg_workspace_run_backward (all, read_gradient, NULL, &error);
  g_assert_no_error (error);
  g_assert_null (seg_workspace_get_gradient (workspace, "conv1.weight"));
  g_assert_null (seg_workspace_get_gradient (workspace, "conv1.bias"));
  for (guint i = 0; i < seg_parameters_get_n (net.parameters); i++)
    {
      const char *name = seg_parameters_get_name (net.parameters, i);
      const float *gradient = seg_workspace_get_gradient (workspace, name);
      gsize n = seg_tensor_get_n_bytes (seg_parameters_get_tensor (net.parameters, i, NULL));

      if (gradient != NULL)
        g_assert_cmpmem (gradient, n, seg_workspace_get_gradient (all, name), n);
      else
        g_assert_false (g_str_has_prefix (name, "conv2") || g_str_has_prefix (name, "conv3"));
    }
  net_clear (&net);
}

/* Not all maps and gradients are kept: of those of the norms nothing, and gradients as long as they are
 * needed. What a workspace takes when it has gone backward is what was foretold. */
static void
test_memory (void)
{
  Net net = net_new_residual ("-all");
  g_autoptr (SegPool) pool = seg_pool_new (2);
  g_autoptr (SegWorkspace) workspace = NULL;
  g_autoptr (GError) error = NULL;
  double all = 0., foretold, taken;
  gsize before;

  for (guint v = 1; v <= seg_graph_get_n_nodes (net.graph) + 1; v++)
    {
      SegMapInfo info;

      seg_schedule_describe_map (net.schedule, v, &info);
      all += 2. * (double) info.bytes;
    }
  g_assert_cmpfloat ((double) seg_schedule_get_arena_bytes (net.schedule), <, .7 * all);

  before = seg_memory_get_used ();
  workspace = net_run (&net, pool);
  seg_workspace_run_backward (workspace, read_gradient, NULL, &error);
  g_assert_no_error (error);
  foretold = (double) seg_schedule_get_workspace_bytes (net.schedule, 2);
  taken = (double) (seg_memory_get_used () - before);
  g_assert_cmpfloat (taken, <=, 1.02 * foretold);
  g_assert_cmpfloat (taken, >=, .98 * foretold);
  net_clear (&net);
}

/* Gives zeros, and has no backward pass. */
typedef struct
{
  SegLayer parent_instance;
} TestOneWay;

typedef struct
{
  SegLayerClass parent_class;
} TestOneWayClass;

static GType test_one_way_get_type (void);
G_DEFINE_TYPE (TestOneWay, test_one_way, SEG_TYPE_LAYER)

static void
test_one_way_forward (SegLayer *layer, const SegRun *run, const SegView *in, guint n_in,
                      SegView *out, const SegPiece *piece)
{
  const SegRect *r = &piece->rect;

  (void) layer, (void) run, (void) in, (void) n_in;
  for (gint64 y = r->y; y < r->y + r->h; y++)
    memset (seg_view_at (out, 0, piece->sample, y, r->x), 0, (gsize) r->w * sizeof (float));
}

static void
test_one_way_class_init (TestOneWayClass *klass)
{
  SEG_LAYER_CLASS (klass)->forward = test_one_way_forward;
}

static void
test_one_way_init (TestOneWay *self)
{
  (void) self;
}

/* A layer without a backward pass is named. */
static void
test_no_backward (void)
{
  g_autoptr (SegGraph) graph = seg_graph_new ();
  SegValue x = seg_graph_add_input (graph, "input", 1);
  g_autoptr (SegParameters) parameters = NULL;
  g_autoptr (SegPlan) plan = NULL;
  g_autoptr (SegSchedule) schedule = NULL;
  g_autoptr (SegWorkspace) workspace = NULL;
  g_autoptr (SegPool) pool = seg_pool_new (1);
  g_autoptr (GError) error = NULL;
  g_autofree float *pixels = g_new0 (float, HEIGHT * WIDTH);
  Exchange give = { .from = pixels };

  seg_graph_set_output (
      graph, seg_graph_add_layer (graph, "up", g_object_new (test_one_way_get_type (), NULL),
                                  SEG_IN (x)));
  parameters = seg_parameters_new (graph);
  plan = seg_plan_new (graph, parameters, SEG_PURPOSE_TRAINING, NULL, NULL, &error);
  g_assert_no_error (error);
  schedule = seg_schedule_new_region (plan, 1, HEIGHT, WIDTH, NULL, &error);
  g_assert_no_error (error);
  workspace = seg_workspace_new (schedule, pool, &error);
  g_assert_no_error (error);
  seg_workspace_run (workspace, exchange, write_loss, &give, NULL, &error);
  g_assert_no_error (error);
  seg_workspace_want_input_gradient (workspace);
  g_assert_false (seg_workspace_run_backward (workspace, read_gradient, NULL, &error));
  g_assert_error (error, SEG_ERROR, SEG_ERROR_UNSUPPORTED);
  g_assert_nonnull (strstr (error->message, "up: "));
}

#define GEMM_ROWS 16
#define GEMM_COLUMNS 144
#define GEMM_TERMS 256
#define GEMM_TASKS 8

static float gemm_a[GEMM_ROWS * GEMM_TERMS], gemm_b[GEMM_COLUMNS * GEMM_TERMS];
static float gemm_c[GEMM_TASKS][GEMM_ROWS * GEMM_COLUMNS];

static void
run_gemm (guint task, guint thread, gpointer user_data)
{
  (void) thread, (void) user_data;

  memset (gemm_c[task], 0, sizeof gemm_c[task]);
  for (guint i = 0; i < 4; i++)
    seg_gemm (FALSE, TRUE, GEMM_ROWS, GEMM_COLUMNS, GEMM_TERMS, 1.f, gemm_a, GEMM_TERMS, gemm_b,
              GEMM_TERMS, 1.f, gemm_c[task], GEMM_COLUMNS);
}

/* Products of many threads: a serial BLAS is not safe by itself. */
static void
test_gemm_threads (void)
{
  g_autoptr (SegPool) pool = seg_pool_new (4);

  seg_random_normal (7, 3, 0, G_N_ELEMENTS (gemm_a), gemm_a);
  seg_random_normal (7, 4, 0, G_N_ELEMENTS (gemm_b), gemm_b);
  for (guint i = 0; i < 1500; i++)
    {
      seg_pool_run (pool, GEMM_TASKS, run_gemm, NULL);
      for (guint task = 1; task < GEMM_TASKS; task++)
        g_assert_cmpmem (gemm_c[task], sizeof gemm_c[task], gemm_c[0], sizeof gemm_c[0]);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  seg_registry_load_default (seg_registry_get_default (), NULL);
  g_test_add_func ("/gradient/central-differences", test_central_differences);
  g_test_add_func ("/gradient/joins", test_joins);
  g_test_add_func ("/gradient/absorbed", test_absorbed);
  g_test_add_func ("/gradient/frozen", test_frozen);
  g_test_add_func ("/gradient/memory", test_memory);
  g_test_add_func ("/gradient/running-statistics", test_running_statistics);
  g_test_add_func ("/gradient/frozen-norms", test_frozen_norms);
  g_test_add_func ("/gradient/cumulative-statistics", test_cumulative_statistics);
  g_test_add_func ("/gradient/threads", test_threads);
  g_test_add_func ("/gradient/gemm-threads", test_gemm_threads);
  g_test_add_func ("/gradient/no-backward", test_no_backward);
  return g_test_run ();
}
