#include <pthread.h>
#include <string.h>

#include <segkit/error.h>
#include <segkit/memory.h>

#define MIB ((gsize) 1024 * 1024)

/* A size that no machine has must come back as an error from the sanitizers' allocators, too. */
const char *__asan_default_options (void);
const char *__tsan_default_options (void);

const char *
__asan_default_options (void)
{
  return "allocator_may_return_null=1";
}

const char *
__tsan_default_options (void)
{
  return "allocator_may_return_null=1";
}

/* Nothing is given, nothing is booked, and the message says for what and why. */
static void
expect_refusal (gsize n, gsize element_size, const char *reason)
{
  g_autoptr (GError) error = NULL;
  gsize used = seg_memory_get_used (), peak = seg_memory_get_peak ();

  g_assert_null (seg_alloc (n, element_size, "a thing", &error));
  g_assert_error (error, SEG_ERROR, SEG_ERROR_MEMORY);
  g_assert_true (g_str_has_prefix (error->message, "a thing: "));
  g_assert_nonnull (strstr (error->message, reason));
  g_assert_cmpuint (seg_memory_get_used (), ==, used);
  g_assert_cmpuint (seg_memory_get_peak (), ==, peak);
}

static gpointer
expect_memory (gsize n, gsize element_size)
{
  g_autoptr (GError) error = NULL;
  gpointer memory = seg_alloc (n, element_size, "a thing", &error);

  g_assert_no_error (error);
  g_assert_nonnull (memory);
  return memory;
}

static void
test_alignment (void)
{
  static const gsize sizes[] = { 0, 1, 3, 4, 63, 64, 65, 127, 128, 129, 1000, 4096, 100001, MIB };

  for (guint i = 0; i < G_N_ELEMENTS (sizes); i++)
    {
      guchar *memory = expect_memory (sizes[i], 1), *other = expect_memory (1, sizes[i]);

      g_assert_cmpuint ((guintptr) memory % SEG_MEMORY_ALIGNMENT, ==, 0);
      g_assert_cmpuint ((guintptr) other % SEG_MEMORY_ALIGNMENT, ==, 0);
      memset (memory, 1, sizes[i]);
      memset (other, 2, sizes[i]);
      for (gsize j = 0; j < sizes[i]; j++)
        g_assert_cmpuint (memory[j], ==, 1);
      seg_free (memory);
      seg_free (other);
    }
}

static void
test_overflow (void)
{
  expect_refusal (G_MAXSIZE, 2, "too much to count");
  expect_refusal (G_MAXSIZE / 4 + 1, 4, "too much to count");
  expect_refusal ((gsize) 1 << 32, (gsize) 1 << 32, "too much to count");
  expect_refusal (((gsize) 1 << 32) + 1, (gsize) 1 << 32, "too much to count");
  /* the product can be counted, but not what is kept beside it */
  for (gsize short_of = 0; short_of < 2 * SEG_MEMORY_ALIGNMENT; short_of++)
    expect_refusal (G_MAXSIZE - short_of, 1, "too much to count");
}

static void
test_refused_by_system (void)
{
  expect_refusal ((gsize) 1 << 60, 1, "the system has not");
  expect_refusal (G_MAXSIZE - 4096, 1, "the system has not");
}

static void
test_limit (void)
{
  gsize before = seg_memory_get_used ();
  gpointer half;

  seg_memory_set_limit (before + MIB);
  expect_refusal (MIB, 1, "limit"); /* what is kept beside it counts */
  expect_refusal (MIB / 4, 8, "limit");
  half = expect_memory (MIB / 2, 1);
  expect_refusal (MIB / 2, 1, "limit");
  seg_free (expect_memory (MIB / 4, 1));
  seg_free (half);
  seg_free (expect_memory (MIB / 8, 7));

  seg_memory_set_limit (0);
  seg_free (expect_memory (2 * MIB, 1));
  g_assert_cmpuint (seg_memory_get_used (), ==, before);
}

/* A limit below what is in use refuses all, but what is there stays. */
static void
test_limit_below_use (void)
{
  guchar *kept = expect_memory (MIB, 1);

  seg_memory_set_limit (1);
  expect_refusal (1, 1, "limit");
  expect_refusal (0, 1, "limit");
  memset (kept, 1, MIB);
  seg_free (kept);
  seg_memory_set_limit (0);
}

static void
test_used (void)
{
  static const gsize sizes[] = { 1, 64, 1000, MIB, 4 * MIB, 5 * MIB + 1 };
  gpointer memory[G_N_ELEMENTS (sizes)];
  gsize before = seg_memory_get_used (), sum = 0;

  for (guint i = 0; i < G_N_ELEMENTS (sizes); i++)
    {
      memory[i] = expect_memory (sizes[i], 1);
      sum += sizes[i];
      g_assert_cmpuint (seg_memory_get_used (), >=, before + sum);
      g_assert_cmpuint (seg_memory_get_used (), <,
                        before + sum + (i + 1) * 2 * SEG_MEMORY_ALIGNMENT);
    }
  for (guint i = 0; i < G_N_ELEMENTS (sizes); i++)
    seg_free (memory[i]);
  g_assert_cmpuint (seg_memory_get_used (), ==, before);
  seg_free (NULL);
  g_assert_cmpuint (seg_memory_get_used (), ==, before);
}

static void
test_peak (void)
{
  gsize peak = seg_memory_get_peak (), before = seg_memory_get_used (), higher;
  gpointer first = expect_memory (peak, 1), second = expect_memory (MIB, 1);

  higher = seg_memory_get_peak ();
  g_assert_cmpuint (higher, ==, seg_memory_get_used ());
  g_assert_cmpuint (higher, >=, peak + MIB);
  seg_free (first);
  seg_free (second);
  g_assert_cmpuint (seg_memory_get_used (), ==, before);
  g_assert_cmpuint (seg_memory_get_peak (), ==, higher);
  seg_free (expect_memory (MIB, 1));
  g_assert_cmpuint (seg_memory_get_peak (), ==, higher);
}

static void *
take_and_give (void *data)
{
  (void) data;
  for (guint i = 0; i < 2000; i++)
    {
      gpointer memory = seg_alloc (1 + i % 1000, 64, "a thing", NULL);
      seg_free (memory);
    }
  return NULL;
}

static void
test_threads (void)
{
  gsize before = seg_memory_get_used (), limit = seg_memory_get_peak () + 100000;
  pthread_t threads[4];

  seg_memory_set_limit (limit);
  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    g_assert_cmpint (pthread_create (&threads[i], NULL, take_and_give, NULL), ==, 0);
  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    g_assert_cmpint (pthread_join (threads[i], NULL), ==, 0);
  seg_memory_set_limit (0);
  g_assert_cmpuint (seg_memory_get_used (), ==, before);
  g_assert_cmpuint (seg_memory_get_peak (), <=, limit);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/memory/alignment", test_alignment);
  g_test_add_func ("/memory/overflow", test_overflow);
  g_test_add_func ("/memory/refused-by-system", test_refused_by_system);
  g_test_add_func ("/memory/limit", test_limit);
  g_test_add_func ("/memory/limit-below-use", test_limit_below_use);
  g_test_add_func ("/memory/used", test_used);
  g_test_add_func ("/memory/peak", test_peak);
  g_test_add_func ("/memory/threads", test_threads);
  return g_test_run ();
}
