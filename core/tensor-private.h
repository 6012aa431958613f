#pragma once

#include <segkit/tensor.h>

G_BEGIN_DECLS

SegTensor *_seg_tensor_new_empty  (SegDtype dtype, guint rank, const gint64 *dims, GError **error);
gboolean   _seg_tensor_allocate   (SegTensor *self, GError **error);
gboolean   _seg_tensor_check_data (const SegTensor *self, GError **error);

G_END_DECLS
