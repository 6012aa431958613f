/* How the fuzzer changes a model file. Beside the target, which is also built without a fuzzer. */
#include "fuzz.h"

#include <string.h>

#define LENGTH sizeof (guint64)

/* Any change of the header's length would make all behind it unreachable. Therefore the header
 * alone is changed most times, and its length set to what it then is. */
size_t
LLVMFuzzerCustomMutator (uint8_t *data, size_t n, size_t max_n, unsigned int seed)
{
  guint64 n_header = 0;
  size_t n_data, n_new;
  g_autofree uint8_t *rest = NULL;

  if (n >= LENGTH)
    memcpy (&n_header, data, LENGTH);
  if (seed % 8 == 0 || n < LENGTH || n > max_n || n_header > n - LENGTH)
    return LLVMFuzzerMutate (data, n, max_n);

  n_data = n - LENGTH - n_header;
  rest = g_malloc (n_data + 1);
  memcpy (rest, data + LENGTH + n_header, n_data);
  n_new = LLVMFuzzerMutate (data + LENGTH, n_header, max_n - LENGTH - n_data);
  memmove (data + LENGTH + n_new, rest, n_data);
  n_header = n_new;
  memcpy (data, &n_header, LENGTH);
  return LENGTH + n_new + n_data;
}
