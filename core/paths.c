/* Where plugins and models are: beside the library when it runs in its build tree, in the
 * install folders otherwise. */
#define _GNU_SOURCE
#include <dlfcn.h>

#include "config.h"
#include "paths.h"

#include <segkit/memory.h>

/* The build tree that this very library lies in, or NULL: Meson writes the marker. */
static char *
seg_paths_get_build_root (void)
{
  g_autofree char *folder = NULL, *root = NULL, *marker = NULL;
  Dl_info info;

  if (dladdr ((gpointer) seg_alloc, &info) == 0 || info.dli_fname == NULL)
    return NULL;
  folder = g_path_get_dirname (info.dli_fname);
  root = g_canonicalize_filename ("..", folder);
  marker = g_build_filename (root, "segkit-uninstalled", NULL);
  return g_file_test (marker, G_FILE_TEST_EXISTS) ? g_steal_pointer (&root) : NULL;
}

/* The first of SEGKIT_DATA_PATH, build tree and install folder that has the file, or NULL. */
char *
_seg_paths_find_data (const char *relative)
{
  const char *environment = g_getenv ("SEGKIT_DATA_PATH");
  g_autofree char *root = seg_paths_get_build_root ();
  g_autoptr (GPtrArray) folders = g_ptr_array_new_with_free_func (g_free);

  if (environment != NULL)
    {
      g_auto (GStrv) parts = g_strsplit (environment, G_SEARCHPATH_SEPARATOR_S, -1);
      for (char **part = parts; *part != NULL; part++)
        g_ptr_array_add (folders, g_strdup (*part));
    }
  g_ptr_array_add (folders, root != NULL ? g_build_filename (root, "data", NULL)
                                         : g_strdup (SEG_DATA_DIR));

  for (guint i = 0; i < folders->len; i++)
    {
      g_autofree char *path = g_build_filename (folders->pdata[i], relative, NULL);
      if (g_file_test (path, G_FILE_TEST_EXISTS))
        return g_steal_pointer (&path);
    }
  return NULL;
}

/* Plugin folders in search order: @first, SEGKIT_PLUGIN_PATH, then the build tree's or the
 * installed ones. */
char **
_seg_paths_get_plugins (const char *first)
{
  const char *lists[] = { first, g_getenv ("SEGKIT_PLUGIN_PATH") };
  g_autofree char *root = seg_paths_get_build_root ();
  g_autoptr (GStrvBuilder) folders = g_strv_builder_new ();

  for (guint i = 0; i < G_N_ELEMENTS (lists); i++)
    {
      g_auto (GStrv) parts
          = lists[i] != NULL ? g_strsplit (lists[i], G_SEARCHPATH_SEPARATOR_S, -1) : NULL;
      for (char **part = parts; part != NULL && *part != NULL; part++)
        if (**part != '\0')
          g_strv_builder_add (folders, *part);
    }
  if (root != NULL)
    {
      g_autofree char *plugins = g_build_filename (root, "plugins", NULL);
      g_strv_builder_add (folders, plugins);
    }
  else
    g_strv_builder_add (folders, SEG_PLUGIN_DIR);
  return g_strv_builder_end (folders);
}
