/* Plain types shared by everything: rectangles, shapes, element types, rows in memory. */
#pragma once

#include <glib-object.h>

G_BEGIN_DECLS

/**
 * SegRect:
 * @x: left column
 * @y: top row
 * @w: columns
 * @h: rows
 *
 * A rectangle of a value's own pixels, in global coordinates: (0, 0) is the top left pixel
 * of the whole map, wherever a tile lies. A rectangle without columns or rows is empty; as a
 * requirement it means "only the shape is needed".
 */
typedef struct
{
  gint64 x, y, w, h;
} SegRect;

/**
 * SegShape:
 * @n: batch
 * @c: channels
 * @h: rows
 * @w: columns
 *
 * The shape of a whole conceptual map, as PyTorch orders it.
 */
typedef struct
{
  gint64 n, c, h, w;
} SegShape;

typedef enum
{
  SEG_DTYPE_F32,
  SEG_DTYPE_F16,
  SEG_DTYPE_BF16,
  SEG_DTYPE_I64,
} SegDtype;

/**
 * SegPurpose:
 * @SEG_PURPOSE_INFERENCE: parameters are packed once, batch norm uses running statistics
 * @SEG_PURPOSE_TRAINING: parameters are read live, values are kept, gradients can be asked for
 *
 * What a plan is compiled for. Layers hold no mode of their own.
 */
typedef enum
{
  SEG_PURPOSE_INFERENCE,
  SEG_PURPOSE_TRAINING,
} SegPurpose;

/**
 * SegChannelBlock:
 * @rows: address of pixel valid.x of each row of the view, n * valid.h of them
 * @channel: the first channel in this block
 * @n_channels: channels in use, at most @lanes
 * @lanes: interleaved channels, the same in all blocks of a view; 1 is planar. Spare lanes hold
 *   anything
 *
 * Rings, crops and repeated rows are only pointers.
 */
typedef struct
{
  float *const *rows;
  gint32 channel, n_channels, lanes;
} SegChannelBlock;

/**
 * SegView:
 * @shape: the whole map
 * @valid: the rectangle that memory holds, always inside the map
 * @blocks: its channel blocks, in channel order, whoever produced them
 * @n_blocks: how many
 *
 * What memory holds of a value. Pixels outside the map are padding, and padding is its
 * reader's business.
 */
typedef struct
{
  SegShape shape;
  SegRect valid;
  const SegChannelBlock *blocks;
  guint n_blocks;
} SegView;

/**
 * SegPiece:
 * @sample: which map of the batch
 * @rect: pixels of the output
 * @block: first channel block of the output
 * @n_blocks: how many channel blocks
 *
 * One thread's share of an output.
 */
typedef struct
{
  gint64 sample;
  SegRect rect;
  guint block, n_blocks;
} SegPiece;

/**
 * seg_view_at: (skip)
 *
 * The address of column @x of row @y in channel block @block of sample @n; (@x, @y) lies in
 * view->valid or one column past its end.
 */
static inline float *
seg_view_at (const SegView *view, guint block, gint64 n, gint64 y, gint64 x)
{
  const SegChannelBlock *b = &view->blocks[block];
  return b->rows[n * view->valid.h + (y - view->valid.y)] + (x - view->valid.x) * b->lanes;
}

static inline gboolean
seg_rect_is_empty (const SegRect *rect)
{
  return rect->w <= 0 || rect->h <= 0;
}

SegRect seg_rect_intersect (SegRect a, SegRect b);
SegRect seg_rect_union     (SegRect a, SegRect b);

/* Division that rounds down, also for negative numerators: coordinates left of the map. */
static inline gint64
seg_floor_div (gint64 a, gint64 b)
{
  return a / b - (a % b != 0 && (a % b < 0) != (b < 0));
}

gsize       seg_dtype_get_size (SegDtype dtype);
const char *seg_dtype_to_string (SegDtype dtype);

G_END_DECLS
