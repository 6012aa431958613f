#pragma once

#include <segkit/block.h>
#include <segkit/format.h>
#include <segkit/model.h>
#include <segkit/tensor.h>

G_BEGIN_DECLS

SegGraph *_seg_model_build_graph    (SegBlock *block, guint n_channels, GError **error);
gboolean _seg_model_check_values    (const char *name, const SegTensor *tensor, GError **error);
gboolean _seg_model_refuse_problems (const char *what, GPtrArray *problems, GError **error);
void     _seg_model_prefix_path     (const char *path, GError **error);

SegSafetensors *_seg_format_open (SegFormat *self, const char *path, GError **error);

G_END_DECLS
