/* segment: images in, the class of each pixel out. */
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include <segkit/segkit.h>

#include "lib/command.h"
#include "lib/exit-code.h"
#include "lib/memory-budget.h"
#include "lib/path.h"
#include "lib/plugins.h"
#include "lib/session.h"
#include "lib/units.h"
#include "lib/vips-setup.h"
#include "lib/warning.h"

#define SEG_SEGMENT_MAX_THREADS 1024
#define SEG_SEGMENT_MAX_SIDE 1000000
#define SEG_SEGMENT_NO_THRESHOLD (-DBL_MAX)
#define SEG_SEGMENT_DEFAULT_OUTPUT "{dir}/{stem}.png"

static struct
{
  char *model, *classes, *output_dir, *statistics, *max_memory, *progress, *tta_name, *suffix_list;
  char *outputs[SEG_N_OUTPUTS];
  int tile, bands, threads, probability_bits;
  double threshold;
  gboolean list_models, recursive, skip_existing, verify, profile, verbose;
  SegTta tta; /* what the name means */
  char **suffixes; /* what the list means */
} options = {
  .tile = SEG_COMMAND_UNSET,
  .bands = SEG_COMMAND_UNSET,
  .threads = SEG_COMMAND_UNSET,
  .probability_bits = SEG_COMMAND_UNSET,
  .threshold = SEG_SEGMENT_NO_THRESHOLD,
};

static const GOptionEntry model_entries[] = {
  { "model", 'm', 0, G_OPTION_ARG_FILENAME, &options.model,
    "a safetensors file, a folder of segmentation_models.pytorch, or a name", "MODEL" },
  { "tta", 0, 0, G_OPTION_ARG_STRING, &options.tta_name,
    "test-time augmentation: the mean of 4 (flips) or 8 views (d4)", "KIND" },
  { "list-models", 0, 0, G_OPTION_ARG_NONE, &options.list_models,
    "list the models that are installed, and end", NULL },
  G_OPTION_ENTRY_NULL
};

static const GOptionEntry output_entries[] = {
  { "output", 'o', 0, G_OPTION_ARG_FILENAME, &options.outputs[SEG_OUTPUT_LABELS],
    "the label map: each pixel is the number of its class", "FILE" },
  { "colors", 0, 0, G_OPTION_ARG_FILENAME, &options.outputs[SEG_OUTPUT_COLORS],
    "each pixel in the colour of its class", "FILE" },
  { "overlay", 0, 0, G_OPTION_ARG_FILENAME, &options.outputs[SEG_OUTPUT_OVERLAY],
    "the image with the classes' colours over it", "FILE" },
  { "outlines", 0, 0, G_OPTION_ARG_FILENAME, &options.outputs[SEG_OUTPUT_OUTLINES],
    "the image with the classes' borders drawn in", "FILE" },
  { "probabilities", 0, 0, G_OPTION_ARG_FILENAME, &options.outputs[SEG_OUTPUT_PROBABILITIES],
    "how likely each class is, a band for each", "FILE" },
  { "probability-bits", 0, 0, G_OPTION_ARG_INT, &options.probability_bits,
    "32: floats 0…1 (.tif); 8 or 16: scaled integers", "N" },
  { "stats", 0, 0, G_OPTION_ARG_FILENAME, &options.statistics,
    "pixels of each class in each image: .csv or .json", "FILE" },
  { "output-dir", 'd', 0, G_OPTION_ARG_FILENAME, &options.output_dir,
    "put outputs here; without -o, a label map for each image", "DIR" },
  G_OPTION_ENTRY_NULL
};

static const GOptionEntry class_entries[] = {
  /* not a STRING: GLib would convert it from a locale that is not set */
  { "classes", 0, 0, G_OPTION_ARG_FILENAME, &options.classes,
    "only these, by name or number, with commas; others are 0", "LIST" },
  { "threshold", 0, 0, G_OPTION_ARG_DOUBLE, &options.threshold,
    "background unless a class is as likely as this (0…1)", "P" },
  G_OPTION_ENTRY_NULL
};

static const GOptionEntry image_entries[] = {
  { "recursive", 'r', 0, G_OPTION_ARG_NONE, &options.recursive,
    "look into the folders of folders, too", NULL },
  { "skip-existing", 0, 0, G_OPTION_ARG_NONE, &options.skip_existing,
    "skip images whose outputs are all there", NULL },
  { "image-suffixes", 0, 0, G_OPTION_ARG_FILENAME, &options.suffix_list,
    "an image's bands are in several files: _0000,_0001", "LIST" },
  G_OPTION_ENTRY_NULL
};

static const GOptionEntry running_entries[] = {
  { "threads", 0, 0, G_OPTION_ARG_INT, &options.threads,
    "use N threads (default: one for each processor)", "N" },
  { "max-memory", 0, 0, G_OPTION_ARG_STRING, &options.max_memory,
    "take no more than this, such as 800M or 2G", "SIZE" },
  { "bands", 0, 0, G_OPTION_ARG_INT, &options.bands,
    "compute bands of N rows (default: as memory allows)", "N" },
  { "tile", 0, 0, G_OPTION_ARG_INT, &options.tile, "compute tiles of N × N pixels", "N" },
  { "verify", 0, 0, G_OPTION_ARG_NONE, &options.verify,
    "prove on IMAGE that the way makes no difference, and end", NULL },
  { "profile", 0, 0, G_OPTION_ARG_NONE, &options.profile,
    "tell at the end what each step of the network took", NULL },
  { "progress", 0, 0, G_OPTION_ARG_STRING, &options.progress,
    "line (on a terminal), json (a line each, on stderr) or none", "KIND" },
  { "verbose", 'v', 0, G_OPTION_ARG_NONE, &options.verbose, "tell what is done and how", NULL },
  G_OPTION_ENTRY_NULL
};

static const SegCommandGroup groups[] = {
  { "Model:", model_entries },
  { "Output:", output_entries },
  { "Classes:", class_entries },
  { "Images:", image_entries },
  { "Running:", running_entries },
  { "Plugins:", seg_plugins_entries },
  { NULL, NULL },
};

static const char summary[]
    = "Writes a label map: for each pixel of an image the number of its class. The result is\n"
      "what the network gives for the whole image at once, to the bit: --tile, --bands and\n"
      "--threads change time and memory, and nothing else.";

static const char description[]
    = "Examples:\n"
      "  segment -o labels.png image.jpg\n"
      "  segment -m cells.safetensors --overlay picture.jpg --stats cells.csv image.tif\n"
      "  segment -d results -o '{stem}_labels.tif' --outlines '{stem}.jpg' slides/\n"
      "  segment -o 'labels.tif[compression=lzw,pyramid]' slide.tif\n"
      "\n"
      "IMAGE is a PNG, JPEG, TIFF, WebP or GIF file, or a folder of them. In the name of an\n"
      "output {stem} and {name} stand for the image's name without and with its ending, {dir}\n"
      "for its folder below the one that was given. Outputs are .png or .tif, pictures also .jpg;\n"
      "libvips' options for saving follow in brackets. All of them come from one run of the\n"
      "network, and appear under their names when they are complete.\n"
      "\n"
      "Exit status: 0 done, 1 some of several images failed, 2 usage, 3 malformed or unsupported\n"
      "input, 4 input or output failed, 5 a limit on memory or size, 6 numbers that are not\n"
      "finite, 7 plugin, 9 a bug; 130 and 143 stopped by SIGINT and SIGTERM.\n";

static gboolean
check_numbers (GError **error)
{
  int bits = options.probability_bits;

  if (!seg_command_check_number ("tile", options.tile, SEG_SEGMENT_MAX_SIDE, error)
      || !seg_command_check_number ("bands", options.bands, SEG_SEGMENT_MAX_SIDE, error)
      || !seg_command_check_number ("threads", options.threads, SEG_SEGMENT_MAX_THREADS, error))
    return FALSE;
  if (options.tile != SEG_COMMAND_UNSET && options.bands != SEG_COMMAND_UNSET)
    return seg_command_fail_usage (error, "--tile and --bands are two ways: give one");
  if (!seg_tta_parse (options.tta_name, &options.tta, error))
    return FALSE;
  if (options.tta != SEG_TTA_NONE && options.bands != SEG_COMMAND_UNSET)
    return seg_command_fail_usage (error, "--tta runs by tiles, not by --bands");
  if (bits != SEG_COMMAND_UNSET && bits != 8 && bits != 16 && bits != 32)
    return seg_command_fail_usage (error, "--probability-bits is 8, 16 or 32");
  if (bits != SEG_COMMAND_UNSET && options.outputs[SEG_OUTPUT_PROBABILITIES] == NULL)
    return seg_command_fail_usage (error, "--probability-bits says nothing without --probabilities");
  /* false for NaN */
  if (options.threshold != SEG_SEGMENT_NO_THRESHOLD
      && !(options.threshold >= 0 && options.threshold <= 1))
    return seg_command_fail_usage (error, "--threshold is a probability, 0 to 1");
  return TRUE;
}

static gboolean
check_suffixes (GError **error)
{
  if (options.suffix_list == NULL)
    return TRUE;
  options.suffixes = g_strsplit (options.suffix_list, ",", -1);
  for (guint i = 0; options.suffixes[i] != NULL; i++)
    {
      const char *suffix = g_strstrip (options.suffixes[i]);

      if (*suffix == '\0' || strchr (suffix, G_DIR_SEPARATOR) != NULL)
        return seg_command_fail_usage (error, "--image-suffixes is what names end with before .png"
                                              " and the like, with commas between: _0000,_0001");
    }
  for (guint i = 0; options.suffixes[i] != NULL; i++)
    for (guint k = 0; options.suffixes[k] != NULL; k++)
      if (i != k && g_str_has_suffix (options.suffixes[i], options.suffixes[k]))
        return seg_command_fail_usage (error, "--image-suffixes: one ends with another, so that a "
                                              "name may be of two images");
  return options.suffixes[0] != NULL
         || seg_command_fail_usage (error, "--image-suffixes names none");
}

static gboolean
has_files (void)
{
  for (guint i = 0; i < SEG_N_OUTPUTS; i++)
    if (options.outputs[i] != NULL)
      return TRUE;
  return FALSE;
}

/* It writes nothing, and tries all ways of running. */
static gboolean
check_verify (char **images, GError **error)
{
  if (images[0] == NULL || images[1] != NULL || g_file_test (images[0], G_FILE_TEST_IS_DIR))
    return seg_command_fail_usage (error, "--verify takes one image, and no folder");
  if (has_files () || options.statistics != NULL || options.output_dir != NULL
      || options.classes != NULL || options.threshold != SEG_SEGMENT_NO_THRESHOLD
      || options.recursive || options.skip_existing)
    return seg_command_fail_usage (error, "--verify makes no files");
  if (options.tta_name != NULL)
    return seg_command_fail_usage (error, "--verify sees an image as it is, without --tta");
  if (options.tile != SEG_COMMAND_UNSET || options.bands != SEG_COMMAND_UNSET
      || options.max_memory != NULL || options.profile)
    return seg_command_fail_usage (error, "--verify chooses its own ways of running");
  return TRUE;
}

static gboolean
check_outputs (char **images, GError **error)
{
  if (images[0] == NULL)
    return seg_command_fail_usage (error, "name an image");
  if (options.output_dir != NULL && options.outputs[SEG_OUTPUT_LABELS] == NULL)
    options.outputs[SEG_OUTPUT_LABELS] = (char *) SEG_SEGMENT_DEFAULT_OUTPUT;
  if (!has_files () && options.statistics == NULL && !options.profile)
    return seg_command_fail_usage (error, "name the label map to write with -o");
  if (options.skip_existing && options.statistics != NULL)
    return seg_command_fail_usage (error, "--stats counts all images, so that --skip-existing "
                                          "cannot leave some out");
  return TRUE;
}

static gboolean
check_options (char **images, GError **error)
{
  if (options.list_models)
    return images[0] == NULL
           || seg_command_fail_usage (error, "--list-models takes no image");
  return check_numbers (error) && check_suffixes (error)
         && (options.verify ? check_verify (images, error) : check_outputs (images, error));
}

static void
list_model (const char *path, SegModel *model)
{
  g_autofree char *file = g_path_get_basename (path);
  g_autofree char *name = g_strndup (file, strlen (file) - strlen (SEG_PATH_MODEL_ENDING));
  g_autofree char *shown_name = seg_path_escape (name), *shown = seg_path_escape (path);

  printf ("%s: %u band%s, classes", shown_name, seg_model_get_n_channels (model),
          seg_units_plural (seg_model_get_n_channels (model)));
  for (guint i = 0; i < seg_model_get_n_classes (model); i++)
    {
      g_autofree char *class = seg_path_escape (seg_model_get_class (model, i)->name);
      printf ("%s %s", i > 0 ? "," : "", class);
    }
  printf ("\n  %s\n", shown);
}

/* One that is broken does not hide the others. */
static void
list_models (void)
{
  g_auto (GStrv) paths = seg_model_list_installed ();

  for (char **path = paths; *path != NULL; path++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (SegModel) model = seg_model_load (*path, &error);

      if (model != NULL)
        list_model (*path, model);
      else
        seg_warning_print ("%s", error->message);
    }
}

/* One of several images that fails does not keep the others from being done. */
static gboolean
segment_all (SegSession *session, GPtrArray *jobs, SegStatistics *statistics,
             GCancellable *cancellable, GError **error)
{
  guint n_failed = 0, n_skipped = 0;

  for (guint i = 0; i < jobs->len; i++)
    {
      g_autoptr (GError) failure = NULL;

      if (options.skip_existing && seg_job_is_done (jobs->pdata[i]))
        {
          n_skipped++;
          continue;
        }
      if (seg_session_run (session, jobs->pdata[i], i + 1, jobs->len, statistics, cancellable,
                           &failure))
        continue;
      if (jobs->len == 1 || g_error_matches (failure, G_IO_ERROR, G_IO_ERROR_CANCELLED))
        {
          g_propagate_error (error, g_steal_pointer (&failure));
          return FALSE;
        }
      seg_exit_code_print_error (failure);
      n_failed++;
    }
  if (options.verbose && n_skipped > 0)
    fprintf (stderr, "skipped: %u of %u image%s, whose outputs are all there\n", n_skipped,
             jobs->len, seg_units_plural (jobs->len));
  if (n_failed == 0)
    return TRUE;
  g_set_error (error, SEG_APP_ERROR, SEG_APP_ERROR_SOME_FAILED, "%u of %u images failed", n_failed,
               jobs->len);
  return FALSE;
}

static GPtrArray *
find_jobs (char **images, GError **error)
{
  SegJobsRequest request = {
    .paths = images,
    .suffixes = (const char *const *) options.suffixes,
    .recursive = options.recursive,
    .output_dir = options.output_dir,
    .statistics = options.statistics,
  };

  for (guint i = 0; i < SEG_N_OUTPUTS; i++)
    request.outputs[i] = options.outputs[i];
  return seg_jobs_new (&request, error);
}

static gboolean
segment (SegSession *session, GPtrArray *jobs, GCancellable *cancellable, GError **error)
{
  g_autoptr (SegStatistics) statistics = NULL;
  g_autoptr (GError) failure = NULL;
  const char *sha256;
  gboolean ok;

  if (!seg_session_check (session, jobs->pdata[0], options.statistics, error))
    return FALSE;
  if (options.statistics != NULL)
    {
      if (!seg_path_make_parent (options.statistics, error)
          || (statistics = seg_statistics_new (options.statistics,
                                               seg_session_get_classifier (session), error))
                 == NULL)
        return FALSE;
    }
  ok = segment_all (session, jobs, statistics, cancellable, &failure);
  if (options.profile)
    seg_session_print_profile (session);
  /* what was counted is written though some images failed */
  if (statistics != NULL
      && (ok || g_error_matches (failure, SEG_APP_ERROR, SEG_APP_ERROR_SOME_FAILED)))
    {
      sha256 = seg_session_get_model_hash (session, error);
      if (sha256 == NULL
          || !seg_statistics_commit (statistics, seg_session_get_model_path (session), sha256,
                                     error))
        return FALSE;
    }
  if (!ok)
    g_propagate_error (error, g_steal_pointer (&failure));
  return ok;
}

static gboolean
run_session (char **images, GCancellable *cancellable, GError **error)
{
  SegSessionOptions session_options = {
    .model = options.model,
    .classes = options.classes,
    .threshold = options.threshold != SEG_SEGMENT_NO_THRESHOLD ? options.threshold : NAN,
    .probability_bits = (guint) MAX (options.probability_bits, 0),
    .tile = MAX (options.tile, 0),
    .band_rows = MAX (options.bands, 0),
    .tta = options.tta,
    .n_threads = options.threads > 0 ? (guint) options.threads : g_get_num_processors (),
    .verbose = options.verbose,
    .profile = options.profile,
  };
  g_autoptr (GPtrArray) jobs = NULL;
  g_autoptr (SegSession) session = NULL;

  if (!seg_progress_parse_kind (options.progress, &session_options.progress, error)
      || (options.max_memory != NULL
          && !seg_memory_budget_parse (options.max_memory, &session_options.max_memory, error))
      || (jobs = find_jobs (images, error)) == NULL
      || (session = seg_session_new (&session_options, error)) == NULL)
    return FALSE;
  return options.verify ? seg_session_verify (session, jobs->pdata[0], cancellable, error)
                        : segment (session, jobs, cancellable, error);
}

static gboolean
run (char **images, GCancellable *cancellable, GError **error)
{
  gboolean ok = TRUE;

  if (!check_options (images, error) || !seg_vips_setup (g_get_prgname (), error))
    return FALSE;
  if (!seg_plugins_load (options.verbose ? SEG_PLUGINS_TELL_ALL : SEG_PLUGINS_TELL_FOREIGN, error))
    ok = FALSE;
  else if (options.list_models)
    list_models ();
  else
    ok = run_session (images, cancellable, error);
  seg_vips_shutdown ();
  return ok;
}

static const SegCommand command = {
  .name = "segment",
  .arguments = "IMAGE…",
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
