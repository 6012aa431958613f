/* The vector of a level, and what every kernel does with it. Portable C on GCC's vector types; only
 * maximum and minimum, which C cannot say in one operation, have the processor's own names. */
#pragma once

#include <string.h>

#ifdef __x86_64__
#include <immintrin.h>
#endif

#include <segkit/kernels.h>

#ifdef __clang__
#define SEG_UNROLL _Pragma ("clang loop unroll(full)")
#else
#define SEG_UNROLL _Pragma ("GCC unroll 32")
#endif

#if defined __x86_64__ && !defined __AVX512F__
#define SEG_N_REGISTERS 16
#else
#define SEG_N_REGISTERS 32
#endif

#define SEG_INLINE static inline __attribute__ ((always_inline))

typedef float seg_vector __attribute__ ((vector_size (SEG_LANES * 4)));
typedef int32_t seg_mask __attribute__ ((vector_size (SEG_LANES * 4)));

SEG_INLINE seg_vector
seg_load (const float *x)
{
  seg_vector v;
  memcpy (&v, x, sizeof v);
  return v;
}

SEG_INLINE void
seg_store (float *y, seg_vector v)
{
  memcpy (y, &v, sizeof v);
}

/* Keeps a vector in a register of its own, where the compiler would rather read it from memory in
 * each operation: a load is not free. */
#ifdef __x86_64__
#define SEG_KEEP(vector) __asm__ ("" : "+v"(vector))
#else
#define SEG_KEEP(vector)
#endif

/* Minus nothing, which changes no bits, unlike plus: −0 + 0 is 0. */
SEG_INLINE seg_vector
seg_splat (float x)
{
  return x - (seg_vector){ 0 };
}

/* a > b ? a : b and a < b ? a : b: where one is NaN, b. */
SEG_INLINE seg_vector
seg_larger (seg_vector a, seg_vector b)
{
#if SEG_LANES == 16 && defined __AVX512F__
  return (seg_vector) _mm512_max_ps ((__m512) a, (__m512) b);
#elif SEG_LANES == 8 && defined __AVX__
  return (seg_vector) _mm256_max_ps ((__m256) a, (__m256) b);
#elif SEG_LANES == 4 && defined __SSE__
  return (seg_vector) _mm_max_ps ((__m128) a, (__m128) b);
#else
  seg_mask first = a > b;
  return (seg_vector) ((first & (seg_mask) a) | (~first & (seg_mask) b));
#endif
}

SEG_INLINE seg_vector
seg_smaller (seg_vector a, seg_vector b)
{
#if SEG_LANES == 16 && defined __AVX512F__
  return (seg_vector) _mm512_min_ps ((__m512) a, (__m512) b);
#elif SEG_LANES == 8 && defined __AVX__
  return (seg_vector) _mm256_min_ps ((__m256) a, (__m256) b);
#elif SEG_LANES == 4 && defined __SSE__
  return (seg_vector) _mm_min_ps ((__m128) a, (__m128) b);
#else
  seg_mask first = a < b;
  return (seg_vector) ((first & (seg_mask) a) | (~first & (seg_mask) b));
#endif
}

/* NaN stays NaN: the order of the arguments sees to it. */
SEG_INLINE seg_vector
seg_clamp (seg_vector x, seg_vector lo, seg_vector hi)
{
  return seg_smaller (hi, seg_larger (lo, x));
}

typedef struct
{
  seg_vector scale, shift, lo, hi;
} SegPrologue;

SEG_INLINE SegPrologue
seg_prologue_prepare (const SegKernelPrologue *prologue)
{
  return (SegPrologue){ seg_load (prologue->scale), seg_load (prologue->shift),
                        seg_splat (prologue->lo), seg_splat (prologue->hi) };
}

SEG_INLINE seg_vector
seg_prologue_apply (const SegPrologue *prologue, seg_vector x)
{
  return seg_clamp (x * prologue->scale + prologue->shift, prologue->lo, prologue->hi);
}
