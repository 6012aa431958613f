#include <segkit/error.h>

#include <string.h>

#include "tensor-private.h"

static float
seg_tensor_float_from_bits (guint32 bits)
{
  float value;
  memcpy (&value, &bits, sizeof value);
  return value;
}

/* IEEE 754 binary16: 1 sign, 5 exponent and 10 fraction bits. */
static float
seg_tensor_float_from_f16 (guint16 half)
{
  guint32 sign = (guint32) (half & 0x8000) << 16, magnitude = half & 0x7fff;

  if (magnitude < 0x400) /* zero, or subnormal: a multiple of 2⁻²⁴, which float32 has exactly */
    return sign ? -(float) magnitude * 0x1p-24f : (float) magnitude * 0x1p-24f;
  if (magnitude >= 0x7c00) /* infinite, or not a number */
    return seg_tensor_float_from_bits (sign | 0x7f800000 | (magnitude & 0x3ff) << 13);
  return seg_tensor_float_from_bits (sign | ((magnitude << 13) + ((127 - 15) << 23)));
}

/* bfloat16 is the upper half of a float32. */
static float
seg_tensor_float_from_bf16 (guint16 half)
{
  return seg_tensor_float_from_bits ((guint32) half << 16);
}

/**
 * seg_tensor_to_f32:
 * @self: a tensor of floating-point numbers
 * @error: return location
 *
 * The same numbers in float32, exactly: subnormal, infinite and not-a-number values too.
 * Errors: `SEG_ERROR_UNSUPPORTED` for integers; `SEG_ERROR_PARAM` for a tensor without data;
 * `SEG_ERROR_MEMORY`.
 * Threads: any.
 *
 * Returns: (transfer full): @self itself if it is float32, a new tensor, or %NULL with @error set
 */
SegTensor *
seg_tensor_to_f32 (SegTensor *self, GError **error)
{
  const guint16 *from = self->data;
  gsize n = seg_tensor_get_n_elements (self);

  if (!_seg_tensor_check_data (self, error))
    return NULL;
  if (self->dtype == SEG_DTYPE_F32)
    return seg_tensor_ref (self);
  if (self->dtype != SEG_DTYPE_F16 && self->dtype != SEG_DTYPE_BF16)
    {
      g_set_error (error, SEG_ERROR, SEG_ERROR_UNSUPPORTED, "%s numbers cannot become float32",
                   seg_dtype_to_string (self->dtype));
      return NULL;
    }

  SegTensor *converted = seg_tensor_new (SEG_DTYPE_F32, self->rank, self->dims, error);
  if (converted == NULL)
    return NULL;

  float *to = converted->data;
  if (self->dtype == SEG_DTYPE_F16)
    for (gsize i = 0; i < n; i++)
      to[i] = seg_tensor_float_from_f16 (from[i]);
  else
    for (gsize i = 0; i < n; i++)
      to[i] = seg_tensor_float_from_bf16 (from[i]);
  return converted;
}
