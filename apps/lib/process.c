/* What each program does before anything else: safe descriptors, and signals that end it in
 * good order. */
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <unistd.h>

#include <segkit/atomic-file.h>

#include "process.h"

#define SEG_PROCESS_MAP_BYTES (256 * 1024)

static struct
{
  sigset_t signals;
  GCancellable *cancellable;
  int number; /* of the signal that came, atomic */
} seg_process;

/* Signals are waited for rather than handled, so that cancelling may lock and allocate. */
static gpointer
seg_process_wait_for_signals (gpointer data)
{
  int number;

  (void) data;
  if (sigwait (&seg_process.signals, &number) != 0)
    return NULL;
  g_atomic_int_set (&seg_process.number, number);
  g_cancellable_cancel (seg_process.cancellable);

  /* Who asks twice does not want to wait for a good end. */
  sigwait (&seg_process.signals, &number);
  seg_atomic_file_abort_all ();
  _exit (128 + number);
}

/**
 * seg_process_init:
 *
 * To be called once, before any thread starts: threads inherit what it sets. From then on
 * signals that ask a program to end cancel; a second one ends the process at once. One that was
 * ignored at the start (nohup) stays so. A closed pipe and a full quota are errors of the call that
 * writes, not signals.
 *
 * Returns: (transfer none): cancelled when a signal has come
 */
GCancellable *
seg_process_init (void)
{
  static const int numbers[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2 };
  struct sigaction action;
  GThread *thread;

  /* Otherwise the first file opened could become stderr, and messages would end up in it. */
  for (int fd = 0; fd <= 2; fd++)
    if (fcntl (fd, F_GETFD) == -1 && errno == EBADF && open ("/dev/null", O_RDWR) != fd)
      _exit (128 + SIGABRT);

  /* What is as large as a map goes back to the system when it is freed. Otherwise glibc learns from
   * the first of them to keep such pieces, and a run takes more than was predicted. */
  mallopt (M_MMAP_THRESHOLD, SEG_PROCESS_MAP_BYTES);

  signal (SIGPIPE, SIG_IGN);
  signal (SIGXFSZ, SIG_IGN);
  signal (SIGCHLD, SIG_DFL); /* ignored by who started us, it would keep plugins from a trial */

  /* GLib 2.74 makes its C locale when a number is first read. A thread that has to wait for another
   * that is just doing so comes back with EAGAIN in errno, and takes that for a bad number. */
  g_ascii_strtoull ("0", NULL, 10);

  seg_process.cancellable = g_cancellable_new ();
  sigemptyset (&seg_process.signals);
  for (guint i = 0; i < G_N_ELEMENTS (numbers); i++)
    if (sigaction (numbers[i], NULL, &action) == 0 && action.sa_handler != SIG_IGN)
      sigaddset (&seg_process.signals, numbers[i]);
  pthread_sigmask (SIG_BLOCK, &seg_process.signals, NULL);

  thread = g_thread_try_new ("signals", seg_process_wait_for_signals, NULL, NULL);
  if (thread != NULL)
    g_thread_unref (thread);
  else /* then signals end the process as they always did */
    pthread_sigmask (SIG_UNBLOCK, &seg_process.signals, NULL);
  return seg_process.cancellable;
}

/**
 * seg_process_get_signal:
 *
 * Returns: the signal that has cancelled, or 0
 */
int
seg_process_get_signal (void)
{
  return g_atomic_int_get (&seg_process.number);
}
