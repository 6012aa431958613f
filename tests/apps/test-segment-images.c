/* Files that are not what they seem, by accident or on purpose: never a crash, never a wait without
 * end, never memory without a bound; one line that names the file, and no label map. */
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <glib/gstdio.h>

#include "tool.h"

#define MODEL "-m", "model.safetensors"
#define MAX_SECONDS 120
/* The program alone takes some 40 MiB. */
#define MAX_KIB (400 * 1024)

enum { OK, FAILED, USAGE, INPUT, IO, LIMIT };

/* Of the program that has used the most so far. With a sanitizer it says nothing. */
static void
assert_memory_is_bounded (void)
{
#ifndef __SANITIZE_ADDRESS__
  struct rusage usage;

  g_assert_cmpint (getrusage (RUSAGE_CHILDREN, &usage), ==, 0);
  g_assert_cmpint (usage.ru_maxrss, <, MAX_KIB);
#endif
}

/* By bands and by tiles, that is read from top to bottom and in any order. */
static void
assert_refused (Tool *tool, const char *image, int status, const char *names, const char *cause)
{
  tool->max_seconds = MAX_SECONDS;
  g_assert_cmpint (tool_run (tool, MODEL, "--threads", "2", "-o", "out.png", image, NULL), ==,
                   status);
  tool_assert_fails (tool, status, names, cause);
  g_assert_cmpint (tool_run (tool, MODEL, "--threads", "2", "--tile", "64", "-o", "out.png", image,
                             NULL),
                   ==, status);
  tool_assert_fails (tool, status, names, cause);
  assert_memory_is_bounded ();
}

static void
test_not_an_image (Tool *tool, gconstpointer data)
{
  static const struct
  {
    const char *name, *contents;
  } files[] = {
    { "text.png", "not a picture\n" },
    { "empty.png", "" },
    { "a\nb\x1b[1m\xff.png", "" },
    { "drawing.svg", "<svg xmlns='http://www.w3.org/2000/svg'/>" },
    { "drawing.png", "<?xml version='1.0'?><svg xmlns='http://www.w3.org/2000/svg'/>" },
    { "page.pdf", "%PDF-1.4\n1 0 obj<<>>endobj\ntrailer<<>>\n%%EOF\n" },
    { "page.jpg", "%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\nshowpage\n" },
    { "script.png", "push graphic-context\nimage over 0,0 0,0 'ephemeral:/etc/passwd'\n" },
    { "raw.ppm", "P6\n2 1\n255\nabcdef" },
  };

  (void) data;
  for (guint i = 0; i < G_N_ELEMENTS (files); i++)
    {
      g_autofree char *path = tool_path (tool, files[i].name);

      tool_save_bytes (tool, files[i].name, files[i].contents, strlen (files[i].contents));
      assert_refused (tool, files[i].name, INPUT,
                      i == 2 ? "a\\x0ab\\x1b[1m\\xff.png: is not a PNG, JPEG, TIFF, WebP or GIF"
                             : ": is not a PNG, JPEG, TIFF, WebP or GIF",
                      "segkit:unsupported");
      g_unlink (path);
    }
  tool_assert_files (tool, "model.safetensors", NULL);
}

static void
test_not_a_file (Tool *tool, gconstpointer data)
{
  g_autofree char *pipe = tool_path (tool, "pipe.png"), *loop = tool_path (tool, "loop.png");
  g_autofree char *path = tool_path (tool, "socket.png");
  struct sockaddr_un address = { AF_UNIX, "" };
  int listener = socket (AF_UNIX, SOCK_STREAM, 0);

  (void) data;
  g_assert_cmpint (mkfifo (pipe, 0600), ==, 0);
  g_assert_cmpint (symlink ("loop.png", loop), ==, 0);
  g_assert_cmpuint (g_strlcpy (address.sun_path, path, sizeof address.sun_path), <,
                    sizeof address.sun_path);
  g_assert_cmpint (bind (listener, (struct sockaddr *) &address, sizeof address), ==, 0);

  assert_refused (tool, "none.png", IO, "none.png", "io:not-found");
  assert_refused (tool, "loop.png", IO, "loop.png", "io:too-many-links");
  assert_refused (tool, "pipe.png", INPUT, "pipe.png: is not a regular file", "segkit:format");
  assert_refused (tool, "socket.png", INPUT, "socket.png: is not a regular file", "segkit:format");
  assert_refused (tool, "/dev/zero", INPUT, "/dev/zero: is not a regular file", "segkit:format");
  assert_refused (tool, ".", USAGE, "one file for several images", "usage");
  tool_assert_files (tool, "pipe.png", "loop.png", "socket.png", NULL);
  close (listener);
}

/* root may read everything, so that somebody else has to try. */
static void
test_unreadable (Tool *tool, gconstpointer data)
{
  g_autofree char *setpriv = g_find_program_in_path ("setpriv");
  g_autofree char *path = tool_path (tool, "image.png");
  const char *someone[] = { setpriv, "--reuid=65534", "--regid=65534", "--clear-groups", NULL };
  VipsImage *picture;

  (void) data;
  if (geteuid () == 0 && setpriv == NULL)
    {
      g_test_skip ("needs setpriv to be another user than root");
      return;
    }
  picture = tool_picture (60, 40, 3);
  tool_save_image (tool, "image.png", picture);
  g_object_unref (picture);
  g_assert_cmpint (g_chmod (path, 0), ==, 0);
  g_assert_cmpint (g_chmod (tool->folder, 0777), ==, 0);
  if (geteuid () == 0)
    tool->before = someone;
  assert_refused (tool, "image.png", IO, "image.png: Permission denied", "io:permission-denied");
  tool_assert_files (tool, "image.png", NULL);
}

/* Cut at many places: each is told, none becomes a label map. */
static void
test_truncated (Tool *tool, gconstpointer data)
{
  static const char *const names[] = { "image.png", "image.jpg", "image.tif", "image.webp",
                                       "image.gif" };

  (void) data;
  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    {
      VipsImage *picture = tool_picture (300, 400, 3);
      g_autofree char *path = tool_path (tool, names[i]);
      g_autofree char *bytes = NULL;
      gsize n;

      tool_save_image (tool, names[i], picture);
      g_object_unref (picture);
      g_assert_true (g_file_get_contents (path, &bytes, &n, NULL));
      for (guint part = 1; part < 10; part++)
        {
          tool_save_bytes (tool, names[i], bytes, n * part / 10);
          assert_refused (tool, names[i], INPUT, names[i], "segkit:format");
        }
      tool_save_bytes (tool, names[i], bytes, 20);
      assert_refused (tool, names[i], INPUT, names[i], "segkit:format");
      g_unlink (path);
    }
  tool_assert_files (tool, "model.safetensors", NULL);
}

/* A file that loses its bytes while it is read. */
static void
test_shrinks (Tool *tool, gconstpointer data)
{
  char *arguments[] = { (char *) g_getenv ("SEGKIT_SEGMENT"),
                        "-m",
                        "model.safetensors",
                        "-o",
                        "out.png",
                        "--threads",
                        "1",
                        "image.png",
                        NULL };
  g_auto (GStrv) environment = tool_dup_environment (tool);
  g_autofree char *path = tool_path (tool, "image.png");
  VipsImage *image;
  int status;
  GPid pid;

  (void) data;
  g_assert_cmpint (vips_black (&image, 8000, 200000, NULL), ==, 0);
  tool_save_image (tool, "image.png", image);
  g_object_unref (image);
  g_assert_true (g_spawn_async (tool->folder, arguments, environment,
                                G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_STDERR_TO_DEV_NULL, NULL, NULL,
                                &pid, NULL));
  g_usleep (2 * G_USEC_PER_SEC);
  g_assert_cmpint (truncate (path, 100), ==, 0);
  g_assert_cmpint (waitpid (pid, &status, 0), ==, pid);
  g_assert_true (WIFEXITED (status));
  g_assert_cmpint (WEXITSTATUS (status), ==, INPUT);
  tool_assert_files (tool, "image.png", NULL);
}

/* Two poolings leave nothing of three pixels. */
static void
test_too_small (Tool *tool, gconstpointer data)
{
  VipsImage *picture = tool_picture (3, 40, 3);

  (void) data;
  tool_save_image (tool, "small.png", picture);
  g_object_unref (picture);
  assert_refused (tool, "small.png", INPUT,
                  "small.png: an image of 3 × 40 pixels is too small for the network, which takes "
                  "4 × 4 or more",
                  "segkit:shape");
  g_assert_cmpint (tool_run (tool, MODEL, "--tile", "2", "-o", "out.png", "small.png", NULL), ==,
                   INPUT);
  tool_assert_fails (tool, INPUT,
                     "small.png: an image of 3 × 40 pixels is too small for the network, which "
                     "takes 4 × 4 or more",
                     "segkit:shape");
}

/* One row or one column of many pixels. */
static void
test_thin (Tool *tool, gconstpointer data)
{
  static const int sizes[][2] = { { 100000, 4 }, { 4, 100000 } };

  (void) data;
  tool->max_seconds = MAX_SECONDS;
  for (guint i = 0; i < G_N_ELEMENTS (sizes); i++)
    {
      VipsImage *image = tool_picture (sizes[i][0], sizes[i][1], 1);

      tool_save_image (tool, "thin.tif", image);
      g_object_unref (image);
      g_assert_cmpint (tool_run (tool, MODEL, "--threads", "2", "-o", "a.png", "thin.tif", NULL), ==,
                       OK);
      g_assert_cmpint (tool_run (tool, MODEL, "--tile", "5000", "-o", "b.png", "thin.tif", NULL),
                       ==, OK);
      tool_assert_equal (tool, "a.png", "b.png");
      assert_memory_is_bounded ();
    }
}

static void
append_png_header (GByteArray *bytes, guint32 width, guint32 height, guint8 interlace)
{
  struct
  {
    guint32 width, height;
    guint8 depth, colour, compression, filter, interlace;
  } header = { GUINT32_TO_BE (width), GUINT32_TO_BE (height), 8, 2, 0, 0, interlace };

  g_byte_array_append (bytes, (const guint8 *) "\x89PNG\r\n\x1a\n", 8);
  tool_append_png_chunk (bytes, "IHDR", &header, 13);
}

/* Hardly any pixels for what the header claims. */
static void
save_png_of_size (Tool *tool, guint32 width, guint32 height, guint8 interlace)
{
  static const guint8 zeros[] = "\x78\x9c\x63\x60\xa0\x3d\x00\x00\x00\x64\x00\x01";
  g_autoptr (GByteArray) bytes = g_byte_array_new ();

  append_png_header (bytes, width, height, interlace);
  tool_append_png_chunk (bytes, "IDAT", zeros, sizeof zeros - 1);
  tool_append_png_chunk (bytes, "IEND", "", 0);
  tool_save_bytes (tool, "image.png", bytes->data, bytes->len);
}

static void
test_png_sizes (Tool *tool, gconstpointer data)
{
  (void) data;
  save_png_of_size (tool, 0, 10, 0);
  assert_refused (tool, "image.png", INPUT, "image.png: Image width is zero", "segkit:format");
  save_png_of_size (tool, 1000001, 1, 0);
  assert_refused (tool, "image.png", LIMIT, "image.png: 1000001 × 1 pixels", "segkit:memory");
  save_png_of_size (tool, 1, 1000001, 0);
  assert_refused (tool, "image.png", LIMIT, "image.png: 1 × 1000001 pixels", "segkit:memory");
  save_png_of_size (tool, G_MAXINT32, G_MAXINT32, 0);
  assert_refused (tool, "image.png", INPUT, "image.png: Image width exceeds", "segkit:format");
  /* an interlaced image has to be held whole */
  save_png_of_size (tool, 16385, 16385, 1);
  assert_refused (tool, "image.png", LIMIT, "all 16385 × 16385 pixels are needed at once",
                  "segkit:memory");
  save_png_of_size (tool, 10000, 10000, 1);
  assert_refused (tool, "image.png", INPUT, "image.png: ", "segkit:format");
}

/* 100,000 × 100,000 pixels are read row by row, but are too many for the temporary folder. */
static void
test_png_bomb (Tool *tool, gconstpointer data)
{
  (void) data;
  tool->max_seconds = MAX_SECONDS;
  save_png_of_size (tool, 100000, 100000, 0);
  g_assert_cmpint (tool_run (tool, MODEL, "-o", "out.png", "image.png", NULL), ==, INPUT);
  tool_assert_fails (tool, INPUT, "image.png: Not enough image data", "segkit:format");
  assert_memory_is_bounded ();
  tool->variable = "TMPDIR";
  tool->value = "/proc";
  g_assert_cmpint (tool_run (tool, MODEL, "--tile", "64", "-o", "out.png", "image.png", NULL), ==,
                   IO);
  tool_assert_fails (tool, IO, "needs 30000000000 bytes in /proc, where 0 are free", "io:no-space");
}

/* Lengths that are only claimed: libpng would take memory first and read later. */
static void
test_png_chunks (Tool *tool, gconstpointer data)
{
  static const char *const types[] = { "iTXt", "tEXt", "zTXt", "sCAL", "sPLT",
                                       "iCCP", "eXIf", "hIST", "PLTE", "prIV" };
  static const guint32 lengths[] = { G_MAXINT32, 8 };
  g_autoptr (GByteArray) bytes = g_byte_array_new ();
  g_autofree char *path = tool_path (tool, "image.png");
  const guint8 large[] = { 5, 0, 0, 0, 't', 'E', 'X', 't' };

  (void) data;
  for (guint i = 0; i < G_N_ELEMENTS (types); i++)
    for (guint j = 0; j < G_N_ELEMENTS (lengths); j++)
      {
        guint32 length = GUINT32_TO_BE (lengths[j]);
        g_autofree char *claim = g_strdup_printf (
            "\"%s\" at byte 33 claims %u bytes, and the file ends after 6", types[i], lengths[j]);

        g_byte_array_set_size (bytes, 0);
        append_png_header (bytes, 32, 32, 0);
        g_byte_array_append (bytes, (const guint8 *) &length, 4);
        g_byte_array_append (bytes, (const guint8 *) types[i], 4);
        g_byte_array_append (bytes, (const guint8 *) "x\0\0\0\0", 6);
        tool_save_bytes (tool, "image.png", bytes->data, bytes->len);
        assert_refused (tool, "image.png", INPUT, claim, "segkit:format");
      }

  /* 80 MiB that really are there, as a hole */
  g_byte_array_set_size (bytes, 0);
  append_png_header (bytes, 32, 32, 0);
  g_byte_array_append (bytes, large, sizeof large);
  tool_save_bytes (tool, "image.png", bytes->data, bytes->len);
  g_assert_cmpint (truncate (path, 100 << 20), ==, 0);
  assert_refused (tool, "image.png", LIMIT, "at most 67108864 are read", "segkit:memory");
}

/* A text of 256 MiB, of which the file holds 256 KiB. */
static void
test_png_text_bomb (Tool *tool, gconstpointer data)
{
  g_autoptr (GConverter) deflate =
      G_CONVERTER (g_zlib_compressor_new (G_ZLIB_COMPRESSOR_FORMAT_ZLIB, 9));
  g_autoptr (GByteArray) bytes = g_byte_array_new (), text = g_byte_array_new ();
  g_autofree guint8 *zeros = g_malloc0 (1 << 20), *packed = g_malloc (1 << 20);
  const guint8 pixels[] = { 0x78, 0x9c, 0x63, 0x60, 0x60, 0x60, 0, 0, 0, 4, 0, 1 };
  gsize n_read, n_written;

  (void) data;
  g_byte_array_append (text, (const guint8 *) "x\0\0", 3);
  for (guint i = 1; i <= 256; i++)
    {
      GConverterFlags flags = i == 256 ? G_CONVERTER_INPUT_AT_END : G_CONVERTER_NO_FLAGS;

      for (gsize at = 0; at < 1 << 20; at += n_read)
        {
          g_converter_convert (deflate, zeros, (1 << 20) - at, packed, 1 << 20, flags, &n_read,
                               &n_written, NULL);
          g_byte_array_append (text, packed, (guint) n_written);
        }
    }
  append_png_header (bytes, 1, 1, 0);
  tool_append_png_chunk (bytes, "zTXt", text->data, text->len);
  tool_append_png_chunk (bytes, "IDAT", pixels, sizeof pixels);
  tool_append_png_chunk (bytes, "IEND", "", 0);
  tool_save_bytes (tool, "image.png", bytes->data, bytes->len);
  /* it is too small for the network, which is known only after the text has been read */
  assert_refused (tool, "image.png", INPUT, "1 × 1 pixels is too small", "segkit:shape");
}

static gboolean
find_pngs (const char *folder, GPtrArray *paths)
{
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  const char *name;

  if (dir == NULL)
    return FALSE;
  while ((name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *path = g_build_filename (folder, name, NULL);

      if (g_file_test (path, G_FILE_TEST_IS_DIR))
        find_pngs (path, paths);
      else if (g_str_has_suffix (name, ".png"))
        g_ptr_array_add (paths, g_steal_pointer (&path));
    }
  return TRUE;
}

/* The corpus of the Rust crate image-png. What must be refused there is named x….png. */
static void
test_png_files (Tool *tool, gconstpointer data)
{
  const char *root = g_getenv ("SEGKIT_TEST_DATA");
  g_autofree char *folder = root != NULL
                                ? g_build_filename (root, "malformed", "image-png", NULL)
                                : g_test_build_filename (G_TEST_DIST, "..", "shared", "data",
                                                         "malformed", "image-png", NULL);
  g_autoptr (GPtrArray) paths = g_ptr_array_new_with_free_func (g_free);

  (void) data;
  if (!find_pngs (folder, paths))
    {
      g_test_skip ("needs malformed/image-png in SEGKIT_TEST_DATA");
      return;
    }
  tool->max_seconds = MAX_SECONDS;
  for (guint i = 0; i < paths->len; i++)
    {
      const char *path = paths->pdata[i];
      g_autofree char *name = g_path_get_basename (path);
      g_autofree char *out = tool_path (tool, "out.png");
      int status = tool_run (tool, MODEL, "-o", "out.png", path, NULL);

      g_test_message ("%s: %d %s", path, status, tool->error_line);
      if (status == OK)
        {
          g_assert_false (name[0] == 'x' && strstr (path, "pngsuite/") != NULL);
          g_assert_cmpint (g_unlink (out), ==, 0);
          continue;
        }
      g_assert_true (status == INPUT || status == LIMIT);
      g_assert_nonnull (strstr (tool->error_line, name));
      g_assert_true (g_str_has_prefix (tool->error_line, "segment: error: "));
      g_assert_true (strchr (tool->error_line, '\n') == strrchr (tool->error_line, '\n'));
      g_assert_false (g_file_test (out, G_FILE_TEST_EXISTS));
      assert_memory_is_bounded ();
    }
  tool_assert_files (tool, "model.safetensors", NULL);
}

typedef struct
{
  guint16 tag, type;
  guint32 count, value;
} TiffEntry;

enum
{
  SHORT = 3,
  LONG = 4,
  UNDEFINED = 7,
  WIDTH = 256,
  HEIGHT = 257,
  BITS = 258,
  COMPRESSION = 259,
  PHOTOMETRIC = 262,
  STRIP_OFFSETS = 273,
  SAMPLES = 277,
  STRIP_ROWS = 278,
  STRIP_BYTES = 279,
  TILE_WIDTH = 322,
  TILE_HEIGHT = 323,
  TILE_OFFSETS = 324,
  TILE_BYTES = 325,
  SUB_IFDS = 330,
  ICC_PROFILE = 34675,
};

/* One directory at byte 8, and 4000 zeros behind it. */
static void
save_tiff (Tool *tool, const TiffEntry *entries, guint16 n, guint32 next)
{
  g_autoptr (GByteArray) bytes = g_byte_array_new ();
  guint16 n_little = GUINT16_TO_LE (n);
  guint8 zeros[4000] = { 0 };

  g_byte_array_append (bytes, (const guint8 *) "II*\0\x08\0\0", 8);
  g_byte_array_append (bytes, (const guint8 *) &n_little, 2);
  for (guint i = 0; i < n; i++)
    {
      TiffEntry e = { GUINT16_TO_LE (entries[i].tag), GUINT16_TO_LE (entries[i].type),
                      GUINT32_TO_LE (entries[i].count), GUINT32_TO_LE (entries[i].value) };

      g_byte_array_append (bytes, (const guint8 *) &e, sizeof e);
    }
  next = GUINT32_TO_LE (next);
  g_byte_array_append (bytes, (const guint8 *) &next, 4);
  g_byte_array_append (bytes, zeros, sizeof zeros);
  tool_save_bytes (tool, "image.tif", bytes->data, bytes->len);
}

static void
save_tiff_of_size (Tool *tool, guint32 width, guint32 height, guint32 samples, guint32 next)
{
  const TiffEntry entries[] = {
    { WIDTH, LONG, 1, width },      { HEIGHT, LONG, 1, height },
    { BITS, SHORT, 1, 8 },          { COMPRESSION, SHORT, 1, 1 },
    { PHOTOMETRIC, SHORT, 1, 1 },   { STRIP_OFFSETS, LONG, 1, 200 },
    { SAMPLES, SHORT, 1, samples }, { STRIP_ROWS, LONG, 1, height },
    { STRIP_BYTES, LONG, 1, 4000 },
  };

  save_tiff (tool, entries, G_N_ELEMENTS (entries), next);
}

static void
test_tiff_sizes (Tool *tool, gconstpointer data)
{
  (void) data;
  save_tiff_of_size (tool, 10, 10, 65535, 0);
  assert_refused (tool, "image.tif", INPUT, "image.tif: ", "segkit:format");
  save_tiff_of_size (tool, 10, 10, 1000, 0);
  assert_refused (tool, "image.tif", INPUT, "1000 bands, more than 64", "segkit:unsupported");
  save_tiff_of_size (tool, 4000000000, 4000000000, 1, 0);
  assert_refused (tool, "image.tif", INPUT, "image.tif: ", "segkit:format");
  save_tiff_of_size (tool, 1000001, 10, 1, 0);
  assert_refused (tool, "image.tif", LIMIT, "1000001 × 10 pixels", "segkit:memory");
  save_tiff_of_size (tool, 0, 10, 1, 0);
  assert_refused (tool, "image.tif", INPUT, "image.tif: ", "segkit:format");
  /* one strip of 400 MB, of which there are 4000 bytes */
  save_tiff_of_size (tool, 20000, 20000, 1, 0);
  assert_refused (tool, "image.tif", INPUT, "image.tif: ", "segkit:format");
}

/* Lengths and places that lie outside the file. */
static void
test_tiff_claims (Tool *tool, gconstpointer data)
{
  static const TiffEntry strips[] = {
    { WIDTH, LONG, 1, 32 },
    { HEIGHT, LONG, 1, 32 },
    { BITS, SHORT, 1, 8 },
    { COMPRESSION, SHORT, 1, 1 },
    { PHOTOMETRIC, SHORT, 1, 1 },
    { STRIP_OFFSETS, LONG, G_MAXINT32, 200 },
    { SAMPLES, SHORT, 1, 1 },
    { STRIP_ROWS, LONG, 1, 1 },
    { STRIP_BYTES, LONG, G_MAXINT32, 200 },
  };
  static const TiffEntry tiles[] = {
    { WIDTH, LONG, 1, 1000000 },
    { HEIGHT, LONG, 1, 1000000 },
    { BITS, SHORT, 1, 8 },
    { COMPRESSION, SHORT, 1, 1 },
    { PHOTOMETRIC, SHORT, 1, 1 },
    { SAMPLES, SHORT, 1, 1 },
    { TILE_WIDTH, LONG, 1, 1000000 },
    { TILE_HEIGHT, LONG, 1, 1000000 },
    { TILE_OFFSETS, LONG, 1, 200 },
    { TILE_BYTES, LONG, 1, 4000 },
  };
  static const TiffEntry high_tiles[] = {
    { WIDTH, LONG, 1, 100000 },       { HEIGHT, LONG, 1, 100000 },
    { BITS, SHORT, 1, 8 },            { COMPRESSION, SHORT, 1, 1 },
    { PHOTOMETRIC, SHORT, 1, 1 },     { SAMPLES, SHORT, 1, 1 },
    { TILE_WIDTH, SHORT, 1, 9600 },   { TILE_HEIGHT, SHORT, 1, 9600 },
    { TILE_OFFSETS, LONG, 121, 200 }, { TILE_BYTES, LONG, 121, 1000 },
  };
  static const char *const headers[] = { "II*\0\0\0\0", "II*\0\xff\xff\xff", "MM\0*\xff\xff\xff" };

  (void) data;
  save_tiff (tool, strips, G_N_ELEMENTS (strips), 0);
  assert_refused (tool, "image.tif", INPUT, "image.tif: ", "segkit:format");
  save_tiff (tool, tiles, G_N_ELEMENTS (tiles), 0);
  assert_refused (tool, "image.tif", INPUT, "image.tif: ", "segkit:format");
  save_tiff (tool, high_tiles, G_N_ELEMENTS (high_tiles), 0);
  assert_refused (tool, "image.tif", LIMIT, "one row of tiles has 100000 × 9600 pixels",
                  "segkit:memory");
  for (guint i = 0; i < G_N_ELEMENTS (headers); i++)
    {
      tool_save_bytes (tool, "image.tif", headers[i], 8);
      assert_refused (tool, "image.tif", INPUT, "image.tif: ", "segkit:format");
    }
}

/* Directories that lead back to themselves, and a profile longer than the file. The first
 * directory holds a good image all the same. */
static void
test_tiff_loops (Tool *tool, gconstpointer data)
{
  static const struct
  {
    TiffEntry entry;
    guint32 next;
  } cases[] = {
    { { ICC_PROFILE, UNDEFINED, 1, 0 }, 8 },
    { { SUB_IFDS, LONG, 1, 8 }, 0 },
    { { ICC_PROFILE, UNDEFINED, G_MAXINT32, 100 }, 0 },
  };

  (void) data;
  tool->max_seconds = MAX_SECONDS;
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      const TiffEntry entries[] = {
        { WIDTH, LONG, 1, 32 },         { HEIGHT, LONG, 1, 32 },
        { BITS, SHORT, 1, 8 },          { COMPRESSION, SHORT, 1, 1 },
        { PHOTOMETRIC, SHORT, 1, 1 },   { STRIP_OFFSETS, LONG, 1, 200 },
        { SAMPLES, SHORT, 1, 1 },       { STRIP_ROWS, LONG, 1, 32 },
        { STRIP_BYTES, LONG, 1, 1024 }, cases[i].entry,
      };

      save_tiff (tool, entries, G_N_ELEMENTS (entries), cases[i].next);
      g_assert_cmpint (tool_run (tool, MODEL, "-o", "out.png", "image.tif", NULL), ==, OK);
      g_assert_cmpint (tool_run (tool, MODEL, "-o", "out.png", "image.tif[page=1]", NULL), ==,
                       INPUT);
      tool_assert_fails (tool, INPUT, "image.tif[page=1]: ", "segkit:format");
      assert_memory_is_bounded ();
    }
}

/* Formats that are unpacked whole. */
static void
test_whole (Tool *tool, gconstpointer data)
{
  static const guint8 gif[] = { 'G', 'I', 'F', '8', '9', 'a',  255, 255, 255, 255,
                                0,   0,   0,   ',', 0,   0,    0,   0,   255, 255,
                                255, 255, 0,   2,   2,   0x4c, 1,   0,   ';' };
  /* 16383 × 16383 */
  static const guint8 webp[] = { 'R', 'I', 'F', 'F', 18, 0, 0, 0,    'W',  'E',  'B',  'P',  'V',
                                 'P', '8', 'L', 5,   0,  0, 0, 0x2f, 0xfe, 0xbf, 0xff, 0x0f, 0 };
  /* progressive, 65500 × 65500 */
  static const guint8 jpeg[] = { 0xff, 0xd8, 0xff, 0xc2, 0, 11,   8,    0xff, 0xdc, 0xff,
                                 0xdc, 1,    1,    0x11, 0, 0xff, 0xda, 0,    8,    1,
                                 1,    0,    0,    0,    0, 0,    0,    0 };

  (void) data;
  tool_save_bytes (tool, "image.gif", gif, sizeof gif);
  assert_refused (tool, "image.gif", LIMIT, "65535 × 65535 pixels are needed at once",
                  "segkit:memory");
  tool_save_bytes (tool, "image.webp", webp, sizeof webp);
  assert_refused (tool, "image.webp", INPUT, "image.webp: ", "segkit:format");
  tool_save_bytes (tool, "image.jpg", jpeg, sizeof jpeg);
  assert_refused (tool, "image.jpg", LIMIT, "65500 × 65500 pixels are needed at once",
                  "segkit:memory");
}

int
main (int argc, char **argv)
{
  /* Meson's: fills, and so uses, what a program only reserves */
  g_unsetenv ("MALLOC_PERTURB_");
  tool_main_init (&argc, &argv);
#define ADD(path, function) \
  g_test_add (path, Tool, NULL, tool_setup, function, tool_teardown)
  ADD ("/images/not-an-image", test_not_an_image);
  ADD ("/images/not-a-file", test_not_a_file);
  ADD ("/images/unreadable", test_unreadable);
  ADD ("/images/truncated", test_truncated);
  ADD ("/images/shrinks", test_shrinks);
  ADD ("/images/too-small", test_too_small);
  ADD ("/images/thin", test_thin);
  ADD ("/images/png-sizes", test_png_sizes);
  ADD ("/images/png-bomb", test_png_bomb);
  ADD ("/images/png-chunks", test_png_chunks);
  ADD ("/images/png-text-bomb", test_png_text_bomb);
  ADD ("/images/png-files", test_png_files);
  ADD ("/images/tiff-sizes", test_tiff_sizes);
  ADD ("/images/tiff-claims", test_tiff_claims);
  ADD ("/images/tiff-loops", test_tiff_loops);
  ADD ("/images/whole", test_whole);
  return g_test_run ();
}
