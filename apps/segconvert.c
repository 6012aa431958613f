/* segconvert: a model in, the same model in another form out. */
#include <string.h>

#include <segkit/segkit.h>

#include "lib/command.h"
#include "lib/path.h"
#include "lib/plugins.h"
#include "lib/recipe-file.h"

static struct
{
  char *format, *encoder_weights, *recipe, **paths;
  gint64 seed;
} options = { .seed = G_MININT64 };

static const GOptionEntry entries[] = {
  { "format", 0, 0, G_OPTION_ARG_STRING, &options.format,
    "write a folder for another program: smp; without it, a safetensors file", "FORMAT" },
  { "encoder-weights", 0, 0, G_OPTION_ARG_FILENAME, &options.encoder_weights,
    "take the encoder's parameters from this safetensors file", "FILE" },
  { "recipe", 0, 0, G_OPTION_ARG_FILENAME, &options.recipe,
    "instead of reading MODEL, make a model that is not trained", "FILE" },
  { "seed", 0, 0, G_OPTION_ARG_INT64, &options.seed,
    "of the random numbers that --recipe begins with (default: 0)", "N" },
  G_OPTION_ENTRY_NULL
};

static const SegCommandGroup groups[] = {
  { "Options:", entries },
  { "Plugins:", seg_plugins_entries },
  { NULL, NULL },
};

static const char summary[]
    = "Writes a model in another form: a file of segkit's own, or a folder for another program.\n"
      "MODEL is what \"segment -m\" takes: a safetensors file, or a folder of another program.";

static const char description[]
    = "Examples:\n"
      "  segconvert smp-folder cells.safetensors\n"
      "  segconvert --format smp cells.safetensors smp-folder\n"
      "  segconvert --recipe unet.recipe --encoder-weights resnet34.safetensors start.safetensors\n"
      "\n"
      "--encoder-weights takes a classifier's parameters by torchvision's names, without or with\n"
      "\"encoder.\" before them. The classifier's own layers are left out, and the convolution\n"
      "that reads the image is fitted to the model's number of bands.\n"
      "\n"
      "Exit status: 0 done, 2 usage, 3 malformed or unsupported input, 4 input or output failed,\n"
      "5 a limit on memory or size, 6 numbers that are not finite, 7 plugin, 9 a bug.\n";

static gboolean
check_options (GError **error)
{
  guint n = g_strv_length (options.paths);

  if (n != (options.recipe != NULL ? 1 : 2))
    g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_FAILED,
                 options.recipe != NULL
                     ? "with --recipe, name what to write; \"segconvert --help\" tells more"
                     : "name a model and what to write; \"segconvert --help\" tells more");
  else if (options.seed < 0 && options.seed != G_MININT64)
    g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, "--seed: must not be negative");
  else if (options.seed != G_MININT64 && options.recipe == NULL)
    g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_FAILED,
                 "--seed says nothing without --recipe");
  else
    return TRUE;
  return FALSE;
}

/* What a model is made from is not written over by it. */
static gboolean
check_output (const char *out, const char *source, GError **error)
{
  /* of another format it is a folder */
  return (options.format != NULL
          || seg_path_check_ending (out, SEG_PATH_MODEL_ENDING, "a model (without --format)", error))
         && seg_path_check_not_over (out, source, error)
         && seg_path_check_not_over (out, options.encoder_weights, error);
}

/* A folder's name may end in slashes, and still none is made within it. */
static void
strip_slashes (char *path)
{
  for (gsize n = strlen (path); n > 1 && G_IS_DIR_SEPARATOR (path[n - 1]); n--)
    path[n - 1] = '\0';
}

static gboolean
convert (char **paths, GCancellable *cancellable, GError **error)
{
  g_autofree char *source = NULL;
  g_autoptr (SegModel) model = NULL;
  char *out;

  options.paths = paths;
  if (!check_options (error))
    return FALSE;
  out = paths[options.recipe != NULL ? 0 : 1];
  if (options.format != NULL)
    strip_slashes (out);
  source = options.recipe != NULL ? g_strdup (options.recipe) : seg_model_find (paths[0], error);
  if (source == NULL || !check_output (out, source, error)
      || !seg_plugins_load (SEG_PLUGINS_TELL_FOREIGN, error))
    return FALSE;

  model = options.recipe != NULL
              ? seg_recipe_file_make_model (source, (guint64) MAX (options.seed, 0), error)
              : seg_model_load (source, error);
  if (model == NULL
      || (options.encoder_weights != NULL
          && !seg_model_load_encoder (model, options.encoder_weights, error))
      || g_cancellable_set_error_if_cancelled (cancellable, error)
      || !seg_path_make_parent (out, error))
    return FALSE;
  return options.format != NULL ? seg_model_export (model, options.format, out, error)
                                : seg_model_save (model, out, error);
}

static const SegCommand command = {
  .name = "segconvert",
  .arguments = "[MODEL] OUT",
  .summary = summary,
  .description = description,
  .groups = groups,
  .run = convert,
};

int
main (int argc, char **argv)
{
  return seg_command_main (&command, argc, argv);
}
