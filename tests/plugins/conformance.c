/* Walks the registry: whatever a plugin registers is held to what a layer or block must be. A
 * feature added later is tested without a line of test. */
#include "conformance.h"

#include <segkit/segkit.h>

/* Title, source, a name of the house's form, and properties that say what they are. */
static void
test_documented (gconstpointer data)
{
  const char *feature = data;
  GType type = seg_registry_lookup (seg_registry_get_default (), feature);
  g_autoptr (GTypeClass) klass = g_type_class_ref (type);
  g_autoptr (GObject) object =
      seg_registry_create (seg_registry_get_default (), feature, G_TYPE_OBJECT, NULL, NULL);
  gboolean is_layer = SEG_IS_LAYER (object);
  const char *title = is_layer ? seg_layer_get_title (SEG_LAYER (object))
                               : seg_block_get_title (SEG_BLOCK (object));
  const char *source = is_layer ? seg_layer_get_source (SEG_LAYER (object))
                                : seg_block_get_source (SEG_BLOCK (object));
  guint n;
  g_autofree GParamSpec **pspecs = g_object_class_list_properties (G_OBJECT_CLASS (klass), &n);

  g_assert_true (title != NULL && *title != '\0');
  g_assert_true (source != NULL && *source != '\0');
  g_assert_true (g_regex_match_simple ("^[a-z][a-z0-9]*(-[a-z0-9]+)*$", feature, 0, 0));
  for (guint i = 0; i < n; i++)
    {
      const char *blurb = g_param_spec_get_blurb (pspecs[i]);

      g_assert_true (blurb != NULL && *blurb != '\0');
      g_assert_true (pspecs[i]->flags & G_PARAM_CONSTRUCT_ONLY);
      g_assert_true (pspecs[i]->flags & G_PARAM_READABLE);
    }
}

static void
add_test (const char *kind, const char *feature, const char *name, GTestDataFunc func)
{
  g_autofree char *path = g_strdup_printf ("/%s/%s/%s", kind, feature, name);

  /* interned: of a case that is not run, because others were asked for, nothing is freed */
  g_test_add_data_func (path, g_intern_string (feature), func);
}

static void
test_registry_loads (void)
{
  g_auto (GStrv) layers = seg_registry_list (seg_registry_get_default (), SEG_TYPE_LAYER);
  guint n;
  const SegNotLoaded *not_loaded = seg_registry_get_not_loaded (seg_registry_get_default (), &n);

  for (guint i = 0; i < n; i++)
    g_test_message ("%s: %s", not_loaded[i].path, not_loaded[i].reason);
  g_assert_cmpuint (n, ==, 0);
  g_assert_cmpuint (g_strv_length (layers), >, 0);
}

int
main (int argc, char *argv[])
{
  g_auto (GStrv) layers = NULL, blocks = NULL;

  g_test_init (&argc, &argv, NULL);
  seg_registry_load_default (seg_registry_get_default (), NULL);
  layers = seg_registry_list (seg_registry_get_default (), SEG_TYPE_LAYER);
  blocks = seg_registry_list (seg_registry_get_default (), SEG_TYPE_BLOCK);

  g_test_add_func ("/registry/loads", test_registry_loads);
  for (char **name = layers; *name != NULL; name++)
    {
      add_test ("layer", *name, "documented", test_documented);
      add_test ("layer", *name, "refuses", test_layer_refuses);
      add_test ("layer", *name, "regions", test_layer_regions);
      add_test ("layer", *name, "layouts", test_layer_layouts);
      add_test ("layer", *name, "claims", test_layer_claims);
      add_test ("layer", *name, "gradients", test_layer_gradients);
      add_test ("layer", *name, "everywhere", test_layer_everywhere);
    }
  for (char **name = blocks; *name != NULL; name++)
    {
      add_test ("block", *name, "documented", test_documented);
      add_test ("block", *name, "everywhere", test_block_everywhere);
    }
  return g_test_run ();
}
