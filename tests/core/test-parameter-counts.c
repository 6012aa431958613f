/* Trained numbers of each network: they are published, and a wrong one betrays a wrong layer. */
#include "zoo.h"

typedef struct
{
  const char *name, *model;
  gint64 count;
} Network;

#define CLASSIC(more) "type=unet\nclasses=2\n[model.encoder]\ntype=unet-encoder\nchannels=64\n" more

static const Network networks[] = {
  /* the table of segmentation_models.pytorch, three bands to one class */
  { "resnet18", ZOO_SMP ("type=resnet-encoder\ndepth=18", "1"), 14328209 },
  { "resnet34", ZOO_SMP ("type=resnet-encoder\ndepth=34", "1"), 24436369 },
  { "resnet50", ZOO_SMP ("type=resnet-encoder\ndepth=50", "1"), 32521105 },
  { "densenet121", ZOO_SMP ("type=densenet-encoder\ndepth=121", "1"), 13607633 },
  /* the usual PyTorch U-Net of width 64, three bands to two classes */
  { "classic", CLASSIC ("depth=4\n[model.decoder]\ntype=unet-decoder"), 31037698 },
  /* eleven classes. The paper's table 1 says 1.5, 3.5 and 9.4 million; the authors' program counts
   * running means and variances, too, and so gives 1.40, 3.50 and 9.43 */
  { "fc-densenet56", "type=fc-densenet\nclasses=11\ndepth=56", 1376795 },
  { "fc-densenet67", "type=fc-densenet\nclasses=11\ndepth=67", 3463243 },
  { "fc-densenet103", "type=fc-densenet\nclasses=11\ndepth=103", 9322091 },
};

/* The same with running statistics. */
static const Network with_statistics[] = {
  { "fc-densenet56", "type=fc-densenet\nclasses=11\ndepth=56", 1397963 },
  { "fc-densenet67", "type=fc-densenet\nclasses=11\ndepth=67", 3502923 },
  { "fc-densenet103", "type=fc-densenet\nclasses=11\ndepth=103", 9425163 },
};

static gint64
count (const char *model, gboolean statistics)
{
  g_autoptr (SegGraph) graph = zoo_graph_new (model);
  g_autoptr (SegParameters) parameters = seg_parameters_new (graph);
  gint64 total = 0;

  for (guint i = 0; i < seg_parameters_get_n (parameters); i++)
    {
      SegRole role = seg_parameters_get_role (parameters, i);
      guint rank;
      const gint64 *dims = seg_parameters_get_shape (parameters, i, &rank);
      gint64 n = 1;

      for (guint d = 0; d < rank; d++)
        n *= dims[d];
      if (role != SEG_ROLE_COUNTER && (role != SEG_ROLE_STATE || statistics))
        total += n;
    }
  return total;
}

static void
test_trained (gconstpointer data)
{
  const Network *network = data;

  g_assert_cmpint (count (network->model, FALSE), ==, network->count);
}

static void
test_with_statistics (gconstpointer data)
{
  const Network *network = data;

  g_assert_cmpint (count (network->model, TRUE), ==, network->count);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  seg_registry_load_default (seg_registry_get_default (), NULL);
  for (guint i = 0; i < G_N_ELEMENTS (networks); i++)
    {
      g_autofree char *path = g_strconcat ("/parameter-counts/trained/", networks[i].name, NULL);
      g_test_add_data_func (path, &networks[i], test_trained);
    }
  for (guint i = 0; i < G_N_ELEMENTS (with_statistics); i++)
    {
      g_autofree char *path =
          g_strconcat ("/parameter-counts/with-statistics/", with_statistics[i].name, NULL);
      g_test_add_data_func (path, &with_statistics[i], test_with_statistics);
    }
  return g_test_run ();
}
