#pragma once

#include <gmodule.h>

#include <segkit/seg-plugin.h>

G_BEGIN_DECLS

GModule *_seg_module_open (const char *path, const SegPluginDescriptor **descriptor,
                           GError **error);

G_END_DECLS
