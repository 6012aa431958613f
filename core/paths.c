/* Where plugins and models are: in the build tree that the library lies in, else in the install
 * folders. These are found from the library's own place, so that an installed tree may be moved. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config.h"
#include "paths.h"
#include "text.h"

#include <segkit/error.h>
#include <segkit/memory.h>

/* As many as the kernel follows. */
#define SEG_PATHS_MAX_LINKS 40

/* The folder that this very library lies in. Links are followed: where /lib is a link to /usr/lib,
 * the linker may have found it by either name. */
static char *
seg_paths_get_library (void)
{
  Dl_info info = { 0 };
  g_autofree char *file = NULL;

  if (dladdr ((gpointer) seg_alloc, &info) != 0 && info.dli_fname != NULL)
    file = realpath (info.dli_fname, NULL);
  /* the library's file is gone: then so is what lies beside it, and it is not looked for here */
  return file != NULL ? g_path_get_dirname (file) : g_strdup ("/nowhere");
}

/* One of our own files or folders: @built in the build tree, which Meson has marked, @installed
 * otherwise. Both are relative to the library's folder; @installed may be absolute. */
static char *
seg_paths_get_own (const char *built, const char *installed)
{
  g_autofree char *library = seg_paths_get_library ();
  g_autofree char *marker = g_canonicalize_filename ("../segkit-uninstalled", library);

  return g_canonicalize_filename (g_file_test (marker, G_FILE_TEST_EXISTS) ? built : installed,
                                  library);
}

char *
_seg_paths_get_own_plugins (void)
{
  return seg_paths_get_own ("../plugins", SEG_PLUGIN_DIR);
}

/* The program that tries plugins out: see probe.c. */
char *
_seg_paths_get_probe (void)
{
  return seg_paths_get_own ("segkit-probe-plugin", SEG_PROBE);
}

/* Whether the file lies in the folder of our own plugins, by whatever name. */
gboolean
_seg_paths_is_own_plugin (const char *path)
{
  g_autofree char *own = _seg_paths_get_own_plugins (), *folder = g_path_get_dirname (path);
  struct stat a, b;

  return stat (own, &a) == 0 && stat (folder, &b) == 0 && a.st_dev == b.st_dev
         && a.st_ino == b.st_ino;
}

static gboolean
seg_paths_check_writers (const char *path, const char *shown, GError **error)
{
  struct stat status;

  if (stat (path, &status) != 0)
    g_set_error (error, SEG_ERROR, SEG_ERROR_PLUGIN, "%s cannot be looked at: %s", shown,
                 g_strerror (errno));
  else if (status.st_uid != 0 && status.st_uid != geteuid ())
    g_set_error (error, SEG_ERROR, SEG_ERROR_PLUGIN,
                 "%s belongs to user %u, not to root or to user %u, who runs this program", shown,
                 status.st_uid, geteuid ());
  else if ((status.st_mode & S_IWOTH) != 0)
    g_set_error (error, SEG_ERROR, SEG_ERROR_PLUGIN, "%s may be written to by anyone", shown);
  else
    return TRUE;
  return FALSE;
}

/* Refuses a module that somebody else than root and the user could change, or put another in the
 * place of: by the file, its folder or, where it is a link, the folder of each link on the way.
 * What else could be done higher up in the tree ends at files that are not the user's. */
gboolean
_seg_paths_check_module (const char *path, GError **error)
{
  g_autofree char *file = g_strdup (path);

  for (guint n_links = 0; n_links <= SEG_PATHS_MAX_LINKS; n_links++)
    {
      g_autofree char *folder = g_path_get_dirname (file), *target = NULL;
      g_autofree char *shown = _seg_text_escape_path (folder);

      if (!seg_paths_check_writers (folder, shown, error))
        return FALSE;
      target = g_file_read_link (file, NULL);
      if (target == NULL)
        return seg_paths_check_writers (file, "the file", error);
      g_free (file);
      file = g_path_is_absolute (target) ? g_steal_pointer (&target)
                                         : g_build_filename (folder, target, NULL);
    }
  g_set_error (error, SEG_ERROR, SEG_ERROR_PLUGIN, "more than %d links", SEG_PATHS_MAX_LINKS);
  return FALSE;
}

/* The folders of a list such as "/a:/b". An empty one is none, not the current folder. */
static void
seg_paths_add_list (GStrvBuilder *folders, const char *list)
{
  g_auto (GStrv) parts = g_strsplit (list != NULL ? list : "", G_SEARCHPATH_SEPARATOR_S, -1);

  for (char **part = parts; *part != NULL; part++)
    if (**part != '\0')
      g_strv_builder_add (folders, *part);
}

/* Data folders in search order: those of SEGKIT_DATA_PATH, then our own. */
char **
_seg_paths_get_data_folders (void)
{
  g_autofree char *own = seg_paths_get_own ("../data", SEG_DATA_DIR);
  g_autoptr (GStrvBuilder) folders = g_strv_builder_new ();

  seg_paths_add_list (folders, g_getenv ("SEGKIT_DATA_PATH"));
  g_strv_builder_add (folders, own);
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

/* Plugin folders in search order: @first, SEGKIT_PLUGIN_PATH, then our own. */
char **
_seg_paths_get_plugins (const char *first)
{
  g_autofree char *own = _seg_paths_get_own_plugins ();
  g_autoptr (GStrvBuilder) folders = g_strv_builder_new ();

  seg_paths_add_list (folders, first);
  seg_paths_add_list (folders, g_getenv ("SEGKIT_PLUGIN_PATH"));
  g_strv_builder_add (folders, own);
  return g_strv_builder_end (folders);
}
