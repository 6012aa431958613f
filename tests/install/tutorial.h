#pragma once

#include <glib.h>

G_BEGIN_DECLS

char *tutorial_unpack (const char *page, const char *folder);

G_END_DECLS
