#pragma once

#include <glib.h>

G_BEGIN_DECLS

char   **_seg_paths_get_data_folders (void);
char    *_seg_paths_find_data       (const char *relative);
char   **_seg_paths_get_plugins     (const char *first);
char    *_seg_paths_get_own_plugins (void);
gboolean _seg_paths_is_own_plugin   (const char *path);
char    *_seg_paths_get_probe       (void);

gboolean _seg_paths_check_module (const char *path, GError **error);

G_END_DECLS
