#pragma once

#include <glib.h>

G_BEGIN_DECLS

void seg_html_append        (GString *out, const char *text);
void seg_html_append_format (GString *out, const char *format, ...) G_GNUC_PRINTF (2, 3);

G_END_DECLS
