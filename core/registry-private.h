#pragma once

#include <segkit/registry.h>

G_BEGIN_DECLS

SegRegistry *_seg_registry_new (void);
const char  *_seg_registry_find_gap (GType type);

G_END_DECLS
