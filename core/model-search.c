/* Models that are installed, by name. */
#include <string.h>

#include <gio/gio.h>

#include "paths.h"

#include <segkit/model.h>

#define SEG_MODEL_SUFFIX ".safetensors"
#define SEG_MODEL_DEFAULT "models/nuclei.safetensors"

/**
 * seg_model_find_default:
 * @error: return location
 *
 * Finds the model that comes with segkit: below a folder of the environment variable
 * `SEGKIT_DATA_PATH`, beside the library in its build tree, or where it was installed.
 * Errors: %G_IO_ERROR_NOT_FOUND.
 *
 * Returns: (transfer full) (type filename): its path, or %NULL with @error set
 */
char *
seg_model_find_default (GError **error)
{
  char *path = _seg_paths_find_data (SEG_MODEL_DEFAULT);

  if (path == NULL)
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND,
                 "%s: segkit is not completely installed, and SEGKIT_DATA_PATH leads to no such "
                 "file either",
                 SEG_MODEL_DEFAULT);
  return path;
}

/**
 * seg_model_find:
 * @name: (type filename): a file, a folder, or the name of an installed model
 * @error: return location
 *
 * Finds a model. What is there under @name wins; otherwise @name.safetensors is looked for where
 * seg_model_find_default() looks.
 * Errors: %G_IO_ERROR_NOT_FOUND.
 *
 * Returns: (transfer full) (type filename): its path, or %NULL with @error set
 */
char *
seg_model_find (const char *name, GError **error)
{
  g_autofree char *file = NULL, *relative = NULL;
  char *path = NULL;

  g_return_val_if_fail (name != NULL, NULL);

  if (g_file_test (name, G_FILE_TEST_EXISTS))
    return g_strdup (name);
  if (strchr (name, G_DIR_SEPARATOR) == NULL)
    {
      file = g_strconcat (name, SEG_MODEL_SUFFIX, NULL);
      relative = g_build_filename ("models", file, NULL);
      path = _seg_paths_find_data (relative);
    }
  if (path == NULL)
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND,
                 "%s: there is no such file or folder, and no model of that name is installed",
                 name);
  return path;
}

static gint
seg_model_compare_paths (gconstpointer a, gconstpointer b)
{
  return strcmp (*(const char *const *) a, *(const char *const *) b);
}

/**
 * seg_model_list_installed:
 *
 * Returns: (transfer full): paths of the models that seg_model_find() knows by name, sorted
 *   within each folder
 */
char **
seg_model_list_installed (void)
{
  g_auto (GStrv) folders = _seg_paths_get_data_folders ();
  GPtrArray *paths = g_ptr_array_new ();

  for (char **folder = folders; *folder != NULL; folder++)
    {
      g_autofree char *models = g_build_filename (*folder, "models", NULL);
      g_autoptr (GDir) dir = g_dir_open (models, 0, NULL);
      g_autoptr (GPtrArray) found = g_ptr_array_new ();
      const char *name;

      while (dir != NULL && (name = g_dir_read_name (dir)) != NULL)
        if (g_str_has_suffix (name, SEG_MODEL_SUFFIX))
          g_ptr_array_add (found, g_build_filename (models, name, NULL));
      g_ptr_array_sort (found, seg_model_compare_paths);
      g_ptr_array_extend_and_steal (paths, g_steal_pointer (&found));
    }
  g_ptr_array_add (paths, NULL);
  return (char **) g_ptr_array_free (paths, FALSE);
}
