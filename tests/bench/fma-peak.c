/* How many float32 operations a second the processor does at most: fused multiply-adds in
 * registers, in the widest vectors it has.
 *
 * usage: fma-peak THREADS
 *
 * Prints GFLOP/s of all threads together, the best of several short measurements: what else the
 * machine does only ever slows it down. Build with contraction, so that a * b + c is one
 * operation. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define PEAK_MOST_THREADS 256
#define PEAK_MEASUREMENTS 7
#define PEAK_SECONDS 0.2 /* of one: as long as a run of a small network */

/* Enough independent sums to hide the latency of a multiply-add, and no more than there are
 * registers for: 16, or 32. */
#define PEAK_FEW_SUMS 12
#define PEAK_MANY_SUMS 24

typedef float (*PeakFunc) (long n_rounds);

/* The compiler cannot shorten the loop: floating-point numbers are rounded at each step. */
#define PEAK_DEFINE(name, lanes, n_sums, attributes)                                              \
  attributes static float name (long n_rounds)                                                    \
  {                                                                                               \
    typedef float vector __attribute__ ((vector_size (lanes * 4)));                               \
    vector sums[n_sums], factor = (vector){ 0 } + 0.999f, term = (vector){ 0 } + 0.001f;          \
    float total = 0.f;                                                                            \
                                                                                                  \
    for (int i = 0; i < n_sums; i++)                                                              \
      sums[i] = (vector){ 0 } + (float) i;                                                        \
    for (long round = 0; round < n_rounds; round++)                                               \
      {                                                                                           \
        _Pragma ("GCC unroll 24")                                                                 \
        for (int i = 0; i < n_sums; i++)                                                          \
          sums[i] = sums[i] * factor + term;                                                      \
      }                                                                                           \
    for (int i = 0; i < n_sums; i++)                                                              \
      total += sums[i][0];                                                                        \
    return total;                                                                                 \
  }

#ifdef __x86_64__
PEAK_DEFINE (peak_base, 4, PEAK_FEW_SUMS, )
PEAK_DEFINE (peak_avx2, 8, PEAK_FEW_SUMS, __attribute__ ((target ("avx2,fma"))))
PEAK_DEFINE (peak_avx512, 16, PEAK_MANY_SUMS, __attribute__ ((target ("avx512f"))))
#else
PEAK_DEFINE (peak_base, 4, PEAK_MANY_SUMS, )
#endif

typedef struct
{
  PeakFunc run;
  int n_floats; /* in all sums */
} PeakLevel;

static PeakLevel
peak_choose_level (void)
{
#ifdef __x86_64__
  if (__builtin_cpu_supports ("avx512f"))
    return (PeakLevel){ peak_avx512, 16 * PEAK_MANY_SUMS };
  if (__builtin_cpu_supports ("avx2") && __builtin_cpu_supports ("fma"))
    return (PeakLevel){ peak_avx2, 8 * PEAK_FEW_SUMS };
  return (PeakLevel){ peak_base, 4 * PEAK_FEW_SUMS };
#else
  return (PeakLevel){ peak_base, 4 * PEAK_MANY_SUMS };
#endif
}

typedef struct
{
  PeakFunc run;
  long n_rounds;
  float result; /* used by nobody, but the compiler does not know */
} PeakTask;

static void *
peak_work (void *data)
{
  PeakTask *task = data;

  task->result = task->run (task->n_rounds);
  return NULL;
}

static double
peak_now (void)
{
  struct timespec now;

  clock_gettime (CLOCK_MONOTONIC, &now);
  return (double) now.tv_sec + 1e-9 * (double) now.tv_nsec;
}

/* Seconds that all threads together need for so many rounds each. */
static double
peak_measure (PeakFunc run, int n_threads, long n_rounds)
{
  static PeakTask tasks[PEAK_MOST_THREADS];
  pthread_t threads[PEAK_MOST_THREADS];
  double start = peak_now ();

  for (int i = 0; i < n_threads; i++)
    {
      tasks[i] = (PeakTask){ run, n_rounds, 0.f };
      if (pthread_create (&threads[i], NULL, peak_work, &tasks[i]) != 0)
        {
          fprintf (stderr, "fma-peak: thread %d of %d cannot be started\n", i + 1, n_threads);
          exit (1);
        }
    }
  for (int i = 0; i < n_threads; i++)
    pthread_join (threads[i], NULL);
  return peak_now () - start;
}

int
main (int argc, char **argv)
{
  int n_threads = argc == 2 ? atoi (argv[1]) : 0;
  PeakLevel level = peak_choose_level ();
  long n_rounds = 100000;
  double seconds, best = 0;

  if (n_threads < 1 || n_threads > PEAK_MOST_THREADS)
    {
      fprintf (stderr, "usage: fma-peak THREADS, from 1 to %d\n", PEAK_MOST_THREADS);
      return 2;
    }
  while ((seconds = peak_measure (level.run, n_threads, n_rounds)) < PEAK_SECONDS)
    n_rounds *= 2;
  for (int i = 0; i < PEAK_MEASUREMENTS; i++)
    {
      double flop = 2.0 * level.n_floats * (double) n_rounds * n_threads;

      seconds = peak_measure (level.run, n_threads, n_rounds);
      best = flop / seconds > best ? flop / seconds : best;
    }
  printf ("%.1f\n", best * 1e-9);
  return 0;
}
