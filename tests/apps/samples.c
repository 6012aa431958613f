#include "samples.h"

#include <string.h>

#include <glib/gstdio.h>

#include "../../apps/lib/vips-setup.h"
#include "tool.h"

void
samples_main_init (int *argc, char ***argv)
{
  g_autoptr (GError) error = NULL;

  g_test_init (argc, argv, NULL);
  /* libvips warns of damaged files */
  g_log_set_always_fatal (G_LOG_FATAL_MASK | G_LOG_LEVEL_CRITICAL);
  seg_vips_setup ((*argv)[0], &error);
  g_assert_no_error (error);
  seg_registry_load_default (seg_registry_get_default (), NULL);
}

char *
samples_new (void)
{
  g_autoptr (GError) error = NULL;
  char *folder = g_dir_make_tmp ("segkit-test-XXXXXX", &error);

  g_assert_no_error (error);
  return folder;
}

static void
samples_remove_all (const char *path)
{
  GDir *dir = g_file_test (path, G_FILE_TEST_IS_SYMLINK) ? NULL : g_dir_open (path, 0, NULL);
  const char *name;

  while (dir != NULL && (name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *child = g_build_filename (path, name, NULL);

      samples_remove_all (child);
    }
  g_clear_pointer (&dir, g_dir_close);
  g_remove (path);
}

void
samples_free (char *folder)
{
  samples_remove_all (folder);
  g_free (folder);
}

static char *
samples_path (const char *folder, const char *name)
{
  char *path = g_build_filename (folder, name, NULL);
  g_autofree char *parent = g_path_get_dirname (path);

  g_assert_cmpint (g_mkdir_with_parents (parent, 0777), ==, 0);
  return path;
}

void
samples_remove (const char *folder, const char *name)
{
  g_autofree char *path = samples_path (folder, name);

  g_assert_cmpint (g_remove (path), ==, 0);
}

void
samples_save (const char *folder, const char *name, VipsImage *image)
{
  g_autofree char *path = samples_path (folder, name);

  if (vips_image_write_to_file (image, path, NULL) != 0)
    g_error ("%s", vips_error_buffer ());
}

void
samples_save_text (const char *folder, const char *name, const char *text)
{
  g_autofree char *path = samples_path (folder, name);
  g_autoptr (GError) error = NULL;

  g_file_set_contents (path, text, -1, &error);
  g_assert_no_error (error);
}

/* Noise, another for each seed. */
void
samples_save_image (const char *folder, const char *name, int w, int h, int bands, guint seed)
{
  gsize n = (gsize) w * (gsize) h * (gsize) bands;
  g_autofree guint8 *bytes = g_malloc (n);
  g_autoptr (VipsImage) image = NULL;
  guint32 state = seed;

  for (gsize i = 0; i < n; i++)
    {
      state = state * 1664525 + 1013904223;
      bytes[i] = (guint8) (state >> 24);
    }
  image = vips_image_new_from_memory_copy (bytes, n, w, h, bands, VIPS_FORMAT_UCHAR);
  image->Type = bands < 3 ? VIPS_INTERPRETATION_B_W : VIPS_INTERPRETATION_sRGB;
  samples_save (folder, name, image);
}

/* Stripes of the values, "0 7 255". */
void
samples_save_mask (const char *folder, const char *name, int w, int h, const char *values)
{
  g_auto (GStrv) words = g_strsplit (values, " ", -1);
  gsize n = (gsize) w * (gsize) h;
  g_autofree guint8 *bytes = g_malloc (n);
  g_autoptr (VipsImage) image = NULL;

  for (gsize i = 0; i < n; i++)
    bytes[i] = (guint8) g_ascii_strtoull (words[(i / 2) % g_strv_length (words)], NULL, 10);
  image = vips_image_new_from_memory_copy (bytes, n, w, h, 1, VIPS_FORMAT_UCHAR);
  image->Type = VIPS_INTERPRETATION_B_W;
  samples_save (folder, name, image);
}

/* One row. */
VipsImage *
samples_make_mask (VipsBandFormat format, VipsInterpretation type, int bands, gconstpointer values,
                   int n)
{
  gsize bytes = (gsize) (n * bands) * vips_format_sizeof (format);
  VipsImage *image = vips_image_new_from_memory_copy (values, bytes, n, 1, bands, format);

  image->Type = type;
  return image;
}

/* A PNG of colour type 3, which libvips does not write as it is told. */
void
samples_save_palette (const char *folder, const char *name, int w, int h, const guint8 *indices,
                      const guint8 *palette, guint n_colours)
{
  g_autofree char *path = samples_path (folder, name);
  g_autoptr (GByteArray) file = g_byte_array_new (), raw = g_byte_array_new ();
  g_autoptr (GZlibCompressor) zlib = g_zlib_compressor_new (G_ZLIB_COMPRESSOR_FORMAT_ZLIB, 6);
  g_autofree guint8 *packed = g_malloc ((gsize) w * (gsize) h + 1024);
  g_autoptr (GError) error = NULL;
  gsize n_read, n_written;
  guint8 head[13] = { 0, 0, 0, 0, 0, 0, 0, 0, 8, 3, 0, 0, 0 };

  head[2] = (guint8) (w >> 8), head[3] = (guint8) w;
  head[6] = (guint8) (h >> 8), head[7] = (guint8) h;
  for (int y = 0; y < h; y++)
    {
      g_byte_array_append (raw, (const guint8 *) "", 1); /* no filter */
      g_byte_array_append (raw, indices + y * w, (guint) w);
    }
  g_converter_convert (G_CONVERTER (zlib), raw->data, raw->len, packed,
                       (gsize) w * (gsize) h + 1024, G_CONVERTER_INPUT_AT_END, &n_read, &n_written,
                       &error);
  g_assert_no_error (error);
  g_byte_array_append (file, (const guint8 *) "\x89PNG\r\n\x1a\n", 8);
  tool_append_png_chunk (file, "IHDR", head, sizeof head);
  tool_append_png_chunk (file, "PLTE", palette, 3 * n_colours);
  tool_append_png_chunk (file, "IDAT", packed, n_written);
  tool_append_png_chunk (file, "IEND", "", 0);
  g_file_set_contents (path, (const char *) file->data, (gssize) file->len, &error);
  g_assert_no_error (error);
}

/* 1.png, 2.png, … with two classes, 12 × 10 pixels. */
void
samples_save_pairs (const char *folder, const char *images, const char *masks, guint n)
{
  for (guint i = 1; i <= n; i++)
    {
      g_autofree char *image = g_strdup_printf ("%s/%u.png", images, i);
      g_autofree char *mask = g_strdup_printf ("%s/%u.png", masks, i);

      samples_save_image (folder, image, 12, 10, 1, i);
      samples_save_mask (folder, mask, 12, 10, "0 0 255");
    }
}

static SegDataset *
samples_try_open (const char *folder, const char *recipe, GError **error)
{
  g_autoptr (GKeyFile) keys = g_key_file_new ();

  if (recipe != NULL)
    g_assert_true (
        g_key_file_load_from_data (keys, recipe, strlen (recipe), G_KEY_FILE_NONE, NULL));
  return seg_dataset_open (folder, recipe != NULL ? keys : NULL, error);
}

SegDataset *
samples_open (const char *folder, const char *recipe)
{
  g_autoptr (GError) error = NULL;
  SegDataset *dataset = samples_try_open (folder, recipe, &error);

  g_assert_no_error (error);
  return dataset;
}

void
samples_open_fails (const char *folder, const char *recipe, const char *cause)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (samples_try_open (folder, recipe, &error));
  g_assert_nonnull (error);
  if (strstr (error->message, cause) == NULL)
    g_error ("\"%s\" does not say \"%s\"", error->message, cause);
}

/* The problems as they are printed. */
char *
samples_check (SegDataset *dataset, guint *n_errors)
{
  g_autoptr (GPtrArray) problems =
      g_ptr_array_new_with_free_func ((GDestroyNotify) seg_problem_free);
  g_autoptr (GError) error = NULL;
  gboolean good = seg_dataset_check (dataset, problems, &error);

  *n_errors = 0;
  for (guint i = 0; i < problems->len; i++)
    *n_errors += ((SegProblem *) g_ptr_array_index (problems, i))->is_error;
  g_assert_true (good == (*n_errors == 0));
  g_assert_true (good == (error == NULL));
  return seg_problems_dup_text (problems);
}

void
samples_assert_no_problem (SegDataset *dataset)
{
  guint n_errors;
  g_autofree char *text = samples_check (dataset, &n_errors);

  g_assert_cmpstr (text, ==, "");
}

/* Says all of @causes, with | between them. */
void
samples_assert_problems (SegDataset *dataset, guint n_errors, const char *causes)
{
  g_auto (GStrv) list = g_strsplit (causes, "|", -1);
  guint n;
  g_autofree char *text = samples_check (dataset, &n);

  for (char **cause = list; *cause != NULL; cause++)
    if (strstr (text, *cause) == NULL)
      g_error ("this does not say \"%s\":\n%s", *cause, text);
  if (n != n_errors)
    g_error ("%u errors, not %u:\n%s", n, n_errors, text);
}

/* Names and values, "background=0 object=255". */
void
samples_assert_classes (SegDataset *dataset, const char *classes)
{
  g_autoptr (GString) found = g_string_new (NULL);

  for (guint i = 0; i < seg_dataset_get_n_classes (dataset); i++)
    {
      g_autofree char *values = seg_dataset_dup_class_values (dataset, i);

      g_string_append_printf (found, "%s%s=%s", i > 0 ? "; " : "",
                              seg_dataset_get_class (dataset, i)->name, values);
    }
  g_assert_cmpstr (found->str, ==, classes);
}

/* A folder of public data, or NULL after the test has been marked as skipped. */
char *
samples_find_real (const char *name)
{
  const char *root = g_getenv ("SEGKIT_TEST_DATA");
  g_autofree char *beside = g_test_build_filename (G_TEST_DIST, "..", "shared", "data", NULL);
  char *folder = g_build_filename (root != NULL ? root : beside, name, NULL);

  if (g_file_test (folder, G_FILE_TEST_IS_DIR))
    return folder;
  g_test_skip ("the public data are not here");
  g_free (folder);
  return NULL;
}
