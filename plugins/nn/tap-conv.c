#include "tap-conv.h"

/* A block of outputs is computed from a patch: the input pixels that it reads, copied next to
 * each other, zero where they lie outside the image. All its rows are then one long run for the
 * kernel (with a few columns of nonsense between rows, never stored), and a ring of rows, the
 * border, the stride and a narrow map cost nothing more. The patch should stay in L2, the
 * outputs of one call in L1. Bits do not depend on how a rectangle is cut into blocks. */
#define SEG_TAP_PATCH_FLOATS 65536
#define SEG_TAP_RUN_PIXELS 1152

/* Copying a number into the patch takes about as long as so many multiply-adds. */
#define SEG_TAP_COPY_COST 16

/**
 * seg_tap_conv_init: (skip)
 *
 * Sets up everything but the weights.
 */
void
seg_tap_conv_init (SegTapConv *self, const SegKernels *kernels, gint64 n_groups,
                   gint64 in_channels, gint64 out_channels, gint64 y_stride, gint64 x_stride,
                   const SegTap *taps, gint64 n_taps)
{
  gint64 max_dy = G_MININT64, max_dx = G_MININT64;

  *self = (SegTapConv){ .kernels = kernels, .n_groups = n_groups, .in_channels = in_channels,
                        .out_channels = out_channels, .y_stride = y_stride, .x_stride = x_stride,
                        .n_taps = n_taps, .min_dy = G_MAXINT64, .min_dx = G_MAXINT64 };
  self->taps = g_memdup2 (taps, (gsize) n_taps * sizeof *taps);
  self->plane_of_tap = g_new (gint32, MAX (n_taps, 1));
  self->plane_y = g_new (gint64, MAX (n_taps, 1));
  self->plane_x = g_new (gint64, MAX (n_taps, 1));
  for (gint64 t = 0; t < n_taps; t++)
    {
      self->min_dy = MIN (self->min_dy, taps[t].dy);
      self->min_dx = MIN (self->min_dx, taps[t].dx);
      max_dy = MAX (max_dy, taps[t].dy);
      max_dx = MAX (max_dx, taps[t].dx);
    }
  if (n_taps == 0)
    self->min_dy = max_dy = self->min_dx = max_dx = 0;
  self->extra_rows = (max_dy - self->min_dy) / y_stride;
  self->extra_columns = (max_dx - self->min_dx) / x_stride;

  for (gint64 t = 0; t < n_taps; t++)
    {
      gint64 py = (taps[t].dy - self->min_dy) % y_stride;
      gint64 px = (taps[t].dx - self->min_dx) % x_stride;
      gint32 plane = 0;

      while (plane < self->n_planes && (self->plane_y[plane] != py || self->plane_x[plane] != px))
        plane++;
      self->plane_of_tap[t] = plane;
      if (plane == self->n_planes)
        {
          self->plane_y[plane] = py;
          self->plane_x[plane] = px;
          self->n_planes++;
        }
    }

  /* at least one row of one kernel call must fit */
  self->patch_floats = MAX (SEG_TAP_PATCH_FLOATS,
                            in_channels * self->n_planes * (1 + self->extra_rows)
                                * (kernels->conv_pixels + self->extra_columns));
}

void
seg_tap_conv_clear (SegTapConv *self)
{
  g_free (self->taps);
  g_free (self->plane_of_tap);
  g_free (self->plane_y);
  g_free (self->plane_x);
  seg_free (self->weights);
  seg_free (self->shift);
}

static gint64
seg_tap_conv_n_tiles (const SegTapConv *self)
{
  gint64 tile = self->kernels->conv_channels;
  return (self->out_channels + tile - 1) / tile;
}

/**
 * seg_tap_conv_pack: (skip)
 *
 * Packs weights into the memory of seg_tap_conv_reserve(), with the affine posts at the head of
 * the list folded in.
 *
 * Returns: how many posts were folded
 */
guint
seg_tap_conv_pack (SegTapConv *self, SegTapWeight weight, gpointer user_data, gconstpointer weights,
                   const float *bias, const SegPost *posts, guint n_posts)
{
  gint64 tile = self->kernels->conv_channels, n_tiles = seg_tap_conv_n_tiles (self);
  gint64 n_terms = self->in_channels * self->n_taps;
  guint n_folded = 0;

  while (n_folded < n_posts && posts[n_folded].kind == SEG_POST_AFFINE)
    n_folded++;

  for (gint64 g = 0; g < self->n_groups; g++)
    for (gint64 j = 0; j < n_tiles * tile; j++)
      {
        gint64 k = g * self->out_channels + j, t = g * n_tiles + j / tile;
        float *packed = self->weights + (t * n_terms * tile + j % tile);
        double scale = 1.0, shift;

        if (j >= self->out_channels) /* spare lanes of the last tile */
          {
            for (gint64 i = 0; i < n_terms; i++)
              packed[i * tile] = 0.f;
            self->shift[t * tile + j % tile] = 0.f;
            continue;
          }
        shift = bias != NULL ? (double) bias[k] : 0.0;
        for (guint i = 0; i < n_folded; i++)
          {
            scale *= (double) posts[i].scale[k];
            shift = shift * (double) posts[i].scale[k] + (double) posts[i].shift[k];
          }
        for (gint64 c = 0; c < self->in_channels; c++)
          for (gint64 tap = 0; tap < self->n_taps; tap++)
            packed[(c * self->n_taps + tap) * tile]
                = (float) (scale * (double) weight (weights, k, c, tap, user_data));
        self->shift[t * tile + j % tile] = (float) shift;
      }
  return n_folded;
}

/* Outputs of all groups, spare lanes of last tiles counted. */
static gsize
seg_tap_conv_n_packed (const SegTapConv *self)
{
  return (gsize) (self->n_groups * seg_tap_conv_n_tiles (self) * self->kernels->conv_channels);
}

/* Of the packed weights of one output. */
static gsize
seg_tap_conv_output_bytes (const SegTapConv *self)
{
  return (gsize) (self->in_channels * self->n_taps) * sizeof (float);
}

/**
 * seg_tap_conv_reserve: (skip)
 *
 * Takes memory for packed weights.
 */
gboolean
seg_tap_conv_reserve (SegTapConv *self, GError **error)
{
  /* offsets into a patch are 32 bits wide */
  if (self->patch_floats > G_MAXINT32)
    {
      g_set_error (error, SEG_ERROR, SEG_ERROR_MEMORY,
                   "one output reads %" G_GINT64_FORMAT " numbers, more than %d",
                   self->patch_floats, G_MAXINT32);
      return FALSE;
    }
  self->weights = seg_alloc (seg_tap_conv_n_packed (self), seg_tap_conv_output_bytes (self),
                             "packed weights", error);
  if (self->weights != NULL)
    self->shift = seg_alloc (seg_tap_conv_n_packed (self), sizeof (float), "packed bias", error);
  return self->shift != NULL;
}

/* What seg_tap_conv_reserve() takes. */
gsize
seg_tap_conv_packed_bytes (const SegTapConv *self)
{
  return seg_tap_conv_n_packed (self) * (seg_tap_conv_output_bytes (self) + sizeof (float));
}

static gint64
seg_tap_conv_run_floats (const SegTapConv *self)
{
  gint64 pixels = self->kernels->conv_pixels;
  return (SEG_TAP_RUN_PIXELS + pixels - 1) / pixels * pixels;
}

gsize
seg_tap_conv_scratch_bytes (const SegTapConv *self)
{
  gsize patch = (gsize) (self->patch_floats + self->kernels->conv_pixels);
  gsize offsets = (gsize) (self->in_channels * self->n_taps);
  gsize run = (gsize) (seg_tap_conv_run_floats (self) * self->kernels->conv_channels);

  /* each part begins at its own cache line */
  return (patch + offsets + run + 3 * 16) * sizeof (float);
}

/* ---- patches ----------------------------------------------------------------------------- */

typedef struct
{
  gint64 oy, ox, height, width; /* outputs */
  gint64 rows, pitch;           /* of one plane of the patch */
} SegTapBlock;

/* Copies every x_stride-th pixel of a row, from column @x on, with zeros where memory holds
 * nothing: outside the image, and under the nonsense that is never stored. */
static void
seg_tap_copy_row (float *to, gint64 n, const SegView *in, guint channel, gint64 sample, gint64 y,
                  gint64 x, gint64 x_stride)
{
  gint64 first, last; /* outputs whose pixel lies inside */
  const float *from;

  if (y < in->valid.y || y >= in->valid.y + in->valid.h)
    {
      memset (to, 0, (gsize) n * sizeof *to);
      return;
    }
  first = CLAMP (-seg_floor_div (x - in->valid.x, x_stride), 0, n);
  last = CLAMP (seg_floor_div (in->valid.x + in->valid.w - 1 - x, x_stride) + 1, first, n);
  memset (to, 0, (gsize) first * sizeof *to);
  memset (to + last, 0, (gsize) (n - last) * sizeof *to);
  if (first == last)
    return;

  from = seg_view_at (in, channel, sample, y, x + first * x_stride);
  if (x_stride == 1)
    memcpy (to + first, from, (gsize) (last - first) * sizeof *to);
  else
    for (gint64 i = first; i < last; i++)
      to[i] = from[(i - first) * x_stride];
}

static void
seg_tap_fill_patch (const SegTapConv *self, const SegTapBlock *block, gint64 group,
                    const SegView *in, gint64 sample, float *patch)
{
  for (gint64 c = 0; c < self->in_channels; c++)
    for (gint64 p = 0; p < self->n_planes; p++)
      for (gint64 row = 0; row < block->rows; row++, patch += block->pitch)
        seg_tap_copy_row (
            patch, block->pitch, in, (guint) (group * self->in_channels + c), sample,
            (block->oy + row) * self->y_stride + self->min_dy + self->plane_y[p],
            block->ox * self->x_stride + self->min_dx + self->plane_x[p], self->x_stride);
  /* the last kernel call reads on a little */
  memset (patch, 0, (gsize) self->kernels->conv_pixels * sizeof *patch);
}

static void
seg_tap_find_offsets (const SegTapConv *self, const SegTapBlock *block, gint32 *offsets)
{
  for (gint64 c = 0; c < self->in_channels; c++)
    for (gint64 t = 0; t < self->n_taps; t++)
      {
        gint64 plane = c * self->n_planes + self->plane_of_tap[t];
        gint64 row = plane * block->rows + (self->taps[t].dy - self->min_dy) / self->y_stride;

        *offsets++ = (gint32) (row * block->pitch
                               + (self->taps[t].dx - self->min_dx) / self->x_stride);
      }
}

/* Of outputs that are @width wide, as many rows as fit their places, in even shares of @height. */
static SegTapBlock
seg_tap_lay_out_block (const SegTapConv *self, gint64 height, gint64 width)
{
  gint64 planes = MAX (self->in_channels * self->n_planes, 1);
  SegTapBlock block = { .width = width, .pitch = width + self->extra_columns };
  gint64 most = MIN (self->patch_floats / (planes * block.pitch) - self->extra_rows,
                     (SEG_TAP_RUN_PIXELS - width) / block.pitch + 1);
  gint64 n = (height + most - 1) / most;

  block.height = (height + n - 1) / n;
  block.rows = block.height + self->extra_rows;
  return block;
}

/* Pixels that the kernel goes through: a whole number of its own. */
static gint64
seg_tap_n_pixels (const SegTapConv *self, const SegTapBlock *block)
{
  gint64 pixels = self->kernels->conv_pixels;
  gint64 n = (block->height - 1) * block->pitch + block->width;

  return (n + pixels - 1) / pixels * pixels;
}

/* How long one block takes, for each input channel, in multiply-adds. */
static gint64
seg_tap_block_cost (const SegTapConv *self, const SegTapBlock *block)
{
  gint64 n_channels = seg_tap_conv_n_tiles (self) * self->kernels->conv_channels;

  return seg_tap_n_pixels (self, block) * n_channels * self->n_taps
         + self->n_planes * block->rows * block->pitch * SEG_TAP_COPY_COST;
}

/* The cheapest of the blocks into which a rectangle can be cut: wide ones go through fewer pixels
 * that are nonsense between rows, narrow ones read fewer rows twice. */
static SegTapBlock
seg_tap_choose_block (const SegTapConv *self, gint64 height, gint64 width)
{
  gint64 row_planes = MAX (self->in_channels * self->n_planes, 1) * (1 + self->extra_rows);
  gint64 widest = MIN (self->patch_floats / row_planes - self->extra_columns, SEG_TAP_RUN_PIXELS);
  gint64 least = G_MAXINT64;
  SegTapBlock block, best = { 0 };

  for (gint64 n = (width + widest - 1) / widest; n <= width; n++)
    {
      gint64 n_columns, cost;

      block = seg_tap_lay_out_block (self, height, (width + n - 1) / n);
      n_columns = (width + block.width - 1) / block.width;
      cost = n_columns * ((height + block.height - 1) / block.height)
             * seg_tap_block_cost (self, &block);
      if (cost < least)
        {
          least = cost;
          best = block;
        }
      if (block.width <= self->kernels->conv_pixels)
        break;
    }
  return best;
}

/* ---- running ----------------------------------------------------------------------------- */

typedef struct
{
  const SegTapConv *conv;
  const SegTapPlace *place;
  const SegPost *posts;
  guint n_posts;
  const SegView *in;
  SegView *out;
  gint64 sample;
} SegTapJob;

/* Finishes one output channel of a block, row by row, and stores it. */
static void
seg_tap_store (const SegTapJob *job, const SegTapBlock *block, gint64 channel, float *run)
{
  const SegTapPlace *place = job->place;
  gint64 x = block->ox * place->x_step + place->x_first;

  for (gint64 row = 0; row < block->height; row++, run += block->pitch)
    {
      gint64 y = (block->oy + row) * place->y_step + place->y_first;
      float *to = seg_view_at (job->out, (guint) channel, job->sample, y, x);

      seg_posts_apply (job->posts, job->n_posts, job->conv->kernels, job->in, channel, job->sample,
                       y, x, (gsize) block->width, run);
      if (place->x_step == 1)
        memcpy (to, run, (gsize) block->width * sizeof *to);
      else
        for (gint64 i = 0; i < block->width; i++)
          to[i * place->x_step] = run[i];
    }
}

static void
seg_tap_run_block (const SegTapJob *job, const SegTapBlock *block, const SegPiece *piece,
                   float *patch, gint32 *offsets, float *run)
{
  const SegTapConv *self = job->conv;
  gint64 tile = self->kernels->conv_channels, n_tiles = seg_tap_conv_n_tiles (self);
  gint64 n_terms = self->in_channels * self->n_taps;
  gint64 n = seg_tap_n_pixels (self, block), stride = seg_tap_conv_run_floats (self);
  gint64 first = piece->block, end = first + piece->n_blocks;

  for (gint64 g = first / self->out_channels; g * self->out_channels < end; g++)
    {
      seg_tap_fill_patch (self, block, g, job->in, job->sample, patch);
      for (gint64 t = 0; t < n_tiles; t++)
        {
          gint64 k0 = g * self->out_channels + t * tile;
          gint64 k1 = MIN (k0 + tile, (g + 1) * self->out_channels);
          gint64 packed = g * n_tiles + t;

          if (k1 <= first || k0 >= end)
            continue;
          self->kernels->convolve ((gsize) n_terms, offsets,
                                   self->weights + packed * tile * n_terms,
                                   self->shift + packed * tile, patch, (gsize) n, run,
                                   (gsize) stride);
          for (gint64 k = MAX (k0, first); k < MIN (k1, end); k++)
            seg_tap_store (job, block, k, run + (k - k0) * stride);
        }
    }
}

/**
 * seg_tap_conv_run: (skip)
 *
 * Computes outputs (oy, ox) to (oy + height, ox + width) of the channels of @piece.
 */
void
seg_tap_conv_run (const SegTapConv *self, const SegTapPlace *place, gint64 oy, gint64 ox,
                  gint64 height, gint64 width, const SegPost *posts, guint n_posts,
                  const SegView *in, SegView *out, const SegPiece *piece, gpointer scratch)
{
  SegTapJob job = { self, place, posts, n_posts, in, out, piece->sample };
  gint64 patch_floats = (self->patch_floats + self->kernels->conv_pixels + 15) & ~(gint64) 15;
  gint64 n_offsets = (self->in_channels * self->n_taps + 15) & ~(gint64) 15;
  float *patch = scratch, *run = patch + patch_floats + n_offsets;
  gint32 *offsets = (gint32 *) (patch + patch_floats);
  SegTapBlock most, block;

  g_return_if_fail (height > 0 && width > 0);

  block = most = seg_tap_choose_block (self, height, width);
  seg_tap_find_offsets (self, &block, offsets);
  for (gint64 y = 0; y < height; y += most.height)
    for (gint64 x = 0; x < width; x += most.width)
      {
        /* pitch and rows stay, so that the offsets do */
        block.oy = oy + y;
        block.ox = ox + x;
        block.height = MIN (most.height, height - y);
        block.width = MIN (most.width, width - x);
        seg_tap_run_block (&job, &block, piece, patch, offsets, run);
      }
}
