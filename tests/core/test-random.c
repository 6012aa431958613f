#include <math.h>
#include <string.h>

#include <segkit/random.h>

/* Philox4x32-10 once more, from the paper (Salmon et al. 2011, section 3.3). */
static void
philox (const guint32 counter[4], const guint32 key[2], guint32 out[4])
{
  memcpy (out, counter, 4 * sizeof *out);
  for (guint32 round = 0; round < 10; round++)
    {
      guint64 a = G_GUINT64_CONSTANT (0xD2511F53) * out[0];
      guint64 b = G_GUINT64_CONSTANT (0xCD9E8D57) * out[2];
      guint32 next[4] = { (guint32) (b >> 32) ^ out[1] ^ (key[0] + round * 0x9E3779B9u),
                          (guint32) b,
                          (guint32) (a >> 32) ^ out[3] ^ (key[1] + round * 0xBB67AE85u),
                          (guint32) a };

      memcpy (out, next, sizeof next);
    }
}

static float
reference (guint64 seed, guint64 stream, guint64 element)
{
  const guint32 counter[4] = { (guint32) (element / 4), (guint32) (element / 4 >> 32),
                               (guint32) stream, (guint32) (stream >> 32) };
  const guint32 key[2] = { (guint32) seed, (guint32) (seed >> 32) };
  guint32 words[4];

  philox (counter, key, words);
  return (float) (words[element % 4] >> 8) / 16777216.f;
}

static guint64
random_64 (void)
{
  return (guint64) (guint32) g_test_rand_int () << 32 | (guint32) g_test_rand_int ();
}

/* The vectors of Random123, kat_vectors, "philox4x32 10". */
static const struct
{
  guint32 counter[4], key[2], words[4];
} vectors[] = {
  { { 0 }, { 0 }, { 0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8 } },
  { { 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff },
    { 0xffffffff, 0xffffffff },
    { 0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd } },
  { { 0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344 },
    { 0xa4093822, 0x299f31d0 },
    { 0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1 } },
};

static void
test_known_answers (void)
{
  float uniform[4];

  for (guint i = 0; i < G_N_ELEMENTS (vectors); i++)
    {
      guint32 words[4];

      philox (vectors[i].counter, vectors[i].key, words);
      g_assert_cmpmem (words, sizeof words, vectors[i].words, sizeof vectors[i].words);
    }
  /* of these only the first is a counter that a stream can get to */
  seg_random_uniform (0, 0, 0, 4, uniform);
  for (guint i = 0; i < 4; i++)
    g_assert_cmpfloat (uniform[i], ==, (float) (vectors[0].words[i] >> 8) * 0x1p-24f);
}

/* Key, stream and element go where they do in tests/oracle/fill.py, too. */
static void
test_layout (void)
{
  static const guint64 corners[] = {
    0, 1, 3, 4, G_MAXUINT32, G_GUINT64_CONSTANT (0x100000000), G_GUINT64_CONSTANT (0x3ffffffff),
    G_GUINT64_CONSTANT (0x400000000), G_MAXUINT64 - 4, G_MAXUINT64,
  };
  float uniform;

  for (guint i = 0; i < G_N_ELEMENTS (corners); i++)
    for (guint j = 0; j < G_N_ELEMENTS (corners); j++)
      for (guint k = 0; k < G_N_ELEMENTS (corners); k++)
        {
          seg_random_uniform (corners[i], corners[j], corners[k], 1, &uniform);
          g_assert_cmpfloat (uniform, ==, reference (corners[i], corners[j], corners[k]));
        }
  for (guint i = 0; i < 10000; i++)
    {
      guint64 seed = random_64 (), stream = random_64 (), element = random_64 ();

      seg_random_uniform (seed, stream, element, 1, &uniform);
      g_assert_cmpfloat (uniform, ==, reference (seed, stream, element));
    }
}

typedef void (*Generator) (guint64 seed, guint64 stream, guint64 first_element, gsize n, float *to);

/* Cut anywhere, a sequence stays the same, and nothing is written behind its end. */
static void
assert_addressable (Generator generate)
{
  enum { N = 1000 };
  float whole[N], pieces[N + 1];

  for (guint round = 0; round < 200; round++)
    {
      guint64 seed = random_64 (), stream = random_64 (), first = random_64 () >> 2;

      generate (seed, stream, first, N, whole);
      for (gsize i = 0, n; i < N; i += n)
        {
          n = (gsize) g_test_rand_int_range (0, 12);
          n = MIN (n, N - i);
          pieces[i + n] = -7.f;
          generate (seed, stream, first + i, n, pieces + i);
          g_assert_cmpfloat (pieces[i + n], ==, -7.f);
        }
      g_assert_cmpmem (whole, sizeof whole, pieces, sizeof whole);
    }
}

static void
test_uniform_addressing (void)
{
  assert_addressable (seg_random_uniform);
}

static void
test_normal_addressing (void)
{
  assert_addressable (seg_random_normal);
}

/* Mean and variance of fixed sequences, within five of their own deviations. */
static void
assert_moments (Generator generate, double mean, double variance, double kurtosis)
{
  enum { N = 100000 };
  g_autofree float *x = g_new (float, N);

  for (guint64 stream = 0; stream < 5; stream++)
    {
      double sum = 0, squares = 0;

      generate (1, stream, 0, N, x);
      for (guint i = 0; i < N; i++)
        {
          sum += (double) x[i] - mean;
          squares += ((double) x[i] - mean) * ((double) x[i] - mean);
        }
      g_assert_cmpfloat (fabs (sum / N), <, 5 * sqrt (variance / N));
      g_assert_cmpfloat (fabs (squares / N - variance), <,
                         5 * variance * sqrt ((kurtosis - 1) / N));
    }
}

static void
test_uniform_moments (void)
{
  assert_moments (seg_random_uniform, 0.5, 1.0 / 12, 9.0 / 5);
}

static void
test_normal_moments (void)
{
  assert_moments (seg_random_normal, 0, 1, 3);
}

static void
test_uniform_range (void)
{
  enum { N = 1000000 };
  g_autofree float *uniform = g_new (float, N);

  seg_random_uniform (2, 3, 5, N, uniform);
  for (guint i = 0; i < N; i++)
    {
      g_assert_cmpfloat (uniform[i], >=, 0.f);
      g_assert_cmpfloat (uniform[i], <, 1.f);
      g_assert_cmpfloat (uniform[i] * 0x1p24f, ==, rintf (uniform[i] * 0x1p24f));
    }
}

/* Box and Muller from the uniform pair; finite, also where the first of the pair is 0. */
static void
test_normal (void)
{
  for (guint i = 0; i < 10000; i++)
    {
      guint64 seed = random_64 (), stream = random_64 (), element = random_64 () >> 1;
      double u = (double) reference (seed, stream, 2 * element);
      double v = (double) reference (seed, stream, 2 * element + 1);
      double expected = sqrt (-2 * log (1 - u)) * cos (2 * G_PI * v);
      float normal;

      seg_random_normal (seed, stream, element, 1, &normal);
      g_assert_cmpfloat_with_epsilon ((double) normal, expected, 1e-6);
    }
}

/* http://www.isthe.com/chongo/tech/comp/fnv/ gives the first four. */
static void
test_name_hash (void)
{
  static const struct
  {
    const char *name;
    guint64 hash;
  } known[] = {
    { "", G_GUINT64_CONSTANT (0xcbf29ce484222325) },
    { "a", G_GUINT64_CONSTANT (0xaf63dc4c8601ec8c) },
    { "b", G_GUINT64_CONSTANT (0xaf63df4c8601f1a5) },
    { "foobar", G_GUINT64_CONSTANT (0x85944171f73967e8) },
    { "encoder.conv1.weight", G_GUINT64_CONSTANT (0x18af8f52a40ee846) },
    { "zell\xc3\xa4hnlich", G_GUINT64_CONSTANT (0xc3c7e98c64eb7c51) },
  };

  for (guint i = 0; i < G_N_ELEMENTS (known); i++)
    g_assert_cmphex (seg_random_name_hash (known[i].name), ==, known[i].hash);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/random/known-answers", test_known_answers);
  g_test_add_func ("/random/layout", test_layout);
  g_test_add_func ("/random/uniform/addressing", test_uniform_addressing);
  g_test_add_func ("/random/uniform/moments", test_uniform_moments);
  g_test_add_func ("/random/uniform/range", test_uniform_range);
  g_test_add_func ("/random/normal/addressing", test_normal_addressing);
  g_test_add_func ("/random/normal/moments", test_normal_moments);
  g_test_add_func ("/random/normal/from-uniform", test_normal);
  g_test_add_func ("/random/name-hash", test_name_hash);
  return g_test_run ();
}
