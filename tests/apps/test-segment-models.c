/* What segment says of models that are broken: exit status 3, or what the fault calls for, and one
 * line that names the file. The library's own tests (tests/core/test-bad-models.c) have many more
 * faults; these show that each kind comes out at the end of the program as it should. */
#include <math.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <glib/gstdio.h>

#include "tool.h"

#define BAD "bad.safetensors"

enum { OK, FAILED, USAGE, INPUT, IO, LIMIT, NUMERIC, PLUGIN };

static void
models_setup (Tool *tool, gconstpointer data)
{
  VipsImage *picture = tool_picture (60, 40, 3);

  tool_setup (tool, data);
  tool_save_image (tool, "image.png", picture);
  g_object_unref (picture);
}

static void
assert_refused (Tool *tool, const char *model, int status, const char *message, const char *cause)
{
  g_autofree char *start = g_strconcat ("segment: error: ", model, NULL);

  g_assert_cmpint (tool_run (tool, "-m", model, "-o", "out.png", "image.png", NULL), ==, status);
  tool_assert_fails (tool, status, message, cause);
  g_assert_true (g_str_has_prefix (tool->error_line, start));
}

/* A header as it is written, and the data. */
static void
save_header (Tool *tool, const char *name, const char *header, gsize n_data)
{
  g_autoptr (GByteArray) bytes = g_byte_array_new ();
  guint64 n_header = strlen (header);

  g_byte_array_append (bytes, (const guint8 *) &n_header, sizeof n_header);
  g_byte_array_append (bytes, (const guint8 *) header, (guint) n_header);
  g_byte_array_set_size (bytes, bytes->len + (guint) n_data);
  memset (bytes->data + sizeof n_header + n_header, 0, n_data);
  tool_save_bytes (tool, name, bytes->data, bytes->len);
}

static void
test_cut (Tool *tool, gconstpointer data)
{
  g_autofree char *path = tool_path (tool, "model.safetensors"), *bytes = NULL;
  guint64 n_header;
  gsize n;

  (void) data;
  g_assert_true (g_file_get_contents (path, &bytes, &n, NULL));
  memcpy (&n_header, bytes, sizeof n_header);
  const gsize places[] = { 0, 7, 8, 9, 8 + n_header / 2, 7 + n_header, 8 + n_header, n / 2, n - 1 };

  for (guint i = 0; i < G_N_ELEMENTS (places); i++)
    {
      tool_save_bytes (tool, BAD, bytes, places[i]);
      assert_refused (tool, BAD, INPUT, "", "segkit:format");
    }
  g_autofree char *longer = g_malloc0 (n + 1);
  memcpy (longer, bytes, n);
  tool_save_bytes (tool, BAD, longer, n + 1);
  assert_refused (tool, BAD, INPUT, "tensors end at byte", "segkit:format");
  tool_assert_files (tool, "image.png", BAD, NULL);
}

static void
test_not_a_file (Tool *tool, gconstpointer data)
{
  g_autofree char *pipe = tool_path (tool, "pipe"), *sparse = tool_path (tool, "sparse");
  g_autofree char *folder = tool_path (tool, "folder");

  (void) data;
  g_assert_cmpint (mkfifo (pipe, 0600), ==, 0);
  g_assert_cmpint (g_mkdir (folder, 0700), ==, 0);
  tool_save_bytes (tool, "sparse", "", 0);
  g_assert_cmpint (truncate (sparse, 5000000000), ==, 0);
  assert_refused (tool, "pipe", INPUT, "not a regular file", "segkit:format");
  assert_refused (tool, "/dev/zero", INPUT, "not a regular file", "segkit:format");
  assert_refused (tool, "sparse", INPUT, "header has 0 bytes", "segkit:format");
  assert_refused (tool, "folder", INPUT, "holds no model", "segkit:unsupported");
  assert_refused (tool, "none", IO, "no such file or folder", "io:not-found");
}

#define RECIPE(input, model)                                                                       \
  "{\"__metadata__\":{\"segkit.recipe\":\"[segkit]\\nformat=1\\n[input]\\n" input                  \
  "\\n[classes]\\nnames=a;b\\n[model]\\n" model "\"}}"

/* Whatever is wrong with a recipe is wrong with the file, also where an option of such a value
 * would be wrong. */
static void
test_recipe (Tool *tool, gconstpointer data)
{
  static const struct
  {
    const char *header, *message, *cause;
    int status;
  } cases[] = {
    { "{}", "no metadata \"segkit.recipe\"", "segkit:format", INPUT },
    { "{\"__metadata__\":{\"segkit.recipe\":\"\"}}", "not a recipe", "segkit:format", INPUT },
    { RECIPE ("channels=0", "type=unet"), "[input] channels: \"0\"", "segkit:format", INPUT },
    { RECIPE ("channels=3\\nstd=0;1;1", "type=unet"), "[input] std: \"0\"", "segkit:format", INPUT },
    { RECIPE ("channels=3", "type=unet\\nhead-kernel-size=99"), "cannot be 99", "segkit:format",
      INPUT },
    { RECIPE ("channels=3", "type=unet\\nkernel=3"), "unknown property", "segkit:format", INPUT },
    { RECIPE ("channels=3", "type=unet\\nclasses=3"), "3 channels, but there are 2 classes",
      "segkit:shape", INPUT },
    { RECIPE ("channels=3", "type=unet\\n[model.encoder]\\ntype=resnet-encoder\\ndepth=19"),
      "ResNet-19", "segkit:unsupported", INPUT },
    { RECIPE ("channels=3", "type=unett"), "no plugin has a block \"unett\"", "segkit:plugin",
      PLUGIN },
    { RECIPE ("channels=3", "type=unet"), "is missing; and", "segkit:format", INPUT },
  };

  (void) data;
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      save_header (tool, BAD, cases[i].header, 0);
      assert_refused (tool, BAD, cases[i].status, cases[i].message, cases[i].cause);
    }
}

/* Names from a file reach the terminal escaped, and cut. */
static void
test_names (Tool *tool, gconstpointer data)
{
  static const char *const names[][2] = {
    { "a\\u001b[2Jb", "\"a\\u001b[2Jb\" cannot be" },
    { "a\\nb", "\"a\\u000ab\" cannot be" },
    { "a\\u202eb", "\"a\\u202eb\" cannot be" },
    { "", "\"\" cannot be" },
  };
  g_autofree char *long_name = g_strnfill (300, 'n');
  g_autofree char *header = NULL;

  (void) data;
  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    {
      g_autofree char *entry = g_strdup_printf (
          "{\"%s\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}", names[i][0]);

      save_header (tool, BAD, entry, 4);
      assert_refused (tool, BAD, INPUT, names[i][1], "segkit:format");
    }
  header = g_strdup_printf ("{\"%s\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}",
                            long_name);
  save_header (tool, BAD, header, 4);
  assert_refused (tool, BAD, INPUT, "nnn...\" cannot be", "segkit:format");
  g_assert_cmpuint (strlen (tool->error_line), <, 250);
}

static void
test_values (Tool *tool, gconstpointer data)
{
  static const float values[] = { NAN, INFINITY };
  g_autofree char *path = tool_path (tool, "model.safetensors"), *bad = tool_path (tool, BAD);

  (void) data;
  for (guint i = 0; i < G_N_ELEMENTS (values); i++)
    {
      g_autoptr (SegSafetensors) file = seg_safetensors_read (path, NULL);
      SegTensor *tensor = seg_safetensors_lookup (file, "segmentation_head.0.bias");

      ((float *) tensor->data)[1] = values[i];
      g_assert_true (seg_safetensors_write (file, bad, NULL));
      assert_refused (tool, BAD, NUMERIC, "\"segmentation_head.0.bias\" has", "segkit:numeric");
    }
}

int
main (int argc, char **argv)
{
  tool_main_init (&argc, &argv);
#define ADD(path, function) \
  g_test_add (path, Tool, NULL, models_setup, function, tool_teardown)
  ADD ("/segment-models/cut", test_cut);
  ADD ("/segment-models/not-a-file", test_not_a_file);
  ADD ("/segment-models/recipe", test_recipe);
  ADD ("/segment-models/names", test_names);
  ADD ("/segment-models/values", test_values);
  return g_test_run ();
}
