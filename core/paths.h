#pragma once

#include <glib.h>

G_BEGIN_DECLS

char **_seg_paths_get_data_folders (void);
char  *_seg_paths_find_data        (const char *relative);
char **_seg_paths_get_plugins      (const char *first);

G_END_DECLS
