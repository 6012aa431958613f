#pragma once

#include <gio/gio.h>

#include <segkit/plan.h>

#include "source.h"

G_BEGIN_DECLS

gboolean seg_verify (SegPlan *plan, SegSource *source, guint n_threads, GCancellable *cancellable,
                     GError **error);

G_END_DECLS
