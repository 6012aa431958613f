#pragma once

#include <segkit/types.h>

G_BEGIN_DECLS

#define SEG_TENSOR_MAX_RANK 8

/**
 * SegTensor:
 * @dtype: element type
 * @rank: dimensions in use
 * @dims: size of each dimension, outermost first
 * @data: elements, C order, 64-byte aligned; %NULL of one that seg_safetensors_open() has not read
 *
 * A reference-counted array. Shared tensors are immutable by convention; who made a tensor
 * may write to it until it is handed on.
 */
typedef struct
{
  SegDtype dtype;
  guint rank;
  gint64 dims[SEG_TENSOR_MAX_RANK];
  gpointer data;
  /*< private >*/
  gatomicrefcount ref_count;
} SegTensor;

#define SEG_TYPE_TENSOR (seg_tensor_get_type ())
GType      seg_tensor_get_type       (void);
SegTensor *seg_tensor_new            (SegDtype dtype, guint rank, const gint64 *dims, GError **error);
SegTensor *seg_tensor_ref            (SegTensor *self);
void       seg_tensor_unref          (SegTensor *self);
gsize      seg_tensor_get_n_elements (const SegTensor *self);
gsize      seg_tensor_get_n_bytes    (const SegTensor *self);
char      *seg_tensor_dup_shape      (const SegTensor *self);
SegTensor *seg_tensor_to_f32         (SegTensor *self, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (SegTensor, seg_tensor_unref)

G_END_DECLS
