#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * SegExitCode:
 * @SEG_EXIT_OK: all done
 * @SEG_EXIT_SOME_FAILED: some of several images failed
 * @SEG_EXIT_USAGE: the command line or an option's value is wrong
 * @SEG_EXIT_INPUT: malformed or unsupported input
 * @SEG_EXIT_IO: a file cannot be read or written
 * @SEG_EXIT_LIMIT: refused or stopped by a limit on memory or size
 * @SEG_EXIT_NUMERIC: a number that must be finite is not
 * @SEG_EXIT_PLUGIN: a plugin or a feature is missing or broken
 * @SEG_EXIT_IN_USE: another run has the output
 * @SEG_EXIT_INTERNAL: a bug
 *
 * What a program ends with. Stopped by a signal it ends with 128 and the signal's number.
 */
typedef enum
{
  SEG_EXIT_OK = 0,
  SEG_EXIT_SOME_FAILED = 1,
  SEG_EXIT_USAGE = 2,
  SEG_EXIT_INPUT = 3,
  SEG_EXIT_IO = 4,
  SEG_EXIT_LIMIT = 5,
  SEG_EXIT_NUMERIC = 6,
  SEG_EXIT_PLUGIN = 7,
  SEG_EXIT_IN_USE = 8,
  SEG_EXIT_INTERNAL = 9,
} SegExitCode;

/**
 * SegAppError:
 * @SEG_APP_ERROR_SOME_FAILED: some of several images failed, and why was said
 * @SEG_APP_ERROR_DIFFERENT: a result depends on how it was computed
 * @SEG_APP_ERROR_IN_USE: another run has the output
 *
 * What only programs have to say.
 */
typedef enum
{
  SEG_APP_ERROR_SOME_FAILED,
  SEG_APP_ERROR_DIFFERENT,
  SEG_APP_ERROR_IN_USE,
} SegAppError;

#define SEG_APP_ERROR (seg_app_error_quark ())
GQuark seg_app_error_quark (void);

SegExitCode seg_exit_code_from_error  (const GError *error);
SegExitCode seg_exit_code_print_error (const GError *error);

G_END_DECLS
