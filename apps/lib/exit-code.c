/* From a GError to what the caller of a program sees: an exit code and one line on stderr. */
#include <stdio.h>

#include <gio/gio.h>

#include <segkit/error.h>

#include "exit-code.h"
#include "path.h"

static const struct
{
  SegError code;
  SegExitCode exit_code;
  const char *name;
} seg_exit_codes[] = {
  { SEG_ERROR_PARAM, SEG_EXIT_USAGE, "param" },
  { SEG_ERROR_SHAPE, SEG_EXIT_INPUT, "shape" },
  { SEG_ERROR_FORMAT, SEG_EXIT_INPUT, "format" },
  { SEG_ERROR_PLUGIN, SEG_EXIT_PLUGIN, "plugin" },
  { SEG_ERROR_UNSUPPORTED, SEG_EXIT_INPUT, "unsupported" },
  { SEG_ERROR_MEMORY, SEG_EXIT_LIMIT, "memory" },
  { SEG_ERROR_NUMERIC, SEG_EXIT_NUMERIC, "numeric" },
  { SEG_ERROR_DIVERGED, SEG_EXIT_NUMERIC, "diverged" },
};

G_DEFINE_QUARK (seg-app-error, seg_app_error)

/**
 * seg_exit_code_from_error:
 * @error: what stopped the program
 *
 * Returns: what the program ends with
 */
SegExitCode
seg_exit_code_from_error (const GError *error)
{
  if (error->domain == SEG_ERROR)
    {
      for (guint i = 0; i < G_N_ELEMENTS (seg_exit_codes); i++)
        if (error->code == (int) seg_exit_codes[i].code)
          return seg_exit_codes[i].exit_code;
    }
  else if (g_error_matches (error, SEG_APP_ERROR, SEG_APP_ERROR_SOME_FAILED))
    return SEG_EXIT_SOME_FAILED;
  else if (g_error_matches (error, SEG_APP_ERROR, SEG_APP_ERROR_IN_USE))
    return SEG_EXIT_IN_USE;
  else if (error->domain == G_OPTION_ERROR || error->domain == G_CONVERT_ERROR)
    return SEG_EXIT_USAGE;
  else if (error->domain == G_IO_ERROR || error->domain == G_FILE_ERROR)
    return SEG_EXIT_IO;
  else if (error->domain == G_KEY_FILE_ERROR)
    return SEG_EXIT_INPUT;
  return SEG_EXIT_INTERNAL;
}

/* Such as "io:no-space": words that stay the same when numbers or messages change. */
static char *
seg_exit_code_dup_cause (const GError *error)
{
  if (error->domain == SEG_ERROR)
    {
      for (guint i = 0; i < G_N_ELEMENTS (seg_exit_codes); i++)
        if (error->code == (int) seg_exit_codes[i].code)
          return g_strdup_printf ("segkit:%s", seg_exit_codes[i].name);
    }
  else if (error->domain == G_IO_ERROR)
    {
      g_autoptr (GEnumClass) klass = g_type_class_ref (G_TYPE_IO_ERROR_ENUM);
      const GEnumValue *value = g_enum_get_value (klass, error->code);

      if (value != NULL)
        return g_strdup_printf ("io:%s", value->value_nick);
    }
  else if (error->domain == G_FILE_ERROR)
    return g_strdup (error->code == G_FILE_ERROR_NOENT ? "io:not-found" : "io:failed");
  else if (error->domain == G_OPTION_ERROR || error->domain == G_CONVERT_ERROR)
    return g_strdup ("usage");
  else if (error->domain == SEG_APP_ERROR)
    return g_strdup (error->code == SEG_APP_ERROR_SOME_FAILED ? "segkit:some-failed"
                     : error->code == SEG_APP_ERROR_IN_USE    ? "segkit:in-use"
                                                              : "segkit:different");
  return g_strdup_printf ("%s:%d", g_quark_to_string (error->domain), error->code);
}

/**
 * seg_exit_code_print_error:
 * @error: what stopped the program
 *
 * Prints it as one line. Names of files and texts from them may hold anything: what could move
 * the cursor or turn the line around is escaped.
 *
 * Returns: what the program ends with
 */
SegExitCode
seg_exit_code_print_error (const GError *error)
{
  g_autofree char *message = seg_path_escape (error->message);
  g_autofree char *cause = seg_exit_code_dup_cause (error);

  /* not g_printerr(), which would drop letters that the locale has not */
  fprintf (stderr, "%s: error: %s (%s)\n", g_get_prgname (), message, cause);
  return seg_exit_code_from_error (error);
}
