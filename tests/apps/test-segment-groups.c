/* Images whose bands are in several files: --image-suffixes. The model takes three bands, so that
 * a picture in three files is to give what it gives in one. */
#include <math.h>
#include <string.h>

#include <glib/gstdio.h>

#include "tool.h"

#define MODEL "-m", "model.safetensors"
#define SUFFIXES "--image-suffixes", "_r,_g,_b"
#define WIDTH 61
#define HEIGHT 47

enum { OK, SOME_FAILED, USAGE, INPUT, IO, LIMIT, NUMERIC };

static void
remove_file (Tool *tool, const char *name)
{
  g_autofree char *path = tool_path (tool, name);

  g_assert_cmpint (g_remove (path), ==, 0);
}

static VipsImage *
new_band (int band, int width)
{
  VipsImage *picture = tool_picture (width, HEIGHT, 3), *grey, *copy;

  tool_check_vips (vips_extract_band (picture, &grey, band, NULL));
  tool_check_vips (vips_copy (grey, &copy, "interpretation", VIPS_INTERPRETATION_B_W, NULL));
  g_object_unref (picture);
  g_object_unref (grey);
  return copy;
}

static void
save_band (Tool *tool, const char *name, int band, int width)
{
  VipsImage *grey = new_band (band, width);

  tool_save_image (tool, name, grey);
  g_object_unref (grey);
}

/* whole.png; in/: 7_r.png, 7_g.tif and 7_b.png, its bands */
static void
groups_setup (Tool *tool, gconstpointer data)
{
  VipsImage *picture = tool_picture (WIDTH, HEIGHT, 3);

  tool_setup (tool, data);
  tool_make_folder (tool, "in");
  tool_save_image (tool, "whole.png", picture);
  g_object_unref (picture);
  save_band (tool, "in/7_r.png", 0, WIDTH);
  save_band (tool, "in/7_g.tif", 1, WIDTH);
  save_band (tool, "in/7_b.png", 2, WIDTH);
}

/* An image in several files gives what @whole does. */
static void
assert_same (Tool *tool, const char *first, const char *whole)
{
  g_assert_cmpint (tool_run (tool, MODEL, "--probabilities", "whole.tif", whole, NULL), ==, OK);
  g_assert_cmpint (tool_run (tool, MODEL, SUFFIXES, "--probabilities", "files.tif", first, NULL), ==,
                   OK);
  tool_assert_equal (tool, "files.tif", "whole.tif");
}

/* Of a folder, of a file, by tiles, and with the picture to look at. */
static void
test_same (Tool *tool, gconstpointer data)
{
  (void) data;
  g_assert_cmpint (tool_run (tool, MODEL, "--probabilities", "whole.tif", "--overlay", "whole.jpg",
                             "whole.png", NULL),
                   ==, OK);
  g_assert_cmpint (tool_run (tool, MODEL, SUFFIXES, "-d", "out", "--probabilities", "{stem}.tif",
                             "--overlay", "{stem}.jpg", "in", NULL),
                   ==, OK);
  g_assert_cmpstr (tool->error_line, ==, "");
  tool_assert_equal (tool, "out/7.tif", "whole.tif");
  tool_assert_equal (tool, "out/7.jpg", "whole.jpg");
  g_assert_cmpint (tool_run (tool, MODEL, SUFFIXES, "--tile=16", "--probabilities", "tiles.tif",
                             "./in/7_r.png", NULL),
                   ==, OK);
  tool_assert_equal (tool, "tiles.tif", "whole.tif");
  g_assert_cmpint (tool_run (tool, "-v", MODEL, SUFFIXES, "-o", "x.png", "in/7_r.png", NULL), ==, OK);
  g_assert_nonnull (strstr (tool->error_line, "61 × 47 pixels, 1 × uchar, and 2 more files\n"));
  g_assert_cmpint (tool_run (tool, MODEL, SUFFIXES, "--verify", "in/7_r.png", NULL), ==, OK);
  g_assert_true (g_str_has_suffix (tool->output, "to the bit\n"));
}

/* Alpha is no band, as for segtrain. */
static void
test_alpha (Tool *tool, gconstpointer data)
{
  VipsImage *grey = new_band (1, WIDTH), *alpha;

  (void) data;
  tool_check_vips (vips_bandjoin_const1 (grey, &alpha, 100, NULL));
  remove_file (tool, "in/7_g.tif");
  tool_save_image (tool, "in/7_g.png", alpha);
  g_object_unref (grey);
  g_object_unref (alpha);
  assert_same (tool, "in/7_r.png", "whole.png");
}

/* 16 bits beside 8, each of its own range. Floats that say the same give the same. */
static void
test_depths (Tool *tool, gconstpointer data)
{
  VipsImage *grey = new_band (1, WIDTH), *deep, *floats[3], *all;
  gsize n;

  (void) data;
  deep = tool_picture_as (grey, VIPS_FORMAT_USHORT, VIPS_INTERPRETATION_GREY16, 201);
  tool_save_image (tool, "in/7_g.tif", deep);
  for (int b = 0; b < 3; b++)
    {
      VipsImage *band = b == 1 ? g_object_ref (deep) : new_band (b, WIDTH), *numbers;
      float largest = b == 1 ? 65535.f : 255.f;
      float *values;

      tool_check_vips (vips_cast (band, &numbers, VIPS_FORMAT_FLOAT, NULL));
      values = vips_image_write_to_memory (numbers, &n);
      for (gsize i = 0; i < n / sizeof (float); i++)
        values[i] /= largest;
      floats[b] = vips_image_new_from_memory_copy (values, n, WIDTH, HEIGHT, 1, VIPS_FORMAT_FLOAT);
      g_free (values);
      g_object_unref (numbers);
      g_object_unref (band);
    }
  tool_check_vips (vips_bandjoin (floats, &all, 3, NULL));
  tool_save_image (tool, "floats.tif", all);
  g_object_unref (all);
  for (int b = 0; b < 3; b++)
    g_object_unref (floats[b]);
  g_object_unref (deep);
  g_object_unref (grey);

  assert_same (tool, "in/7_r.png", "floats.tif");
}

static void
test_left_out (Tool *tool, gconstpointer data)
{
  (void) data;
  save_band (tool, "in/view.png", 0, WIDTH);
  g_assert_cmpint (tool_run (tool, MODEL, SUFFIXES, "-d", "out", "in", NULL), ==, OK);
  g_assert_cmpstr (tool->error_line, ==,
                   "segment: warning: in/view.png: is left out: no image of --image-suffixes has "
                   "this file\n");
  remove_file (tool, "in/7_r.png");
  g_assert_cmpint (tool_run (tool, MODEL, SUFFIXES, "-d", "out", "in", NULL), ==, IO);
  g_assert_nonnull (strstr (tool->error_line, "in/7_b.png: is left out, and 2 more: "));
  g_assert_nonnull (strstr (tool->error_line, "in: there is no PNG, JPEG, TIFF, WebP or GIF file "
                                              "whose name ends with _r in this folder"));
}

/* What one image lacks does not stop the others. */
static void
test_missing (Tool *tool, gconstpointer data)
{
  (void) data;
  save_band (tool, "in/8_r.png", 0, WIDTH);
  save_band (tool, "in/8_g.png", 0, WIDTH);
  g_assert_cmpint (tool_run (tool, MODEL, SUFFIXES, "-d", "out", "in", NULL), ==, SOME_FAILED);
  g_assert_nonnull (
      strstr (tool->error_line, "in/8_r.png: there is no image 8_b beside it (io:not-found)"));
  g_assert_nonnull (strstr (tool->error_line, "1 of 2 images failed"));
  g_assert_null (strstr (tool->error_line, "is left out"));
  remove_file (tool, "out/7.png");
  save_band (tool, "out/8.png", 0, WIDTH); /* of an earlier run, when there was more */
  g_assert_cmpint (tool_run (tool, MODEL, SUFFIXES, "--skip-existing", "-d", "out", "in", NULL), ==,
                   SOME_FAILED);
  g_assert_cmpint (tool_run (tool, MODEL, SUFFIXES, "-o", "x.png", "in/8_r.png", NULL), ==, IO);
  tool_assert_fails (tool, IO, "in/8_r.png: there is no image 8_b beside it", "io:not-found");
  g_assert_cmpint (tool_run (tool, MODEL, SUFFIXES, "--verify", "in/8_r.png", NULL), ==, IO);
  tool_assert_fails (tool, IO, "in/8_r.png: there is no image 8_b beside it", "io:not-found");
  g_assert_cmpint (tool_run (tool, MODEL, SUFFIXES, "-o", "x.png", "in/9_r.png", NULL), ==, IO);
  tool_assert_fails (tool, IO, "in/9_r.png: No such file", "io:not-found");
  g_assert_cmpint (tool_run (tool, MODEL, SUFFIXES, "-d", "out", "nowhere", NULL), ==, IO);
  tool_assert_fails (tool, IO, "nowhere: No such file", "io:not-found");
}

static void
test_names (Tool *tool, gconstpointer data)
{
  (void) data;
  g_assert_cmpint (tool_run (tool, MODEL, SUFFIXES, "-o", "x.png", "in/7_g.tif", NULL), ==, USAGE);
  tool_assert_fails (tool, USAGE, "in/7_g.tif: its name does not end with _r", "usage");
  save_band (tool, "in/7_g.png", 1, WIDTH);
  g_assert_cmpint (tool_run (tool, MODEL, SUFFIXES, "-o", "x.png", "in/7_r.png", NULL), ==, INPUT);
  tool_assert_fails (tool, INPUT, "in its folder have one name", "segkit:unsupported");
  remove_file (tool, "in/7_g.png");

  /* spaces and brackets in a name are its own */
  tool_make_folder (tool, "odd");
  save_band (tool, "odd/a [1]r.png", 0, WIDTH);
  save_band (tool, "odd/a [1]g.png", 1, WIDTH);
  save_band (tool, "odd/a [1]b.png", 2, WIDTH);
  g_assert_cmpint (tool_run (tool, MODEL, "--probabilities", "whole.tif", "whole.png", NULL), ==,
                   OK);
  g_assert_cmpint (tool_run (tool, MODEL, "--image-suffixes", "r,g,b", "-d", "out",
                             "--probabilities", "{stem}.tif", "-r", "./odd/", NULL),
                   ==, OK);
  g_assert_cmpstr (tool->error_line, ==, "");
  tool_assert_equal (tool, "out/a [1].tif", "whole.tif");
}

/* By strips from files that are read in different ways: turned, and interlaced. */
static void
test_strips (Tool *tool, gconstpointer data)
{
  VipsImage *picture = tool_picture (40, 700, 3), *red, *green, *blue, *turned;
  g_autofree char *path = tool_path (tool, "in/7_b.png");

  (void) data;
  tool_save_image (tool, "tall.png", picture);
  tool_check_vips (vips_extract_band (picture, &red, 0, NULL));
  tool_check_vips (vips_extract_band (picture, &green, 1, NULL));
  tool_check_vips (vips_extract_band (picture, &blue, 2, NULL));
  tool_check_vips (vips_rot180 (green, &turned, NULL));
  vips_image_set_int (turned, VIPS_META_ORIENTATION, 3);
  tool_save_image (tool, "in/7_r.png", red);
  tool_save_image (tool, "in/7_g.tif", turned);
  tool_check_vips (vips_pngsave (blue, path, "interlace", TRUE, NULL));
  g_object_unref (picture);
  g_object_unref (red);
  g_object_unref (green);
  g_object_unref (blue);
  g_object_unref (turned);

  g_assert_cmpint (tool_run (tool, MODEL, "--probabilities", "whole.tif", "tall.png", NULL), ==,
                   OK);
  g_assert_cmpint (tool_run (tool, MODEL, SUFFIXES, "--bands=8", "--probabilities", "bands.tif",
                             "in/7_r.png", NULL),
                   ==, OK);
  tool_assert_equal (tool, "bands.tif", "whole.tif");
  g_assert_cmpint (tool_run (tool, MODEL, SUFFIXES, "--tile=64", "--probabilities", "tiles.tif",
                             "in/7_r.png", NULL),
                   ==, OK);
  tool_assert_equal (tool, "tiles.tif", "whole.tif");
}

/* Options in brackets are for all files. */
static void
test_pages (Tool *tool, gconstpointer data)
{
  static const char *const names[] = { "in/7_r.tif", "in/7_g.tif", "in/7_b.tif" };

  (void) data;
  remove_file (tool, "in/7_r.png");
  remove_file (tool, "in/7_b.png");
  for (int b = 0; b < 3; b++)
    {
      VipsImage *pages[2] = { new_band ((b + 1) % 3, WIDTH), new_band (b, WIDTH) }, *both;

      tool_check_vips (vips_arrayjoin (pages, &both, 2, "across", 1, NULL));
      vips_image_set_int (both, VIPS_META_PAGE_HEIGHT, HEIGHT);
      tool_save_image (tool, names[b], both);
      g_object_unref (both);
      g_object_unref (pages[0]);
      g_object_unref (pages[1]);
    }
  assert_same (tool, "in/7_r.tif[page=1]", "whole.png");
}

/* The file is named that is at fault, and not the first. */
static void
test_faults (Tool *tool, gconstpointer data)
{
  g_autofree char *path = tool_path (tool, "in/7_b.png"), *bytes = NULL;
  VipsImage *grey = new_band (1, WIDTH), *floats, *large;
  float *values;
  gsize n;

  (void) data;
  tool_check_vips (vips_cast (grey, &large, VIPS_FORMAT_FLOAT, NULL));
  tool_save_image (tool, "in/7_g.tif", large);
  g_assert_cmpint (tool_run (tool, MODEL, SUFFIXES, "-o", "x.png", "in/7_r.png", NULL), ==, OK);
  g_assert_nonnull (strstr (tool->error_line, "in/7_g.tif: has samples as large as "));

  values = vips_image_write_to_memory (large, &n);
  values[5 * WIDTH + 3] = NAN;
  floats = vips_image_new_from_memory_copy (values, n, WIDTH, HEIGHT, 1, VIPS_FORMAT_FLOAT);
  tool_save_image (tool, "in/7_g.tif", floats);
  g_free (values);
  g_object_unref (grey);
  g_object_unref (large);
  g_object_unref (floats);
  g_assert_cmpint (tool_run (tool, MODEL, SUFFIXES, "-o", "y.png", "in/7_r.png", NULL), ==,
                   NUMERIC);
  g_assert_nonnull (strstr (tool->error_line, "in/7_g.tif: the pixel in column 3, row 5 is not"));
  save_band (tool, "in/7_g.tif", 1, WIDTH);

  g_assert_true (g_file_get_contents (path, &bytes, &n, NULL));
  tool_save_bytes (tool, "in/7_b.png", bytes, n / 2);
  g_assert_cmpint (tool_run (tool, MODEL, SUFFIXES, "-o", "y.png", "in/7_r.png", NULL), ==, INPUT);
  g_assert_nonnull (strstr (tool->error_line, "segment: error: in/7_b.png: "));
}

static void
test_do_not_fit (Tool *tool, gconstpointer data)
{
  (void) data;
  g_assert_cmpint (
      tool_run (tool, MODEL, "-o", "x.png", "--image-suffixes", "_r,_g", "in/7_r.png", NULL), ==,
      INPUT);
  tool_assert_fails (tool, INPUT,
                     "in/7_r.png: it and its other files have 1 + 1 bands, and the model takes 3",
                     "segkit:unsupported");
  tool_save_model (tool, "two.safetensors", 2);
  g_assert_cmpint (tool_run (tool, "-m", "two.safetensors", "-o", "x.png", "in/7_r.png", NULL), ==,
                   INPUT);
  tool_assert_fails (tool, INPUT, "has 1 band, and the model takes 2; for bands in several files",
                     "segkit:unsupported");
  save_band (tool, "in/7_b.png", 2, WIDTH + 1);
  g_assert_cmpint (tool_run (tool, MODEL, SUFFIXES, "-o", "x.png", "in/7_r.png", NULL), ==, INPUT);
  tool_assert_fails (tool, INPUT, "in/7_b.png: has 62 × 47 pixels, and in/7_r.png 61 × 47",
                     "segkit:shape");
}

/* Not over any of its files. */
static void
test_inputs_are_safe (Tool *tool, gconstpointer data)
{
  (void) data;
  g_assert_cmpint (tool_run (tool, MODEL, SUFFIXES, "-o", "in/7_b.png", "in/7_r.png", NULL), ==,
                   USAGE);
  tool_assert_fails (tool, USAGE,
                     "in/7_b.png: would be written over in/7_b.png, which is one of the images",
                     "usage");
}

static void
test_lists (Tool *tool, gconstpointer data)
{
  static const char *const lists[][2] = {
    { "", "--image-suffixes names none" },
    { "_r,,_b", "--image-suffixes is what names end with" },
    { "/r,_b", "--image-suffixes is what names end with" },
    { "_r, _b, _r", "--image-suffixes: one ends with another" },
    { "red,infrared", "--image-suffixes: one ends with another" },
  };

  (void) data;
  for (guint i = 0; i < G_N_ELEMENTS (lists); i++)
    {
      g_assert_cmpint (tool_run (tool, MODEL, "-o", "x.png", "--image-suffixes", lists[i][0],
                                 "in/7_r.png", NULL),
                       ==, USAGE);
      tool_assert_fails (tool, USAGE, lists[i][1], "usage");
    }
}

#define ADD(path, function) g_test_add (path, Tool, NULL, groups_setup, function, tool_teardown)

int
main (int argc, char **argv)
{
  tool_main_init (&argc, &argv);
  ADD ("/groups/same", test_same);
  ADD ("/groups/alpha", test_alpha);
  ADD ("/groups/depths", test_depths);
  ADD ("/groups/left-out", test_left_out);
  ADD ("/groups/missing", test_missing);
  ADD ("/groups/names", test_names);
  ADD ("/groups/strips", test_strips);
  ADD ("/groups/pages", test_pages);
  ADD ("/groups/faults", test_faults);
  ADD ("/groups/do-not-fit", test_do_not_fit);
  ADD ("/groups/inputs-are-safe", test_inputs_are_safe);
  ADD ("/groups/lists", test_lists);
  return g_test_run ();
}
