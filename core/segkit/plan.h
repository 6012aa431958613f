#pragma once

#include <segkit/parameters.h>

G_BEGIN_DECLS

/**
 * SegPlan:
 *
 * A graph compiled for a purpose and an instruction level: steps and packed weights. Knows no
 * image size, thread count or memory limit. Immutable, shared freely between threads.
 */
#define SEG_TYPE_PLAN (seg_plan_get_type ())
G_DECLARE_FINAL_TYPE (SegPlan, seg_plan, SEG, PLAN, GObject)

SegPlan          *seg_plan_new         (SegGraph *graph, SegParameters *parameters,
                                        SegPurpose purpose, const SegKernels *kernels,
                                        const char *passes_off, GError **error);
SegPlan          *seg_plan_new_taking  (SegGraph *graph, SegParameters *parameters,
                                        const SegKernels *kernels, const char *passes_off,
                                        GError **error);
SegPurpose        seg_plan_get_purpose (SegPlan *self);
const SegKernels *seg_plan_get_kernels (SegPlan *self);
guint             seg_plan_get_n_steps (SegPlan *self);
const char       *seg_plan_get_report  (SegPlan *self);

G_END_DECLS
