#pragma once

#include <segkit/graph.h>
#include <segkit/tensor.h>

G_BEGIN_DECLS

/**
 * SegParameters:
 *
 * The values of a graph's parameters by full name, `<node>.<suffix>`, in the order declared.
 */
#define SEG_TYPE_PARAMETERS (seg_parameters_get_type ())
G_DECLARE_FINAL_TYPE (SegParameters, seg_parameters, SEG, PARAMETERS, GObject)

SegParameters *seg_parameters_new        (SegGraph *graph);
gboolean       seg_parameters_initialise (SegParameters *self, guint64 seed, GError **error);
guint          seg_parameters_get_n      (SegParameters *self);
const char    *seg_parameters_get_name   (SegParameters *self, guint i);
SegRole        seg_parameters_get_role   (SegParameters *self, guint i);
const gint64  *seg_parameters_get_shape  (SegParameters *self, guint i, guint *rank);
SegDtype       seg_parameters_get_dtype  (SegParameters *self, guint i);
SegTensor     *seg_parameters_get_tensor (SegParameters *self, guint i, GError **error);
void           seg_parameters_set_tensor (SegParameters *self, guint i, SegTensor *tensor);
gint           seg_parameters_find       (SegParameters *self, const char *name);
guint          seg_parameters_get_first  (SegParameters *self, guint node, guint *n);

G_END_DECLS
