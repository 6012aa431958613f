#pragma once

#include <segkit/graph.h>
#include <segkit/property.h>

G_BEGIN_DECLS

#define SEG_FEATURES_MAX 16

/**
 * SegFeatures:
 * @n: how many
 * @values: finest first
 * @strides: pixels of the image per pixel of the value
 *
 * A pyramid of features. An image, or any single map, is a pyramid of one.
 */
struct _SegFeatures
{
  guint n;
  SegValue values[SEG_FEATURES_MAX];
  gint64 strides[SEG_FEATURES_MAX];

  /*< private >*/
  gpointer reserved[4];
};

#define SEG_TYPE_BLOCK (seg_block_get_type ())
G_DECLARE_DERIVABLE_TYPE (SegBlock, seg_block, SEG, BLOCK, GObject)

/**
 * SegBlockKind:
 * @SEG_BLOCK_MAP: one map in, one map out; has a property "channels" when an encoder or decoder
 *   may use it inside
 * @SEG_BLOCK_ENCODER: an image in, a pyramid out
 * @SEG_BLOCK_DECODER: a pyramid in, the result out, and behind it, finest first, those of the
 *   coarser maps on the way to it that cover the same image, if it tells of any
 * @SEG_BLOCK_MODEL: an image in, logits out; has an int property "auxiliary-heads" when it can give
 *   logits of so many coarser maps, too, enlarged and behind its own in the one map it gives
 */
typedef enum
{
  SEG_BLOCK_MAP,
  SEG_BLOCK_ENCODER,
  SEG_BLOCK_DECODER,
  SEG_BLOCK_MODEL,
} SegBlockKind;

/**
 * SegBlockClass:
 * @kind: what it takes and gives
 * @build: adds layers and smaller blocks to the graph. Errors are the graph's: see
 *   seg_graph_add()
 *
 * Wiring only, no arithmetic.
 */
struct _SegBlockClass
{
  GObjectClass parent_class;

  /*< private >*/
  const char *title, *source;

  /*< public >*/
  SegBlockKind kind;
  void (*build) (SegBlock *self, SegGraph *graph, const SegFeatures *in, SegFeatures *out);

  /*< private >*/
  gpointer reserved[8];
};

void         seg_block_class_set_info (SegBlockClass *klass, const char *title, const char *source);
const char  *seg_block_get_title      (SegBlock *self);
const char  *seg_block_get_source     (SegBlock *self);
SegBlockKind seg_block_get_kind       (SegBlock *self);

void     seg_block_build     (SegBlock *self, SegGraph *graph, const char *name,
                              const SegFeatures *in, SegFeatures *out);
SegValue seg_block_build_map (SegBlock *self, SegGraph *graph, const char *name, SegValue in);

G_END_DECLS
