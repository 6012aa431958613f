#pragma once

#include "graph-private.h"

#include <segkit/plan.h>

G_BEGIN_DECLS

/* A node of the graph and all that it took over from its readers. Values keep the graph's
 * numbers; those that were absorbed have no producer any more. */
typedef struct
{
  char *name;
  SegLayer *layer;
  guint *inputs; /* the layer's, then those that posts add */
  guint n_inputs, n_layer_inputs;
  guint output;
  GArray *nodes; /* of guint: of the graph, the layer's own and then those taken over */
  GArray *posts; /* of SegPost; scale and shift belong to the node */
  GArray *befores; /* of SegPost: done to the input before anything else */
  gconstpointer *params; /* data of the tensors */
  SegTensor **tensors;
  guint first_param, n_params;
  gboolean is_alias; /* the output is its inputs' channels, one after the other */
  SegStep *step; /* NULL: an alias, nothing to run */
  guint at;      /* its place among the plan's nodes, while passes run */
} SegPlanNode;

/* How often a value is read, the last node that does, and the one that gives it, if any. */
typedef struct
{
  guint n;
  SegPlanNode *last, *producer;
} SegPlanReaders;

struct _SegPlan
{
  GObject parent_instance;
  SegGraph *graph;
  SegParameters *parameters;
  SegPurpose purpose;
  const SegKernels *kernels;
  GPtrArray *nodes; /* of SegPlanNode, in an order in which they can be run; NULL: a gap, which
                       only passes see */
  SegPlanReaders *readers; /* per value, while passes run */
  GPtrArray *parts; /* per value: GArray of guint, the values that hold its channels, in order */
  gint *lanes;       /* per value; 1: planar */
  GPtrArray *blocks; /* per value: GArray of gint32, the channels of each of its blocks */
  guint n_values;
  SegValue input, output;
  GString *report;
};

/* A pass tries to let @node take over the one reader of its output, and says whether it did.
 * seg_plan_new() calls each until none finds anything. */
typedef gboolean (*SegPassFunc) (SegPlan *plan, SegPlanNode *node);

gboolean _seg_pass_fold_affine        (SegPlan *plan, SegPlanNode *node);
gboolean _seg_pass_absorb_elementwise (SegPlan *plan, SegPlanNode *node);
gboolean _seg_pass_absorb_add         (SegPlan *plan, SegPlanNode *node);
gboolean _seg_pass_absorb_before      (SegPlan *plan, SegPlanNode *node);

SegLayerFlags _seg_plan_get_flags (const SegPlanNode *node);

SegPlanNode *_seg_plan_find_absorbable (SegPlan *plan, SegPlanNode *node, SegPostKind kind);
void         _seg_plan_absorb          (SegPlan *plan, SegPlanNode *node, SegPlanNode *reader,
                                        SegPost *post);
void         _seg_plan_absorb_before   (SegPlan *plan, SegPlanNode *node, SegPlanNode *before,
                                        SegPost *post);
gboolean     _seg_plan_is_clamp        (SegLayer *layer);
gboolean     _seg_plan_make_affine     (SegPlan *plan, const SegPlanNode *node, SegPost *post);

GPtrArray *_seg_plan_find_parts    (SegPlan *plan, const SegShape *shapes);
gboolean  _seg_plan_is_identity    (SegPlan *plan, const SegPlanNode *node, const SegShape *shapes);
gint64    _seg_plan_get_row_repeat (const SegPlan *plan, const SegPlanNode *node,
                                    const SegShape *shapes);
SegLayout _seg_plan_get_layout     (SegPlan *plan, const SegPlanNode *node);
void      _seg_plan_choose_layouts (SegPlan *plan);
gboolean  _seg_plan_have_same_blocks (SegPlan *plan, SegValue a, SegValue b);
gboolean  _seg_plan_compile        (SegPlan *plan, GError **error);

void     _seg_parameters_take (SegParameters *parameters);
gboolean _seg_parameters_initialise_beside (SegParameters *self, SegParameters *other,
                                            guint64 seed, GError **error);

gboolean _seg_plan_infer    (SegPlan *plan, const SegShape *input, SegShape *shapes,
                             GError **error);
SegRect  _seg_plan_required (const SegPlanNode *node, const SegShape *shapes, const SegRect *out,
                             guint input);
SegRect  _seg_plan_round    (const SegPlanNode *node, const SegShape *shapes, SegRect out);
double   _seg_plan_count_multiply_adds (const SegPlanNode *node, const SegShape *shapes,
                                        SegRect out);

G_END_DECLS
