/* Ends the process that tries it out, with a number that says what is wrong there: signals that are
 * blocked or ignored, descriptors that were not meant for it, output that somebody sees. Where
 * BAD_FAULT is set, that is wrong, so that it can be seen that it looks. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bad.h"

BAD_DEFINE_LAYER (BadSurroundings, bad_surroundings)

static int
find_fault (void)
{
  static const int numbers[] = { SIGHUP, SIGINT, SIGTERM, SIGPIPE, SIGXFSZ };
  struct sigaction action;
  struct stat null, output;
  sigset_t blocked;

  if (g_getenv ("BAD_FAULT") != NULL)
    return atoi (g_getenv ("BAD_FAULT"));
  sigprocmask (SIG_SETMASK, NULL, &blocked);
  for (guint i = 0; i < G_N_ELEMENTS (numbers); i++)
    if (sigismember (&blocked, numbers[i]) || sigaction (numbers[i], NULL, &action) != 0
        || action.sa_handler != SIG_DFL)
      return 10 + (int) i;
  if (fcntl (99, F_GETFD) != -1)
    return 20;
  if (stat ("/dev/null", &null) != 0)
    return 21;
  for (int fd = 0; fd <= 2; fd++)
    if (fstat (fd, &output) != 0 || output.st_rdev != null.st_rdev)
      return 30 + fd;
  return 0;
}

__attribute__ ((constructor)) static void
look_around (void)
{
  int fault;

  if (g_str_equal (program_invocation_short_name, "segkit-probe-plugin")
      && (fault = find_fault ()) != 0)
    _exit (fault);
}

static void
register_features (SegRegistry *registry)
{
  seg_registry_add (registry, "surroundings", bad_surroundings_get_type ());
}

SEG_PLUGIN_DEFINE (surroundings, "Looks at where it is tried out", "CC0-1.0", register_features)
