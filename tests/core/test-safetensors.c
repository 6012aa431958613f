#include <segkit/error.h>
#include <segkit/memory.h>
#include <segkit/safetensors.h>

#include <gio/gio.h>
#include <math.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "testing.h"

/* ---- files made by hand -------------------------------------------------------------- */

/* Not by GLib, which brings each file to the disk: there are hundreds. */
static void
write_file (const char *path, const void *data, gsize n)
{
  FILE *file = fopen (path, "w");

  g_assert_cmpuint (fwrite (data, 1, n, file), ==, n);
  g_assert_cmpint (fclose (file), ==, 0);
}

/* A file of a header, of the length it says, and data of so many bytes. */
static void
write_parts (const char *path, guint64 length, const char *header, gsize n_header, gsize n_data)
{
  g_autoptr (GByteArray) bytes = g_byte_array_new ();
  g_autofree guint8 *data = g_malloc (n_data + 1);

  for (gsize i = 0; i < n_data; i++)
    data[i] = (guint8) i;
  g_byte_array_append (bytes, (const guint8 *) &length, sizeof length);
  g_byte_array_append (bytes, (const guint8 *) header, (guint) n_header);
  g_byte_array_append (bytes, data, (guint) n_data);
  write_file (path, bytes->data, bytes->len);
}

static void
write_header (const char *path, const char *header, gsize n_data)
{
  write_parts (path, strlen (header), header, strlen (header), n_data);
}

static SegSafetensors *
read_good (const char *path)
{
  g_autoptr (GError) error = NULL;
  SegSafetensors *file = seg_safetensors_read (path, &error);

  g_assert_no_error (error);
  g_assert_nonnull (file);
  return file;
}

/* Refused, in one line that begins with the path, and without a byte left behind. */
static void
assert_refused (const char *path, SegError code, const char *part)
{
  g_autoptr (GError) error = NULL;
  gsize used = seg_memory_get_used ();

  g_assert_null (seg_safetensors_read (path, &error));
  g_assert_nonnull (error);
  g_test_message ("%s", error->message);
  g_assert_error (error, SEG_ERROR, (gint) code);
  g_assert_true (g_str_has_prefix (error->message, path));
  g_assert_null (strchr (error->message, '\n'));
  g_assert_true (g_utf8_validate (error->message, -1, NULL));
  g_assert_nonnull (strstr (error->message, part));
  g_assert_cmpuint (seg_memory_get_used (), ==, used);
}

static const struct
{
  const char *name, *header;
  gsize n_data;
  const char *message;
} bad[] = {
  { "empty-header", "", 0, "header has 0 bytes" },
  { "one-byte", "{", 0, "header has 1 bytes" },
  { "array", "[]", 0, "does not begin with {" },
  { "text", "\"a\"", 0, "does not begin with {" },
  { "space-in-front", " {}", 0, "does not begin with {" },
  { "newline-behind", "{}\n", 0, "does not end with }" },
  { "second-document", "{}{}", 0, "header: byte 3" },
  { "two-documents", "{} {}", 0, "header: byte 4" },
  { "comment", "{/* */}", 0, "header: byte" },
  { "comma-at-end", "{\"__metadata__\":{},}", 0, "header: byte" },
  { "unterminated", "{\"a\":\"}", 0, "header: byte" },
  { "nested", "{\"a\":[[[[[[[[]]]]]]]]}", 0, "nested deeper" },
  { "closed-too-often", "{\"__metadata__\":{}}}}", 0, "header: byte" },
  { "duplicate",
    "{\"w\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},"
    "\"w\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}",
    4, "duplicate" },
  { "duplicate-escaped",
    "{\"w\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},"
    "\"\\u0077\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}",
    4, "duplicate" },
  { "duplicate-inside", "{\"w\":{\"dtype\":\"F32\",\"dtype\":\"F16\",\"shape\":[0]}}", 0,
    "duplicate" },
  { "duplicate-metadata", "{\"__metadata__\":{\"a\":\"1\",\"a\":\"2\"}}", 0, "duplicate" },
  { "metadata-not-object", "{\"__metadata__\":\"a\"}", 0, "not an object" },
  { "metadata-number", "{\"__metadata__\":{\"a\":1}}", 0, "\"a\" is not a string" },
  { "metadata-nul", "{\"__metadata__\":{\"a\":\"x\\u0000y\"}}", 0, "header: byte" },
  { "metadata-escape", "{\"__metadata__\":{\"a\\u001b[2J\":\"x\"}}", 0, "\"a\\u001b[2J\"" },
  { "entry-null", "{\"w\":null}", 0, "tensor \"w\"" },
  { "entry-empty", "{\"w\":{}}", 0, "tensor \"w\"" },
  { "entry-more", "{\"w\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0,0],\"x\":1}}", 0,
    "tensor \"w\"" },
  { "entry-other", "{\"w\":{\"dtype\":\"F32\",\"shape\":[0],\"offsets\":[0,0]}}", 0,
    "tensor \"w\"" },
  { "name-empty", "{\"\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}", 4,
    "\"\" cannot be" },
  { "name-control", "{\"a\\u0007\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}", 4,
    "\"a\\u0007\" cannot be" },
  { "name-newline", "{\"a\\nb\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}", 4,
    "\"a\\u000ab\" cannot be" },
  { "name-bidi", "{\"a\\u202eb\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}", 4,
    "\"a\\u202eb\" cannot be" },
  { "name-nul", "{\"a\\u0000\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}", 4,
    "header: byte" },
  { "name-not-utf8", "{\"a\xff\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}", 4,
    "header: byte" },
  { "name-surrogate", "{\"a\\ud800\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}", 4,
    "header: byte" },
  { "dtype-number", "{\"w\":{\"dtype\":1,\"shape\":[1],\"data_offsets\":[0,4]}}", 4, "no dtype" },
  { "shape-number", "{\"w\":{\"dtype\":\"F32\",\"shape\":1,\"data_offsets\":[0,4]}}", 4,
    "no shape" },
  { "shape-negative", "{\"w\":{\"dtype\":\"F32\",\"shape\":[-1,-1],\"data_offsets\":[0,4]}}", 4,
    "not a whole number" },
  { "shape-fraction", "{\"w\":{\"dtype\":\"F32\",\"shape\":[1.0],\"data_offsets\":[0,4]}}", 4,
    "not a whole number" },
  { "shape-exponent", "{\"w\":{\"dtype\":\"F32\",\"shape\":[1e0],\"data_offsets\":[0,4]}}", 4,
    "not a whole number" },
  { "shape-text", "{\"w\":{\"dtype\":\"F32\",\"shape\":[\"1\"],\"data_offsets\":[0,4]}}", 4,
    "not a whole number" },
  { "shape-leading-zero", "{\"w\":{\"dtype\":\"F32\",\"shape\":[01],\"data_offsets\":[0,4]}}", 4,
    "header: byte" },
  { "shape-overflow",
    "{\"w\":{\"dtype\":\"F32\",\"shape\":[4294967296,4294967296],\"data_offsets\":[0,0]}}", 0,
    "can be counted" },
  { "shape-overflow-by-dtype",
    "{\"w\":{\"dtype\":\"F32\",\"shape\":[4611686018427387904],\"data_offsets\":[0,0]}}", 0,
    "can be counted" },
  { "shape-overflow-and-zero",
    "{\"w\":{\"dtype\":\"F32\",\"shape\":[0,4294967296,4294967296],\"data_offsets\":[0,0]}}", 0,
    "can be counted" },
  { "shape-beyond-integers",
    "{\"w\":{\"dtype\":\"F32\",\"shape\":[0,9223372036854775808],\"data_offsets\":[0,0]}}", 0,
    "header: byte" },
  { "shape-rank-9",
    "{\"w\":{\"dtype\":\"F32\",\"shape\":[1,1,1,1,1,1,1,1,1],\"data_offsets\":[0,4]}}", 4,
    "9 dimensions" },
  { "bytes-differ", "{\"x\":{\"dtype\":\"F32\",\"shape\":[64,3],\"data_offsets\":[0,16]}}", 16,
    "tensor \"x\" needs 768 bytes (shape [64,3]) but data_offsets give 16" },
  { "dtype-size-differs", "{\"w\":{\"dtype\":\"F16\",\"shape\":[1],\"data_offsets\":[0,4]}}", 4,
    "needs 2 bytes" },
  { "offsets-one", "{\"w\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4]}}", 4,
    "data_offsets" },
  { "offsets-three", "{\"w\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4,4]}}", 4,
    "data_offsets" },
  { "offsets-negative", "{\"w\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[-4,0]}}", 0,
    "data_offsets" },
  { "offsets-swapped", "{\"w\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,0]}}", 4,
    "data_offsets" },
  { "offsets-text", "{\"w\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[\"0\",\"4\"]}}", 4,
    "data_offsets" },
  { "past-end", "{\"w\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", 4,
    "ends at byte 8" },
  { "far-past-end",
    "{\"w\":{\"dtype\":\"F32\",\"shape\":[1],"
    "\"data_offsets\":[9223372036854775803,9223372036854775807]}}",
    4, "ends at byte 9223372036854775807" },
  { "hole-in-front", "{\"w\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]}}", 8,
    "begins at byte 4" },
  { "hole",
    "{\"v\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},"
    "\"w\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[8,12]}}",
    12, "begins at byte 8 of the data, but the one before ends at 4" },
  { "overlap",
    "{\"v\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]},"
    "\"w\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[4,12]}}",
    12, "begins at byte 4 of the data, but the one before ends at 8" },
  { "same-place",
    "{\"v\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},"
    "\"w\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}",
    4, "begins at byte 0" },
  { "empty-inside",
    "{\"v\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},"
    "\"w\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[2,2]}}",
    4, "begins at byte 2" },
  { "trailing", "{\"w\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}", 5,
    "tensors end at byte 4 of the data, but the file has 5" },
  { "trailing-only", "{}", 1, "tensors end at byte 0" },
};

static void
test_refuse (gconstpointer data)
{
  guint i = GPOINTER_TO_UINT (data);
  g_autoptr (TestingFolder) folder = testing_folder_new ();
  g_autofree char *path = g_build_filename (folder, "bad.safetensors", NULL);

  write_header (path, bad[i].header, bad[i].n_data);
  assert_refused (path, SEG_ERROR_FORMAT, bad[i].message);
}

/* A parser may pass over NUL, or end there. */
static void
test_nul (void)
{
  static const char *const headers[] = {
    "{\"w\":{\"dtype\":\"F32\",\"shape\":[1*],\"data_offsets\":[0,4]}}",
    "{\"w\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]*}}",
    "{\"w\":{\"dtype\":\"F32*\",\"shape\":[1],\"data_offsets\":[0,4]}}",
    "{\"w\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}*",
    "*{\"w\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}",
  };
  g_autoptr (TestingFolder) folder = testing_folder_new ();
  g_autofree char *path = g_build_filename (folder, "bad.safetensors", NULL);

  for (guint i = 0; i < G_N_ELEMENTS (headers); i++)
    {
      g_autofree char *header = g_strdup (headers[i]);
      gsize n = strlen (header);

      *strchr (header, '*') = '\0';
      write_parts (path, n, header, n, 4);
      assert_refused (path, SEG_ERROR_FORMAT, "a NUL character");
    }
}

static void
test_unsupported (void)
{
  g_autoptr (TestingFolder) folder = testing_folder_new ();
  g_autofree char *path = g_build_filename (folder, "bad.safetensors", NULL);

  write_header (path, "{\"w\":{\"dtype\":\"F64\",\"shape\":[1],\"data_offsets\":[0,8]}}", 8);
  assert_refused (path, SEG_ERROR_UNSUPPORTED, "tensor \"w\" has dtype \"F64\"");
  write_header (path, "{\"w\":{\"dtype\":\"\\u0000\",\"shape\":[1],\"data_offsets\":[0,8]}}", 8);
  assert_refused (path, SEG_ERROR_FORMAT, "header: byte");
}

static void
test_name_length (void)
{
  g_autoptr (TestingFolder) folder = testing_folder_new ();
  g_autofree char *path = g_build_filename (folder, "name.safetensors", NULL);

  for (guint n = 256; n <= 257; n++)
    {
      g_autofree char *name = g_strnfill (n, 'n');
      g_autofree char *header = g_strdup_printf (
          "{\"%s\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[0,4]}}", name);

      write_header (path, header, 4);
      if (n == 256)
        g_object_unref (read_good (path));
      else
        {
          /* Shown are at most 120 bytes of it, the ellipsis included. */
          g_autofree char *shown = g_strdup_printf ("\"%.117s...\"", name);
          assert_refused (path, SEG_ERROR_FORMAT, shown);
        }
    }
}

/* What the length of the header may say. */
static void
test_header_length (void)
{
  static const char header[] = "{\"w\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}";
  static const guint64 lengths[] = { 0,
                                     1,
                                     7,
                                     sizeof header - 2,
                                     sizeof header,
                                     sizeof header + 3,
                                     sizeof header + 4,
                                     100000000,
                                     100000001,
                                     G_MAXINT32,
                                     1ULL << 31,
                                     1ULL << 32,
                                     1ULL << 53,
                                     G_MAXINT64,
                                     1ULL << 63,
                                     G_MAXUINT64 - 8,
                                     G_MAXUINT64 };
  g_autoptr (TestingFolder) folder = testing_folder_new ();
  g_autofree char *path = g_build_filename (folder, "length.safetensors", NULL);

  write_header (path, header, 4);
  g_object_unref (read_good (path));
  for (guint i = 0; i < G_N_ELEMENTS (lengths); i++)
    {
      write_parts (path, lengths[i], header, sizeof header - 1, 4);
      assert_refused (path, SEG_ERROR_FORMAT, "header");
    }
}

/* A header that the file has room for but nobody needs: not read, let alone parsed. */
static void
test_header_limit (void)
{
  g_autoptr (TestingFolder) folder = testing_folder_new ();
  g_autofree char *path = g_build_filename (folder, "limit.safetensors", NULL);

  write_parts (path, SEG_SAFETENSORS_HEADER_DEFAULT + 1, "{}", 2, 0);
  g_assert_cmpint (truncate (path, 5000000000), ==, 0);
  assert_refused (path, SEG_ERROR_FORMAT, "the limit is 16777216");
}

static void
test_not_a_file (void)
{
  g_autoptr (TestingFolder) folder = testing_folder_new ();
  g_autofree char *fifo = g_build_filename (folder, "fifo", NULL);
  g_autofree char *empty = g_build_filename (folder, "empty", NULL);
  g_autofree char *sparse = g_build_filename (folder, "sparse", NULL);
  g_autofree char *missing = g_build_filename (folder, "missing", NULL);
  g_autoptr (GError) error = NULL;

  g_assert_cmpint (mkfifo (fifo, 0600), ==, 0);
  write_file (empty, "", 0);
  write_file (sparse, "", 0);
  g_assert_cmpint (truncate (sparse, 5000000000), ==, 0);
  assert_refused (folder, SEG_ERROR_FORMAT, "not a regular file");
  assert_refused (fifo, SEG_ERROR_FORMAT, "not a regular file");
  assert_refused ("/dev/zero", SEG_ERROR_FORMAT, "not a regular file");
  assert_refused (empty, SEG_ERROR_FORMAT, "has 0 bytes");
  assert_refused (sparse, SEG_ERROR_FORMAT, "header has 0 bytes");

  g_assert_null (seg_safetensors_read (missing, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND);
  g_assert_true (g_str_has_prefix (error->message, missing));
}

/* ---- cost ---------------------------------------------------------------------------- */

G_GNUC_PRINTF (2, 0)
static void
append_numbered (GString *text, const char *format, guint number)
{
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
  g_string_append_printf (text, format, number);
#pragma GCC diagnostic pop
}

/* A header of @n entries, each printed from its number. */
G_GNUC_PRINTF (3, 0)
static void
write_many (const char *path, guint n, const char *format, gsize n_data)
{
  g_autoptr (GString) header = g_string_new ("{\"__metadata__\":{}");

  for (guint i = 0; i < n; i++)
    {
      g_string_append_c (header, ',');
      append_numbered (header, format, i);
    }
  g_string_append_c (header, '}');
  write_header (path, header->str, n_data);
}

static void
read_many (gconstpointer path)
{
  g_object_unref (read_good (path));
}

static void
refuse_many (gconstpointer path)
{
  assert_refused (path, SEG_ERROR_FORMAT, "100000 tensors");
}

static void
refuse_large_header (gconstpointer path)
{
  assert_refused (path, SEG_ERROR_FORMAT, "the limit is 16777216");
}

/* As many as there may be, one more, and a million. */
static void
test_many (void)
{
  static const char entry[] =
      "\"t%u\":{\"dtype\":\"F32\",\"shape\":[0,1,1,1],\"data_offsets\":[0,0]}";
  g_autoptr (TestingFolder) folder = testing_folder_new ();
  g_autofree char *path = g_build_filename (folder, "many.safetensors", NULL);

  write_many (path, 100000, entry, 0);
  testing_run_within_limits (read_many, path);
  write_many (path, 100001, entry, 0);
  testing_run_within_limits (refuse_many, path);
  write_many (path, 1000000, entry, 0);
  testing_run_within_limits (refuse_large_header, path);
}

static void
test_many_texts (void)
{
  g_autoptr (TestingFolder) folder = testing_folder_new ();
  g_autofree char *path = g_build_filename (folder, "many.safetensors", NULL);
  g_autoptr (GString) header = g_string_new ("{\"__metadata__\":{\"-\":\"\"");

  for (guint i = 0; i < 100000; i++)
    g_string_append_printf (header, ",\"%u\":\"\"", i);
  g_string_append (header, "}}");
  write_header (path, header->str, 0);
  assert_refused (path, SEG_ERROR_FORMAT, "more than 1000 keys");
}

static void
refuse_header (gconstpointer path)
{
  assert_refused (path, SEG_ERROR_FORMAT, "header");
}

/* Sixteen megabytes of the smallest things there are. */
static void
test_dense (void)
{
  static const struct
  {
    const char *before, *piece, *after;
  } kinds[] = {
    { "{\"w\":{\"dtype\":\"F32\",\"shape\":[0", ",0", "],\"data_offsets\":[0,0]}}" },
    { "{\"w\":{\"dtype\":\"F32\",\"shape\":[[]", ",[]", "],\"data_offsets\":[0,0]}}" },
    { "{\"__metadata__\":{\"a\":\"\"", ",\"a\":\"\"", "}}" },
    { "{\"w\":", "[", "}" },
  };
  g_autoptr (TestingFolder) folder = testing_folder_new ();
  g_autofree char *path = g_build_filename (folder, "dense.safetensors", NULL);

  for (guint i = 0; i < G_N_ELEMENTS (kinds); i++)
    {
      g_autoptr (GString) header = g_string_new (kinds[i].before);

      while (header->len < SEG_SAFETENSORS_HEADER_DEFAULT - 100)
        g_string_append (header, kinds[i].piece);
      g_string_append (header, kinds[i].after);
      write_header (path, header->str, 0);
      testing_run_within_limits (refuse_header, path);
    }
}

static void
refuse (gconstpointer path)
{
  assert_refused (path, SEG_ERROR_FORMAT, "");
}

/* As many of what takes most memory as a valid header may have. */
static void
test_items (void)
{
  static const struct
  {
    const char *before, *piece, *after;
    guint n;
  } kinds[] = {
    { "{\"w\":[0", ",\"\"", "]}", 999999 },
    { "{\"w\":[0", ",[]", "]}", 199999 },
    { "{\"w\":[0", ",{}", "]}", 100001 },
    { "{\"w\":[0", ",{\"a\":\"\"}", "]}", 100001 },
    { "{\"__metadata__\":{\"-\":\"\"", ",\"%u\":\"\"", "}}", 400999 },
    { "{\"w\":0", ",\"%u\":[]", "}", 200000 },
    { "{\"w\":0", ",\"%u\":{}", "}", 100001 },
  };
  g_autoptr (TestingFolder) folder = testing_folder_new ();
  g_autofree char *path = g_build_filename (folder, "items.safetensors", NULL);

  for (guint i = 0; i < G_N_ELEMENTS (kinds); i++)
    {
      g_autoptr (GString) header = g_string_new (kinds[i].before);

      for (guint n = 0; n < kinds[i].n; n++)
        append_numbered (header, kinds[i].piece, n);
      g_string_append (header, kinds[i].after);
      write_header (path, header->str, 0);
      testing_run_within_limits (refuse, path);

      /* one more of it is not even parsed */
      g_string_truncate (header, header->len - strlen (kinds[i].after));
      append_numbered (header, kinds[i].piece, kinds[i].n);
      append_numbered (header, kinds[i].piece, kinds[i].n + 1);
      g_string_append (header, kinds[i].after);
      write_header (path, header->str, 0);
      assert_refused (path, SEG_ERROR_FORMAT, "header has more items than 100000 tensors need");
    }
}

/* Names that GLib's string hash puts all in one place: "Aa" and "B@" have the same. */
static void
test_colliding_names (void)
{
  g_autoptr (TestingFolder) folder = testing_folder_new ();
  g_autofree char *path = g_build_filename (folder, "colliding.safetensors", NULL);
  g_autoptr (GString) header = g_string_new ("{");

  for (guint i = 0; i < 50000; i++)
    {
      g_string_append (header, i > 0 ? ",\"" : "\"");
      for (guint bit = 0; bit < 16; bit++)
        g_string_append (header, i >> bit & 1 ? "Aa" : "B@");
      g_string_append (header, "\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0,0]}");
    }
  g_string_append_c (header, '}');
  write_header (path, header->str, 0);

  testing_run_within_limits (read_many, path);
}

/* ---- good files ---------------------------------------------------------------------- */

static void
assert_bytes (SegSafetensors *file, const char *name, SegDtype dtype, const char *shape,
              guint8 first, gsize n)
{
  SegTensor *tensor = seg_safetensors_lookup (file, name);
  g_autofree char *actual = NULL;

  g_assert_nonnull (tensor);
  actual = seg_tensor_dup_shape (tensor);
  g_assert_cmpint (tensor->dtype, ==, dtype);
  g_assert_cmpstr (actual, ==, shape);
  g_assert_cmpuint (seg_tensor_get_n_bytes (tensor), ==, n);
  for (gsize i = 0; i < n; i++)
    g_assert_cmpuint (((guint8 *) tensor->data)[i], ==, first + i);
}

/* Any order of offsets, tensors without elements at places where one ends, spaces and line ends
 * inside and spaces behind. */
static void
test_accept (void)
{
  g_autoptr (TestingFolder) folder = testing_folder_new ();
  g_autofree char *path = g_build_filename (folder, "good.safetensors", NULL);
  g_autoptr (SegSafetensors) file = NULL;
  g_auto (GStrv) names = NULL;

  write_header (path,
                "{\"late\" : {\"dtype\":\"F16\",\"shape\":[2,1],\"data_offsets\":[12,16]},\n"
                "\t\"none\":{\"data_offsets\":[12,12],\"dtype\":\"BF16\",\"shape\":[3,0]},\n"
                "\"scalar\":{\"dtype\":\"I64\",\"shape\":[],\"data_offsets\":[4,12]},"
                "\"__metadata__\":{\"key\":\"line\\nline\"},"
                "\"\\u00fc\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}   ",
                16);
  file = read_good (path);
  names = seg_safetensors_list (file);
  g_assert_cmpint (g_strv_length (names), ==, 4);
  g_assert_cmpstr (names[0], ==, "late");
  g_assert_cmpstr (names[3], ==, "ü");
  assert_bytes (file, "late", SEG_DTYPE_F16, "[2,1]", 12, 4);
  assert_bytes (file, "none", SEG_DTYPE_BF16, "[3,0]", 0, 0);
  assert_bytes (file, "scalar", SEG_DTYPE_I64, "[]", 4, 8);
  assert_bytes (file, "ü", SEG_DTYPE_F32, "[1]", 0, 4);
  g_assert_cmpstr (seg_safetensors_get_metadata (file, "key"), ==, "line\nline");
  g_assert_null (seg_safetensors_get_metadata (file, "other"));
  g_assert_null (seg_safetensors_lookup (file, "other"));
}

static SegTensor *
new_tensor (SegDtype dtype, guint rank, const gint64 *dims)
{
  g_autoptr (GError) error = NULL;
  SegTensor *tensor = seg_tensor_new (dtype, rank, dims, &error);

  g_assert_no_error (error);
  for (gsize i = 0; i < seg_tensor_get_n_bytes (tensor); i++)
    ((guint8 *) tensor->data)[i] = (guint8) i;
  return tensor;
}

/* A file of one tensor of each kind, in an order in which wide ones would not lie at multiples
 * of their size. */
static void
write_sample (const char *path)
{
  static const struct
  {
    const char *name;
    SegDtype dtype;
    guint rank;
    gint64 dims[4];
  } tensors[] = {
    { "half", SEG_DTYPE_F16, 1, { 3 } },
    { "single \"quoted\\\"", SEG_DTYPE_F32, 4, { 1, 3, 1, 1 } },
    { "none", SEG_DTYPE_F32, 2, { 0, 5 } },
    { "brain", SEG_DTYPE_BF16, 2, { 1, 2 } },
    { "größe", SEG_DTYPE_I64, 0, { 0 } },
  };
  g_autoptr (SegSafetensors) file = seg_safetensors_new ();
  g_autoptr (GError) error = NULL;

  seg_safetensors_set_metadata (file, "text", "line\n\"quoted\" \\ ü\t");
  for (guint i = 0; i < G_N_ELEMENTS (tensors); i++)
    {
      g_autoptr (SegTensor) tensor =
          new_tensor (tensors[i].dtype, tensors[i].rank, tensors[i].dims);
      seg_safetensors_add (file, tensors[i].name, tensor);
    }
  seg_safetensors_write (file, path, &error);
  g_assert_no_error (error);
}

static void
test_round_trip (void)
{
  g_autoptr (TestingFolder) folder = testing_folder_new ();
  g_autofree char *path = g_build_filename (folder, "a.safetensors", NULL);
  g_autofree char *copy = g_build_filename (folder, "b.safetensors", NULL);
  g_autofree char *bytes = NULL, *copied = NULL;
  g_autoptr (SegSafetensors) file = NULL;
  g_autoptr (GError) error = NULL;
  guint64 n_header;
  gsize n, n_copied;

  write_sample (path);
  file = read_good (path);
  assert_bytes (file, "half", SEG_DTYPE_F16, "[3]", 0, 6);
  assert_bytes (file, "single \"quoted\\\"", SEG_DTYPE_F32, "[1,3,1,1]", 0, 12);
  assert_bytes (file, "none", SEG_DTYPE_F32, "[0,5]", 0, 0);
  assert_bytes (file, "brain", SEG_DTYPE_BF16, "[1,2]", 0, 4);
  assert_bytes (file, "größe", SEG_DTYPE_I64, "[]", 0, 8);
  g_assert_cmpstr (seg_safetensors_get_metadata (file, "text"), ==, "line\n\"quoted\" \\ ü\t");
  g_assert_cmpstr (seg_safetensors_get_metadata (file, "format"), ==, "pt");

  /* The same contents make the same bytes. */
  g_assert_true (seg_safetensors_write (file, copy, &error));
  g_assert_true (g_file_get_contents (path, &bytes, &n, NULL));
  g_assert_true (g_file_get_contents (copy, &copied, &n_copied, NULL));
  g_assert_cmpmem (bytes, n, copied, n_copied);

  /* Other programs look for these. */
  memcpy (&n_header, bytes, sizeof n_header);
  g_assert_cmpuint (n_header % 8, ==, 0);
  g_assert_true (g_str_has_prefix (bytes + 8, "{\"__metadata__\":{"));
  g_assert_nonnull (strstr (bytes + 8, "\"format\":\"pt\""));
  g_assert_nonnull (strstr (bytes + 8, "\"dtype\":\"I64\",\"shape\":[],\"data_offsets\":[0,8]"));
  g_assert_nonnull (strstr (bytes + 8, "\"shape\":[1,3,1,1],\"data_offsets\":[8,20]"));
}

/* The two halves of reading. */
static void
test_open (void)
{
  g_autoptr (TestingFolder) folder = testing_folder_new ();
  g_autofree char *path = g_build_filename (folder, "a.safetensors", NULL);
  g_autoptr (SegSafetensors) file = NULL, cut = NULL;
  g_autoptr (GError) error = NULL;
  gsize used = seg_memory_get_used ();

  write_sample (path);
  file = seg_safetensors_open (path, &error);
  g_assert_no_error (error);
  g_assert_cmpint (seg_safetensors_lookup (file, "half")->dims[0], ==, 3);
  g_assert_null (seg_safetensors_lookup (file, "half")->data);
  g_assert_cmpstr (seg_safetensors_get_metadata (file, "format"), ==, "pt");
  g_assert_cmpuint (seg_memory_get_used (), ==, used);

  /* it is open, and so its name may go; what is added meanwhile is left as it is */
  g_autoptr (SegTensor) added = new_tensor (SEG_DTYPE_I64, 0, NULL);
  seg_safetensors_add (file, "added", added);
  g_assert_cmpint (g_remove (path), ==, 0);
  g_assert_true (seg_safetensors_load (file, &error));
  g_assert_no_error (error);
  assert_bytes (file, "half", SEG_DTYPE_F16, "[3]", 0, 6);
  assert_bytes (file, "größe", SEG_DTYPE_I64, "[]", 0, 8);
  assert_bytes (file, "added", SEG_DTYPE_I64, "[]", 0, 8);
  g_assert_true (seg_safetensors_load (file, &error));
  g_assert_no_error (error);

  write_sample (path);
  cut = seg_safetensors_open (path, &error);
  g_assert_no_error (error);
  g_assert_cmpint (truncate (path, 16), ==, 0);
  g_assert_false (seg_safetensors_load (cut, &error));
  g_assert_error (error, SEG_ERROR, SEG_ERROR_FORMAT);
  g_assert_true (g_str_has_prefix (error->message, path));
  g_assert_nonnull (strstr (error->message, "cut short while being read"));
}

/* The half that has been read stays, and is not read again. */
static void
test_load_twice (void)
{
  g_autoptr (TestingFolder) folder = testing_folder_new ();
  g_autofree char *path = g_build_filename (folder, "a.safetensors", NULL);
  g_autoptr (SegSafetensors) file = NULL;
  g_autoptr (GError) error = NULL;
  gsize used = seg_memory_get_used (), loaded;
  struct stat status;

  write_header (path, "{\"a\":{\"dtype\":\"F32\",\"shape\":[100],\"data_offsets\":[0,400]},"
                      "\"b\":{\"dtype\":\"F32\",\"shape\":[100],\"data_offsets\":[400,800]}}",
                800);
  file = seg_safetensors_open (path, &error);
  g_assert_no_error (error);
  g_assert_cmpint (stat (path, &status), ==, 0);
  g_assert_cmpint (truncate (path, status.st_size - 400), ==, 0);
  g_assert_false (seg_safetensors_load (file, &error));
  g_assert_error (error, SEG_ERROR, SEG_ERROR_FORMAT);
  loaded = seg_memory_get_used ();
  for (guint i = 0; i < 3; i++)
    {
      g_clear_error (&error);
      g_assert_false (seg_safetensors_load (file, &error));
      g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CLOSED);
      g_assert_true (g_str_has_prefix (error->message, path));
      g_assert_cmpuint (seg_memory_get_used (), ==, loaded);
    }
  g_clear_object (&file);
  g_assert_cmpuint (seg_memory_get_used (), ==, used);
}

/* Of a file that is only open there is nothing to write or to convert. */
static void
test_without_data (void)
{
  g_autoptr (TestingFolder) folder = testing_folder_new ();
  g_autofree char *path = g_build_filename (folder, "a.safetensors", NULL);
  g_autofree char *copy = g_build_filename (folder, "b.safetensors", NULL);
  g_autoptr (SegSafetensors) file = NULL;
  g_autoptr (GError) error = NULL;

  write_sample (path);
  file = seg_safetensors_open (path, &error);
  g_assert_no_error (error);
  g_assert_null (seg_tensor_to_f32 (seg_safetensors_lookup (file, "half"), &error));
  g_assert_error (error, SEG_ERROR, SEG_ERROR_PARAM);
  g_clear_error (&error);
  g_assert_false (seg_safetensors_write (file, copy, &error));
  g_assert_error (error, SEG_ERROR, SEG_ERROR_PARAM);
  g_assert_nonnull (strstr (error->message, "have not been read"));
  g_assert_cmpuint (testing_folder_count (folder), ==, 1);
}

static void
test_no_tensors (void)
{
  g_autoptr (TestingFolder) folder = testing_folder_new ();
  g_autofree char *path = g_build_filename (folder, "a.safetensors", NULL);
  g_autoptr (SegSafetensors) file = seg_safetensors_new ();
  g_auto (GStrv) names = NULL;

  g_assert_true (seg_safetensors_write (file, path, NULL));
  g_clear_object (&file);
  file = read_good (path);
  names = seg_safetensors_list (file);
  g_assert_null (names[0]);
}

static void
test_truncated (void)
{
  g_autoptr (TestingFolder) folder = testing_folder_new ();
  g_autofree char *path = g_build_filename (folder, "a.safetensors", NULL);
  g_autofree char *bytes = NULL;
  gsize n;

  write_sample (path);
  g_assert_true (g_file_get_contents (path, &bytes, &n, NULL));
  for (gsize i = 0; i < n; i++)
    {
      write_file (path, bytes, i);
      assert_refused (path, SEG_ERROR_FORMAT, "");
    }
  g_assert_cmpint (testing_folder_count (folder), ==, 1);
}

/* Any byte may be any other: the file is read or refused, nothing else. */
static void
test_changed_bytes (void)
{
  g_autoptr (TestingFolder) folder = testing_folder_new ();
  g_autofree char *path = g_build_filename (folder, "a.safetensors", NULL);
  g_autofree char *bytes = NULL;
  guint n_read = 0;
  gsize n;

  write_sample (path);
  g_assert_true (g_file_get_contents (path, &bytes, &n, NULL));
  for (guint i = 0; i < 500; i++)
    {
      gsize place = (gsize) g_test_rand_int_range (0, (gint32) n);
      char before = bytes[place];
      g_autoptr (SegSafetensors) file = NULL;

      bytes[place] = (char) g_test_rand_int_range (0, 256);
      write_file (path, bytes, n);
      file = seg_safetensors_read (path, NULL);
      n_read += file != NULL;
      bytes[place] = before;
    }
  g_test_message ("%u of 500 read", n_read);
}

static void
test_write_failure (void)
{
  g_autoptr (TestingFolder) folder = testing_folder_new ();
  g_autofree char *path = g_build_filename (folder, "no", "a.safetensors", NULL);
  g_autoptr (SegSafetensors) file = seg_safetensors_new ();
  g_autoptr (GError) error = NULL;

  g_assert_false (seg_safetensors_write (file, path, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND);
}

static void
test_no_memory (void)
{
  g_autoptr (TestingFolder) folder = testing_folder_new ();
  g_autofree char *path = g_build_filename (folder, "a.safetensors", NULL);

  write_header (path, "{\"w\":{\"dtype\":\"F32\",\"shape\":[25000],\"data_offsets\":[0,100000]}}",
                100000);
  seg_memory_set_limit (seg_memory_get_used () + 50000);
  assert_refused (path, SEG_ERROR_MEMORY, "tensor \"w\"");
  seg_memory_set_limit (seg_memory_get_used () + 10);
  assert_refused (path, SEG_ERROR_MEMORY, "header");
  seg_memory_set_limit (0);
  g_object_unref (read_good (path));
}

/* ---- given files --------------------------------------------------------------------- */

/* What is wrong with each, in our words. */
static const struct
{
  const char *name, *message;
} given[] = {
  { "bad_empty", "has 0 bytes, too few" },
  { "bad_7bytes", "has 7 bytes, too few" },
  { "bad_len_only", "header has 16 bytes, of 0 that follow" },
  { "bad_len_zero", "header has 0 bytes, of 4800 that follow" },
  { "bad_len_max", "header has 18446744073709551615 bytes" },
  { "bad_len_2p63", "header has 9223372036854775808 bytes" },
  { "bad_len_100M1", "header has 100000001 bytes" },
  { "bad_len_past_eof", "header has 5174 bytes, of 5166 that follow" },
  { "bad_len_short", "does not end with }" },
  { "bad_offset_swapped", "has no data_offsets [begin,end] with 0 <= begin <= end" },
  { "bad_offset_past_end", "ends at byte 8896 of the data, but the file has 4800" },
  { "bad_overlap", "begins at byte 0 of the data, but the one before ends at 64" },
  { "bad_hole", "begins at byte 64 of the data, but the one before ends at 0" },
  { "bad_trailing", "tensors end at byte 4800 of the data, but the file has 4804" },
  { "bad_truncated_data", "ends at byte 4800 of the data, but the file has 4797" },
  { "bad_shape_mismatch", "needs 36 bytes (shape [3,3]) but data_offsets give 64" },
  { "bad_shape_negative", "has a size that is not a whole number from 0" },
  { "bad_shape_overflow", "has more bytes than can be counted" },
  { "bad_shape_float", "has a size that is not a whole number from 0" },
  { "bad_shape_string", "has a size that is not a whole number from 0" },
  { "bad_dtype_unknown", "has dtype \"F99\"; only F32, F16, BF16 and I64 are supported" },
  { "bad_dtype_number", "has no dtype" },
  { "bad_no_offsets", "is not described by dtype, shape and data_offsets" },
  { "bad_offsets_one", "has no data_offsets" },
  { "bad_offset_negative", "has no data_offsets" },
  { "bad_offset_huge", "header: byte 97: too big integer" },
  { "bad_array_root", "does not begin with {" },
  { "bad_string_root", "does not begin with {" },
  { "bad_entry_null", "is not described by dtype, shape and data_offsets" },
  { "bad_meta_not_strings", "__metadata__: the value of \"a\" is not a string" },
  { "bad_json_dup", "header: byte 432: duplicate object key" },
  { "bad_json_trailing_comma", "header: byte 401: " },
  { "bad_json_nul", "header: byte 47: a NUL character" },
  { "bad_json_utf8", "header: byte 2: unable to decode byte 0xff" },
  { "bad_json_deep", "does not begin with {" },
  { "bad_json_open", "header: byte 399: " },
  { "bad_json_space_front", "does not begin with {" },
};

/* The file must be read, or refused in these words, or (flipped bits) either of the two. */
static void
check_given_file (gconstpointer data)
{
  const char *path = data;
  g_autofree char *name = g_path_get_basename (path);
  g_autoptr (GError) error = NULL;
  g_autoptr (SegSafetensors) file = seg_safetensors_read (path, &error);
  const char *message = "";

  g_assert_true ((file == NULL) == (error != NULL));
  for (guint i = 0; i < G_N_ELEMENTS (given); i++)
    if (g_str_has_prefix (name, given[i].name) && name[strlen (given[i].name)] == '.')
      message = given[i].message;
  if (g_str_has_prefix (name, "bad_"))
    {
      g_assert_nonnull (error);
      g_assert_nonnull (strstr (error->message, message));
    }
  else if (strstr (name, "valid"))
    g_assert_no_error (error);
  if (error != NULL)
    g_assert_true (g_str_has_prefix (error->message, path));
}

/* Malformed files and what each is for: columns kind, file, bytes, what. */
static void
test_given_files (void)
{
  g_autofree char *folder = testing_find_data ("malformed/generated");
  g_autofree char *manifest = NULL, *text = NULL;
  g_auto (GStrv) lines = NULL;
  guint n = 0;

  if (folder == NULL)
    return;
  manifest = g_build_filename (folder, "manifest.tsv", NULL);
  g_assert_true (g_file_get_contents (manifest, &text, NULL, NULL));
  lines = g_strsplit (text, "\n", -1);
  for (char **line = lines; *line != NULL; line++)
    {
      g_auto (GStrv) columns = g_strsplit (*line, "\t", 4);
      g_autofree char *path = NULL;

      if (g_strv_length (columns) < 4 || strcmp (columns[0], "safetensors") != 0)
        continue;
      n++;
      path = g_build_filename (folder, "safetensors", columns[1], NULL);
      g_test_message ("%s", columns[1]);
      testing_run_within_limits (check_given_file, path);
    }
  g_assert_cmpuint (n, >, 70);
}

/* Texts that are JSON, and that we refuse nevertheless: two readers may understand them in two
 * ways, and in one there are more levels than in a header. */
static const char *const refused_json[] = {
  "y_object_duplicated_key.json",      "y_object_duplicated_key_and_value.json",
  "y_object_escaped_null_in_key.json", "y_string_null_escape.json",
  "y_object_long_strings.json",        NULL
};

typedef struct
{
  const char *name, *path;
} JsonCase;

/* A header in which the text stands for a tensor is no header, whatever it is: what is not JSON
 * is the parser's to tell, the rest is not. */
static void
check_json (gconstpointer data)
{
  const JsonCase *json = data;
  g_autoptr (GError) error = NULL;
  gboolean parsed;

  g_assert_null (seg_safetensors_read (json->path, &error));
  g_assert_error (error, SEG_ERROR, SEG_ERROR_FORMAT);
  parsed = strstr (error->message, "tensor \"w\" is not described") != NULL;
  if (*json->name == 'y')
    g_assert_true (parsed != g_strv_contains (refused_json, json->name));
  else if (*json->name == 'n')
    g_assert_false (parsed);
}

static void
test_json_suite (void)
{
  g_autofree char *folder = testing_find_data ("malformed/JSONTestSuite/test_parsing");
  g_autoptr (TestingFolder) scratch = NULL;
  g_autofree char *path = NULL;
  g_autoptr (GDir) dir = NULL;
  const char *name;
  guint n = 0;

  if (folder == NULL)
    return;
  scratch = testing_folder_new ();
  path = g_build_filename (scratch, "a.safetensors", NULL);
  dir = g_dir_open (folder, 0, NULL);
  for (; (name = g_dir_read_name (dir)) != NULL; n++)
    {
      g_autofree char *file = g_build_filename (folder, name, NULL), *text = NULL;
      g_autoptr (GString) header = g_string_new ("{\"w\":");
      gsize n_text;

      g_test_message ("%s", name);
      g_assert_true (g_file_get_contents (file, &text, &n_text, NULL));
      g_string_append_len (header, text, (gssize) n_text);
      g_string_append_c (header, '}');
      write_parts (path, header->len, header->str, header->len, 0);
      testing_run_within_limits (check_json, &(JsonCase){ name, path });

      /* and as the whole header */
      write_parts (path, n_text, text, n_text, 0);
      g_autoptr (SegSafetensors) whole = seg_safetensors_read (path, NULL);
      g_assert_true ((whole != NULL) == g_str_equal (name, "y_object_empty.json"));
    }
  g_assert_cmpuint (n, >, 300);
}

/* ---- half precision ------------------------------------------------------------------ */

/* A binary float of so many exponent and fraction bits, by its definition. */
static double
decode (guint bits, guint n_exponent, guint n_fraction)
{
  int exponent = (int) (bits >> n_fraction) & ((1 << n_exponent) - 1);
  int bias = (1 << (n_exponent - 1)) - 1;
  double fraction = ldexp ((double) (bits & ((1U << n_fraction) - 1)), -(int) n_fraction);
  double sign = bits >> (n_exponent + n_fraction) ? -1 : 1;

  if (exponent == (1 << n_exponent) - 1)
    return fraction != 0 ? (double) NAN : sign * (double) INFINITY;
  if (exponent == 0)
    return sign * ldexp (fraction, 1 - bias);
  return sign * ldexp (1 + fraction, exponent - bias);
}

/* All of the 65536. */
static void
test_to_f32 (void)
{
  static const gint64 dims[] = { 256, 256 };
  static const struct
  {
    SegDtype dtype;
    guint n_exponent, n_fraction;
  } kinds[] = { { SEG_DTYPE_F16, 5, 10 }, { SEG_DTYPE_BF16, 8, 7 } };

  for (guint k = 0; k < G_N_ELEMENTS (kinds); k++)
    {
      g_autoptr (SegTensor) half = new_tensor (kinds[k].dtype, 2, dims);
      g_autoptr (SegTensor) single = NULL;

      for (guint i = 0; i < 65536; i++)
        ((guint16 *) half->data)[i] = (guint16) i;
      single = seg_tensor_to_f32 (half, NULL);
      g_assert_cmpint (single->dtype, ==, SEG_DTYPE_F32);
      g_assert_cmpint (single->rank, ==, 2);
      for (guint i = 0; i < 65536; i++)
        {
          double expected = decode (i, kinds[k].n_exponent, kinds[k].n_fraction);
          float actual = ((float *) single->data)[i];

          if (isnan (expected))
            g_assert_true (isnan (actual));
          else
            g_assert_true ((double) actual == expected && !signbit (actual) == !signbit (expected));
        }
    }
}

static void
test_to_f32_others (void)
{
  static const gint64 dims[] = { 2 };
  g_autoptr (SegTensor) single = new_tensor (SEG_DTYPE_F32, 1, dims);
  g_autoptr (SegTensor) whole = new_tensor (SEG_DTYPE_I64, 1, dims);
  g_autoptr (SegTensor) same = seg_tensor_to_f32 (single, NULL);
  g_autoptr (GError) error = NULL;

  g_assert_true (same == single);
  g_assert_null (seg_tensor_to_f32 (whole, &error));
  g_assert_error (error, SEG_ERROR, SEG_ERROR_UNSUPPORTED);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);

  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_autofree char *path = g_strconcat ("/safetensors/refuse/", bad[i].name, NULL);
      g_test_add_data_func (path, GUINT_TO_POINTER (i), test_refuse);
    }
  g_test_add_func ("/safetensors/nul", test_nul);
  g_test_add_func ("/safetensors/unsupported", test_unsupported);
  g_test_add_func ("/safetensors/name-length", test_name_length);
  g_test_add_func ("/safetensors/header-length", test_header_length);
  g_test_add_func ("/safetensors/header-limit", test_header_limit);
  g_test_add_func ("/safetensors/not-a-file", test_not_a_file);
  g_test_add_func ("/safetensors/many", test_many);
  g_test_add_func ("/safetensors/many-texts", test_many_texts);
  g_test_add_func ("/safetensors/dense", test_dense);
  g_test_add_func ("/safetensors/items", test_items);
  g_test_add_func ("/safetensors/colliding-names", test_colliding_names);
  g_test_add_func ("/safetensors/accept", test_accept);
  g_test_add_func ("/safetensors/round-trip", test_round_trip);
  g_test_add_func ("/safetensors/open", test_open);
  g_test_add_func ("/safetensors/load-twice", test_load_twice);
  g_test_add_func ("/safetensors/without-data", test_without_data);
  g_test_add_func ("/safetensors/no-tensors", test_no_tensors);
  g_test_add_func ("/safetensors/truncated", test_truncated);
  g_test_add_func ("/safetensors/changed-bytes", test_changed_bytes);
  g_test_add_func ("/safetensors/write-failure", test_write_failure);
  g_test_add_func ("/safetensors/no-memory", test_no_memory);
  g_test_add_func ("/safetensors/given-files", test_given_files);
  g_test_add_func ("/safetensors/json-suite", test_json_suite);
  g_test_add_func ("/safetensors/to-f32", test_to_f32);
  g_test_add_func ("/safetensors/to-f32-others", test_to_f32_others);
  return g_test_run ();
}
