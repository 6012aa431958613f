#pragma once

#include <gio/gio.h>

#include "classifier.h"

G_BEGIN_DECLS

/**
 * SegOutputKind:
 * @SEG_OUTPUT_LABELS: the number of each pixel's class, a byte
 * @SEG_OUTPUT_COLORS: the colour of each pixel's class
 * @SEG_OUTPUT_OVERLAY: the classes' colours over the image
 * @SEG_OUTPUT_OUTLINES: the image with the borders of classes drawn in
 * @SEG_OUTPUT_PROBABILITIES: a band for each class that is wanted
 * @SEG_N_OUTPUTS: how many kinds there are
 */
typedef enum
{
  SEG_OUTPUT_LABELS,
  SEG_OUTPUT_COLORS,
  SEG_OUTPUT_OVERLAY,
  SEG_OUTPUT_OUTLINES,
  SEG_OUTPUT_PROBABILITIES,
  SEG_N_OUTPUTS,
} SegOutputKind;

/**
 * SegOutputsFormat:
 * @width: columns
 * @height: rows
 * @xres: pixels per millimetre
 * @yres: the same, downwards
 * @stamp: what the files say of their origin
 */
typedef struct
{
  gint64 width, height;
  double xres, yres;
  const char *stamp;
} SegOutputsFormat;

/**
 * SegOutputs:
 *
 * The files that are made of one image, row by row, from top to bottom. They get their names when
 * all are complete.
 */
typedef struct _SegOutputs SegOutputs;

const char *seg_output_kind_get_option (SegOutputKind kind);

SegOutputs *seg_outputs_new      (char *const names[SEG_N_OUTPUTS], SegModel *model,
                                  SegClassifier *classifier, guint probability_bits, GError **error);
void        seg_outputs_free     (SegOutputs *self);
const char *seg_outputs_get_file (SegOutputs *self, SegOutputKind kind);
gboolean    seg_outputs_want_image (SegOutputs *self);
gboolean    seg_outputs_want_probabilities (SegOutputs *self);

gsize       seg_outputs_predict_bytes (SegOutputs *self, gint64 width, gint64 height);

gboolean    seg_outputs_open     (SegOutputs *self, GError **error);
gboolean    seg_outputs_start    (SegOutputs *self, const char *image,
                                  const SegOutputsFormat *format, GCancellable *cancellable,
                                  GError **error);
gboolean    seg_outputs_push     (SegOutputs *self, const guint8 *labels, const guint8 *image,
                                  const float *probabilities, GError **error);
gboolean    seg_outputs_finish   (SegOutputs *self, GError **error);
gboolean    seg_outputs_commit   (SegOutputs *self, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (SegOutputs, seg_outputs_free)

G_END_DECLS
