/* Memory does not grow with the image: the same width, eight times the height, the same peak.
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

/* A field of noise and waves, as a tiled TIFF. */
static char *
make_image (int height)
{
  g_autofree char *name = g_strdup_printf ("%d.tif", height);
  char *path = g_build_filename (folder, name, NULL);
  VipsImage *noise, *cast, *rgb;

  g_assert_cmpint (vips_gaussnoise (&noise, WIDTH, height, "mean", 60.0, "sigma", 30.0, "seed", 1,
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

/* Peak resident memory, in KiB, of segmenting an image of that height. */
static long
measure_peak (int height)
{
  const char *segment = g_getenv ("SEGKIT_SEGMENT");
  g_autofree char *image = make_image (height), *out = g_build_filename (folder, "out.tif", NULL);
  const char *const arguments[] = { segment, "-o", out, image, NULL };
  struct rusage usage;
  VipsImage *labels;
  pid_t pid = fork ();
  int status;

  if (pid == 0)
    {
      execv (segment, (char *const *) arguments);
      _exit (127);
    }
  g_assert_cmpint (wait4 (pid, &status, 0, &usage), ==, pid);
  g_assert_true (WIFEXITED (status));
  g_assert_cmpint (WEXITSTATUS (status), ==, 0);

  labels = vips_image_new_from_file (out, NULL);
  g_assert_nonnull (labels);
  g_assert_cmpint (labels->Xsize, ==, WIDTH);
  g_assert_cmpint (labels->Ysize, ==, height);
  g_object_unref (labels);
  g_remove (out);
  g_remove (image);
  g_test_message ("%d × %d: peak %ld MiB", WIDTH, height, usage.ru_maxrss / 1024);
  return usage.ru_maxrss;
}

static void
test_memory_flat (void)
{
  long low = measure_peak (8000), high = measure_peak (64000);

  g_assert_cmpint (low, <, LIMIT_KIB);
  g_assert_cmpint (high, <, LIMIT_KIB);
  g_assert_cmpfloat ((double) high / (double) low, <=, 1.05);
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
  result = g_test_run ();
  g_rmdir (folder);
  g_free (folder);
  return result;
}
