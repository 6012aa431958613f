#pragma once

#include <glib.h>

G_BEGIN_DECLS

void seg_cpu_print (GString *out);

G_END_DECLS
