/* seginspect: what plugins offer, and what a network is and takes. */
#include <stdio.h>
#include <string.h>

#include <segkit/segkit.h>

#include "lib/command.h"
#include "lib/cpu.h"
#include "lib/features.h"
#include "lib/plugins.h"
#include "lib/recipe-file.h"
#include "lib/report.h"
#include "lib/way.h"

#define SEG_INSPECT_MAX_THREADS 1024
#define SEG_INSPECT_MAX_SIDE 1000000

static struct
{
  char *size;
  int bands, threads;
  gboolean graph, recipe, json, cpu, verbose;
} options = { .bands = SEG_COMMAND_UNSET, .threads = SEG_COMMAND_UNSET };

static const GOptionEntry report_entries[] = {
  { "verbose", 'v', 0, G_OPTION_ARG_NONE, &options.verbose,
    "also tell what each pass did to the network", NULL },
  { "recipe", 0, 0, G_OPTION_ARG_NONE, &options.recipe, "print the recipe, to train or build from",
    NULL },
  { "graph", 0, 0, G_OPTION_ARG_NONE, &options.graph, "print the network for Graphviz's dot",
    NULL },
  { "json", 0, 0, G_OPTION_ARG_NONE, &options.json, "print all of it for a program", NULL },
  { "cpu", 0, 0, G_OPTION_ARG_NONE, &options.cpu, "print the instruction levels, and which is used",
    NULL },
  G_OPTION_ENTRY_NULL
};

static const GOptionEntry size_entries[] = {
  { "size", 0, 0, G_OPTION_ARG_STRING, &options.size, "of the image (default: 512x512)", "WxH" },
  { "bands", 0, 0, G_OPTION_ARG_INT, &options.bands,
    "for bands of N rows (default: as segment has them)", "N" },
  { "threads", 0, 0, G_OPTION_ARG_INT, &options.threads,
    "for N threads (default: one for each processor)", "N" },
  G_OPTION_ENTRY_NULL
};

static const SegCommandGroup groups[] = {
  { "What to print:", report_entries },
  { "For what:", size_entries },
  { "Plugins:", seg_plugins_entries },
  { NULL, NULL },
};

static const char summary[] =
    "Tells what there is and what it takes. Without an argument: the plugins, their features, and\n"
    "what was not loaded and why. Of a feature: its properties. Of a model or a recipe: each step\n"
    "of the network, with what it gives, computes, needs and holds.";

static const char description[] =
    "Examples:\n"
    "  seginspect\n"
    "  seginspect resnet-encoder\n"
    "  seginspect --size 20000x15000 cells.safetensors\n"
    "  seginspect my.recipe\n"
    "  seginspect --recipe cells.safetensors > my.recipe\n"
    "  seginspect --graph cells.safetensors | dot -Tsvg > cells.svg\n"
    "\n"
    "A MODEL is what \"segment -m\" takes: a safetensors file, a folder of another program, or "
    "the\n"
    "name of an installed model. A RECIPE is a text file, of which a model is made that is not\n"
    "trained; what it leaves to segtrain, \"segtrain --recipe FILE --dump-recipe DATASET\" adds.\n"
    "A word that names a feature means the feature: write ./NAME for a file.\n"
    "\n"
    "A step is a layer and what it computes along with it. In the table of what they are:\n"
    "  gives     channels × width×height\n"
    "  params    numbers that training changes\n"
    "  mul-adds  multiply-adds for the image, by the layer's formula\n"
    "  halo      pixels of the image that it depends on, on the left and above / on the right and\n"
    "            below, beside those that it covers; all: the whole image\n"
    "In the table of how they run:\n"
    "  packed    bytes of weights in the kernel's own form\n"
    "  tile      the halo that is read, since some kernels compute small squares at once: what a\n"
    "            tile takes around it\n"
    "  map       bytes of what it gives, when the image is computed at once\n"
    "  rows      how many of its rows are kept at a time, by bands\n"
    "  ring      bytes of them, for each column of the image\n"
    "  kernel    how it is computed; an alias is not: it is only a view of others\n"
    "\n"
    "Exit status: 0 done, 2 usage, 3 malformed or unsupported input, 4 input or output failed,\n"
    "5 a limit on memory or size, 6 numbers that are not finite, 7 plugin, 9 a bug.\n";

/* ---- options --------------------------------------------------------------------------- */

static gboolean
parse_size (gint64 *width, gint64 *height, GError **error)
{
  g_auto (GStrv) sides = g_strsplit (options.size != NULL ? options.size : "512x512", "x", -1);

  if (g_strv_length (sides) == 2
      && g_ascii_string_to_signed (sides[0], 10, 1, SEG_INSPECT_MAX_SIDE, width, NULL)
      && g_ascii_string_to_signed (sides[1], 10, 1, SEG_INSPECT_MAX_SIDE, height, NULL))
    return TRUE;
  g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
               "--size: \"%s\" is not a width and a height of 1 to %d, such as 2048x1536",
               options.size, SEG_INSPECT_MAX_SIDE);
  return FALSE;
}

/* Those that say how a model would be run. */
static gboolean
has_run_options (void)
{
  return options.size != NULL || options.bands != SEG_COMMAND_UNSET
         || options.threads != SEG_COMMAND_UNSET;
}

static gboolean
check_options (char **arguments, GError **error)
{
  int n_kinds = options.graph + options.recipe + options.json + options.cpu;

  if (n_kinds > 1)
    return seg_command_fail_usage (error, "--recipe, --graph, --json and --cpu: give one");
  if (options.cpu && arguments[0] != NULL)
    return seg_command_fail_usage (error, "--cpu is of this machine, not of a model");
  if (((n_kinds > 0 && !options.cpu) || has_run_options ()) && arguments[0] == NULL)
    return seg_command_fail_usage (error, "name a model or a recipe");
  if (arguments[0] != NULL && arguments[1] != NULL)
    return seg_command_fail_usage (error, "name one feature, model or recipe");
  return seg_command_check_number ("bands", options.bands, SEG_INSPECT_MAX_SIDE, error)
         && seg_command_check_number ("threads", options.threads, SEG_INSPECT_MAX_THREADS, error);
}

/* What is printed of a feature depends on nothing else. */
static gboolean
check_feature (const char *name, GError **error)
{
  if (!options.graph && !options.recipe && !options.json && !has_run_options ())
    return TRUE;
  g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_FAILED,
               "\"%s\" is a feature, not a model or a recipe: write ./%s for a file of that name",
               name, name);
  return FALSE;
}

/* ---- models ---------------------------------------------------------------------------- */

/* What is no file and looks like none may be a feature that was misspelt. */
static gboolean
fail_not_found (const char *name, GError **error)
{
  g_autofree char *nearest = seg_registry_find_nearest (seg_registry_get_default (), name);

  g_set_error (error, SEG_ERROR, SEG_ERROR_PLUGIN,
               "%s: there is no feature, no model and no file of that name%s%s%s", name,
               nearest != NULL ? "; did you mean \"" : "", nearest != NULL ? nearest : "",
               nearest != NULL ? "\"?" : "");
  return FALSE;
}

static gboolean
inspect_model (const char *name, GString *out, GError **error)
{
  g_autoptr (GError) missing = NULL;
  g_autofree char *path = seg_model_find (name, &missing);
  g_autoptr (SegModel) model = NULL;
  g_autoptr (SegReport) report = NULL;
  guint n_threads = options.threads > 0 ? (guint) options.threads : g_get_num_processors ();
  gint64 width, height;

  if (!parse_size (&width, &height, error))
    return FALSE;
  if (path == NULL && strpbrk (name, "./") == NULL)
    return fail_not_found (name, error);
  if (path == NULL)
    {
      g_propagate_error (error, g_steal_pointer (&missing));
      return FALSE;
    }
  model = seg_recipe_file_probe (path) ? seg_recipe_file_make_model (path, 0, error)
                                       : seg_model_load (path, error);
  if (model == NULL)
    return FALSE;
  if (options.recipe)
    {
      g_string_append (out, seg_model_get_recipe (model));
      return TRUE;
    }
  report = seg_report_new (path, model, width, height, CLAMP (options.bands, 0, height), n_threads,
                           error);
  if (report == NULL)
    return FALSE;
  if (options.graph)
    seg_report_graph (report, out);
  else if (options.json)
    seg_report_json (report, out);
  else
    seg_report_print (report, options.verbose, out);
  return TRUE;
}

static gboolean
inspect (char **arguments, GCancellable *cancellable, GError **error)
{
  g_autoptr (GString) out = g_string_new (NULL);
  SegFeatureInfo info;
  gboolean ok = TRUE;

  (void) cancellable;
  if (!check_options (arguments, error))
    return FALSE;
  if (options.cpu)
    seg_cpu_print (out);
  else if (!seg_plugins_load (arguments[0] == NULL ? SEG_PLUGINS_TELL_NOTHING
                                                  : SEG_PLUGINS_TELL_FOREIGN,
                              error))
    return FALSE;
  else if (arguments[0] == NULL)
    seg_features_list (out);
  else if (seg_features_describe (arguments[0], &info))
    {
      seg_features_print (&info, out);
      g_object_unref (info.object);
      ok = check_feature (arguments[0], error);
    }
  else
    ok = inspect_model (arguments[0], out, error);

  if (ok)
    fputs (out->str, stdout);
  return ok;
}

static const SegCommand command = {
  .name = "seginspect",
  .arguments = "[FEATURE | MODEL | RECIPE]",
  .summary = summary,
  .description = description,
  .groups = groups,
  .run = inspect,
};

int
main (int argc, char **argv)
{
  return seg_command_main (&command, argc, argv);
}
