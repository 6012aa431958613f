/* How an image is brought to a size that a network takes, and the result back to the image's. */
#include "unet.h"

/* @given, or else the feature @name at its defaults; NULL after failing the graph. */
SegBlock *
_seg_unet_get_part (SegGraph *graph, SegBlock *given, const char *name, SegBlockKind kind)
{
  const char *role = kind == SEG_BLOCK_ENCODER ? "encoder" : "decoder";
  GError *error = NULL;
  g_autoptr (SegBlock) part =
      given != NULL
          ? g_object_ref (given)
          : seg_registry_create (seg_registry_get_default (), name, SEG_TYPE_BLOCK, &error, NULL);

  if (part != NULL && seg_block_get_kind (part) != kind)
    g_set_error (&error, SEG_ERROR, SEG_ERROR_PARAM, "%s: %s is no %s", role,
                 seg_type_get_feature (G_OBJECT_TYPE (part)), role);
  if (error == NULL)
    return g_steal_pointer (&part);
  seg_graph_fail (graph, error);
  return NULL;
}

/* Finds which sizes lose least between image and @result, by asking for the shape that one whole
 * period of sizes gives; @stride is that of the coarsest map. FALSE if nothing needs to be done:
 * every size gives itself, or none gives anything. */
gboolean
_seg_unet_derive_fit (SegGraph *graph, SegValue result, gint64 stride, SegUnetFit *fit)
{
  gint64 first = stride * MAX (64, 4096 / stride); /* large enough for any margin there is */
  gboolean needed = FALSE;

  *fit = (SegUnetFit){ .multiple = stride, .margin = G_MAXINT64 };
  for (gint64 r = 0; r < stride; r++)
    {
      SegShape shape;
      gboolean fits = seg_graph_infer (graph, result, first + r, first + r, &shape, NULL);

      needed |= !fits || shape.h != first + r;
      if (fits && first + r - shape.h < fit->margin)
        {
          fit->margin = first + r - shape.h;
          fit->remainder = r;
        }
    }
  return needed && fit->margin >= 0 && fit->margin != G_MAXINT64;
}

/* Half of the margin belongs to each side, and so does half of what is added to round up: that is
 * where a crop to the centre takes it away again. */
SegValue
_seg_unet_add_fit (SegGraph *graph, const SegUnetFit *fit, const char *mode, SegValue image)
{
  gint before = (gint) (fit->margin / 2), after = (gint) (fit->margin - before);

  return seg_graph_add (graph, "pad", "pad", SEG_IN (image), "mode", mode, "top", before, "left",
                        before, "bottom", after, "right", after, "multiple", (gint) fit->multiple,
                        "remainder", (gint) fit->remainder, NULL);
}
