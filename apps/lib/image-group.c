/* Images whose channels are in several files: 7_0000.png, 7_0001.png, …, as in nnU-Net. Suffixes
 * tell the files apart; what is before is the image's own name. */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include <gio/gio.h>

#include <segkit/error.h>

#include "image-group.h"
#include "image-name.h"

struct _SegImageGroups
{
  const char *const *suffixes;
  GHashTable *folders; /* path → name without ending → GPtrArray of names */
};

/**
 * seg_image_groups_new:
 * @suffixes: (nullable) (array zero-terminated=1): of the files of an image, for as long as this
 *   is used; none ends with another; %NULL: each image is one file
 *
 * Returns: (transfer full): a new one
 */
SegImageGroups *
seg_image_groups_new (const char *const *suffixes)
{
  SegImageGroups *self = g_new0 (SegImageGroups, 1);

  self->suffixes = suffixes;
  self->folders =
      g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify) g_hash_table_unref);
  return self;
}

/**
 * seg_image_groups_free:
 * @self: groups
 */
void
seg_image_groups_free (SegImageGroups *self)
{
  g_hash_table_unref (self->folders);
  g_free (self);
}

/**
 * seg_image_groups_dup_stem:
 * @self: groups
 * @name: of a file, without its folder and without options in brackets
 * @is_first: (out): whether it is the first file of its image
 *
 * Returns: (transfer full) (nullable): the name of the image that has this file; %NULL where none
 *   can
 */
char *
seg_image_groups_dup_stem (SegImageGroups *self, const char *name, gboolean *is_first)
{
  g_autofree char *stem = g_strndup (name, seg_image_name_get_stem_length (name));
  gsize length = strlen (stem);

  for (guint i = 0; self->suffixes[i] != NULL; i++)
    {
      gsize suffix = strlen (self->suffixes[i]);

      *is_first = i == 0;
      if (length > suffix && g_str_has_suffix (stem, self->suffixes[i]))
        return g_strndup (stem, length - suffix);
    }
  return NULL;
}

/* The images of a folder by their names without ending, read once for all of them. A folder in it may
 * be called like an image. */
static GHashTable *
seg_image_groups_read_folder (SegImageGroups *self, const char *path, GError **error)
{
  GHashTable *files = g_hash_table_lookup (self->folders, path);
  g_autoptr (GDir) dir = files == NULL ? g_dir_open (path, 0, error) : NULL;
  const char *name;

  if (files != NULL || dir == NULL)
    return files;
  files =
      g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify) g_ptr_array_unref);
  while ((name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *stem = g_strndup (name, seg_image_name_get_stem_length (name));
      g_autofree char *inner = g_build_filename (path, name, NULL);
      GPtrArray *names = g_hash_table_lookup (files, stem);

      if (*stem == '\0' || g_file_test (inner, G_FILE_TEST_IS_DIR))
        continue;
      if (names == NULL)
        {
          names = g_ptr_array_new_with_free_func (g_free);
          g_hash_table_insert (files, g_steal_pointer (&stem), names);
        }
      g_ptr_array_add (names, g_strdup (name));
    }
  g_hash_table_insert (self->folders, g_strdup (path), files);
  return files;
}

/* The one image called @stem, with any ending, where @file is. */
static char *
seg_image_groups_find_file (SegImageGroups *self, const char *file, const char *stem,
                            GError **error)
{
  g_autofree char *folder = g_path_get_dirname (file);
  GHashTable *files = seg_image_groups_read_folder (self, folder, error);
  GPtrArray *names = files != NULL ? g_hash_table_lookup (files, stem) : NULL;

  if (files == NULL)
    {
      g_prefix_error (error, "%s: ", file);
      return NULL;
    }
  if (names == NULL)
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND, "%s: there is no image %s beside it",
                 file, stem);
  else if (names->len > 1)
    g_set_error (error, SEG_ERROR, SEG_ERROR_UNSUPPORTED, "%s: %s and %s in its folder have one name",
                 file, (char *) names->pdata[0], (char *) names->pdata[1]);
  else
    return strchr (file, G_DIR_SEPARATOR) == NULL
               ? g_strdup (names->pdata[0])
               : g_build_filename (folder, names->pdata[0], NULL);
  return NULL;
}

/**
 * seg_image_groups_find:
 * @self: groups
 * @image: the first file of an image, perhaps with options in brackets, which are for all
 * @error: return location
 *
 * Errors: `G_OPTION_ERROR` where the name of @image does not end with the first suffix;
 * `G_IO_ERROR_NOT_FOUND` for a file that is missing, `SEG_ERROR_UNSUPPORTED` for two that have the
 * same name but for the ending, `G_FILE_ERROR`.
 *
 * Returns: (transfer full) (array zero-terminated=1): all files of the image, @image first
 */
char **
seg_image_groups_find (SegImageGroups *self, const char *image, GError **error)
{
  g_autofree char *file = seg_image_name_dup_file (image), *name = g_path_get_basename (file);
  g_autofree char *stem = NULL;
  g_autoptr (GStrvBuilder) files = g_strv_builder_new ();
  struct stat status;
  gboolean is_first;

  g_strv_builder_add (files, image);
  if (self->suffixes == NULL)
    return g_strv_builder_end (files);
  if (stat (file, &status) != 0)
    {
      int code = errno;

      g_set_error (error, G_IO_ERROR, g_io_error_from_errno (code), "%s: %s", image,
                   g_strerror (code));
      return NULL;
    }
  stem = seg_image_groups_dup_stem (self, name, &is_first);
  if (stem == NULL || !is_first)
    {
      g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                   "%s: its name does not end with %s, the first of --image-suffixes, and .png or "
                   "another image's ending",
                   image, self->suffixes[0]);
      return NULL;
    }
  for (guint i = 0; self->suffixes[i] != NULL; i++)
    {
      g_autofree char *wanted = g_strconcat (stem, self->suffixes[i], NULL);
      g_autofree char *found = seg_image_groups_find_file (self, file, wanted, error);
      g_autofree char *whole = NULL;

      if (found == NULL)
        return NULL;
      whole = g_strconcat (found, image + strlen (file), NULL);
      if (i > 0) /* the first is looked for, too, since another may have its name */
        g_strv_builder_add (files, whole);
    }
  return g_strv_builder_end (files);
}
