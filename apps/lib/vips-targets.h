#pragma once

#include <glib.h>

G_BEGIN_DECLS

void seg_vips_targets_keep    (void);
void seg_vips_targets_release (void);

G_END_DECLS
