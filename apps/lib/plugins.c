/* Plugins loaded for a program, and what is said of those that were not. */
#include <segkit/segkit.h>

#include "path.h"
#include "plugins.h"
#include "warning.h"

static struct
{
  char *path;
  gboolean strict;
} seg_plugins_options;

const GOptionEntry seg_plugins_entries[] = {
  { "plugin-path", 0, 0, G_OPTION_ARG_FILENAME, &seg_plugins_options.path,
    "look for plugins here first", "DIR" },
  { "strict", 0, 0, G_OPTION_ARG_NONE, &seg_plugins_options.strict,
    "end with an error if a plugin or a feature is not loaded", NULL },
  G_OPTION_ENTRY_NULL
};

/* A mistyped folder would show only as a feature that is missing. */
static char **
seg_plugins_list_missing (const char *path)
{
  g_auto (GStrv) folders = g_strsplit (path != NULL ? path : "", G_SEARCHPATH_SEPARATOR_S, -1);
  g_autoptr (GStrvBuilder) missing = g_strv_builder_new ();

  for (char **folder = folders; *folder != NULL; folder++)
    if (**folder != '\0' && !g_file_test (*folder, G_FILE_TEST_IS_DIR))
      g_strv_builder_add (missing, *folder);
  return g_strv_builder_end (missing);
}

/* The environment may have been set for something else. */
static gboolean
seg_plugins_check_paths (GError **error)
{
  g_auto (GStrv) asked = seg_plugins_list_missing (seg_plugins_options.path);
  g_auto (GStrv) set = seg_plugins_list_missing (g_getenv ("SEGKIT_PLUGIN_PATH"));

  if (asked[0] != NULL)
    {
      g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                   "--plugin-path: %s: there is no such folder", asked[0]);
      return FALSE;
    }
  if (set[0] != NULL && seg_plugins_options.strict)
    {
      g_set_error (error, SEG_ERROR, SEG_ERROR_PLUGIN,
                   "SEGKIT_PLUGIN_PATH: %s: there is no such folder", set[0]);
      return FALSE;
    }
  for (char **folder = set; *folder != NULL; folder++)
    seg_warning_print ("SEGKIT_PLUGIN_PATH: %s: there is no such folder", *folder);
  return TRUE;
}

/**
 * seg_plugins_load:
 * @tell: what to warn of
 * @error: return location
 *
 * Loads the plugins of `--plugin-path`, `SEGKIT_PLUGIN_PATH` and segkit's own folder. The first of two
 * with one name wins; what is not loaded is broken or comes second.
 * Errors: with `--strict`, `SEG_ERROR_PLUGIN`; `G_OPTION_ERROR` for a folder of `--plugin-path` that
 * is not there.
 */
gboolean
seg_plugins_load (SegPluginsTell tell, GError **error)
{
  SegRegistry *registry = seg_registry_get_default ();
  const SegNotLoaded *not_loaded;
  guint n;

  if (!seg_plugins_check_paths (error))
    return FALSE;
  seg_registry_load_default (registry, seg_plugins_options.path);
  not_loaded = seg_registry_get_not_loaded (registry, &n);
  if (seg_plugins_options.strict && n > 0)
    {
      g_autofree char *shown = seg_path_escape (not_loaded[0].path);
      g_autofree char *more = n > 1 ? g_strdup_printf (", and %u more", n - 1) : g_strdup ("");

      g_set_error (error, SEG_ERROR, SEG_ERROR_PLUGIN, "%s: %s%s", shown, not_loaded[0].reason,
                   more);
      return FALSE;
    }
  /* a feature of ours that another plugin has taken over is among them, so that nobody computes
   * with another network than he thinks */
  for (guint i = 0; i < n; i++)
    if (tell == SEG_PLUGINS_TELL_ALL
        || (tell == SEG_PLUGINS_TELL_FOREIGN && not_loaded[i].foreign))
      seg_warning_print ("not loaded: %s: %s", not_loaded[i].path, not_loaded[i].reason);
  return TRUE;
}
