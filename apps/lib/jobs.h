#pragma once

#include "outputs.h"

G_BEGIN_DECLS

/**
 * SegJob:
 * @image: a file, and what messages call the image
 * @files: (nullable) (array zero-terminated=1): @image, and others whose bands follow its own
 * @problem: (nullable): why there are no @files
 * @dir: its folder below the one that was given, "." for that one itself
 * @outputs: names of the files to make of it, or %NULL
 *
 * An image, and what is wanted of it.
 */
typedef struct
{
  char *image, *dir;
  char **files;
  GError *problem;
  char *outputs[SEG_N_OUTPUTS];
} SegJob;

/**
 * SegJobsRequest:
 * @paths: images and folders of images, ended by %NULL
 * @suffixes: (nullable) (array zero-terminated=1): of the files of an image, of which only the first
 *   is named; `{stem}` is then without it
 * @recursive: look into the folders of folders, too
 * @output_dir: (nullable): where outputs go whose names are not absolute
 * @outputs: names, or %NULL: not wanted. `{stem}` and `{name}` stand for the image's name without
 *   and with its ending, `{dir}` for its folder below the one that was given
 * @statistics: (nullable): a file that is made of all images
 */
typedef struct
{
  char *const *paths;
  const char *const *suffixes;
  gboolean recursive;
  const char *output_dir;
  const char *outputs[SEG_N_OUTPUTS];
  const char *statistics;
} SegJobsRequest;

void       seg_job_free (SegJob *self);
gboolean   seg_job_is_done (const SegJob *self);
GPtrArray *seg_jobs_new (const SegJobsRequest *request, GError **error);

G_END_DECLS
