#include <stdarg.h>

#include "elf-check.h"
#include "module.h"
#include "paths.h"
#include "probe.h"
#include "property-private.h"
#include "registry-private.h"
#include "text.h"

/**
 * SegRegistry:
 *
 * Features by name: layers, blocks, losses and whatever else plugins have registered. The first of
 * two features with one name wins; the other is remembered as not loaded.
 *
 * Threads: load plugins before starting any; after that it only is read.
 */
struct _SegRegistry
{
  GHashTable *features;  /* name → SegFeature */
  GHashTable *plugins;   /* module file → SegPluginDescriptor, the module's */
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

SegRegistry *
_seg_registry_new (void)
{
  SegRegistry *self = g_new0 (SegRegistry, 1);

  self->features = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, seg_feature_free);
  self->plugins = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  self->not_loaded = g_array_new (FALSE, TRUE, sizeof (SegNotLoaded));
  return self;
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
    g_once_init_leave (&registry, _seg_registry_new ());
  return registry;
}

/* @other: the module file that was there first, or NULL. Takes the reason. */
static void
seg_registry_note (SegRegistry *self, const char *path, const char *other, char *reason)
{
  SegNotLoaded entry = {
    .path = g_strdup (path),
    .reason = reason,
    .foreign =
        !_seg_paths_is_own_plugin (path) || (other != NULL && !_seg_paths_is_own_plugin (other)),
  };
  g_array_append_val (self->not_loaded, entry);
}

static gboolean
seg_registry_is_name (const char *name)
{
  if (name == NULL || !g_ascii_islower (*name))
    return FALSE;
  for (; *name != '\0'; name++)
    if (!g_ascii_islower (*name) && !g_ascii_isdigit (*name) && *name != '-')
      return FALSE;
  return TRUE;
}

/* Why it cannot be a feature, or NULL. */
static char *
seg_registry_find_fault (SegRegistry *self, const char *name, GType type)
{
  g_autofree char *shown = _seg_text_escape (name != NULL ? name : "");
  const char *gap;

  if (!seg_registry_is_name (name))
    return g_strdup_printf (
        "\"%s\" is no name for a feature: letters a to z, digits and dashes are", shown);
  if (seg_type_get_kind (type) == NULL)
    return g_strdup_printf (
        "feature \"%s\" has no usable type: perhaps two modules define the same one", name);
  if (G_TYPE_IS_ABSTRACT (type))
    return g_strdup_printf ("feature \"%s\" is the abstract %s", name, g_type_name (type));
  if (self->loading != NULL && (gap = _seg_registry_find_gap (type)) != NULL)
    return g_strdup_printf ("feature \"%s\" has no %s", name, gap);
  return NULL;
}

/**
 * seg_registry_add:
 * @self: the registry
 * @name: of the feature, lower case with dashes
 * @type: of a kind of seg_registry_get_kind(); 0 if registering the type failed
 *
 * Called by a plugin for each of its features.
 */
void
seg_registry_add (SegRegistry *self, const char *name, GType type)
{
  const char *path = self->loading != NULL ? self->loading : "program";
  char *fault = seg_registry_find_fault (self, name, type);
  SegFeature *feature;

  if (fault != NULL)
    {
      seg_registry_note (self, path, NULL, fault);
      return;
    }
  feature = g_hash_table_lookup (self->features, name);
  if (feature != NULL)
    {
      g_autofree char *shown = _seg_text_escape_path (feature->plugin);

      seg_registry_note (self, path, feature->plugin,
                         g_strdup_printf ("feature \"%s\" is already there from %s", name, shown));
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

/**
 * seg_type_get_feature:
 * @type: of a feature
 *
 * What a message calls an object: who wrote a recipe has never seen the type's own name.
 * Threads: any, once plugins are loaded.
 *
 * Returns: (transfer none): the name that the process's registry has it by, or else the type's
 */
const char *
seg_type_get_feature (GType type)
{
  const char *first = NULL;
  GHashTableIter iter;
  gpointer name, feature;

  g_hash_table_iter_init (&iter, seg_registry_get_default ()->features);
  while (g_hash_table_iter_next (&iter, &name, &feature))
    if (((SegFeature *) feature)->type == type && (first == NULL || strcmp (name, first) < 0))
      first = name;
  return first != NULL ? first : g_type_name (type);
}

static gint
seg_registry_compare_names (gconstpointer a, gconstpointer b)
{
  return strcmp (*(const char *const *) a, *(const char *const *) b);
}

/**
 * seg_registry_list:
 * @self: the registry
 * @parent: #SEG_TYPE_LAYER, another kind, or a subclass
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
 * seg_registry_find_nearest:
 * @self: the registry
 * @name: what somebody wrote
 *
 * Returns: (transfer full) (nullable): the feature that may have been meant
 */
char *
seg_registry_find_nearest (SegRegistry *self, const char *name)
{
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();
  g_auto (GStrv) known = NULL;

  for (guint i = 0; seg_registry_get_kind (i) != G_TYPE_INVALID; i++)
    {
      g_auto (GStrv) names = seg_registry_list (self, seg_registry_get_kind (i));
      g_strv_builder_addv (builder, (const char **) names);
    }
  known = g_strv_builder_end (builder);
  return g_strdup (_seg_text_nearest (name, (const char *const *) known));
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
      const char *kind = seg_type_get_kind (parent);

      g_set_error (error, SEG_ERROR, SEG_ERROR_PLUGIN, "there is no %s \"%s\"%s",
                   kind != NULL ? kind : "feature", name,
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
 * Returns: (transfer full): a new object, or %NULL with @error set
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

/* The module files of a folder, sorted. Absolute: the linker looks elsewhere for a bare name. */
static GPtrArray *
seg_registry_list_modules (const char *path)
{
  g_autofree char *folder = g_canonicalize_filename (path, NULL);
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  GPtrArray *files = g_ptr_array_new_with_free_func (g_free);
  const char *name;

  while (dir != NULL && (name = g_dir_read_name (dir)) != NULL)
    if (g_str_has_suffix (name, "." G_MODULE_SUFFIX))
      g_ptr_array_add (files, g_build_filename (folder, name, NULL));
  g_ptr_array_sort (files, seg_registry_compare_names);
  return files;
}

/* Our own plugins are beyond doubt: they come with the library. Any other file is one that only
 * root and the user may change, and is tried out together with ours and those that are loaded. */
static gboolean
seg_registry_check_module (SegRegistry *self, const char *path, GError **error)
{
  g_autofree char *own = NULL;
  g_autoptr (GPtrArray) present = NULL;
  GHashTableIter iter;
  gpointer file;

  if (_seg_paths_is_own_plugin (path))
    return TRUE;
  if (!_seg_elf_check (path, error) || !_seg_paths_check_module (path, error))
    return FALSE;

  own = _seg_paths_get_own_plugins ();
  present = seg_registry_list_modules (own);
  g_hash_table_iter_init (&iter, self->plugins);
  while (g_hash_table_iter_next (&iter, &file, NULL))
    if (!_seg_paths_is_own_plugin (file))
      g_ptr_array_add (present, g_strdup (file));
  return _seg_probe_try (path, present, error);
}

/* The module file of the plugin of that name, or NULL. */
static const char *
seg_registry_find_plugin (SegRegistry *self, const char *name)
{
  GHashTableIter iter;
  gpointer file, descriptor;

  g_hash_table_iter_init (&iter, self->plugins);
  while (g_hash_table_iter_next (&iter, &file, &descriptor))
    if (g_str_equal (((const SegPluginDescriptor *) descriptor)->name, name))
      return file;
  return NULL;
}

/* As seg_registry_load_file(), but @path is absolute, and messages do not name it. */
static gboolean
seg_registry_load (SegRegistry *self, const char *path, GError **error)
{
  const SegPluginDescriptor *descriptor;
  GModule *module;
  const char *present;

  if (!seg_registry_check_module (self, path, error)
      || (module = _seg_module_open (path, &descriptor, error)) == NULL)
    return FALSE;

  /* A second copy is refused as a whole: GObject would complain of each of its types. */
  present = seg_registry_find_plugin (self, descriptor->name);
  if (present != NULL)
    {
      g_autofree char *shown = _seg_text_escape_path (present);

      g_set_error (error, SEG_ERROR, SEG_ERROR_PLUGIN, "plugin \"%s\" is already there from %s",
                   descriptor->name, shown);
      g_module_close (module);
      return FALSE;
    }
  g_module_make_resident (module);
  g_hash_table_insert (self->plugins, g_strdup (path), (gpointer) descriptor);
  self->loading = path;
  descriptor->register_features (self);
  self->loading = NULL;
  return TRUE;
}

/**
 * seg_registry_load_file:
 * @self: the registry
 * @path: a module file
 * @error: return location
 *
 * Loads one plugin. It is bound at once and locally, and stays loaded for good. Unless it lies in
 * the folder of segkit's own plugins, it is tried out in another process first, which takes some
 * 10 ms, or 5 s with one that hangs. A program that ignores `SIGCHLD`, or waits for any child, can
 * try out no plugin.
 *
 * A file that belongs neither to root nor to the user of this process, or that anyone may write to,
 * is refused, and so is one in such a folder; of a link this holds for the folder of each link on
 * the way, too. Rights of groups, access lists and the folders above are not looked at.
 *
 * Errors: `SEG_ERROR_PLUGIN`.
 */
gboolean
seg_registry_load_file (SegRegistry *self, const char *path, GError **error)
{
  g_autofree char *file = g_canonicalize_filename (path, NULL), *shown = NULL;

  if (seg_registry_load (self, file, error))
    return TRUE;
  shown = _seg_text_escape_path (file);
  g_prefix_error (error, "%s: ", shown);
  return FALSE;
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
  g_autoptr (GPtrArray) files = seg_registry_list_modules (path);

  for (guint i = 0; i < files->len; i++)
    {
      g_autoptr (GError) error = NULL;

      if (!seg_registry_load (self, files->pdata[i], &error))
        seg_registry_note (self, files->pdata[i], NULL, g_strdup (error->message));
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
 * seg_registry_list_plugins:
 * @self: the registry
 *
 * Returns: (transfer full): the module files of all plugins that are loaded, sorted
 */
char **
seg_registry_list_plugins (SegRegistry *self)
{
  GPtrArray *files = g_ptr_array_new ();
  GHashTableIter iter;
  gpointer file;

  g_hash_table_iter_init (&iter, self->plugins);
  while (g_hash_table_iter_next (&iter, &file, NULL))
    g_ptr_array_add (files, g_strdup (file));
  g_ptr_array_sort (files, seg_registry_compare_names);
  g_ptr_array_add (files, NULL);
  return (char **) g_ptr_array_free (files, FALSE);
}

/**
 * seg_registry_get_descriptor:
 * @self: the registry
 * @path: a module file, as seg_registry_list_plugins() gives it
 *
 * Returns: (transfer none) (nullable): what the plugin says of itself
 */
const SegPluginDescriptor *
seg_registry_get_descriptor (SegRegistry *self, const char *path)
{
  return g_hash_table_lookup (self->plugins, path);
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
