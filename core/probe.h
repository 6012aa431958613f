/* Plugins tried out in another process. What the two processes say to each other is private. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* The descriptor on which the other process answers: SEG_PROBE_READY when it turns to the module
 * in question, then at most SEG_PROBE_MAX_ANSWER bytes of text, none if nothing is wrong, and a
 * zero byte. */
#define SEG_PROBE_FD 3
#define SEG_PROBE_READY '>'
#define SEG_PROBE_MAX_ANSWER 4096

gboolean _seg_probe_try (const char *path, GPtrArray *present, GError **error);

/* The other process. Exported for segkit-probe-plugin alone, hence in no installed header. */
int seg_probe_serve (int argc, char **argv);

G_END_DECLS
