/* The one place that chooses a level: the best that processor and system have, masked by
 * SEGKIT_CPU. */
#include <stdlib.h>
#include <string.h>

#include <segkit/kernels.h>

extern const SegKernels seg_kernels_base;
#ifdef __x86_64__
extern const SegKernels seg_kernels_v3, seg_kernels_v4;

/* GCC's and clang's checks include whether the system saves the registers. */
static int
seg_cpu_has_v3 (void)
{
  return __builtin_cpu_supports ("avx2") && __builtin_cpu_supports ("fma")
         && __builtin_cpu_supports ("bmi2") && __builtin_cpu_supports ("bmi")
         && __builtin_cpu_supports ("popcnt");
}

static int
seg_cpu_has_v4 (void)
{
  return seg_cpu_has_v3 () && __builtin_cpu_supports ("avx512f")
         && __builtin_cpu_supports ("avx512bw") && __builtin_cpu_supports ("avx512cd")
         && __builtin_cpu_supports ("avx512dq") && __builtin_cpu_supports ("avx512vl");
}
#endif

static const struct
{
  const SegKernels *kernels;
  int (*is_here) (void); /* NULL: on every processor */
} seg_kernels_known[] = {
  { &seg_kernels_base, NULL },
#ifdef __x86_64__
  { &seg_kernels_v3, seg_cpu_has_v3 },
  { &seg_kernels_v4, seg_cpu_has_v4 },
#endif
};

/* Level @i of those built in, lowest first, whether or not this processor runs it; NULL past the
 * last. */
const SegKernels *
seg_kernels_get_known (unsigned i)
{
  return i < sizeof seg_kernels_known / sizeof *seg_kernels_known ? seg_kernels_known[i].kernels
                                                                  : NULL;
}

/* Level @i, lowest first; NULL past the last that this processor runs. */
const SegKernels *
seg_kernels_get_level (unsigned i)
{
  const SegKernels *kernels = seg_kernels_get_known (i);

  return kernels != NULL
                 && (seg_kernels_known[i].is_here == NULL || seg_kernels_known[i].is_here ())
             ? kernels
             : NULL;
}

/* Whether a level of that name is built in. */
int
seg_kernels_is_known (const char *level)
{
  const SegKernels *kernels;

  for (unsigned i = 0; (kernels = seg_kernels_get_known (i)) != NULL; i++)
    if (strcmp (kernels->level, level) == 0)
      return 1;
  return 0;
}

/* The level of that name, or NULL if there is none or this processor does not run it. */
const SegKernels *
seg_kernels_lookup (const char *level)
{
  const SegKernels *kernels;

  for (unsigned i = 0; (kernels = seg_kernels_get_level (i)) != NULL; i++)
    if (strcmp (kernels->level, level) == 0)
      return kernels;
  return NULL;
}

/* The best level, but none above the one that the environment variable SEGKIT_CPU names. */
const SegKernels *
seg_kernels_get (void)
{
  const char *mask = getenv ("SEGKIT_CPU");
  const SegKernels *best = &seg_kernels_base, *kernels;

  for (unsigned i = 0; (kernels = seg_kernels_get_level (i)) != NULL; i++)
    {
      best = kernels;
      if (mask != NULL && strcmp (mask, kernels->level) == 0)
        break;
    }
  return best;
}
