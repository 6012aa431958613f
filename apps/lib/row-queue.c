#include <string.h>

#include <segkit/memory.h>

#include "row-queue.h"

struct _SegRowQueue
{
  gsize row_bytes, n_rows;
  guint8 *rows;   /* ring */
  gsize first, n; /* of the rows in it */
  gboolean closed;
  GMutex mutex; /* guards first, n, closed */
  GCond changed;
};

/**
 * seg_row_queue_new:
 * @row_bytes: of one row
 * @n_rows: that it holds before a push waits
 * @error: return location
 *
 * Errors: `SEG_ERROR_MEMORY`.
 */
SegRowQueue *
seg_row_queue_new (gsize row_bytes, gsize n_rows, GError **error)
{
  g_autoptr (SegRowQueue) self = g_new0 (SegRowQueue, 1);

  g_mutex_init (&self->mutex);
  g_cond_init (&self->changed);
  self->row_bytes = row_bytes;
  self->n_rows = n_rows;
  self->rows = seg_alloc (n_rows, row_bytes, "rows on their way to a file", error);
  return self->rows != NULL ? g_steal_pointer (&self) : NULL;
}

/**
 * seg_row_queue_free:
 * @self: a queue that no thread uses any more
 */
void
seg_row_queue_free (SegRowQueue *self)
{
  g_mutex_clear (&self->mutex);
  g_cond_clear (&self->changed);
  seg_free (self->rows);
  g_free (self);
}

/* Only one thread pushes and only one pops, so a row is copied outside the lock: nobody else
 * touches it while it is not counted in n, or still is. */

/**
 * seg_row_queue_push:
 * @self: a queue
 * @row: copied
 *
 * Waits while the queue is full.
 * Threads: one.
 *
 * Returns: %FALSE once the queue is closed
 */
gboolean
seg_row_queue_push (SegRowQueue *self, const guint8 *row)
{
  gsize last;
  gboolean closed;

  g_mutex_lock (&self->mutex);
  while (self->n == self->n_rows && !self->closed)
    g_cond_wait (&self->changed, &self->mutex);
  closed = self->closed;
  last = (self->first + self->n) % self->n_rows;
  g_mutex_unlock (&self->mutex);
  if (closed)
    return FALSE;

  memcpy (self->rows + last * self->row_bytes, row, self->row_bytes);

  g_mutex_lock (&self->mutex);
  self->n++;
  g_cond_signal (&self->changed);
  g_mutex_unlock (&self->mutex);
  return TRUE;
}

/**
 * seg_row_queue_pop:
 * @self: a queue
 * @row: (out caller-allocates): the next row
 *
 * Waits while the queue is empty.
 * Threads: one at a time.
 *
 * Returns: %FALSE once the queue is closed
 */
gboolean
seg_row_queue_pop (SegRowQueue *self, guint8 *row)
{
  gsize first;
  gboolean closed;

  g_mutex_lock (&self->mutex);
  while (self->n == 0 && !self->closed)
    g_cond_wait (&self->changed, &self->mutex);
  closed = self->closed;
  first = self->first;
  g_mutex_unlock (&self->mutex);
  if (closed)
    return FALSE;

  memcpy (row, self->rows + first * self->row_bytes, self->row_bytes);

  g_mutex_lock (&self->mutex);
  self->first = (self->first + 1) % self->n_rows;
  self->n--;
  g_cond_signal (&self->changed);
  g_mutex_unlock (&self->mutex);
  return TRUE;
}

/**
 * seg_row_queue_close:
 * @self: a queue
 *
 * Ends all waiting. Rows still in the queue are lost.
 * Threads: any.
 */
void
seg_row_queue_close (SegRowQueue *self)
{
  g_mutex_lock (&self->mutex);
  self->closed = TRUE;
  g_cond_broadcast (&self->changed);
  g_mutex_unlock (&self->mutex);
}
