/* The frame of each program: options, --help in groups, --version, and how it ends. */
#include <stdio.h>

#include "command.h"
#include "exit-code.h"
#include "process.h"

static struct
{
  gboolean help, version;
  char **arguments;
} seg_command_options;

static const GOptionEntry seg_command_entries[] = {
  { "help", 'h', 0, G_OPTION_ARG_NONE, &seg_command_options.help, "show this and end", NULL },
  { "version", 0, 0, G_OPTION_ARG_NONE, &seg_command_options.version, "show the version and end",
    NULL },
  G_OPTION_ENTRY_NULL
};

static const GOptionEntry seg_command_remaining[] = {
  { G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &seg_command_options.arguments, NULL,
    NULL },
  G_OPTION_ENTRY_NULL
};

static void
seg_command_add_group (GOptionContext *context, const char *title, const GOptionEntry *entries)
{
  GOptionGroup *group = g_option_group_new (title, title, title, NULL, NULL);

  g_option_group_add_entries (group, entries);
  g_option_context_add_group (context, group);
}

/* GLib's own --help shows one group, and the others only when each is asked for. */
static GOptionContext *
seg_command_new_context (const SegCommand *self)
{
  GOptionContext *context = g_option_context_new (self->arguments);

  g_option_context_set_help_enabled (context, FALSE);
  g_option_context_set_summary (context, self->summary);
  g_option_context_set_description (context, self->description);
  g_option_context_add_main_entries (context, seg_command_remaining, NULL);
  for (const SegCommandGroup *group = self->groups; group->title != NULL; group++)
    seg_command_add_group (context, group->title, group->entries);
  seg_command_add_group (context, "Other:", seg_command_entries);
  return context;
}

static gboolean
seg_command_run (const SegCommand *self, int argc, char **argv, GCancellable *cancellable,
                 GError **error)
{
  g_autoptr (GOptionContext) context = seg_command_new_context (self);
  g_autofree char *text = NULL;

  if (!g_option_context_parse (context, &argc, &argv, error))
    return FALSE;
  if (seg_command_options.help)
    text = g_option_context_get_help (context, FALSE, NULL);
  else if (seg_command_options.version)
    text = g_strdup_printf ("%s (segkit) " SEGKIT_VERSION "\n", self->name);
  if (text != NULL)
    return fputs (text, stdout) >= 0;
  return self->run (seg_command_options.arguments != NULL ? seg_command_options.arguments
                                                          : (char *[]){ NULL },
                    cancellable, error);
}

/**
 * seg_command_fail_usage:
 * @error: return location
 * @message: what is wrong with the command line
 *
 * Returns: %FALSE, with `G_OPTION_ERROR` set
 */
gboolean
seg_command_fail_usage (GError **error, const char *message)
{
  g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_FAILED, "%s; \"%s --help\" tells more", message,
               g_get_prgname ());
  return FALSE;
}

/**
 * seg_command_check_number:
 * @name: of an option
 * @value: its, or %SEG_COMMAND_UNSET
 * @maximum: what it may be
 * @error: return location
 *
 * Errors: `G_OPTION_ERROR` if it is given and not in 1 to @maximum.
 */
gboolean
seg_command_check_number (const char *name, int value, int maximum, GError **error)
{
  if (value == SEG_COMMAND_UNSET || (value >= 1 && value <= maximum))
    return TRUE;
  g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, "--%s: %d is not in 1 to %d", name,
               value, maximum);
  return FALSE;
}

/**
 * seg_command_main:
 * @self: the program
 * @argc: of main()
 * @argv: of main()
 *
 * Runs a program from its arguments to its end, with one line on stderr where it fails.
 *
 * Returns: the exit status
 */
int
seg_command_main (const SegCommand *self, int argc, char **argv)
{
  GCancellable *cancellable = seg_process_init ();
  g_autoptr (GError) error = NULL;

  g_set_prgname (self->name);
  /* a signal that came too late to stop anything still ends the program as it should */
  if (seg_command_run (self, argc, argv, cancellable, &error))
    g_cancellable_set_error_if_cancelled (cancellable, &error);
  /* what was printed and has not arrived is an error, too */
  if ((fflush (stdout) != 0 || ferror (stdout)) && error == NULL)
    g_set_error (&error, G_IO_ERROR, G_IO_ERROR_FAILED, "stdout cannot be written to");
  if (error == NULL)
    return SEG_EXIT_OK;
  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    {
      fprintf (stderr, "%s: stopped by signal %d\n", self->name, seg_process_get_signal ());
      return 128 + seg_process_get_signal ();
    }
  return seg_exit_code_print_error (error);
}
