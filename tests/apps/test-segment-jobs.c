/* Many images at once: which ones, what their outputs are called, and what happens when one
 * fails. And --verify, --list-models. */
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <glib/gstdio.h>

#include "tool.h"

#define MODEL "-m", "model.safetensors"

enum { OK, SOME_FAILED, USAGE, INPUT, IO, LIMIT, NUMERIC, PLUGIN, LOCKED, BUG };

static void
save_picture (Tool *tool, const char *name, int width)
{
  VipsImage *picture = tool_picture (width, 24, 3);

  tool_save_image (tool, name, picture);
  g_object_unref (picture);
}

static gboolean
exists (Tool *tool, const char *name)
{
  g_autofree char *path = tool_path (tool, name);

  return g_file_test (path, G_FILE_TEST_EXISTS);
}

/* in/: a.png, b.tif, a text, and deeper/: a.png */
static void
jobs_setup (Tool *tool, gconstpointer data)
{
  tool_setup (tool, data);
  tool_make_folder (tool, "in");
  tool_make_folder (tool, "in/deeper");
  save_picture (tool, "in/a.png", 20);
  save_picture (tool, "in/b.tif", 21);
  save_picture (tool, "in/deeper/a.png", 22);
  tool_save_bytes (tool, "in/notes.txt", "not an image\n", 13);
}

static void
test_folder (Tool *tool, gconstpointer data)
{
  g_autofree char *circle = tool_path (tool, "in/circle");

  (void) data;
  g_assert_cmpint (tool_run (tool, MODEL, "-d", "out", "in", NULL), ==, OK);
  g_assert_cmpstr (tool->error_line, ==, "");
  g_assert_true (exists (tool, "out/a.png") && exists (tool, "out/b.png"));
  g_assert_false (exists (tool, "out/deeper") || exists (tool, "out/notes.png"));

  tool_save_bytes (tool, "in/Thumbs.db", "", 0);
  tool_save_bytes (tool, "in/.hidden.bmp", "", 0);
  tool_save_bytes (tool, "in/c.BMP", "", 0);
  tool_save_bytes (tool, "in/deeper/d.jp2", "", 0);
  g_assert_cmpint (tool_run (tool, MODEL, "-d", "out", "in", NULL), ==, OK);
  g_assert_cmpstr (
      tool->error_line, ==,
      "segment: warning: in/c.BMP: is left out: not of a known image format (PNG, JPEG, "
      "TIFF, WebP or GIF)\n");
  g_assert_cmpint (tool_run (tool, MODEL, "-r", "-d", "out", "in", NULL), ==, OK);
  g_assert_nonnull (strstr (tool->error_line, "in/c.BMP: is left out, and 1 more: "));
  tool_make_folder (tool, "none");
  tool_save_bytes (tool, "none/c.bmp", "", 0);
  g_assert_cmpint (tool_run (tool, MODEL, "-d", "out", "none", NULL), ==, IO);
  g_assert_nonnull (strstr (tool->error_line, "none/c.bmp: is left out"));
  g_assert_nonnull (strstr (tool->error_line, "none: there is no PNG"));

  g_assert_cmpint (symlink (".", circle), ==, 0);
  g_assert_cmpint (tool_run (tool, MODEL, "-r", "-d", "all", "in", NULL), ==, OK);
  g_assert_true (exists (tool, "all/a.png") && exists (tool, "all/b.png")
                 && exists (tool, "all/deeper/a.png"));
  g_assert_false (exists (tool, "all/circle"));
  tool_assert_equal (tool, "out/a.png", "all/a.png");
}

static void
test_templates (Tool *tool, gconstpointer data)
{
  (void) data;
  g_assert_cmpint (tool_run (tool, MODEL, "-o", "{stem}-labels.tif[compression=lzw]", "--overlay",
                             "{name}.jpg", "in/a.png", "in/b.tif", NULL),
                   ==, OK);
  g_assert_true (exists (tool, "a-labels.tif") && exists (tool, "b-labels.tif")
                 && exists (tool, "a.png.jpg") && exists (tool, "b.tif.jpg"));

  g_assert_cmpint (tool_run (tool, MODEL, "-r", "-d", "out", "-o", "{dir}-{stem}.png", "in", NULL),
                   ==, OK);
  g_assert_true (exists (tool, "out/.-a.png") && exists (tool, "out/deeper-a.png"));

  g_assert_cmpint (tool_run (tool, MODEL, "-o", "{{stem}-{{{stem}.png", "in/a.png", NULL), ==, OK);
  g_assert_true (exists (tool, "{stem}-{a.png"));
}

/* Not made a file of that very name. */
static void
test_unknown_words (Tool *tool, gconstpointer data)
{
  (void) data;
  g_assert_cmpint (tool_run (tool, MODEL, "-o", "{stem}{foo}.png", "in/a.png", NULL), ==, USAGE);
  tool_assert_fails (
      tool, USAGE, "--output: {stem}{foo}.png: \"{foo}\" is not {stem}, {name} or {dir}", "usage");
  g_assert_cmpint (tool_run (tool, MODEL, "-d", "out", "--overlay", "{stem.jpg", "in", NULL), ==,
                   USAGE);
  tool_assert_fails (tool, USAGE,
                     "--overlay: {stem.jpg: \"{stem.jpg\" is not {stem}, {name} or {dir}", "usage");
  g_assert_false (exists (tool, "out") || exists (tool, "a{foo}.png"));
}

/* Told before any work: nothing is made. */
static void
test_collisions (Tool *tool, gconstpointer data)
{
  (void) data;
  g_assert_cmpint (tool_run (tool, MODEL, "-o", "x.png", "in/a.png", "in/b.tif", NULL), ==, USAGE);
  tool_assert_fails (tool, USAGE, "--output: x.png is one file for several images", "usage");
  g_assert_cmpint (tool_run (tool, MODEL, "-o", "{{stem}.png", "in", NULL), ==, USAGE);
  tool_assert_fails (tool, USAGE, "--output: {{stem}.png is one file for several images", "usage");
  g_assert_cmpint (tool_run (tool, MODEL, "-r", "-o", "{stem}.png", "in", NULL), ==, USAGE);
  tool_assert_fails (tool, USAGE, "a.png: would be made of in/a.png and of in/deeper/a.png; {dir} in its name", "usage");
  g_assert_cmpint (tool_run (tool, MODEL, "-d", "out", "in", "in/deeper", NULL), ==, USAGE);
  tool_assert_fails (tool, USAGE, "; a folder that both are in, given with --recursive, and {dir}", "usage");
  g_assert_cmpint (tool_run (tool, MODEL, "-d", "in", "in", NULL), ==, USAGE);
  tool_assert_fails (tool, USAGE, "in/a.png: would be written over in/a.png", "usage");
  g_assert_cmpint (tool_run (tool, MODEL, "-o", "x.png", "--colors", "./x.png", "in/a.png", NULL), ==,
                   USAGE);
  tool_assert_fails (tool, USAGE, "x.png: is the name of two outputs", "usage");
  g_assert_cmpint (tool_run (tool, MODEL, "-d", "out", "in", "in/a.png", NULL), ==, USAGE);
  tool_assert_fails (tool, USAGE, "out/a.png: would be made of in/a.png and of in/a.png; it is given twice", "usage");
  g_assert_cmpint (tool_run (tool, MODEL, "-d", "out", "in/a.png", "./in/../in/a.png", NULL), ==,
                   USAGE);
  tool_assert_fails (tool, USAGE, "it is given twice", "usage");
  g_assert_cmpint (tool_run (tool, MODEL, "-d", "out", "in/b.tif", "in/b.tif[page=0]", NULL), ==,
                   USAGE);
  tool_assert_fails (tool, USAGE, "; give each its own run and name", "usage");
  tool_make_folder (tool, "empty");
  g_assert_cmpint (tool_run (tool, MODEL, "-d", "out", "empty", NULL), ==, IO);
  tool_assert_fails (tool, IO, "empty: there is no PNG, JPEG, TIFF, WebP or GIF file in this folder", "io:not-found");
  g_assert_false (exists (tool, "out") || exists (tool, "x.png") || exists (tool, "a.png"));
}

/* As with -d, so without it. */
static void
test_new_folders (Tool *tool, gconstpointer data)
{
  (void) data;
  g_assert_cmpint (tool_run (tool, MODEL, "-o", "new/deep/a.png", "--overlay", "other/{name}.jpg",
                             "--stats", "tables/a.csv", "in/a.png", NULL),
                   ==, OK);
  g_assert_true (exists (tool, "new/deep/a.png") && exists (tool, "other/a.png.jpg")
                 && exists (tool, "tables/a.csv"));
  tool->program = "segconvert";
  g_assert_cmpint (tool_run (tool, "model.safetensors", "models/copy.safetensors", NULL), ==, OK);
  g_assert_cmpint (tool_run (tool, "--format", "smp", "model.safetensors", "exported/smp//", NULL),
                   ==, INPUT);
  g_assert_true (exists (tool, "exported") && !exists (tool, "exported/smp"));
}

/* Not for an image that there is not, or that is none. */
static void
test_no_folders (Tool *tool, gconstpointer data)
{
  (void) data;
  tool_save_bytes (tool, "in/none.png", "text", 4);
  g_assert_cmpint (tool_run (tool, MODEL, "-o", "new/deep/a.png", "nowhere.png", NULL), ==, IO);
  g_assert_cmpint (tool_run (tool, MODEL, "-o", "new/deep/a.png", "in/none.png", NULL), ==, INPUT);
  g_assert_false (exists (tool, "new"));
}

/* What is read is not written over, by whatever name. */
static void
test_inputs_are_safe (Tool *tool, gconstpointer data)
{
  g_autofree char *link = tool_path (tool, "link");

  (void) data;
  tool_save_bytes (tool, "in/table.csv", "", 0);
  g_assert_cmpint (symlink ("in", link), ==, 0);
  g_assert_cmpint (tool_run (tool, MODEL, "--stats", "in/table.csv", "in/a.png", "in/table.csv", NULL),
                   ==, USAGE);
  tool_assert_fails (tool, USAGE, "in/table.csv: would be written over in/table.csv", "usage");
  tool_save_model (tool, "model.json", 3);
  g_assert_cmpint (tool_run (tool, "-m", "model.json", "--stats", "./model.json", "in/a.png", NULL),
                   ==, USAGE);
  tool_assert_fails (tool, USAGE, "./model.json: would be written over model.json", "usage");

  save_picture (tool, "in/a_l.png", 20);
  g_assert_cmpint (tool_run (tool, MODEL, "-d", "link", "-o", "{stem}_l.png", "in", NULL), ==, USAGE);
  tool_assert_fails (tool, USAGE, "link/a_l.png: would be written over in/a_l.png", "usage");

  tool->program = "segconvert";
  tool_make_folder (tool, "smp");
  tool_save_recipe (tool, "smp/model.safetensors",
                    "[segkit]\nformat=1\n[input]\nchannels=3\n[classes]\nnames=a;b\n"
                    "[model]\ntype=unet\nclasses=2\n"
                    "[model.encoder]\ntype=unet-encoder\nchannels=4\ndepth=2\n"
                    "[model.decoder]\ntype=unet-decoder\n");
  g_assert_cmpint (tool_run (tool, "smp", "smp/other.safetensors", NULL), ==, USAGE);
  g_assert_nonnull (strstr (tool->error_line, "would be written into smp, which is read"));
  g_assert_cmpint (tool_run (tool, "model.safetensors", "./model.safetensors", NULL), ==, USAGE);
  g_assert_nonnull (strstr (tool->error_line, "which is the same file"));
}

/* Results that lie among the images are no images of the next run. */
static void
test_again (Tool *tool, gconstpointer data)
{
  (void) data;
  for (guint i = 0; i < 2; i++)
    {
      g_assert_cmpint (tool_run (tool, MODEL, "-r", "-d", "in/results", "in", NULL), ==, OK);
      g_assert_true (exists (tool, "in/results/a.png"));
      g_assert_false (exists (tool, "in/results/results"));
    }
}

/* What is the same for all images is said once, and is a matter of usage. */
static void
test_said_once (Tool *tool, gconstpointer data)
{
  (void) data;
  g_assert_cmpint (tool_run (tool, MODEL, "-d", "out", "-o", "{stem}.bmp", "in", NULL), ==, USAGE);
  tool_assert_fails (tool, USAGE, "only .png, .tif and .tiff", "segkit:param");
  g_assert_cmpint (tool_run (tool, MODEL, "-d", "out", "--probabilities", "{stem}.png", "-o",
                             "{stem}.tif", "in", NULL),
                   ==, USAGE);
  tool_assert_fails (tool, USAGE, "room for the probability of one class", "usage");
}

static void
test_some_fail (Tool *tool, gconstpointer data)
{
  g_autofree char *csv_path = tool_path (tool, "out/s.csv"), *csv = NULL;
  g_auto (GStrv) lines = NULL;

  (void) data;
  tool_save_bytes (tool, "in/aa.png", "\x89PNG\r\n\x1a\nrubbish", 15);
  g_assert_cmpint (tool_run (tool, MODEL, "-d", "out", "--stats", "out/s.csv", "in", NULL),
                   ==, SOME_FAILED);
  lines = g_strsplit (tool->error_line, "\n", -1);
  g_assert_cmpuint (g_strv_length (lines), ==, 3);
  g_assert_true (g_str_has_prefix (lines[0], "segment: error: in/aa.png: "));
  g_assert_cmpstr (lines[1], ==, "segment: error: 1 of 3 images failed (segkit:some-failed)");
  g_assert_true (exists (tool, "out/a.png") && exists (tool, "out/b.png"));
  g_assert_false (exists (tool, "out/aa.png"));
  g_assert_true (g_file_get_contents (csv_path, &csv, NULL, NULL));
  g_assert_nonnull (strstr (csv, "in/a.png,20,24,0,a,"));
  g_assert_nonnull (strstr (csv, "in/b.tif,21,24,1,b,"));
  g_assert_null (strstr (csv, "aa.png"));
}

#define PROBABILITIES "--probabilities", "{stem}.tif"

/* What was made of image @name among others is what is made of @same alone. */
static void
assert_alone (Tool *tool, const char *bands, const char *out, const char *name, const char *same)
{
  g_autofree char *image = g_strdup_printf ("many/%s.png", same);
  g_autofree char *among = g_strdup_printf ("%s/%s.tif", out, name);
  g_autofree char *alone = g_strdup_printf ("%s.tif", same);

  g_assert_cmpint (tool_run (tool, MODEL, bands, PROBABILITIES, image, NULL), ==, OK);
  tool_assert_equal (tool, among, alone);
}

/* Images of one size run in the same memory, also after one that ended in the middle; none has
 * anything of another. */
static void
test_one_size (Tool *tool, gconstpointer data)
{
  VipsImage *picture = tool_picture (300, 200, 3), *other = NULL;
  g_autofree char *path = tool_path (tool, "many/3.png"), *bytes = NULL;
  gsize n;

  (void) data;
  tool_make_folder (tool, "many");
  g_assert_cmpint (vips_flip (picture, &other, VIPS_DIRECTION_HORIZONTAL, NULL), ==, 0);
  tool_save_image (tool, "many/1.png", other);
  tool_save_image (tool, "many/3.png", picture);
  g_assert_true (g_file_get_contents (path, &bytes, &n, NULL));
  tool_save_bytes (tool, "many/2.png", bytes, n / 2);
  tool_save_bytes (tool, "many/5.png", bytes, n);
  save_picture (tool, "many/4.png", 300);
  g_object_unref (other);
  g_object_unref (picture);

  for (guint rows = 16; rows <= 400; rows *= 5)
    {
      g_autofree char *bands = g_strdup_printf ("--bands=%u", rows);
      g_autofree char *out = g_strdup_printf ("out-%u", rows);

      g_assert_cmpint (tool_run (tool, MODEL, bands, PROBABILITIES, "-d", out, "many", NULL), ==,
                       SOME_FAILED);
      g_assert_nonnull (strstr (tool->error_line, "many/2.png"));
      g_assert_nonnull (strstr (tool->error_line, "1 of 5 images failed"));
      assert_alone (tool, bands, out, "1", "1");
      assert_alone (tool, bands, out, "3", "3");
      assert_alone (tool, bands, out, "5", "3");
    }
}

static void
test_skip_existing (Tool *tool, gconstpointer data)
{
  g_autofree char *a = tool_path (tool, "out/a.png"), *text = NULL;

  (void) data;
  tool_make_folder (tool, "out");
  tool_save_bytes (tool, "out/a.png", "done before", 11);
  g_assert_cmpint (tool_run (tool, MODEL, "-d", "out", "--skip-existing", "in", NULL), ==, OK);
  g_assert_true (exists (tool, "out/b.png"));
  g_assert_true (g_file_get_contents (a, &text, NULL, NULL));
  g_assert_cmpstr (text, ==, "done before");
  g_assert_cmpint (tool_run (tool, "-v", MODEL, "-d", "out", "--skip-existing", "in", NULL), ==, OK);
  g_assert_nonnull (strstr (tool->error_line, "skipped: 2 of 2 images"));

  g_assert_cmpint (tool_run (tool, MODEL, "-d", "out", "--stats", "s.csv", "--skip-existing", "in",
                             NULL),
                   ==, USAGE);
  tool_assert_fails (tool, USAGE, "--skip-existing", "usage");
}

/* The limit is kept, not only foretold. Of the runs before this one none has used more. */
static void
test_memory_is_kept (Tool *tool, gconstpointer data)
{
  VipsImage *picture = tool_picture (6000, 2000, 3), *part = NULL;
  struct rusage usage;

  (void) data;
  tool_save_image (tool, "large.tif", picture);
  g_assert_cmpint (vips_crop (picture, &part, 0, 0, 6000, 600, NULL), ==, 0);
  tool_save_image (tool, "part.png", part);
  tool_save_image (tool, "interlaced.png[interlace]", part);
  tool_save_image (tool, "one-more.png", part);
  g_object_unref (part);
  g_object_unref (picture);
#ifdef __SANITIZE_ADDRESS__
  g_test_skip ("the sanitizer takes memory of its own");
  return;
#endif
  g_assert_cmpint (tool_run (tool, MODEL, "-o", "a.tif", "--overlay", "b.tif", "--threads", "2",
                             "--max-memory", "120M", "large.tif", NULL),
                   ==, OK);
  /* and where the memory of one image is the next one's, which goes another way */
  g_assert_cmpint (tool_run (tool, MODEL, "-d", "out", "--threads", "2", "--max-memory", "120M",
                             "part.png", "interlaced.png", "one-more.png", NULL),
                   ==, OK);
  g_assert_cmpint (getrusage (RUSAGE_CHILDREN, &usage), ==, 0);
  g_test_message ("%ld KiB", usage.ru_maxrss);
  g_assert_cmpint (usage.ru_maxrss, >, 60 << 10);
  g_assert_cmpint (usage.ru_maxrss, <, 120 << 10);
}

static void
test_memory (Tool *tool, gconstpointer data)
{
  static const char *const bad[] = { "", "x", "-1", "1Q", "nan", "1e30G", "1Gi", "2GBs" };

  (void) data;
  save_picture (tool, "wide.png", 5000);
  g_assert_cmpint (tool_run (tool, MODEL, "-o", "a.png", "wide.png", NULL), ==, OK);
  g_assert_cmpint (tool_run (tool, MODEL, "-o", "b.png", "--max-memory", "1M", "wide.png", NULL), ==,
                   LIMIT);
  tool_assert_fails (tool, LIMIT, "of memory may be used, and the least that would do",
                     "segkit:memory");
  g_assert_cmpint (tool_run (tool, MODEL, "-o", "b.png", "--max-memory", "1M", "--tile", "64",
                             "wide.png", NULL),
                   ==, LIMIT);
  tool_assert_fails (tool, LIMIT, "wide.png: ", "segkit:memory");
  g_assert_cmpint (tool_run (tool, MODEL, "-o", "b.png", "--max-memory", "1.5GiB", "wide.png", NULL),
                   ==, OK);
  tool_assert_equal (tool, "a.png", "b.png");
  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_assert_cmpint (tool_run (tool, MODEL, "-o", "b.png", "--max-memory", bad[i], "wide.png",
                                 NULL),
                       ==, USAGE);
      tool_assert_fails (tool, USAGE, "--max-memory", "usage");
    }
}

/* What is enough for one image is enough for many of its size. */
static void
test_least_memory (Tool *tool, gconstpointer data)
{
  g_autofree char *limit = NULL;
  const char *least;

  (void) data;
#ifdef __SANITIZE_ADDRESS__
  g_test_skip ("the sanitizer keeps what is freed");
  return;
#endif
  tool_make_folder (tool, "many");
  for (guint i = 0; i < 12; i++)
    {
      g_autofree char *name = g_strdup_printf ("many/%u.png", i);

      save_picture (tool, name, 1000);
    }
  g_assert_cmpint (tool_run (tool, MODEL, "-o", "b.png", "--max-memory", "1M", "many/0.png", NULL),
                   ==, LIMIT);
  least = strstr (tool->error_line, "the least that would do is ");
  g_assert_nonnull (least);
  least += strlen ("the least that would do is ");
  limit = g_strdup_printf ("%dM", (int) g_ascii_strtod (least, NULL) + 2);
  g_assert_cmpint (tool_run (tool, MODEL, "-d", "out", "--max-memory", limit, "many", NULL), ==, OK);
}

/* Said once for all images, and only of tiles that were asked for. */
static void
test_small_tiles (Tool *tool, gconstpointer data)
{
  const char *warning;

  (void) data;
  save_picture (tool, "one.png", 16);
  save_picture (tool, "two.png", 16);
  g_assert_cmpint (tool_run (tool, MODEL, "--tile=1", "-d", "out", "one.png", "two.png", NULL), ==,
                   OK);
  warning = strstr (tool->error_line, "a tile of 1 × 1 is computed from ");
  g_assert_nonnull (warning);
  g_assert_null (strstr (warning + 1, "a tile of"));
  g_assert_cmpint (tool_run (tool, MODEL, "--tile=64", "-d", "out", "one.png", NULL), ==, OK);
  g_assert_cmpstr (tool->error_line, ==, "");
}

static void
test_verify (Tool *tool, gconstpointer data)
{
  (void) data;
  g_assert_cmpint (tool_run (tool, MODEL, "--verify", "in/a.png", NULL), ==, OK);
  g_assert_cmpstr (tool->error_line, ==, "");
  g_assert_true (g_str_has_suffix (tool->output, "identical in all of 18 ways, to the bit\n"));
  g_assert_cmpint (tool_run (tool, MODEL, "--verify", "--tile", "9", "in/a.png", NULL), ==, USAGE);
  tool_assert_fails (tool, USAGE, "--verify chooses its own ways", "usage");
  g_assert_cmpint (tool_run (tool, MODEL, "--verify", "-o", "x.png", "in/a.png", NULL), ==, USAGE);
  tool_assert_fails (tool, USAGE, "--verify makes no files", "usage");
  g_assert_cmpint (tool_run (tool, MODEL, "--verify", "in/a.png", "in/b.tif", NULL), ==, USAGE);
  tool_assert_fails (tool, USAGE, "--verify takes one image", "usage");
  g_assert_cmpint (tool_run (tool, MODEL, "--verify", "in", NULL), ==, USAGE);
  tool_assert_fails (tool, USAGE, "--verify takes one image", "usage");
  save_picture (tool, "small.png", 2);
  g_assert_cmpint (tool_run (tool, MODEL, "--verify", "small.png", NULL), ==, INPUT);
  tool_assert_fails (tool, INPUT, "small.png: an image of 2 × 24 pixels is too small",
                     "segkit:shape");
}

/* A layer that breaks the contract, as a careless plugin may: --verify sees it. */
static void
test_verify_broken (Tool *tool, gconstpointer data)
{
  static const char text[] = "[segkit]\nformat=1\n[input]\nchannels=3\n[classes]\nnames=a;b\n"
                             "[model]\ntype=unsteady-net\n";
  const char *folder = g_getenv ("SEGKIT_UNSTEADY");

  (void) data;
  save_picture (tool, "in/a.png", 300); /* wide enough to be cut */
  tool_save_bytes (tool, "unsteady.recipe", text, strlen (text));
  tool->program = "segconvert";
  g_assert_cmpint (tool_run (tool, "--plugin-path", folder, "--recipe", "unsteady.recipe",
                             "unsteady.safetensors", NULL),
                   ==, OK);
  tool->program = "segment";
  g_assert_cmpint (tool_run (tool, "--plugin-path", folder, "-m", "unsteady.safetensors", "--verify",
                             "in/a.png", NULL),
                   ==, BUG);
  tool_assert_fails (tool, BUG, "in/a.png: ", "segkit:different");
  g_assert_nonnull (strstr (tool->output, "largest difference 0."));
}

static void
test_list_models (Tool *tool, gconstpointer data)
{
  (void) data;
  g_assert_cmpint (tool_run (tool, "--list-models", NULL), ==, OK);
  g_assert_true (g_str_has_prefix (tool->output, "nuclei: 3 bands, classes background, nucleus\n"));
  g_assert_cmpint (tool_run (tool, "-m", "nuclei", "-d", "out", "in/a.png", NULL), ==, OK);
  g_assert_cmpint (tool_run (tool, "-m", "cells", "-d", "out", "in/a.png", NULL), ==, IO);
  tool_assert_fails (tool, IO, "cells: there is no such file or folder, and no model of that name",
                     "io:not-found");
}

int
main (int argc, char **argv)
{
  tool_main_init (&argc, &argv);
#define ADD(path, function) g_test_add (path, Tool, NULL, jobs_setup, function, tool_teardown)
  ADD ("/jobs/folder", test_folder);
  ADD ("/jobs/templates", test_templates);
  ADD ("/jobs/unknown-words", test_unknown_words);
  ADD ("/jobs/collisions", test_collisions);
  ADD ("/jobs/new-folders", test_new_folders);
  ADD ("/jobs/no-folders", test_no_folders);
  ADD ("/jobs/inputs-are-safe", test_inputs_are_safe);
  ADD ("/jobs/again", test_again);
  ADD ("/jobs/said-once", test_said_once);
  ADD ("/jobs/some-fail", test_some_fail);
  ADD ("/jobs/one-size", test_one_size);
  ADD ("/jobs/skip-existing", test_skip_existing);
  ADD ("/jobs/memory-is-kept", test_memory_is_kept);
  ADD ("/jobs/memory", test_memory);
  ADD ("/jobs/least-memory", test_least_memory);
  ADD ("/jobs/small-tiles", test_small_tiles);
  ADD ("/jobs/verify", test_verify);
  ADD ("/jobs/verify-broken", test_verify_broken);
  ADD ("/jobs/list-models", test_list_models);
  return g_test_run ();
}
