/* What users call an image: a file, or one of the images in it, `slides.tif[page=2]`; and in a
 * folder the files that are called so. */
#include <string.h>

#include "image-name.h"

/* In lower case. */
static const char *const seg_image_name_endings[] = { ".png",  ".jpg",  ".jpeg", ".tif",
                                                      ".tiff", ".webp", ".gif" };

/* What lies beside images; the last is Thumbs.db's. */
static const char *const seg_image_name_other_endings[] = {
  ".txt", ".csv", ".tsv",  ".json", ".xml",         ".yaml",   ".yml", ".ini",
  ".md",  ".htm", ".html", ".log",  ".safetensors", ".recipe", ".zip", ".db"
};

/* Where the options begin, or NULL. A file may really be called "scan[1]". */
static const char *
seg_image_name_find_options (const char *name)
{
  if (!g_str_has_suffix (name, "]") || g_file_test (name, G_FILE_TEST_EXISTS))
    return NULL;
  return strrchr (name, '[');
}

/**
 * seg_image_name_dup_file:
 * @name: as the user gave it
 *
 * Returns: (transfer full): the file that it means
 */
char *
seg_image_name_dup_file (const char *name)
{
  const char *options = seg_image_name_find_options (name);

  return options != NULL ? g_strndup (name, (gsize) (options - name)) : g_strdup (name);
}

/**
 * seg_image_name_dup_options:
 * @name: as the user gave it
 *
 * Returns: (transfer full) (nullable): what stands in brackets behind the file, or %NULL where
 *   there are none
 */
char *
seg_image_name_dup_options (const char *name)
{
  const char *options = seg_image_name_find_options (name);

  return options != NULL ? g_strndup (options + 1, strlen (options) - 2) : NULL;
}

static gsize
seg_image_name_find_ending (const char *name, const char *const *endings, guint n)
{
  g_autofree char *lower = g_ascii_strdown (name, -1);

  for (guint i = 0; i < n; i++)
    if (g_str_has_suffix (lower, endings[i]))
      return strlen (endings[i]);
  return 0;
}

/**
 * seg_image_name_get_stem_length:
 * @name: of a file, without its folder
 *
 * Returns: the length of the name before an image's ending; 0 if that is none, or the file is
 * hidden
 */
gsize
seg_image_name_get_stem_length (const char *name)
{
  gsize ending = seg_image_name_find_ending (name, seg_image_name_endings,
                                             G_N_ELEMENTS (seg_image_name_endings));

  return *name != '.' && ending > 0 ? strlen (name) - ending : 0;
}

/* ---- what is left out ------------------------------------------------------------------- */

/**
 * seg_left_out_add:
 * @self: to be added to
 * @folder: where it is
 * @name: of what is not called an image there
 *
 * Leaves alone what nobody takes for one: folders, hidden files, texts, tables.
 */
void
seg_left_out_add (SegLeftOut *self, const char *folder, const char *name)
{
  g_autofree char *path = g_build_filename (folder, name, NULL);

  if (*name == '.' || strchr (name, '.') == NULL
      || seg_image_name_find_ending (name, seg_image_name_other_endings,
                                     G_N_ELEMENTS (seg_image_name_other_endings))
             > 0
      || g_file_test (path, G_FILE_TEST_IS_DIR))
    return;
  self->n++;
  if (self->first != NULL && strcmp (self->first, path) < 0)
    return;
  g_free (self->first);
  self->first = g_steal_pointer (&path);
}

/**
 * seg_left_out_dup_text:
 * @self: with a file at least
 * @reason: for all of them, such as SEG_LEFT_OUT_FORMAT
 *
 * Returns: (transfer full): what is to be said behind the name of the first
 */
char *
seg_left_out_dup_text (const SegLeftOut *self, const char *reason)
{
  g_autofree char *more = self->n > 1 ? g_strdup_printf (", and %u more", self->n - 1) : NULL;

  return g_strdup_printf ("is left out%s: %s", more != NULL ? more : "", reason);
}

void
seg_left_out_clear (SegLeftOut *self)
{
  g_clear_pointer (&self->first, g_free);
}
