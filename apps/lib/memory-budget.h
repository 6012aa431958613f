#pragma once

#include <glib.h>

G_BEGIN_DECLS

gboolean seg_memory_budget_parse        (const char *text, gsize *bytes, GError **error);
gsize    seg_memory_budget_get_default  (void);
gsize    seg_memory_budget_get_installed (void);
gsize    seg_memory_budget_get_resident (void);

G_END_DECLS
