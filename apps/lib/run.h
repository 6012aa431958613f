#pragma once

#include <gio/gio.h>

#include <segkit/model.h>

#include "classifier.h"
#include "outputs.h"
#include "profile.h"
#include "progress.h"
#include "source.h"
#include "tta.h"
#include "way.h"
#include "workspace-cache.h"

G_BEGIN_DECLS

/**
 * SegRunRequest:
 * @cache: (transfer none): what the network runs in
 * @source: the image; for tiles it must have been opened for random reading
 * @classifier: makes labels of logits
 * @outputs: what is made of it, open
 * @stamp: what the files say of their origin
 * @way: how to do it
 * @tta: in which orientations the network sees it; more than one need tiles
 * @progress: (nullable): told how far it is
 * @profile: (nullable): told what each step takes
 *
 * One image through one network. How it is done makes no difference to any pixel.
 */
typedef struct
{
  SegWorkspaceCache *cache;
  SegSource *source;
  SegClassifier *classifier;
  SegOutputs *outputs;
  const char *stamp;
  SegWay way;
  SegTta tta;
  SegProgress *progress;
  SegProfile *profile;
} SegRunRequest;

/**
 * SegRunResult:
 * @counts: pixels of each label
 * @seconds: it took
 * @multiply_adds: of the network
 */
typedef struct
{
  gint64 counts[256];
  double seconds;
  double multiply_adds;
} SegRunResult;

gboolean seg_run_image (const SegRunRequest *request, SegRunResult *result,
                        GCancellable *cancellable, GError **error);

G_END_DECLS
