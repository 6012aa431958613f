#include <math.h>
#include <stdio.h>
#include <unistd.h>

#include <jansson.h>

#include "train-progress.h"

#define SEG_TRAIN_PROGRESS_INTERVAL (G_USEC_PER_SEC / 4)

struct _SegTrainProgress
{
  SegProgressKind kind;
  gboolean is_terminal;
  gint64 next; /* monotonic, µs */
  int columns; /* on the screen now */
};

/**
 * seg_train_progress_new:
 * @kind: how to tell
 *
 * Returns: (transfer full) (nullable): %NULL, which the other functions take, too, where nobody
 *   wants to be told
 */
SegTrainProgress *
seg_train_progress_new (SegProgressKind kind)
{
  SegTrainProgress *self;

  if (kind == SEG_PROGRESS_NONE)
    return NULL;
  self = g_new0 (SegTrainProgress, 1);
  self->kind = kind;
  self->is_terminal = isatty (STDERR_FILENO);
  return self;
}

static void
seg_train_progress_erase (SegTrainProgress *self)
{
  if (self->columns > 0)
    fprintf (stderr, "\r%*s\r", self->columns, "");
  self->columns = 0;
}

static void
seg_train_progress_print_line (SegTrainProgress *self, const SegTrainProgressState *state)
{
  int before = self->columns, columns;

  columns = fprintf (stderr,
                     "\r%3d %%  epoch %.1f  step %" G_GUINT64_FORMAT " of %" G_GUINT64_FORMAT
                     "  loss %.4f",
                     (int) (100 * state->step / MAX (state->n_steps, 1)), state->epoch, state->step,
                     state->n_steps, state->loss)
            - 1;
  if (!isnan (state->metric))
    columns += fprintf (stderr, "  %s %.4f", state->metric_name, state->metric);
  columns += fprintf (stderr, "  %.1f images/s", state->images_per_second);
  if (!isnan (state->seconds_left))
    {
      long left = lround (state->seconds_left);

      columns += fprintf (stderr, "  %ld:%02ld:%02ld left", left / 3600, left / 60 % 60, left % 60);
    }
  /* a shorter line leaves nothing of the one before it */
  fprintf (stderr, "%*s", MAX (before - columns, 0), "");
  self->columns = columns;
}

static void
seg_train_progress_print_json (const SegTrainProgressState *state)
{
  json_t *object = json_pack ("{s:I, s:I, s:f, s:f, s:f}", "step", (json_int_t) state->step, "of",
                              (json_int_t) state->n_steps, "epoch", state->epoch, "loss",
                              state->loss, "images_per_second", state->images_per_second);
  char *text;

  if (!isnan (state->metric))
    json_object_set_new (object, state->metric_name, json_real (state->metric));
  if (!isnan (state->seconds_left))
    json_object_set_new (object, "left", json_real (state->seconds_left));
  text = json_dumps (object, JSON_COMPACT | JSON_REAL_PRECISION (6));
  fprintf (stderr, "%s\n", text);
  free (text);
  json_decref (object);
}

/**
 * seg_train_progress_update:
 * @self: (nullable): the progress
 * @state: how far it is
 */
void
seg_train_progress_update (SegTrainProgress *self, const SegTrainProgressState *state)
{
  gint64 now = g_get_monotonic_time ();

  if (self == NULL || (now < self->next && state->step < state->n_steps))
    return;
  self->next = now + SEG_TRAIN_PROGRESS_INTERVAL;
  if (self->kind == SEG_PROGRESS_JSON)
    seg_train_progress_print_json (state);
  else if (self->is_terminal)
    seg_train_progress_print_line (self, state);
  fflush (stderr);
}

/**
 * seg_train_progress_say:
 * @self: (nullable): the progress
 * @format: a line that stays, as printf() has it
 */
void
seg_train_progress_say (SegTrainProgress *self, const char *format, ...)
{
  va_list args;

  if (self == NULL || self->kind == SEG_PROGRESS_JSON)
    return;
  seg_train_progress_erase (self);
  va_start (args, format);
  vfprintf (stderr, format, args);
  va_end (args);
  fputc ('\n', stderr);
  fflush (stderr);
}

void
seg_train_progress_free (SegTrainProgress *self)
{
  if (self == NULL)
    return;
  seg_train_progress_erase (self);
  fflush (stderr);
  g_free (self);
}
