/* Text from files and users, checked, and made fit for one line of a message. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* The most bytes of a name that a file may use, and that a message shows. */
#define SEG_TEXT_MAX_NAME 256
#define SEG_TEXT_MAX_SHOWN 120

char       *_seg_text_escape       (const char *text);
char       *_seg_text_escape_path  (const char *path);
gboolean    _seg_text_is_printable (const char *text);
gboolean    _seg_text_is_name      (const char *text);
const char *_seg_text_nearest      (const char *text, const char *const *candidates);

G_END_DECLS
