#include "tool.h"

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <glib/gstdio.h>

#define MODEL_SEED 3

void
tool_main_init (int *argc, char ***argv)
{
  g_test_init (argc, argv, NULL);
  if (VIPS_INIT ((*argv)[0]) != 0)
    vips_error_exit (NULL);
  vips_cache_set_max (0);
  seg_registry_load_default (seg_registry_get_default (), NULL);
}

/* Three channels in model.safetensors, which most tests use. */
void
tool_setup (Tool *tool, gconstpointer data)
{
  g_autoptr (GError) error = NULL;

  (void) data;
  tool->folder = g_dir_make_tmp ("segkit-test-XXXXXX", &error);
  g_assert_no_error (error);
  tool_save_model (tool, "model.safetensors", 3);
}

static void
tool_remove_all (const char *path)
{
  g_autoptr (GDir) dir = g_dir_open (path, 0, NULL);
  const char *name;

  while (dir != NULL && (name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *inner = g_build_filename (path, name, NULL);

      if (g_file_test (inner, G_FILE_TEST_IS_DIR) && !g_file_test (inner, G_FILE_TEST_IS_SYMLINK))
        tool_remove_all (inner);
      else
        g_unlink (inner);
    }
  g_rmdir (path);
}

/* With the folders in it. */
void
tool_teardown (Tool *tool, gconstpointer data)
{
  (void) data;
  tool_remove_all (tool->folder);
  g_free (tool->folder);
  g_free (tool->output);
  g_free (tool->error_line);
}

char *
tool_path (Tool *tool, const char *name)
{
  return g_build_filename (tool->folder, name, NULL);
}

/* A network with weights by chance. */
void
tool_save_recipe (Tool *tool, const char *name, const char *recipe)
{
  g_autofree char *path = tool_path (tool, name);
  g_autoptr (GError) error = NULL;
  g_autoptr (SegModel) model = seg_model_new_from_recipe (recipe, MODEL_SEED, &error);

  g_assert_no_error (error);
  seg_model_save (model, path, &error);
  g_assert_no_error (error);
}

/* A small U-Net, to which each channel counts and differs. */
void
tool_save_model (Tool *tool, const char *name, guint channels)
{
  /* up to three */
  static const char *const means[] = { "0.5", "0.5;0.4", "0.5;0.4;0.6" };
  static const char *const deviations[] = { "0.25", "0.25;0.2", "0.25;0.2;0.3" };
  g_autofree char *recipe = g_strdup_printf (
      "[segkit]\nformat=1\n"
      "[input]\nchannels=%u\nmean=%s\nstd=%s\n"
      "[classes]\nnames=a;b\ncolors=#000000;#20e040\n"
      "[model]\ntype=unet\nclasses=2\nhead-kernel-size=1\n"
      "[model.encoder]\ntype=unet-encoder\nchannels=4\ndepth=2\n"
      "[model.decoder]\ntype=unet-decoder\n",
      channels, means[channels - 1], deviations[channels - 1]);

  tool_save_recipe (tool, name, recipe);
}

void
tool_check_vips (int result)
{
  if (result != 0)
    g_error ("%s", vips_error_buffer ());
}

void
tool_save_image (Tool *tool, const char *name, VipsImage *image)
{
  g_autofree char *path = tool_path (tool, name);

  tool_check_vips (vips_image_write_to_file (image, path, NULL));
}

void
tool_make_folder (Tool *tool, const char *name)
{
  g_autofree char *path = tool_path (tool, name);

  g_assert_cmpint (g_mkdir (path, 0777), ==, 0);
}

void
tool_save_bytes (Tool *tool, const char *name, const void *bytes, gsize n)
{
  g_autofree char *path = tool_path (tool, name);
  g_autoptr (GError) error = NULL;

  g_file_set_contents (path, bytes, (gssize) n, &error);
  g_assert_no_error (error);
}

static void
tool_append_number (GByteArray *bytes, guint32 number)
{
  guint32 big = GUINT32_TO_BE (number);

  g_byte_array_append (bytes, (const guint8 *) &big, sizeof big);
}

/* As a PNG file holds it: length, type, data, checksum. */
void
tool_append_png_chunk (GByteArray *bytes, const char *type, const void *data, gsize n)
{
  guint32 crc = G_MAXUINT32;
  guint start = bytes->len + 4;

  tool_append_number (bytes, (guint32) n);
  g_byte_array_append (bytes, (const guint8 *) type, 4);
  g_byte_array_append (bytes, data, (guint) n);
  for (guint i = start; i < bytes->len; i++)
    {
      crc ^= bytes->data[i];
      for (guint bit = 0; bit < 8; bit++)
        crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
    }
  tool_append_number (bytes, ~crc);
}

VipsImage *
tool_load (Tool *tool, const char *name)
{
  g_autofree char *path = tool_path (tool, name);
  VipsImage *image = vips_image_new_from_file (path, NULL);

  if (image == NULL)
    g_error ("%s", vips_error_buffer ());
  return image;
}

/* Something with large and small structure in each band, 8 bit. */
VipsImage *
tool_picture (int width, int height, int bands)
{
  gsize n = (gsize) width * height * bands;
  guint8 *bytes = g_malloc (n), *p = bytes;
  guint32 state = 1;
  VipsImage *image;

  for (int y = 0; y < height; y++)
    for (int x = 0; x < width; x++)
      for (int b = 0; b < bands; b++)
        {
          int wave = ((x / (5 + b)) ^ (y / (7 - b))) % 23;

          state = state * 1664525 + 1013904223;
          *p++ = (guint8) (wave * 8 + (state >> 26));
        }
  image = vips_image_new_from_memory_copy (bytes, n, width, height, bands, VIPS_FORMAT_UCHAR);
  image->Type = bands < 3 ? VIPS_INTERPRETATION_B_W : VIPS_INTERPRETATION_sRGB;
  g_free (bytes);
  return image;
}

/* The same numbers, scaled, in another format. */
VipsImage *
tool_picture_as (VipsImage *picture, VipsBandFormat format, VipsInterpretation interpretation,
                 double scale)
{
  VipsImage *scaled, *cast, *copy;

  tool_check_vips (vips_linear1 (picture, &scaled, scale, 0, NULL));
  tool_check_vips (vips_cast (scaled, &cast, format, NULL));
  tool_check_vips (vips_copy (cast, &copy, "interpretation", interpretation, NULL));
  g_object_unref (scaled);
  g_object_unref (cast);
  return copy;
}

static void
tool_limit_child (gpointer data)
{
  Tool *tool = data;
  struct rlimit limit = { tool->max_file_bytes, tool->max_file_bytes };

  if (tool->max_file_bytes > 0)
    setrlimit (RLIMIT_FSIZE, &limit);
  alarm (tool->max_seconds);
}

/* For programs: libvips may warn of a damaged file; what must not happen is a critical. */
char **
tool_dup_environment (Tool *tool)
{
  char **environment = g_environ_setenv (g_get_environ (), "G_DEBUG", "fatal-criticals", TRUE);

  /* Meson sets it, and then memory that is taken is written to, and counts before it is used. */
  environment = g_environ_unsetenv (environment, "MALLOC_PERTURB_");

  if (tool->variable != NULL)
    environment = g_environ_setenv (environment, tool->variable, tool->value, TRUE);
  return environment;
}

static const char *
tool_get_program (Tool *tool)
{
  return tool->program != NULL ? tool->program : "segment";
}

/* Runs the program in the folder and returns its exit status; a signal counts as 128 and more. */
int
tool_run (Tool *tool, const char *first, ...)
{
  g_autoptr (GPtrArray) arguments = g_ptr_array_new ();
  g_auto (GStrv) environment = tool_dup_environment (tool);
  g_autoptr (GError) error = NULL;
  g_autofree char *upper = g_ascii_strup (tool_get_program (tool), -1);
  g_autofree char *place = g_strconcat ("SEGKIT_", upper, NULL);
  const char *program = g_getenv (place);
  va_list args;
  int status;

  g_assert_nonnull (program);
  for (guint i = 0; tool->before != NULL && tool->before[i] != NULL; i++)
    g_ptr_array_add (arguments, (gpointer) tool->before[i]);
  g_ptr_array_add (arguments, (gpointer) program);
  va_start (args, first);
  for (const char *argument = first; argument != NULL; argument = va_arg (args, const char *))
    g_ptr_array_add (arguments, (gpointer) argument);
  va_end (args);
  g_ptr_array_add (arguments, NULL);

  g_clear_pointer (&tool->output, g_free);
  g_clear_pointer (&tool->error_line, g_free);
  g_spawn_sync (tool->folder, (char **) arguments->pdata, environment, G_SPAWN_SEARCH_PATH,
                tool_limit_child, tool, &tool->output, &tool->error_line, &status, &error);
  g_assert_no_error (error);
  return WIFEXITED (status) ? WEXITSTATUS (status) : 128 + WTERMSIG (status);
}

/* How the last run must have ended: with this status, and one line that names what is wrong. */
void
tool_assert_fails (Tool *tool, int status, const char *names, const char *cause)
{
  g_autofree char *start = g_strdup_printf ("%s: error: ", tool_get_program (tool));
  g_autofree char *end = g_strdup_printf (" (%s)\n", cause);

  g_test_message ("%s", tool->error_line);
  g_assert_true (g_str_has_prefix (tool->error_line, start));
  g_assert_true (g_str_has_suffix (tool->error_line, end));
  g_assert_nonnull (strstr (tool->error_line, names));
  g_assert_true (strchr (tool->error_line, '\n') == strrchr (tool->error_line, '\n'));
  g_assert_cmpint (status, <, 10);
}

/* The folder holds these files and nothing else but the model. */
void
tool_assert_files (Tool *tool, const char *first, ...)
{
  g_autoptr (GHashTable) expected = g_hash_table_new (g_str_hash, g_str_equal);
  g_autoptr (GDir) dir = g_dir_open (tool->folder, 0, NULL);
  const char *name;
  va_list args;

  g_hash_table_add (expected, (gpointer) "model.safetensors");
  va_start (args, first);
  for (name = first; name != NULL; name = va_arg (args, const char *))
    g_hash_table_add (expected, (gpointer) name);
  va_end (args);

  while ((name = g_dir_read_name (dir)) != NULL)
    if (!g_hash_table_remove (expected, name))
      {
        g_test_message ("%s should not be there", name);
        g_test_fail ();
      }
  g_assert_cmpuint (g_hash_table_size (expected), ==, 0);
}

/* Both files hold the same pixels. */
void
tool_assert_equal (Tool *tool, const char *a, const char *b)
{
  VipsImage *image_a = tool_load (tool, a), *image_b = tool_load (tool, b);
  gsize n_a, n_b;
  g_autofree guint8 *bytes_a = vips_image_write_to_memory (image_a, &n_a);
  g_autofree guint8 *bytes_b = vips_image_write_to_memory (image_b, &n_b);

  g_assert_cmpint (image_a->Xsize, ==, image_b->Xsize);
  g_assert_cmpint (image_a->Ysize, ==, image_b->Ysize);
  g_assert_cmpint (image_a->Bands, ==, image_b->Bands);
  g_assert_cmpint (image_a->BandFmt, ==, image_b->BandFmt);
  g_assert_true (n_a == n_b && memcmp (bytes_a, bytes_b, n_a) == 0);
  g_object_unref (image_a);
  g_object_unref (image_b);
}
