#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/**
 * SegWriter:
 *
 * An image file that is written from top to bottom. It appears under its name when it is
 * complete, and not before.
 */
typedef struct _SegWriter SegWriter;

/**
 * SegWriterFormat:
 * @width: columns
 * @height: rows
 * @bands: samples of a pixel: 3 for red, green and blue
 * @bits: of a sample: 8 or 16: integers, 32: floats
 * @xres: pixels per millimetre
 * @yres: the same, downwards
 * @ahead: rows that may wait to be written
 * @stamp: what the file says of its origin
 */
typedef struct
{
  gint64 width, height;
  guint bands, bits;
  double xres, yres;
  gint64 ahead;
  const char *stamp;
} SegWriterFormat;

SegWriter  *seg_writer_new      (const char *path, gboolean exact, GError **error);
void        seg_writer_free     (SegWriter *self);
const char *seg_writer_get_name (SegWriter *self);
gboolean    seg_writer_takes_floats (SegWriter *self);
gboolean    seg_writer_open     (SegWriter *self, GError **error);
gboolean    seg_writer_start    (SegWriter *self, const SegWriterFormat *format,
                                 GCancellable *cancellable, GError **error);
gboolean    seg_writer_push     (SegWriter *self, gconstpointer row, GError **error);
gboolean    seg_writer_finish   (SegWriter *self, GError **error);
gboolean    seg_writer_commit   (SegWriter *self, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (SegWriter, seg_writer_free)

G_END_DECLS
