#include "tap-conv.h"

/* A block of outputs is computed from a patch: the input pixels that it reads, copied next to
 * each other, zero where they lie outside the image. A ring of rows, the border and the stride then
 * cost the kernel nothing. The patch should stay in L2. Without border, taps and prologue there is
 * nothing to be copied, and the kernel reads the input where it lies. Bits do not depend on how a
 * rectangle is cut into blocks.
 *
 * A few planes, as an image's, are interleaved in the patch, unless taps leave gaps between what
 * they read: what a row of taps reads then lies one behind the other, and the product gets runs that
 * are worth their beginning. */
#define SEG_TAP_MOST_INTERLEAVED 16
#define SEG_TAP_PATCH_FLOATS 65536
#define SEG_TAP_RUN_PIXELS 384
#define SEG_TAP_MANY_PIXELS 96
#define SEG_TAP_FEW_PIXELS 12
#define SEG_TAP_FEW_ROWS 4

/* Of so many bytes weights do not stay in L2, where the patch lies, too. */
#define SEG_TAP_LARGE_WEIGHTS (1 << 20)

/* Vectors of outputs that the kernel computes together. */
#define SEG_TAP_PANEL 2

/* Taps side by side are one run. */
static void
seg_tap_conv_find_runs (SegTapConv *self)
{
  const SegTap *taps = self->taps;

  self->run_taps = g_new (gint32, self->n_taps + 1);
  self->n_runs = 0;
  self->n_planes = 1;
  for (gint64 t = 0; t < self->n_taps; t++)
    if (t == 0 || taps[t].dy != taps[t - 1].dy || taps[t].dx != taps[t - 1].dx + 1)
      self->run_taps[self->n_runs++] = (gint32) t;
  self->run_taps[self->n_runs] = (gint32) self->n_taps;
}

/* Planes split the taps of a strided patch by what they leave when divided by the stride. */
static void
seg_tap_conv_find_planes (SegTapConv *self)
{
  for (gint64 t = 0; t < self->n_taps; t++)
    {
      gint64 py = (self->taps[t].dy - self->min_dy) % self->y_stride;
      gint64 px = (self->taps[t].dx - self->min_dx) % self->x_stride;
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
}

/**
 * seg_tap_conv_init: (skip)
 * @out_channels: of one group
 * @inside: no tap ever reads outside the map
 *
 * Sets up everything but the weights.
 */
void
seg_tap_conv_init (SegTapConv *self, const SegOffer *offer, gint64 n_groups, gint64 out_channels,
                   gint64 y_stride, gint64 x_stride, const SegTap *taps, gint64 n_taps,
                   gboolean inside)
{
  gint64 max_dy = G_MININT64, max_dx = G_MININT64;

  *self = (SegTapConv){ .kernels = offer->kernels, .n_groups = n_groups,
                        .in_channels = offer->in[0].c / n_groups, .out_channels = out_channels,
                        .in_lanes = offer->in_blocking[0].lanes,
                        .out_lanes = offer->out_blocking.lanes,
                        .n_units = offer->in_blocking[0].n_blocks / n_groups,
                        .y_stride = y_stride, .x_stride = x_stride, .n_taps = n_taps,
                        .min_dy = G_MAXINT64, .min_dx = G_MAXINT64 };
  self->taps = g_memdup2 (taps, (gsize) n_taps * sizeof *taps);
  self->channels = seg_conv_map_lanes (&offer->out_blocking, out_channels, self->kernels->lanes,
                                       &self->n_vectors);
  self->n_narrow
      = seg_conv_count_narrow (offer, out_channels, self->n_vectors * self->kernels->lanes);
  self->plane_of_tap = g_new (gint32, MAX (n_taps, 1));
  self->plane_y = g_new (gint64, MAX (n_taps, 1));
  self->plane_x = g_new (gint64, MAX (n_taps, 1));
  seg_conv_prologue_init (&self->prologue, offer);
  for (gint64 t = 0; t < n_taps; t++)
    {
      self->min_dy = MIN (self->min_dy, taps[t].dy);
      self->min_dx = MIN (self->min_dx, taps[t].dx);
      max_dy = MAX (max_dy, taps[t].dy);
      max_dx = MAX (max_dx, taps[t].dx);
    }
  if (n_taps == 0)
    self->min_dy = max_dy = self->min_dx = max_dx = 0;
  self->n_runs = n_taps * self->n_units;
  self->patch_y_step = self->patch_x_step = 1;
  self->extra_rows = (max_dy - self->min_dy) / y_stride;
  self->extra_columns = (max_dx - self->min_dx) / x_stride;

  if (inside && n_taps == 1 && taps[0].dy == 0 && taps[0].dx == 0 && self->prologue.scale == NULL)
    return;
  seg_tap_conv_find_planes (self);
  self->interleaved = self->in_lanes == 1 && self->n_units <= SEG_TAP_MOST_INTERLEAVED
                      && self->n_planes == y_stride * x_stride && self->prologue.scale == NULL;
  if (self->interleaved)
    {
      self->patch_y_step = y_stride;
      self->patch_x_step = x_stride;
      self->extra_rows = max_dy - self->min_dy;
      self->extra_columns = max_dx - self->min_dx;
      seg_tap_conv_find_runs (self);
    }
  /* at least one row of a few pixels must fit */
  self->patch_floats = MAX (SEG_TAP_PATCH_FLOATS,
                            self->n_units * self->in_lanes * self->n_planes
                                * (1 + self->extra_rows)
                                * (SEG_TAP_FEW_PIXELS * self->patch_x_step + self->extra_columns));
}

void
seg_tap_conv_clear (SegTapConv *self)
{
  g_free (self->taps);
  g_free (self->channels);
  g_free (self->plane_of_tap);
  g_free (self->plane_y);
  g_free (self->plane_x);
  g_free (self->run_taps);
  seg_conv_prologue_clear (&self->prologue);
  seg_free (self->weights);
  seg_free (self->shift);
}

static gint64
seg_tap_conv_n_terms (const SegTapConv *self)
{
  return self->in_channels * self->n_taps;
}

/* Outputs of all groups, spare lanes counted. */
static gsize
seg_tap_conv_n_packed (const SegTapConv *self)
{
  return (gsize) (self->n_groups * self->n_vectors * self->kernels->lanes);
}

/* Where the weights of a lane go: @n one after the other, and then over those of other lanes. */
typedef struct
{
  float *to;
  gint64 n, skip, done;
} SegTapPacking;

static SegTapPacking
seg_tap_packing_begin (const SegTapConv *self, gint64 g, gint64 lane, float *packed)
{
  gint64 lanes = self->kernels->lanes, panel = lane / (SEG_TAP_PANEL * lanes) * SEG_TAP_PANEL;
  gint64 pitch = MIN (SEG_TAP_PANEL, self->n_vectors - panel) * lanes;
  gint64 at_once = lanes / SEG_KERNEL_NARROW_GRAIN;

  if (self->n_narrow > 0)
    return (SegTapPacking){ packed + lane * at_once, at_once, self->n_narrow * lanes - at_once, 0 };
  packed += (g * self->n_vectors + panel) * lanes * seg_tap_conv_n_terms (self);
  return (SegTapPacking){ packed + lane - panel * lanes, 1, pitch - 1, 0 };
}

static void
seg_tap_packing_put (SegTapPacking *self, float weight)
{
  *self->to++ = weight;
  if (++self->done < self->n)
    return;
  self->to += self->skip;
  self->done = 0;
}

/* Packs what lane @lane of group @g computes from all its inputs by all its taps, or zeros. */
static void
seg_tap_conv_pack_lane (const SegTapConv *self, gint64 g, gint64 lane, double scale,
                        const float *weights, float *packed)
{
  SegTapPacking packing = seg_tap_packing_begin (self, g, lane, packed);
  gint64 k = self->channels[lane];
  gint64 first = self->input_first ? g * self->in_channels * self->out_channels + k
                                   : (g * self->out_channels + k) * self->in_channels;
  gint64 step = self->input_first ? self->out_channels : 1; /* kernels from input to input */

  if (self->n_narrow > 0 && lane >= self->n_narrow * SEG_KERNEL_NARROW_GRAIN)
    return;
  for (gint64 t = 0; t < self->n_taps; t++)
    {
      const float *w = weights + first * self->area + self->taps[t].index;

      for (gint64 c = 0; c < self->in_channels; c++)
        seg_tap_packing_put (&packing,
                             k >= 0 ? (float) (scale * (double) w[c * step * self->area]) : 0.f);
    }
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
seg_tap_conv_pack (SegTapConv *self, const float *weights, const float *bias, const SegPost *posts,
                   guint n_posts)
{
  gint64 n_lanes = self->n_vectors * self->kernels->lanes;
  guint n_folded = seg_conv_posts_count_affine (posts, n_posts);

  for (gint64 g = 0; g < self->n_groups; g++)
    for (gint64 lane = 0; lane < n_lanes; lane++)
      {
        gint64 k = g * self->out_channels + self->channels[lane];
        gboolean exists = self->channels[lane] >= 0;
        double scale = 1.0, shift = exists && bias != NULL ? (double) bias[k] : 0.0;

        if (exists)
          seg_conv_posts_fold (posts, n_folded, k, &scale, &shift);
        seg_tap_conv_pack_lane (self, g, lane, scale, weights, self->weights);
        self->shift[g * n_lanes + lane] = (float) shift;
      }
  return n_folded;
}

/* Panels of all groups. */
guint
seg_tap_conv_n_panels (const SegTapConv *self)
{
  return (guint) (self->n_groups * ((self->n_vectors + SEG_TAP_PANEL - 1) / SEG_TAP_PANEL));
}

/**
 * seg_tap_conv_pack_panel: (skip)
 * @packed: seg_tap_conv_packed_bytes() of memory, for seg_tap_conv_run()
 *
 * Packs one of the panels, in training: there are no posts.
 */
void
seg_tap_conv_pack_panel (const SegTapConv *self, guint panel, const float *weights,
                         const float *bias, float *packed)
{
  gint64 of_group = seg_tap_conv_n_panels (self) / self->n_groups, g = panel / of_group;
  gint64 n_lanes = self->n_vectors * self->kernels->lanes;
  gint64 first = panel % of_group * SEG_TAP_PANEL * self->kernels->lanes;
  gint64 end = MIN (first + SEG_TAP_PANEL * self->kernels->lanes, n_lanes);
  float *shift = packed + seg_tap_conv_n_packed (self) * (gsize) seg_tap_conv_n_terms (self);

  for (gint64 lane = first; lane < end; lane++)
    {
      gint64 k = g * self->out_channels + self->channels[lane];

      seg_tap_conv_pack_lane (self, g, lane, 1., weights, packed);
      shift[g * n_lanes + lane] = self->channels[lane] >= 0 && bias != NULL ? bias[k] : 0.f;
    }
}

/* Of the packed weights of one output. */
static gsize
seg_tap_conv_output_bytes (const SegTapConv *self)
{
  return (gsize) seg_tap_conv_n_terms (self) * sizeof (float);
}

/**
 * seg_tap_conv_reserve: (skip)
 *
 * Takes memory for packed weights.
 */
gboolean
seg_tap_conv_reserve (SegTapConv *self, GError **error)
{
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

/* How output channels (or blocks) may be split: panels are computed whole. */
guint
seg_tap_conv_get_grain (const SegTapConv *self)
{
  return SEG_TAP_PANEL * (guint) (self->out_lanes == 1 ? self->kernels->lanes : 1);
}

/* ---- scratch ----------------------------------------------------------------------------- */

typedef struct
{
  float *patch, *run;
  const float **x; /* of each run of terms */
  gint32 *n_terms;
} SegTapScratch;

static gsize
seg_tap_align (gsize bytes)
{
  return (bytes + 63) & ~(gsize) 63;
}

/* Cuts scratch into its parts, or counts their bytes if there is none yet. */
static gsize
seg_tap_conv_lay_out_scratch (const SegTapConv *self, char *memory, SegTapScratch *scratch)
{
  gsize n_runs = (gsize) self->n_runs, bytes = 0;

  scratch->patch = (float *) (gpointer) (memory + bytes);
  bytes += seg_tap_align ((gsize) self->patch_floats * sizeof (float));
  scratch->run = (float *) (gpointer) (memory + bytes);
  bytes += seg_tap_align (SEG_TAP_RUN_PIXELS * SEG_TAP_PANEL * (gsize) self->kernels->lanes
                          * sizeof (float));
  scratch->x = (const float **) (gpointer) (memory + bytes);
  bytes += seg_tap_align (n_runs * sizeof *scratch->x);
  scratch->n_terms = (gint32 *) (gpointer) (memory + bytes);
  return bytes + seg_tap_align (n_runs * sizeof *scratch->n_terms);
}

gsize
seg_tap_conv_scratch_bytes (const SegTapConv *self)
{
  SegTapScratch scratch;

  return seg_tap_conv_lay_out_scratch (self, NULL, &scratch);
}

/* ---- patches ----------------------------------------------------------------------------- */

typedef struct
{
  gint64 oy, ox, height, width; /* outputs */
  gint64 rows, pitch;           /* of one plane of the patch, in its pixels */
} SegTapBlock;

/* @from may be @to. */
static void
seg_tap_apply_prologue (const SegTapConv *self, gint64 channel, gint64 n, const float *from,
                        float *to)
{
  SegKernelPrologue prologue = seg_conv_prologue_at (&self->prologue, channel);

  if (self->in_lanes > 1)
    self->kernels->prologue ((gsize) n, from, &prologue, to);
  else
    {
      self->kernels->affine ((gsize) n, from, *prologue.scale, *prologue.shift, to);
      self->kernels->finish ((gsize) n, NULL, prologue.lo, prologue.hi, to);
    }
}

/* Every x_stride-th of a row's pixels, with the prologue. */
static void
seg_tap_copy_pixels (const SegTapConv *self, gint64 channel, gint64 n, const float *from, float *to)
{
  gint64 lanes = self->in_lanes, stride = self->x_stride;
  gsize pixel = (gsize) lanes * sizeof *to;

  if (stride == 1 && self->prologue.scale != NULL)
    {
      seg_tap_apply_prologue (self, channel, n, from, to);
      return;
    }
  if (stride == 1)
    memcpy (to, from, (gsize) n * pixel);
  else if (lanes == 1)
    for (gint64 i = 0; i < n; i++)
      to[i] = from[i * stride];
  else
    for (gint64 i = 0; i < n; i++)
      memcpy (to + i * lanes, from + i * stride * lanes, pixel);
  if (self->prologue.scale != NULL)
    seg_tap_apply_prologue (self, channel, n, to, to);
}

/* The pixels of a row of the patch, @n of them from column @x on in steps of @stride, that lie
 * inside: where memory holds nothing is outside the image. */
static void
seg_tap_find_inside (const SegView *in, gint64 n, gint64 y, gint64 x, gint64 stride, gint64 *first,
                     gint64 *last)
{
  *first = *last = 0;
  if (y < in->valid.y || y >= in->valid.y + in->valid.h)
    return;
  *first = CLAMP (-seg_floor_div (x - in->valid.x, stride), 0, n);
  *last = CLAMP (seg_floor_div (in->valid.x + in->valid.w - 1 - x, stride) + 1, *first, n);
}

/* A row of one plane of the patch, with zeros outside. */
static void
seg_tap_copy_row (const SegTapConv *self, float *to, gint64 n, const SegView *in, guint unit,
                  gint64 sample, gint64 y, gint64 x)
{
  gint64 lanes = self->in_lanes, stride = self->x_stride;
  gsize pixel = (gsize) lanes * sizeof *to;
  gint64 first, last;

  seg_tap_find_inside (in, n, y, x, stride, &first, &last);
  memset (to, 0, (gsize) first * pixel);
  memset (to + last * lanes, 0, (gsize) (n - last) * pixel);
  if (first < last)
    seg_tap_copy_pixels (self, in->blocks[unit].channel, last - first,
                         seg_view_at (in, unit, sample, y, x + first * stride), to + first * lanes);
}

static void
seg_tap_fill_planes (const SegTapConv *self, const SegTapBlock *block, gint64 group,
                     const SegView *in, gint64 sample, float *patch)
{
  for (gint64 u = 0; u < self->n_units; u++)
    for (gint64 p = 0; p < self->n_planes; p++)
      for (gint64 row = 0; row < block->rows; row++, patch += block->pitch * self->in_lanes)
        seg_tap_copy_row (self, patch, block->pitch, in, (guint) (group * self->n_units + u), sample,
                          (block->oy + row) * self->y_stride + self->min_dy + self->plane_y[p],
                          block->ox * self->x_stride + self->min_dx + self->plane_x[p]);
}

static void
seg_tap_fill_interleaved (const SegTapConv *self, const SegTapBlock *block, gint64 group,
                          const SegView *in, gint64 sample, float *patch)
{
  gint64 n = self->n_units, x = block->ox * self->x_stride + self->min_dx, first, last;

  for (gint64 row = 0; row < block->rows; row++, patch += block->pitch * n)
    {
      gint64 y = block->oy * self->y_stride + self->min_dy + row;

      seg_tap_find_inside (in, block->pitch, y, x, 1, &first, &last);
      memset (patch, 0, (gsize) (first * n) * sizeof *patch);
      memset (patch + last * n, 0, (gsize) ((block->pitch - last) * n) * sizeof *patch);
      for (gint64 u = 0; u < n && first < last; u++)
        {
          const float *from = seg_view_at (in, (guint) (group * n + u), sample, y, x + first);
          float *to = patch + first * n + u;

          for (gint64 i = 0; i < last - first; i++)
            to[i * n] = from[i];
        }
    }
}

/* Where the pixel that a tap reads for the first output of row @row begins in its plane. */
static gint64
seg_tap_find_pixel (const SegTapConv *self, const SegTapBlock *block, gint64 row, const SegTap *tap)
{
  gint64 down = (tap->dy - self->min_dy) * self->patch_y_step / self->y_stride;
  gint64 right = (tap->dx - self->min_dx) * self->patch_x_step / self->x_stride;

  return (row * self->patch_y_step + down) * block->pitch + right;
}

/* Where the terms of row @row of a block lie. */
static void
seg_tap_point_to_patch (const SegTapConv *self, const SegTapBlock *block, gint64 row,
                        const SegTapScratch *scratch)
{
  const float **x = scratch->x;

  if (self->interleaved)
    {
      for (gint64 i = 0; i < self->n_runs; i++)
        x[i] = scratch->patch
               + seg_tap_find_pixel (self, block, row, &self->taps[self->run_taps[i]])
                     * self->n_units;
      return;
    }
  for (gint64 t = 0; t < self->n_taps; t++)
    {
      gint64 at = seg_tap_find_pixel (self, block, row, &self->taps[t]);

      for (gint64 u = 0; u < self->n_units; u++)
        {
          gint64 plane = u * self->n_planes + self->plane_of_tap[t];
          *x++ = scratch->patch + (plane * block->rows * block->pitch + at) * self->in_lanes;
        }
    }
}

/* The same if the only tap reads the input itself. */
static void
seg_tap_point_to_input (const SegTapConv *self, const SegTapBlock *block, gint64 row, gint64 group,
                        const SegView *in, gint64 sample, const SegTapScratch *scratch)
{
  for (gint64 u = 0; u < self->n_units; u++)
    scratch->x[u] = seg_view_at (in, (guint) (group * self->n_units + u), sample,
                                 (block->oy + row) * self->y_stride, block->ox * self->x_stride);
}

/* How many terms each run has. */
static void
seg_tap_count_terms (const SegTapConv *self, const SegView *in, gint32 *n_terms)
{
  if (self->interleaved)
    for (gint64 i = 0; i < self->n_runs; i++)
      n_terms[i] = (self->run_taps[i + 1] - self->run_taps[i]) * (gint32) self->n_units;
  else
    for (gint64 i = 0; i < self->n_runs; i++)
      n_terms[i] = in->blocks[i % self->n_units].n_channels;
}

/* Cuts @width into even shares, so narrow that a few rows fit their places. */
static SegTapBlock
seg_tap_choose_block (const SegTapConv *self, gint64 height, gint64 width)
{
  gint64 row_floats = self->n_units * self->in_lanes * MAX (self->n_planes, 1); /* none: no patch */
  gint64 few_rows = MIN (height, SEG_TAP_FEW_ROWS) * self->patch_y_step + self->extra_rows;
  gint64 widest, n, rows = height;
  SegTapBlock block = { 0 };

  if (self->patch_floats > 0)
    widest = CLAMP ((self->patch_floats / (row_floats * few_rows) - self->extra_columns)
                        / self->patch_x_step,
                    SEG_TAP_FEW_PIXELS, SEG_TAP_MANY_PIXELS);
  else /* long runs are read from memory best, as far as they stay in L2 for the next outputs */
    widest = CLAMP (SEG_TAP_PATCH_FLOATS / row_floats, SEG_TAP_MANY_PIXELS, SEG_TAP_RUN_PIXELS);
  n = (width + widest - 1) / widest;
  block.width = (width + n - 1) / n;
  block.pitch = (block.width - 1) * self->patch_x_step + 1 + self->extra_columns;
  if (self->patch_floats > 0)
    rows = (self->patch_floats / (row_floats * block.pitch) - 1 - self->extra_rows)
               / self->patch_y_step
           + 1;
  block.height = CLAMP (rows, 1, height);
  block.rows = (block.height - 1) * self->patch_y_step + 1 + self->extra_rows;
  return block;
}

/* ---- running ----------------------------------------------------------------------------- */

typedef struct
{
  const SegTapConv *conv;
  const float *weights, *shift; /* packed */
  const SegTapPlace *place;
  const SegConvPosts *posts;
  const SegView *in;
  SegView *out;
  const SegPiece *piece;
  SegTapScratch scratch;
} SegTapJob;

/* Finishes the planes of a run of pixels that lies in scratch, vector by vector, and stores it. */
static void
seg_tap_store_planes (const SegTapJob *job, gint64 group, gint64 vector, gint64 n_vectors, gint64 y,
                      gint64 x, gint64 n)
{
  const SegTapConv *self = job->conv;
  gint64 lanes = self->kernels->lanes, first = group * self->out_channels;
  gint64 k0 = MAX (first + vector * lanes, (gint64) job->piece->block);
  gint64 k1 = MIN (first + MIN ((vector + n_vectors) * lanes, self->out_channels),
                   (gint64) job->piece->block + job->piece->n_blocks);
  float plane[SEG_TAP_RUN_PIXELS];

  for (gint64 k = k0; k < k1; k++)
    {
      gint64 lane = k - first - vector * lanes;
      const float *from = job->scratch.run + lane / lanes * n * lanes + lane % lanes;
      float *to = seg_view_at (job->out, (guint) k, job->piece->sample, y, x);

      for (gint64 i = 0; i < n; i++)
        plane[i] = from[i * lanes];
      seg_posts_apply (job->posts->posts, job->posts->n_posts, self->kernels, job->in, k,
                       job->piece->sample, y, x, (gsize) n, plane);
      if (self->adds)
        for (gint64 i = 0; i < n; i++)
          to[i * job->place->x_step] += plane[i];
      else
        for (gint64 i = 0; i < n; i++)
          to[i * job->place->x_step] = plane[i];
    }
}

/* Finishes a run of pixels of a block of channels, in scratch if they are not to lie as @run does. */
static void
seg_tap_store_block (const SegTapJob *job, guint block, gint64 y, gint64 x, gint64 n, float *run)
{
  gint64 lanes = job->conv->kernels->lanes, x_step = job->place->x_step;
  float *to = seg_view_at (job->out, block, job->piece->sample, y, x);

  seg_conv_posts_apply (job->posts, job->conv->kernels, job->in, block, job->piece->sample, y, x, n,
                        run);
  if (job->conv->adds && x_step == 1)
    job->conv->kernels->add ((gsize) (n * lanes), to, run, to);
  else if (job->conv->adds)
    for (gint64 i = 0; i < n; i++)
      for (gint64 l = 0; l < lanes; l++)
        to[i * x_step * lanes + l] += run[i * lanes + l];
  else
    for (gint64 i = 0; run != to && i < n; i++)
      memcpy (to + i * x_step * lanes, run + i * lanes, (gsize) lanes * sizeof *to);
}

/* Floats from the terms of one output to those of the next. */
static gint64
seg_tap_conv_x_step (const SegTapConv *self)
{
  if (self->interleaved)
    return self->n_units * self->patch_x_step;
  return self->patch_floats > 0 ? self->in_lanes : self->in_lanes * self->x_stride;
}

/* The gap between rows of the patch may be so much of a row, to compute it with them. */
#define SEG_TAP_MOST_GAP 4

/* How many rows of a block one product computes: short ones together, so that weights are read for
 * as many pixels as a long row has. What lies between them in the patch is computed, too. */
static gint64
seg_tap_count_rows (const SegTapConv *self, const SegTapBlock *block)
{
  G_STATIC_ASSERT (SEG_TAP_MANY_PIXELS <= SEG_TAP_RUN_PIXELS);

  if (self->patch_floats == 0 || self->interleaved || self->out_lanes == 1 || self->n_narrow > 0
      || self->extra_columns * SEG_TAP_MOST_GAP > block->width)
    return 1;
  return CLAMP (SEG_TAP_MANY_PIXELS / block->pitch, 1, block->height);
}

/* Whether any output of a panel belongs to the piece: in planes or in blocks. */
static gboolean
seg_tap_is_wanted (const SegTapJob *job, gint64 group, gint64 vector)
{
  const SegTapConv *self = job->conv;
  gint64 lanes = self->out_lanes == 1 ? self->kernels->lanes : 1;
  gint64 of_group = self->out_lanes == 1 ? self->out_channels : self->n_vectors;
  gint64 first = group * of_group + vector * lanes;
  gint64 end = MIN (first + SEG_TAP_PANEL * lanes, (group + 1) * of_group);

  return end > (gint64) job->piece->block
         && first < (gint64) job->piece->block + job->piece->n_blocks;
}

/* @n_rows of a block for one panel of outputs. */
static void
seg_tap_run_panel (const SegTapJob *job, const SegTapBlock *block, gint64 row, gint64 n_rows,
                   gint64 group, gint64 vector)
{
  const SegTapConv *self = job->conv;
  const SegTapPlace *place = job->place;
  gint64 lanes = self->kernels->lanes, of_group = self->n_vectors;
  gint64 n_vectors = MIN (SEG_TAP_PANEL, of_group - vector), packed = group * of_group + vector;
  gint64 y = (block->oy + row) * place->y_step + place->y_first;
  gint64 x = block->ox * place->x_step + place->x_first;
  gboolean in_scratch = self->adds || n_rows > 1
                        || (place->x_step > 1 && job->posts->n_posts > 0);
  gint64 n_pixels = (n_rows - 1) * block->pitch + block->width;
  void (*multiply) (const SegKernelProduct *) = self->n_narrow > 0 ? self->kernels->narrow
                                                                   : self->kernels->product;
  SegKernelProduct product = {
    .n_runs = (gsize) self->n_runs,
    .x = job->scratch.x,
    .n_terms = job->scratch.n_terms,
    .x_step = (gsize) seg_tap_conv_x_step (self),
    .weights = job->weights + packed * lanes * seg_tap_conv_n_terms (self),
    .init = job->shift + packed * lanes,
    .n_vectors = (gsize) n_vectors,
    .n_pixels = (gsize) n_pixels,
    .y = job->scratch.run,
    .y_step = (gsize) lanes,
    .y_vector = (gsize) (n_pixels * lanes),
  };

  if (vector + n_vectors < of_group && seg_tap_is_wanted (job, group, vector + n_vectors)
      && seg_tap_conv_packed_bytes (self) > SEG_TAP_LARGE_WEIGHTS)
    product.next = product.weights + n_vectors * lanes * seg_tap_conv_n_terms (self);

  if (self->n_narrow > 0)
    product.n_vectors = (gsize) self->n_narrow;
  if (self->out_lanes == 1)
    {
      multiply (&product);
      seg_tap_store_planes (job, group, vector, n_vectors, y, x, block->width);
      return;
    }
  if (!in_scratch)
    {
      product.y = seg_view_at (job->out, (guint) packed, job->piece->sample, y, x);
      product.y_step = (gsize) (place->x_step * lanes);
      if (n_vectors > 1)
        product.y_vector
            = (gsize) (seg_view_at (job->out, (guint) packed + 1, job->piece->sample, y, x)
                       - product.y);
    }
  multiply (&product);
  if (!in_scratch && job->posts->n_posts == 0)
    return;
  for (gint64 v = 0; v < n_vectors; v++)
    for (gint64 r = 0; r < n_rows; r++)
      seg_tap_store_block (job, (guint) (packed + v), y + r * place->y_step, x, block->width,
                           product.y + (gsize) v * product.y_vector + r * block->pitch * lanes);
}

static void
seg_tap_run_block (const SegTapJob *job, const SegTapBlock *block)
{
  const SegTapConv *self = job->conv;

  for (gint64 g = 0; g < self->n_groups; g++)
    {
      gint64 n_vectors = self->n_vectors, at_once = seg_tap_count_rows (self, block);
      gboolean filled = FALSE;

      for (gint64 row = 0; row < block->height; row += at_once)
        {
          if (self->patch_floats == 0)
            seg_tap_point_to_input (self, block, row, g, job->in, job->piece->sample,
                                    &job->scratch);
          else
            seg_tap_point_to_patch (self, block, row, &job->scratch);
          for (gint64 v = 0; v < n_vectors; v += SEG_TAP_PANEL)
            {
              if (!seg_tap_is_wanted (job, g, v))
                continue;
              if (self->patch_floats > 0 && !filled)
                (self->interleaved ? seg_tap_fill_interleaved : seg_tap_fill_planes) (
                    self, block, g, job->in, job->piece->sample, job->scratch.patch);
              filled = TRUE;
              seg_tap_run_panel (job, block, row, MIN (at_once, block->height - row), g, v);
            }
        }
    }
}

/**
 * seg_tap_conv_run: (skip)
 * @packed: weights of seg_tap_conv_pack_panel(); %NULL: those of seg_tap_conv_pack()
 *
 * Computes outputs (oy, ox) to (oy + height, ox + width) of the channels of @piece.
 */
void
seg_tap_conv_run (const SegTapConv *self, const float *packed, const SegTapPlace *place, gint64 oy,
                  gint64 ox, gint64 height, gint64 width, const SegConvPosts *posts,
                  const SegView *in, SegView *out, const SegPiece *piece, gpointer memory)
{
  gsize n_weights = seg_tap_conv_n_packed (self) * (gsize) seg_tap_conv_n_terms (self);
  SegTapJob job = { self,  packed != NULL ? packed : self->weights,
                    packed != NULL ? packed + n_weights : self->shift,
                    place, posts, in, out, piece, { 0 } };
  SegTapBlock most, block;

  g_return_if_fail (height > 0 && width > 0);

  seg_tap_conv_lay_out_scratch (self, memory, &job.scratch);
  seg_tap_count_terms (self, in, job.scratch.n_terms);

  block = most = seg_tap_choose_block (self, height, width);
  for (gint64 y = 0; y < height; y += most.height)
    for (gint64 x = 0; x < width; x += most.width)
      {
        /* pitch and rows of the patch stay */
        block.oy = oy + y;
        block.ox = ox + x;
        block.height = MIN (most.height, height - y);
        block.width = MIN (most.width, width - x);
        seg_tap_run_block (&job, &block);
      }
}
