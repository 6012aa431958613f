#include <segkit/types.h>

/**
 * seg_rect_intersect:
 * @a: a rectangle
 * @b: another
 *
 * Returns: what both cover; empty, at a's place, if that is nothing
 */
SegRect
seg_rect_intersect (SegRect a, SegRect b)
{
  gint64 x0 = MAX (a.x, b.x), x1 = MIN (a.x + a.w, b.x + b.w);
  gint64 y0 = MAX (a.y, b.y), y1 = MIN (a.y + a.h, b.y + b.h);

  if (x1 <= x0 || y1 <= y0)
    return (SegRect){ a.x, a.y, 0, 0 };
  return (SegRect){ x0, y0, x1 - x0, y1 - y0 };
}

/**
 * seg_rect_union:
 * @a: a rectangle
 * @b: another
 *
 * Returns: the smallest rectangle that holds both; an empty one adds nothing
 */
SegRect
seg_rect_union (SegRect a, SegRect b)
{
  gint64 x0, y0, x1, y1;

  if (seg_rect_is_empty (&a))
    return b;
  if (seg_rect_is_empty (&b))
    return a;

  x0 = MIN (a.x, b.x), x1 = MAX (a.x + a.w, b.x + b.w);
  y0 = MIN (a.y, b.y), y1 = MAX (a.y + a.h, b.y + b.h);
  return (SegRect){ x0, y0, x1 - x0, y1 - y0 };
}

/**
 * seg_dtype_get_size:
 * @dtype: an element type
 *
 * Returns: bytes of one element
 */
gsize
seg_dtype_get_size (SegDtype dtype)
{
  switch (dtype)
    {
    case SEG_DTYPE_F32:
      return 4;
    case SEG_DTYPE_F16:
    case SEG_DTYPE_BF16:
      return 2;
    case SEG_DTYPE_I64:
      return 8;
    }
  g_return_val_if_reached (0);
}

/**
 * seg_dtype_to_string:
 * @dtype: an element type
 *
 * Returns: its name in safetensors files
 */
const char *
seg_dtype_to_string (SegDtype dtype)
{
  static const char *const names[] = { "F32", "F16", "BF16", "I64" };

  g_return_val_if_fail (dtype < G_N_ELEMENTS (names), NULL);
  return names[dtype];
}
