/* POSIX primitives, not GLib's: thread sanitizer sees through them. */
#include <pthread.h>

#include <segkit/pool.h>

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

  pthread_mutex_t lock;
  pthread_cond_t work, done;
  guint64 generation; /* of the job; a worker does each once */
  guint n_working;
  gboolean stop;

  SegPoolFunc func;
  gpointer user_data;
  guint n_tasks, next_task;
};

static void
seg_pool_work (SegPool *self, guint thread)
{
  guint task;

  while ((task = __atomic_fetch_add (&self->next_task, 1, __ATOMIC_RELAXED)) < self->n_tasks)
    self->func (task, thread, self->user_data);
}

static void *
seg_pool_thread (void *data)
{
  SegPoolWorker *worker = data;
  SegPool *self = worker->pool;
  guint64 seen = 0;

  pthread_mutex_lock (&self->lock);
  for (;;)
    {
      while (!self->stop && self->generation == seen)
        pthread_cond_wait (&self->work, &self->lock);
      if (self->stop)
        break;
      seen = self->generation;
      pthread_mutex_unlock (&self->lock);

      seg_pool_work (self, worker->thread);

      pthread_mutex_lock (&self->lock);
      if (--self->n_working == 0)
        pthread_cond_signal (&self->done);
    }
  pthread_mutex_unlock (&self->lock);
  return NULL;
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

  self->n_threads = 1;
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
  pthread_mutex_lock (&self->lock);
  self->stop = TRUE;
  pthread_cond_broadcast (&self->work);
  pthread_mutex_unlock (&self->lock);
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
 * Runs all tasks and waits for them. One caller at a time.
 */
void
seg_pool_run (SegPool *self, guint n_tasks, SegPoolFunc func, gpointer user_data)
{
  if (self->n_threads == 1 || n_tasks <= 1)
    {
      for (guint i = 0; i < n_tasks; i++)
        func (i, 0, user_data);
      return;
    }

  pthread_mutex_lock (&self->lock);
  self->func = func;
  self->user_data = user_data;
  self->n_tasks = n_tasks;
  __atomic_store_n (&self->next_task, 0, __ATOMIC_RELAXED);
  self->n_working = self->n_threads - 1;
  self->generation++;
  pthread_cond_broadcast (&self->work);
  pthread_mutex_unlock (&self->lock);

  seg_pool_work (self, 0);

  pthread_mutex_lock (&self->lock);
  while (self->n_working > 0)
    pthread_cond_wait (&self->done, &self->lock);
  pthread_mutex_unlock (&self->lock);
}
