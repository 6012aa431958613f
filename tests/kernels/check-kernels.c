/* Every kernel of every instruction-set level that this processor runs, in the manner of dav1d's
 * checkasm: against a plain reference in double precision, at random and at awkward shapes, with
 * memory around each buffer that must not be touched.
 *
 * check-kernels --bench prints the speed of each instead. */
#include <string.h>

#include "check.h"

static void
test_table (gconstpointer data)
{
  const SegKernels *kernels = data;

  g_assert_true (seg_kernels_lookup (kernels->level) == kernels);
  g_assert_cmpint (kernels->lanes, >=, 1);
}

static void
test_lookup (void)
{
  g_assert_cmpstr (seg_kernels_get_level (0)->level, ==, "base");
  g_assert_null (seg_kernels_lookup ("x86-64-v99"));
  g_assert_null (seg_kernels_lookup (""));
}

static void
test_mask_chosen (void)
{
  g_assert_cmpstr (seg_kernels_get ()->level, ==, g_getenv ("SEGKIT_TEST_EXPECTED"));
}

/* In a process of its own: the level may be chosen once for all. */
static void
assert_masked (const char *mask, const char *expected)
{
  g_test_message ("SEGKIT_CPU=%s", mask);
  g_setenv ("SEGKIT_CPU", mask, TRUE);
  g_setenv ("SEGKIT_TEST_EXPECTED", expected, TRUE);
  g_test_trap_subprocess ("/kernels/mask/subprocess", 0, G_TEST_SUBPROCESS_DEFAULT);
  g_test_trap_assert_passed ();
}

static void
test_mask (void)
{
  g_autofree char *before = g_strdup (g_getenv ("SEGKIT_CPU"));
  const SegKernels *kernels, *best = NULL;

  for (guint i = 0; (kernels = seg_kernels_get_level (i)) != NULL; i++)
    {
      assert_masked (kernels->level, kernels->level);
      best = kernels;
    }
  assert_masked ("", best->level);
  assert_masked ("x86-64-v99", best->level);

  if (before != NULL)
    g_setenv ("SEGKIT_CPU", before, TRUE);
  else
    g_unsetenv ("SEGKIT_CPU");
}

int
main (int argc, char **argv)
{
  static const struct
  {
    const char *name;
    GTestDataFunc func;
  } of_each_level[] = {
    { "table", test_table },
    { "affine", test_affine },
    { "add", test_add },
    { "maximum", test_maximum },
    { "product", test_product },
    { "product-order", test_product_order },
    { "narrow", test_narrow },
    { "finish", test_finish },
    { "prologue", test_prologue },
    { "winograd-input", test_winograd_input },
    { "winograd-output", test_winograd_output },
    { "winograd-error", test_winograd_error },
    { "outer", test_outer },
    { "outer-order", test_outer_order },
    { "winograd-adjoint", test_winograd_adjoint },
    { "winograd-filter", test_winograd_filter },
    { "lanes", test_lanes },
    { "unclamp", test_unclamp },
    { "norm-sums", test_norm_sums },
    { "norm-gradient", test_norm_gradient },
  };
  const SegKernels *kernels;

  g_test_init (&argc, &argv, NULL);
  if (argc == 2 && strcmp (argv[1], "--bench") == 0)
    return bench_all ();

  for (guint level = 0; (kernels = seg_kernels_get_level (level)) != NULL; level++)
    for (guint i = 0; i < G_N_ELEMENTS (of_each_level); i++)
      {
        g_autofree char *path =
            g_strdup_printf ("/kernels/%s/%s", of_each_level[i].name, kernels->level);
        g_test_add_data_func (path, kernels, of_each_level[i].func);
      }
  g_test_add_func ("/kernels/winograd-weights", test_winograd_weights);
  g_test_add_func ("/kernels/lookup", test_lookup);
  g_test_add_func ("/kernels/mask", test_mask);
  g_test_add_func ("/kernels/mask/subprocess", test_mask_chosen);
  return g_test_run ();
}
