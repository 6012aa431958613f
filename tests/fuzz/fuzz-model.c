/* A file of any bytes: as a model, and as the weights of another model's encoder. */
#include "fuzz.h"

#include <string.h>

/* A model that the first of the seeds has the encoder of, but for the number of bands. */
#define RECIPE                                                                                     \
  "[segkit]\nformat=1\n[input]\nchannels=3\n[classes]\nnames=a;b\n[model]\ntype=unet\n"            \
  "[model.encoder]\ntype=unet-encoder\nchannels=1\ndepth=1\n[model.decoder]\ntype=unet-decoder\n"

static FuzzFile file;
static SegModel *model;

int
LLVMFuzzerInitialize (int *argc, char ***argv)
{
  (void) argc;
  (void) argv;
  fuzz_init ();
  file = fuzz_file_new ();
  model = seg_model_new_from_recipe (RECIPE, 1, NULL);
  g_assert_nonnull (model);
  return 0;
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t n)
{
  gsize used = seg_memory_get_used ();
  g_autoptr (GError) error = NULL;

  fuzz_file_write (&file, data, n);
  fuzz_load_model (file.path);

  if (!seg_model_load_encoder (model, file.path, &error))
    fuzz_check_error (error, file.path);
  else
    g_assert_no_error (error);
  g_assert_cmpuint (seg_memory_get_used (), ==, used);
  return 0;
}
