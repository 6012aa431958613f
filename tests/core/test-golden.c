/* Against PyTorch where there is no PyTorch: tests/oracle/make-golden.py has kept its logits. */
#include "network.h"

/* Of the largest logit; issue and README promise it. */
#define TOLERANCE 1e-4

typedef struct
{
  const char *network;
  gint64 height, width;
} Golden;

static NetworkMap
golden_read (const Golden *golden)
{
  g_autofree char *name = g_strdup_printf ("%s-%dx%d.safetensors", golden->network,
                                           (int) golden->height, (int) golden->width);
  g_autofree char *path = g_test_build_filename (G_TEST_DIST, "tests", "oracle", "golden", name, NULL);
  g_autoptr (GError) error = NULL;
  g_autoptr (SegSafetensors) file = seg_safetensors_read (path, &error);
  NetworkMap map = network_map_new (2, golden->height, golden->width);
  SegTensor *logits;

  g_assert_no_error (error);
  logits = seg_safetensors_lookup (file, "logits");
  g_assert_cmpint (seg_tensor_get_n_elements (logits), ==, 2 * golden->height * golden->width);
  memcpy (map.pixels, logits->data, seg_tensor_get_n_bytes (logits));
  return map;
}

static double
largest_difference (const NetworkMap *a, const NetworkMap *b)
{
  double largest = 0.0, difference = 0.0;

  for (gint64 i = 0; i < a->channels * a->height * a->width; i++)
    {
      double d = fabs ((double) a->pixels[i] - (double) b->pixels[i]);

      largest = MAX (largest, fabs ((double) a->pixels[i]));
      difference = d > difference || isnan (d) ? d : difference;
    }
  return difference / largest;
}

static void
test_golden (gconstpointer data)
{
  const Golden *golden = data;
  g_autoptr (SegModel) model = network_new (golden->network, 8);
  NetworkMap expected = golden_read (golden);
  NetworkMap image = network_image_new (golden->height, golden->width);
  const SegKernels *kernels;

  network_fill (seg_model_get_parameters (model));
  for (guint level = 0; (kernels = seg_kernels_get_level (level)) != NULL; level++)
    for (guint passes = 0; passes < 2; passes++)
      {
        g_autoptr (GError) error = NULL;
        g_autoptr (SegPlan) plan
            = seg_plan_new (seg_model_get_graph (model), seg_model_get_parameters (model),
                            SEG_PURPOSE_INFERENCE, kernels, passes ? NULL : "-all", &error);
        NetworkMap logits;
        double difference;

        g_assert_no_error (error);
        logits = network_run (plan, &image, 2, 0, 0, 1, NULL);
        difference = largest_difference (&expected, &logits);
        g_test_message ("%s, passes %s: %.2g of the largest logit", kernels->level,
                        passes ? "on" : "off", difference);
        g_assert_cmpfloat (difference, <=, TOLERANCE);
        g_free (logits.pixels);
      }
  g_free (expected.pixels);
  g_free (image.pixels);
}

int
main (int argc, char **argv)
{
  static const Golden goldens[] = {
    { "classic", 64, 64 },  { "classic", 75, 53 },  { "resnet18", 64, 64 },
    { "resnet18", 75, 53 }, { "resnet34", 64, 64 }, { "resnet34", 75, 53 },
  };

  g_test_init (&argc, &argv, NULL);
  seg_registry_load_default (seg_registry_get_default (), NULL);
  for (guint i = 0; i < G_N_ELEMENTS (goldens); i++)
    {
      g_autofree char *path = g_strdup_printf ("/golden/%s/%dx%d", goldens[i].network,
                                               (int) goldens[i].height, (int) goldens[i].width);
      g_test_add_data_func (path, &goldens[i], test_golden);
    }
  return g_test_run ();
}
