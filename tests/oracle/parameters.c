/* Lists what a recipe's network has, for the oracle: parameters RECIPE prints a line for each
 * parameter, its name and its sizes. Takes no memory for them. The model may be any block. */
#include <stdio.h>

#include <segkit/segkit.h>

/* The block [model] on an image of three channels. */
static SegGraph *
build (const char *path, GError **error)
{
  g_autofree char *text = NULL;
  gsize length;
  g_autoptr (GKeyFile) recipe = NULL;
  g_autoptr (SegBlock) block = NULL;
  g_autoptr (SegGraph) graph = seg_graph_new ();
  SegFeatures in = { .n = 1, .strides = { 1 } }, out;

  if (!g_file_get_contents (path, &text, &length, error)
      || (recipe = seg_recipe_parse (text, length, error)) == NULL
      || (block = seg_recipe_build_block (recipe, "model", error)) == NULL)
    return NULL;
  in.values[0] = seg_graph_add_input (graph, "image", 3);
  seg_block_build (block, graph, NULL, &in, &out);
  if (!seg_graph_failed (graph))
    seg_graph_set_output (graph, out.values[out.n - 1]);
  return seg_graph_finish (graph, error) ? g_steal_pointer (&graph) : NULL;
}

int
main (int argc, char **argv)
{
  g_autoptr (SegGraph) graph = NULL;
  g_autoptr (SegParameters) parameters = NULL;
  g_autoptr (GError) error = NULL;

  if (argc != 2)
    {
      fprintf (stderr, "usage: parameters RECIPE\n");
      return 2;
    }
  seg_registry_load_default (seg_registry_get_default (), NULL);
  if ((graph = build (argv[1], &error)) == NULL)
    {
      fprintf (stderr, "%s\n", error->message);
      return 1;
    }
  parameters = seg_parameters_new (graph);
  for (guint i = 0; i < seg_parameters_get_n (parameters); i++)
    {
      guint rank;
      const gint64 *dims = seg_parameters_get_shape (parameters, i, &rank);

      printf ("%s", seg_parameters_get_name (parameters, i));
      for (guint d = 0; d < rank; d++)
        printf (" %" G_GINT64_FORMAT, dims[d]);
      printf ("\n");
    }
  return 0;
}
