#pragma once

#include <segkit/model.h>

G_BEGIN_DECLS

/**
 * SegSource:
 *
 * An image file as a model wants to see it.
 */
typedef struct _SegSource SegSource;

SegSource  *seg_source_new         (const char *const *files, SegModel *model, gboolean random,
                                    GError **error);
SegSource  *seg_source_new_plain   (const char *path, guint n_channels, GError **error);
void        seg_source_free        (SegSource *self);
const char *seg_source_get_name    (SegSource *self);
char       *seg_source_dup_summary (SegSource *self);
guint       seg_source_get_n_channels (SegSource *self);
gboolean    seg_source_is_last_band_untold (SegSource *self);
guint       seg_source_get_depth   (SegSource *self);
gint64      seg_source_get_width   (SegSource *self);
gint64      seg_source_get_height  (SegSource *self);
gsize       seg_source_get_pixel_bytes (SegSource *self);
gsize       seg_source_get_held_bytes (SegSource *self, gboolean random);
void        seg_source_get_resolution (SegSource *self, double *xres, double *yres);

gboolean    seg_source_fetch       (SegSource *self, const SegRect *rect, GError **error);
gboolean    seg_source_fill        (SegSource *self, const SegView *view, GError **error);
void        seg_source_copy_colour_row (SegSource *self, gint64 y, guint8 *rgb);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (SegSource, seg_source_free)

G_END_DECLS
