/* Every kind of image that a person has is read as data/docs/images.md says, or refused with the
 * reason: the table there names these cases. Mostly the same picture is saved twice, once as that
 * kind and once as a plain PNG of what a model must see of it; both must give the same labels. */
#define _GNU_SOURCE /* memmem() */
#include <math.h>
#include <string.h>

#include "tool.h"

#define MODEL "-m", "model.safetensors"
#define WIDTH 120
#define HEIGHT 80

enum { OK, FAILED, USAGE, INPUT, IO, LIMIT, NUMERIC };

static void
check (int result)
{
  if (result != 0)
    g_error ("%s", vips_error_buffer ());
}

/* Takes over @image. */
static void
save (Tool *tool, const char *name, VipsImage *image)
{
  tool_save_image (tool, name, image);
  g_object_unref (image);
}

/* Takes over @image. */
static VipsImage *
tag (VipsImage *image, VipsInterpretation interpretation)
{
  VipsImage *tagged;

  check (vips_copy (image, &tagged, "interpretation", interpretation, NULL));
  g_object_unref (image);
  return tagged;
}

/* Takes over @image. */
static VipsImage *
convert (VipsImage *image, VipsBandFormat format, VipsInterpretation interpretation, double scale)
{
  VipsImage *converted = tool_picture_as (image, format, interpretation, scale);

  g_object_unref (image);
  return converted;
}

/* Grey of so many levels from black to white, which fit into fewer bits than eight. */
static VipsImage *
picture_of_levels (int n_levels)
{
  VipsImage *picture = tool_picture (WIDTH, HEIGHT, 1), *levels;
  gsize n;
  g_autofree guint8 *bytes = vips_image_write_to_memory (picture, &n);

  for (gsize i = 0; i < n; i++)
    bytes[i] = (guint8) (bytes[i] * n_levels / 256 * (255 / (n_levels - 1)));
  levels = vips_image_new_from_memory_copy (bytes, n, WIDTH, HEIGHT, 1, VIPS_FORMAT_UCHAR);
  g_object_unref (picture);
  return tag (levels, VIPS_INTERPRETATION_B_W);
}

/* Without strong colours, which a conversion makes a little stronger or cannot show at all. */
static VipsImage *
muted_picture (void)
{
  VipsImage *picture = tool_picture (WIDTH, HEIGHT, 3), *muted;

  check (vips_linear1 (picture, &muted, 0.3, 80, "uchar", TRUE, NULL));
  g_object_unref (picture);
  return tag (muted, VIPS_INTERPRETATION_sRGB);
}

/* The picture beside a band of something else, which nothing must depend on. Takes over @image. */
static VipsImage *
add_band (VipsImage *image)
{
  VipsImage *one = tool_picture (WIDTH, HEIGHT, 1), *band, *joined;

  check (vips_invert (one, &band, NULL));
  check (vips_bandjoin2 (image, band, &joined, NULL));
  g_object_unref (one);
  g_object_unref (band);
  g_object_unref (image);
  return joined;
}

/* Labels of a plain image, to which others are compared. */
static void
segment_expected (Tool *tool, const char *image)
{
  VipsImage *labels;
  double mean;

  g_assert_cmpint (tool_run (tool, MODEL, "-o", "a.png", image, NULL), ==, OK);
  g_assert_cmpstr (tool->error_line, ==, "");
  labels = tool_load (tool, "a.png");
  check (vips_avg (labels, &mean, NULL));
  g_object_unref (labels);
  /* all of one class would show nothing */
  g_assert_cmpfloat (mean, >, 0.01);
  g_assert_cmpfloat (mean, <, 0.99);
}

/* By bands and by tiles, that is read from top to bottom and in any order. */
static void
assert_same_labels (Tool *tool, const char *image)
{
  g_test_message ("%s", image);
  g_assert_cmpint (tool_run (tool, MODEL, "-o", "b.png", image, NULL), ==, OK);
  g_assert_cmpstr (tool->error_line, ==, "");
  tool_assert_equal (tool, "a.png", "b.png");
  g_assert_cmpint (tool_run (tool, MODEL, "--tile", "29", "-o", "b.png", image, NULL), ==, OK);
  tool_assert_equal (tool, "a.png", "b.png");
}

/* What libvips makes of the file, as a PNG, is what the file must count as. */
static void
assert_seen_as_loaded (Tool *tool, const char *image)
{
  save (tool, "seen.png", tool_load (tool, image));
  segment_expected (tool, "seen.png");
  assert_same_labels (tool, image);
}

/* Where the overlay shows class 0 it shows the image as it was understood: there it may differ
 * from the 8-bit RGB of @expected by @tolerance. */
static void
assert_looks_like (Tool *tool, const char *image, VipsImage *expected, int tolerance)
{
  VipsImage *labels, *overlay;
  g_autofree guint8 *rgb = NULL, *seen = NULL, *classes = NULL;
  gsize n, n_seen, n_compared = 0;

  g_test_message ("%s", image);
  g_assert_cmpint (tool_run (tool, MODEL, "-o", "a.png", "--overlay", "o.png", image, NULL), ==,
                   OK);
  assert_same_labels (tool, image);
  labels = tool_load (tool, "a.png");
  overlay = tool_load (tool, "o.png");
  classes = vips_image_write_to_memory (labels, &n);
  seen = vips_image_write_to_memory (overlay, &n_seen);
  rgb = vips_image_write_to_memory (expected, &n);
  g_assert_cmpuint (n, ==, n_seen);
  for (gsize i = 0; i < n; i++)
    if (classes[i / 3] == 0)
      {
        g_assert_cmpint (ABS (rgb[i] - seen[i]), <=, tolerance);
        n_compared++;
      }
  g_assert_cmpuint (n_compared, >, n / 10);
  g_object_unref (labels);
  g_object_unref (overlay);
}

static void
assert_refused (Tool *tool, const char *image, int status, const char *names, const char *cause)
{
  g_assert_cmpint (tool_run (tool, MODEL, "-o", "out.png", image, NULL), ==, status);
  tool_assert_fails (tool, status, names, cause);
}

static void
assert_warns (Tool *tool, const char *image, const char *text)
{
  g_assert_cmpint (tool_run (tool, MODEL, "-o", "b.png", image, NULL), ==, OK);
  g_test_message ("%s", tool->error_line);
  g_assert_true (g_str_has_prefix (tool->error_line, "segment: warning: "));
  g_assert_nonnull (strstr (tool->error_line, text));
  g_assert_true (strchr (tool->error_line, '\n') == strrchr (tool->error_line, '\n'));
}

static void
test_formats (Tool *tool, gconstpointer data)
{
  static const char *const same[][2] = {
    { "1.tif", "" },
    { "2.tif", "[compression=lzw,predictor=horizontal]" },
    { "3.tif", "[tile,pyramid,compression=deflate]" },
    { "4.tif", "[bigtiff]" },
    { "5.png", "[interlace]" },
    { "6.webp", "[lossless]" },
  };
  static const char *const lossy[][2] = {
    { "1.jpg", "" },
    { "2.jpg", "[interlace]" },
    { "3.jpg", "[no-subsample]" },
    { "4.tif", "[compression=jpeg,tile]" },
    { "5.webp", "" },
  };
  VipsImage *picture = tool_picture (WIDTH, HEIGHT, 3);

  (void) data;
  tool_save_image (tool, "plain.png", picture);
  segment_expected (tool, "plain.png");
  for (guint i = 0; i < G_N_ELEMENTS (same); i++)
    {
      g_autofree char *name = g_strconcat (same[i][0], same[i][1], NULL);

      tool_save_image (tool, name, picture);
      assert_same_labels (tool, same[i][0]);
    }
  for (guint i = 0; i < G_N_ELEMENTS (lossy); i++)
    {
      g_autofree char *name = g_strconcat (lossy[i][0], lossy[i][1], NULL);

      tool_save_image (tool, name, picture);
      assert_seen_as_loaded (tool, lossy[i][0]);
    }
  g_object_unref (picture);
}

/* The first bytes say what a file is. */
static void
test_wrong_suffix (Tool *tool, gconstpointer data)
{
  g_autofree char *path = tool_path (tool, "right.png"), *bytes = NULL;
  gsize n;

  (void) data;
  save (tool, "right.png", tool_picture (WIDTH, HEIGHT, 3));
  segment_expected (tool, "right.png");
  g_assert_true (g_file_get_contents (path, &bytes, &n, NULL));
  tool_save_bytes (tool, "wrong.jpg", bytes, n);
  assert_same_labels (tool, "wrong.jpg");
  tool_save_bytes (tool, "wrong.svg", bytes, n);
  assert_same_labels (tool, "wrong.svg");
  tool_save_bytes (tool, "none", bytes, n);
  assert_same_labels (tool, "none");
}

static void
test_few_bits (Tool *tool, gconstpointer data)
{
  (void) data;
  for (int bits = 1; bits <= 4; bits *= 2)
    {
      g_autofree char *png = g_strdup_printf ("few.png[bitdepth=%d]", bits);
      g_autofree char *tif = g_strdup_printf ("few.tif[bitdepth=%d]", bits);
      g_autofree char *white = g_strdup_printf ("white.tif[bitdepth=%d,miniswhite]", bits);
      VipsImage *picture = picture_of_levels (1 << bits);

      tool_save_image (tool, "plain.png", picture);
      segment_expected (tool, "plain.png");
      tool_save_image (tool, png, picture);
      assert_same_labels (tool, "few.png");
      tool_save_image (tool, tif, picture);
      assert_same_labels (tool, "few.tif");
      /* a file in which zero is white */
      tool_save_image (tool, white, picture);
      assert_same_labels (tool, "white.tif");
      g_object_unref (picture);
    }
}

/* v · 257 / 65535 and v / 255 are one number, and division rounds correctly. */
static void
test_16_bits (Tool *tool, gconstpointer data)
{
  VipsImage *picture = tool_picture (WIDTH, HEIGHT, 3);

  (void) data;
  tool_save_image (tool, "plain.png", picture);
  segment_expected (tool, "plain.png");
  picture = convert (picture, VIPS_FORMAT_USHORT, VIPS_INTERPRETATION_RGB16, 257);
  tool_save_image (tool, "16.png", picture);
  assert_same_labels (tool, "16.png");
  tool_save_image (tool, "16.tif", picture);
  assert_same_labels (tool, "16.tif");
  g_object_unref (picture);
}

static void
test_32_bits (Tool *tool, gconstpointer data)
{
  VipsImage *picture = tool_picture (WIDTH, HEIGHT, 3);

  (void) data;
  tool_save_image (tool, "plain.png", picture);
  segment_expected (tool, "plain.png");
  /* 255 times this is the largest there is */
  save (tool, "32.tif",
        convert (picture, VIPS_FORMAT_UINT, VIPS_INTERPRETATION_sRGB, G_MAXUINT32 / 255));
  assert_same_labels (tool, "32.tif");
}

/* From the most negative to the largest: divided by the largest. */
static void
test_signed (Tool *tool, gconstpointer data)
{
  static const struct
  {
    VipsBandFormat format;
    double largest;
  } kinds[] = {
    { VIPS_FORMAT_CHAR, G_MAXINT8 },
    { VIPS_FORMAT_SHORT, G_MAXINT16 },
    { VIPS_FORMAT_INT, G_MAXINT32 },
  };

  (void) data;
  for (guint i = 0; i < G_N_ELEMENTS (kinds); i++)
    {
      VipsImage *picture = tool_picture (WIDTH, HEIGHT, 3), *signed_, *cast;

      /* floor to whole numbers of that type first, so that both files hold the same */
      check (vips_linear1 (picture, &signed_, 2 * kinds[i].largest / 255, -kinds[i].largest, NULL));
      check (vips_cast (signed_, &cast, kinds[i].format, NULL));
      g_object_unref (signed_);
      g_object_unref (picture);
      tool_save_image (tool, "signed.tif", cast);
      save (tool, "plain.tif",
            convert (cast, VIPS_FORMAT_FLOAT, VIPS_INTERPRETATION_sRGB, 1 / kinds[i].largest));
      segment_expected (tool, "plain.tif");
      assert_same_labels (tool, "signed.tif");
    }
}

static void
test_float (Tool *tool, gconstpointer data)
{
  (void) data;
  save (tool, "plain.png", tool_picture (WIDTH, HEIGHT, 3));
  segment_expected (tool, "plain.png");
  save (tool, "float.tif",
        convert (tool_picture (WIDTH, HEIGHT, 3), VIPS_FORMAT_FLOAT, VIPS_INTERPRETATION_sRGB,
                 1 / 255.));
  assert_same_labels (tool, "float.tif");
}

/* Samples of 64 bits are more than the TIFF reader of libvips 8.14 takes. */
static void
test_too_wide (Tool *tool, gconstpointer data)
{
  static const VipsBandFormat formats[] = { VIPS_FORMAT_DOUBLE, VIPS_FORMAT_COMPLEX,
                                            VIPS_FORMAT_DPCOMPLEX };

  (void) data;
  for (guint i = 0; i < G_N_ELEMENTS (formats); i++)
    {
      save (tool, "wide.tif",
            convert (tool_picture (WIDTH, HEIGHT, 3), formats[i], VIPS_INTERPRETATION_sRGB,
                     1 / 255.));
      assert_refused (tool, "wide.tif", INPUT, "wide.tif: tiff2vips: samples out of range",
                      "segkit:format");
    }
  tool_assert_files (tool, "wide.tif", NULL);
}

static void
test_float_too_large (Tool *tool, gconstpointer data)
{
  (void) data;
  save (tool, "large.tif",
        convert (tool_picture (WIDTH, HEIGHT, 3), VIPS_FORMAT_FLOAT, VIPS_INTERPRETATION_sRGB, 1));
  assert_warns (tool, "large.tif", "large.tif: has samples as large as 2");
  save (tool, "bright.tif",
        convert (tool_picture (WIDTH, HEIGHT, 3), VIPS_FORMAT_FLOAT, VIPS_INTERPRETATION_sRGB,
                 1 / 200.));
  g_assert_cmpint (tool_run (tool, MODEL, "-o", "b.png", "bright.tif", NULL), ==, OK);
  g_assert_cmpstr (tool->error_line, ==, "");
}

static void
test_not_finite (Tool *tool, gconstpointer data)
{
  static const float bad[] = { NAN, INFINITY, -INFINITY };

  (void) data;
  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      float pixels[30 * 20] = { 0 };

      pixels[17 * 30 + 11] = bad[i];
      save (tool, "float.tif",
            vips_image_new_from_memory_copy (pixels, sizeof pixels, 30, 20, 1, VIPS_FORMAT_FLOAT));
      assert_refused (tool, "float.tif", NUMERIC, "float.tif: the pixel in column 11, row 17",
                      "segkit:numeric");
    }
  tool_assert_files (tool, "float.tif", NULL);
}

/* A model for colours sees grey three times. */
static void
test_grey (Tool *tool, gconstpointer data)
{
  VipsImage *grey = tool_picture (WIDTH, HEIGHT, 1), *rgb;

  (void) data;
  check (vips_bandjoin ((VipsImage *[]){ grey, grey, grey }, &rgb, 3, NULL));
  save (tool, "rgb.png", tag (rgb, VIPS_INTERPRETATION_sRGB));
  segment_expected (tool, "rgb.png");
  save (tool, "grey.png", grey);
  assert_same_labels (tool, "grey.png");
}

/* A model for one channel sees Rec. 601 luma of a colour image. */
static void
test_luma (Tool *tool, gconstpointer data)
{
  VipsImage *picture = tool_picture (WIDTH, HEIGHT, 3), *luma;
  gsize n;
  g_autofree guint8 *rgb = vips_image_write_to_memory (picture, &n);
  guint8 grey[WIDTH * HEIGHT];

  (void) data;
  for (guint i = 0; i < sizeof grey; i++)
    grey[i] =
        (guint8) ((rgb[3 * i] * 19595u + rgb[3 * i + 1] * 38470u + rgb[3 * i + 2] * 7471u + 32768u)
                  >> 16);
  luma = vips_image_new_from_memory (grey, sizeof grey, WIDTH, HEIGHT, 1, VIPS_FORMAT_UCHAR);
  tool_save_model (tool, "model.safetensors", 1);
  save (tool, "luma.png", luma);
  segment_expected (tool, "luma.png");
  tool_save_image (tool, "rgb.png", picture);
  assert_same_labels (tool, "rgb.png");

  /* of wider samples the rounding differs, and so may a label where two classes are close */
  save (tool, "16.png", convert (picture, VIPS_FORMAT_USHORT, VIPS_INTERPRETATION_RGB16, 257));
  g_assert_cmpint (tool_run (tool, MODEL, "-o", "b.png", "16.png", NULL), ==, OK);
}

static void
test_alpha (Tool *tool, gconstpointer data)
{
  VipsImage *rgba;

  (void) data;
  save (tool, "plain.png", tool_picture (WIDTH, HEIGHT, 3));
  segment_expected (tool, "plain.png");
  rgba = tag (add_band (tool_picture (WIDTH, HEIGHT, 3)), VIPS_INTERPRETATION_sRGB);
  tool_save_image (tool, "rgba.png", rgba);
  assert_same_labels (tool, "rgba.png");
  tool_save_image (tool, "rgba.tif", rgba);
  assert_same_labels (tool, "rgba.tif");
  g_object_unref (rgba);

  save (tool, "plain.png", tool_picture (WIDTH, HEIGHT, 1));
  segment_expected (tool, "plain.png");
  save (tool, "greya.png",
        tag (add_band (tool_picture (WIDTH, HEIGHT, 1)), VIPS_INTERPRETATION_B_W));
  assert_same_labels (tool, "greya.png");
}

/* Colours that were multiplied by alpha are divided by it. libvips 8.14 can crash when it writes
 * such files, so that the tag ExtraSamples of another is changed, from 2 to 1. */
static void
test_premultiplied (Tool *tool, gconstpointer data)
{
  static const guint8 separate[] = { 0x52, 0x01, 3, 0, 1, 0, 0, 0, 2 };
  VipsImage *picture = tool_picture (WIDTH, HEIGHT, 3), *dark, *rgba;
  g_autofree char *path = tool_path (tool, "rgba.tif"), *bytes = NULL;
  char *entry;
  gsize n;

  (void) data;
  check (vips_linear1 (picture, &dark, 128 / 255., 0.5, "uchar", TRUE, NULL));
  check (vips_bandjoin_const1 (dark, &rgba, 128, NULL));
  g_object_unref (dark);
  save (tool, "rgba.tif", tag (rgba, VIPS_INTERPRETATION_sRGB));
  g_assert_true (g_file_get_contents (path, &bytes, &n, NULL));
  entry = memmem (bytes, n, separate, sizeof separate);
  g_assert_nonnull (entry);
  entry[sizeof separate - 1] = 1;
  tool_save_bytes (tool, "rgba.tif", bytes, n);
  /* half of the colours' steps are lost when the file is made */
  assert_looks_like (tool, "rgba.tif", picture, 2);
  g_object_unref (picture);
}

static void
test_palette (Tool *tool, gconstpointer data)
{
  VipsImage *picture = tool_picture (WIDTH, HEIGHT, 3);

  (void) data;
  tool_save_image (tool, "palette.png[palette,dither=0]", picture);
  assert_seen_as_loaded (tool, "palette.png");
  tool_save_image (tool, "palette4.png[palette,bitdepth=4]", picture);
  assert_seen_as_loaded (tool, "palette4.png");
  tool_save_image (tool, "palette.gif", picture);
  assert_seen_as_loaded (tool, "palette.gif");
  g_object_unref (picture);
}

/* The picture's bands, as many as the model takes, whatever they mean; or not. */
static void
test_bands (Tool *tool, gconstpointer data)
{
  VipsImage *five = tag (tool_picture (WIDTH, HEIGHT, 5), VIPS_INTERPRETATION_MULTIBAND);
  VipsImage *two = tag (tool_picture (WIDTH, HEIGHT, 2), VIPS_INTERPRETATION_MULTIBAND);

  (void) data;
  tool_save_image (tool, "five.tif", five);
  assert_refused (tool, "five.tif", INPUT, "and the model takes 3", "segkit:unsupported");
  tool_save_recipe (tool, "model.safetensors",
                    "[segkit]\nformat=1\n"
                    "[input]\nchannels=5\nmean=0.5;0.4;0.6;0.5;0.5\nstd=0.25;0.2;0.3;0.2;0.3\n"
                    "[classes]\nnames=a;b\n"
                    "[model]\ntype=unet\nclasses=2\nhead-kernel-size=1\n"
                    "[model.encoder]\ntype=unet-encoder\nchannels=4\ndepth=2\n"
                    "[model.decoder]\ntype=unet-decoder\n");
  segment_expected (tool, "five.tif");
  assert_same_labels (tool, "five.tif");
  save (tool, "two.tif", two);
  assert_refused (tool, "two.tif", INPUT, "and the model takes 5", "segkit:unsupported");
  g_object_unref (five);
}

static void
test_many_bands (Tool *tool, gconstpointer data)
{
  VipsImage *image;

  (void) data;
  check (vips_black (&image, 2, 2, "bands", 65, NULL));
  save (tool, "many.tif", image);
  assert_refused (tool, "many.tif", INPUT, "65 bands, more than 64", "segkit:unsupported");
}

/* What print looks like, by libvips' own profile, also where the file's is broken. The colours go
 * by way of XYZ, whose rounding is the tolerance. */
static void
test_cmyk (Tool *tool, gconstpointer data)
{
  VipsImage *picture = muted_picture (), *cmyk, *expected;

  (void) data;
  check (vips_bandjoin_const1 (picture, &cmyk, 20, NULL));
  g_object_unref (picture);
  cmyk = tag (cmyk, VIPS_INTERPRETATION_CMYK);
  check (vips_icc_transform (cmyk, &expected, "srgb", "input_profile", "cmyk", NULL));

  tool_save_image (tool, "cmyk.tif", cmyk);
  assert_looks_like (tool, "cmyk.tif", expected, 3);
  tool_save_image (tool, "cmyk.jpg[Q=100,no-subsample]", cmyk);
  assert_looks_like (tool, "cmyk.jpg", expected, 8);
  save (tool, "16.tif", tool_picture_as (cmyk, VIPS_FORMAT_USHORT, VIPS_INTERPRETATION_CMYK, 257));
  assert_looks_like (tool, "16.tif", expected, 3);
  vips_image_set_blob_copy (cmyk, VIPS_META_ICC_NAME, "not a profile at all", 20);
  save (tool, "broken.tif", cmyk);
  assert_looks_like (tool, "broken.tif", expected, 3);
  g_object_unref (expected);
}

/* As floats, in 16 bits, and in 8, where steps are larger. */
static void
test_lab (Tool *tool, gconstpointer data)
{
  static const struct
  {
    VipsInterpretation space;
    int tolerance;
  } kinds[] = {
    { VIPS_INTERPRETATION_LAB, 1 },
    { VIPS_INTERPRETATION_LABS, 2 },
    { VIPS_INTERPRETATION_LABQ, 5 },
  };
  VipsImage *picture = muted_picture (), *lab;

  (void) data;
  for (guint i = 0; i < G_N_ELEMENTS (kinds); i++)
    {
      check (vips_colourspace (picture, &lab, kinds[i].space, NULL));
      save (tool, "lab.tif", lab);
      assert_looks_like (tool, "lab.tif", picture, kinds[i].tolerance);
    }
  g_object_unref (picture);
}

/* Other spaces are not for pictures. */
static void
test_other_spaces (Tool *tool, gconstpointer data)
{
  VipsImage *picture = tool_picture (WIDTH, HEIGHT, 3), *xyz;

  (void) data;
  check (vips_colourspace (picture, &xyz, VIPS_INTERPRETATION_XYZ, NULL));
  save (tool, "xyz.tif", xyz);
  assert_refused (tool, "xyz.tif", INPUT, "xyz.tif: is a xyz image", "segkit:unsupported");
  g_object_unref (picture);
}

static void
test_profile (Tool *tool, gconstpointer data)
{
  VipsImage *picture = tool_picture (WIDTH, HEIGHT, 3), *tagged;
  static const char *const names[] = { "profile.png", "profile.tif", "profile.webp[lossless]" };
  VipsBlob *profile;
  const void *bytes;
  gsize n;

  (void) data;
  tool_save_image (tool, "plain.png", picture);
  segment_expected (tool, "plain.png");

  /* Display P3, whose colours are stronger than the same numbers in sRGB */
  check (vips_profile_load ("p3", &profile, NULL));
  bytes = vips_blob_get (profile, &n);
  check (vips_copy (picture, &tagged, NULL));
  vips_image_set_blob_copy (tagged, VIPS_META_ICC_NAME, bytes, n);
  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    {
      tool_save_image (tool, names[i], tagged);
      assert_same_labels (tool, i == 2 ? "profile.webp" : names[i]);
    }
  vips_area_unref (VIPS_AREA (profile));

  vips_image_set_blob_copy (tagged, VIPS_META_ICC_NAME, "not a profile at all", 20);
  tool_save_image (tool, "broken.tif", tagged);
  assert_same_labels (tool, "broken.tif");
  g_object_unref (tagged);
  g_object_unref (picture);
}

/* Behind the first @at bytes of a file. */
static void
insert_bytes (Tool *tool, const char *name, gsize at, GByteArray *bytes)
{
  g_autofree char *path = tool_path (tool, name);
  g_autofree guint8 *file = NULL;
  g_autoptr (GByteArray) joined = g_byte_array_new ();
  gsize n;

  g_assert_true (g_file_get_contents (path, (char **) &file, &n, NULL));
  g_byte_array_append (joined, file, (guint) at);
  g_byte_array_append (joined, bytes->data, bytes->len);
  g_byte_array_append (joined, file + at, (guint) (n - at));
  tool_save_bytes (tool, name, joined->data, joined->len);
}

static void
save_tagged (Tool *tool, const char *name, VipsImage *picture, guint8 orientation)
{
  const guint8 app1[] = { 0xff, 0xe1, 0, 2 + 6 + 26, 'E', 'x', 'i', 'f', 0, 0 };
  const guint8 exif[26] = { 'M', 'M',  0, 42, 0, 0, 0, 8, 0, 1,
                            1,   0x12, 0, 3,  0, 0, 0, 1, 0, orientation };
  g_autoptr (GByteArray) bytes = g_byte_array_new ();
  VipsImage *tagged;

  check (vips_copy (picture, &tagged, NULL));
  if (g_str_has_suffix (name, ".tif"))
    vips_image_set_int (tagged, VIPS_META_ORIENTATION, orientation);
  save (tool, name, tagged);
  if (g_str_has_suffix (name, ".jpg"))
    {
      g_byte_array_append (bytes, app1, sizeof app1);
      g_byte_array_append (bytes, exif, sizeof exif);
      insert_bytes (tool, name, 2, bytes);
    }
  else if (g_str_has_suffix (name, ".png"))
    {
      tool_append_png_chunk (bytes, "eXIf", exif, sizeof exif);
      insert_bytes (tool, name, 8 + 12 + 13, bytes);
    }
}

static void
test_orientation (Tool *tool, gconstpointer data)
{
  static const char *const names[] = { "tagged.tif", "tagged.jpg", "tagged.png" };
  VipsImage *picture = tool_picture (WIDTH, HEIGHT, 3);

  (void) data;
  for (guint8 orientation = 1; orientation <= 8; orientation++)
    for (guint i = 0; i < G_N_ELEMENTS (names); i++)
      {
        VipsImage *loaded, *upright;

        g_test_message ("%d", orientation);
        save_tagged (tool, names[i], picture, orientation);
        loaded = tool_load (tool, names[i]);
        g_assert_cmpint (vips_image_get_orientation (loaded), ==, orientation);
        check (vips_autorot (loaded, &upright, NULL));
        g_assert_cmpint (upright->Xsize, ==, orientation < 5 ? WIDTH : HEIGHT);
        save (tool, "upright.png", upright);
        g_object_unref (loaded);
        segment_expected (tool, "upright.png");
        assert_same_labels (tool, names[i]);
      }
  g_object_unref (picture);
}

/* Three pictures that differ, below one another, as one file of three pages. */
static void
save_pages (Tool *tool, const char *name)
{
  VipsImage *joined, *copy;

  joined = tool_picture (WIDTH, 3 * HEIGHT, 3);
  check (vips_copy (joined, &copy, NULL));
  g_object_unref (joined);
  vips_image_set_int (copy, VIPS_META_PAGE_HEIGHT, HEIGHT);
  save (tool, name, copy);
}

static void
assert_pages (Tool *tool, const char *name)
{
  g_autofree char *warning = g_strdup_printf ("%s: only the first of 3 pages", name);

  for (int page = 0; page < 3; page++)
    {
      g_autofree char *path = tool_path (tool, name);
      g_autofree char *choice = g_strdup_printf ("%s[page=%d]", path, page);
      VipsImage *image = vips_image_new_from_file (choice, NULL);

      g_assert_nonnull (image);
      g_assert_cmpint (image->Ysize, ==, HEIGHT);
      save (tool, "page.png", image);
      segment_expected (tool, "page.png");
      assert_same_labels (tool, choice);
      if (page == 0)
        {
          assert_warns (tool, name, warning);
          tool_assert_equal (tool, "a.png", "b.png");
        }
    }
}

static void
test_pages (Tool *tool, gconstpointer data)
{
  (void) data;
  save_pages (tool, "pages.tif");
  assert_pages (tool, "pages.tif");
  assert_refused (tool, "pages.tif[page=3]", INPUT, "pages.tif[page=3]", "segkit:format");
}

static void
test_animation (Tool *tool, gconstpointer data)
{
  (void) data;
  save_pages (tool, "moving.webp[lossless]");
  assert_pages (tool, "moving.webp");
  save_pages (tool, "moving.gif");
  assert_pages (tool, "moving.gif");
}

/* Smaller levels of the same picture, as pages or below the first. */
static void
test_pyramid (Tool *tool, gconstpointer data)
{
  VipsImage *picture = tool_picture (600, 500, 3), *half;

  (void) data;
  tool_save_image (tool, "plain.png", picture);
  segment_expected (tool, "plain.png");
  tool_save_image (tool, "pages.tif[tile,pyramid]", picture);
  assert_same_labels (tool, "pages.tif");
  tool_save_image (tool, "below.tif[tile,pyramid,subifd]", picture);
  assert_same_labels (tool, "below.tif");

  half = tool_load (tool, "pages.tif[page=1]");
  g_assert_cmpint (half->Xsize, ==, 300);
  save (tool, "plain.png", half);
  segment_expected (tool, "plain.png");
  assert_same_labels (tool, "pages.tif[page=1]");
  assert_same_labels (tool, "below.tif[subifd=0]");
  g_object_unref (picture);
}

static void
test_load_options (Tool *tool, gconstpointer data)
{
  static const struct
  {
    const char *image, *names;
  } wrong[] = {
    { "image.png[page=0]", "a PNG file has no option \"page\"" },
    { "image.tif[fail_on=none]", "no option \"fail_on\"; there is page and subifd" },
    { "image.tif[access=random]", "no option \"access\"" },
    { "image.tif[n=-1]", "no option \"n\"" },
    { "image.tif[level=1]", "no option \"level\"" },
    { "image.tif[filename=/etc/passwd]", "no option \"filename\"" },
    { "image.tif[page=-1]", "\"page\" cannot be -1" },
    { "image.tif[page=one]", "\"page\"" },
    { "image.tif[page=99999999999]", "\"page\"" },
    { "image.tif[page]", "\"page\"" },
  };
  VipsImage *picture = tool_picture (WIDTH, HEIGHT, 3);

  (void) data;
  tool_save_image (tool, "image.png", picture);
  tool_save_image (tool, "image.tif", picture);
  for (guint i = 0; i < G_N_ELEMENTS (wrong); i++)
    assert_refused (tool, wrong[i].image, USAGE, wrong[i].names, "segkit:param");
  assert_refused (tool, "none.tif[page=0]", IO, "none.tif", "io:not-found");

  g_assert_cmpint (tool_run (tool, MODEL, "-o", "image.tif", "image.tif[page=0]", NULL), ==, USAGE);
  tool_assert_fails (tool, USAGE, "image.tif: would be written over image.tif", "usage");

  segment_expected (tool, "image.png");
  assert_same_labels (tool, "image.tif[]");
  assert_same_labels (tool, "image.tif[ page = 0 ]");
  save (tool, "image.jpg", picture);
  g_assert_cmpint (tool_run (tool, MODEL, "-o", "b.png", "image.jpg[shrink=2]", NULL), ==, OK);
  picture = tool_load (tool, "b.png");
  g_assert_cmpint (picture->Xsize, ==, WIDTH / 2);
  g_object_unref (picture);
}

/* A name that only looks as if it had options. */
static void
test_brackets (Tool *tool, gconstpointer data)
{
  g_autofree char *path = tool_path (tool, "plain.png"), *bytes = NULL;
  gsize n;

  (void) data;
  save (tool, "plain.png", tool_picture (WIDTH, HEIGHT, 3));
  segment_expected (tool, "plain.png");
  g_assert_true (g_file_get_contents (path, &bytes, &n, NULL));
  tool_save_bytes (tool, "scan[1]", bytes, n);
  assert_same_labels (tool, "scan[1]");
  tool_save_bytes (tool, "scan[2].png", bytes, n);
  assert_same_labels (tool, "scan[2].png");
}

int
main (int argc, char **argv)
{
  tool_main_init (&argc, &argv);
#define ADD(path, function) \
  g_test_add (path, Tool, NULL, tool_setup, function, tool_teardown)
  ADD ("/kinds/formats", test_formats);
  ADD ("/kinds/wrong-suffix", test_wrong_suffix);
  ADD ("/kinds/few-bits", test_few_bits);
  ADD ("/kinds/16-bits", test_16_bits);
  ADD ("/kinds/32-bits", test_32_bits);
  ADD ("/kinds/signed", test_signed);
  ADD ("/kinds/float", test_float);
  ADD ("/kinds/too-wide", test_too_wide);
  ADD ("/kinds/float-too-large", test_float_too_large);
  ADD ("/kinds/not-finite", test_not_finite);
  ADD ("/kinds/grey", test_grey);
  ADD ("/kinds/luma", test_luma);
  ADD ("/kinds/alpha", test_alpha);
  ADD ("/kinds/premultiplied", test_premultiplied);
  ADD ("/kinds/palette", test_palette);
  ADD ("/kinds/bands", test_bands);
  ADD ("/kinds/many-bands", test_many_bands);
  ADD ("/kinds/cmyk", test_cmyk);
  ADD ("/kinds/lab", test_lab);
  ADD ("/kinds/other-spaces", test_other_spaces);
  ADD ("/kinds/profile", test_profile);
  ADD ("/kinds/orientation", test_orientation);
  ADD ("/kinds/pages", test_pages);
  ADD ("/kinds/animation", test_animation);
  ADD ("/kinds/pyramid", test_pyramid);
  ADD ("/kinds/load-options", test_load_options);
  ADD ("/kinds/brackets", test_brackets);
  return g_test_run ();
}
