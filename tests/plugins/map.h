/* A map in memory that a test owns: a rectangle of it, in planes or in blocks, with guards around
 * each row. */
#pragma once

#include <segkit/types.h>

G_BEGIN_DECLS

typedef struct
{
  SegView view;
  /*< private >*/
  SegChannelBlock *blocks;
  float **rows;
  float *memory;
  gsize pitch, n_rows, n_floats;
} Map;

/* How a map's channels lie. Blocks begin anew at channel @joint, as behind a concatenation. */
typedef struct
{
  gint32 lanes, joint;
} MapBlocks;

#define MAP_PLANAR ((MapBlocks){ 1, 0 })

Map *map_new (const SegShape *shape, const SegRect *valid);
Map *map_new_in_blocks (const SegShape *shape, const SegRect *valid, MapBlocks blocks);
Map *map_new_random (const SegShape *shape, const SegRect *valid, guint64 seed);
Map *map_new_random_in_blocks (const SegShape *shape, const SegRect *valid, MapBlocks blocks,
                               guint64 seed);
guint map_blocks_get_n (MapBlocks blocks, gint64 channels);
gint32 map_blocks_get_channels (MapBlocks blocks, gint32 channel, gint64 n_channels);
void map_free (Map *self);
float *map_at (const Map *self, gsize element);
gsize map_get_n (const Map *self);
void map_assert_guards (const Map *self, const SegRect *written, guint block, guint n_blocks);
gboolean map_equal_bits (const Map *whole, const Map *part, const SegRect *rect);
double map_get_error (const Map *reference, const Map *map);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Map, map_free)

/* A number in -1…1 that depends on its arguments alone. */
float random_value (guint64 seed, guint64 element);

G_END_DECLS
