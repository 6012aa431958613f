#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Of the files that models are written to. */
#define SEG_PATH_MODEL_ENDING ".safetensors"

char    *seg_path_escape         (const char *text);
char    *seg_path_dup_identity   (const char *path);
gboolean seg_path_make_folder    (const char *path, GError **error);
gboolean seg_path_make_parent    (const char *written, GError **error);
gboolean seg_path_check_ending   (const char *written, const char *ending, const char *what,
                                  GError **error);
gboolean seg_path_check_not_over (const char *written, const char *other, GError **error);

G_END_DECLS
