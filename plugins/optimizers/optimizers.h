/* Optimisers and rate schedules. One file each; this header only lets optimizers.c register them. */
#pragma once

#include <segkit/seg-plugin.h>

G_BEGIN_DECLS

#define SEG_TYPE_ADAM (seg_adam_get_type ())
G_DECLARE_DERIVABLE_TYPE (SegAdam, seg_adam, SEG, ADAM, SegOptimizer)

struct _SegAdamClass
{
  SegOptimizerClass parent_class;
  gboolean decoupled; /* whether decay acts on weights and not on gradients */
};

#define SEG_TYPE_ADAMW (seg_adamw_get_type ())
G_DECLARE_FINAL_TYPE (SegAdamw, seg_adamw, SEG, ADAMW, SegAdam)

#define SEG_TYPE_RMSPROP (seg_rmsprop_get_type ())
G_DECLARE_FINAL_TYPE (SegRmsprop, seg_rmsprop, SEG, RMSPROP, SegOptimizer)

#define SEG_TYPE_SGD (seg_sgd_get_type ())
G_DECLARE_FINAL_TYPE (SegSgd, seg_sgd, SEG, SGD, SegOptimizer)

#define SEG_TYPE_CONSTANT (seg_constant_get_type ())
G_DECLARE_FINAL_TYPE (SegConstant, seg_constant, SEG, CONSTANT, SegRateSchedule)

#define SEG_TYPE_COSINE (seg_cosine_get_type ())
G_DECLARE_FINAL_TYPE (SegCosine, seg_cosine, SEG, COSINE, SegRateSchedule)

#define SEG_TYPE_ONE_CYCLE (seg_one_cycle_get_type ())
G_DECLARE_FINAL_TYPE (SegOneCycle, seg_one_cycle, SEG, ONE_CYCLE, SegRateSchedule)

#define SEG_TYPE_PLATEAU (seg_plateau_get_type ())
G_DECLARE_FINAL_TYPE (SegPlateau, seg_plateau, SEG, PLATEAU, SegRateSchedule)

#define SEG_TYPE_POLY (seg_poly_get_type ())
G_DECLARE_FINAL_TYPE (SegPoly, seg_poly, SEG, POLY, SegRateSchedule)

#define SEG_TYPE_STAIRS (seg_stairs_get_type ())
G_DECLARE_FINAL_TYPE (SegStairs, seg_stairs, SEG, STAIRS, SegRateSchedule)

G_END_DECLS
