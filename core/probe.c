/* A plugin tried out before it is loaded, in another process: one that crashes, hangs or ends the
 * process there does not come into this one. The other process is probe-serve.c.
 *
 * No verdict is remembered: a trial takes 10 ms, and a file that says "fine" would have to be
 * invalidated for the plugin, for each library it needs, and for the other plugins beside it. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <glib-unix.h>

#include "paths.h"
#include "probe.h"
#include "text.h"

#include <segkit/error.h>

#define SEG_PROBE_SECONDS 5
#define SEG_PROBE_PERIOD 1 /* ms, in which it is asked whether it has ended */
#define SEG_PROBE_MAX_BYTES (1 + SEG_PROBE_MAX_ANSWER + 1)

typedef struct
{
  GPid pid;
  int fd; /* the end of the pipe on which it answers, or -1: nobody has the other end any more */
  GString *said;
  gboolean in_time; /* it has ended before its time was over */
  gboolean lost;    /* and nobody knows how: its status went to somebody else */
  int status;       /* as of waitpid() */
} SegProbe;

/* Its own output goes nowhere; descriptors other than the answer's are closed by GLib. */
static gboolean
seg_probe_start (SegProbe *self, char **argv, GError **error)
{
  static const int target = SEG_PROBE_FD;
  int ends[2];
  gboolean started;

  if (!g_unix_open_pipe (ends, FD_CLOEXEC, error))
    return FALSE;
  started = g_spawn_async_with_pipes_and_fds (
      NULL, (const char *const *) argv, NULL,
      G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_STDOUT_TO_DEV_NULL | G_SPAWN_STDERR_TO_DEV_NULL, NULL,
      NULL, -1, -1, -1, &ends[1], &target, 1, &self->pid, NULL, NULL, NULL, error);
  close (ends[1]);
  if (!started)
    close (ends[0]);
  self->fd = ends[0];
  return started;
}

/* Whether it has ended. It is not reaped yet: until then no other process has its number. */
static gboolean
seg_probe_has_ended (SegProbe *self)
{
  siginfo_t info = { 0 };

  self->lost = waitid (P_PID, (id_t) self->pid, &info, WEXITED | WNOHANG | WNOWAIT) != 0;
  return self->lost || info.si_pid != 0;
}

/* Takes in some of what it says, for which it waits so long. FALSE: there was nothing. */
static gboolean
seg_probe_listen (SegProbe *self, int milliseconds)
{
  struct pollfd wait = { .fd = self->fd, .events = POLLIN };
  char buffer[256];
  gssize n_bytes;

  if (poll (&wait, 1, milliseconds) <= 0)
    return FALSE;
  n_bytes = read (self->fd, buffer, sizeof buffer);
  if (n_bytes > 0)
    g_string_append_len (self->said, buffer,
                         MIN (n_bytes, SEG_PROBE_MAX_BYTES - (gssize) self->said->len));
  else if (n_bytes == 0 || errno != EINTR)
    {
      close (self->fd);
      self->fd = -1;
    }
  return n_bytes > 0;
}

/* Until it has ended, and what it has said is read, or time is up. That the pipe is closed does not
 * count: a module may close it and stay, or leave a process behind that keeps it open. */
static void
seg_probe_attend (SegProbe *self)
{
  gint64 end = g_get_monotonic_time () + SEG_PROBE_SECONDS * G_USEC_PER_SEC;

  while (!self->in_time && g_get_monotonic_time () < end)
    {
      gboolean ended = seg_probe_has_ended (self);
      gboolean said = seg_probe_listen (self, ended ? 0 : SEG_PROBE_PERIOD);

      self->in_time = ended && !said;
    }
  if (self->fd >= 0)
    close (self->fd);
}

/* Nothing of it stays: neither the process, nor those that it has started. */
static void
seg_probe_end (SegProbe *self)
{
  pid_t reaped;

  if (!self->lost)
    {
      kill (-self->pid, SIGKILL);
      kill (self->pid, SIGKILL);
    }
  do
    reaped = waitpid (self->pid, &self->status, 0);
  while (reaped < 0 && errno == EINTR);
  self->lost = reaped < 0;
  g_spawn_close_pid (self->pid);
}

static char *
seg_probe_dup_end (const SegProbe *self)
{
  return WIFSIGNALED (self->status)
             ? g_strdup_printf ("crashed with signal %d (%s)", WTERMSIG (self->status),
                                g_strsignal (WTERMSIG (self->status)))
             : g_strdup_printf ("ended the process with status %d", WEXITSTATUS (self->status));
}

/* Why the module could not be tried out, or NULL. */
static char *
seg_probe_find_obstacle (const SegProbe *self, const char *program)
{
  g_autofree char *shown = _seg_text_escape_path (program), *end = NULL;

  if (self->lost)
    return g_strdup ("this program ignores how its children end");
  if (self->said->str[0] == SEG_PROBE_READY)
    return NULL;
  end = self->in_time ? seg_probe_dup_end (self)
                      : g_strdup_printf ("did not get to it within %d s", SEG_PROBE_SECONDS);
  return g_strdup_printf ("%s, with the modules beside it, %s", shown, end);
}

/* What is wrong with the module, or NULL. */
static char *
seg_probe_judge (const SegProbe *self)
{
  const char *answer = self->said->str + 1;
  gboolean answered = self->said->len > 1 && memchr (answer, 0, self->said->len - 1) != NULL;
  g_autofree char *end = seg_probe_dup_end (self);

  if (!self->in_time)
    return g_strdup_printf ("did not %s within %d s", answered ? "end" : "answer",
                            SEG_PROBE_SECONDS);
  if (WIFSIGNALED (self->status))
    return g_strdup_printf ("%s while being %s", end, answered ? "unloaded" : "loaded");
  if (!answered)
    return g_steal_pointer (&end);
  /* it may quote anything that a damaged file had where a name should be */
  return *answer != '\0' ? _seg_text_escape_path (answer) : NULL;
}

/*
 * @path: a module file
 * @present: files of the modules that this process has, or will have beside it
 *
 * Whether the module can be loaded without harm. Errors: SEG_ERROR_PLUGIN, with what it did, or
 * that it could not be tried.
 */
gboolean
_seg_probe_try (const char *path, GPtrArray *present, GError **error)
{
  g_autofree char *program = _seg_paths_get_probe (), *obstacle = NULL, *fault = NULL;
  g_autofree char *pid = g_strdup_printf ("%" G_PID_FORMAT, getpid ());
  g_autoptr (GPtrArray) argv = g_ptr_array_new ();
  g_autoptr (GString) said = g_string_new (NULL);
  g_autoptr (GError) cause = NULL;
  SegProbe probe = { .said = said };

  g_ptr_array_add (argv, program);
  g_ptr_array_add (argv, pid);
  g_ptr_array_extend (argv, present, NULL, NULL);
  g_ptr_array_add (argv, (gpointer) path);
  g_ptr_array_add (argv, NULL);

  if (!seg_probe_start (&probe, (char **) argv->pdata, &cause))
    obstacle = _seg_text_escape_path (cause->message);
  else
    {
      seg_probe_attend (&probe);
      seg_probe_end (&probe);
      obstacle = seg_probe_find_obstacle (&probe, program);
    }
  if (obstacle != NULL)
    fault = g_strdup_printf ("cannot be tried out: %s", obstacle);
  else
    fault = seg_probe_judge (&probe);
  if (fault != NULL)
    g_set_error_literal (error, SEG_ERROR, SEG_ERROR_PLUGIN, fault);
  return fault == NULL;
}
