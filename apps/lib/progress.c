#include <jansson.h>
#include <stdio.h>
#include <unistd.h>

#include "command.h"
#include "path.h"
#include "progress.h"

#define SEG_PROGRESS_INTERVAL (G_USEC_PER_SEC / 8)

struct _SegProgress
{
  SegProgressKind kind;
  char *image;
  guint number, n_images;
  gint64 width, height, pixels;
  gint64 start, next; /* monotonic, µs */
  int columns;        /* on the screen now */
};

/**
 * seg_progress_parse_kind:
 * @name: (nullable): what `--progress` was given; %NULL: a line
 * @kind: (out): what it means
 * @error: return location
 *
 * Errors: `G_OPTION_ERROR` for anything else.
 */
gboolean
seg_progress_parse_kind (const char *name, SegProgressKind *kind, GError **error)
{
  static const char *const names[] = { "none", "line", "json" };

  *kind = SEG_PROGRESS_LINE;
  for (guint i = 0; name != NULL && i < G_N_ELEMENTS (names); i++)
    if (g_str_equal (name, names[i]))
      {
        *kind = (SegProgressKind) i;
        return TRUE;
      }
  return name == NULL || seg_command_fail_usage (error, "--progress is line, json or none");
}

/**
 * seg_progress_new:
 * @kind: how to tell
 * @image: its name
 * @number: which of all images it is, from 1
 * @n_images: how many there are
 * @width: of the image
 * @height: of the image
 *
 * Returns: (transfer full) (nullable): %NULL, which the other functions take, too, where there is
 *   nobody to tell
 */
SegProgress *
seg_progress_new (SegProgressKind kind, const char *image, guint number, guint n_images,
                  gint64 width, gint64 height)
{
  SegProgress *self;

  if (kind == SEG_PROGRESS_NONE || (kind == SEG_PROGRESS_LINE && !isatty (STDERR_FILENO)))
    return NULL;
  self = g_new0 (SegProgress, 1);
  self->kind = kind;
  self->image = seg_path_escape (image);
  self->number = number;
  self->n_images = n_images;
  self->width = width;
  self->height = height;
  self->start = g_get_monotonic_time ();
  self->next = self->start + SEG_PROGRESS_INTERVAL;
  return self;
}

static void
seg_progress_print_line (SegProgress *self, double seconds, double left)
{
  gint64 whole = (gint64) left;
  int columns;

  fputc ('\r', stderr);
  columns = self->n_images > 1 ? fprintf (stderr, "%u/%u  ", self->number, self->n_images) : 0;
  columns += fprintf (
      stderr,
      "%3d %%  %" G_GINT64_FORMAT " of %" G_GINT64_FORMAT
      " rows  %.2f MPix/s  %" G_GINT64_FORMAT ":%02d:%02d left",
      (int) (100. * (double) self->pixels / ((double) self->width * (double) self->height)),
      self->pixels / self->width, self->height, (double) self->pixels / seconds / 1e6, whole / 3600,
      (int) (whole / 60 % 60), (int) (whole % 60));
  /* a shorter line leaves nothing of the one before it */
  fprintf (stderr, "%*s", MAX (self->columns - columns, 0), "");
  self->columns = columns;
}

static void
seg_progress_print_json (SegProgress *self, double seconds, double left)
{
  json_t *object = json_pack ("{s:s, s:i, s:i, s:I, s:I, s:f, s:f}", "image", self->image,
                              "number", (int) self->number, "images", (int) self->n_images,
                              "pixels", (json_int_t) self->pixels, "of",
                              (json_int_t) (self->width * self->height), "seconds", seconds, "left",
                              left);
  char *text = json_dumps (object, JSON_COMPACT | JSON_REAL_PRECISION (6));

  fprintf (stderr, "%s\n", text);
  free (text);
  json_decref (object);
}

static void
seg_progress_print (SegProgress *self)
{
  double seconds = (double) (g_get_monotonic_time () - self->start) / G_USEC_PER_SEC;
  double share = (double) self->pixels / ((double) self->width * (double) self->height);
  double left = seconds / share - seconds;

  if (self->kind == SEG_PROGRESS_JSON)
    seg_progress_print_json (self, seconds, left);
  else
    seg_progress_print_line (self, seconds, left);
  fflush (stderr);
}

/**
 * seg_progress_update:
 * @self: (nullable): the progress
 * @pixels: how many of the image are done
 */
void
seg_progress_update (SegProgress *self, gint64 pixels)
{
  gint64 now;

  if (self == NULL || pixels <= 0)
    return;
  self->pixels = pixels;
  if ((now = g_get_monotonic_time ()) < self->next)
    return;
  self->next = now + SEG_PROGRESS_INTERVAL;
  seg_progress_print (self);
}

/**
 * seg_progress_free:
 * @self: (nullable): the progress; a line is erased, a program is told how it ended
 */
void
seg_progress_free (SegProgress *self)
{
  if (self == NULL)
    return;
  if (self->kind == SEG_PROGRESS_JSON && self->pixels > 0)
    seg_progress_print (self);
  if (self->columns > 0)
    fprintf (stderr, "\r%*s\r", self->columns, "");
  fflush (stderr);
  g_free (self->image);
  g_free (self);
}
