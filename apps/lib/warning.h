#pragma once

#include <glib.h>

G_BEGIN_DECLS

void seg_warning_print (const char *format, ...) G_GNUC_PRINTF (1, 2);

G_END_DECLS
