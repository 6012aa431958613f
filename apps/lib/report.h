#pragma once

#include <segkit/segkit.h>

G_BEGIN_DECLS

/**
 * SegReportLayer:
 * @name: path of the layer
 * @feature: the layer's, as registered
 * @taken: (array zero-terminated): features of the layers that its step does, too
 * @taken_names: (array zero-terminated): their paths
 * @kernel: how it is computed; %NULL for an alias, which is nothing but pointers, as padding by
 *   nothing is
 * @info: the step
 * @parameters: numbers that training changes, of all these layers
 * @multiply_adds: for the image
 * @halo: what an output of it depends on of the image, by arithmetic
 * @tile_halo: what its steps read of it, whose kernels compute whole cells
 * @map: its output for the image at once; as a ring, by bands
 * @ring: the same, by bands
 *
 * A step of the plan, for an image size.
 */
typedef struct
{
  const char *name, *feature, *kernel;
  char **taken, **taken_names;
  SegStepInfo info;
  gint64 parameters;
  double multiply_adds;
  SegHalo halo, tile_halo;
  SegMapInfo map, ring;
} SegReportLayer;

/**
 * SegReport:
 *
 * What a model is and takes.
 */
typedef struct
{
  char *path;
  SegModel *model;
  SegPlan *plan;
  gint64 width, height, band_rows;
  guint n_threads;

  SegShape *shapes; /* of each value of the plan */
  GArray *layers; /* of SegReportLayer, in the order in which they run */
  gint64 n_trained, n_statistics; /* numbers */
  gint64 parameter_bytes;
  gsize packed_bytes;
  double multiply_adds;
  SegHalo halo, tile_halo;
  gsize whole_bytes, bands_bytes; /* of a workspace */
  double ring_bytes;              /* of all maps by bands, for each column of the image */
} SegReport;

SegReport *seg_report_new   (const char *path, SegModel *model, gint64 width, gint64 height,
                             gint64 band_rows, guint n_threads, GError **error);
void       seg_report_free  (SegReport *self);
gsize      seg_report_get_memory (const SegReport *self, gboolean bands);

void       seg_report_print (const SegReport *self, gboolean verbose, GString *out);
void       seg_report_graph (const SegReport *self, GString *out);
void       seg_report_json  (const SegReport *self, GString *out);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (SegReport, seg_report_free)

G_END_DECLS
