/* Compiled once per instruction-set level, with SEG_LEVEL_NAME, SEG_LEVEL_SYMBOL, SEG_LANES
 * and SEG_PIXELS given by the build: all operations, one file each, and the table of them.
 *
 * Includes no GLib and defines nothing but static functions and one table: an inline compiled
 * for AVX-512 must never be the copy that the linker keeps.
 *
 * -ffp-contract=fast lets multiply and add become one fused operation. That is safe for the
 * determinism contract only because body and tail of every loop here are the same vector
 * operations: tails go through a whole vector too. */
#include "vector.h"

#include "elementwise-tmpl.h"
#include "norm-tmpl.h"
#include "transpose-tmpl.h"
#include "product-tmpl.h"
#include "narrow-tmpl.h"
#include "outer-tmpl.h"
#include "winograd2-tmpl.h"
#include "winograd4-tmpl.h"
#include "winograd-train-tmpl.h"

const SegKernels SEG_LEVEL_SYMBOL = {
  .level = SEG_LEVEL_NAME,
  .lanes = SEG_LANES,
  .affine = seg_affine,
  .add = seg_add,
  .maximum = seg_maximum,
  .product = seg_product,
  .narrow = seg_narrow,
  .winograd2_input = seg_winograd2_input,
  .winograd4_input = seg_winograd4_input,
  .winograd2_output = seg_winograd2_output,
  .winograd4_output = seg_winograd4_output,
  .to_lanes = seg_to_lanes,
  .from_lanes = seg_from_lanes,
  .outer = seg_outer,
  .winograd2_adjoint = seg_winograd2_adjoint,
  .winograd4_adjoint = seg_winograd4_adjoint,
  .winograd2_filter = seg_winograd2_filter,
  .winograd4_filter = seg_winograd4_filter,
  .winograd2_filter_adjoint = seg_winograd2_filter_adjoint,
  .winograd4_filter_adjoint = seg_winograd4_filter_adjoint,
  .finish = seg_finish,
  .prologue = seg_prologue,
  .unclamp = seg_unclamp,
  .norm_sum = seg_norm_sum,
  .norm_sum_gradient = seg_norm_sum_gradient,
  .norm_gradient = seg_norm_gradient,
};
