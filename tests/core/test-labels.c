#include <segkit/labels.h>

#include <math.h>
#include <string.h>

#define MAX_CHANNELS 256

/* Logits of one row: channels in blocks of so many lanes, in a map wider than what is valid. */
typedef struct
{
  SegChannelBlock blocks[MAX_CHANNELS];
  float *rows[MAX_CHANNELS];
  float *values;
  SegView view;
  gint lanes;
  gint64 width;
} Logits;

static void
logits_init (Logits *self, gint channels, gint lanes, gint64 width)
{
  gint n_blocks = (channels + lanes - 1) / lanes;

  self->lanes = lanes;
  self->width = width;
  self->values = g_new0 (float, (gsize) (n_blocks * lanes * width) + 1);
  for (gint b = 0; b < n_blocks; b++)
    {
      self->rows[b] = self->values + b * lanes * width;
      self->blocks[b] = (SegChannelBlock){ .rows = &self->rows[b],
                                           .channel = b * lanes,
                                           .n_channels = MIN (lanes, channels - b * lanes),
                                           .lanes = lanes };
    }
  self->view = (SegView){ .shape = { 1, channels, 20, width + 10 },
                          .valid = { 5, 7, width, 1 },
                          .blocks = self->blocks,
                          .n_blocks = (guint) n_blocks };
}

static float *
logits_at (Logits *self, gint channel, gint64 x)
{
  return self->rows[channel / self->lanes] + x * self->lanes + channel % self->lanes;
}

/* By the definition: the first of the greatest numbers; 0 where there is none. */
static guint8
expected_label (Logits *self, gint channels, gint64 x)
{
  gint best = -1;

  if (channels == 1)
    return *logits_at (self, 0, x) > 0.f;
  for (gint c = 0; c < channels; c++)
    if (!isnan (*logits_at (self, c, x))
        && (best < 0 || *logits_at (self, c, x) > *logits_at (self, best, x)))
      best = c;
  return (guint8) MAX (best, 0);
}

static void
test_definition (void)
{
  static const gint channels[] = { 1, 2, 3, 19, 256 }, lanes[] = { 1, 8, 16 };
  static const gint64 widths[] = { 0, 1, 7, 1023, 1024, 1025, 3000 };
  static const float special[] = { NAN, INFINITY, -INFINITY, 0.f, -0.f, 1.f, 0x1p-149f };

  for (guint i = 0; i < G_N_ELEMENTS (channels); i++)
    for (guint j = 0; j < G_N_ELEMENTS (lanes); j++)
      for (guint k = 0; k < G_N_ELEMENTS (widths); k++)
        {
          Logits logits;
          g_autofree guint8 *labels = g_malloc ((gsize) widths[k] + 1);

          logits_init (&logits, channels[i], lanes[j], widths[k]);
          for (gint c = 0; c < channels[i]; c++)
            for (gint64 x = 0; x < widths[k]; x++)
              *logits_at (&logits, c, x) =
                  g_test_rand_bit () ? special[g_test_rand_int_range (0, G_N_ELEMENTS (special))]
                                     : (float) g_test_rand_double_range (-1, 1);
          labels[widths[k]] = 99;
          seg_labels_from_logits (&logits.view, 0, 7, labels);
          for (gint64 x = 0; x < widths[k]; x++)
            g_assert_cmpuint (labels[x], ==, expected_label (&logits, channels[i], x));
          g_assert_cmpuint (labels[widths[k]], ==, 99);
          g_free (logits.values);
        }
}

static void
test_ties (void)
{
  static const struct
  {
    float values[3];
    guint8 label;
  } cases[] = {
    { { 1, 1, 1 }, 0 },
    { { 0, 1, 1 }, 1 },
    { { NAN, 0, 0 }, 1 },
    { { NAN, NAN, NAN }, 0 },
    { { NAN, NAN, -INFINITY }, 2 },
    { { -INFINITY, -INFINITY, -INFINITY }, 0 },
    { { 0, NAN, 1 }, 2 },
    { { -0.f, 0.f, 0.f }, 0 },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      Logits logits;
      guint8 label;

      logits_init (&logits, 3, 1, 1);
      memcpy (logits.values, cases[i].values, sizeof cases[i].values);
      seg_labels_from_logits (&logits.view, 0, 7, &label);
      g_assert_cmpuint (label, ==, cases[i].label);
      g_free (logits.values);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);

  g_test_add_func ("/labels/definition", test_definition);
  g_test_add_func ("/labels/ties", test_ties);
  return g_test_run ();
}
