/* The promise, kept by the networks of the bench at each instruction level that the processor has,
 * since each chooses kernels of its own: the same bits whatever the tile, band or thread count. */
#include "network.h"

#define HEIGHT 133
#define WIDTH 197

/* tile and bands 0: whole */
static const struct
{
  gint64 tile, bands;
  guint n_threads;
} ways[] = { { 0, 0, 2 }, { 0, 16, 2 }, { 0, 50, 1 }, { 150, 0, 2 } };

typedef struct
{
  const char *name;
  const SegKernels *kernels;
} Case;

static void
assert_same_bytes (const NetworkMap *a, const NetworkMap *b, const char *way)
{
  gsize n = (gsize) (a->channels * a->height * a->width);

  for (gsize i = 0; i < n; i++)
    if (memcmp (&a->pixels[i], &b->pixels[i], sizeof (float)) != 0)
      {
        g_test_message ("%s: at (%d, %d): %.9g, not %.9g", way, (int) ((gint64) i % a->width),
                        (int) ((gint64) i / a->width % a->height), (double) b->pixels[i],
                        (double) a->pixels[i]);
        g_test_fail ();
        return;
      }
}

static void
test_seams (gconstpointer data)
{
  const Case *self = data;
  g_autofree char *file = g_strconcat (self->name, ".recipe", NULL);
  g_autofree char *path
      = g_test_build_filename (G_TEST_DIST, "tests", "bench", "models", file, NULL);
  g_autofree char *recipe = NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (SegModel) model = NULL;
  g_autoptr (SegPlan) plan = NULL;
  NetworkMap image = network_image_new (HEIGHT, WIDTH), first;

  g_file_get_contents (path, &recipe, NULL, &error);
  g_assert_no_error (error);
  model = seg_model_new_from_recipe (recipe, NETWORK_SEED, &error);
  g_assert_no_error (error);
  network_fill (seg_model_get_parameters (model));
  plan = seg_plan_new (seg_model_get_graph (model), seg_model_get_parameters (model),
                       SEG_PURPOSE_INFERENCE, self->kernels, NULL, &error);
  g_assert_no_error (error);

  first = network_run (plan, &image, 2, 0, 100, 1, NULL);
  for (gint64 i = 0; i < 2 * HEIGHT * WIDTH; i++)
    g_assert_true (isfinite (first.pixels[i]));
  for (guint i = 0; i < G_N_ELEMENTS (ways); i++)
    {
      g_autofree char *way = g_strdup_printf ("tile %d, bands %d, threads %u", (int) ways[i].tile,
                                              (int) ways[i].bands, ways[i].n_threads);
      NetworkMap other
          = network_run (plan, &image, 2, ways[i].tile, ways[i].bands, ways[i].n_threads, NULL);

      assert_same_bytes (&first, &other, way);
      g_free (other.pixels);
    }
  g_free (first.pixels);
  g_free (image.pixels);
}

int
main (int argc, char **argv)
{
  static const char *const names[] = { "a", "b", "c", "d" };
  const char *only = g_getenv ("SEGKIT_CPU");
  const SegKernels *kernels;

  g_test_init (&argc, &argv, NULL);
  seg_registry_load_default (seg_registry_get_default (), NULL);
  for (guint level = 0; (kernels = seg_kernels_get_level (level)) != NULL; level++)
    {
      if (only != NULL && !g_str_equal (only, kernels->level))
        continue;
      for (guint i = 0; i < G_N_ELEMENTS (names); i++)
        {
          Case one = { names[i], kernels };
          g_autofree char *path = g_strdup_printf ("/bench-seams/%s/%s", kernels->level, names[i]);

          g_test_add_data_func_full (path, g_memdup2 (&one, sizeof one), test_seams, g_free);
        }
    }
  return g_test_run ();
}
