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

/* The groups whose keys are known; those of blocks are properties. */
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

static gboolean
seg_recipe_is_block (const char *group)
{
  return strcmp (group, "model") == 0 || g_str_has_prefix (group, "model.");
}

/* Whether the group may occur, and the key in it. Keys of blocks are looked at in building. */
static gboolean
seg_recipe_check_place (const char *group, const char *key, GError **error)
{
  const char *names[G_N_ELEMENTS (seg_recipe_groups) + 2] = { "model" };

  if (seg_recipe_is_block (group))
    return TRUE;
  for (guint i = 0; i < G_N_ELEMENTS (seg_recipe_groups); i++)
    {
      names[i + 1] = seg_recipe_groups[i].name;
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
 * Reads a recipe: `[segkit] format=1`, `[input]`, `[classes]`, `[model]` and the groups below it.
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

/* ---- blocks -------------------------------------------------------------------------- */

/* Properties of one object, on their way to its constructor. */
typedef struct
{
  GPtrArray *names;
  GArray *values; /* of GValue */
} SegRecipeProperties;

static SegBlock *seg_recipe_build (GKeyFile *recipe, const char *group, guint depth,
                                   GHashTable *built, GError **error);

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

static GType
seg_recipe_find_type (GKeyFile *recipe, const char *group, GError **error)
{
  SegRegistry *registry = seg_registry_get_default ();
  g_autofree char *name = g_key_file_get_value (recipe, group, "type", NULL);

  if (name == NULL)
    {
      seg_recipe_refuse (error, "has no type");
      return G_TYPE_INVALID;
    }
  GType type = seg_registry_lookup (registry, name);
  if (type != G_TYPE_INVALID && g_type_is_a (type, SEG_TYPE_BLOCK))
    return type;

  g_auto (GStrv) known = seg_registry_list (registry, SEG_TYPE_BLOCK);
  const char *nearest = _seg_text_nearest (name, (const char *const *) known);
  g_autofree char *shown = _seg_text_escape (name);
  g_set_error (error, SEG_ERROR, SEG_ERROR_PLUGIN, "no plugin has a block \"%s\"%s%s%s", shown,
               nearest != NULL ? "; did you mean \"" : "", nearest != NULL ? nearest : "",
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
        return seg_recipe_refuse (error, "\"%s\" is a block: it needs a group [%s.%s]", *key, group,
                                  *key);

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

/* The groups directly below a group. */
static gboolean
seg_recipe_take_blocks (GKeyFile *recipe, const char *group, guint depth, GHashTable *built,
                        GObjectClass *klass, SegRecipeProperties *properties, GError **error)
{
  g_auto (GStrv) groups = g_key_file_get_groups (recipe, NULL);
  g_autofree char *prefix = g_strconcat (group, ".", NULL);

  for (char **below = groups; *below != NULL; below++)
    {
      if (!g_str_has_prefix (*below, prefix))
        continue;
      const char *name = *below + strlen (prefix);
      if (strchr (name, '.') != NULL)
        continue;

      GParamSpec *pspec = seg_recipe_find_property (klass, name, error);
      if (pspec != NULL && !g_type_is_a (pspec->value_type, SEG_TYPE_BLOCK))
        seg_recipe_refuse (error, "\"%s\" is a value, not a block", name);
      if (pspec == NULL || !g_type_is_a (pspec->value_type, SEG_TYPE_BLOCK))
        {
          g_prefix_error (error, "[%s]: ", *below);
          return FALSE;
        }

      SegBlock *block = seg_recipe_build (recipe, *below, depth + 1, built, error);
      if (block == NULL)
        return FALSE;
      g_value_take_object (
          g_value_init (seg_recipe_properties_append (properties, pspec), G_OBJECT_TYPE (block)),
          block);
    }
  return TRUE;
}

static SegBlock *
seg_recipe_build (GKeyFile *recipe, const char *group, guint depth, GHashTable *built,
                  GError **error)
{
  g_auto (SegRecipeProperties) properties
      = { g_ptr_array_new (), g_array_new (FALSE, TRUE, sizeof (GValue)) };
  g_autoptr (GTypeClass) klass = NULL;
  SegBlock *block = NULL;

  if (depth > SEG_RECIPE_MAX_DEPTH)
    {
      seg_recipe_refuse (error, "blocks are nested deeper than %d", SEG_RECIPE_MAX_DEPTH);
      return NULL;
    }
  g_hash_table_add (built, g_strdup (group));

  GType type = seg_recipe_find_type (recipe, group, error);
  if (type != G_TYPE_INVALID)
    {
      klass = g_type_class_ref (type);
      if (seg_recipe_take_values (recipe, group, G_OBJECT_CLASS (klass), &properties, error))
        {
          /* A problem below names its own group. */
          if (!seg_recipe_take_blocks (recipe, group, depth, built, G_OBJECT_CLASS (klass),
                                       &properties, error))
            return NULL;
          block = seg_object_new_checked (type, properties.names->len,
                                          (const char **) properties.names->pdata,
                                          (const GValue *) properties.values->data, error);
        }
    }
  if (block == NULL)
    g_prefix_error (error, "[%s]: ", group);
  return block;
}

/* A group that no block asked for hangs below one that is not there. */
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
 * seg_recipe_build_block:
 * @recipe: from seg_recipe_parse()
 * @group: where it is described, such as `model`
 * @error: return location
 *
 * Makes the block that a group describes: `type` is a registered name, each other key one of
 * its properties, and a property that is itself a block is described by the group
 * `GROUP.PROPERTY`.
 * Errors: `SEG_ERROR_PLUGIN` for a type that is not registered; `SEG_ERROR_FORMAT` for a
 * property that the block does not have, or a group that belongs to none; `SEG_ERROR_PARAM` for
 * a value out of range.
 * Threads: any, once plugins are loaded.
 *
 * Returns: (transfer full): the block, or %NULL with @error set
 */
SegBlock *
seg_recipe_build_block (GKeyFile *recipe, const char *group, GError **error)
{
  g_autoptr (GHashTable) built = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  g_autoptr (SegBlock) block = NULL;

  if (!g_key_file_has_group (recipe, group))
    {
      seg_recipe_refuse (error, "recipe has no group [%s]", group);
      return NULL;
    }
  block = seg_recipe_build (recipe, group, 1, built, error);
  if (block == NULL || !seg_recipe_check_all_built (recipe, group, built, error))
    return NULL;
  return g_steal_pointer (&block);
}
