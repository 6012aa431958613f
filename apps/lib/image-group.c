/* An image whose bands are in several files: 7_0000.png, 7_0001.png, …, as in nnU-Net.
 *
 * The suffixes tell them apart; what is before, is the image's own name. A file's bands follow
 * those of the file before, each without its alpha, as segtrain takes the files of a sample. */
#include <string.h>

#include <gio/gio.h>

#include <segkit/error.h>

#include "image-group.h"
#include "image-name.h"
#include "vips-error.h"

static char *
seg_image_group_dup_file_stem (const char *file)
{
  g_autofree char *name = g_path_get_basename (file);
  gsize length = seg_image_name_get_stem_length (name);

  return length > 0 ? g_strndup (name, length) : g_steal_pointer (&name);
}

/**
 * seg_image_group_dup_stem:
 * @image: a file, perhaps with options in brackets
 * @suffixes: (array zero-terminated=1): of the files of an image
 *
 * Returns: (transfer full) (nullable): the image's name, if the file is the first of one
 */
char *
seg_image_group_dup_stem (const char *image, const char *const *suffixes)
{
  g_autofree char *file = seg_image_name_dup_file (image);
  g_autofree char *stem = seg_image_group_dup_file_stem (file);
  gsize length = strlen (stem), suffix = strlen (suffixes[0]);

  return length > suffix && g_str_has_suffix (stem, suffixes[0]) ? g_strndup (stem, length - suffix)
                                                                 : NULL;
}

/* The image called @stem, with any ending, in the folder where @file is. */
static char *
seg_image_group_find_file (const char *file, const char *stem, GError **error)
{
  g_autofree char *folder = g_path_get_dirname (file), *found = NULL;
  g_autoptr (GDir) dir = g_dir_open (folder, 0, error);
  const char *name;

  if (dir == NULL)
    return NULL;
  while ((name = g_dir_read_name (dir)) != NULL)
    {
      gsize length = seg_image_name_get_stem_length (name);

      if (length != strlen (stem) || strncmp (name, stem, length) != 0)
        continue;
      if (found != NULL)
        {
          g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                       "%s: has two images called %s", folder, stem);
          return NULL;
        }
      found = g_strdup (name);
    }
  if (found == NULL)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND, "there is no %s in %s", stem, folder);
      return NULL;
    }
  return strchr (file, G_DIR_SEPARATOR) == NULL ? g_steal_pointer (&found)
                                                : g_build_filename (folder, found, NULL);
}

/**
 * seg_image_group_find:
 * @image: the first file of an image, perhaps with options in brackets, which are for all
 * @suffixes: (nullable) (array zero-terminated=1): of the files of an image; %NULL: it is one file
 * @error: return location
 *
 * Errors: `G_OPTION_ERROR` where the name does not end with the first suffix, or two files have
 * the same name but for the ending; `G_IO_ERROR_NOT_FOUND` for one that is missing.
 *
 * Returns: (transfer full): all files of the image, @image first
 */
char **
seg_image_group_find (const char *image, const char *const *suffixes, GError **error)
{
  g_autofree char *stem = suffixes != NULL ? seg_image_group_dup_stem (image, suffixes) : NULL;
  g_autofree char *file = seg_image_name_dup_file (image);
  g_autoptr (GStrvBuilder) files = g_strv_builder_new ();

  if (suffixes != NULL && stem == NULL)
    {
      g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                   "%s: its name does not end with %s, the first of --image-suffixes", image,
                   suffixes[0]);
      return NULL;
    }
  g_strv_builder_add (files, image);
  for (guint i = 1; suffixes != NULL && suffixes[i] != NULL; i++)
    {
      g_autofree char *wanted = g_strconcat (stem, suffixes[i], NULL);
      g_autofree char *found = seg_image_group_find_file (file, wanted, error);
      g_autofree char *whole = NULL;

      if (found == NULL)
        {
          g_prefix_error (error, "%s: ", image);
          return NULL;
        }
      whole = g_strconcat (found, image + strlen (file), NULL);
      g_strv_builder_add (files, whole);
    }
  return g_strv_builder_end (files);
}

/* ---- reading ---------------------------------------------------------------------------- */

static void
seg_image_group_unref (gpointer image)
{
  if (image != NULL)
    g_object_unref (image);
}

/* Takes over @image, and gives what becomes of it. */
static VipsImage *
seg_image_group_replace (const char *name, VipsImage *image, int failed, VipsImage *made,
                         GError **error)
{
  g_object_unref (image);
  if (failed == 0)
    return made;
  seg_vips_error (error, name, SEG_ERROR, SEG_ERROR_FORMAT);
  return NULL;
}

static VipsImage *
seg_image_group_open_file (const char *name, gboolean random, SegImageMemory *memory,
                           GError **error)
{
  SegImageMemory own;
  VipsImage *image = seg_image_file_open (name, random, &own, error), *colours = NULL;
  int failed;

  if (image == NULL)
    return NULL;
  memory->in_order += own.in_order;
  memory->in_any_order += own.in_any_order;
  if (!vips_image_hasalpha (image) || vips_image_get_typeof (image, SEG_IMAGE_FILE_UNTOLD) != 0)
    return image;
  failed = vips_extract_band (image, &colours, 0, "n", image->Bands - 1, NULL);
  return seg_image_group_replace (name, image, failed, colours, error);
}

/* An integer is the same float that it counts as elsewhere: value / largest, in float32. */
static VipsImage *
seg_image_group_scale (const char *name, VipsImage *image, GError **error)
{
  guint n = image->BandFmt == VIPS_FORMAT_UCHAR ? G_MAXUINT8 + 1 : G_MAXUINT16 + 1;
  g_autofree float *values = NULL;
  VipsImage *table, *scaled = NULL;
  int failed;

  if (image->BandFmt == VIPS_FORMAT_FLOAT)
    return image;
  values = g_new (float, n);
  for (guint i = 0; i < n; i++)
    values[i] = (float) i / (float) (n - 1);
  table = vips_image_new_from_memory_copy (values, n * sizeof (float), (int) n, 1, 1,
                                           VIPS_FORMAT_FLOAT);
  failed = table == NULL || vips_maplut (image, &scaled, table, NULL) != 0;
  g_clear_object (&table);
  return seg_image_group_replace (name, image, failed, scaled, error);
}

/* The images of @files, as far as they could be opened. */
static gboolean
seg_image_group_open_all (const char *const *files, GPtrArray *images, gboolean random,
                          SegImageMemory *memory, GError **error)
{
  for (guint i = 0; files[i] != NULL; i++)
    {
      VipsImage *image = seg_image_group_open_file (files[i], random, memory, error), *first;

      if (image == NULL)
        return FALSE;
      g_ptr_array_add (images, image);
      first = images->pdata[0];
      if (image->Xsize != first->Xsize || image->Ysize != first->Ysize)
        {
          g_set_error (error, SEG_ERROR, SEG_ERROR_SHAPE, "%s: has %d × %d pixels, and %s %d × %d",
                       files[i], image->Xsize, image->Ysize, files[0], first->Xsize, first->Ysize);
          return FALSE;
        }
    }
  return TRUE;
}

/* Samples of several kinds become floats. */
static gboolean
seg_image_group_make_alike (const char *const *files, GPtrArray *images, GError **error)
{
  gboolean alike = TRUE;

  for (guint i = 1; i < images->len; i++)
    alike &= ((VipsImage *) images->pdata[i])->BandFmt == ((VipsImage *) images->pdata[0])->BandFmt;
  for (guint i = 0; i < images->len && !alike; i++)
    {
      images->pdata[i] = seg_image_group_scale (files[i], images->pdata[i], error);
      if (images->pdata[i] == NULL)
        return FALSE;
    }
  return TRUE;
}

/**
 * seg_image_group_open: (skip)
 * @files: (array zero-terminated=1): of one image, one at least
 * @random: as for seg_image_file_open()
 * @memory: (out): what libvips will hold of all files
 * @error: return location
 *
 * One file is opened as seg_image_file_open() does. Of several the bands follow each other, and no
 * band is alpha; where they differ in depth, all become floats.
 * Errors: as seg_image_file_open(), and `SEG_ERROR_SHAPE` for files of different sizes.
 *
 * Returns: (transfer full): the image
 */
VipsImage *
seg_image_group_open (const char *const *files, gboolean random, SegImageMemory *memory,
                      GError **error)
{
  g_autoptr (GPtrArray) images = NULL;
  VipsImage *joined = NULL;

  if (files[1] == NULL)
    return seg_image_file_open (files[0], random, memory, error);
  *memory = (SegImageMemory){ 0 };
  images = g_ptr_array_new_with_free_func (seg_image_group_unref);
  if (!seg_image_group_open_all (files, images, random, memory, error)
      || !seg_image_group_make_alike (files, images, error))
    return NULL;
  if (vips_bandjoin ((VipsImage **) images->pdata, &joined, (int) images->len, NULL) != 0)
    {
      seg_vips_error (error, files[0], SEG_ERROR, SEG_ERROR_FORMAT);
      return NULL;
    }
  return joined;
}
