/* segtrain: a folder of images and masks in, a model out. */
#include <stdio.h>

#include <segkit/segkit.h>

#include "lib/command.h"
#include "lib/memory-budget.h"
#include "lib/path.h"
#include "lib/plugins.h"
#include "lib/preview.h"
#include "lib/run-folder.h"
#include "lib/train-data.h"
#include "lib/train-dry-run.h"
#include "lib/train-evaluate.h"
#include "lib/train-run.h"
#include "lib/train-wishes.h"
#include "lib/vips-setup.h"

#define SEG_TRAIN_MAX_THREADS 1024

typedef enum
{
  SEG_TRAIN_COMMAND_TRAIN,
  SEG_TRAIN_COMMAND_CHECK,
  SEG_TRAIN_COMMAND_EVALUATE,
} SegTrainCommand;

static struct
{
  char *output, *preview, *split, *tta_name, *max_memory, *progress;
  int threads;
  gboolean dry_run, dump_recipe, resume, fresh, no_lock, quiet;
  SegTta tta; /* what the name means */
} options = { .threads = SEG_COMMAND_UNSET };

static const GOptionEntry output_entries[] = {
  { "output", 'o', 0, G_OPTION_ARG_FILENAME, &options.output,
    "the model (default: DATASET's name); of evaluate: a summary.json", "FILE" },
  { "preview", 0, 0, G_OPTION_ARG_FILENAME, &options.preview,
    "only a picture of samples as they would be learnt from (.png)", "FILE" },
  { "dry-run", 0, 0, G_OPTION_ARG_NONE, &options.dry_run,
    "only tell what would be done, and what it takes", NULL },
  { "dump-recipe", 0, 0, G_OPTION_ARG_NONE, &options.dump_recipe,
    "only print the recipe, all of it, and end", NULL },
  G_OPTION_ENTRY_NULL
};

static const GOptionEntry run_entries[] = {
  { "resume", 0, 0, G_OPTION_ARG_NONE, &options.resume,
    "go on by the recipe that the run was begun with", NULL },
  { "fresh", 0, 0, G_OPTION_ARG_NONE, &options.fresh, "begin anew, whatever was done before",
    NULL },
  { "no-lock", 0, 0, G_OPTION_ARG_NONE, &options.no_lock,
    "do not keep other runs out: where locks do not work", NULL },
  { "threads", 0, 0, G_OPTION_ARG_INT, &options.threads,
    "use N threads (default: one for each processor)", "N" },
  { "max-memory", 0, 0, G_OPTION_ARG_STRING, &options.max_memory,
    "take no more than this, such as 800M or 2G", "SIZE" },
  { "progress", 0, 0, G_OPTION_ARG_STRING, &options.progress,
    "line (on a terminal), json (a line each, on stderr) or none", "KIND" },
  { "quiet", 'q', 0, G_OPTION_ARG_NONE, &options.quiet, "say nothing but what is wrong", NULL },
  G_OPTION_ENTRY_NULL
};

static const GOptionEntry evaluate_entries[] = {
  { "split", 0, 0, G_OPTION_ARG_STRING, &options.split,
    "train, validation, test or all (default: test, if there is one)", "PART" },
  { "tta", 0, 0, G_OPTION_ARG_STRING, &options.tta_name,
    "test-time augmentation: the mean of 4 (flips) or 8 views (d4)", "KIND" },
  G_OPTION_ENTRY_NULL
};

static const SegCommandGroup groups[] = {
  { "Output:", output_entries },
  { "Recipe:", seg_train_wishes_entries },
  { "Running:", run_entries },
  { "Evaluation:", evaluate_entries },
  { "Plugins:", seg_plugins_entries },
  { NULL, NULL },
};

static const char summary[]
    = "Trains a network on the images of a folder and their masks, and writes the model that\n"
      "\"segment -m\" takes. What is not said is chosen by looking at the images, told with its\n"
      "reason, and written down as a recipe, by which the run can be repeated to the bit.\n"
      "\n"
      "  segtrain DATASET                 trains\n"
      "  segtrain check DATASET           tells what is in the folder, and all that is wrong\n"
      "  segtrain evaluate MODEL DATASET  tells how good a model is";

static const char description[]
    = "Examples:\n"
      "  segtrain check cells/\n"
      "  segtrain --max-time 30min -o cells.safetensors cells/\n"
      "  segtrain --recipe my.recipe --set train.rate=3e-4 --fresh cells/\n"
      "  segtrain evaluate cells.safetensors cells/\n"
      "\n"
      "DATASET has folders images/ and masks/, in which files of one name belong together, or\n"
      "folders train/, val/ and test/ that have; CamVid's, VOC's and nnU-Net's ways are known,\n"
      "too. In a mask each value or colour is a class. A folder called check or evaluate is ./check.\n"
      "\n"
      "Beside the model, cells.run holds checkpoints, log.csv, summary.json, the recipe and\n"
      "report.html, a page to look at. A run that was stopped, in any way, goes on when the same\n"
      "command is given again, and ends with the same model.\n"
      "\n"
      "Exit status: 0 done, 2 usage, 3 malformed or unsupported input, 4 input or output failed,\n"
      "5 a limit on memory or size, 6 numbers that are not finite, 7 plugin, 8 another run has the\n"
      "output, 9 a bug; 130 and 143 stopped by SIGINT and SIGTERM, with a checkpoint.\n";

/* ---- options ---------------------------------------------------------------------------- */

static SegTrainCommand
choose_command (char ***arguments)
{
  static const char *const names[] = { NULL, "check", "evaluate" };

  for (guint i = 1; **arguments != NULL && i < G_N_ELEMENTS (names); i++)
    if (g_str_equal (**arguments, names[i]))
      {
        (*arguments)++;
        return (SegTrainCommand) i;
      }
  return SEG_TRAIN_COMMAND_TRAIN;
}

static gboolean
check_train (GError **error)
{
  if ((options.preview != NULL) + options.dry_run + options.dump_recipe > 1)
    return seg_command_fail_usage (error, "--preview, --dry-run and --dump-recipe: give one");
  if (options.resume && options.fresh)
    return seg_command_fail_usage (error, "--resume and --fresh: give one");
  if (options.resume && seg_train_wishes_are_given ())
    return seg_command_fail_usage (error, "--resume goes by the recipe that there is");
  if (options.split != NULL || options.tta_name != NULL)
    return seg_command_fail_usage (error, "--split and --tta are of \"segtrain evaluate\"");
  return seg_path_check_ending (options.output, SEG_PATH_MODEL_ENDING, "a model", error)
         && seg_path_check_ending (options.preview, ".png", "a preview", error);
}

/* Commands that only look. */
static gboolean
check_look (SegTrainCommand which, GError **error)
{
  gboolean evaluates = which == SEG_TRAIN_COMMAND_EVALUATE;

  if (options.preview != NULL || options.dry_run || options.dump_recipe || options.resume
      || options.fresh || options.no_lock || seg_train_wishes_need_training ())
    return seg_command_fail_usage (error, "check and evaluate train nothing: of a recipe they "
                                          "take --recipe and --set");
  if (evaluates && !seg_path_check_ending (options.output, ".json", "a summary", error))
    return FALSE;
  if (!evaluates && (options.output != NULL || options.split != NULL || options.tta_name != NULL))
    return seg_command_fail_usage (error, "check looks at all images and writes nothing");
  if (options.split != NULL && !seg_train_evaluate_is_split (options.split))
    return seg_command_fail_usage (error, "--split is train, validation, test or all");
  return seg_tta_parse (options.tta_name, &options.tta, error);
}

static gboolean
check_options (SegTrainCommand which, char **arguments, GError **error)
{
  static const char *const wanted[]
      = { "name one folder of images and masks", "name one folder to check",
          "name a model and a folder of images and masks" };

  if (g_strv_length (arguments) != (which == SEG_TRAIN_COMMAND_EVALUATE ? 2 : 1))
    return seg_command_fail_usage (error, wanted[which]);
  return seg_command_check_number ("threads", options.threads, SEG_TRAIN_MAX_THREADS, error)
         && seg_train_wishes_check (error)
         && (which == SEG_TRAIN_COMMAND_TRAIN ? check_train (error)
                                                : check_look (which, error));
}

static gboolean
get_limit (gsize *bytes, GError **error)
{
  *bytes = seg_memory_budget_get_default ();
  return options.max_memory == NULL
         || seg_memory_budget_parse (options.max_memory, bytes, error);
}

static guint
get_n_threads (void)
{
  return options.threads > 0 ? (guint) options.threads : g_get_num_processors ();
}

static char *
choose_output (const char *dataset)
{
  g_autofree char *whole = g_canonicalize_filename (dataset, NULL);
  g_autofree char *name = g_path_get_basename (whole);

  return options.output != NULL ? g_strdup (options.output)
                                : g_strconcat (name, SEG_PATH_MODEL_ENDING, NULL);
}

/* ---- commands --------------------------------------------------------------------------- */

static gboolean
check (const char *path, GError **error)
{
  g_autoptr (GKeyFile) wishes = seg_train_wishes_read (NULL, error);
  g_autoptr (SegDataset) dataset
      = wishes != NULL ? seg_dataset_open (path, wishes, error) : NULL;
  g_autofree char *text = NULL;

  if (dataset == NULL)
    return FALSE;
  text = seg_train_data_dup_text (dataset);
  fputs (text, stdout);
  return seg_train_data_check (dataset, 0, stdout, error);
}

static gboolean
evaluate (const char *model_name, const char *path, GCancellable *cancellable, GError **error)
{
  SegTrainEvaluate request = {
    .split = options.split,
    .summary = options.output,
    .tta = options.tta,
    .n_threads = get_n_threads (),
    .quiet = options.quiet,
  };
  g_autofree char *model_path = seg_model_find (model_name, error);
  g_autoptr (SegModel) model = model_path != NULL ? seg_model_load (model_path, error) : NULL;
  g_autoptr (GKeyFile) wishes
      = model != NULL ? seg_train_wishes_read_for_model (model, path, error) : NULL;
  g_autoptr (SegDataset) dataset = NULL;

  if (wishes == NULL || !get_limit (&request.limit_bytes, error)
      || (options.output != NULL && !seg_path_check_not_over (options.output, model_path, error))
      || (request.dataset = dataset = seg_dataset_open (path, wishes, error)) == NULL
      || !seg_train_data_check (dataset, seg_train_evaluate_get_splits (&request),
                                options.quiet ? NULL : stderr, error)
      || !seg_train_data_check_not_over (dataset, options.output, error)
      || !seg_path_make_parent (options.output, error))
    return FALSE;
  request.model = model;
  return seg_train_evaluate (&request, cancellable, error);
}

/* What was chosen, so that who wants something else knows what to set. */
static void
tell (SegDataset *dataset, SegTrainRecipe *recipe)
{
  g_autofree char *text = seg_train_data_dup_text (dataset);

  printf ("%schosen:\n", text);
  for (guint i = 0; i < recipe->reasons->len; i++)
    printf ("  %s\n", (const char *) recipe->reasons->pdata[i]);
  fflush (stdout);
}

/* Only looks at what would be done. */
static gboolean
look (const SegTrainRun *run, GError **error)
{
  SegTrainRecipe *recipe = run->recipe;
  g_autofree char *text = NULL;

  if (options.preview != NULL)
    return seg_path_make_parent (options.preview, error)
           && seg_preview_write (run->dataset, recipe->augmentation, &recipe->batches,
                                 options.preview, error);
  if (options.dump_recipe)
    return fputs (recipe->text, stdout) >= 0;
  /* before it is refused, so that one sees what */
  printf ("\n%s\n", recipe->text);
  fflush (stdout);
  text = seg_train_dry_run (run, error);
  return text != NULL && fputs (text, stdout) >= 0;
}

static gboolean
train_dataset (SegTrainRun *run, GCancellable *cancellable, GError **error)
{
  gsize cache = run->limit_bytes / SEG_DATASET_CACHE_SHARE;
  SegTrainLimits limits = { .n_threads = run->n_threads, .max_memory = run->limit_bytes - cache };
  gboolean only_looks = options.preview != NULL || options.dump_recipe || options.dry_run;
  gboolean tells = !options.quiet && !options.dump_recipe && options.preview == NULL;
  g_autoptr (SegTrainRecipe) recipe = NULL;

  run->limit_bytes -= cache;
  /* what is chosen must not depend on what else is running: the same command goes on with a run */
  if (options.max_memory == NULL)
    limits.max_memory = seg_memory_budget_get_installed () / 2;
  seg_dataset_set_cache (run->dataset, cache);
  if (!seg_train_data_check (run->dataset, 0, tells ? stderr : NULL, error)
      || g_cancellable_set_error_if_cancelled (cancellable, error)
      || (recipe = seg_train_recipe_new (run->wishes, run->dataset, &limits, error)) == NULL
      /* a run that begins again would not find what it began with */
      || !seg_train_data_check_not_over (run->dataset, run->output, error)
      || !seg_train_data_check_not_over (run->dataset, options.preview, error)
      || !seg_path_check_not_over (run->output, seg_train_wishes_get_recipe (), error)
      || !seg_path_check_not_over (run->output, recipe->encoder_weights, error)
      || !seg_path_check_not_over (run->output, recipe->from_model, error))
    return FALSE;
  run->recipe = recipe;
  if (tells)
    tell (run->dataset, recipe);
  return only_looks ? look (run, error) : seg_train_run (run, cancellable, error);
}

/* The recipe of the run that is to be gone on with. */
static gboolean
check_resume (const char *folder, const char *recipe, GError **error)
{
  if (!options.resume || g_file_test (recipe, G_FILE_TEST_EXISTS))
    return TRUE;
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND,
               "%s: there is no run to go on with: it has no " SEG_RUN_FOLDER_RECIPE, folder);
  return FALSE;
}

static gboolean
train (const char *path, GCancellable *cancellable, GError **error)
{
  g_autofree char *output = choose_output (path), *folder = seg_run_folder_dup_name (output);
  g_autofree char *before = g_build_filename (folder, SEG_RUN_FOLDER_RECIPE, NULL);
  SegTrainRun run = {
    .output = output,
    .fresh = options.fresh,
    .no_lock = options.no_lock,
    .quiet = options.quiet,
    .n_threads = get_n_threads (),
  };
  g_autoptr (GKeyFile) wishes = NULL;
  g_autoptr (SegDataset) dataset = NULL;
  const char *progress = options.quiet && options.progress == NULL ? "none" : options.progress;

  if (!check_resume (folder, before, error)
      || !seg_progress_parse_kind (progress, &run.progress, error)
      || !get_limit (&run.limit_bytes, error)
      || (wishes = seg_train_wishes_read (options.resume ? before : NULL, error)) == NULL
      || (dataset = seg_dataset_open (path, wishes, error)) == NULL)
    return FALSE;
  run.wishes = wishes;
  run.dataset = dataset;
  return train_dataset (&run, cancellable, error);
}

static gboolean
run_command (SegTrainCommand which, char **arguments, GCancellable *cancellable, GError **error)
{
  switch (which)
    {
    case SEG_TRAIN_COMMAND_CHECK:
      return check (arguments[0], error);
    case SEG_TRAIN_COMMAND_EVALUATE:
      return evaluate (arguments[0], arguments[1], cancellable, error);
    default:
      return train (arguments[0], cancellable, error);
    }
}

static gboolean
run (char **arguments, GCancellable *cancellable, GError **error)
{
  SegTrainCommand which = choose_command (&arguments);
  gboolean ok;

  if (!check_options (which, arguments, error) || !seg_vips_setup (g_get_prgname (), error))
    return FALSE;
  ok = seg_plugins_load (SEG_PLUGINS_TELL_FOREIGN, error)
       && run_command (which, arguments, cancellable, error);
  seg_vips_shutdown ();
  return ok;
}

static const SegCommand command = {
  .name = "segtrain",
  .arguments = "[check|evaluate MODEL] DATASET",
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
