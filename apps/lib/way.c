/* By bands or by tiles, and how large: the quickest way that memory allows.
 *
 * By bands, each row of each layer is computed once. Time hardly depends on their height; memory
 * does. Where not even bands of one row fit, because the image is too wide, it is cut into
 * tiles, each of which computes its surroundings again. */
#include <segkit/error.h>

#include "orientation.h"
#include "units.h"
#include "way.h"

#define SEG_WAY_MAX_TILE 4096
#define SEG_WAY_MIN_TILE 32

/* Sizes that no machine has come out of sizes that no machine has: they stop at the largest. */
static gsize
seg_way_add (gsize a, gsize b)
{
  gsize sum;

  return __builtin_add_overflow (a, b, &sum) ? G_MAXSIZE : sum;
}

static gboolean
seg_way_predict_bands (const SegWayRequest *request, gint64 band_rows, SegWay *way, GError **error)
{
  g_autoptr (SegSchedule) schedule = seg_schedule_new_bands (
      request->plan, request->height, request->width, MIN (band_rows, request->height), error);
  gsize fetched, waiting; /* pixels */

  if (schedule == NULL)
    return FALSE;
  fetched = (gsize) (request->width * seg_schedule_get_input_rows (schedule));
  waiting = (gsize) (request->width * seg_schedule_get_waiting_rows (schedule));
  way->tile = way->tile_pixels = 0;
  way->band_rows = band_rows;
  way->workspace_bytes = seg_schedule_get_workspace_bytes (schedule, request->n_threads);
  way->bytes = seg_way_add (request->base_bytes, way->workspace_bytes);
  way->bytes = seg_way_add (way->bytes, request->in_order_bytes);
  way->bytes = seg_way_add (way->bytes, fetched * request->fetched_bytes);
  way->bytes = seg_way_add (way->bytes, waiting * request->waiting_bytes);
  return TRUE;
}

/* What a tile takes in one orientation, beside what all of them take: a turned one begins elsewhere
 * between the pixels of coarse maps, and may touch more of them. Of several there is also what is
 * turned, and the sum of what came of them. */
static gboolean
seg_way_predict_seen (const SegWayRequest *request, const SegOrientation *orientation,
                      const SegRect *tile, SegWay *way, GError **error)
{
  SegRect seen = seg_orientation_turn (orientation, tile);
  g_autoptr (SegSchedule) schedule =
      seg_schedule_new_region (request->plan, 1, seg_orientation_get_height (orientation),
                               seg_orientation_get_width (orientation), &seen, error);
  gsize input_pixels, tile_pixels = (gsize) (tile->w * tile->h), workspace_bytes, bytes;
  SegRect input;

  if (schedule == NULL)
    return FALSE;
  input = seg_schedule_get_input_rect (schedule);
  input_pixels = (gsize) (input.w * input.h);
  workspace_bytes = seg_schedule_get_workspace_bytes (schedule, request->n_threads);
  bytes = seg_way_add (workspace_bytes, input_pixels * request->fetched_bytes);
  if (request->tta != SEG_TTA_NONE)
    bytes =
        seg_way_add (bytes, (input_pixels * request->n_channels
                             + tile_pixels * (gsize) seg_schedule_get_output_shape (schedule)->c)
                                * sizeof (float));
  way->tile_pixels = MAX (way->tile_pixels, (gint64) input_pixels);
  way->workspace_bytes = MAX (way->workspace_bytes, workspace_bytes);
  way->bytes = MAX (way->bytes, bytes);
  return TRUE;
}

/* A tile amid the image has all of its surroundings. */
static gboolean
seg_way_predict_tiles (const SegWayRequest *request, gint64 tile, SegWay *way, GError **error)
{
  SegRect amid = { request->width / 2 / tile * tile, request->height / 2 / tile * tile, 0, 0 };
  SegOrientation orientation = { .height = request->height, .width = request->width };

  amid.w = MIN (tile, request->width - amid.x);
  amid.h = MIN (tile, request->height - amid.y);
  *way = (SegWay){ .tile = tile };
  for (; orientation.number < seg_tta_get_n_orientations (request->tta); orientation.number++)
    if (!seg_way_predict_seen (request, &orientation, &amid, way, error))
      return FALSE;
  way->bytes = seg_way_add (way->bytes, request->base_bytes);
  way->bytes = seg_way_add (way->bytes, request->any_order_bytes);
  way->bytes = seg_way_add (way->bytes, (gsize) (MIN (tile, request->height) * request->width)
                                            * request->strip_bytes);
  return TRUE;
}

/**
 * seg_way_check_output:
 * @schedule: of an image
 * @height: of the image
 * @width: of the image
 * @error: return location
 *
 * Errors: `SEG_ERROR_UNSUPPORTED` where the network does not give each pixel a label.
 */
gboolean
seg_way_check_output (SegSchedule *schedule, gint64 height, gint64 width, GError **error)
{
  const SegShape *out = seg_schedule_get_output_shape (schedule);

  if (out->h == height && out->w == width)
    return TRUE;
  g_set_error (error, SEG_ERROR, SEG_ERROR_UNSUPPORTED,
               "the model makes %" G_GINT64_FORMAT " × %" G_GINT64_FORMAT
               " labels of %" G_GINT64_FORMAT " × %" G_GINT64_FORMAT " pixels",
               out->w, out->h, width, height);
  return FALSE;
}

static gboolean
seg_way_check_size (const SegWayRequest *request, GError **error)
{
  SegRect pixel = { 0, 0, 1, 1 };
  g_autoptr (SegSchedule) schedule =
      seg_schedule_new_region (request->plan, 1, request->height, request->width, &pixel, error);

  return schedule != NULL
         && seg_way_check_output (schedule, request->height, request->width, error);
}

/* The highest bands that fit, or those of one row. */
static gboolean
seg_way_search_bands (const SegWayRequest *request, SegWay *way, GError **error)
{
  gint64 rows = seg_schedule_choose_band_rows (request->plan, request->height, request->width);
  SegWay tried;

  if (!seg_way_predict_bands (request, rows, way, error)
      || !seg_way_predict_bands (request, request->height, &tried, error))
    return FALSE;
  /* of maps that are held to the end for their statistics, one band can reuse the memory */
  if (tried.bytes <= way->bytes)
    *way = tried;
  while (way->bytes > request->limit_bytes && rows > 1)
    {
      rows /= 2;
      if (!seg_way_predict_bands (request, rows, way, error))
        return FALSE;
    }
  return TRUE;
}

/* The largest tiles that fit, or those that take least; @way: what takes least of all so far. */
static gboolean
seg_way_search_tiles (const SegWayRequest *request, SegWay *way, GError **error)
{
  gint64 tile = SEG_WAY_MAX_TILE;
  SegWay tried;

  while (tile > SEG_WAY_MIN_TILE && tile / 2 >= MAX (request->width, request->height))
    tile /= 2;
  for (; tile >= SEG_WAY_MIN_TILE; tile /= 2)
    {
      if (!seg_way_predict_tiles (request, tile, &tried, error))
        return FALSE;
      if (tried.bytes < way->bytes)
        *way = tried;
      if (tried.bytes <= request->limit_bytes)
        break;
    }
  return TRUE;
}

/* The quickest that fits; or, where none does, the one that takes least. */
static gboolean
seg_way_search (const SegWayRequest *request, SegWay *way, GError **error)
{
  *way = (SegWay){ .bytes = G_MAXSIZE };
  if (request->tta == SEG_TTA_NONE && !seg_way_search_bands (request, way, error))
    return FALSE;
  return way->bytes <= request->limit_bytes || seg_way_search_tiles (request, way, error);
}

/* Says how much it would take, how much there is, and what would do. */
static void
seg_way_refuse (const SegWayRequest *request, const SegWay *way, const SegWay *least,
                GError **error)
{
  g_autofree char *asked = seg_way_to_string (way);
  g_autofree char *other = seg_way_to_string (least);
  g_autofree char *needed = seg_units_bytes ((double) way->bytes);
  g_autofree char *limit = seg_units_bytes ((double) request->limit_bytes);
  g_autofree char *less = seg_units_bytes ((double) least->bytes);

  if (least->bytes <= request->limit_bytes)
    g_set_error (error, SEG_ERROR, SEG_ERROR_MEMORY,
                 "%s would take %s of memory, and %s may be used; %s would take %s", asked, needed,
                 limit, other, less);
  else
    g_set_error (error, SEG_ERROR, SEG_ERROR_MEMORY,
                 "%s of memory may be used, and the least that would do is %s, in %s", limit, less,
                 other);
}

/**
 * seg_way_choose:
 * @request: the image, and what there is
 * @way: (out): how to run it
 * @error: return location
 *
 * Errors: `SEG_ERROR_MEMORY` where neither what was asked for nor, if nothing was, any way fits;
 * `SEG_ERROR_SHAPE` where the network does not take an image of that size; `SEG_ERROR_UNSUPPORTED`
 * where it does not give each pixel a label.
 */
gboolean
seg_way_choose (const SegWayRequest *request, SegWay *way, GError **error)
{
  SegWay least;

  if (!seg_way_check_size (request, error))
    return FALSE;
  if (request->tile > 0        ? !seg_way_predict_tiles (request, request->tile, way, error)
      : request->band_rows > 0 ? !seg_way_predict_bands (request, request->band_rows, way, error)
                               : !seg_way_search (request, way, error))
    return FALSE;
  if (way->bytes <= request->limit_bytes)
    return TRUE;
  if (seg_way_search (request, &least, error))
    seg_way_refuse (request, way, &least, error);
  return FALSE;
}

/**
 * seg_way_to_string:
 * @self: a way
 *
 * Returns: (transfer full): such as "bands of 32 rows"
 */
char *
seg_way_to_string (const SegWay *self)
{
  return self->tile > 0 ? g_strdup_printf ("tiles of %" G_GINT64_FORMAT " × %" G_GINT64_FORMAT,
                                           self->tile, self->tile)
                        : g_strdup_printf ("bands of %" G_GINT64_FORMAT " row%s", self->band_rows,
                                           seg_units_plural ((guint64) self->band_rows));
}
