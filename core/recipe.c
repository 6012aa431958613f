/* Recipes: the text that a network is built from, a GKeyFile whose groups are paths.
 *
 * GKeyFile itself merges groups and keys that occur twice, so that a recipe could say one thing
 * to its reader and another to the program. Therefore lines are read here, strictly, and
 * GKeyFile only stores them. */

#include <segkit/error.h>
#include <segkit/recipe.h>
#include <segkit/registry.h>

#include <string.h>

#include "text.h"

#define SEG_RECIPE_MAX_LINES 4096
#define SEG_RECIPE_MAX_DEPTH 16
#define SEG_RECIPE_FORMAT "1"

/* The groups whose keys are known; those of other groups are properties, or the business of whoever
 * trains. */
static const struct
{
  const char *name;
  const char *const *keys;
} seg_recipe_groups[] = {
  { "segkit", (const char *const[]){ "format", NULL } },
  { "input", (const char *const[]){ "channels", "mean", "std", NULL } },
  { "classes", (const char *const[]){ "names", "colors", NULL } },
};

/* ---- text ---------------------------------------------------------------------------- */

G_GNUC_PRINTF (2, 3)
static gboolean
seg_recipe_refuse (GError **error, const char *format, ...)
{
  va_list args;

  va_start (args, format);
  g_autofree char *message = g_strdup_vprintf (format, args);
  va_end (args);
  g_set_error_literal (error, SEG_ERROR, SEG_ERROR_FORMAT, message);
  return FALSE;
}

/* `WHAT "NAME"`, and what it may have been meant to be. */
static gboolean
seg_recipe_refuse_name (const char *what, const char *name, const char *const *candidates,
                        GError **error)
{
  const char *nearest = _seg_text_nearest (name, candidates);
  g_autofree char *shown = _seg_text_escape (name);

  return nearest != NULL
             ? seg_recipe_refuse (error, "%s \"%s\"; did you mean \"%s\"?", what, shown, nearest)
             : seg_recipe_refuse (error, "%s \"%s\"", what, shown);
}

/* Letters, digits, - and _; groups also have dots. */
static gboolean
seg_recipe_is_name (const char *text, gboolean dots)
{
  gsize n_bytes = strlen (text);

  for (const char *c = text; *c != '\0'; c++)
    if (!g_ascii_isalnum (*c) && *c != '-' && *c != '_' && !(dots && *c == '.'))
      return FALSE;
  return n_bytes > 0 && n_bytes <= SEG_TEXT_MAX_NAME;
}

/* Trees of groups that describe objects: the network, and how it is trained and on what. */
static const char *const seg_recipe_trees[] = { "model", "train", "data" };

static gboolean
seg_recipe_is_in_tree (const char *group)
{
  for (guint i = 0; i < G_N_ELEMENTS (seg_recipe_trees); i++)
    {
      gsize n_bytes = strlen (seg_recipe_trees[i]);

      if (strncmp (group, seg_recipe_trees[i], n_bytes) == 0
          && (group[n_bytes] == '\0' || group[n_bytes] == '.'))
        return TRUE;
    }
  return FALSE;
}

/* Whether the group may occur, and the key in it. Keys of objects are looked at in building. */
static gboolean
seg_recipe_check_place (const char *group, const char *key, GError **error)
{
  const guint n_trees = G_N_ELEMENTS (seg_recipe_trees);
  const char *names[G_N_ELEMENTS (seg_recipe_groups) + G_N_ELEMENTS (seg_recipe_trees) + 1]
      = { NULL };

  if (seg_recipe_is_in_tree (group))
    return TRUE;
  memcpy (names, seg_recipe_trees, sizeof seg_recipe_trees);
  for (guint i = 0; i < G_N_ELEMENTS (seg_recipe_groups); i++)
    {
      names[n_trees + i] = seg_recipe_groups[i].name;
      if (strcmp (group, seg_recipe_groups[i].name) == 0)
        return key == NULL || g_strv_contains (seg_recipe_groups[i].keys, key)
               || seg_recipe_refuse_name ("unknown key", key, seg_recipe_groups[i].keys, error);
    }
  return seg_recipe_refuse_name ("unknown group", group, names, error);
}

/* A line `[group]`. */
static gboolean
seg_recipe_take_group (GKeyFile *recipe, char *line, char **group, GError **error)
{
  gsize n_bytes = strlen (line);

  if (line[n_bytes - 1] != ']')
    return seg_recipe_refuse (error, "a group needs a ] at its end");
  line[n_bytes - 1] = '\0';
  line++;
  if (!seg_recipe_is_name (line, TRUE))
    {
      g_autofree char *shown = _seg_text_escape (line);
      return seg_recipe_refuse (error, "\"%s\" cannot be the name of a group", shown);
    }
  if (g_key_file_has_group (recipe, line))
    return seg_recipe_refuse (error, "[%s] occurs twice", line);
  if (!seg_recipe_check_place (line, NULL, error))
    return FALSE;

  /* GKeyFile makes a group with its first key only. */
  g_key_file_set_value (recipe, line, "x", "");
  g_key_file_remove_key (recipe, line, "x", NULL);
  g_free (*group);
  *group = g_strdup (line);
  return TRUE;
}

/* A line `key=value`. */
static gboolean
seg_recipe_take_key (GKeyFile *recipe, char *line, const char *group, GError **error)
{
  char *equals = strchr (line, '=');

  if (equals == NULL)
    return seg_recipe_refuse (error, "neither a [group], a key=value nor a # comment");
  *equals = '\0';
  char *key = g_strchomp (line), *value = g_strchug (equals + 1);

  if (!seg_recipe_is_name (key, FALSE))
    {
      g_autofree char *shown = _seg_text_escape (key);
      return seg_recipe_refuse (error, "\"%s\" cannot be a key", shown);
    }
  if (group == NULL)
    return seg_recipe_refuse (error, "key \"%s\" comes before any group", key);
  if (g_key_file_has_key (recipe, group, key, NULL))
    return seg_recipe_refuse (error, "[%s] has key \"%s\" twice", group, key);
  if (!seg_recipe_check_place (group, key, error))
    return FALSE;
  g_key_file_set_value (recipe, group, key, value);
  return TRUE;
}

static gboolean
seg_recipe_check_format (GKeyFile *recipe, GError **error)
{
  g_autofree char *format = g_key_file_get_value (recipe, "segkit", "format", NULL);

  if (format == NULL)
    return seg_recipe_refuse (error, "not a recipe: it has no [segkit] format=" SEG_RECIPE_FORMAT);
  if (strcmp (format, SEG_RECIPE_FORMAT) == 0)
    return TRUE;
  g_autofree char *shown = _seg_text_escape (format);
  g_set_error (error, SEG_ERROR, SEG_ERROR_UNSUPPORTED,
               "recipe has format \"%s\", but only " SEG_RECIPE_FORMAT " is known", shown);
  return FALSE;
}

/**
 * seg_recipe_parse:
 * @text: a recipe, UTF-8
 * @length: its bytes, at most %SEG_RECIPE_MAX_BYTES
 * @error: return location
 *
 * Reads a recipe: `[segkit] format=1`, `[input]`, `[classes]`, `[model]`, `[train]`, `[data]` and the
 * groups below these three. What `[train]` and `[data]` hold is looked at by those who train.
 * Errors: `SEG_ERROR_FORMAT`, with the line: anything unknown, anything that occurs twice,
 * characters that cannot be shown; `SEG_ERROR_UNSUPPORTED` for another format.
 * Threads: any.
 *
 * Returns: (transfer full): the recipe, or %NULL with @error set
 */
GKeyFile *
seg_recipe_parse (const char *text, gsize length, GError **error)
{
  g_autoptr (GKeyFile) recipe = g_key_file_new ();
  g_autofree char *copy = NULL, *group = NULL;
  g_auto (GStrv) lines = NULL;

  if (length > SEG_RECIPE_MAX_BYTES)
    {
      seg_recipe_refuse (error, "recipe has %" G_GSIZE_FORMAT " bytes, more than %d", length,
                         SEG_RECIPE_MAX_BYTES);
      return NULL;
    }
  if (!g_utf8_validate_len (text, length, NULL))
    {
      seg_recipe_refuse (error, "recipe is not UTF-8 text");
      return NULL;
    }
  copy = g_strndup (text, length);
  if (!_seg_text_is_printable (copy))
    {
      seg_recipe_refuse (error, "recipe has control characters");
      return NULL;
    }

  lines = g_strsplit (copy, "\n", SEG_RECIPE_MAX_LINES + 1);
  for (guint i = 0; lines[i] != NULL; i++)
    {
      char *line = g_strstrip (lines[i]);

      if (i == SEG_RECIPE_MAX_LINES)
        {
          seg_recipe_refuse (error, "recipe has more than %d lines", SEG_RECIPE_MAX_LINES);
          return NULL;
        }
      if (*line == '\0' || *line == '#')
        continue;
      if (*line == '[' ? !seg_recipe_take_group (recipe, line, &group, error)
                       : !seg_recipe_take_key (recipe, line, group, error))
        {
          g_prefix_error (error, "recipe line %u: ", i + 1);
          return NULL;
        }
    }
  return seg_recipe_check_format (recipe, error) ? g_steal_pointer (&recipe) : NULL;
}

/* ---- objects ------------------------------------------------------------------------- */

/* Properties of one object, on their way to its constructor. */
typedef struct
{
  GPtrArray *names;
  GArray *values; /* of GValue */
} SegRecipeProperties;

/* What is built, and where in the recipe. */
typedef struct
{
  GKeyFile *recipe;
  GHashTable *built; /* groups that an object asked for */
} SegRecipeBuild;

static gpointer seg_recipe_build (SegRecipeBuild *self, const char *group, guint depth,
                                  GType parent, GError **error);

static GValue *
seg_recipe_properties_append (SegRecipeProperties *self, GParamSpec *pspec)
{
  g_ptr_array_add (self->names, (gpointer) pspec->name);
  g_array_set_size (self->values, self->values->len + 1);
  return &g_array_index (self->values, GValue, self->values->len - 1);
}

static void
seg_recipe_properties_clear (SegRecipeProperties *self)
{
  g_ptr_array_unref (self->names);
  for (guint i = 0; i < self->values->len; i++)
    if (G_IS_VALUE (&g_array_index (self->values, GValue, i)))
      g_value_unset (&g_array_index (self->values, GValue, i));
  g_array_unref (self->values);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (SegRecipeProperties, seg_recipe_properties_clear)

/* The property of exactly this name: GObject would also take head_channels for head-channels,
 * and then both could occur. */
static GParamSpec *
seg_recipe_find_property (GObjectClass *klass, const char *name, GError **error)
{
  guint n;
  g_autofree GParamSpec **all = g_object_class_list_properties (klass, &n);
  g_autofree const char **names = g_new0 (const char *, n + 1);

  for (guint i = 0; i < n; i++)
    {
      if (strcmp (all[i]->name, name) == 0)
        return all[i];
      names[i] = all[i]->name;
    }
  seg_recipe_refuse_name ("unknown property", name, names, error);
  return NULL;
}

/* The registered type, a subclass of @parent, that the group names. */
static GType
seg_recipe_find_type (GKeyFile *recipe, const char *group, GType parent, GError **error)
{
  SegRegistry *registry = seg_registry_get_default ();
  g_autofree char *name = g_key_file_get_value (recipe, group, "type", NULL);

  if (name == NULL)
    {
      seg_recipe_refuse (error, "has no type");
      return G_TYPE_INVALID;
    }
  GType type = seg_registry_lookup (registry, name);
  if (type != G_TYPE_INVALID && g_type_is_a (type, parent))
    return type;

  g_auto (GStrv) known = seg_registry_list (registry, parent);
  const char *nearest = _seg_text_nearest (name, (const char *const *) known);
  g_autofree char *shown = _seg_text_escape (name);
  g_set_error (error, SEG_ERROR, SEG_ERROR_PLUGIN, "no plugin has a %s \"%s\"%s%s%s",
               seg_type_get_kind (parent), shown, nearest != NULL ? "; did you mean \"" : "", nearest != NULL ? nearest : "",
               nearest != NULL ? "\"?" : "");
  return G_TYPE_INVALID;
}

/* The keys of a group. */
static gboolean
seg_recipe_take_values (GKeyFile *recipe, const char *group, GObjectClass *klass,
                        SegRecipeProperties *properties, GError **error)
{
  g_auto (GStrv) keys = g_key_file_get_keys (recipe, group, NULL, NULL);

  for (char **key = keys; *key != NULL; key++)
    {
      if (strcmp (*key, "type") == 0)
        continue;

      GParamSpec *pspec = seg_recipe_find_property (klass, *key, error);
      if (pspec == NULL)
        return FALSE;
      if (g_type_is_a (pspec->value_type, G_TYPE_OBJECT))
        return seg_recipe_refuse (error, "\"%s\" is a %s: it needs a group [%s.%s]", *key,
                                  seg_type_get_kind (pspec->value_type), group, *key);

      g_autofree char *text = g_key_file_get_value (recipe, group, *key, NULL);
      if (strlen (text) > SEG_TEXT_MAX_NAME)
        return seg_recipe_refuse (error, "%s has a value of more than %d bytes", *key,
                                  SEG_TEXT_MAX_NAME);
      if (strpbrk (text, "\t\r") != NULL)
        return seg_recipe_refuse (error, "%s has a value with control characters", *key);
      if (!seg_value_from_string (pspec, text, seg_recipe_properties_append (properties, pspec),
                                  error))
        {
          g_prefix_error (error, "%s: ", *key);
          return FALSE;
        }
    }
  return TRUE;
}

/* The object that a group directly below describes. */
static gboolean
seg_recipe_take_object (SegRecipeBuild *self, const char *group, const char *name, guint depth,
                        GObjectClass *klass, SegRecipeProperties *properties, GError **error)
{
  GParamSpec *pspec = seg_recipe_find_property (klass, name, error);
  gpointer object;

  if (pspec != NULL && seg_type_get_kind (pspec->value_type) == NULL)
    seg_recipe_refuse (error, "\"%s\" is a value, not %s", name,
                       g_type_is_a (G_TYPE_FROM_CLASS (klass), SEG_TYPE_BLOCK) ? "a block"
                                                                               : "an object");
  if (pspec == NULL || seg_type_get_kind (pspec->value_type) == NULL)
    {
      g_prefix_error (error, "[%s]: ", group);
      return FALSE;
    }
  object = seg_recipe_build (self, group, depth, pspec->value_type, error);
  if (object == NULL)
    return FALSE;
  g_value_take_object (
      g_value_init (seg_recipe_properties_append (properties, pspec), G_OBJECT_TYPE (object)),
      object);
  return TRUE;
}

/* The groups directly below a group. */
static gboolean
seg_recipe_take_objects (SegRecipeBuild *self, const char *group, guint depth,
                         GObjectClass *klass, SegRecipeProperties *properties, GError **error)
{
  g_auto (GStrv) groups = g_key_file_get_groups (self->recipe, NULL);
  g_autofree char *prefix = g_strconcat (group, ".", NULL);

  for (char **below = groups; *below != NULL; below++)
    {
      const char *name = *below + strlen (prefix);

      if (g_str_has_prefix (*below, prefix) && strchr (name, '.') == NULL
          && !seg_recipe_take_object (self, *below, name, depth + 1, klass, properties, error))
        return FALSE;
    }
  return TRUE;
}

/* An object of that type, whose properties the group and those below it give. */
static gpointer
seg_recipe_build_type (SegRecipeBuild *self, const char *group, guint depth, GType type,
                       GError **error)
{
  g_auto (SegRecipeProperties) properties
      = { g_ptr_array_new (), g_array_new (FALSE, TRUE, sizeof (GValue)) };
  g_autoptr (GTypeClass) klass = g_type_class_ref (type);
  gpointer object = NULL;

  if (seg_recipe_take_values (self->recipe, group, G_OBJECT_CLASS (klass), &properties, error))
    {
      /* A problem below names its own group. */
      if (!seg_recipe_take_objects (self, group, depth, G_OBJECT_CLASS (klass), &properties,
                                    error))
        return NULL;
      object = seg_object_new_checked (type, properties.names->len,
                                       (const char **) properties.names->pdata,
                                       (const GValue *) properties.values->data, error);
    }
  if (object == NULL)
    g_prefix_error (error, "[%s]: ", group);
  return object;
}

static gpointer
seg_recipe_build (SegRecipeBuild *self, const char *group, guint depth, GType parent,
                  GError **error)
{
  GType type;

  if (depth > SEG_RECIPE_MAX_DEPTH)
    {
      seg_recipe_refuse (error, "%ss are nested deeper than %d", seg_type_get_kind (parent),
                         SEG_RECIPE_MAX_DEPTH);
      return NULL;
    }
  g_hash_table_add (self->built, g_strdup (group));
  type = seg_recipe_find_type (self->recipe, group, parent, error);
  if (type != G_TYPE_INVALID)
    return seg_recipe_build_type (self, group, depth, type, error);
  g_prefix_error (error, "[%s]: ", group);
  return NULL;
}

/* A group that no object asked for hangs below one that is not there. */
static gboolean
seg_recipe_check_all_built (GKeyFile *recipe, const char *group, GHashTable *built, GError **error)
{
  g_auto (GStrv) groups = g_key_file_get_groups (recipe, NULL);
  g_autofree char *prefix = g_strconcat (group, ".", NULL);

  for (char **below = groups; *below != NULL; below++)
    if (g_str_has_prefix (*below, prefix) && !g_hash_table_contains (built, *below))
      {
        int n_parent = (int) (strrchr (*below, '.') - *below);
        return seg_recipe_refuse (error, "[%s]: there is no group [%.*s]", *below, n_parent,
                                  *below);
      }
  return TRUE;
}

/**
 * seg_recipe_build_object:
 * @recipe: from seg_recipe_parse()
 * @group: where it is described, such as `train.loss`
 * @parent: the kind it must be of, such as #SEG_TYPE_LOSS
 * @error: return location
 *
 * Makes the object that a group describes: `type` is a registered name, each other key one of
 * its properties, and a property that is itself an object is described by the group
 * `GROUP.PROPERTY`.
 * Errors: `SEG_ERROR_PLUGIN` for a type that is not registered; `SEG_ERROR_FORMAT` for a
 * property that the object does not have, or a group that belongs to none; `SEG_ERROR_PARAM` for
 * a value out of range.
 * Threads: any, once plugins are loaded.
 *
 * Returns: (transfer full): the object, or %NULL with @error set
 */
gpointer
seg_recipe_build_object (GKeyFile *recipe, const char *group, GType parent, GError **error)
{
  g_autoptr (GHashTable) built = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  SegRecipeBuild build = { recipe, built };
  g_autoptr (GObject) object = NULL;

  if (!g_key_file_has_group (recipe, group))
    {
      seg_recipe_refuse (error, "recipe has no group [%s]", group);
      return NULL;
    }
  object = seg_recipe_build (&build, group, 1, parent, error);
  if (object == NULL || !seg_recipe_check_all_built (recipe, group, built, error))
    return NULL;
  return g_steal_pointer (&object);
}

/**
 * seg_recipe_build_block:
 * @recipe: from seg_recipe_parse()
 * @group: where it is described, such as `model`
 * @error: return location
 *
 * As seg_recipe_build_object(), of a block.
 *
 * Returns: (transfer full): the block, or %NULL with @error set
 */
SegBlock *
seg_recipe_build_block (GKeyFile *recipe, const char *group, GError **error)
{
  return seg_recipe_build_object (recipe, group, SEG_TYPE_BLOCK, error);
}

/**
 * seg_recipe_build_plain: (skip)
 * @recipe: from seg_recipe_parse()
 * @group: where it is described; without such a group all properties have their defaults
 * @type: of the object, which is no feature: the group has no `type`
 * @error: return location
 *
 * Makes an object whose class is known, with the properties that a group gives.
 * Errors: as seg_recipe_build_object().
 * Threads: any, once plugins are loaded.
 *
 * Returns: (transfer full): the object, or %NULL with @error set
 */
gpointer
seg_recipe_build_plain (GKeyFile *recipe, const char *group, GType type, GError **error)
{
  g_autoptr (GHashTable) built = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  SegRecipeBuild build = { recipe, built };
  g_autoptr (GObject) object = NULL;

  if (!g_key_file_has_group (recipe, group))
    return seg_object_new_checked (type, 0, NULL, NULL, error);
  if (g_key_file_has_key (recipe, group, "type", NULL))
    {
      seg_recipe_refuse (error, "[%s]: unknown property \"type\"", group);
      return NULL;
    }
  object = seg_recipe_build_type (&build, group, 1, type, error);
  if (object == NULL || !seg_recipe_check_all_built (recipe, group, built, error))
    return NULL;
  return g_steal_pointer (&object);
}

/**
 * seg_recipe_find_nearest:
 * @name: of a key that there is not
 * @names: (array zero-terminated=1): of those that there are
 *
 * For messages of programs that look at the groups [train…] and [data] themselves.
 *
 * Returns: (nullable): the one of @names that @name may have been meant to be
 */
const char *
seg_recipe_find_nearest (const char *name, const char *const *names)
{
  g_return_val_if_fail (name != NULL && names != NULL, NULL);

  return _seg_text_nearest (name, names);
}
