#pragma once

#include <segkit/registry.h>

G_BEGIN_DECLS

SegRegistry *_seg_registry_new (void);

G_END_DECLS
