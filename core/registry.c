#include <gmodule.h>
#include <stdarg.h>

#include "elf-check.h"
#include "paths.h"
#include "property-private.h"

#include <segkit/registry.h>
#include <segkit/seg-plugin.h>

/**
 * SegRegistry:
 *
 * Features by name: layers, blocks and file formats that plugins have registered. The first of
 * two features with one name wins; the other is remembered as not loaded.
 *
 * Threads: load plugins before starting any; after that it only is read.
 */
struct _SegRegistry
{
  GHashTable *features;  /* name → SegFeature */
  GHashTable *plugins;   /* name → module file */
  GArray *not_loaded;    /* of SegNotLoaded */
  const char *loading;   /* the module file whose features are being registered */
};

typedef struct
{
  GType type;
  char *plugin;
} SegFeature;

static void
seg_feature_free (gpointer data)
{
  g_free (((SegFeature *) data)->plugin);
  g_free (data);
}

/**
 * seg_registry_get_default:
 *
 * Returns: (transfer none): the process's registry
 */
SegRegistry *
seg_registry_get_default (void)
{
  static SegRegistry *registry;

  if (g_once_init_enter (&registry))
    {
      SegRegistry *made = g_new0 (SegRegistry, 1);

      made->features = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, seg_feature_free);
      made->plugins = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
      made->not_loaded = g_array_new (FALSE, TRUE, sizeof (SegNotLoaded));
      g_once_init_leave (&registry, made);
    }
  return registry;
}

static void
seg_registry_note (SegRegistry *self, const char *path, char *reason)
{
  SegNotLoaded entry = { g_strdup (path), reason };
  g_array_append_val (self->not_loaded, entry);
}

/**
 * seg_registry_add:
 * @self: the registry
 * @name: of the feature, lower case with dashes
 * @type: of a #SegLayer, #SegBlock or #SegFormat; 0 if registering the type failed
 *
 * Called by a plugin for each of its features.
 */
void
seg_registry_add (SegRegistry *self, const char *name, GType type)
{
  const char *path = self->loading != NULL ? self->loading : "program";
  SegFeature *present = g_hash_table_lookup (self->features, name), *feature;

  if (type == 0
      || !(g_type_is_a (type, SEG_TYPE_LAYER) || g_type_is_a (type, SEG_TYPE_BLOCK)
           || g_type_is_a (type, SEG_TYPE_FORMAT)))
    {
      seg_registry_note (self, path,
                         g_strdup_printf ("feature \"%s\" has no usable type: perhaps two "
                                          "modules define the same one", name));
      return;
    }
  if (present != NULL)
    {
      seg_registry_note (self, path, g_strdup_printf ("feature \"%s\" is already there from %s",
                                                      name, present->plugin));
      return;
    }
  feature = g_new0 (SegFeature, 1);
  feature->type = type;
  feature->plugin = g_strdup (path);
  g_hash_table_insert (self->features, g_strdup (name), feature);
}

/**
 * seg_registry_lookup:
 * @self: the registry
 * @name: of a feature
 *
 * Returns: its type, or %G_TYPE_INVALID
 */
GType
seg_registry_lookup (SegRegistry *self, const char *name)
{
  SegFeature *feature = g_hash_table_lookup (self->features, name);
  return feature != NULL ? feature->type : G_TYPE_INVALID;
}

/**
 * seg_registry_get_plugin:
 * @self: the registry
 * @name: of a feature
 *
 * Returns: (nullable): the module file it came from
 */
const char *
seg_registry_get_plugin (SegRegistry *self, const char *name)
{
  SegFeature *feature = g_hash_table_lookup (self->features, name);
  return feature != NULL ? feature->plugin : NULL;
}

static gint
seg_registry_compare_names (gconstpointer a, gconstpointer b)
{
  return strcmp (*(const char *const *) a, *(const char *const *) b);
}

/**
 * seg_registry_list:
 * @self: the registry
 * @parent: #SEG_TYPE_LAYER, #SEG_TYPE_BLOCK, #SEG_TYPE_FORMAT or a subclass
 *
 * Returns: (transfer full): names of the features of that kind, sorted
 */
char **
seg_registry_list (SegRegistry *self, GType parent)
{
  GPtrArray *names = g_ptr_array_new ();
  GHashTableIter iter;
  gpointer name, feature;

  g_hash_table_iter_init (&iter, self->features);
  while (g_hash_table_iter_next (&iter, &name, &feature))
    if (g_type_is_a (((SegFeature *) feature)->type, parent))
      g_ptr_array_add (names, g_strdup (name));
  g_ptr_array_sort (names, seg_registry_compare_names);
  g_ptr_array_add (names, NULL);
  return (char **) g_ptr_array_free (names, FALSE);
}

/**
 * seg_registry_create_valist: (skip)
 *
 * As seg_registry_create(), with the properties in @args.
 */
gpointer
seg_registry_create_valist (SegRegistry *self, const char *name, GType parent, GError **error,
                            const char *first_property, va_list args)
{
  GType type = seg_registry_lookup (self, name);
  g_autoptr (GPtrArray) names = g_ptr_array_new ();
  g_autoptr (GArray) values = g_array_new (FALSE, TRUE, sizeof (GValue));

  if (type == G_TYPE_INVALID || !g_type_is_a (type, parent))
    {
      g_set_error (error, SEG_ERROR, SEG_ERROR_PLUGIN, "there is no %s \"%s\"%s",
                   g_type_is_a (parent, SEG_TYPE_LAYER)    ? "layer"
                   : g_type_is_a (parent, SEG_TYPE_FORMAT) ? "format"
                                                           : "block",
                   name,
                   g_hash_table_size (self->features) == 0 ? ": no plugin is loaded" : "");
      return NULL;
    }
  if (!_seg_properties_collect (type, first_property, args, names, values, error))
    return NULL;
  return seg_object_new_checked (type, names->len, (const char **) names->pdata,
                                 (const GValue *) (gpointer) values->data, error);
}

/**
 * seg_registry_create: (skip)
 * @self: the registry
 * @name: of a feature
 * @parent: the kind it must be of
 * @error: return location
 * @first_property: (nullable): a property's name, then its value, more pairs, and %NULL
 *
 * Errors: `SEG_ERROR_PLUGIN` if there is no such feature, `SEG_ERROR_PARAM`.
 *
 * Returns: (transfer full): a new layer, block or format, or %NULL with @error set
 */
gpointer
seg_registry_create (SegRegistry *self, const char *name, GType parent, GError **error,
                     const char *first_property, ...)
{
  gpointer object;
  va_list args;

  va_start (args, first_property);
  object = seg_registry_create_valist (self, name, parent, error, first_property, args);
  va_end (args);
  return object;
}

/* A second copy of a plugin is refused as a whole: GObject would complain of each of its types. */
static gboolean
seg_registry_check_descriptor (SegRegistry *self, const SegPluginDescriptor *descriptor,
                               const char *path, GError **error)
{
  if (descriptor->abi_major != SEG_ABI_MAJOR || descriptor->abi_minor != SEG_ABI_MINOR)
    g_set_error (error, SEG_ERROR, SEG_ERROR_PLUGIN,
                 "%s: made for plugin interface %u.%u, this is %d.%d", path, descriptor->abi_major,
                 descriptor->abi_minor, SEG_ABI_MAJOR, SEG_ABI_MINOR);
  else if (descriptor->size != sizeof *descriptor || descriptor->name == NULL
           || descriptor->register_features == NULL)
    g_set_error (error, SEG_ERROR, SEG_ERROR_PLUGIN,
                 "%s: its descriptor has %" G_GSIZE_FORMAT " bytes, not %" G_GSIZE_FORMAT
                 ", or lacks a field",
                 path, descriptor->size, sizeof *descriptor);
  else if (g_hash_table_contains (self->plugins, descriptor->name))
    g_set_error (error, SEG_ERROR, SEG_ERROR_PLUGIN,
                 "%s: plugin \"%s\" is already there from %s", path, descriptor->name,
                 (const char *) g_hash_table_lookup (self->plugins, descriptor->name));
  else
    return TRUE;
  return FALSE;
}

/**
 * seg_registry_load_file:
 * @self: the registry
 * @path: a module file
 * @error: return location
 *
 * Loads one plugin. It is bound at once and locally, and stays loaded for good.
 * Errors: `SEG_ERROR_PLUGIN`.
 */
gboolean
seg_registry_load_file (SegRegistry *self, const char *path, GError **error)
{
  const SegPluginDescriptor *descriptor;
  GModule *module;
  gpointer symbol;

  if (!_seg_elf_check (path, error))
    return FALSE;
  if ((module = g_module_open (path, G_MODULE_BIND_LOCAL)) == NULL)
    {
      /* the message begins with the path */
      g_set_error_literal (error, SEG_ERROR, SEG_ERROR_PLUGIN, g_module_error ());
      return FALSE;
    }
  if (!g_module_symbol (module, "seg_plugin_descriptor", &symbol))
    {
      g_set_error (error, SEG_ERROR, SEG_ERROR_PLUGIN,
                   "%s: not a plugin: it has no seg_plugin_descriptor", path);
      g_module_close (module);
      return FALSE;
    }
  descriptor = symbol;
  if (!seg_registry_check_descriptor (self, descriptor, path, error))
    {
      g_module_close (module);
      return FALSE;
    }

  g_module_make_resident (module);
  g_hash_table_insert (self->plugins, g_strdup (descriptor->name), g_strdup (path));
  self->loading = path;
  descriptor->register_features (self);
  self->loading = NULL;
  return TRUE;
}

/**
 * seg_registry_load_directory:
 * @self: the registry
 * @path: a folder; one that is not there is no error
 *
 * Loads every module file in it, in the order of names. What could not be loaded is remembered:
 * see seg_registry_get_not_loaded().
 */
void
seg_registry_load_directory (SegRegistry *self, const char *path)
{
  g_autoptr (GDir) folder = g_dir_open (path, 0, NULL);
  g_autoptr (GPtrArray) names = g_ptr_array_new_with_free_func (g_free);
  const char *name;

  while (folder != NULL && (name = g_dir_read_name (folder)) != NULL)
    if (g_str_has_suffix (name, "." G_MODULE_SUFFIX))
      g_ptr_array_add (names, g_strdup (name));
  g_ptr_array_sort (names, seg_registry_compare_names);

  for (guint i = 0; i < names->len; i++)
    {
      g_autofree char *file = g_build_filename (path, names->pdata[i], NULL);
      g_autoptr (GError) error = NULL;

      if (!seg_registry_load_file (self, file, &error))
        seg_registry_note (self, file, g_strdup (error->message));
    }
}

/**
 * seg_registry_load_default:
 * @self: the registry
 * @plugin_path: (nullable): folders to look in first, separated as in `PATH`
 *
 * Loads the plugins of @plugin_path, of `SEGKIT_PLUGIN_PATH`, and of the build tree when the
 * library runs in one, else of the install folder.
 */
void
seg_registry_load_default (SegRegistry *self, const char *plugin_path)
{
  g_auto (GStrv) folders = _seg_paths_get_plugins (plugin_path);

  for (char **folder = folders; *folder != NULL; folder++)
    seg_registry_load_directory (self, *folder);
}

/**
 * seg_registry_get_not_loaded:
 * @self: the registry
 * @n: (out): how many
 *
 * Returns: (transfer none) (array length=n): modules and features that were not loaded, and why
 */
const SegNotLoaded *
seg_registry_get_not_loaded (SegRegistry *self, guint *n)
{
  *n = self->not_loaded->len;
  return (const SegNotLoaded *) (gpointer) self->not_loaded->data;
}
