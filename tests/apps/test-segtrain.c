/* segtrain from data to model: that it learns, that its bits depend on nothing but data, recipe and
 * seed, how long it takes, and how models are evaluated. */
#include <string.h>

#include <glib/gstdio.h>
#include <jansson.h>

#include "training.h"

static void
remove_pair (Tool *tool, guint i)
{
  static const char *const folders[] = { "images", "masks" };

  for (guint k = 0; k < G_N_ELEMENTS (folders); k++)
    {
      g_autofree char *name = g_strdup_printf ("cells/%s/%u.png", folders[k], i);
      g_autofree char *path = tool_path (tool, name);

      g_assert_cmpint (g_unlink (path), ==, 0);
    }
}

static double
read_mean_iou (Tool *tool, const char *name)
{
  g_autofree char *text = training_read_text (tool, name);
  json_t *root = json_loads (text, 0, NULL);
  double iou = json_number_value (
      json_object_get (json_object_get (root, "foreground_mean"), "IoU"));

  json_decref (root);
  return iou;
}

static double
get_cell (const char *log, guint line, guint column)
{
  g_auto (GStrv) lines = g_strsplit (log, "\n", -1);
  g_auto (GStrv) cells = NULL;

  g_assert_cmpuint (line, <, g_strv_length (lines));
  cells = g_strsplit (lines[line], ",", -1);
  g_assert_cmpuint (column, <, g_strv_length (cells));
  return g_ascii_strtod (cells[column], NULL);
}

static void
test_learns (Tool *tool, gconstpointer data)
{
  g_autofree char *log = NULL, *path = tool_path (tool, MODEL);
  g_autoptr (SegModel) model = NULL;

  (void) data;
  g_assert_cmpint (tool_run (tool, SMALL, "--steps", "80", "-o", MODEL, "cells", NULL), ==, OK);
  g_assert_nonnull (strstr (tool->output, "7 to learn from, 1 to validate"));
  g_assert_nonnull (strstr (tool->output, "[train.loss] type=dice-ce: "));
  g_assert_true (
      g_str_has_suffix (tool->output, "\nmodel:  " MODEL "\nreport: m.run/report.html\n"));
  g_assert_nonnull (strstr (tool->output, "\npixel accuracy "));
  g_assert_null (strstr (tool->error_line, "pixel accuracy "));
  log = training_read_text (tool, "m.run/log.csv");
  g_assert_cmpfloat (get_cell (log, 10, 5), <, 0.6 * get_cell (log, 1, 5));
  g_assert_cmpfloat (read_mean_iou (tool, "m.run/summary.json"), >, 0.9);
  g_assert_true (training_exists (tool, "m.run/report.html"));

  model = seg_model_load (path, NULL);
  g_assert_nonnull (model);
  g_assert_cmpuint (seg_model_get_n_channels (model), ==, 1);
  g_assert_cmpuint (seg_model_get_n_classes (model), ==, 2);
  g_assert_cmpstr (seg_model_get_class (model, 0)->name, ==, "background");

  /* whatever it is called */
  g_assert_cmpint (tool_run (tool, SMALL, "--steps", "1", "-o", "\033m.safetensors", "cells", NULL),
                   ==, OK);
  g_assert_true (g_str_has_suffix (tool->output, "\nmodel:  \\x1bm.safetensors\n"
                                                 "report: \\x1bm.run/report.html\n"));

  tool->program = "segment";
  g_assert_cmpint (tool_run (tool, "-m", MODEL, "-o", "labels.png", "cells/images/0.png", NULL), ==,
                   OK);
}

/* Of seven images two at a time an epoch is four steps; without the key it would be each step. */
static void
test_validates_each_epoch (Tool *tool, gconstpointer data)
{
  g_autofree char *log = NULL;

  (void) data;
  g_assert_cmpint (tool_run (tool, SMALL, "--batch", "2", "--steps", "8", "--set",
                             "train.validate-every=0", "-o", MODEL, "cells", NULL),
                   ==, OK);
  log = training_read_text (tool, "m.run/log.csv");
  for (guint i = 1; i <= 2; i++)
    g_assert_cmpfloat (get_cell (log, i, 1), ==, 4 * i);
}

static void
test_threads (Tool *tool, gconstpointer data)
{
  g_autofree char *expected = NULL, *log = NULL, *other_log = NULL;

  (void) data;
  g_assert_cmpint (tool_run (tool, SMALL, STEPS, "--threads", "1", "-o", MODEL, "cells", NULL), ==,
                   OK);
  expected = training_hash (tool, MODEL);
  log = training_read_log (tool, "m.run/log.csv");
  for (guint n = 2; n <= 3; n++)
    {
      g_autofree char *threads = g_strdup_printf ("%u", n);

      g_assert_cmpint (tool_run (tool, SMALL, STEPS, "--threads", threads, "--fresh", "-o",
                                 "n.safetensors", "cells", NULL),
                       ==, OK);
      training_assert_same_file (tool, "n.safetensors", expected);
    }
  other_log = training_read_log (tool, "n.run/log.csv");
  g_assert_cmpstr (log, ==, other_log);
}

/* What was written down does the same again, and so does the printed recipe; another seed does not. */
static void
test_repeats (Tool *tool, gconstpointer data)
{
  g_autofree char *expected = NULL, *other = NULL, *printed = NULL;

  (void) data;
  training_run (tool);
  expected = training_hash (tool, MODEL);
  g_assert_cmpint (tool_run (tool, "--recipe", "m.run/recipe.ini", "-o", "n.safetensors", "cells",
                             NULL),
                   ==, OK);
  training_assert_same_file (tool, "n.safetensors", expected);

  g_assert_cmpint (tool_run (tool, SMALL, STEPS, "--dump-recipe", "cells", NULL), ==, OK);
  printed = training_read_text (tool, "m.run/recipe.ini");
  g_assert_cmpstr (tool->output, ==, printed);

  g_assert_cmpint (tool_run (tool, SMALL, STEPS, "--seed", "2", "-o", "n.safetensors", "--fresh",
                             "cells", NULL),
                   ==, OK);
  other = training_hash (tool, "n.safetensors");
  g_assert_cmpstr (other, !=, expected);
}

/* Steps that fit into a time are counted once, and are then the recipe's. */
static void
test_time (Tool *tool, gconstpointer data)
{
  g_autofree char *expected = NULL, *recipe = NULL;
  g_auto (GStrv) lines = NULL;
  json_int_t step = 0, n_steps = 0;
  gboolean has_metric = FALSE;
  guint n = 0;

  (void) data;
  g_assert_cmpint (tool_run (tool, SMALL, "--max-time", "4s", "--progress", "json", "-o", MODEL,
                             "cells", NULL),
                   ==, OK);
  lines = g_strsplit (g_strchomp (tool->error_line), "\n", -1);
  for (char **line = lines; *line != NULL; line++, n++)
    {
      json_t *object = json_loads (*line, 0, NULL);

      /* on a slow machine few steps fit, which is warned of */
      if (object == NULL && strstr (*line, "warning: only ") != NULL)
        continue;
      g_assert_nonnull (object);
      n_steps = json_integer_value (json_object_get (object, "of"));
      step = json_integer_value (json_object_get (object, "step"));
      g_assert_cmpint (step, <=, n_steps);
      has_metric = json_object_get (object, "foreground-dice") != NULL;
      g_assert_cmpfloat (json_number_value (json_object_get (object, "left")), >=, 0.);
      json_decref (object);
    }
  g_assert_cmpuint (n, >, 1);
  g_assert_cmpint (n_steps, >, 4);
  g_assert_cmpint (step, ==, n_steps); /* the last line tells of the end, however soon it comes */
  g_assert_true (has_metric);
  expected = training_hash (tool, MODEL);
  recipe = training_read_text (tool, "m.run/recipe.ini");
  g_assert_null (strstr (recipe, "max-time"));
  g_assert_cmpint (tool_run (tool, "--recipe", "m.run/recipe.ini", "-o", "n.safetensors", "cells",
                             NULL),
                   ==, OK);
  training_assert_same_file (tool, "n.safetensors", expected);
}

/* A time that a run was begun for holds also where the recipe alone says how to go on. */
static void
test_time_resumed (Tool *tool, gconstpointer data)
{
  g_autofree char *recipe = NULL, *name = NULL, *path = NULL;
  g_autoptr (GKeyFile) keys = g_key_file_new ();
  g_autoptr (SegSafetensors) file = NULL;
  g_autoptr (GError) error = NULL;

  (void) data;
  g_assert_cmpint (tool_run (tool, SMALL, "--max-time", "10s", "-o", MODEL, "cells", NULL), ==, OK);
  recipe = training_read_text (tool, "m.run/recipe.ini");
  g_key_file_load_from_data (keys, recipe, (gsize) -1, G_KEY_FILE_NONE, &error);
  g_assert_no_error (error);
  name = g_strdup_printf ("m.run/checkpoint-%08" G_GUINT64_FORMAT ".safetensors",
                          g_key_file_get_uint64 (keys, "train", "steps", NULL));
  path = tool_path (tool, name);
  g_unlink (path); /* if the time was too short for it, it was not there */
  g_assert_cmpint (tool_run (tool, "--resume", "-o", MODEL, "cells", NULL), ==, OK);
  if (!training_exists (tool, name))
    {
      g_test_skip ("the machine became slower, and the time was up before the last step");
      return;
    }
  file = seg_safetensors_open (path, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (seg_safetensors_get_metadata (file, "max-seconds"), ==, "10");
}

/* Who only looks is told the same. */
static void
test_other_recipe (Tool *tool, gconstpointer data)
{
  g_autofree char *folder = tool_path (tool, "f.safetensors");

  (void) data;
  training_run (tool);
  g_assert_cmpint (tool_run (tool, "-q", SMALL, STEPS, "--seed", "5", "-o", MODEL, "cells", NULL),
                   ==, USAGE);
  tool_assert_fails (tool, USAGE,
                     "m.run: was begun with another recipe: [train] seed was 1, and is 5; --resume "
                     "goes on by the one that it was begun with, --fresh begins anew",
                     "segkit:param");
  g_assert_cmpint (
      tool_run (tool, "-q", SMALL, STEPS, "--seed", "5", "--dry-run", "-o", MODEL, "cells", NULL),
      ==, USAGE);
  tool_assert_fails (tool, USAGE, "m.run: was begun with another recipe", "segkit:param");
  g_assert_cmpint (
      tool_run (tool, "-q", SMALL, STEPS, "--set", "train.patience=9", "-o", MODEL, "cells", NULL),
      ==, USAGE);
  tool_assert_fails (tool, USAGE, ": [train] patience was not given, and is 9; ", "segkit:param");
  /* of all that an encoder brings with it, what was asked for */
  g_assert_cmpint (tool_run (tool, "-q", STEPS, "--set", "model.encoder.type=resnet-encoder", "-o",
                             MODEL, "cells", NULL),
                   ==, USAGE);
  tool_assert_fails (tool, USAGE,
                     ": [model.encoder] type was unet-encoder, and is resnet-encoder; ",
                     "segkit:param");
  g_assert_cmpint (tool_run (tool, "-q", SMALL, STEPS, "--seed", "5", "--dry-run", "--fresh", "-o",
                             MODEL, "cells", NULL),
                   ==, OK);
  g_assert_cmpint (g_mkdir (folder, 0777), ==, 0);
  g_assert_cmpint (
      tool_run (tool, "-q", SMALL, STEPS, "--dry-run", "-o", "f.safetensors", "cells", NULL), ==, IO);
  tool_assert_fails (tool, IO, "f.safetensors: is a folder", "io:is-directory");
  g_assert_cmpint (
      tool_run (tool, "-q", SMALL, STEPS, "--seed", "5", "--fresh", "-o", MODEL, "cells", NULL), ==,
      OK);
}

/* Files are told apart by what is in them, and the one that makes the difference is named. */
static void
test_other_data (Tool *tool, gconstpointer data)
{
  g_autofree char *list = tool_path (tool, "m.run/data.txt");

  (void) data;
  training_run (tool);
  training_save_discs (tool, 2);
  training_run (tool); /* the same once more */
  training_save_discs (tool, TRAINING_IMAGES);
  g_assert_cmpint (tool_run (tool, "-q", "--resume", "-o", MODEL, "cells", NULL), ==, USAGE);
  tool_assert_fails (tool, USAGE, "m.run: was begun with other data: images/8.png is new",
                     "segkit:param");
  remove_pair (tool, TRAINING_IMAGES);
  /* the mean is another, too, and with it the recipe */
  samples_save_image (tool->folder, "cells/images/2.png", TRAINING_SIDE, TRAINING_SIDE, 1, 77);
  g_assert_cmpint (tool_run (tool, "-q", SMALL, STEPS, "-o", MODEL, "cells", NULL), ==, USAGE);
  tool_assert_fails (tool, USAGE, "m.run: was begun with other data: images/2.png has changed",
                     "segkit:param");
  g_unlink (list);
  g_assert_cmpint (tool_run (tool, "-q", SMALL, STEPS, "-o", MODEL, "cells", NULL), ==, USAGE);
  tool_assert_fails (tool, USAGE, "m.run: was begun with other data; give", "segkit:param");
  remove_pair (tool, 2);
  g_assert_cmpint (tool_run (tool, "-q", SMALL, STEPS, "--fresh", "-o", MODEL, "cells", NULL), ==,
                   OK);
  g_assert_cmpstr (tool->output, ==, "");
  training_save_discs (tool, 2);
  g_assert_cmpint (tool_run (tool, "-q", "--resume", "-o", MODEL, "cells", NULL), ==, USAGE);
  tool_assert_fails (tool, USAGE, "m.run: was begun with other data: images/", "segkit:param");
}

/* The best model is lost, and the hours that made the last one are not. */
static void
test_lost_best (Tool *tool, gconstpointer data)
{
  static const char best[] = "m.run/checkpoint-00000004.safetensors";
  g_autofree char *path = tool_path (tool, best), *model = tool_path (tool, MODEL);

  (void) data;
  for (guint i = 0; i < 2; i++)
    {
      /* nothing is learnt, so that none is better than the first */
      g_assert_cmpint (tool_run (tool, SMALL, STEPS, "--set", "train.rate=0", "--set",
                                 "train.validate-every=4", "-o", MODEL, "cells", NULL),
                       ==, OK);
      g_assert_cmpint (training_exists (tool, best), ==, i == 0);
      g_assert_true (training_exists (tool, MODEL));
      g_assert_cmpint (strstr (tool->error_line, "the last one is taken") != NULL, ==, i == 1);
      g_unlink (path);
      g_unlink (model);
    }
}

/* Names and sizes of a model's tensors, a line each. */
static char *
list_tensors (Tool *tool, const char *name)
{
  g_autofree char *path = tool_path (tool, name);
  g_autoptr (GError) error = NULL;
  g_autoptr (SegSafetensors) file = seg_safetensors_open (path, &error);
  g_auto (GStrv) names = NULL;
  GString *lines = g_string_new (NULL);

  g_assert_no_error (error);
  names = seg_safetensors_list (file);
  for (char **tensor = names; *tensor != NULL; tensor++)
    {
      g_autofree char *shape = seg_tensor_dup_shape (seg_safetensors_lookup (file, *tensor));

      g_string_append_printf (lines, "%s %s\n", *tensor, shape);
    }
  return g_string_free (lines, FALSE);
}

#define DEEP(n) SMALL, "--set", "model.encoder.depth=3", "--set", "train.deep-supervision=" n, STEPS

/* Heads that only training has are in checkpoints, and never in the model. */
static void
test_deep_supervision (Tool *tool, gconstpointer data)
{
  static const char newest[] = "m.run/checkpoint-00000024.safetensors";
  g_autofree char *plain = NULL, *deep = NULL, *tuned = NULL, *checkpoint = NULL;
  g_autofree char *expected = NULL, *log = NULL, *other_log = NULL;
  g_autofree char *path = tool_path (tool, newest), *model = tool_path (tool, MODEL);

  (void) data;
  g_assert_cmpint (tool_run (tool, DEEP ("0"), "-o", "n.safetensors", "cells", NULL), ==, OK);
  g_assert_cmpint (tool_run (tool, DEEP ("2"), "--threads", "1", "-o", MODEL, "cells", NULL), ==,
                   OK);
  plain = list_tensors (tool, "n.safetensors");
  deep = list_tensors (tool, MODEL);
  checkpoint = list_tensors (tool, newest);
  g_assert_cmpstr (plain, ==, deep);
  g_assert_nonnull (strstr (checkpoint, "\nauxiliary_heads.1.conv.weight [2,16,1,1]\n"));
  expected = training_hash (tool, MODEL);
  log = training_read_log (tool, "m.run/log.csv");

  g_unlink (path);
  g_unlink (model);
  g_assert_cmpint (tool_run (tool, DEEP ("2"), "--threads", "3", "-o", MODEL, "cells", NULL), ==,
                   OK);
  training_assert_same_file (tool, MODEL, expected);
  other_log = training_read_log (tool, "m.run/log.csv");
  g_assert_cmpstr (log, ==, other_log);

  g_assert_cmpint (tool_run (tool, "--from", MODEL, "--set", "train.deep-supervision=1", "--set",
                             "train.ema-decay=0.9", "--steps", "4", "--fresh", "-o",
                             "n.safetensors", "cells", NULL),
                   ==, OK);
  tuned = list_tensors (tool, "n.safetensors");
  g_assert_cmpstr (tuned, ==, deep);

  g_assert_cmpint (tool_run (tool, "-q", DEEP ("3"), "-o", "o.safetensors", "cells", NULL), ==,
                   USAGE);
  tool_assert_fails (tool, USAGE,
                     "deep supervision: auxiliary-heads is 3, but unet-decoder has 2 coarser maps",
                     "segkit:param");
}

/* Those that only look leave nothing behind. */
static void
test_looks (Tool *tool, gconstpointer data)
{
  VipsImage *preview;

  (void) data;
  g_assert_cmpint (tool_run (tool, SMALL, STEPS, "--dry-run", "cells", NULL), ==, OK);
  g_assert_nonnull (strstr (tool->output, "\n[train]\n"));
  g_assert_nonnull (strstr (tool->output, "\nmemory "));
  g_assert_nonnull (strstr (tool->output, "24 steps, "));
  g_assert_cmpint (tool_run (tool, "check", "cells", NULL), ==, OK);
  g_assert_nonnull (strstr (tool->output, "pixels      1 band of 8 bits, 64 × 64\n"));
  g_assert_cmpint (tool_run (tool, "check", "--set", "data.oversample=*: 2", "cells", NULL), ==, OK);
  g_assert_nonnull (strstr (tool->output, "7 to learn from (14 an epoch), 1 to validate with"));
  tool_assert_files (tool, "cells", NULL);
  g_assert_cmpint (tool_run (tool, "--preview", "p.png", "cells", NULL), ==, OK);
  preview = tool_load (tool, "p.png");
  g_assert_cmpint (preview->Xsize, >=, 2 * TRAINING_SIDE);
  g_object_unref (preview);
  tool_assert_files (tool, "cells", "p.png", NULL);
}

/* A network that the smallest image can go through is chosen, of two classes and of several. */
static void
test_tiny (Tool *tool, gconstpointer data)
{
  static const char *const values[] = { "0 255", "0 1 2" };

  (void) data;
  for (guint i = 0; i < G_N_ELEMENTS (values); i++)
    {
      g_autofree char *folder = g_strdup_printf ("tiny%u", i);

      for (guint n = 0; n < 6; n++)
        {
          g_autofree char *image = g_strdup_printf ("%s/images/%u.png", folder, n);
          g_autofree char *mask = g_strdup_printf ("%s/masks/%u.png", folder, n);

          samples_save_image (tool->folder, image, 11, 9, 1, n);
          samples_save_mask (tool->folder, mask, 11, 9, values[i]);
        }
      g_assert_cmpint (tool_run (tool, "--steps", "2", "-o", MODEL, "--fresh", folder, NULL), ==, OK);
      g_assert_nonnull (
          strstr (tool->output, "depth=3: the smallest image cannot be halved more often\n"));
    }
}

/* Grey images are for a model of colours what they are for segment. */
static void
test_from (Tool *tool, gconstpointer data)
{
  (void) data;
  g_assert_cmpint (tool_run (tool, "--from", "model.safetensors", "--dump-recipe", "cells", NULL),
                   ==, OK);
  g_assert_nonnull (strstr (tool->output, "\nchannels=3\n"));
  g_assert_nonnull (strstr (tool->output, "\nbands=3\n"));
  g_assert_cmpint (
      tool_run (tool, "--from", "model.safetensors", "--steps", "2", "-o", MODEL, "cells", NULL),
      ==, OK);
}

#define RECIPE_OF_DATA "[segkit]\nformat=1\n\n[data]\nvalidation-names=1,2\n"

/* The numbers are those of the training's own summary. */
static void
test_evaluate (Tool *tool, gconstpointer data)
{
  g_autofree char *summary = NULL, *turned = NULL;

  (void) data;
  training_run (tool);
  g_assert_cmpint (tool_run (tool, "evaluate", MODEL, "cells", "-o", "new/s.json", NULL), ==, OK);
  g_assert_nonnull (strstr (tool->output, "1 image (validation)"));
  g_assert_cmpfloat (read_mean_iou (tool, "new/s.json"), ==,
                     read_mean_iou (tool, "m.run/summary.json"));
  g_assert_null (strstr (summary = training_read_text (tool, "new/s.json"), "\"tta\""));
  g_assert_cmpint (
      tool_run (tool, "evaluate", MODEL, "cells", "--tta", "d4", "-o", "d4.json", NULL), ==, OK);
  g_assert_nonnull (strstr (tool->output, "1 image (validation, tta d4)"));
  g_assert_nonnull (strstr (turned = training_read_text (tool, "d4.json"), "\"tta\": \"d4\""));
  g_assert_cmpint (tool_run (tool, "evaluate", MODEL, "cells", "--split", "all", NULL), ==, OK);
  g_assert_nonnull (strstr (tool->output, "8 images (all)"));
  g_assert_cmpint (tool_run (tool, "evaluate", MODEL, "cells", "--split", "test", NULL), ==, INPUT);
  tool_assert_fails (tool, INPUT, "no image of the part \"test\"", "segkit:unsupported");
  /* grey images are for colour models what they are for segment */
  g_assert_cmpint (tool_run (tool, "evaluate", "model.safetensors", "cells", NULL), ==, OK);
  tool_save_bytes (tool, "data.recipe", RECIPE_OF_DATA, strlen (RECIPE_OF_DATA));
  g_assert_cmpint (tool_run (tool, "evaluate", "model.safetensors", "cells", "--recipe",
                             "data.recipe", NULL),
                   ==, OK);
  g_assert_nonnull (strstr (tool->output, "2 images (validation)"));
}

/* A model's classes are its own: images of which none has all of them are evaluated, too. */
static void
test_evaluate_classes (Tool *tool, gconstpointer data)
{
  (void) data;
  training_run (tool);
  samples_save_image (tool->folder, "others/images/1.png", TRAINING_SIDE, TRAINING_SIDE, 1, 1);
  samples_save_mask (tool->folder, "others/masks/1.png", TRAINING_SIDE, TRAINING_SIDE, "255");
  g_assert_cmpint (tool_run (tool, "evaluate", MODEL, "others", "--split", "all", NULL), ==, OK);
  g_assert_nonnull (strstr (tool->output, "object"));
  samples_save_mask (tool->folder, "others/masks/1.png", TRAINING_SIDE, TRAINING_SIDE, "0 255 7");
  g_assert_cmpint (tool_run (tool, "evaluate", MODEL, "others", "--split", "all", NULL), ==, INPUT);
  tool_assert_fails (
      tool, INPUT, "1.png: the value 7 in 1364 pixels is no class; the first is in column 4, row 0",
      "segkit:format");
  /* numbers of another kind have to be told, and so for a model that knows no values */
  samples_save_mask (tool->folder, "others/masks/1.png", TRAINING_SIDE, TRAINING_SIDE, "1");
  g_assert_cmpint (tool_run (tool, "evaluate", MODEL, "others", "--split", "all", "--set",
                             "data.class-values=0;1", NULL),
                   ==, OK);
  g_assert_cmpint (tool_run (tool, "--steps", "1", "--set", "data.classes.background=0", "--set",
                             "data.classes.object=255", "-o", "told.safetensors", "cells", NULL),
                   ==, OK);
  g_assert_cmpint (tool_run (tool, "evaluate", "told.safetensors", "others", "--split", "all",
                             "--set", "data.class-values=0;1", NULL),
                   ==, OK);
  samples_save_mask (tool->folder, "others/masks/1.png", TRAINING_SIDE, TRAINING_SIDE, "0 1 2");
  g_assert_cmpint (
      tool_run (tool, "evaluate", "model.safetensors", "others", "--split", "all", NULL), ==,
      INPUT);
  tool_assert_fails (tool, INPUT,
                     "the model has 2 classes, and the data have 3; [data] class-values",
                     "segkit:unsupported");
}

/* Where a model's own data lie does not matter for others. */
static void
test_evaluate_elsewhere (Tool *tool, gconstpointer data)
{
  (void) data;
  g_assert_cmpint (tool_run (tool, "-q", SMALL, STEPS, "--set", "data.images=images", "--set",
                             "data.masks=masks", "--set", "data.validation-names=2", "-o", MODEL,
                             "cells", NULL),
                   ==, OK);
  samples_save_image (tool->folder, "others/image/1.png", TRAINING_SIDE, TRAINING_SIDE, 1, 1);
  samples_save_mask (tool->folder, "others/mask/1.png", TRAINING_SIDE, TRAINING_SIDE, "0 255");
  g_assert_cmpint (tool_run (tool, "evaluate", MODEL, "others", "--split", "all", NULL), ==, OK);
  g_assert_nonnull (strstr (tool->output, "1 image (all)"));
  /* nor does it what it calls its samples */
  g_assert_cmpint (tool_run (tool, "evaluate", MODEL, "others", "--split", "all", "--set",
                             "data.validation-names=2", NULL),
                   ==, OK);
  g_assert_cmpint (tool_run (tool, "evaluate", MODEL, "cells", NULL), ==, OK);
  g_assert_nonnull (strstr (tool->output, "1 image (validation)"));
}

/* Numbers of a part of the data would look like those of all. */
static void
test_evaluate_broken (Tool *tool, gconstpointer data)
{
  (void) data;
  training_run (tool);
  /* those of a part that is not evaluated are another matter */
  samples_save_image (tool->folder, "parts/test/images/1.png", TRAINING_SIDE, TRAINING_SIDE, 1, 1);
  samples_save_mask (tool->folder, "parts/test/masks/1.png", TRAINING_SIDE, TRAINING_SIDE, "0 255");
  samples_save_image (tool->folder, "parts/train/images/1.png", TRAINING_SIDE, TRAINING_SIDE, 1, 2);
  samples_save_mask (tool->folder, "parts/train/masks/1.png", TRAINING_SIDE, TRAINING_SIDE,
                     "0 255");
  samples_save_image (tool->folder, "parts/train/images/2.png", 8, 8, 1, 3);
  samples_save_image (tool->folder, "parts/train/images/3.png", 8, 8, 1, 4);
  samples_save_mask (tool->folder, "parts/train/masks/3.png", 8, 9, "0 255");
  g_assert_cmpint (tool_run (tool, "evaluate", MODEL, "parts", NULL), ==, OK);
  g_assert_nonnull (strstr (tool->error_line, "warning: no mask (1)\n"));
  g_assert_nonnull (strstr (tool->output, "1 image (test)"));
  g_assert_cmpint (tool_run (tool, "evaluate", MODEL, "parts", "--split", "train", NULL), ==,
                   INPUT);
  samples_save_text (tool->folder, "cells/images/9.bmp", "");
  g_assert_cmpint (tool_run (tool, "evaluate", MODEL, "cells", NULL), ==, OK);
  g_assert_true (g_str_has_prefix (tool->error_line, "warning: left out (1)\n"));
  g_assert_true (g_str_has_prefix (tool->output, "1 image (validation)\n"));
  samples_remove (tool->folder, "cells/masks/1.png");
  g_assert_cmpint (tool_run (tool, "evaluate", MODEL, "cells", NULL), ==, INPUT);
  tool_assert_fails (tool, INPUT, "cells/images/1.png: has no mask in cells/masks",
                     "segkit:format");
  samples_save_mask (tool->folder, "cells/masks/2.png", TRAINING_SIDE, TRAINING_SIDE / 2, "0 255");
  g_assert_cmpint (tool_run (tool, "evaluate", MODEL, "cells", NULL), ==, INPUT);
  g_assert_nonnull (strstr (tool->output, "error: no mask (1)\n"));
  g_assert_nonnull (strstr (tool->output, "warning: sizes differ (1)\n"));
  g_assert_cmpint (tool_run (tool, "evaluate", MODEL, "cells", "--split", "all", NULL), ==, INPUT);
  tool_assert_fails (tool, INPUT,
                     "cells: has 2 problems, the first: cells/images/1.png: has no mask",
                     "segkit:format");
  g_assert_nonnull (strstr (tool->output, "error: sizes differ (1)\n"));
}

int
main (int argc, char **argv)
{
  tool_main_init (&argc, &argv);
#define ADD(path, function)                                                                        \
  g_test_add ("/segtrain/" path, Tool, NULL, training_setup, function, training_teardown)
  ADD ("learns", test_learns);
  ADD ("validates-each-epoch", test_validates_each_epoch);
  ADD ("threads", test_threads);
  ADD ("repeats", test_repeats);
  ADD ("time", test_time);
  ADD ("time-resumed", test_time_resumed);
  ADD ("other-recipe", test_other_recipe);
  ADD ("other-data", test_other_data);
  ADD ("lost-best", test_lost_best);
  ADD ("deep-supervision", test_deep_supervision);
  ADD ("looks", test_looks);
  ADD ("tiny", test_tiny);
  ADD ("from", test_from);
  ADD ("evaluate", test_evaluate);
  ADD ("evaluate-classes", test_evaluate_classes);
  ADD ("evaluate-elsewhere", test_evaluate_elsewhere);
  ADD ("evaluate-broken", test_evaluate_broken);
#undef ADD
  return g_test_run ();
}
