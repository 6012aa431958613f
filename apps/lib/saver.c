/* Which libvips saver a name asks for, and how: `labels.tif[compression=lzw,pyramid]`. */
#include <string.h>

#include <segkit/error.h>
#include <segkit/property.h>

#include "saver.h"

static const struct
{
  const char *suffix, *saver, *defaults;
  gboolean lossy;
} seg_savers[] = {
  { ".png", "pngsave", "", FALSE },
  { ".tif", "tiffsave", "tile,compression=deflate", FALSE },
  { ".tiff", "tiffsave", "tile,compression=deflate", FALSE },
  { ".jpg", "jpegsave", "Q=90", TRUE },
  { ".jpeg", "jpegsave", "Q=90", TRUE },
};

/* Above so many bytes of pixels a TIFF gets 64-bit offsets: nobody knows how well it will
 * compress, and at 4 GiB a classic one ends. */
#define SEG_SAVER_BIGTIFF_BYTES (G_GINT64_CONSTANT (1) << 31)

/* Options that change pixels. A label map means its numbers, and has no use for them. */
static const char *const seg_saver_inexact[]
    = { "bitdepth", "palette", "compression=ccittfax4", "compression=jp2k", "compression=jpeg",
        "compression=webp", "region-shrink=mean", NULL };

/* Not vips_object_set_from_string(), which only warns of a number that is out of range. */
static gboolean
seg_saver_set_option (VipsOperation *self, const char *name, const char *text, gboolean exact,
                      GError **error)
{
  g_autofree char *setting = NULL;
  GValue value = G_VALUE_INIT;
  GParamSpec *pspec;
  VipsArgumentClass *argument_class;
  VipsArgumentInstance *argument;
  gboolean valid;

  if (vips_object_get_argument (VIPS_OBJECT (self), name, &pspec, &argument_class, &argument) != 0
      || !(argument_class->flags & VIPS_ARGUMENT_INPUT)
      || (argument_class->flags & (VIPS_ARGUMENT_REQUIRED | VIPS_ARGUMENT_DEPRECATED)))
    {
      vips_error_clear ();
      g_set_error (error, SEG_ERROR, SEG_ERROR_PARAM, "there is no option \"%s\"", name);
      return FALSE;
    }
  setting = g_strdup_printf ("%s=%s", pspec->name, text);
  if (exact
      && (g_strv_contains (seg_saver_inexact, pspec->name)
          || g_strv_contains (seg_saver_inexact, setting)))
    {
      g_set_error (error, SEG_ERROR, SEG_ERROR_PARAM,
                   "with \"%s\" the file would not hold each label as it is", setting);
      return FALSE;
    }
  if (!seg_value_from_string (pspec, text, &value, error))
    {
      g_prefix_error (error, "option \"%s\": ", name);
      return FALSE;
    }
  /* libvips' enums end with a "last" that is none of their values */
  valid = g_param_value_is_valid (pspec, &value)
          && !(G_IS_PARAM_SPEC_ENUM (pspec) && strcmp (text, "last") == 0);
  if (valid)
    g_object_set_property (G_OBJECT (self), pspec->name, &value);
  else
    g_set_error (error, SEG_ERROR, SEG_ERROR_PARAM, "option \"%s\" cannot be %s", name, text);
  g_value_unset (&value);
  return valid;
}

/* As libvips writes them: `name=value,name` */
static gboolean
seg_saver_set_options (VipsOperation *self, const char *options, gboolean exact, GError **error)
{
  g_auto (GStrv) list = g_strsplit (options, ",", -1);

  for (guint i = 0; list[i] != NULL; i++)
    {
      g_auto (GStrv) words = g_strsplit (list[i], "=", 2);

      if (words[0] != NULL && *g_strstrip (words[0]) != '\0'
          && !seg_saver_set_option (self, words[0],
                                    words[1] != NULL ? g_strstrip (words[1]) : "true", exact,
                                    error))
        return FALSE;
    }
  return TRUE;
}

/* Where the options begin, or NULL. */
static const char *
seg_saver_find_options (const char *path)
{
  return g_str_has_suffix (path, "]") ? strrchr (path, '[') : NULL;
}

/**
 * seg_saver_dup_file: (skip)
 * @path: as the user gave it, perhaps with options in brackets
 *
 * Returns: (transfer full): the same without options
 */
char *
seg_saver_dup_file (const char *path)
{
  const char *bracket = seg_saver_find_options (path);

  return bracket != NULL ? g_strndup (path, (gsize) (bracket - path)) : g_strdup (path);
}

/**
 * seg_saver_new: (skip)
 * @path: as the user gave it, perhaps with options in brackets
 * @exact: refuse what would change a pixel
 * @file: (out) (transfer full): @path without options
 * @error: return location
 *
 * Errors: `SEG_ERROR_PARAM` for a suffix or an option that there is not, `SEG_ERROR_UNSUPPORTED`
 * for a format that libvips was built without.
 *
 * Returns: (transfer full): the saver; it lacks only "in" and "filename"
 */
VipsOperation *
seg_saver_new (const char *path, gboolean exact, char **file, GError **error)
{
  const char *bracket = seg_saver_find_options (path);
  g_autofree char *name = seg_saver_dup_file (path), *options = NULL, *lower = NULL;
  VipsOperation *self;
  guint i = 0;

  options = bracket != NULL ? g_strndup (bracket + 1, strlen (bracket) - 2) : g_strdup ("");
  lower = g_ascii_strdown (name, -1);

  while (i < G_N_ELEMENTS (seg_savers)
         && (!g_str_has_suffix (lower, seg_savers[i].suffix) || (exact && seg_savers[i].lossy)))
    i++;
  if (i == G_N_ELEMENTS (seg_savers))
    {
      g_set_error (error, SEG_ERROR, SEG_ERROR_PARAM,
                   exact ? "%s: only .png, .tif and .tiff files can hold labels and probabilities"
                         : "%s: only .png, .tif, .tiff and .jpg files can be written",
                   path);
      return NULL;
    }

  self = vips_operation_new (seg_savers[i].saver);
  if (self == NULL)
    {
      vips_error_clear ();
      g_set_error (error, SEG_ERROR, SEG_ERROR_UNSUPPORTED,
                   "%s: this libvips cannot write %s files", path, seg_savers[i].suffix);
      return NULL;
    }

  /* Means of two classes' numbers are a third class: the smaller levels of a pyramid get
   * neighbouring pixels instead. */
  if (exact && g_object_class_find_property (G_OBJECT_GET_CLASS (self), "region-shrink") != NULL)
    g_object_set (self, "region-shrink", VIPS_REGION_SHRINK_NEAREST, NULL);

  if (!seg_saver_set_options (self, seg_savers[i].defaults, exact, error)
      || !seg_saver_set_options (self, options, exact, error))
    {
      g_prefix_error (error, "%s: ", path);
      g_object_unref (self);
      return NULL;
    }
  *file = g_steal_pointer (&name);
  return self;
}

/* Only TIFF has offsets that may be of 64 bits. */
static gboolean
seg_saver_is_tiff (VipsOperation *saver)
{
  return g_object_class_find_property (G_OBJECT_GET_CLASS (saver), "bigtiff") != NULL;
}

/**
 * seg_saver_set_size: (skip)
 * @saver: from seg_saver_new()
 * @bytes: of all pixels
 *
 * Lets the saver prepare for an image of this size.
 */
void
seg_saver_set_size (VipsOperation *saver, gint64 bytes)
{
  if (seg_saver_is_tiff (saver) && bytes > SEG_SAVER_BIGTIFF_BYTES)
    g_object_set (saver, "bigtiff", TRUE, NULL);
}

/**
 * seg_saver_takes_floats: (skip)
 * @saver: from seg_saver_new()
 *
 * Returns: whether the file can hold floats, and any number of bands
 */
gboolean
seg_saver_takes_floats (VipsOperation *saver)
{
  return seg_saver_is_tiff (saver);
}
