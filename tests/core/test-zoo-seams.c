/* The promise, kept by the zoo: the same bits whatever the tile, band or thread count. With `-m
 * slow` more networks, more ways and an image of six million pixels. */
#include "zoo.h"

typedef struct
{
  const char *name, *model;
} Network;

/* tile and bands 0: whole */
typedef struct
{
  gint64 tile, bands;
  guint n_threads;
} Way;

typedef struct
{
  const Network *network;
  gint64 height, width;
  const Way *ways;
  guint n_ways;
} Case;

static const Network quick[] = {
  { "resnet50", ZOO_SMP ("type=resnet-encoder\ndepth=50", "2") },
  { "pre-activation18", ZOO_SMP ("type=resnet-encoder\ndepth=18\npre-activation=true", "2") },
  { "densenet121", ZOO_SMP ("type=densenet-encoder\ndepth=121", "2") },
  { "fc-densenet56", "type=fc-densenet\nclasses=2\ndepth=56" },
};

static const Network slow[] = {
  { "resnet101", ZOO_SMP ("type=resnet-encoder\ndepth=101", "2") },
  { "resnext50", ZOO_SMP ("type=resnet-encoder\ndepth=50\ngroups=32\nwidth-per-group=4", "2") },
  { "pre-activation50", ZOO_SMP ("type=resnet-encoder\ndepth=50\npre-activation=true", "2") },
  { "densenet201", ZOO_SMP ("type=densenet-encoder\ndepth=201", "2") },
  { "fc-densenet103", "type=fc-densenet\nclasses=2\ndepth=103" },
};

/* The slow ones come last. */
static const Way ways[] = {
  { 0, 0, 2 },   { 0, 16, 1 }, { 0, 100, 2 }, { 200, 0, 1 },
  { 0, 100, 1 }, { 0, 16, 2 }, { 0, 1, 1 },   { 150, 0, 2 },
};

#define N_QUICK_WAYS 4

/* Beside the quick networks, of a large image: the spine's, and what pads by its own size. */
static const Network large[] = {
  { "classic", "type=unet\nclasses=2\n[model.encoder]\ntype=unet-encoder\nchannels=16\n"
               "[model.decoder]\ntype=unet-decoder" },
  { "valid", "type=unet\nclasses=2\n[model.encoder]\ntype=unet-encoder\nchannels=16\n"
             "padding=valid\n[model.decoder]\ntype=unet-decoder\npadding=valid" },
  { "resnet18", ZOO_SMP ("type=resnet-encoder\ndepth=18", "2") },
  { "resnet34", ZOO_SMP ("type=resnet-encoder\ndepth=34", "2") },
};

static const Way large_ways[] = { { 0, 0, 2 }, { 0, 16, 2 }, { 1000, 0, 2 } };

static void
assert_same_bytes (const NetworkMap *a, const NetworkMap *b, const char *way)
{
  gsize n = (gsize) (a->channels * a->height * a->width);

  for (gsize i = 0; i < n; i++)
    if (memcmp (&a->pixels[i], &b->pixels[i], sizeof (float)) != 0)
      {
        gint64 x = (gint64) i % a->width, y = (gint64) i / a->width % a->height;

        g_test_message ("%s: at (%d, %d): %.9g, not %.9g", way, (int) x, (int) y,
                        (double) b->pixels[i], (double) a->pixels[i]);
        g_test_fail ();
        return;
      }
}

static void
test_seams (gconstpointer data)
{
  const Case *self = data;
  g_autofree char *recipe = zoo_recipe (self->network->model);
  g_autoptr (GError) error = NULL;
  g_autoptr (SegModel) model = seg_model_new_from_recipe (recipe, NETWORK_SEED, &error);
  g_autoptr (SegPlan) plan = NULL;
  NetworkMap image = network_image_new (self->height, self->width), first;

  g_assert_no_error (error);
  network_fill (seg_model_get_parameters (model));
  plan = seg_plan_new (seg_model_get_graph (model), seg_model_get_parameters (model),
                       SEG_PURPOSE_INFERENCE, NULL, NULL, &error);
  g_assert_no_error (error);

  first = network_run (plan, &image, 2, 0, 100, 1, NULL);
  for (gint64 i = 0; i < 2 * self->height * self->width; i++)
    g_assert_true (isfinite (first.pixels[i]));
  for (guint i = 0; i < self->n_ways; i++)
    {
      const Way *way = &self->ways[i];
      g_autofree char *name = g_strdup_printf ("tile %d, bands %d, threads %u", (int) way->tile,
                                               (int) way->bands, way->n_threads);
      NetworkMap other
          = network_run (plan, &image, 2, way->tile, way->bands, way->n_threads, NULL);

      assert_same_bytes (&first, &other, name);
      g_free (other.pixels);
    }
  g_free (first.pixels);
  g_free (image.pixels);
}

static void
add_tests (const Network *networks, gsize n)
{
  for (gsize i = 0; i < n; i++)
    {
      Case one = { &networks[i], 389, 517, ways,
                   g_test_slow () ? G_N_ELEMENTS (ways) : N_QUICK_WAYS };
      g_autofree char *path = g_strconcat ("/zoo-seams/", networks[i].name, NULL);

      g_test_add_data_func_full (path, g_memdup2 (&one, sizeof one), test_seams, g_free);
    }
}

static void
add_large_tests (const Network *networks, gsize n)
{
  for (gsize i = 0; i < n; i++)
    {
      Case one = { &networks[i], 2000, 3000, large_ways, G_N_ELEMENTS (large_ways) };
      g_autofree char *path = g_strconcat ("/zoo-seams-large/", networks[i].name, NULL);

      g_test_add_data_func_full (path, g_memdup2 (&one, sizeof one), test_seams, g_free);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  seg_registry_load_default (seg_registry_get_default (), NULL);
  add_tests (quick, G_N_ELEMENTS (quick));
  if (g_test_slow ())
    {
      add_tests (slow, G_N_ELEMENTS (slow));
      add_large_tests (large, G_N_ELEMENTS (large));
      add_large_tests (quick, G_N_ELEMENTS (quick));
    }
  return g_test_run ();
}
