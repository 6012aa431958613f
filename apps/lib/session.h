#pragma once

#include <gio/gio.h>

#include "jobs.h"
#include "progress.h"
#include "statistics.h"
#include "tta.h"

G_BEGIN_DECLS

/**
 * SegSessionOptions:
 * @model: (nullable): a file, a folder or a name; %NULL: the one that comes with segkit
 * @classes: (nullable): those that are wanted, with commas between them
 * @threshold: a probability, or NAN
 * @probability_bits: see seg_outputs_new()
 * @tile: sides of a tile, or 0
 * @band_rows: rows of a band, or 0
 * @tta: in which orientations the network sees each image
 * @n_threads: of the network
 * @max_memory: bytes that the process may take, or 0: what the system has to give
 * @progress: how to tell how far it is
 * @verbose: tell on stderr what is done and how
 * @profile: find out what each step takes
 *
 * What stays the same from image to image.
 */
typedef struct
{
  const char *model, *classes;
  double threshold;
  guint probability_bits;
  gint64 tile, band_rows;
  SegTta tta;
  guint n_threads;
  gsize max_memory;
  SegProgressKind progress;
  gboolean verbose, profile;
} SegSessionOptions;

/**
 * SegSession:
 *
 * A model ready to run, and image after image through it.
 */
typedef struct _SegSession SegSession;

SegSession    *seg_session_new            (const SegSessionOptions *options, GError **error);
void           seg_session_free           (SegSession *self);
SegClassifier *seg_session_get_classifier (SegSession *self);
const char    *seg_session_get_model_path (SegSession *self);
const char    *seg_session_get_model_hash (SegSession *self, GError **error);
gboolean       seg_session_check          (SegSession *self, const SegJob *job,
                                           const char *statistics, GError **error);
gboolean       seg_session_run            (SegSession *self, const SegJob *job, guint number,
                                           guint n_images, SegStatistics *statistics,
                                           GCancellable *cancellable, GError **error);
void           seg_session_print_profile  (SegSession *self);
gboolean       seg_session_verify         (SegSession *self, const SegJob *job,
                                           GCancellable *cancellable, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (SegSession, seg_session_free)

G_END_DECLS
