/* segment: an image in, the class of each pixel out. */
#include <stdio.h>

#include <segkit/segkit.h>

#include "lib/command.h"
#include "lib/path.h"
#include "lib/run.h"
#include "lib/vips-setup.h"

#define SEG_SEGMENT_MAX_THREADS 1024
#define SEG_SEGMENT_MAX_SIDE 1000000

static struct
{
  char *model, *out, *overlay, *plugin_path, **images;
  int tile, bands, threads;
  gboolean no_progress, verbose;
} options = { .tile = G_MININT, .bands = G_MININT, .threads = G_MININT };

static const GOptionEntry entries[] = {
  { "model", 'm', 0, G_OPTION_ARG_FILENAME, &options.model,
    "a safetensors file, or a folder of another program's; without it, the model that comes with "
    "segkit", "MODEL" },
  { "output", 'o', 0, G_OPTION_ARG_FILENAME, &options.out,
    "the label map: .png or .tif; each pixel is the number of its class", "OUT" },
  { "overlay", 0, 0, G_OPTION_ARG_FILENAME, &options.overlay,
    "a picture to look at: the classes' colours over the image", "FILE" },
  { "tile", 0, 0, G_OPTION_ARG_INT, &options.tile, "compute tiles of N x N pixels", "N" },
  { "bands", 0, 0, G_OPTION_ARG_INT, &options.bands,
    "compute bands of N rows (this is the default way)", "N" },
  { "threads", 0, 0, G_OPTION_ARG_INT, &options.threads,
    "use N threads (default: one for each processor)", "N" },
  { "plugin-path", 0, 0, G_OPTION_ARG_FILENAME, &options.plugin_path,
    "look for plugins here first", "DIR" },
  { "no-progress", 0, 0, G_OPTION_ARG_NONE, &options.no_progress,
    "show no progress, not even on a terminal", NULL },
  { "verbose", 'v', 0, G_OPTION_ARG_NONE, &options.verbose, "tell what is done and how", NULL },
  G_OPTION_ENTRY_NULL
};

static const SegCommandGroup groups[] = { { "Options:", entries }, { NULL, NULL } };

static const char summary[]
    = "Writes a label map: for each pixel of an image the number of its class.\n"
      "The result is what the network gives for the whole image at once, to the bit:\n"
      "--tile, --bands and --threads change time and memory, and nothing else.";

static const char description[]
    = "Examples:\n"
      "  segment -o labels.png image.jpg\n"
      "  segment -m cells.safetensors -o labels.png --overlay picture.png image.tif\n"
      "  segment -o 'labels.tif[compression=lzw,pyramid]' slide.tif\n"
      "\n"
      "Images may be PNG, JPEG, TIFF, WebP or GIF. Bands need memory for the image's width only,\n"
      "whatever its height. --tile needs memory for a tile, but reads in any order: a file that\n"
      "is not a tiled TIFF is unpacked first, in memory or in the temporary folder.\n"
      "\n"
      "Exit status: 0 done, 2 usage, 3 malformed or unsupported input, 4 input or output failed,\n"
      "5 a limit on memory or size, 6 numbers that are not finite, 7 plugin, 9 a bug;\n"
      "130 and 143 stopped by SIGINT and SIGTERM. No half-written file is left behind.\n";

static gboolean
check_number (const char *name, int value, int maximum, GError **error)
{
  if (value == G_MININT || (value >= 1 && value <= maximum))
    return TRUE;
  g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, "--%s: %d is not in 1 to %d", name,
               value, maximum);
  return FALSE;
}

static gboolean
check_not_same (const char *written, const char *other, GError **error)
{
  if (written == NULL || other == NULL || !seg_path_is_same_file (written, other))
    return TRUE;
  g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
               "%s: would be written over %s, which is the same file", written, other);
  return FALSE;
}

static gboolean
check_options (GError **error)
{
  if (g_strv_length (options.images) != 1)
    g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_FAILED,
                 "name one image; \"segment --help\" tells more");
  else if (options.out == NULL)
    g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_FAILED,
                 "name the label map to write with -o; \"segment --help\" tells more");
  else if (options.tile != G_MININT && options.bands != G_MININT)
    g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_FAILED,
                 "--tile and --bands are two ways: give one");
  else
    return check_number ("tile", options.tile, SEG_SEGMENT_MAX_SIDE, error)
           && check_number ("bands", options.bands, SEG_SEGMENT_MAX_SIDE, error)
           && check_number ("threads", options.threads, SEG_SEGMENT_MAX_THREADS, error);
  return FALSE;
}

/* What is wrong with the outputs is said before any work. */
static gboolean
open_outputs (SegRunRequest *request, const char *model, GError **error)
{
  SegWriter *writers[] = { request->labels, request->overlay };

  for (guint i = 0; i < G_N_ELEMENTS (writers) && writers[i] != NULL; i++)
    if (!check_not_same (seg_writer_get_name (writers[i]), options.images[0], error)
        || !check_not_same (seg_writer_get_name (writers[i]), model, error)
        || (i > 0 && !check_not_same (seg_writer_get_name (writers[i]),
                                      seg_writer_get_name (request->labels), error))
        || !seg_writer_open (writers[i], error))
      return FALSE;
  return TRUE;
}

static void
tell (const char *what, const char *name, const char *more)
{
  g_autofree char *text = seg_path_escape (name);

  if (options.verbose)
    fprintf (stderr, "%-8s %s%s%s\n", what, text, *more != '\0' ? ": " : "", more);
}

static void
tell_not_loaded (void)
{
  guint n;
  const SegNotLoaded *list = seg_registry_get_not_loaded (seg_registry_get_default (), &n);

  for (guint i = 0; i < n; i++)
    tell ("skipped:", list[i].path, list[i].reason);
}

static gboolean
segment (GCancellable *cancellable, GError **error)
{
  g_autofree char *path = options.model != NULL ? g_strdup (options.model)
                                                : seg_model_find_default (error);
  g_autofree char *summary_of_image = NULL;
  g_autoptr (SegWriter) labels = NULL, overlay = NULL;
  g_autoptr (SegModel) model = NULL;
  g_autoptr (SegPlan) plan = NULL;
  g_autoptr (SegSource) source = NULL;
  SegRunRequest request = {
    .tile = MAX (options.tile, 0),
    .band_rows = MAX (options.bands, 0),
    .n_threads = options.threads > 0 ? (guint) options.threads : g_get_num_processors (),
    .progress = !options.no_progress,
    .verbose = options.verbose,
  };

  if (path == NULL || (request.labels = labels = seg_writer_new (options.out, TRUE, error)) == NULL)
    return FALSE;
  if (options.overlay != NULL
      && (request.overlay = overlay = seg_writer_new (options.overlay, FALSE, error)) == NULL)
    return FALSE;
  if (!open_outputs (&request, path, error))
    return FALSE;

  request.model = model = seg_model_load (path, error);
  if (model == NULL)
    return FALSE;
  request.plan = plan
      = seg_plan_new (seg_model_get_graph (model), seg_model_get_parameters (model),
                      SEG_PURPOSE_INFERENCE, seg_kernels_get (), NULL, error);
  if (plan == NULL)
    {
      g_prefix_error (error, "%s: ", path);
      return FALSE;
    }
  tell ("model:", path, "");
  tell ("kernels:", seg_plan_get_kernels (plan)->level, "");

  request.source = source
      = seg_source_new (options.images[0], model, request.tile > 0, error);
  if (source == NULL)
    return FALSE;
  summary_of_image = seg_source_dup_summary (source);
  tell ("image:", options.images[0], summary_of_image);
  return seg_run_image (&request, cancellable, error);
}

static gboolean
run (char **images, GCancellable *cancellable, GError **error)
{
  gboolean ok;

  options.images = images;
  if (!check_options (error) || !seg_vips_setup (g_get_prgname (), options.verbose, error))
    return FALSE;
  seg_registry_load_default (seg_registry_get_default (), options.plugin_path);
  tell_not_loaded ();
  ok = segment (cancellable, error);
  seg_vips_shutdown ();
  return ok;
}

static const SegCommand command = {
  .name = "segment",
  .arguments = "IMAGE",
  .summary = summary,
  .description = description,
  .groups = groups,
  .run = run,
};

int
main (int argc, char **argv)
{
  return seg_command_main (&command, argc, argv);
}
