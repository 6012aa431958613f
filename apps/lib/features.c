/* What plugins have to offer, as text for a terminal. */
#include <string.h>

#include <segkit/seg-plugin.h>

#include "features.h"
#include "path.h"
#include "table.h"
#include "units.h"

#define SEG_FEATURES_WIDTH 100

/* In the order in which they are listed. */
static const char *const seg_features_kinds[] = { "model", "encoder", "decoder",
                                                  "block", "layer",   "format",
                                                  "loss",  "optimizer", "schedule" };

/* ---- one feature ----------------------------------------------------------------------- */

static const char *
seg_features_get_block_kind (SegBlock *block)
{
  switch (seg_block_get_kind (block))
    {
    case SEG_BLOCK_MODEL:
      return "model";
    case SEG_BLOCK_ENCODER:
      return "encoder";
    case SEG_BLOCK_DECODER:
      return "decoder";
    case SEG_BLOCK_MAP:
    default:
      return "block";
    }
}

/**
 * seg_features_describe: (skip)
 * @name: of a feature
 * @info: (out caller-allocates): what it says of itself; its object is the caller's
 *
 * Returns: whether there is such a feature
 */
gboolean
seg_features_describe (const char *name, SegFeatureInfo *info)
{
  SegRegistry *registry = seg_registry_get_default ();
  GType type = seg_registry_lookup (registry, name);

  if (type == G_TYPE_INVALID)
    return FALSE;
  *info = (SegFeatureInfo){ .name = name,
                            .plugin = seg_registry_get_plugin (registry, name),
                            .object = g_object_new (type, NULL) };
  info->kind = SEG_IS_BLOCK (info->object) ? seg_features_get_block_kind (SEG_BLOCK (info->object))
                                           : seg_type_get_kind (type);
  info->title = seg_feature_get_title (info->object);
  info->source = seg_feature_get_source (info->object);
  return TRUE;
}

/* What may be written behind the property's name. */
static char *
seg_features_dup_range (GParamSpec *pspec)
{
  if (G_IS_PARAM_SPEC_INT (pspec))
    return g_strdup_printf ("whole number, %d to %d", G_PARAM_SPEC_INT (pspec)->minimum,
                            G_PARAM_SPEC_INT (pspec)->maximum);
  if (G_IS_PARAM_SPEC_FLOAT (pspec))
    return g_strdup_printf ("number, %g to %g", (double) G_PARAM_SPEC_FLOAT (pspec)->minimum,
                            (double) G_PARAM_SPEC_FLOAT (pspec)->maximum);
  if (G_IS_PARAM_SPEC_BOOLEAN (pspec))
    return g_strdup ("true or false");
  if (G_IS_PARAM_SPEC_ENUM (pspec))
    {
      const GEnumClass *klass = G_PARAM_SPEC_ENUM (pspec)->enum_class;
      g_autoptr (GString) text = g_string_new (NULL);

      for (guint i = 0; i < klass->n_values; i++)
        g_string_append_printf (text, "%s%s",
                                i == 0                    ? ""
                                : i + 1 < klass->n_values ? ", "
                                                          : " or ",
                                klass->values[i].value_nick);
      return g_string_free (g_steal_pointer (&text), FALSE);
    }
  if (G_IS_PARAM_SPEC_OBJECT (pspec))
    return g_strdup_printf ("a %s, in a group [….%s]", seg_type_get_kind (pspec->value_type),
                            pspec->name);
  return g_strdup ("text");
}

/* As a line of a recipe that changes nothing. */
static char *
seg_features_dup_setting (GParamSpec *pspec)
{
  const GValue *value = g_param_spec_get_default_value (pspec);
  g_autofree char *text = seg_value_to_string (value);

  return G_IS_PARAM_SPEC_OBJECT (pspec) ? g_strdup (pspec->name)
                                        : g_strdup_printf ("%s=%s", pspec->name, text);
}

static void
seg_features_print_properties (GObjectClass *klass, GString *out)
{
  guint n;
  g_autofree GParamSpec **pspecs = g_object_class_list_properties (klass, &n);

  for (guint i = 0; i < n; i++)
    {
      g_autofree char *setting = seg_features_dup_setting (pspecs[i]);
      g_autofree char *range = seg_features_dup_range (pspecs[i]);
      const char *blurb = g_param_spec_get_blurb (pspecs[i]);

      g_string_append_printf (out, "\n  %s    (%s)\n", setting, range);
      if (blurb != NULL)
        seg_table_print_wrapped (blurb, 6, SEG_FEATURES_WIDTH, out);
    }
  if (n == 0)
    g_string_append (out, "\n  no properties\n");
}

/* What a recipe cannot change, of a layer. */
static void
seg_features_print_layer (SegLayer *layer, GString *out)
{
  SegLayerClass *klass = SEG_LAYER_GET_CLASS (layer);

  if (klass->min_inputs == klass->max_inputs)
    g_string_append_printf (out, "Reads %u map%s.\n", klass->min_inputs,
                            seg_units_plural (klass->min_inputs));
  else
    g_string_append_printf (out, "Reads %u or more maps.\n", klass->min_inputs);
  if (klass->flags & SEG_LAYER_WHOLE_MAP)
    g_string_append (out, "Needs statistics of the whole map, and so holds all of its input.\n");
}

/**
 * seg_features_print:
 * @info: of a feature
 * @out: where to
 *
 * Appends all that is known of the feature.
 */
void
seg_features_print (const SegFeatureInfo *info, GString *out)
{
  g_autofree char *plugin = seg_path_escape (info->plugin);
  g_autofree char *source = g_strconcat ("Source: ", info->source, NULL);

  g_string_append_printf (out, "%s: %s\n\n", info->name, info->title);
  g_string_append_printf (out, "%c%s from %s\n", g_ascii_toupper (*info->kind), info->kind + 1,
                          plugin);
  if (info->source != NULL)
    seg_table_print_wrapped (source, 0, SEG_FEATURES_WIDTH, out);
  if (SEG_IS_LAYER (info->object))
    seg_features_print_layer (SEG_LAYER (info->object), out);
  seg_features_print_properties (G_OBJECT_GET_CLASS (info->object), out);
}

/* ---- all of them ----------------------------------------------------------------------- */

static void
seg_features_clear_info (gpointer info)
{
  g_object_unref (((SegFeatureInfo *) info)->object);
}

static guint
seg_features_rank (const char *kind)
{
  guint i = 0;

  while (!g_str_equal (seg_features_kinds[i], kind))
    i++;
  return i;
}

/* By kind and name. */
static gint
seg_features_compare (gconstpointer a, gconstpointer b)
{
  const SegFeatureInfo *x = a, *y = b;
  gint order = (gint) seg_features_rank (x->kind) - (gint) seg_features_rank (y->kind);

  return order != 0 ? order : strcmp (x->name, y->name);
}

/* What the plugin says of itself, and its features. */
static void
seg_features_print_plugin (const char *plugin, GArray *infos, GString *out)
{
  const SegPluginDescriptor *descriptor =
      seg_registry_get_descriptor (seg_registry_get_default (), plugin);
  g_autofree char *shown = seg_path_escape (plugin);
  g_autoptr (SegTable) table = seg_table_new ("lll");
  const char *kind = "";

  g_string_append_printf (out, "%s: %s\n", descriptor->name, descriptor->description);
  g_string_append_printf (out, "%s, %s\n", shown, descriptor->licence);
  for (guint i = 0; i < infos->len; i++)
    {
      const SegFeatureInfo *info = &g_array_index (infos, SegFeatureInfo, i);

      if (!g_str_equal (info->plugin, plugin))
        continue;
      seg_table_add (table, g_str_equal (info->kind, kind) ? "" : info->kind, info->name,
                     info->title != NULL ? info->title : "", NULL);
      kind = info->kind;
    }
  seg_table_print (table, 2, out);
  g_string_append (out, *kind != '\0' ? "\n" : "  no features\n\n");
}

static void
seg_features_list_not_loaded (GString *out)
{
  guint n;
  const SegNotLoaded *list = seg_registry_get_not_loaded (seg_registry_get_default (), &n);

  if (n > 0)
    g_string_append (out, "not loaded:\n");
  for (guint i = 0; i < n; i++)
    {
      g_autofree char *path = seg_path_escape (list[i].path);

      g_string_append_printf (out, "  %s\n      %s\n", path, list[i].reason);
    }
}

/**
 * seg_features_list:
 * @out: where to
 *
 * Appends all plugins with their features, and what was not loaded, with the reason.
 */
void
seg_features_list (GString *out)
{
  SegRegistry *registry = seg_registry_get_default ();
  g_autoptr (GArray) infos = g_array_new (FALSE, TRUE, sizeof (SegFeatureInfo));
  g_autoptr (GPtrArray) owned = g_ptr_array_new_with_free_func ((GDestroyNotify) g_strfreev);
  g_auto (GStrv) plugins = seg_registry_list_plugins (registry);

  g_array_set_clear_func (infos, seg_features_clear_info);
  for (guint i = 0; seg_registry_get_kind (i) != G_TYPE_INVALID; i++)
    {
      char **names = seg_registry_list (registry, seg_registry_get_kind (i));

      g_ptr_array_add (owned, names);
      for (char **name = names; *name != NULL; name++)
        {
          SegFeatureInfo info;

          if (seg_features_describe (*name, &info))
            g_array_append_val (infos, info);
        }
    }
  g_array_sort (infos, seg_features_compare);

  if (*plugins == NULL)
    g_string_append (out, "no plugin is loaded\n\n");
  for (char **plugin = plugins; *plugin != NULL; plugin++)
    seg_features_print_plugin (*plugin, infos, out);
  seg_features_list_not_loaded (out);
}
