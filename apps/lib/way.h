#pragma once

#include <segkit/schedule.h>

#include "tta.h"

G_BEGIN_DECLS

/**
 * SegWay:
 * @tile: sides of a tile, or 0: by bands
 * @band_rows: rows of a band, or 0: by tiles
 * @tile_pixels: of the image, that a tile is computed from; 0: by bands
 * @bytes: predicted peak of the process
 * @workspace_bytes: of these, what the network's maps take
 *
 * How an image is run through a network. It makes no difference to any pixel.
 */
typedef struct
{
  gint64 tile, band_rows, tile_pixels;
  gsize bytes, workspace_bytes;
} SegWay;

/**
 * SegWayRequest:
 * @plan: for inference
 * @width: of the image
 * @height: of the image
 * @n_channels: that the network takes
 * @n_threads: of the network
 * @tile: sides of a tile asked for, or 0
 * @band_rows: rows of a band asked for, or 0
 * @base_bytes: what the process takes whatever the way
 * @in_order_bytes: what is held of the image's file by bands
 * @any_order_bytes: what is held of it by tiles
 * @fetched_bytes: of a pixel of the image while it is read
 * @waiting_bytes: of a pixel of the image that waits for its label
 * @strip_bytes: of a pixel of a row of tiles
 * @limit_bytes: what the process may take
 * @tta: in which orientations the network sees the image; of several, the way is by tiles
 */
typedef struct
{
  SegPlan *plan;
  gint64 width, height;
  guint n_channels, n_threads;
  gint64 tile, band_rows;
  gsize base_bytes, in_order_bytes, any_order_bytes;
  gsize fetched_bytes, waiting_bytes, strip_bytes;
  gsize limit_bytes;
  SegTta tta;
} SegWayRequest;

gboolean seg_way_choose (const SegWayRequest *request, SegWay *way, GError **error);
gboolean seg_way_check_output (SegSchedule *schedule, gint64 height, gint64 width, GError **error);
char    *seg_way_to_string (const SegWay *self);

G_END_DECLS
