/* Walks the registry: whatever a plugin registers is held to what a feature of its kind must be. One
 * that is added later is tested without a line of test. */
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
  const char *title = seg_feature_get_title (object), *source = seg_feature_get_source (object);
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

/* The cases of all features of a kind. */
static void
add_tests (GType kind, ...)
{
  g_auto (GStrv) features = seg_registry_list (seg_registry_get_default (), kind);
  const char *case_name;
  va_list args;

  for (char **feature = features; *feature != NULL; feature++)
    {
      add_test (seg_type_get_kind (kind), *feature, "documented", test_documented);
      va_start (args, kind);
      while ((case_name = va_arg (args, const char *)) != NULL)
        add_test (seg_type_get_kind (kind), *feature, case_name, va_arg (args, GTestDataFunc));
      va_end (args);
    }
}

int
main (int argc, char *argv[])
{
  g_test_init (&argc, &argv, NULL);
  seg_registry_load_default (seg_registry_get_default (), NULL);

  g_test_add_func ("/registry/loads", test_registry_loads);
  add_tests (SEG_TYPE_LAYER, "refuses", test_layer_refuses, "regions", test_layer_regions,
             "layouts", test_layer_layouts, "claims", test_layer_claims, "gradients",
             test_layer_gradients, "everywhere", test_layer_everywhere, NULL);
  add_tests (SEG_TYPE_BLOCK, "everywhere", test_block_everywhere, NULL);
  add_tests (SEG_TYPE_LOSS, "everywhere", test_loss, NULL);
  add_tests (SEG_TYPE_OPTIMIZER, "everywhere", test_optimizer, NULL);
  add_tests (SEG_TYPE_RATE_SCHEDULE, "everywhere", test_schedule, NULL);
  return g_test_run ();
}
