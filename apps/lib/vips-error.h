#pragma once

#include <glib.h>

G_BEGIN_DECLS

void seg_vips_error          (GError **error, const char *name, GQuark domain, int code);
void seg_vips_error_remember (const char *text);
void seg_vips_error_forget   (void);

G_END_DECLS
