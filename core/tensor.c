#include <segkit/error.h>
#include <segkit/memory.h>

#include "tensor-private.h"

G_DEFINE_BOXED_TYPE (SegTensor, seg_tensor, seg_tensor_ref, seg_tensor_unref)

/* A shape whose bytes can be counted, without memory for them. */
SegTensor *
_seg_tensor_new_empty (SegDtype dtype, guint rank, const gint64 *dims, GError **error)
{
  SegTensor *self;
  gint64 n = 1;

  g_return_val_if_fail (rank <= SEG_TENSOR_MAX_RANK, NULL);

  for (guint i = 0; i < rank; i++)
    if (dims[i] < 0 || __builtin_mul_overflow (n, dims[i], &n))
      {
        g_set_error (error, SEG_ERROR, SEG_ERROR_SHAPE,
                     "a tensor cannot have size %" G_GINT64_FORMAT " in dimension %u", dims[i], i);
        return NULL;
      }

  self = g_new0 (SegTensor, 1);
  g_atomic_ref_count_init (&self->ref_count);
  self->dtype = dtype;
  self->rank = rank;
  for (guint i = 0; i < rank; i++)
    self->dims[i] = dims[i];
  return self;
}

/* Gives a tensor that has none memory for its numbers, which are not set. */
gboolean
_seg_tensor_allocate (SegTensor *self, GError **error)
{
  self->data = seg_alloc (seg_tensor_get_n_elements (self), seg_dtype_get_size (self->dtype),
                          "tensor", error);
  return self->data != NULL;
}

/* Refuses a tensor of a file that is only open. */
gboolean
_seg_tensor_check_data (const SegTensor *self, GError **error)
{
  if (self->data != NULL)
    return TRUE;
  g_set_error_literal (error, SEG_ERROR, SEG_ERROR_PARAM,
                       "a tensor has a shape, but its numbers have not been read");
  return FALSE;
}

/**
 * seg_tensor_new:
 * @dtype: element type
 * @rank: dimensions, at most %SEG_TENSOR_MAX_RANK; 0 is a single number
 * @dims: (array length=rank) (nullable): their sizes, not negative
 * @error: return location
 *
 * Makes a tensor of zeros.
 * Errors: `SEG_ERROR_SHAPE` for sizes that are negative or cannot be counted, `SEG_ERROR_MEMORY`.
 *
 * Returns: (transfer full): a new tensor, or %NULL with @error set
 */
SegTensor *
seg_tensor_new (SegDtype dtype, guint rank, const gint64 *dims, GError **error)
{
  g_autoptr (SegTensor) self = _seg_tensor_new_empty (dtype, rank, dims, error);

  if (self == NULL || !_seg_tensor_allocate (self, error))
    return NULL;
  memset (self->data, 0, seg_tensor_get_n_bytes (self));
  return g_steal_pointer (&self);
}

SegTensor *
seg_tensor_ref (SegTensor *self)
{
  g_atomic_ref_count_inc (&self->ref_count);
  return self;
}

void
seg_tensor_unref (SegTensor *self)
{
  if (!g_atomic_ref_count_dec (&self->ref_count))
    return;
  seg_free (self->data);
  g_free (self);
}

/**
 * seg_tensor_get_n_elements:
 * @self: a tensor
 *
 * Returns: the product of its sizes, 1 for rank 0
 */
gsize
seg_tensor_get_n_elements (const SegTensor *self)
{
  gsize n = 1;

  for (guint i = 0; i < self->rank; i++)
    n *= (gsize) self->dims[i];
  return n;
}

gsize
seg_tensor_get_n_bytes (const SegTensor *self)
{
  return seg_tensor_get_n_elements (self) * seg_dtype_get_size (self->dtype);
}

/**
 * seg_tensor_dup_shape:
 * @self: a tensor
 *
 * Returns: (transfer full): its shape as text, such as `[64,3,3,3]`
 */
char *
seg_tensor_dup_shape (const SegTensor *self)
{
  GString *text = g_string_new ("[");

  for (guint i = 0; i < self->rank; i++)
    g_string_append_printf (text, "%s%" G_GINT64_FORMAT, i == 0 ? "" : ",", self->dims[i]);
  g_string_append_c (text, ']');
  return g_string_free (text, FALSE);
}
