/* A map in memory that a test owns: a rectangle of it, with guards around each row. */
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
  gsize n_rows, n_floats;
} Map;

Map *map_new (const SegShape *shape, const SegRect *valid);
Map *map_new_random (const SegShape *shape, const SegRect *valid, guint64 seed);
void map_free (Map *self);
float *map_at (const Map *self, gsize element);
gsize map_get_n (const Map *self);
void map_assert_guards (const Map *self, const SegRect *written, guint block, guint n_blocks);
gboolean map_equal_bits (const Map *whole, const Map *part, const SegRect *rect);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Map, map_free)

/* A number in -1…1 that depends on its arguments alone. */
float random_value (guint64 seed, guint64 element);

G_END_DECLS
