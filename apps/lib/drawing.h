#pragma once

#include <segkit/model.h>

G_BEGIN_DECLS

/**
 * SegColours:
 * @rgb: red, green and blue of each label
 */
typedef struct
{
  guint8 rgb[256][3];
} SegColours;

void seg_colours_init   (SegColours *self, SegModel *model);

void seg_draw_colors    (const SegColours *colours, const guint8 *labels, gint64 n, guint8 *out);
void seg_draw_overlay   (const SegColours *colours, const guint8 *labels, const guint8 *image,
                         gint64 n, guint8 *out);
void seg_draw_outlines  (const SegColours *colours, const guint8 *above, const guint8 *labels,
                         const guint8 *below, const guint8 *image, gint64 n, guint8 *out);

G_END_DECLS
