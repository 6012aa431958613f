/* A model file without tensors, with a recipe of any text: it is parsed and the network built, of
 * which then all parameters are missing. */
#include "fuzz.h"

#include <string.h>

static FuzzFile file;

int
LLVMFuzzerInitialize (int *argc, char ***argv)
{
  (void) argc;
  (void) argv;
  fuzz_init ();
  file = fuzz_file_new ();
  return 0;
}

/* A JSON string: what is no UTF-8 is refused before it comes to the recipe. */
static void
append_json (GString *json, const uint8_t *data, size_t n)
{
  g_string_append_c (json, '"');
  for (size_t i = 0; i < n; i++)
    if (data[i] < ' ' || data[i] == '"' || data[i] == '\\')
      g_string_append_printf (json, "\\u%04x", data[i]);
    else
      g_string_append_c (json, (char) data[i]);
  g_string_append_c (json, '"');
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t n)
{
  g_autoptr (GString) bytes = g_string_new_len ("12345678", 8);
  guint64 n_header;

  g_string_append (bytes, "{\"__metadata__\":{\"segkit.recipe\":");
  append_json (bytes, data, n);
  g_string_append (bytes, "}}");
  n_header = bytes->len - sizeof n_header;
  memcpy (bytes->str, &n_header, sizeof n_header);

  fuzz_file_write (&file, bytes->str, bytes->len);
  fuzz_load_model (file.path);
  return 0;
}
