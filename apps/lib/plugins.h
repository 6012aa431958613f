#pragma once

#include <glib.h>

G_BEGIN_DECLS

extern const GOptionEntry seg_plugins_entries[]; /* what each program lets its user say of them */

/**
 * SegPluginsTell:
 * @SEG_PLUGINS_TELL_NOTHING: the program lists what was not loaded itself
 * @SEG_PLUGINS_TELL_FOREIGN: warn of what a folder that the user named has to do with
 * @SEG_PLUGINS_TELL_ALL: warn of segkit's own folder, too
 */
typedef enum
{
  SEG_PLUGINS_TELL_NOTHING,
  SEG_PLUGINS_TELL_FOREIGN,
  SEG_PLUGINS_TELL_ALL,
} SegPluginsTell;

gboolean seg_plugins_load (SegPluginsTell tell, GError **error);

G_END_DECLS
