#include <errno.h>
#include <gio/gio.h>
#include <glib/gstdio.h>

#include "smp.h"

#define CONFIG "config.json"
#define WEIGHTS "model.safetensors"
#define PICKLE "pytorch_model.bin"
#define NOTES "segkit.json"

struct _SegSmpFormat
{
  SegFormat parent_instance;
};

G_DEFINE_FINAL_TYPE (SegSmpFormat, seg_smp_format, SEG_TYPE_FORMAT)

/**
 * SegSmpFormat:
 *
 * A folder as `save_pretrained()` of segmentation_models.pytorch makes it: `config.json` with the
 * arguments of the model's constructor, `model.safetensors`, and perhaps our own `segkit.json`
 * with what smp keeps elsewhere or not at all: `mean` and `std` of the bands, `class_names` and
 * `class_colors`. Parameters have the same names there and here.
 *
 * Without `segkit.json` three bands are normalised as ImageNet's, as smp does for all these
 * encoders; another number of bands, for which smp has no rule, only is scaled to 0…1. One class
 * is told from a background, more are called `class_0` and so on.
 *
 * What cannot be expressed here is refused by its key and value, and `pytorch_model.bin`, a
 * pickle, is never read. The `activation` is left out: what is accepted of it does not change
 * which class is the largest.
 * Source: segmentation_models.pytorch, base/hub_mixin.py and decoders/unet/model.py
 */

static gboolean
seg_smp_format_has (const char *folder, const char *name)
{
  g_autofree char *path = g_build_filename (folder, name, NULL);
  return g_file_test (path, G_FILE_TEST_EXISTS);
}

static gboolean
seg_smp_format_probe (SegFormat *format, const char *path)
{
  (void) format;
  return seg_smp_format_has (path, CONFIG);
}

static gboolean
seg_smp_format_check_weights (const char *path, GError **error)
{
  if (seg_smp_format_has (path, WEIGHTS))
    return TRUE;
  if (seg_smp_format_has (path, PICKLE))
    g_set_error_literal (error, SEG_ERROR, SEG_ERROR_UNSUPPORTED,
                         PICKLE " is a pickle, which can run programs, and is not read; with "
                         "safetensors installed, save_pretrained() writes " WEIGHTS);
  else
    g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND, "has no " WEIGHTS);
  return FALSE;
}

/* What smp's own preprocessing of its encoders does, and names for classes that have none. */
static void
seg_smp_format_set_defaults (const SegSmpConfig *config, GKeyFile *recipe)
{
  g_autoptr (GString) names = g_string_new (NULL);

  if (config->bands == 3)
    {
      g_key_file_set_value (recipe, "input", "mean", "0.485;0.456;0.406");
      g_key_file_set_value (recipe, "input", "std", "0.229;0.224;0.225");
    }
  if (config->classes == 1)
    g_string_assign (names, "background;foreground");
  for (gint i = 0; config->classes > 1 && i < config->classes; i++)
    g_string_append_printf (names, "%sclass_%d", i > 0 ? ";" : "", i);
  g_key_file_set_value (recipe, "classes", "names", names->str);
}

/* The recipe's text, or NULL. */
static char *
seg_smp_format_read_recipe (const char *path, GError **error)
{
  json_auto_t *config_json = _seg_smp_json_read (path, CONFIG, error), *notes = NULL;
  g_autoptr (GKeyFile) recipe = g_key_file_new ();
  SegSmpConfig config;

  if (config_json == NULL)
    return NULL;
  if (!_seg_smp_config_read (&config, config_json, error))
    {
      g_prefix_error (error, CONFIG ": ");
      return NULL;
    }
  _seg_smp_config_to_recipe (&config, recipe);
  seg_smp_format_set_defaults (&config, recipe);

  if (seg_smp_format_has (path, NOTES))
    {
      notes = _seg_smp_json_read (path, NOTES, error);
      if (notes == NULL)
        return NULL;
      if (!_seg_smp_notes_read (notes, recipe, error))
        {
          g_prefix_error (error, NOTES ": ");
          return NULL;
        }
    }
  return g_key_file_to_data (recipe, NULL, NULL);
}

static SegSafetensors *
seg_smp_format_read (SegFormat *format, const char *path, GError **error)
{
  g_autofree char *recipe = NULL, *file = g_build_filename (path, WEIGHTS, NULL);
  SegSafetensors *tensors;

  (void) format;
  if (!seg_smp_format_check_weights (path, error)
      || (recipe = seg_smp_format_read_recipe (path, error)) == NULL
      || (tensors = seg_safetensors_open (file, error)) == NULL)
    return NULL;
  seg_safetensors_set_metadata (tensors, SEG_FORMAT_RECIPE, recipe);
  return tensors;
}

/* config.json comes last: where it is, all else is. */
static gboolean
seg_smp_format_write (SegFormat *format, SegModel *model, const char *path, GError **error)
{
  g_autofree char *file = g_build_filename (path, WEIGHTS, NULL);
  g_autoptr (SegSafetensors) tensors = NULL;
  json_auto_t *config_json = NULL, *notes = NULL;
  SegSmpConfig config;

  (void) format;
  if (!_seg_smp_config_from_model (&config, model, error)
      || (tensors = seg_model_dup_tensors (model, error)) == NULL)
    return FALSE;
  if (g_mkdir (path, 0777) < 0 && errno != EEXIST)
    {
      int code = errno;
      g_set_error (error, G_IO_ERROR, (gint) g_io_error_from_errno (code), "%s",
                   g_strerror (code));
      return FALSE;
    }
  config_json = _seg_smp_config_to_json (&config);
  notes = _seg_smp_notes_to_json (model);
  return seg_safetensors_write (tensors, file, error)
         && _seg_smp_json_write (notes, path, NOTES, error)
         && _seg_smp_json_write (config_json, path, CONFIG, error);
}

static void
seg_smp_format_class_init (SegSmpFormatClass *klass)
{
  SegFormatClass *format = SEG_FORMAT_CLASS (klass);

  seg_format_class_set_info (format, "Folders of segmentation_models.pytorch",
                             "segmentation_models.pytorch, save_pretrained()");
  format->probe = seg_smp_format_probe;
  format->read = seg_smp_format_read;
  format->write = seg_smp_format_write;
}

static void
seg_smp_format_init (SegSmpFormat *self)
{
  (void) self;
}
