/* POSIX primitives, not GLib's: thread sanitizer sees through them. */
#ifdef __linux__
#define _GNU_SOURCE /* for threads' processors */
#include <sched.h>
#endif
#include <pthread.h>
#include <time.h>

#include <segkit/pool.h>

/* How long a thread that has nothing to do looks for work before it sleeps: until the slowest of the
 * others is done with its pieces. To wake it takes the kernel tens of microseconds, and a virtual
 * machine whose idle processor was lent to others some hundreds. */
#define SEG_POOL_SPIN_NS 1000000
#define SEG_POOL_PAUSES 32 /* between two looks at the clock */

/* A job is one number, so that it is joined, left and closed in one operation each: how many
 * workers are in it, whether more may join, and which it is. */
#define SEG_POOL_N_WORKING G_GUINT64_CONSTANT (0x0000ffff)
#define SEG_POOL_OPEN G_GUINT64_CONSTANT (0x00010000)
#define SEG_POOL_NUMBER(job) ((job) >> 32)
#define SEG_POOL_MAX_THREADS 0x10000

typedef struct
{
  SegPool *pool;
  guint thread;
} SegPoolWorker;

struct _SegPool
{
  guint n_threads; /* the caller included; fewer than asked for if the system has no more */
  pthread_t *threads;
  SegPoolWorker *workers;
  gboolean spins; /* no: a thread that spins would keep one that works from its processor */
  gint caller_processor; /* as far as the workers know; -1: they do not */

  guint64 job;   /* atomic */
  gboolean stop; /* atomic */

  /* for those who sleep; both counts are atomic, too, and change under the lock */
  pthread_mutex_t lock;
  pthread_cond_t work, done;
  guint n_asleep; /* workers */
  guint caller_asleep;

  /* read by those who have joined */
  SegPoolFunc func;
  gpointer user_data;
  guint n_tasks, next_task;
};

static void
seg_pool_pause (void)
{
#if defined __x86_64__ || defined __i386__
  __builtin_ia32_pause ();
#elif defined __aarch64__
  __asm__ volatile("yield");
#endif
}

static gint64
seg_pool_get_ns (void)
{
  struct timespec now;

  clock_gettime (CLOCK_MONOTONIC, &now);
  return (gint64) now.tv_sec * 1000000000 + now.tv_nsec;
}

/* A job other than number @seen is open, or there will be none any more. */
static gboolean
seg_pool_has_news (SegPool *self, guint64 seen)
{
  guint64 job = __atomic_load_n (&self->job, __ATOMIC_SEQ_CST);

  return ((job & SEG_POOL_OPEN) && SEG_POOL_NUMBER (job) != seen)
         || __atomic_load_n (&self->stop, __ATOMIC_SEQ_CST);
}

static gboolean
seg_pool_is_left (SegPool *self, guint64 seen)
{
  (void) seen;
  return (__atomic_load_n (&self->job, __ATOMIC_SEQ_CST) & SEG_POOL_N_WORKING) == 0;
}

/* Waits for what @is_there tells, awake for a while and then asleep. Who sleeps first says so and
 * then looks once more; who changes something first does so and then looks for sleepers: one of
 * the two sees the other. */
static void
seg_pool_wait (SegPool *self, gboolean (*is_there) (SegPool *, guint64), guint64 seen,
               guint *n_asleep, pthread_cond_t *cond)
{
  gint64 end;

  if (is_there (self, seen))
    return;
  for (end = seg_pool_get_ns () + SEG_POOL_SPIN_NS; self->spins && seg_pool_get_ns () < end;)
    for (guint i = 0; i < SEG_POOL_PAUSES; i++)
      {
        seg_pool_pause ();
        if (is_there (self, seen))
          return;
      }

  pthread_mutex_lock (&self->lock);
  __atomic_add_fetch (n_asleep, 1, __ATOMIC_SEQ_CST);
  while (!is_there (self, seen))
    pthread_cond_wait (cond, &self->lock);
  __atomic_sub_fetch (n_asleep, 1, __ATOMIC_SEQ_CST);
  pthread_mutex_unlock (&self->lock);
}

static void
seg_pool_wake (SegPool *self, guint *n_asleep, pthread_cond_t *cond)
{
  if (__atomic_load_n (n_asleep, __ATOMIC_SEQ_CST) == 0)
    return;
  pthread_mutex_lock (&self->lock);
  pthread_cond_broadcast (cond);
  pthread_mutex_unlock (&self->lock);
}

static void
seg_pool_work (SegPool *self, guint thread)
{
  guint task;

  while ((task = __atomic_fetch_add (&self->next_task, 1, __ATOMIC_RELAXED)) < self->n_tasks)
    self->func (task, thread, self->user_data);
}

/* Takes part in the job that is open now, if there is one. */
static void
seg_pool_join (SegPool *self, guint thread, guint64 *seen)
{
  guint64 job = __atomic_load_n (&self->job, __ATOMIC_SEQ_CST);

  do
    if (!(job & SEG_POOL_OPEN) || SEG_POOL_NUMBER (job) == *seen)
      return;
  while (!__atomic_compare_exchange_n (&self->job, &job, job + 1, FALSE, __ATOMIC_SEQ_CST,
                                       __ATOMIC_SEQ_CST));
  *seen = SEG_POOL_NUMBER (job);
  seg_pool_work (self, thread);
  job = __atomic_sub_fetch (&self->job, 1, __ATOMIC_SEQ_CST);
  if ((job & (SEG_POOL_N_WORKING | SEG_POOL_OPEN)) == 0)
    seg_pool_wake (self, &self->caller_asleep, &self->done);
}

static void *
seg_pool_thread (void *data)
{
  SegPoolWorker *worker = data;
  SegPool *self = worker->pool;
  guint64 seen = 0;

  while (!__atomic_load_n (&self->stop, __ATOMIC_SEQ_CST))
    {
      seg_pool_join (self, worker->thread, &seen);
      seg_pool_wait (self, seg_pool_has_news, seen, &self->n_asleep, &self->work);
    }
  return NULL;
}

/* Keeps the workers off the caller's processor. Linux may wake a thread where its waker runs, and
 * looks no further for an idle processor than to those with which it shares a cache: in a virtual
 * machine that tells nothing of caches, none. The two would take turns until load is balanced, tens
 * of milliseconds later. */
static void
seg_pool_spread (SegPool *self)
{
#ifdef __linux__
  gint processor = sched_getcpu ();
  cpu_set_t allowed;

  if (processor == self->caller_processor || processor < 0 || processor >= CPU_SETSIZE)
    return;
  if (pthread_getaffinity_np (pthread_self (), sizeof allowed, &allowed) != 0)
    return;
  if (CPU_COUNT (&allowed) >= (gint) self->n_threads)
    CPU_CLR (processor, &allowed);
  for (guint i = 1; i < self->n_threads; i++)
    pthread_setaffinity_np (self->threads[i], sizeof allowed, &allowed);
  self->caller_processor = processor;
#else
  (void) self;
#endif
}

/**
 * seg_pool_new:
 * @n_threads: threads that work, the caller's included; at least 1
 *
 * When the system has no more threads the pool has fewer; results do not depend on it.
 *
 * Returns: (transfer full): a pool
 */
SegPool *
seg_pool_new (guint n_threads)
{
  SegPool *self = g_new0 (SegPool, 1);

  g_return_val_if_fail (n_threads >= 1, NULL);

  n_threads = MIN (n_threads, SEG_POOL_MAX_THREADS);
  self->n_threads = 1;
  self->caller_processor = -1;
  self->spins = n_threads <= g_get_num_processors ();
  self->threads = g_new0 (pthread_t, n_threads);
  self->workers = g_new0 (SegPoolWorker, n_threads);
  pthread_mutex_init (&self->lock, NULL);
  pthread_cond_init (&self->work, NULL);
  pthread_cond_init (&self->done, NULL);
  for (guint i = 1; i < n_threads; i++)
    {
      self->workers[i] = (SegPoolWorker){ self, i };
      if (pthread_create (&self->threads[i], NULL, seg_pool_thread, &self->workers[i]) != 0)
        break;
      self->n_threads++;
    }
  return self;
}

void
seg_pool_free (SegPool *self)
{
  __atomic_store_n (&self->stop, TRUE, __ATOMIC_SEQ_CST);
  seg_pool_wake (self, &self->n_asleep, &self->work);
  for (guint i = 1; i < self->n_threads; i++)
    pthread_join (self->threads[i], NULL);

  pthread_cond_destroy (&self->done);
  pthread_cond_destroy (&self->work);
  pthread_mutex_destroy (&self->lock);
  g_free (self->workers);
  g_free (self->threads);
  g_free (self);
}

guint
seg_pool_get_n_threads (SegPool *self)
{
  return self->n_threads;
}

/**
 * seg_pool_run: (skip)
 * @self: a pool
 * @n_tasks: how many
 * @func: called for each task, in several threads at once
 * @user_data: for @func
 *
 * Runs all tasks and waits for them. One caller at a time. A thread that wakes when all tasks are
 * taken has come too late, and is not waited for. On Linux the other threads may run where the caller
 * may, but for the processor that it is on, if there are enough.
 */
void
seg_pool_run (SegPool *self, guint n_tasks, SegPoolFunc func, gpointer user_data)
{
  guint64 number = SEG_POOL_NUMBER (__atomic_load_n (&self->job, __ATOMIC_RELAXED)) + 1;

  if (self->n_threads == 1 || n_tasks <= 1)
    {
      for (guint i = 0; i < n_tasks; i++)
        func (i, 0, user_data);
      return;
    }

  seg_pool_spread (self);
  self->func = func;
  self->user_data = user_data;
  self->n_tasks = n_tasks;
  self->next_task = 0;
  __atomic_store_n (&self->job, (guint64) (guint32) number << 32 | SEG_POOL_OPEN, __ATOMIC_SEQ_CST);
  seg_pool_wake (self, &self->n_asleep, &self->work);

  seg_pool_work (self, 0);

  __atomic_and_fetch (&self->job, ~SEG_POOL_OPEN, __ATOMIC_SEQ_CST);
  seg_pool_wait (self, seg_pool_is_left, 0, &self->caller_asleep, &self->done);
}
