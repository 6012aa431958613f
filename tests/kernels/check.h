/* What the checks of the kernels share: buffers that notice who leaves them, numbers that are
 * awkward, and comparisons. */
#pragma once

#include <glib.h>

#include <segkit/kernels.h>

#define N_ROUNDS 400
#define MOST_FLOATS 262144

/* Memory between two pages that nobody may touch, and in it a buffer: at the very end, at the
 * very beginning, or at an odd place. The floats around the buffer hold a pattern. */
typedef struct
{
  float *first, *end; /* of what may be touched */
  float *data;
  size_t n;
} Area;

void   area_init          (Area *self);
float *area_place         (Area *self, size_t n);
void   area_assert_guards (const Area *self);
void   assert_untouched   (const float *from, const float *to);

float  random_float       (void);
void   fill               (float *x, size_t n);
size_t random_length      (const SegKernels *kernels, guint round);
float  clamp              (float x, float lo, float hi);
void   random_clamp       (float *lo, float *hi);

void   assert_near        (float value, double reference, double magnitude, size_t n_roundings);
void   assert_same_bits   (float a, float b);

/* The tests, of one level each. */
void test_affine          (gconstpointer kernels);
void test_add             (gconstpointer kernels);
void test_maximum         (gconstpointer kernels);
void test_product         (gconstpointer kernels);
void test_product_order   (gconstpointer kernels);
void test_narrow          (gconstpointer kernels);
void test_finish          (gconstpointer kernels);
void test_prologue        (gconstpointer kernels);
void test_winograd_input  (gconstpointer kernels);
void test_winograd_output (gconstpointer kernels);
void test_winograd_error  (gconstpointer kernels);
void test_outer            (gconstpointer kernels);
void test_outer_order      (gconstpointer kernels);
void test_winograd_adjoint (gconstpointer kernels);
void test_winograd_filter  (gconstpointer kernels);
void test_lanes             (gconstpointer kernels);
void test_unclamp           (gconstpointer kernels);
void test_norm_sums         (gconstpointer kernels);
void test_norm_gradient     (gconstpointer kernels);

void test_winograd_weights (void);

double winograd_measure_error (const SegKernels *kernels, int tile, int n_channels);

int bench_all (void);
