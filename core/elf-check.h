#pragma once

#include <glib.h>

G_BEGIN_DECLS

gboolean _seg_elf_check (const char *path, GError **error);

G_END_DECLS
