#pragma once

#include <gio/gio.h>

#include "profile.h"
#include "tta.h"
#include "workspace-cache.h"

G_BEGIN_DECLS

/**
 * SegTileRun:
 * @name: (nullable): of the image, for errors that know none
 * @cache: (transfer none): what the network runs in
 * @height: rows of the image
 * @width: columns of it
 * @tta: in which orientations the network sees each tile
 * @profile: (nullable): told what each step takes
 * @read: fills a view of the image with the network's input
 * @write: takes the tile's logits away: the means of all orientations
 * @count: (nullable): told of pixels that are done, a share of the tile's after each orientation
 * @data: for all three
 * @multiply_adds: all that were done are added to it
 *
 * How tiles of an image are computed.
 */
typedef struct
{
  const char *name;
  SegWorkspaceCache *cache;
  gint64 height, width;
  SegTta tta;
  SegProfile *profile;
  SegRowsFunc read, write;
  void (*count) (gint64 n_pixels, gpointer data);
  gpointer data;
  double multiply_adds;
} SegTileRun;

gboolean seg_tile_run (SegTileRun *self, const SegRect *tile, GCancellable *cancellable,
                       GError **error);

G_END_DECLS
