/* The numeric kernels: one table per instruction-set level, all doing the same arithmetic in
 * the same order. Plain C, no GLib: this header is also what the kernels themselves include. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* No table computes more output channels or more pixels at once than this. */
#define SEG_KERNEL_MAX_CHANNELS 8
#define SEG_KERNEL_MAX_PIXELS 48
#define SEG_KERNEL_MAX_LANES 16

typedef struct
{
  const float *scale, *shift;
  float lo, hi;
} SegKernelPrologue;

typedef struct
{
  size_t n_runs;
  const float *const *x;
  const int32_t *n_terms;
  size_t x_step;
  const float *weights, *init;
  size_t n_vectors, n_pixels;
  float *y;
  size_t y_step, y_vector;
} SegKernelProduct;

typedef struct
{
  const char *level; /* "base", "x86-64-v3", "x86-64-v4" */
  int lanes;         /* floats in a vector */
  int conv_channels; /* output channels of one convolve call: weights are packed by so many */
  int conv_pixels;   /* pixels of one convolve call */

  /* y[k * y_stride + j] = shift[k] + sum over i of weights[i * conv_channels + k] * x[offsets[i] + j]
   * for k in 0…conv_channels-1 and j in 0…n-1, summed in the order of i. n is a multiple of
   * conv_pixels; x has conv_pixels - 1 readable floats behind the last that counts. */
  void (*convolve) (size_t n_taps, const int32_t *offsets, const float *weights,
                    const float *shift, const float *x, size_t n, float *y, size_t y_stride);

  /* Runs of n floats; y may be x (or a), otherwise they do not overlap. */
  void (*affine) (size_t n, const float *x, float scale, float shift, float *y);
  void (*add) (size_t n, const float *a, const float *b, float *y);
  void (*maximum) (size_t n, const float *a, const float *b, float *y); /* NaN wins */

  void (*product) (const SegKernelProduct *product);
  void (*winograd2_input) (const float *const rows[4], size_t n_tiles,
                           const SegKernelPrologue *prologue, float *v, size_t plane);
  void (*winograd4_input) (const float *const rows[6], size_t n_tiles,
                           const SegKernelPrologue *prologue, float *v, size_t plane);
  void (*winograd2_output) (const float *m, size_t plane, size_t n_tiles, const float *shift,
                            const float *const add[2], float lo, float hi, float *const rows[2]);
  void (*winograd4_output) (const float *m, size_t plane, size_t n_tiles, const float *shift,
                            const float *const add[4], float lo, float hi, float *const rows[4]);
  void (*finish) (size_t n, const float *add, float lo, float hi, float *y);
  void (*prologue) (size_t n_pixels, const float *x, const SegKernelPrologue *prologue, float *y);
} SegKernels;

const SegKernels *seg_kernels_get       (void);
const SegKernels *seg_kernels_lookup    (const char *level);
const SegKernels *seg_kernels_get_level (unsigned i); /* NULL past the last this processor runs */
const SegKernels *seg_kernels_get_known (unsigned i); /* NULL past the last built in */
int               seg_kernels_is_known  (const char *level);

#ifdef __cplusplus
}
#endif
