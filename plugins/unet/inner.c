/* What encoders and decoders have in common: a block at each level, and the names of the
 * normalisation and activation in it. */
#include "unet.h"

G_DEFINE_ENUM_TYPE (SegUnetPadding, seg_unet_padding, G_DEFINE_ENUM_VALUE (SEG_UNET_SAME, "same"),
                    G_DEFINE_ENUM_VALUE (SEG_UNET_VALID, "valid"))

/* Installs "norm" and "activation"; a #SegUnetNames lies at @offset of the instance. */
void
_seg_unet_class_add_names (gpointer klass, gsize offset, const char *norm, const char *activation)
{
  seg_class_add_string (klass, "norm", offset + G_STRUCT_OFFSET (SegUnetNames, norm), norm,
                        "Normalisation after convolutions: NAME for the layer NAME-norm (batch, "
                        "instance, …), or none");
  seg_class_add_string (klass, "activation", offset + G_STRUCT_OFFSET (SegUnetNames, activation),
                        activation, "Layer after normalisations");
}

/* Installs "inner", and names for the default inner block; a #SegUnetInner lies at @offset. */
void
_seg_unet_class_add_inner (gpointer klass, gsize offset)
{
  seg_class_add_object (klass, "inner", offset + G_STRUCT_OFFSET (SegUnetInner, pattern),
                        SEG_TYPE_BLOCK,
                        "Block of each level; by default a double-conv, whose properties the "
                        "others here are");
  _seg_unet_class_add_names (klass, offset + G_STRUCT_OFFSET (SegUnetInner, names), "batch",
                             "relu");
}

void
_seg_unet_class_add_padding (gpointer klass, gsize offset)
{
  seg_class_add_enum (klass, "padding", offset + G_STRUCT_OFFSET (SegUnetInner, padding),
                      SEG_TYPE_UNET_PADDING, SEG_UNET_SAME,
                      "Whether 3×3 convolutions of the default inner block keep the size (same), "
                      "or give a pixel less on each side (valid)");
}

/* The block of one level: @inner's pattern, or else a double convolution, with so many channels.
 * NULL after failing the graph. */
SegBlock *
_seg_unet_new_inner (SegGraph *graph, const SegUnetInner *inner, gint64 channels,
                     gint64 mid_channels)
{
  SegBlock *block = NULL;
  GError *error = NULL;

  if (MIN (channels, mid_channels) < 1 || MAX (channels, mid_channels) > SEG_UNET_MAX_CHANNELS)
    g_set_error (&error, SEG_ERROR, SEG_ERROR_PARAM,
                 "a level of %" G_GINT64_FORMAT " channels is not supported: 1 to %d are", channels,
                 SEG_UNET_MAX_CHANNELS);
  else if (inner->pattern == NULL)
    block =
        seg_registry_create (seg_registry_get_default (), "double-conv", SEG_TYPE_BLOCK, &error,
                             "channels", (gint) channels, "mid-channels", (gint) mid_channels,
                             "norm", inner->names.norm, "activation", inner->names.activation,
                             "padding", inner->padding == SEG_UNET_VALID ? "valid" : "same", NULL);
  else if (seg_block_get_kind (inner->pattern) != SEG_BLOCK_MAP)
    g_set_error (&error, SEG_ERROR, SEG_ERROR_PARAM,
                 "%s cannot be an inner block: it does not turn one map into one map",
                 seg_type_get_feature (G_OBJECT_TYPE (inner->pattern)));
  else
    block = seg_object_copy_with (inner->pattern, &error, "channels", (gint) channels, NULL);

  if (error != NULL)
    seg_graph_fail (graph, error);
  return block;
}

gboolean
_seg_unet_has_norm (const char *norm)
{
  return g_strcmp0 (norm, "none") != 0;
}

/* Adds a layer, with @flag set to @value if it has such a property. */
static SegValue
seg_unet_add_flagged (SegGraph *graph, const char *name, const char *feature,
                      const SegValue *inputs, guint n_inputs, const char *flag, gboolean value)
{
  GType type = seg_registry_lookup (seg_registry_get_default (), feature);
  g_autoptr (GTypeClass) klass = type != G_TYPE_INVALID ? g_type_class_ref (type) : NULL;
  GParamSpec *pspec =
      klass != NULL ? g_object_class_find_property (G_OBJECT_CLASS (klass), flag) : NULL;

  if (pspec == NULL || !G_IS_PARAM_SPEC_BOOLEAN (pspec))
    flag = NULL;
  return seg_graph_add (graph, name, feature, inputs, n_inputs, flag, value, NULL);
}

/* Adds the layer @norm-norm, from whichever plugin, with scale and shift where they are a choice;
 * nothing for "none". */
SegValue
_seg_unet_add_norm (SegGraph *graph, const char *name, const char *norm, SegValue x)
{
  g_autofree char *feature = g_strconcat (norm != NULL ? norm : "", "-norm", NULL);

  if (!_seg_unet_has_norm (norm))
    return x;
  return seg_unet_add_flagged (graph, name, feature, SEG_IN (x), "affine", TRUE);
}

SegValue
_seg_unet_add_activation (SegGraph *graph, const char *name, const char *activation, SegValue x)
{
  return seg_graph_add (graph, name, activation != NULL ? activation : "", SEG_IN (x), NULL);
}

/* Adds the block @attention as `<name>.attention`; nothing for "none". */
SegValue
_seg_unet_add_attention (SegGraph *graph, const char *name, const char *attention, SegValue x)
{
  g_autoptr (SegBlock) block = NULL;
  GError *error = NULL;

  if (g_strcmp0 (attention, "none") == 0)
    return x;
  block = seg_registry_create (seg_registry_get_default (), attention != NULL ? attention : "",
                               SEG_TYPE_BLOCK, &error, NULL);
  if (block != NULL && seg_block_get_kind (block) != SEG_BLOCK_MAP)
    g_set_error (&error, SEG_ERROR, SEG_ERROR_PARAM,
                 "%s is no attention: it does not turn one map into one map", attention);
  if (error != NULL)
    {
      seg_graph_fail (graph, error);
      return 0;
    }
  seg_graph_push (graph, name);
  x = seg_block_build_map (block, graph, "attention", x);
  seg_graph_pop (graph);
  return x;
}

/* Adds the layer resize-@mode: to the second input's size, or else twice as large. */
SegValue
_seg_unet_add_resize (SegGraph *graph, const char *name, const char *mode, gboolean align_corners,
                      const SegValue *inputs, guint n_inputs)
{
  g_autofree char *feature = g_strconcat ("resize-", mode != NULL ? mode : "", NULL);

  return seg_unet_add_flagged (graph, name, feature, inputs, n_inputs, "align-corners",
                               align_corners);
}
