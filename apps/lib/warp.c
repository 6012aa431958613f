/* Resampling a crop in plain C. libvips' affine and mapim would need an image of coordinates, take
 * bands side by side where we have planes, and know no mirrored border; reading is where it helps.
 *
 * Images are sampled bilinearly, from means of squares where things become smaller by half or more;
 * classes and weights are those of the nearest pixel, by the same coordinates. */
#include <math.h>

#include <segkit/loss.h>
#include <segkit/memory.h>

#include "warp.h"

/* Where @i lies when a line of @n pixels is mirrored at its first and last one. */
static inline gint64
seg_warp_mirror (gint64 i, gint64 n)
{
  gint64 period = 2 * (n - 1);

  if (i >= 0 && i < n)
    return i;
  if (n == 1)
    return 0;
  i %= period;
  i += i < 0 ? period : 0;
  return i < n ? i : period - i;
}

/* How far right and down in the image is a step to the right in the crop, m[0], and one down. */
static void
seg_warp_get_matrix (const SegAugmentationDraw *draw, double m[2][2])
{
  double cosine = cos (draw->angle) / draw->scale, sine = sin (draw->angle) / draw->scale;
  double right[2] = { cosine, -sine }, down[2] = { sine, cosine };

  for (guint i = 0; i < draw->n_turns; i++)
    for (guint k = 0; k < 2; k++)
      {
        double x = right[k];

        right[k] = -down[k];
        down[k] = x;
      }
  for (guint k = 0; k < 2; k++)
    {
      m[0][k] = draw->flip_horizontal ? -right[k] : right[k];
      m[1][k] = draw->flip_vertical ? -down[k] : down[k];
    }
}

static gboolean
seg_warp_draw_is_exact (const SegAugmentationDraw *draw)
{
  return draw->angle == 0 && draw->scale == 1 && !draw->is_elastic;
}

/**
 * seg_warp_get_extent:
 * @draw: what happens to the sample
 * @h: rows of the crop
 * @w: columns of the crop
 * @extent_w: (out): columns that the crop takes of the image, free rotation not counted
 * @extent_h: (out): rows
 */
void
seg_warp_get_extent (const SegAugmentationDraw *draw, gint64 h, gint64 w, double *extent_w,
                     double *extent_h)
{
  *extent_w = (double) (draw->n_turns % 2 != 0 ? h : w) / draw->scale;
  *extent_h = (double) (draw->n_turns % 2 != 0 ? w : h) / draw->scale;
}

/* All steps are whole pixels. */
static gboolean
seg_warp_init_exact (SegWarp *self, double m[2][2], double centre_x, double centre_y,
                     GError **error)
{
  gint64 n_rows, n_columns;
  double row_step, column_step;

  self->is_transposed = m[0][0] == 0;
  n_rows = self->is_transposed ? self->w : self->h;
  n_columns = self->is_transposed ? self->h : self->w;
  row_step = self->is_transposed ? m[0][1] : m[1][1];
  column_step = self->is_transposed ? m[1][0] : m[0][0];
  self->rows = seg_alloc ((gsize) n_rows, sizeof (gint64), "rows of a crop", error);
  if (self->rows != NULL)
    self->columns = seg_alloc ((gsize) n_columns, sizeof (gint64), "columns of a crop", error);
  if (self->columns == NULL)
    return FALSE;
  for (gint64 i = 0; i < n_columns; i++)
    self->columns[i] =
        (gint64) floor (column_step * ((double) i + 0.5 - (double) n_columns / 2) + centre_x);
  for (gint64 i = 0; i < n_rows; i++)
    self->rows[i] = (gint64) floor (row_step * ((double) i + 0.5 - (double) n_rows / 2) + centre_y);
  return TRUE;
}

/* Of Keys' cubic convolution (1981, a = −½) through three values at 0, ½ and 1, the outer ones
 * repeated outside: how much each counts at @t. */
static void
seg_warp_get_grid_weights (double t, double weights[3])
{
  double at = 2 * t, d, cubic;
  int first = (int) floor (at) - 1;

  weights[0] = weights[1] = weights[2] = 0;
  for (int i = first; i < first + 4; i++)
    {
      d = fabs (at - i);
      cubic = d < 1 ? (1.5 * d - 2.5) * d * d + 1 : ((-0.5 * d + 2.5) * d - 4) * d + 2;
      weights[CLAMP (i, 0, 2)] += cubic;
    }
}

/* The displacements of a row: first of the grid's columns at that row, then between them. */
static void
seg_warp_add_grid (const SegWarp *self, const SegAugmentationDraw *draw, gint64 y,
                   const double *column_weights, double *u, double *v)
{
  double row_weights[3], at_row[2][3];

  seg_warp_get_grid_weights (((double) y + 0.5) / (double) self->h, row_weights);
  for (guint k = 0; k < 2; k++)
    for (guint j = 0; j < 3; j++)
      at_row[k][j] = row_weights[0] * (double) draw->grid[k][0][j]
                     + row_weights[1] * (double) draw->grid[k][1][j]
                     + row_weights[2] * (double) draw->grid[k][2][j];
  for (gint64 x = 0; x < self->w; x++)
    {
      const double *weights = column_weights + 3 * x;

      u[x] += weights[0] * at_row[0][0] + weights[1] * at_row[0][1] + weights[2] * at_row[0][2];
      v[x] += weights[0] * at_row[1][0] + weights[1] * at_row[1][1] + weights[2] * at_row[1][2];
    }
}

static gboolean
seg_warp_init_free (SegWarp *self, const SegAugmentationDraw *draw, double m[2][2], double centre_x,
                    double centre_y, GError **error)
{
  gsize n = (gsize) self->h * (gsize) self->w;
  double *scratch = seg_alloc ((gsize) self->w, 5 * sizeof (double), "a row of a crop", error);
  double *u = scratch, *v, *column_weights, dx, dy;

  if (scratch != NULL)
    self->x = seg_alloc (n, sizeof (float), "coordinates of a crop", error);
  if (self->x != NULL)
    self->y = seg_alloc (n, sizeof (float), "coordinates of a crop", error);
  if (self->y == NULL)
    {
      seg_free (scratch);
      return FALSE;
    }
  v = u + self->w;
  column_weights = v + self->w;
  for (gint64 x = 0; x < self->w; x++)
    seg_warp_get_grid_weights (((double) x + 0.5) / (double) self->w, column_weights + 3 * x);
  self->origin_x = (gint64) floor (centre_x);
  self->origin_y = (gint64) floor (centre_y);
  dx = centre_x - (double) self->origin_x - 0.5;
  dy = centre_y - (double) self->origin_y - 0.5;
  for (gint64 y = 0; y < self->h; y++)
    {
      float *row_x = self->x + y * self->w, *row_y = self->y + y * self->w;

      for (gint64 x = 0; x < self->w; x++)
        {
          u[x] = (double) x + 0.5 - (double) self->w / 2;
          v[x] = (double) y + 0.5 - (double) self->h / 2;
        }
      if (draw->is_elastic)
        seg_warp_add_grid (self, draw, y, column_weights, u, v);
      for (gint64 x = 0; x < self->w; x++)
        {
          row_x[x] = (float) (m[0][0] * u[x] + m[1][0] * v[x] + dx);
          row_y[x] = (float) (m[0][1] * u[x] + m[1][1] * v[x] + dy);
        }
    }
  seg_free (scratch);
  return TRUE;
}

/**
 * seg_warp_init:
 * @self: (out caller-allocates): cleared with seg_warp_clear()
 * @draw: what happens to the sample
 * @h: rows of the crop
 * @w: columns of the crop
 * @image_h: rows of the image
 * @image_w: columns of the image
 * @centre_x: of the crop, from the image's left edge; the middle of its first pixel is 0.5
 * @centre_y: the same, downwards
 * @error: return location
 *
 * Errors: `SEG_ERROR_MEMORY`.
 */
gboolean
seg_warp_init (SegWarp *self, const SegAugmentationDraw *draw, gint64 h, gint64 w, gint64 image_h,
               gint64 image_w, double centre_x, double centre_y, GError **error)
{
  double m[2][2];

  *self = (SegWarp){ .h = h,
                     .w = w,
                     .image_h = image_h,
                     .image_w = image_w,
                     .is_exact = seg_warp_draw_is_exact (draw),
                     .shrink = MAX (1, (gint64) floor (1 / draw->scale + 0.5)) };
  seg_warp_get_matrix (draw, m);
  return self->is_exact ? seg_warp_init_exact (self, m, centre_x, centre_y, error)
                        : seg_warp_init_free (self, draw, m, centre_x, centre_y, error);
}

/**
 * seg_warp_clear:
 * @self: a warp, or one that could not be made
 */
void
seg_warp_clear (SegWarp *self)
{
  seg_free (g_steal_pointer (&self->rows));
  seg_free (g_steal_pointer (&self->columns));
  seg_free (g_steal_pointer (&self->x));
  seg_free (g_steal_pointer (&self->y));
}

/* Of a pixel's place, rounded to the nearest, or exact. */
static inline void
seg_warp_find (const SegWarp *self, gint64 y, gint64 x, gint64 *image_y, gint64 *image_x)
{
  if (self->is_exact)
    {
      *image_y = self->rows[self->is_transposed ? x : y];
      *image_x = self->columns[self->is_transposed ? y : x];
    }
  else
    {
      *image_y = self->origin_y + (gint64) floorf (self->y[y * self->w + x] + 0.5f);
      *image_x = self->origin_x + (gint64) floorf (self->x[y * self->w + x] + 0.5f);
    }
}

/**
 * seg_warp_target:
 * @self: a warp
 * @target: (array): classes of the image
 * @outside_ignored: whether outside of the image is %SEG_TARGET_IGNORE; otherwise it is mirrored
 * @out: (out caller-allocates): classes of the crop
 */
void
seg_warp_target (const SegWarp *self, const guint16 *target, gboolean outside_ignored, guint16 *out)
{
  for (gint64 y = 0; y < self->h; y++)
    for (gint64 x = 0; x < self->w; x++)
      {
        gint64 image_y, image_x, inner_y, inner_x;

        seg_warp_find (self, y, x, &image_y, &image_x);
        inner_y = seg_warp_mirror (image_y, self->image_h);
        inner_x = seg_warp_mirror (image_x, self->image_w);
        *out++ = outside_ignored && (inner_y != image_y || inner_x != image_x)
                     ? SEG_TARGET_IGNORE
                     : target[inner_y * self->image_w + inner_x];
      }
}

/**
 * seg_warp_weights:
 * @self: a warp
 * @weights: (array): of pixels of the image
 * @out: (out caller-allocates): of the crop's
 */
void
seg_warp_weights (const SegWarp *self, const float *weights, float *out)
{
  for (gint64 y = 0; y < self->h; y++)
    for (gint64 x = 0; x < self->w; x++)
      {
        gint64 image_y, image_x;

        seg_warp_find (self, y, x, &image_y, &image_x);
        *out++ = weights[seg_warp_mirror (image_y, self->image_h) * self->image_w
                         + seg_warp_mirror (image_x, self->image_w)];
      }
}

/* What of an image is needed for a crop, mirrored and made smaller: sampling needs no borders. */
typedef struct
{
  gint64 x, y, w, h; /* squares of shrink × shrink pixels, from the warp's origin */
  float *pixels;
  gint64 *columns; /* of the image, mirrored */
} SegWarpPatch;

static void
seg_warp_get_range (const float *at, gsize n, gint64 shrink, gint64 *first, gint64 *count)
{
  float least = at[0], largest = at[0];

  for (gsize i = 1; i < n; i++)
    {
      least = MIN (least, at[i]);
      largest = MAX (largest, at[i]);
    }
  *first = seg_floor_div ((gint64) floorf (least), shrink) - 1;
  *count = seg_floor_div ((gint64) floorf (largest), shrink) + 2 - *first + 1;
}

static gboolean
seg_warp_patch_init (SegWarpPatch *patch, const SegWarp *self, GError **error)
{
  gsize n = (gsize) self->h * (gsize) self->w;

  *patch = (SegWarpPatch){ 0 };
  seg_warp_get_range (self->x, n, self->shrink, &patch->x, &patch->w);
  seg_warp_get_range (self->y, n, self->shrink, &patch->y, &patch->h);
  patch->columns = seg_alloc ((gsize) (patch->w * self->shrink), sizeof (gint64),
                              "columns around a crop", error);
  if (patch->columns != NULL)
    patch->pixels = seg_alloc ((gsize) patch->w * (gsize) patch->h, sizeof (float),
                               "pixels around a crop", error);
  if (patch->pixels == NULL)
    {
      seg_free (patch->columns);
      return FALSE;
    }
  for (gint64 i = 0; i < patch->w * self->shrink; i++)
    patch->columns[i] =
        seg_warp_mirror (self->origin_x + patch->x * self->shrink + i, self->image_w);
  return TRUE;
}

static void
seg_warp_patch_fill (SegWarpPatch *patch, const SegWarp *self, const float *plane)
{
  gint64 shrink = self->shrink;
  float factor = 1.f / (float) (shrink * shrink);

  for (gint64 y = 0; y < patch->h; y++)
    {
      float *out = patch->pixels + y * patch->w;

      for (gint64 k = 0; k < shrink; k++)
        {
          gint64 image_y =
              seg_warp_mirror (self->origin_y + (patch->y + y) * shrink + k, self->image_h);
          const float *row = plane + image_y * self->image_w;

          for (gint64 x = 0; x < patch->w; x++)
            {
              float sum = row[patch->columns[x * shrink]];

              for (gint64 j = 1; j < shrink; j++)
                sum += row[patch->columns[x * shrink + j]];
              out[x] = k == 0 ? sum : out[x] + sum;
            }
        }
      for (gint64 x = 0; x < patch->w && shrink > 1; x++)
        out[x] *= factor;
    }
}

static void
seg_warp_patch_sample (const SegWarpPatch *patch, const SegWarp *self, float *out)
{
  gsize n = (gsize) self->h * (gsize) self->w;
  float scale = 1.f / (float) self->shrink, shift = 0.5f * scale - 0.5f;
  float first_x = shift - (float) patch->x, first_y = shift - (float) patch->y;

  for (gsize i = 0; i < n; i++)
    {
      float x = self->x[i] * scale + first_x, y = self->y[i] * scale + first_y;
      gint32 left = (gint32) x, top = (gint32) y; /* both are positive */
      float right_share = x - (float) left, bottom_share = y - (float) top;
      const float *p = patch->pixels + (gint64) top * patch->w + left, *q = p + patch->w;
      float above = p[0] + (p[1] - p[0]) * right_share;
      float below = q[0] + (q[1] - q[0]) * right_share;

      out[i] = above + (below - above) * bottom_share;
    }
}

static void
seg_warp_copy_plane (const SegWarp *self, const float *plane, float *out)
{
  for (gint64 y = 0; y < self->h; y++)
    for (gint64 x = 0; x < self->w; x++)
      {
        gint64 row = self->rows[self->is_transposed ? x : y];
        gint64 column = self->columns[self->is_transposed ? y : x];

        *out++ = plane[seg_warp_mirror (row, self->image_h) * self->image_w
                       + seg_warp_mirror (column, self->image_w)];
      }
}

/**
 * seg_warp_image:
 * @self: a warp
 * @planes: (array): n_planes bands of the image
 * @n_planes: how many
 * @out: (out caller-allocates): bands of the crop
 * @error: return location
 *
 * Flips, right angles and shifts by whole pixels copy.
 * Errors: `SEG_ERROR_MEMORY`.
 */
gboolean
seg_warp_image (const SegWarp *self, const float *planes, gint64 n_planes, float *out,
                GError **error)
{
  SegWarpPatch patch;

  if (!self->is_exact && !seg_warp_patch_init (&patch, self, error))
    return FALSE;
  for (gint64 c = 0; c < n_planes; c++)
    {
      const float *plane = planes + c * self->image_h * self->image_w;
      float *to = out + c * self->h * self->w;

      if (self->is_exact)
        seg_warp_copy_plane (self, plane, to);
      else
        {
          seg_warp_patch_fill (&patch, self, plane);
          seg_warp_patch_sample (&patch, self, to);
        }
    }
  if (!self->is_exact)
    {
      seg_free (patch.pixels);
      seg_free (patch.columns);
    }
  return TRUE;
}
