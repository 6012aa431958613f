#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * SegError:
 * @SEG_ERROR_PARAM: a property or option has a value that is not allowed
 * @SEG_ERROR_SHAPE: shapes do not fit together
 * @SEG_ERROR_FORMAT: a file is malformed
 * @SEG_ERROR_PLUGIN: a plugin or a feature is missing or broken
 * @SEG_ERROR_UNSUPPORTED: well-formed, but not something segkit can do
 * @SEG_ERROR_MEMORY: memory or a limit on it ran out
 * @SEG_ERROR_NUMERIC: a number that must be finite is not
 * @SEG_ERROR_DIVERGED: a training's loss or gradient is not finite
 *
 * I/O problems and cancelling use %G_IO_ERROR.
 */
typedef enum
{
  SEG_ERROR_PARAM,
  SEG_ERROR_SHAPE,
  SEG_ERROR_FORMAT,
  SEG_ERROR_PLUGIN,
  SEG_ERROR_UNSUPPORTED,
  SEG_ERROR_MEMORY,
  SEG_ERROR_NUMERIC,
  SEG_ERROR_DIVERGED,
} SegError;

#define SEG_ERROR (seg_error_quark ())
GQuark seg_error_quark (void);

G_END_DECLS
