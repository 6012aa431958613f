#pragma once

#include <glib.h>

G_BEGIN_DECLS

gboolean seg_vips_setup    (const char *program, GError **error);
void     seg_vips_shutdown (void);

G_END_DECLS
