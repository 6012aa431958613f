#include <segkit/probabilities.h>

#include <math.h>

#define WIDTH 3
#define MAX_CHANNELS 20

/* Logits of one row of equal pixels, in blocks of so many lanes; what no channel holds is NaN. */
static void
run (const float *logits, gint channels, gint lanes, float *out)
{
  gint n_blocks = (channels + lanes - 1) / lanes;
  float values[MAX_CHANNELS * WIDTH * 2];
  float *rows[MAX_CHANNELS];
  SegChannelBlock blocks[MAX_CHANNELS];
  SegView view = { .shape = { 1, channels, 20, WIDTH + 10 },
                   .valid = { 5, 7, WIDTH, 1 },
                   .blocks = blocks,
                   .n_blocks = (guint) n_blocks };

  for (guint i = 0; i < G_N_ELEMENTS (values); i++)
    values[i] = NAN;
  for (gint b = 0; b < n_blocks; b++)
    {
      rows[b] = values + b * lanes * WIDTH;
      blocks[b] = (SegChannelBlock){ .rows = &rows[b],
                                     .channel = b * lanes,
                                     .n_channels = MIN (lanes, channels - b * lanes),
                                     .lanes = lanes };
      for (gint c = 0; c < blocks[b].n_channels; c++)
        for (gint x = 0; x < WIDTH; x++)
          rows[b][x * lanes + c] = logits[b * lanes + c];
    }
  seg_probabilities_from_logits (&view, 0, 7, out);
}

static void
assert_pixels (const float *logits, gint channels, gint n_classes, const float *expected)
{
  static const gint lanes[] = { 1, 2, 8 };

  for (guint i = 0; i < G_N_ELEMENTS (lanes); i++)
    {
      float out[MAX_CHANNELS * WIDTH];

      run (logits, channels, lanes[i], out);
      for (gint j = 0; j < n_classes * WIDTH; j++)
        if (isnan (expected[j % n_classes]))
          g_assert_true (isnan (out[j]));
        else
          g_assert_cmpfloat_with_epsilon (out[j], expected[j % n_classes], 1e-6f);
    }
}

/* The softmax, in double. */
static void
test_definition (void)
{
  float logits[MAX_CHANNELS], expected[MAX_CHANNELS];
  double sum = 0;

  for (gint c = 0; c < MAX_CHANNELS; c++)
    {
      logits[c] = sinf ((float) (c * c)) * 9.f + 500.f; /* exp (500) is infinite */
      sum += exp ((double) logits[c] - 500);
    }
  for (gint c = 0; c < MAX_CHANNELS; c++)
    expected[c] = (float) (exp ((double) logits[c] - 500) / sum);
  assert_pixels (logits, MAX_CHANNELS, MAX_CHANNELS, expected);
}

/* As labels have it, class 1 is likelier where the logit is above 0. */
static void
test_one_channel (void)
{
  static const float logits[] = { 0.f, 2.f, -2.f, 200.f, -200.f, INFINITY, -INFINITY, NAN };

  for (guint i = 0; i < G_N_ELEMENTS (logits); i++)
    {
      double likely = 1 / (1 + exp (-(double) logits[i]));
      float expected[] = { (float) (1 - likely), (float) likely };

      assert_pixels (&logits[i], 1, 2, expected);
    }
}

static void
test_special (void)
{
  static const struct
  {
    float logits[3], expected[3];
  } cases[] = {
    { { 0.f, NAN, 1.f }, { NAN, NAN, NAN } },
    { { NAN, INFINITY, 1.f }, { NAN, NAN, NAN } },
    { { 5.f, INFINITY, -INFINITY }, { 0.f, 1.f, 0.f } },
    { { INFINITY, INFINITY, 1.f }, { .5f, .5f, 0.f } },
    { { -INFINITY, 3.f, -INFINITY }, { 0.f, 1.f, 0.f } },
    { { -INFINITY, -INFINITY, -INFINITY }, { 1.f / 3, 1.f / 3, 1.f / 3 } },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    assert_pixels (cases[i].logits, 3, 3, cases[i].expected);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/probabilities/definition", test_definition);
  g_test_add_func ("/probabilities/one-channel", test_one_channel);
  g_test_add_func ("/probabilities/special", test_special);
  return g_test_run ();
}
