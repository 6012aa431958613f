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

/* Data folders in search order: SEGKIT_DATA_PATH, then the build tree's or the installed one. */
char **
_seg_paths_get_data_folders (void)
{
  const char *environment = g_getenv ("SEGKIT_DATA_PATH");
  g_autofree char *root = seg_paths_get_build_root ();
  g_autofree char *data = root != NULL ? g_build_filename (root, "data", NULL) : NULL;
  g_autoptr (GStrvBuilder) folders = g_strv_builder_new ();

  if (environment != NULL)
    {
      g_auto (GStrv) parts = g_strsplit (environment, G_SEARCHPATH_SEPARATOR_S, -1);
      g_strv_builder_addv (folders, (const char **) parts);
    }
  g_strv_builder_add (folders, data != NULL ? data : SEG_DATA_DIR);
  return g_strv_builder_end (folders);
}

/* The first of the data folders that has the file, or NULL. */
char *
_seg_paths_find_data (const char *relative)
{
  g_auto (GStrv) folders = _seg_paths_get_data_folders ();

  for (char **folder = folders; *folder != NULL; folder++)
    {
      g_autofree char *path = g_build_filename (*folder, relative, NULL);
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
