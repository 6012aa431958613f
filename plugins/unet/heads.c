/* Auxiliary heads: more places for a loss to look at while a network is trained. */
#include "unet.h"

/* Installs "auxiliary-heads", an int at @offset of the instance. */
void
_seg_unet_class_add_heads (gpointer klass, gsize offset)
{
  seg_class_add_int (klass, "auxiliary-heads", offset, 0, SEG_FEATURES_MAX - 1, 0,
                     "How many of the decoder's coarser maps, finest first, have logits of their "
                     "own behind the result's: for training");
}

/* Puts the logits of @decoder's coarser maps behind @logits: of each a 1×1 convolution, made as
 * large as @logits by straight lines. */
SegValue
_seg_unet_add_heads (SegGraph *graph, guint n_heads, SegBlock *decoder, const SegFeatures *maps,
                     SegValue logits)
{
  gint n_classes = (gint) seg_graph_get_channels (graph, logits);
  SegValue all[SEG_FEATURES_MAX] = { logits };

  if (n_heads == 0 || seg_graph_failed (graph))
    return logits;
  if (n_heads > maps->n - 1)
    {
      seg_graph_fail (graph, g_error_new (SEG_ERROR, SEG_ERROR_PARAM,
                                          "auxiliary-heads is %u, but %s has %u coarser map%s for "
                                          "them",
                                          n_heads, seg_type_get_feature (G_OBJECT_TYPE (decoder)),
                                          maps->n - 1, maps->n == 2 ? "" : "s"));
      return 0;
    }
  seg_graph_push (graph, "auxiliary_heads");
  for (guint i = 0; i < n_heads; i++)
    {
      g_autofree char *name = g_strdup_printf ("%u", i);
      SegValue x;

      seg_graph_push (graph, name);
      x = seg_graph_add (graph, "conv", "conv2d", SEG_IN (maps->values[i + 1]), "channels",
                         n_classes, "kernel-size", 1, NULL);
      all[i + 1] = seg_graph_add (graph, "resize", "resize-bilinear", SEG_IN (x, logits), NULL);
      seg_graph_pop (graph);
    }
  logits = seg_graph_add (graph, "concat", "concat", all, n_heads + 1, NULL);
  seg_graph_pop (graph);
  return logits;
}
