/* One result for each float, in runs of them: nothing here is summed. */

static inline seg_vector
seg_affine_vector (seg_vector x, float scale, float shift)
{
  return x * scale + shift;
}

static void
seg_affine (size_t n, const float *x, float scale, float shift, float *y)
{
  float tail[SEG_LANES] = { 0 };
  size_t i = 0;

  for (; i + SEG_LANES <= n; i += SEG_LANES)
    seg_store (y + i, seg_affine_vector (seg_load (x + i), scale, shift));
  if (i == n)
    return;
  memcpy (tail, x + i, (n - i) * sizeof *x);
  seg_store (tail, seg_affine_vector (seg_load (tail), scale, shift));
  memcpy (y + i, tail, (n - i) * sizeof *y);
}

/* Sums and maxima round nothing that depends on the vector: a plain loop will do. */
static void
seg_add (size_t n, const float *a, const float *b, float *y)
{
  size_t i = 0;

  for (; i + SEG_LANES <= n; i += SEG_LANES)
    seg_store (y + i, seg_load (a + i) + seg_load (b + i));
  for (; i < n; i++)
    y[i] = a[i] + b[i];
}

static void
seg_maximum (size_t n, const float *a, const float *b, float *y)
{
  size_t i = 0;

  for (; i + SEG_LANES <= n; i += SEG_LANES)
    {
      seg_vector va = seg_load (a + i), vb = seg_load (b + i);
      seg_mask first = (va >= vb) | (va != va);
      seg_mask bits = (first & (seg_mask) va) | (~first & (seg_mask) vb);

      seg_store (y + i, (seg_vector) bits);
    }
  for (; i < n; i++)
    y[i] = a[i] >= b[i] || a[i] != a[i] ? a[i] : b[i];
}

/* y = clamp (y + add, lo, hi). Nothing that is rounded depends on the vector. */
static void
seg_finish (size_t n, const float *add, float lo, float hi, float *y)
{
  seg_vector low = seg_splat (lo), high = seg_splat (hi);
  float tail[SEG_LANES] = { 0 }, tail_add[SEG_LANES] = { 0 };
  size_t i = 0, left;

  for (; i + SEG_LANES <= n; i += SEG_LANES)
    {
      seg_vector sum = add != NULL ? seg_load (y + i) + seg_load (add + i) : seg_load (y + i);

      seg_store (y + i, seg_clamp (sum, low, high));
    }
  if ((left = n - i) == 0)
    return;
  memcpy (tail, y + i, left * sizeof *y);
  if (add != NULL)
    {
      memcpy (tail_add, add + i, left * sizeof *add);
      seg_store (tail, seg_load (tail) + seg_load (tail_add));
    }
  seg_store (tail, seg_clamp (seg_load (tail), low, high));
  memcpy (y + i, tail, left * sizeof *y);
}

static void
seg_prologue (size_t n_pixels, const float *x, const SegKernelPrologue *prologue, float *y)
{
  SegPrologue ready = seg_prologue_prepare (prologue);

  for (size_t i = 0; i < n_pixels * SEG_LANES; i += SEG_LANES)
    seg_store (y + i, seg_prologue_apply (&ready, seg_load (x + i)));
}
