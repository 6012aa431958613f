/* Memory does not grow with the image: the same width, eight times the height, the same peak. And a
 * U-Net with a ResNet-34 goes through 8192 × 8192 pixels within 1 GiB, computing nothing twice.
 * Takes minutes, and a gigabyte of disk for a moment: `make check-large`. */
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <glib.h>
#include <glib/gstdio.h>
#include <vips/vips.h>

#define WIDTH 8000
#define LIMIT_KIB (1024 * 1024)

static char *folder;

/* A field of noise, as a tiled TIFF. */
static char *
make_image (int width, int height)
{
  g_autofree char *name = g_strdup_printf ("%d.tif", height);
  char *path = g_build_filename (folder, name, NULL);
  VipsImage *noise, *cast, *rgb;

  g_assert_cmpint (vips_gaussnoise (&noise, width, height, "mean", 60.0, "sigma", 30.0, "seed", 1,
                                    NULL), ==, 0);
  g_assert_cmpint (vips_cast_uchar (noise, &cast, NULL), ==, 0);
  g_assert_cmpint (vips_bandjoin ((VipsImage *[]){ cast, cast, cast }, &rgb, 3, NULL), ==, 0);
  g_assert_cmpint (vips_tiffsave (rgb, path, "tile", TRUE, "compression",
                                  VIPS_FOREIGN_TIFF_COMPRESSION_NONE, NULL), ==, 0);
  g_object_unref (rgb);
  g_object_unref (cast);
  g_object_unref (noise);
  return path;
}

/* Peak resident memory, in KiB, of segmenting an image of that size; what segment tells of it goes
 * into a file. @model NULL: the one that is shipped. */
static long
measure_peak (const char *model, int width, int height, const char *told)
{
  const char *segment = g_getenv ("SEGKIT_SEGMENT");
  g_autofree char *image = make_image (width, height);
  g_autofree char *out = g_build_filename (folder, "out.tif", NULL);
  const char *const arguments[]
      = { segment, "-v", "-o", out, image, model != NULL ? "-m" : NULL, model, NULL };
  struct rusage usage;
  VipsImage *labels;
  pid_t pid = fork ();
  int status;

  if (pid == 0)
    {
      if (freopen (told, "w", stderr) == NULL)
        _exit (127);
      execv (segment, (char *const *) arguments);
      _exit (127);
    }
  g_assert_cmpint (wait4 (pid, &status, 0, &usage), ==, pid);
  g_assert_true (WIFEXITED (status));
  g_assert_cmpint (WEXITSTATUS (status), ==, 0);

  labels = vips_image_new_from_file (out, NULL);
  g_assert_nonnull (labels);
  g_assert_cmpint (labels->Xsize, ==, width);
  g_assert_cmpint (labels->Ysize, ==, height);
  g_object_unref (labels);
  g_remove (out);
  g_remove (image);
  g_test_message ("%d × %d: peak %ld MiB", width, height, usage.ru_maxrss / 1024);
  return usage.ru_maxrss;
}

static void
test_memory_flat (void)
{
  g_autofree char *told = g_build_filename (folder, "told", NULL);
  long low = measure_peak (NULL, WIDTH, 8000, told);
  long high = measure_peak (NULL, WIDTH, 64000, told);

  g_remove (told);
  g_assert_cmpint (low, <, LIMIT_KIB);
  g_assert_cmpint (high, <, LIMIT_KIB);
  g_assert_cmpfloat ((double) high / (double) low, <=, 1.05);
}

/* The number before "multiply-adds". */
static double
find_multiply_adds (const char *told)
{
  g_autofree char *text = NULL;
  const char *end;

  g_assert_true (g_file_get_contents (told, &text, NULL, NULL));
  g_test_message ("%s", text);
  end = strstr (text, " multiply-adds");
  g_assert_nonnull (end);
  while (end > text && end[-1] != ' ')
    end--;
  return g_ascii_strtod (end, NULL);
}

static void
test_resnet34 (void)
{
  g_autofree char *model = g_build_filename (folder, "model.safetensors", NULL);
  g_autofree char *told = g_build_filename (folder, "told", NULL);
  g_autofree char *recipe
      = g_test_build_filename (G_TEST_DIST, "tests", "bench", "models", "c.recipe", NULL);
  const char *const arguments[]
      = { g_getenv ("SEGKIT_SEGCONVERT"), "--recipe", recipe, model, NULL };
  double small, large;
  int status;

  g_assert_true (g_spawn_sync (NULL, (char **) arguments, NULL, G_SPAWN_DEFAULT, NULL, NULL, NULL,
                               NULL, &status, NULL));
  g_assert_cmpint (status, ==, 0);
  measure_peak (model, 1024, 1024, told);
  small = find_multiply_adds (told);
  g_assert_cmpint (measure_peak (model, 8192, 8192, told), <, LIMIT_KIB);
  large = find_multiply_adds (told);
  g_remove (told);
  g_remove (model);
  g_assert_cmpfloat (large / (64 * small), <=, 1.03);
}

int
main (int argc, char **argv)
{
  int result;

  g_test_init (&argc, &argv, NULL);
  if (VIPS_INIT (argv[0]) != 0)
    vips_error_exit (NULL);
  vips_cache_set_max (0);
  folder = g_dir_make_tmp ("segkit-large-XXXXXX", NULL);
  g_test_add_func ("/large/memory-flat", test_memory_flat);
  g_test_add_func ("/large/resnet34", test_resnet34);
  result = g_test_run ();
  g_rmdir (folder);
  g_free (folder);
  return result;
}
