#include <stdio.h>
#include <unistd.h>

#include "progress.h"

#define SEG_PROGRESS_INTERVAL (G_USEC_PER_SEC / 8)

struct _SegProgress
{
  gint64 width, height;
  gint64 start, next; /* monotonic, µs */
  int columns;        /* on the screen now */
};

/**
 * seg_progress_new:
 * @width: of the image
 * @height: of the image
 *
 * Returns: (transfer full) (nullable): %NULL, which the other functions take, too, where stderr
 *   is not a terminal
 */
SegProgress *
seg_progress_new (gint64 width, gint64 height)
{
  SegProgress *self;

  if (!isatty (STDERR_FILENO))
    return NULL;
  self = g_new0 (SegProgress, 1);
  self->width = width;
  self->height = height;
  self->start = g_get_monotonic_time ();
  self->next = self->start + SEG_PROGRESS_INTERVAL;
  return self;
}

/**
 * seg_progress_update:
 * @self: (nullable): the line
 * @pixels: how many of the image are done
 */
void
seg_progress_update (SegProgress *self, gint64 pixels)
{
  gint64 now, left;
  double share, seconds;
  int columns;

  if (self == NULL || pixels <= 0 || (now = g_get_monotonic_time ()) < self->next)
    return;
  self->next = now + SEG_PROGRESS_INTERVAL;

  share = (double) pixels / ((double) self->width * (double) self->height);
  seconds = (double) (now - self->start) / G_USEC_PER_SEC;
  left = (gint64) (seconds / share - seconds);
  columns = fprintf (stderr,
                     "\r%3d %%  %" G_GINT64_FORMAT " of %" G_GINT64_FORMAT
                     " rows  %.2f MPix/s  %" G_GINT64_FORMAT ":%02d:%02d left",
                     (int) (100 * share), pixels / self->width, self->height,
                     (double) pixels / seconds / 1e6, left / 3600, (int) (left / 60 % 60),
                     (int) (left % 60));
  /* a shorter line leaves nothing of the one before it */
  fprintf (stderr, "%*s", MAX (self->columns - columns, 0), "");
  fflush (stderr);
  self->columns = columns;
}

/**
 * seg_progress_free:
 * @self: (nullable): the line, which is erased
 */
void
seg_progress_free (SegProgress *self)
{
  if (self == NULL)
    return;
  if (self->columns > 0)
    fprintf (stderr, "\r%*s\r", self->columns, "");
  fflush (stderr);
  g_free (self);
}
