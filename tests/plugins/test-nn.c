/* The standard layers where frameworks disagree: borders, ties, rounding, NaN. Expected numbers
 * are what PyTorch 1.13 gives. */
#include <math.h>
#include <string.h>

#include "map.h"

#include <segkit/segkit.h>

static SegLayer *
create (const char *feature, const char *first, gint first_value, const char *second,
        gint second_value)
{
  g_autoptr (GError) error = NULL;
  SegLayer *layer = seg_registry_create (seg_registry_get_default (), feature, SEG_TYPE_LAYER,
                                         &error, first, first_value, second, second_value, NULL);

  g_assert_no_error (error);
  return layer;
}

/* A map of one channel, all of it held. */
static Map *
map_of (gint64 n, gint64 height, gint64 width, const float *values)
{
  SegShape shape = { n, 1, height, width };
  Map *self = map_new (&shape, &(SegRect){ 0, 0, width, height });

  for (gsize i = 0; values != NULL && i < map_get_n (self); i++)
    *map_at (self, i) = values[i];
  return self;
}

/* Runs the layer on the whole of its inputs. @run may be NULL. */
static Map *
forward (SegLayer *layer, const SegRun *given, Map *const *in, guint n_in)
{
  SegRun run = given != NULL ? *given : (SegRun){ 0 };
  SegView views[2];
  SegShape shapes[2], out;
  Map *result;
  g_autofree float *scratch = NULL;

  for (guint i = 0; i < n_in; i++)
    views[i] = in[i]->view, shapes[i] = in[i]->view.shape;
  g_assert_true (seg_layer_infer (layer, shapes, n_in, &out, NULL));
  result = map_new (&out, &(SegRect){ 0, 0, out.w, out.h });
  run.kernels = seg_kernels_get ();
  run.scratch = scratch = g_malloc (seg_layer_get_scratch (layer, shapes, n_in) + 1);
  for (gint64 n = 0; n < out.n; n++)
    SEG_LAYER_GET_CLASS (layer)->forward (
        layer, &run, views, n_in, &result->view,
        &(SegPiece){ n, { 0, 0, out.w, out.h }, 0, (guint) out.c });
  return result;
}

static void
assert_map (const Map *self, gint64 height, gint64 width, const float *expected)
{
  g_assert_cmpint (self->view.shape.h, ==, height);
  g_assert_cmpint (self->view.shape.w, ==, width);
  for (gsize i = 0; i < map_get_n (self); i++)
    if (isnan (expected[i]))
      g_assert_true (isnan (*map_at (self, i)));
    else if (isinf (expected[i]))
      g_assert_true (*map_at (self, i) == expected[i]);
    else
      g_assert_cmpfloat_with_epsilon ((double) *map_at (self, i), (double) expected[i], 2e-6);
}

static void
assert_forward (SegLayer *layer, gint64 height, gint64 width, const float *values,
                gint64 out_height, gint64 out_width, const float *expected)
{
  g_autoptr (SegLayer) owned = layer;
  g_autoptr (Map) in = map_of (1, height, width, values);
  g_autoptr (Map) out = forward (owned, NULL, &in, 1);

  assert_map (out, out_height, out_width, expected);
}

static void
test_relu (void)
{
  assert_forward (create ("relu", NULL, 0, NULL, 0), 1, 5,
                  (float[]){ -1.f, 0.f, 2.f, NAN, -INFINITY }, 1, 5,
                  (float[]){ 0.f, 0.f, 2.f, NAN, 0.f });
}

static void
test_sigmoid (void)
{
  assert_forward (create ("sigmoid", NULL, 0, NULL, 0), 1, 5,
                  (float[]){ -200.f, -1.f, 0.f, 1.f, 200.f }, 1, 5,
                  (float[]){ 0.f, 0.26894143f, 0.5f, 0.73105860f, 1.f });
}

/* Logits that overflow exp() by themselves. */
static void
test_softmax (void)
{
  static const float expected[] = { 0.26894143f, 0.73105860f, 0.f };
  static const float logits[] = { 1000.f, 1001.f, -INFINITY };
  g_autoptr (SegLayer) layer = create ("softmax", NULL, 0, NULL, 0);
  SegShape shape = { 1, 3, 1, 1 };
  g_autoptr (Map) in = map_new (&shape, &(SegRect){ 0, 0, 1, 1 });
  g_autoptr (Map) out = NULL;

  for (guint i = 0; i < 3; i++)
    *map_at (in, i) = logits[i];
  out = forward (layer, NULL, &in, 1);
  assert_map (out, 1, 1, expected);
}

/* Padding counts for nothing, though zero would be the largest here; NaN wins. */
static void
test_max_pool_border (void)
{
  static const float x[] = { -1.f, -2.f, -3.f, -4.f, -5.f, -6.f, -7.f, -8.f, NAN };
  SegLayer *layer = create ("max-pool", "stride", 2, "padding", 1);

  assert_forward (layer, 3, 3, x, 2, 2, (float[]){ -1.f, -2.f, -4.f, NAN });
  assert_forward (create ("max-pool", "kernel-size", 2, "stride", 2), 3, 3, x, 1, 1,
                  (float[]){ -1.f });
}

/* Of equals the first in reading order takes the gradient. */
static void
test_max_pool_ties (void)
{
  g_autoptr (SegLayer) layer = create ("max-pool", "stride", 2, "padding", 1);
  g_autoptr (Map) in = map_of (1, 4, 4, NULL), out = NULL;
  g_autoptr (Map) dout = map_of (1, 2, 2, (float[]){ 1.f, 2.f, 3.f, 4.f });
  g_autoptr (Map) din = map_of (1, 4, 4, (float[16]){ 0.f });
  float scratch[1024];
  SegRun run = { .scratch = scratch };

  for (guint i = 0; i < 16; i++)
    *map_at (in, i) = 1.f;
  out = forward (layer, NULL, &in, 1);
  SEG_LAYER_GET_CLASS (layer)->backward_input (layer, &run, &in->view, 1, &out->view, &dout->view,
                                               0, &din->view,
                                               &(SegPiece){ 0, { 0, 0, 4, 4 }, 0, 1 });
  assert_map (din, 4, 4, (float[16]){ 1.f, 2.f, 0.f, 0.f, 3.f, 4.f });
}

/* To the size of a second input. */
static Map *
resize (const char *feature, Map *in, gint64 height, gint64 width)
{
  g_autoptr (SegLayer) layer = create (feature, NULL, 0, NULL, 0);
  g_autoptr (Map) size = map_of (1, height, width, NULL);

  return forward (layer, NULL, (Map *[]){ in, size }, 2);
}

/* Single precision decides: at two places of 5000 → 9999 the exact quotient is one less. */
static void
test_resize_rounding (void)
{
  g_autoptr (Map) three = map_of (1, 1, 3, (float[]){ 0.f, 1.f, 2.f });
  g_autoptr (Map) five = map_of (1, 1, 5, (float[]){ 0.f, 1.f, 2.f, 3.f, 4.f });
  g_autoptr (Map) many = map_of (1, 1, 5000, NULL);
  g_autoptr (Map) up = resize ("resize-nearest", three, 1, 5);
  g_autoptr (Map) down = resize ("resize-nearest", five, 1, 3);
  g_autoptr (Map) odd = NULL;

  assert_map (up, 1, 5, (float[]){ 0.f, 0.f, 1.f, 1.f, 2.f });
  assert_map (down, 1, 3, (float[]){ 0.f, 1.f, 3.f });

  for (guint i = 0; i < 5000; i++)
    *map_at (many, i) = (float) i;
  odd = resize ("resize-nearest", many, 1, 9999);
  for (guint i = 0; i < 9999; i++)
    g_assert_cmpfloat (*map_at (odd, i), ==, (float) (i / 2 + (i == 9995 || i == 9997)));
}

/* Half the difference to the top and left, rounded down, also where it is negative. */
static void
test_pad_halves (void)
{
  g_autoptr (Map) in = map_of (1, 3, 3, (float[]){ 1.f, 2.f, 3.f, 4.f, 5.f, 6.f, 7.f, 8.f, 9.f });
  g_autoptr (Map) both = resize ("pad", in, 6, 4), cropped = resize ("pad", in, 2, 1);
  g_autoptr (Map) mixed = resize ("pad", in, 2, 4);

  assert_map (
      both, 6, 4,
      (float[24]){ 0.f, 0.f, 0.f, 0.f, 1.f, 2.f, 3.f, 0.f, 4.f, 5.f, 6.f, 0.f, 7.f, 8.f, 9.f });
  assert_map (cropped, 2, 1, (float[]){ 5.f, 8.f });
  assert_map (mixed, 2, 4, (float[]){ 4.f, 5.f, 6.f, 0.f, 7.f, 8.f, 9.f, 0.f });
}

/* Both sets of statistics, the gradient, and what a training step leaves in the running ones. */
static void
test_batch_norm (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (SegLayer) layer =
      seg_registry_create (seg_registry_get_default (), "batch-norm", SEG_TYPE_LAYER, &error, "eps",
                           0.5, "momentum", 0.25, NULL);
  SegLayerClass *klass = SEG_LAYER_GET_CLASS (layer);
  float weight = 2.f, bias = 3.f, mean = 1.f, variance = 4.f, stats[8], dweight = 0.f, dbias = 0.f;
  gint64 n_batches = 0;
  gpointer params[] = { &weight, &bias, &mean, &variance, &n_batches };
  double sums[2] = { 0., 0. };
  g_autoptr (Map) in = map_of (2, 1, 2, (float[]){ 1.f, 2.f, 4.f, 9.f });
  g_autoptr (Map) dout = map_of (2, 1, 2, (float[]){ 1.f, 0.f, 0.f, -2.f });
  g_autoptr (Map) din = map_of (2, 1, 2, (float[4]){ 0.f });
  g_autoptr (Map) inference = NULL, training = NULL;
  SegRun run = { .params = (gconstpointer const *) params };
  const SegShape *shape = &in->view.shape;

  g_assert_no_error (error);
  inference = forward (layer, &run, &in, 1);
  assert_map (inference, 1, 2, (float[]){ 3.f, 3.9428091f, 5.8284273f, 10.5424728f });

  g_assert_cmpuint (klass->n_stats (layer, shape, 1), <=, G_N_ELEMENTS (stats));
  for (gint64 n = 0; n < 2; n++)
    klass->sum_row (layer, SEG_PHASE_FORWARD, &run, &in->view, 1, NULL, n, 0, sums);
  klass->finish (layer, SEG_PHASE_FORWARD, shape, 1, sums, stats);
  run.stats = stats;
  training = forward (layer, &run, &in, 1);
  assert_map (training, 1, 2, (float[]){ 1.1026335f, 1.7350889f, 3.f, 6.1622777f });

  memset (sums, 0, sizeof sums);
  for (gint64 n = 0; n < 2; n++)
    klass->sum_row (layer, SEG_PHASE_BACKWARD, &run, &in->view, 1, &dout->view, n, 0, sums);
  klass->finish (layer, SEG_PHASE_BACKWARD, shape, 1, sums, stats);
  for (gint64 n = 0; n < 2; n++)
    {
      klass->backward_input (layer, &run, &in->view, 1, &training->view, &dout->view, 0, &din->view,
                             &(SegPiece){ n, { 0, 0, 2, 1 }, 0, 1 });
    }
  klass->backward_params (layer, &run, &in->view, 1, &training->view, &dout->view,
                          &(SegParamPiece){ 0, 2, 0, 1 }, (float *[]){ &dweight, &dbias });
  assert_map (din, 1, 2, (float[]){ 0.1739253f, -0.2529822f, 0.1581139f, -0.0790570f });
  g_assert_cmpfloat_with_epsilon ((double) dweight, -4.1109610, 1e-5);
  g_assert_cmpfloat_with_epsilon ((double) dbias, -1., 1e-6);

  klass->update (layer, shape, 1, stats, 0., params);
  g_assert_cmpfloat_with_epsilon ((double) mean, 1.75, 1e-6);
  g_assert_cmpfloat_with_epsilon ((double) variance, 6.1666667, 1e-6);
  g_assert_cmpint (n_batches, ==, 1);
}

int
main (int argc, char *argv[])
{
  g_test_init (&argc, &argv, NULL);
  seg_registry_load_default (seg_registry_get_default (), NULL);

  g_test_add_func ("/relu/nan", test_relu);
  g_test_add_func ("/sigmoid/values", test_sigmoid);
  g_test_add_func ("/softmax/overflow", test_softmax);
  g_test_add_func ("/max-pool/border", test_max_pool_border);
  g_test_add_func ("/max-pool/ties", test_max_pool_ties);
  g_test_add_func ("/resize-nearest/rounding", test_resize_rounding);
  g_test_add_func ("/pad/halves", test_pad_halves);
  g_test_add_func ("/batch-norm/statistics", test_batch_norm);
  return g_test_run ();
}
