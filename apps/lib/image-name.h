#pragma once

#include <glib.h>

G_BEGIN_DECLS

char *seg_image_name_dup_file    (const char *name);
char *seg_image_name_dup_options (const char *name);

G_END_DECLS
