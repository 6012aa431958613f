#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/**
 * SegCommandGroup:
 * @title: heading above the options, such as "Output:"
 * @entries: the options
 */
typedef struct
{
  const char *title;
  const GOptionEntry *entries;
} SegCommandGroup;

/**
 * SegCommand:
 * @name: of the program
 * @arguments: what follows the options, such as "IMAGE…"
 * @summary: what the program does
 * @description: examples, and what else --help says below the options
 * @groups: the options, in groups, ended by one without a title
 * @run: does it. @arguments are those that are not options, ended by %NULL
 *
 * A program.
 */
typedef struct
{
  const char *name, *arguments, *summary, *description;
  const SegCommandGroup *groups;
  gboolean (*run) (char **arguments, GCancellable *cancellable, GError **error);
} SegCommand;

/* Whether a number was given at all: what options begin with. */
#define SEG_COMMAND_UNSET G_MININT

int      seg_command_main         (const SegCommand *self, int argc, char **argv);
gboolean seg_command_fail_usage   (GError **error, const char *message);
gboolean seg_command_check_number (const char *name, int value, int maximum, GError **error);

G_END_DECLS
