#define _GNU_SOURCE
#include "fuzz.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* All that a model may take beside its file: an input is at most some kilobytes. */
#define MEMORY_LIMIT (64 * 1024 * 1024)
#define IMAGE_SIZE 32

void
fuzz_init (void)
{
  g_log_set_always_fatal (G_LOG_LEVEL_ERROR | G_LOG_LEVEL_CRITICAL | G_LOG_LEVEL_WARNING);
  seg_registry_load_default (seg_registry_get_default (), NULL);
  seg_memory_set_limit (MEMORY_LIMIT);
}

FuzzFile
fuzz_file_new (void)
{
  FuzzFile file = { .fd = memfd_create ("fuzz", MFD_CLOEXEC) };

  g_assert_cmpint (file.fd, >=, 0);
  file.path = g_strdup_printf ("/proc/self/fd/%d", file.fd);
  return file;
}

void
fuzz_file_write (const FuzzFile *file, const void *bytes, size_t n)
{
  g_assert_cmpint (ftruncate (file->fd, 0), ==, 0);
  g_assert_cmpint (pwrite (file->fd, bytes, n, 0), ==, (ssize_t) n);
}

/* What is made of a model before its first image: for any model that loads it succeeds, or there
 * is an error. */
static void
fuzz_plan (SegModel *model)
{
  g_autoptr (GError) error = NULL, schedule_error = NULL;
  g_autoptr (SegPlan) plan =
      seg_plan_new (seg_model_get_graph (model), seg_model_get_parameters (model),
                    SEG_PURPOSE_INFERENCE, seg_kernels_get (), NULL, &error);
  g_autoptr (SegSchedule) schedule = NULL;

  g_assert_true ((plan == NULL) == (error != NULL));
  if (plan == NULL)
    return;
  schedule = seg_schedule_new_bands (plan, IMAGE_SIZE, IMAGE_SIZE, 8, &schedule_error);
  g_assert_true ((schedule == NULL) == (schedule_error != NULL));
}

/* Whether an error is as a user should see it: one line that names the file. */
void
fuzz_check_error (const GError *error, const char *path)
{
  g_assert_nonnull (error);
  g_assert_true (g_str_has_prefix (error->message, path));
  g_assert_true (g_utf8_validate (error->message, -1, NULL));
  for (const char *c = error->message; *c != '\0'; c++)
    g_assert_false (g_ascii_iscntrl (*c));
  /* which is for a wrong option, not for a wrong file */
  g_assert_false (g_error_matches (error, SEG_ERROR, SEG_ERROR_PARAM));
}

/* Loads a model, all of it or nothing, and leaves nothing behind. */
void
fuzz_load_model (const char *path)
{
  gsize used = seg_memory_get_used ();
  g_autoptr (GError) error = NULL;
  SegModel *model = seg_model_load (path, &error);

  if (model != NULL)
    {
      g_assert_no_error (error);
      fuzz_plan (model);
      g_object_unref (model);
    }
  else
    fuzz_check_error (error, path);
  g_assert_cmpuint (seg_memory_get_used (), ==, used);
}
