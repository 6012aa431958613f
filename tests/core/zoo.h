/* Networks of the zoo, from the text of their recipes. */
#pragma once

#include "network.h"

#define ZOO_SMP(encoder, classes)                                                                  \
  "type=unet\nclasses=" classes "\nhead-kernel-size=3\n[model.decoder]\ntype=unet-smp-decoder\n"   \
  "[model.encoder]\n" encoder

/* The recipe of which @model is the group [model] and what follows. */
static inline char *
zoo_recipe (const char *model)
{
  return g_strconcat ("[segkit]\nformat=1\n[input]\nchannels=3\n[classes]\nnames=a;b\n[model]\n",
                      model, "\n", NULL);
}

/* The graph alone: no memory is taken for parameters. */
static inline SegGraph *
zoo_graph_new (const char *model)
{
  g_autofree char *text = zoo_recipe (model);
  g_autoptr (GError) error = NULL;
  g_autoptr (GKeyFile) recipe = seg_recipe_parse (text, strlen (text), &error);
  g_autoptr (SegBlock) block = NULL;
  SegGraph *graph = seg_graph_new ();
  SegFeatures in = { .n = 1, .strides = { 1 } }, out;

  g_assert_no_error (error);
  block = seg_recipe_build_block (recipe, "model", &error);
  g_assert_no_error (error);
  in.values[0] = seg_graph_add_input (graph, "image", 3);
  seg_block_build (block, graph, NULL, &in, &out);
  if (out.n > 0)
    seg_graph_set_output (graph, out.values[0]);
  seg_graph_finish (graph, &error);
  g_assert_no_error (error);
  return graph;
}
