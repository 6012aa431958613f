#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

GCancellable *seg_process_init       (void);
int           seg_process_get_signal (void);

G_END_DECLS
