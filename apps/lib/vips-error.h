#pragma once

#include <glib.h>

G_BEGIN_DECLS

void seg_vips_error (GError **error, const char *name, GQuark domain, int code);

G_END_DECLS
