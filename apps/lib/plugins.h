#pragma once

#include <glib.h>

G_BEGIN_DECLS

extern const GOptionEntry seg_plugins_entries[]; /* what each program lets its user say of them */

gboolean seg_plugins_load (gboolean verbose, GError **error);

G_END_DECLS
