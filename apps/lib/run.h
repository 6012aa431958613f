#pragma once

#include <gio/gio.h>

#include <segkit/model.h>
#include <segkit/plan.h>

#include "source.h"
#include "writer.h"

G_BEGIN_DECLS

/**
 * SegRunRequest:
 * @model: a model of at most 256 classes
 * @plan: made of it for inference
 * @source: the image; for tiles it must have been opened for random reading
 * @labels: where the label map goes, not yet started
 * @overlay: (nullable): where the picture to look at goes, not yet started
 * @tile: sides of a tile, or 0: by bands
 * @band_rows: rows of a band, or 0: chosen by the image's width
 * @n_threads: of the network
 * @progress: show how far it is, if stderr is a terminal
 * @verbose: tell on stderr how it is done
 *
 * One image through one network, once. How it is done makes no difference to any pixel.
 */
typedef struct
{
  SegModel *model;
  SegPlan *plan;
  SegSource *source;
  SegWriter *labels, *overlay;
  gint64 tile, band_rows;
  guint n_threads;
  gboolean progress, verbose;
} SegRunRequest;

gboolean seg_run_image (const SegRunRequest *request, GCancellable *cancellable, GError **error);

G_END_DECLS
