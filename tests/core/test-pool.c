/* Built with -Db_sanitize=thread this also shows that the pool orders memory: the tasks use plain
 * variables, and the caller reads them afterwards. */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <string.h>

#include <segkit/pool.h>

#define MOST_TASKS 1000
#define MOST_THREADS 8

typedef struct
{
  guint n_done[MOST_TASKS];
  guint of_thread[MOST_THREADS]; /* tasks */
  gint busy[MOST_THREADS];
  guint n_threads;
  pthread_t caller;
} Job;

static void
do_task (guint task, guint thread, gpointer user_data)
{
  Job *job = user_data;

  g_assert_cmpuint (thread, <, job->n_threads);
  g_assert_true ((thread == 0) == (pthread_equal (pthread_self (), job->caller) != 0));
  g_assert_cmpint (g_atomic_int_add (&job->busy[thread], 1), ==, 0);
  job->n_done[task]++;
  job->of_thread[thread]++;
  g_atomic_int_add (&job->busy[thread], -1);
}

static void
run_and_check (SegPool *pool, guint n_tasks)
{
  Job job = { .n_threads = seg_pool_get_n_threads (pool), .caller = pthread_self () };
  guint total = 0;

  seg_pool_run (pool, n_tasks, do_task, &job);
  for (guint i = 0; i < MOST_TASKS; i++)
    g_assert_cmpuint (job.n_done[i], ==, i < n_tasks ? 1 : 0);
  for (guint i = 0; i < MOST_THREADS; i++)
    total += job.of_thread[i];
  g_assert_cmpuint (total, ==, n_tasks);
}

static void
test_each_task_once (gconstpointer data)
{
  static const guint counts[] = { 0, 1, 2, 3, 7, 8, 9, 64, MOST_TASKS, 0, 5 };
  guint n_threads = GPOINTER_TO_UINT (data);
  g_autoptr (SegPool) pool = seg_pool_new (n_threads);

  g_assert_cmpuint (seg_pool_get_n_threads (pool), ==, n_threads);
  for (guint i = 0; i < G_N_ELEMENTS (counts); i++)
    run_and_check (pool, counts[i]);
}

/* A worker that wakes late must not do work of the job before, or of the next one twice. */
static void
test_many_small_jobs (gconstpointer data)
{
  g_autoptr (SegPool) pool = seg_pool_new (GPOINTER_TO_UINT (data));

  for (guint i = 0; i < 2000; i++)
    run_and_check (pool, i % 11);
}

static void
count_task (guint task, guint thread, gpointer user_data)
{
  guint8 *n_done = user_data;

  (void) thread;
  n_done[task]++;
}

/* So many and so small that threads ask for the next one at the same moment. */
static void
test_contention (void)
{
  enum { N_TASKS = 500000 };
  g_autoptr (SegPool) pool = seg_pool_new (MOST_THREADS);
  g_autofree guint8 *n_done = g_new0 (guint8, N_TASKS);

  for (guint round = 1; round <= 10; round++)
    {
      seg_pool_run (pool, N_TASKS, count_task, n_done);
      for (guint i = 0; i < N_TASKS; i++)
        g_assert_cmpuint (n_done[i], ==, round);
    }
}

static gint64
get_cpu_us (void)
{
  struct timespec now;

  clock_gettime (CLOCK_PROCESS_CPUTIME_ID, &now);
  return (gint64) now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* Threads fall asleep between jobs, at any moment of their falling asleep, and then cost nothing. */
static void
test_idle (gconstpointer data)
{
  g_autoptr (SegPool) pool = seg_pool_new (GPOINTER_TO_UINT (data));
  gint64 start;

  for (guint i = 0; i < 300; i++)
    {
      run_and_check (pool, 8);
      g_usleep (5 * i);
    }
  start = get_cpu_us ();
  g_usleep (200000);
  g_assert_cmpint (get_cpu_us () - start, <, 20000);
  run_and_check (pool, 8);
}

static void
test_unused (void)
{
  for (guint i = 0; i < 200; i++)
    seg_pool_free (seg_pool_new (1 + i % MOST_THREADS));
}

typedef struct
{
  pthread_barrier_t all_here;
  gint n_passed;
} Meeting;

static void
meet (guint task, guint thread, gpointer user_data)
{
  Meeting *meeting = user_data;

  (void) task;
  pthread_barrier_wait (&meeting->all_here);
  if (thread != 0)
    g_usleep (20000);
  g_atomic_int_inc (&meeting->n_passed);
}

/* Each task waits for all the others: this ends only if every thread of the pool takes one. The
 * caller is ready first, and must wait. */
static void
test_at_once (void)
{
  g_autoptr (SegPool) pool = seg_pool_new (MOST_THREADS);
  Meeting meeting = { .n_passed = 0 };

  pthread_barrier_init (&meeting.all_here, NULL, MOST_THREADS);
  seg_pool_run (pool, MOST_THREADS, meet, &meeting);
  g_assert_cmpint (meeting.n_passed, ==, MOST_THREADS);
  pthread_barrier_destroy (&meeting.all_here);
}

#ifdef __linux__
typedef struct
{
  pthread_barrier_t all_here;
  cpu_set_t allowed[2];
} Places;

static void
look_around (guint task, guint thread, gpointer user_data)
{
  Places *places = user_data;

  (void) task;
  pthread_barrier_wait (&places->all_here);
  g_assert_cmpint (sched_getaffinity (0, sizeof places->allowed[thread], &places->allowed[thread]), ==, 0);
}

/* Two threads do not share a processor, where there are two: the worker may run on any but the
 * caller's, and the caller, who is not ours, wherever it might before. */
static void
test_processors (void)
{
  g_autoptr (SegPool) pool = seg_pool_new (2);
  Places places;
  cpu_set_t before;

  if (sched_getaffinity (0, sizeof before, &before) != 0 || CPU_COUNT (&before) < 2)
    {
      g_test_skip ("one processor");
      return;
    }
  pthread_barrier_init (&places.all_here, NULL, 2);
  for (guint i = 0; i < 20; i++)
    {
      cpu_set_t both, one;
      gint here;

      CPU_ZERO (&one);
      for (gint cpu = 0, n = 0; cpu < CPU_SETSIZE; cpu++)
        if (CPU_ISSET (cpu, &before) && n++ == (gint) i % CPU_COUNT (&before))
          CPU_SET (cpu, &one);
      if (sched_setaffinity (0, sizeof one, &one) != 0 || sched_setaffinity (0, sizeof before, &before) != 0)
        {
          g_test_skip ("processors cannot be chosen");
          break;
        }
      here = sched_getcpu ();
      seg_pool_run (pool, 2, look_around, &places);
      g_assert_true (CPU_EQUAL (&places.allowed[0], &before));
      if (sched_getcpu () == here)
        g_assert_false (CPU_ISSET (here, &places.allowed[1]));
      CPU_AND (&both, &places.allowed[1], &before);
      g_assert_cmpint (CPU_COUNT (&both), ==, CPU_COUNT (&before) - 1);
      g_usleep (100 * i);
    }
  pthread_barrier_destroy (&places.all_here);
}
#endif

static void *
use_own_pool (void *data)
{
  g_autoptr (SegPool) pool = seg_pool_new (2);

  (void) data;
  for (guint i = 0; i < 500; i++)
    run_and_check (pool, i % 7);
  return NULL;
}

static void
test_several_pools (void)
{
  pthread_t threads[3];

  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    g_assert_cmpint (pthread_create (&threads[i], NULL, use_own_pool, NULL), ==, 0);
  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    g_assert_cmpint (pthread_join (threads[i], NULL), ==, 0);
}

/* No thread can have a stack of 128 TiB; the pool then does with the caller alone. */
static void
test_no_threads_left (void)
{
  pthread_attr_t before, huge;

  g_assert_cmpint (pthread_getattr_default_np (&before), ==, 0);
  g_assert_cmpint (pthread_getattr_default_np (&huge), ==, 0);
  g_assert_cmpint (pthread_attr_setstacksize (&huge, (size_t) 1 << 47), ==, 0);
  g_assert_cmpint (pthread_setattr_default_np (&huge), ==, 0);
  SegPool *pool = seg_pool_new (4);
  g_assert_cmpint (pthread_setattr_default_np (&before), ==, 0);

  g_assert_cmpuint (seg_pool_get_n_threads (pool), ==, 1);
  run_and_check (pool, 100);
  seg_pool_free (pool);
  pthread_attr_destroy (&before);
  pthread_attr_destroy (&huge);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  for (guint n_threads = 1; n_threads <= MOST_THREADS; n_threads *= 2)
    {
      g_autofree char *once = g_strdup_printf ("/pool/each-task-once/%u", n_threads);
      g_autofree char *small = g_strdup_printf ("/pool/many-small-jobs/%u", n_threads);
      g_autofree char *idle = g_strdup_printf ("/pool/idle/%u", n_threads);

      g_test_add_data_func (once, GUINT_TO_POINTER (n_threads), test_each_task_once);
      g_test_add_data_func (small, GUINT_TO_POINTER (n_threads), test_many_small_jobs);
      g_test_add_data_func (idle, GUINT_TO_POINTER (n_threads), test_idle);
    }
  g_test_add_func ("/pool/contention", test_contention);
  g_test_add_func ("/pool/unused", test_unused);
  g_test_add_func ("/pool/at-once", test_at_once);
#ifdef __linux__
  g_test_add_func ("/pool/processors", test_processors);
#endif
  g_test_add_func ("/pool/several-pools", test_several_pools);
  g_test_add_func ("/pool/no-threads-left", test_no_threads_left);
  return g_test_run ();
}
