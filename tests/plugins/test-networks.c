/* Small networks in which layers meet core's ways of running where it is hard: borders that turn
 * back, rows that nobody reads, statistics of the whole map, and numbers drawn at random. */
#include "everywhere.h"

#define CHANNELS 4

typedef SegValue (*BuildFunc) (SegGraph *graph, SegValue image);

static void
check_network (BuildFunc build, const char *what, gint64 height, gint64 width)
{
  g_autoptr (SegGraph) graph = seg_graph_new ();
  g_autoptr (GError) error = NULL;

  seg_graph_set_output (graph, build (graph, seg_graph_add_input (graph, "image", CHANNELS)));
  seg_graph_finish (graph, &error);
  g_assert_no_error (error);
  g_assert_true (everywhere_check (graph, what, CHANNELS, height, width, 100000));
}

static SegValue
add_conv (SegGraph *graph, const char *name, SegValue in, gint channels, gint kernel)
{
  return seg_graph_add (graph, name, "conv2d", SEG_IN (in), "channels", channels, "kernel-size",
                        kernel, "padding", kernel / 2, NULL);
}

/* ---- borders ------------------------------------------------------------------------------- */

/* The mirror reads rows from the bottom up below the map, and above it. */
static SegValue
build_mirror (SegGraph *graph, SegValue image)
{
  SegValue x = add_conv (graph, "before", image, CHANNELS, 3);

  x = seg_graph_add (graph, "mirror", "pad", SEG_IN (x), "top", 17, "bottom", 12, "left", 9,
                     "right", 30, "mode", "reflect", NULL);
  x = add_conv (graph, "after", x, CHANNELS, 5);
  return seg_graph_add (graph, "crop", "crop", SEG_IN (x, image), NULL);
}

static SegValue
build_replicate (SegGraph *graph, SegValue image)
{
  SegValue x = seg_graph_add (graph, "border", "pad", SEG_IN (image), "top", 40, "bottom", 5,
                              "left", 3, "right", 7, "mode", "replicate", NULL);

  return add_conv (graph, "conv", x, 2, 3);
}

/* Rows above the crop are computed with the rest of their band, and read by nobody. */
static SegValue
build_crop (SegGraph *graph, SegValue image)
{
  SegValue x = add_conv (graph, "before", image, 8, 3);

  x = seg_graph_add (graph, "crop", "crop", SEG_IN (x), "top", 10, "left", 3, NULL);
  x = seg_graph_add (graph, "pool", "avg-pool", SEG_IN (x), "kernel-size", 1, "stride", 3, NULL);
  return add_conv (graph, "after", x, 3, 3);
}

static void
test_borders (void)
{
  check_network (build_mirror, "mirror", 23, 37);
  check_network (build_mirror, "mirror of a map smaller than its margins", 5, 7);
  check_network (build_mirror, "mirror of one pixel", 1, 1);
  check_network (build_replicate, "replicated border", 23, 37);
  check_network (build_crop, "crop", 61, 37);
}

/* ---- whole maps ------------------------------------------------------------------------------ */

static SegValue
build_norms (SegGraph *graph, SegValue image)
{
  SegValue x = add_conv (graph, "conv1", image, 6, 3), skip;

  x = seg_graph_add (graph, "norm1", "instance-norm", SEG_IN (x), NULL);
  skip = x = seg_graph_add (graph, "act", "leaky-relu", SEG_IN (x), NULL);
  x = add_conv (graph, "conv2", x, 6, 3);
  x = seg_graph_add (graph, "norm2", "group-norm", SEG_IN (x), "groups", 3, NULL);
  x = seg_graph_add (graph, "concat", "concat", SEG_IN (skip, x), NULL);
  return add_conv (graph, "head", x, 2, 1);
}

/* Squeeze and excitation in both ways at once, as scSE has it. */
static SegValue
build_attention (SegGraph *graph, SegValue image)
{
  SegValue x = add_conv (graph, "conv", image, 6, 3), channel, place;

  channel = seg_graph_add (graph, "squeeze", "global-avg-pool", SEG_IN (x), NULL);
  channel = add_conv (graph, "excite", channel, 6, 1);
  channel = seg_graph_add (graph, "channel-gate", "sigmoid", SEG_IN (channel), NULL);
  channel = seg_graph_add (graph, "by-channel", "multiply", SEG_IN (x, channel), NULL);
  place = add_conv (graph, "look", x, 1, 1);
  place = seg_graph_add (graph, "place-gate", "sigmoid", SEG_IN (place), NULL);
  place = seg_graph_add (graph, "by-place", "multiply", SEG_IN (x, place), NULL);
  return seg_graph_add (graph, "both", "add", SEG_IN (channel, place), NULL);
}

static void
test_whole_maps (void)
{
  check_network (build_norms, "norms of one image", 61, 37);
  check_network (build_attention, "attention", 61, 37);
}

/* ---- sizes ------------------------------------------------------------------------------------
 */

static SegValue
build_resize (SegGraph *graph, SegValue image)
{
  SegValue x = seg_graph_add (graph, "down", "max-pool", SEG_IN (image), "kernel-size", 2, "stride",
                              4, NULL);

  x = seg_graph_add (graph, "up", "resize-bilinear", SEG_IN (x), "scale", 3, "align-corners", TRUE,
                     NULL);
  x = add_conv (graph, "conv", x, 2, 3);
  return seg_graph_add (graph, "full", "resize-bilinear", SEG_IN (x, image), NULL);
}

/* Rows that repeat are held once where sizes are multiples: read by a window, beside others, by one
 * that resizes again, and at the output. */
static SegValue
build_repeat (SegGraph *graph, SegValue image)
{
  SegValue x = seg_graph_add (graph, "down", "max-pool", SEG_IN (image), "kernel-size", 4, "stride",
                              4, NULL);
  SegValue half, full;

  x = add_conv (graph, "conv1", x, 12, 3);
  half = seg_graph_add (graph, "up", "resize-nearest", SEG_IN (x), NULL);
  half = add_conv (graph, "conv2", half, 12, 3);
  x = seg_graph_add (graph, "upper", "resize-nearest", SEG_IN (x), "scale", 4, NULL);
  full = seg_graph_add (graph, "concat", "concat", SEG_IN (x, image), NULL);
  full = add_conv (graph, "conv3", full, 12, 3);
  half = seg_graph_add (graph, "full", "resize-nearest", SEG_IN (half, image), NULL);
  x = seg_graph_add (graph, "add", "add", SEG_IN (half, full), NULL);
  x = seg_graph_add (graph, "again", "max-pool", SEG_IN (x), "kernel-size", 2, "stride", 2, NULL);
  return seg_graph_add (graph, "end", "resize-nearest", SEG_IN (x), NULL);
}

static void
test_sizes (void)
{
  check_network (build_resize, "resizing", 61, 37);
  check_network (build_repeat, "rows that repeat", 64, 36);
  check_network (build_repeat, "more rows that repeat", 20, 52);
}

/* ---- dropout -----------------------------------------------------------------------------------
 */

#define N_PIXELS (CHANNELS * 40 * 50)

typedef struct
{
  float value; /* of every pixel that is read */
  float result[N_PIXELS];
} Job;

static gboolean
read_constant (const SegView *view, gpointer user_data, GError **error)
{
  const Job *self = user_data;
  (void) error;

  for (guint b = 0; b < view->n_blocks; b++)
    for (gint64 y = 0; y < view->valid.h; y++)
      for (gint64 x = 0; x < view->valid.w; x++)
        *seg_view_at (view, b, 0, y, x) = self->value;
  return TRUE;
}

static gboolean
write_result (const SegView *view, gpointer user_data, GError **error)
{
  Job *self = user_data;
  gsize i = 0;
  (void) error;

  for (guint b = 0; b < view->n_blocks; b++)
    for (gint64 y = 0; y < view->valid.h; y++)
      for (gint64 x = 0; x < view->valid.w; x++)
        self->result[i++] = *seg_view_at (view, b, 0, y, x);
  return TRUE;
}

/* Of a map of ones: dropout's mask, and the gradient of its sum. */
static void
run_dropout (gboolean whole_channels, guint n_threads, guint64 seed, guint64 step, Job *mask,
             Job *gradient)
{
  g_autoptr (SegGraph) graph = seg_graph_new ();
  g_autoptr (SegParameters) parameters = NULL;
  g_autoptr (SegPlan) plan = NULL;
  g_autoptr (SegSchedule) schedule = NULL;
  g_autoptr (SegPool) pool = seg_pool_new (n_threads);
  g_autoptr (SegWorkspace) workspace = NULL;
  g_autoptr (GError) error = NULL;
  SegValue image = seg_graph_add_input (graph, "image", CHANNELS);

  seg_graph_set_output (graph, seg_graph_add (graph, "drop", "dropout", SEG_IN (image), "p", 0.25,
                                              "whole-channels", whole_channels, NULL));
  parameters = seg_parameters_new (graph);
  plan = seg_plan_new (graph, parameters, SEG_PURPOSE_TRAINING, NULL, NULL, &error);
  g_assert_no_error (error);
  schedule = seg_schedule_new_region (plan, 1, 40, 50, NULL, &error);
  g_assert_no_error (error);
  workspace = seg_workspace_new (schedule, pool, &error);
  g_assert_no_error (error);

  seg_workspace_want_input_gradient (workspace);
  seg_workspace_set_random (workspace, seed, step);
  mask->value = gradient->value = 1.f;
  seg_workspace_run (workspace, read_constant, write_result, mask, NULL, &error);
  g_assert_no_error (error);
  seg_workspace_run_backward (workspace, read_constant, gradient, &error);
  g_assert_no_error (error);
  seg_workspace_get_input_gradient (workspace, write_result, gradient, &error);
  g_assert_no_error (error);
}

static void
test_dropout (void)
{
  g_autofree Job *mask = g_new0 (Job, 1), *gradient = g_new0 (Job, 1), *again = g_new0 (Job, 1),
                 *other = g_new0 (Job, 1);
  guint n_dropped = 0;

  run_dropout (FALSE, 1, 7, 1, mask, gradient);
  for (guint i = 0; i < N_PIXELS; i++)
    {
      g_assert_true (mask->result[i] == 0.f || mask->result[i] == 1.f / 0.75f);
      g_assert_true (mask->result[i] == gradient->result[i]);
      n_dropped += mask->result[i] == 0.f;
    }
  /* five standard deviations of a binomial distribution: √(8000 · ¼ · ¾) = 39 */
  g_assert_cmpuint (n_dropped, >, N_PIXELS / 4 - 195);
  g_assert_cmpuint (n_dropped, <, N_PIXELS / 4 + 195);

  run_dropout (FALSE, 3, 7, 1, again, gradient);
  g_assert_cmpmem (again->result, sizeof again->result, mask->result, sizeof mask->result);
  run_dropout (FALSE, 1, 7, 2, other, gradient);
  g_assert_true (memcmp (other->result, mask->result, sizeof mask->result) != 0);
  run_dropout (FALSE, 1, 8, 1, other, gradient);
  g_assert_true (memcmp (other->result, mask->result, sizeof mask->result) != 0);
}

static void
test_dropout_channels (void)
{
  g_autofree Job *mask = g_new0 (Job, 1), *gradient = g_new0 (Job, 1);
  guint n_dropped = 0;

  for (guint64 step = 0; step < 50; step++)
    {
      run_dropout (TRUE, 1, 7, step, mask, gradient);
      for (guint c = 0; c < CHANNELS; c++)
        {
          const float *channel = mask->result + c * (N_PIXELS / CHANNELS);

          for (guint i = 0; i < N_PIXELS / CHANNELS; i++)
            g_assert_true (channel[i] == channel[0]);
          n_dropped += channel[0] == 0.f;
        }
    }
  /* of 200, as above */
  g_assert_cmpuint (n_dropped, >, 50 - 31);
  g_assert_cmpuint (n_dropped, <, 50 + 31);
}

static SegValue
build_dropout (SegGraph *graph, SegValue image)
{
  SegValue x = add_conv (graph, "conv", image, 6, 3);

  x = seg_graph_add (graph, "drop", "dropout", SEG_IN (x), NULL);
  return seg_graph_add (graph, "concat", "concat", SEG_IN (x, image), NULL);
}

static void
test_dropout_inference (void)
{
  check_network (build_dropout, "dropout", 23, 37);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  seg_registry_load_default (seg_registry_get_default (), NULL);

  g_test_add_func ("/networks/borders", test_borders);
  g_test_add_func ("/networks/whole-maps", test_whole_maps);
  g_test_add_func ("/networks/sizes", test_sizes);
  g_test_add_func ("/networks/dropout/mask", test_dropout);
  g_test_add_func ("/networks/dropout/channels", test_dropout_channels);
  g_test_add_func ("/networks/dropout/inference", test_dropout_inference);
  return g_test_run ();
}
