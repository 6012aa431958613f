#include "text.h"

#include <string.h>

/* Characters that end a line, move the cursor or turn the direction of what follows: none may
 * reach a terminal from a file, where they could make a message say something else. */
static gboolean
seg_text_is_unsafe (gunichar c)
{
  return g_unichar_iscntrl (c) || c == 0x061c || c == 0x200e || c == 0x200f
         || (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069);
}

static char *
seg_text_escape_up_to (const char *text, gsize max_bytes)
{
  static const char ellipsis[] = "...";
  GString *shown = g_string_new (NULL);

  while (*text)
    {
      gunichar c = g_utf8_get_char_validated (text, -1);
      gboolean valid = c != (gunichar) -1 && c != (gunichar) -2;
      gsize n_bytes = valid ? (gsize) (g_utf8_next_char (text) - text) : 1;
      char piece[16];

      if (!valid)
        g_snprintf (piece, sizeof piece, "\\x%02x", (guint8) *text);
      else if (seg_text_is_unsafe (c))
        g_snprintf (piece, sizeof piece, "\\u%04x", c);
      else
        g_strlcpy (piece, text, n_bytes + 1);

      /* Until the last character there must be room left for the ellipsis. */
      gsize reserve = text[n_bytes] ? sizeof ellipsis - 1 : 0;
      if (shown->len + strlen (piece) + reserve > max_bytes)
        {
          g_string_append (shown, ellipsis);
          break;
        }
      g_string_append (shown, piece);
      text += n_bytes;
    }
  return g_string_free (shown, FALSE);
}

/* A name as a message may show it: UTF-8 without control characters, at most
 * SEG_TEXT_MAX_SHOWN bytes. */
char *
_seg_text_escape (const char *text)
{
  return seg_text_escape_up_to (text, SEG_TEXT_MAX_SHOWN);
}

/* The same for a path, which is never cut: who reads the message has to find the file. */
char *
_seg_text_escape_path (const char *path)
{
  return seg_text_escape_up_to (path, G_MAXSIZE);
}

/* Whether UTF-8 text can be shown as it is; it may have lines and tabs. */
gboolean
_seg_text_is_printable (const char *text)
{
  for (; *text != '\0'; text = g_utf8_next_char (text))
    if (seg_text_is_unsafe (g_utf8_get_char (text)) && strchr ("\t\r\n", *text) == NULL)
      return FALSE;
  return TRUE;
}

/* Whether a file may call something by this name. */
gboolean
_seg_text_is_name (const char *text)
{
  gsize n_bytes = strlen (text);

  return n_bytes > 0 && n_bytes <= SEG_TEXT_MAX_NAME
         && g_utf8_validate (text, (gssize) n_bytes, NULL) && _seg_text_is_printable (text)
         && strpbrk (text, "\t\r\n") == NULL;
}

/* Levenshtein's distance, for texts of at most SEG_TEXT_MAX_SHOWN bytes. */
static guint
seg_text_distance (const char *a, const char *b)
{
  guint row[SEG_TEXT_MAX_SHOWN + 1];
  guint n = (guint) strlen (b);

  for (guint j = 0; j <= n; j++)
    row[j] = j;
  for (guint i = 0; a[i]; i++)
    {
      guint diagonal = row[0];
      row[0] = i + 1;
      for (guint j = 0; j < n; j++)
        {
          guint replaced = diagonal + (a[i] != b[j]);
          diagonal = row[j + 1];
          row[j + 1] = MIN (replaced, MIN (diagonal, row[j]) + 1);
        }
    }
  return row[n];
}

/* The candidate that @text may have been meant to be, or NULL where none is like it. */
const char *
_seg_text_nearest (const char *text, const char *const *candidates)
{
  const char *nearest = NULL;
  guint least = MAX (1, (guint) strlen (text) / 3) + 1;

  if (strlen (text) > SEG_TEXT_MAX_SHOWN)
    return NULL;
  for (; *candidates; candidates++)
    {
      if (strlen (*candidates) > SEG_TEXT_MAX_SHOWN)
        continue;
      guint distance = seg_text_distance (text, *candidates);
      if (distance < least)
        {
          least = distance;
          nearest = *candidates;
        }
    }
  return nearest;
}
