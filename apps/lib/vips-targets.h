#pragma once

#include <glib.h>

G_BEGIN_DECLS

void     seg_vips_targets_keep    (void);
gboolean seg_vips_targets_check   (const char *path, const char *name, GError **error);
void     seg_vips_targets_release (void);

G_END_DECLS
