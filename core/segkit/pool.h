#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * SegPool:
 *
 * Threads that share out numbered tasks. The calling thread works too, so that a pool of one
 * starts no thread.
 */
typedef struct _SegPool SegPool;

/**
 * SegPoolFunc:
 * @task: 0 to n_tasks-1, each exactly once
 * @thread: 0 to n_threads-1; the caller is 0
 * @user_data: as given
 */
typedef void (*SegPoolFunc) (guint task, guint thread, gpointer user_data);

SegPool *seg_pool_new           (guint n_threads);
void     seg_pool_free          (SegPool *self);
guint    seg_pool_get_n_threads (SegPool *self);
void     seg_pool_run           (SegPool *self, guint n_tasks, SegPoolFunc func, gpointer user_data);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (SegPool, seg_pool_free)

G_END_DECLS
