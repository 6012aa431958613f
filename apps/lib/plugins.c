/* Plugins loaded for a program, and what is said of those that were not. */
#include <stdio.h>

#include <segkit/segkit.h>

#include "path.h"
#include "plugins.h"

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

/* On stderr, one line each: a feature of ours that another plugin has taken over is one of them,
 * so that nobody computes with another network than he thinks. */
static void
seg_plugins_warn (const SegNotLoaded *not_loaded)
{
  g_autofree char *path = seg_path_escape (not_loaded->path);
  g_autofree char *reason = seg_path_escape (not_loaded->reason);

  fprintf (stderr, "%s: warning: not loaded: %s: %s\n", g_get_prgname (), path, reason);
}

/**
 * seg_plugins_load:
 * @verbose: whether to warn also of what only segkit's own folder has to do with
 * @error: return location
 *
 * Loads the plugins of `--plugin-path`, `SEGKIT_PLUGIN_PATH` and segkit's own folder. The first of two
 * with one name wins; of what is not loaded, because it is broken or comes second, the user is
 * warned if a folder that he named has to do with it.
 * Errors: with `--strict`, `SEG_ERROR_PLUGIN`.
 */
gboolean
seg_plugins_load (gboolean verbose, GError **error)
{
  SegRegistry *registry = seg_registry_get_default ();
  const SegNotLoaded *not_loaded;
  g_autofree char *more = NULL;
  guint n;

  seg_registry_load_default (registry, seg_plugins_options.path);
  not_loaded = seg_registry_get_not_loaded (registry, &n);
  if (seg_plugins_options.strict && n > 0)
    {
      more = n > 1 ? g_strdup_printf (", and %u more", n - 1) : g_strdup ("");
      g_set_error (error, SEG_ERROR, SEG_ERROR_PLUGIN, "%s: %s%s", not_loaded[0].path,
                   not_loaded[0].reason, more);
      return FALSE;
    }
  for (guint i = 0; i < n; i++)
    if (verbose || not_loaded[i].foreign)
      seg_plugins_warn (&not_loaded[i]);
  return TRUE;
}
