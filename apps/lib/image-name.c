/* What users call an image: a file, or one of the images in it, `slides.tif[page=2]`. */
#include <string.h>

#include "image-name.h"

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
