/* What a plan has become, and what a schedule takes: for people and tools to look at. Nothing here
 * is needed to run a network. */
#pragma once

#include <segkit/schedule.h>

G_BEGIN_DECLS

/**
 * SegStepInfo:
 * @nodes: (array length=n_nodes): numbers of the graph's nodes: whose layer this is, then those
 *   that it has taken over, in the order in which they are done
 * @n_nodes: how many
 * @layer: of the first node
 * @kernel: (nullable): how it computes; %NULL: an alias, nothing runs
 * @packed_bytes: memory that it takes for weights in a form of its own
 * @inputs: (array length=n_inputs): what it reads: the layer's inputs, then those that are added
 * @n_inputs: how many
 * @n_layer_inputs: how many of them are the layer's
 * @output: what it gives
 *
 * One step of a plan. All pointers are the plan's.
 */
typedef struct
{
  const guint *nodes;
  guint n_nodes;
  SegLayer *layer;
  const char *kernel;
  gsize packed_bytes;
  const SegValue *inputs;
  guint n_inputs, n_layer_inputs;
  SegValue output;

  /*< private >*/
  gpointer reserved[4];
} SegStepInfo;

/**
 * SegHaloKind:
 * @SEG_HALO_ARITHMETIC: what the mathematics of the layers reads: a pixel outside has no influence
 * @SEG_HALO_COMPILED: what the steps read, whose kernels may compute whole cells of a grid where
 *   less is wanted: what a tile takes
 *
 * What a halo counts.
 */
typedef enum
{
  SEG_HALO_ARITHMETIC,
  SEG_HALO_COMPILED
} SegHaloKind;

/**
 * SegHalo:
 * @left: columns of the image
 * @top: rows of the image
 * @right: columns of the image
 * @bottom: rows of the image
 * @whole: any pixel needs the whole image, and the four numbers say nothing
 *
 * What a rectangle of a map needs of the image beside the pixels that it covers, if it is aligned
 * to the largest stride of the network and far from the border, in an image whose sides are
 * multiples of that stride. In others, a layer that resizes one map to the size of another may
 * shift a little. For %SEG_HALO_COMPILED a cell of a grid counts as a stride: a ResNet's tiles of
 * two pixels at stride 32 need rectangles aligned to 64, and others read up to a cell more.
 */
typedef struct
{
  gint64 left, top, right, bottom;
  gboolean whole;

  /*< private >*/
  gpointer reserved[4];
} SegHalo;

/**
 * SegMapInfo:
 * @shape: of the whole map
 * @rect: what of it memory ever holds
 * @n_rows: how many rows at a time; by bands, of the ring
 * @bytes: that they take, where of rows that are the same, as in a map resized to the nearest pixel, one
 *   is stored; 0 for an alias, whose channels other maps hold
 *
 * A value in a schedule.
 */
typedef struct
{
  SegShape shape;
  SegRect rect;
  gint64 n_rows;
  gsize bytes;

  /*< private >*/
  gpointer reserved[4];
} SegMapInfo;

void     seg_plan_describe_step       (SegPlan *self, guint step, SegStepInfo *info);
SegValue seg_plan_get_input           (SegPlan *self);
SegValue seg_plan_get_output          (SegPlan *self);
gsize    seg_plan_get_packed_bytes    (SegPlan *self);
SegHalo *seg_plan_dup_halos           (SegPlan *self, SegHaloKind kind, guint *n, GError **error);

void     seg_schedule_describe_map    (SegSchedule *self, SegValue value, SegMapInfo *info);
double   seg_schedule_get_multiply_adds (SegSchedule *self, guint step);

G_END_DECLS
