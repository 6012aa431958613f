/* libvips gathers its messages in one buffer for all threads. It is emptied here, right where a
 * call has failed, and nowhere else. */
#include <errno.h>
#include <string.h>

#include <gio/gio.h>
#include <vips/vips.h>

#include "vips-error.h"

/* What the system may have against reading or writing. libvips hands on its words, not its
 * numbers. */
static const int seg_vips_errnos[]
    = { ENOSPC, EDQUOT, EFBIG, EIO, EACCES, EPERM, EROFS, EMFILE, ENFILE, ENOENT };

/* The causes, the first ones first, which later ones only follow from. */
#define SEG_VIPS_ERROR_MAX_LINES 3

/* libpng says why as a warning, and libvips then has little to add. */
static struct
{
  GMutex mutex; /* guards the rest */
  char *text;   /* the first since the last call of seg_vips_error_forget(), or NULL */
} seg_vips_warning;

/**
 * seg_vips_error_remember:
 * @text: a warning of libvips
 *
 * It may be the cause of an error that comes.
 * Threads: any.
 */
void
seg_vips_error_remember (const char *text)
{
  g_mutex_lock (&seg_vips_warning.mutex);
  if (seg_vips_warning.text == NULL)
    seg_vips_warning.text = g_strdup (text);
  g_mutex_unlock (&seg_vips_warning.mutex);
}

/**
 * seg_vips_error_forget:
 *
 * What libvips has warned of so far did no harm.
 * Threads: any.
 */
void
seg_vips_error_forget (void)
{
  g_mutex_lock (&seg_vips_warning.mutex);
  g_clear_pointer (&seg_vips_warning.text, g_free);
  g_mutex_unlock (&seg_vips_warning.mutex);
}

/* What libvips has said, or the warning before it where that says nothing. */
static char *
seg_vips_error_dup_text (void)
{
  char *text = g_strstrip (vips_error_buffer_copy ());

  g_mutex_lock (&seg_vips_warning.mutex);
  if (seg_vips_warning.text != NULL && (*text == '\0' || g_str_has_prefix (text, "vipspng: ")))
    {
      g_free (text);
      text = g_strdup (seg_vips_warning.text);
    }
  g_mutex_unlock (&seg_vips_warning.mutex);
  return text;
}

/**
 * seg_vips_error:
 * @error: return location
 * @name: the file that libvips was at work on
 * @domain: of the error, unless the system is to blame: then it is %G_IO_ERROR
 * @code: in that domain
 *
 * Makes one line of what libvips has said.
 */
void
seg_vips_error (GError **error, const char *name, GQuark domain, int code)
{
  g_autofree char *text = seg_vips_error_dup_text ();
  g_auto (GStrv) lines = NULL;
  g_autofree char *line = NULL;

  for (guint i = 0; i < G_N_ELEMENTS (seg_vips_errnos); i++)
    if (strstr (text, g_strerror (seg_vips_errnos[i])) != NULL)
      {
        g_set_error (error, G_IO_ERROR, g_io_error_from_errno (seg_vips_errnos[i]), "%s: %s", name,
                     g_strerror (seg_vips_errnos[i]));
        return;
      }

  lines = g_strsplit (text, "\n", -1);
  for (guint i = g_strv_length (lines); i-- > SEG_VIPS_ERROR_MAX_LINES;)
    g_clear_pointer (&lines[i], g_free);
  line = g_strjoinv ("; ", lines);
  g_set_error (error, domain, code, "%s: %s", name, *line != '\0' ? line : "unknown error");
}
