/* The process in which a plugin is tried out: its other end is probe.c.
 *
 *   segkit-probe-plugin PARENT_PID MODULE... MODULE_IN_QUESTION
 *
 * The first modules are those that the program has, or will have: only together with them does a
 * type show that two modules define. */
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "module.h"
#include "probe.h"
#include "registry-private.h"

static gboolean seg_probe_in_question;

static void
seg_probe_answer (const char *text)
{
  g_autofree char *answer = g_strndup (text, SEG_PROBE_MAX_ANSWER);
  const char *rest = answer;
  gsize n_bytes = strlen (answer) + 1;

  while (n_bytes > 0)
    {
      gssize written = write (SEG_PROBE_FD, rest, n_bytes);

      if (written <= 0) /* nobody listens any more */
        _exit (0);
      rest += written;
      n_bytes -= (gsize) written;
    }
}

/* Of a second type of one name GObject only warns, but the next call of its get_type function
 * never returns. Other warnings and criticals of GLib's are a plugin's mistakes, too. */
static GLogWriterOutput
seg_probe_write_log (GLogLevelFlags level, const GLogField *fields, gsize n_fields, gpointer data)
{
  const char *domain = NULL, *message = NULL;
  g_autofree char *answer = NULL;
  (void) data;

  for (gsize i = 0; i < n_fields; i++)
    if (g_str_equal (fields[i].key, "GLIB_DOMAIN"))
      domain = fields[i].value;
    else if (g_str_equal (fields[i].key, "MESSAGE"))
      message = fields[i].value;

  if (!seg_probe_in_question || domain == NULL || message == NULL
      || !(g_str_equal (domain, "GLib") || g_str_equal (domain, "GLib-GObject"))
      || (level & (G_LOG_LEVEL_ERROR | G_LOG_LEVEL_CRITICAL | G_LOG_LEVEL_WARNING)) == 0)
    return G_LOG_WRITER_HANDLED;
  answer = g_strdup_printf ("%s does not accept it: %s", domain, message);
  seg_probe_answer (answer);
  _exit (0);
}

/* Registers the features and makes one of each, so that their classes and instances are tried,
 * too. The registry is a new one: a name that is taken must not keep a feature from it. */
static char *
seg_probe_load (const char *path, GHashTable *plugins)
{
  SegRegistry *registry = _seg_registry_new ();
  const SegPluginDescriptor *descriptor;
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) names = NULL;
  const char *other;

  if (_seg_module_open (path, &descriptor, &error) == NULL)
    return g_strdup (error->message);
  if ((other = g_hash_table_lookup (plugins, descriptor->name)) != NULL)
    return g_strdup_printf ("plugin \"%s\" is already there from %s", descriptor->name, other);
  g_hash_table_insert (plugins, g_strdup (descriptor->name), g_strdup (path));

  descriptor->register_features (registry);
  names = seg_registry_list (registry, G_TYPE_OBJECT);
  for (char **name = names; *name != NULL; name++)
    {
      g_autoptr (GObject) object = seg_registry_create (registry, *name, G_TYPE_OBJECT, NULL, NULL);
      (void) object;
    }
  return NULL;
}

/* As if started by hand, but out of reach of the terminal's signals, which are meant for the
 * program, leaving no core file, and not longer there than the program that has started it. */
static void
seg_probe_prepare (pid_t parent)
{
  static const struct rlimit no_core;
  sigset_t none;

  for (int number = 1; number < NSIG; number++)
    signal (number, SIG_DFL);
  sigemptyset (&none);
  sigprocmask (SIG_SETMASK, &none, NULL);
  setpgid (0, 0);
  setrlimit (RLIMIT_CORE, &no_core);
  prctl (PR_SET_PDEATHSIG, SIGKILL);
  if (getppid () != parent)
    _exit (0);
}

int
seg_probe_serve (int argc, char **argv)
{
  static const char ready = SEG_PROBE_READY;
  g_autoptr (GHashTable) plugins = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  g_autofree char *fault = NULL;

  if (argc < 3)
    return 2;
  seg_probe_prepare ((pid_t) g_ascii_strtoll (argv[1], NULL, 10));
  g_log_set_writer_func (seg_probe_write_log, NULL, NULL);
  for (int i = 2; i < argc - 1; i++)
    g_free (seg_probe_load (argv[i], plugins));

  seg_probe_in_question = TRUE;
  if (write (SEG_PROBE_FD, &ready, 1) != 1)
    return 2;
  fault = seg_probe_load (argv[argc - 1], plugins);
  seg_probe_answer (fault != NULL ? fault : "");
  return 0;
}
