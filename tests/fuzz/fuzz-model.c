/* A model file of any bytes. */
#include "fuzz.h"

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

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t n)
{
  fuzz_file_write (&file, data, n);
  fuzz_model_takes (file.path);
  return 0;
}
