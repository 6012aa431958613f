#include "winograd-conv.h"

#include <math.h>

#include "winograd-tiles.h"

/* Tiles are worked on in portions: so few that what they are transformed to stays in L2, so many
 * that the weights, which each portion reads again, cost little. Weights that do not stay in L2
 * themselves cost more than what is transformed. */
#define SEG_WINOGRAD_PORTION_FLOATS 131072
#define SEG_WINOGRAD_FEW_TILES 24
#define SEG_WINOGRAD_MANY_TILES 96
#define SEG_WINOGRAD_LARGE_WEIGHTS (2 << 20)

/* Portions are even, as far as the kernel's whole registers of tiles allow. */
#define SEG_WINOGRAD_EVEN_TILES 12

/* The narrow product has few weights, and computes so many tiles at once. */
#define SEG_WINOGRAD_NARROW_TILES 8

/* Vectors of outputs that the kernel computes together. */
#define SEG_WINOGRAD_PANEL 2

#define SEG_WINOGRAD_MAX_TILE 4

/* Spare lanes counted. */
static gint64
seg_winograd_n_outputs (const SegWinogradConv *self)
{
  return self->n_out_blocks * self->kernels->lanes;
}

/* Of the weights at one point. */
static gsize
seg_winograd_point_floats (const SegWinogradConv *self)
{
  gint64 n_outputs = self->n_narrow > 0 ? self->n_narrow * SEG_KERNEL_NARROW_GRAIN
                                        : seg_winograd_n_outputs (self);

  return (gsize) (self->in_channels * n_outputs);
}

gsize
seg_winograd_conv_packed_bytes (const SegWinogradConv *self)
{
  return ((gsize) self->n_points * seg_winograd_point_floats (self)
          + (gsize) seg_winograd_n_outputs (self))
         * sizeof (float);
}

static gboolean
seg_winograd_has_large_weights (const SegWinogradConv *self)
{
  return seg_winograd_conv_packed_bytes (self) > SEG_WINOGRAD_LARGE_WEIGHTS;
}

static gint64
seg_winograd_choose_n_tiles (const SegWinogradConv *self)
{
  gint64 of_tile = self->n_points * (self->n_in_blocks + self->n_out_blocks) * self->kernels->lanes;
  gint64 grain = self->n_narrow > 0 ? SEG_WINOGRAD_NARROW_TILES : SEG_WINOGRAD_FEW_TILES;
  gint64 n = SEG_WINOGRAD_PORTION_FLOATS / of_tile / grain * grain;

  if (seg_winograd_has_large_weights (self))
    return SEG_WINOGRAD_MANY_TILES;
  return CLAMP (n, grain, SEG_WINOGRAD_MANY_TILES);
}

/* Tiles of each portion but the last. */
static gint64
seg_winograd_choose_portion (const SegWinogradConv *self, gint64 n_tiles)
{
  gint64 n_portions = (n_tiles + self->n_tiles - 1) / self->n_tiles;
  gint64 even = (n_tiles + n_portions - 1) / n_portions;
  gint64 grain = self->n_narrow > 0 ? SEG_WINOGRAD_NARROW_TILES : SEG_WINOGRAD_EVEN_TILES;

  return MIN ((even + grain - 1) / grain * grain, self->n_tiles);
}

/* Of the grids that touch the fewest columns for what is asked, the one that begins at the border, if
 * it is among them, which covers a map with fewer tiles, or the next one. Nobody waits for columns. */
static gint64
seg_winograd_choose_x_phase (const SegRect *asked, gint tile)
{
  gint64 best = 0, fewest = G_MAXINT64;

  for (gint64 phase = 0; phase < tile; phase++)
    {
      gint64 n = seg_floor_div (asked->x + asked->w - phase + tile - 1, tile)
                 - seg_floor_div (asked->x - phase, tile);

      if (n >= fewest)
        continue;
      fewest = n;
      best = phase;
    }
  return best;
}

/**
 * seg_winograd_conv_init: (skip)
 * @tile: 2 or 4
 *
 * Sets up everything but the weights.
 */
void
seg_winograd_conv_init (SegWinogradConv *self, const SegOffer *offer, gint tile,
                        gint64 out_channels, gint y_padding, gint x_padding)
{
  gint64 window = tile + 2;

  *self = (SegWinogradConv){ .kernels = offer->kernels, .tile = tile, .window = window,
                             .n_points = window * window, .in_channels = offer->in[0].c,
                             .out_channels = out_channels,
                             .n_in_blocks = offer->in_blocking[0].n_blocks,
                             .out_lanes = offer->out_blocking.lanes, .y_padding = y_padding,
                             .x_padding = x_padding,
                             .y_phase = (offer->asked.y + offer->asked.h) % tile,
                             .x_phase = seg_winograd_choose_x_phase (&offer->asked, tile) };
  self->channels = seg_conv_map_lanes (&offer->out_blocking, out_channels, self->kernels->lanes,
                                       &self->n_out_blocks);
  self->n_narrow = seg_conv_count_narrow (offer, out_channels, seg_winograd_n_outputs (self));
  self->n_tiles = seg_winograd_choose_n_tiles (self);
  seg_conv_prologue_init (&self->prologue, offer);
}

void
seg_winograd_conv_clear (SegWinogradConv *self)
{
  seg_conv_prologue_clear (&self->prologue);
  g_free (self->channels);
  seg_free (self->weights);
  seg_free (self->shift);
}

/* ---- weights ----------------------------------------------------------------------------- */

/**
 * seg_winograd_conv_reserve: (skip)
 *
 * Takes memory for packed weights.
 * Errors: `SEG_ERROR_MEMORY`.
 */
gboolean
seg_winograd_conv_reserve (SegWinogradConv *self, GError **error)
{
  self->weights = seg_alloc ((gsize) self->n_points, seg_winograd_point_floats (self) * sizeof (float),
                             "packed weights", error);
  if (self->weights != NULL)
    self->shift = seg_alloc ((gsize) seg_winograd_n_outputs (self), sizeof (float), "packed bias",
                             error);
  return self->shift != NULL;
}

/* The filters from all input channels to the outputs of one panel, which begins with output @k0. */
static void
seg_winograd_pack_inference_panel (SegWinogradConv *self, gint64 k0, const float *weights,
                                   const double *scale)
{
  gint64 pitch = MIN (SEG_WINOGRAD_PANEL * self->kernels->lanes,
                      seg_winograd_n_outputs (self) - k0);
  gint64 n = MIN (pitch, self->out_channels - k0);
  float points[SEG_WINOGRAD_MAX_WINDOW * SEG_WINOGRAD_MAX_WINDOW][SEG_WINOGRAD_PANEL
                                                                  * SEG_KERNEL_MAX_LANES]
      = { { 0 } };

  for (gint64 c = 0; c < self->in_channels; c++)
    {
      for (gint64 k = 0; k < n; k++)
        seg_winograd_transform_weights ((int) self->tile,
                                        weights + ((k0 + k) * self->in_channels + c) * 9,
                                        scale[k0 + k], &points[0][k], G_N_ELEMENTS (points[0]));
      for (gint64 p = 0; p < self->n_points; p++)
        memcpy (self->weights + (gsize) p * seg_winograd_point_floats (self) + k0 * self->in_channels
                    + c * pitch,
                points[p], (gsize) pitch * sizeof (float));
    }
}

/* All filters, in the order of the narrow product. */
static void
seg_winograd_pack_narrow (SegWinogradConv *self, const float *weights, const double *scale)
{
  gint64 at_once = self->kernels->lanes / SEG_KERNEL_NARROW_GRAIN;
  gint64 n_outputs = self->n_narrow * SEG_KERNEL_NARROW_GRAIN;
  gsize plane = seg_winograd_point_floats (self);

  memset (self->weights, 0, (gsize) self->n_points * plane * sizeof *self->weights);
  for (gint64 k = 0; k < self->out_channels; k++)
    for (gint64 c = 0; c < self->in_channels; c++)
      seg_winograd_transform_weights (
          (int) self->tile, weights + (k * self->in_channels + c) * 9, scale[k],
          self->weights + (c / at_once * n_outputs + k) * at_once + c % at_once, plane);
}

/**
 * seg_winograd_conv_pack: (skip)
 * @weights: (out_channels, in_channels, 3, 3)
 *
 * Transforms and packs weights into the memory of seg_winograd_conv_reserve(), with the affine
 * posts at the head of the list folded in.
 *
 * Returns: how many posts were folded
 */
guint
seg_winograd_conv_pack (SegWinogradConv *self, const float *weights, const float *bias,
                        const SegPost *posts, guint n_posts)
{
  gint64 n_outputs = seg_winograd_n_outputs (self);
  g_autofree double *scale = g_new (double, self->out_channels);
  guint n_folded = seg_conv_posts_count_affine (posts, n_posts);

  memset (self->shift, 0, (gsize) n_outputs * sizeof *self->shift);
  for (gint64 k = 0; k < self->out_channels; k++)
    {
      double shift = bias != NULL ? (double) bias[k] : 0.0;

      scale[k] = 1.0;
      seg_conv_posts_fold (posts, n_folded, k, &scale[k], &shift);
      self->shift[k] = (float) shift;
    }
  if (self->n_narrow > 0)
    seg_winograd_pack_narrow (self, weights, scale);
  else
    for (gint64 k = 0; k < n_outputs; k += SEG_WINOGRAD_PANEL * self->kernels->lanes)
      seg_winograd_pack_inference_panel (self, k, weights, scale);
  return n_folded;
}

guint
seg_winograd_conv_n_panels (const SegWinogradConv *self)
{
  return (guint) ((self->n_out_blocks + SEG_WINOGRAD_PANEL - 1) / SEG_WINOGRAD_PANEL);
}

/* Inputs whose filters are read, in each of the lanes, before any is transformed. */
#define SEG_WINOGRAD_GATHER 16

static const float seg_winograd_no_filters[SEG_WINOGRAD_GATHER * 9];

/* The filters from inputs @c to @c + @n to block @block of the outputs, each tap in a vector. Where
 * weights are transposed those of one input lie together, else those of one output. */
static void
seg_winograd_gather_filters (const SegWinogradConv *self, gint64 c, gint64 n, gint64 block,
                             const float *weights, float *g)
{
  gint64 lanes = self->kernels->lanes, n_rows = self->transposed ? n : 1;
  const gint32 *channels = self->channels + block * lanes;
  const float *rows[SEG_KERNEL_MAX_LANES];

  for (gint64 i = 0; i < n_rows; i++)
    {
      for (gint64 l = 0; l < lanes; l++)
        rows[l] = channels[l] < 0 ? seg_winograd_no_filters
                  : self->transposed
                      ? weights + ((c + i) * self->out_channels + channels[l]) * 9
                      : weights + (channels[l] * self->in_channels + c) * 9;
      self->kernels->to_lanes ((gsize) (n / n_rows * 9), rows, g + i * 9 * lanes);
    }
}

/**
 * seg_winograd_conv_pack_panel: (skip)
 * @packed: seg_winograd_conv_packed_bytes() of memory, for seg_winograd_conv_run()
 *
 * Transforms and packs one of the panels, in training: there are no posts.
 */
void
seg_winograd_conv_pack_panel (const SegWinogradConv *self, guint panel, const float *weights,
                              const float *bias, float *packed)
{
  gint64 lanes = self->kernels->lanes, first = panel * SEG_WINOGRAD_PANEL;
  gint64 end = MIN (first + SEG_WINOGRAD_PANEL, self->n_out_blocks), pitch = (end - first) * lanes;
  float *shift = packed + (gsize) self->n_points * seg_winograd_point_floats (self);
  float g[SEG_WINOGRAD_GATHER * 9 * SEG_KERNEL_MAX_LANES];
  float *to = packed + first * lanes * self->in_channels;
  gint64 first_tap = self->transposed ? 8 * lanes : 0; /* turned, they go from the last */

  for (gint64 c = 0; c < self->in_channels; c += SEG_WINOGRAD_GATHER)
    for (gint64 b = first; b < end; b++)
      {
        gint64 n = MIN (SEG_WINOGRAD_GATHER, self->in_channels - c);

        seg_winograd_gather_filters (self, c, n, b, weights, g);
        for (gint64 i = 0; i < n; i++)
          (self->tile == 4 ? self->kernels->winograd4_filter : self->kernels->winograd2_filter) (
              g + i * 9 * lanes + first_tap, self->transposed ? -lanes : lanes,
              to + (c + i) * pitch + (b - first) * lanes, seg_winograd_point_floats (self));
      }
  for (gint64 l = first * lanes; l < end * lanes; l++)
    shift[l] = self->channels[l] >= 0 && bias != NULL ? bias[self->channels[l]] : 0.f;
}

guint
seg_winograd_conv_get_grain (const SegWinogradConv *self)
{
  return SEG_WINOGRAD_PANEL * (guint) (self->out_lanes == 1 ? self->kernels->lanes : 1);
}

/* ---- scratch ----------------------------------------------------------------------------- */

typedef struct
{
  float *v, *m;                /* transformed inputs and products, point by point */
  gsize v_plane, m_plane;      /* floats from point to point */
  float *border;               /* pixels of tiles that lie at one */
  const float **x;             /* of each input block at one point */
  gint32 *n_terms;
} SegWinogradScratch;

/* Points are not whole pages apart, so that those of one tile do not crowd each other out of L1. */
static gsize
seg_winograd_plane_floats (const SegWinogradConv *self, gint64 n_blocks)
{
  gsize floats = (gsize) (n_blocks * self->n_tiles * self->kernels->lanes);

  return (floats + 1023) / 1024 * 1024 + 16;
}

/* Cuts scratch into its parts, or counts their bytes if there is none yet. */
static gsize
seg_winograd_lay_out_scratch (const SegWinogradConv *self, char *memory,
                              SegWinogradScratch *scratch)
{
  gsize bytes = 0;

  scratch->v_plane = seg_winograd_plane_floats (self, self->n_in_blocks);
  scratch->m_plane = seg_winograd_plane_floats (self, self->n_out_blocks);
  scratch->v = (float *) (gpointer) memory;
  bytes += (gsize) self->n_points * scratch->v_plane * sizeof (float);
  scratch->m = (float *) (gpointer) (memory + bytes);
  bytes += (gsize) self->n_points * scratch->m_plane * sizeof (float);
  scratch->border = (float *) (gpointer) (memory + bytes);
  bytes += seg_winograd_border_floats (self->kernels, self->tile) * sizeof (float);
  bytes = (bytes + 63) & ~(gsize) 63;
  scratch->x = (const float **) (gpointer) (memory + bytes);
  bytes += (gsize) self->n_in_blocks * sizeof *scratch->x;
  scratch->n_terms = (gint32 *) (gpointer) (memory + bytes);
  return bytes + (gsize) self->n_in_blocks * sizeof *scratch->n_terms;
}

gsize
seg_winograd_conv_scratch_bytes (const SegWinogradConv *self)
{
  SegWinogradScratch scratch;

  return seg_winograd_lay_out_scratch (self, NULL, &scratch);
}

/* ---- running ----------------------------------------------------------------------------- */

typedef struct
{
  const SegWinogradConv *conv;
  const float *weights, *shift; /* packed */
  gboolean adds;
  const SegConvPosts *posts;
  const SegView *in;
  SegView *out;
  const SegPiece *piece;
  SegWinogradScratch scratch;
  gint64 y0, x0;   /* output pixel where the piece's first tile begins; may be left of the map */
  gint64 n_across; /* tiles in a row of them */
} SegWinogradJob;

/* Tiles that lie side by side: the first is number @first of the portion. */
typedef struct
{
  gint64 first, n;
  gint64 y, x; /* output pixel where the first begins */
} SegWinogradRun;

/* The tiles of a portion that follow the @done first, up to the end of their row. */
static SegWinogradRun
seg_winograd_get_run (const SegWinogradJob *job, gint64 first, gint64 n, gint64 done)
{
  gint64 at = first + done, across = at % job->n_across;

  return (SegWinogradRun){ done, MIN (n - done, job->n_across - across),
                           job->y0 + at / job->n_across * job->conv->tile,
                           job->x0 + across * job->conv->tile };
}

/* The weights at a point for the outputs from a block on. */
static const float *
seg_winograd_get_panel (const SegWinogradJob *job, gint64 point, gint64 block)
{
  return job->weights + (gsize) point * seg_winograd_point_floats (job->conv)
         + block * job->conv->kernels->lanes * job->conv->in_channels;
}

/* The panel that is multiplied after that, if it does not lie in L2. */
static const float *
seg_winograd_get_next_panel (const SegWinogradJob *job, gint64 point, gint64 block,
                             gint64 first_block, gint64 end_block)
{
  block += SEG_WINOGRAD_PANEL;
  if (block >= end_block)
    point++, block = first_block;
  if (point >= job->conv->n_points || !seg_winograd_has_large_weights (job->conv))
    return NULL;
  return seg_winograd_get_panel (job, point, block);
}

/* Products of all points of @n tiles with the weights of the piece's outputs. */
static void
seg_winograd_multiply (const SegWinogradJob *job, gint64 n, gint64 first_block, gint64 end_block)
{
  const SegWinogradConv *self = job->conv;
  const SegWinogradScratch *scratch = &job->scratch;
  gint64 lanes = self->kernels->lanes, block_floats = self->n_tiles * lanes;
  SegKernelProduct product = { .n_runs = (gsize) self->n_in_blocks, .x = scratch->x,
                               .n_terms = scratch->n_terms, .x_step = (gsize) lanes,
                               .n_pixels = (gsize) n, .y_step = (gsize) lanes,
                               .y_vector = (gsize) block_floats };

  for (gint64 p = 0; p < self->n_points; p++)
    {
      for (gint64 b = 0; b < self->n_in_blocks; b++)
        scratch->x[b] = scratch->v + (gsize) p * scratch->v_plane + b * block_floats;
      for (gint64 b = first_block; b < end_block; b += SEG_WINOGRAD_PANEL)
        {
          product.weights = seg_winograd_get_panel (job, p, b);
          product.next = seg_winograd_get_next_panel (job, p, b, first_block, end_block);
          product.y = scratch->m + (gsize) p * scratch->m_plane + b * block_floats;
          if (self->n_narrow > 0) /* one panel */
            {
              product.n_vectors = (gsize) self->n_narrow;
              self->kernels->narrow (&product);
              continue;
            }
          product.n_vectors = (gsize) MIN (SEG_WINOGRAD_PANEL, self->n_out_blocks - b);
          self->kernels->product (&product);
        }
    }
}

static void
seg_winograd_transform_output (const SegWinogradJob *job, const float *m, gint64 n, gint64 block,
                               const float *const *add, float lo, float hi, float *const *rows)
{
  const SegWinogradConv *self = job->conv;

  (self->tile == 4 ? self->kernels->winograd4_output : self->kernels->winograd2_output) (
      m, job->scratch.m_plane, (gsize) n, job->shift + block * self->kernels->lanes, add, lo, hi,
      rows);
}

/* Stores @width pixels of a block of channels, and does the posts. */
static void
seg_winograd_store_row (const SegWinogradJob *job, gint64 block, gint64 y, gint64 x, gint64 width,
                        const float *from)
{
  const SegWinogradConv *self = job->conv;
  const SegPiece *piece = job->piece;
  gint64 lanes = self->kernels->lanes;

  if (self->out_lanes > 1)
    {
      float *to = seg_view_at (job->out, (guint) block, piece->sample, y, x);

      if (job->adds)
        {
          self->kernels->add ((gsize) (width * lanes), to, from, to);
          return;
        }
      memcpy (to, from, (gsize) (width * lanes) * sizeof *to);
      seg_conv_posts_apply (job->posts, self->kernels, job->in, (guint) block, piece->sample, y, x,
                            width, to);
      return;
    }
  for (gint64 k = MAX (block * lanes, (gint64) piece->block);
       k < MIN ((block + 1) * lanes, (gint64) piece->block + piece->n_blocks); k++)
    {
      float *to = seg_view_at (job->out, (guint) k, piece->sample, y, x);

      for (gint64 i = 0; i < width; i++)
        to[i] = from[i * lanes + k - block * lanes];
      seg_posts_apply (job->posts->posts, job->posts->n_posts, self->kernels, job->in, k,
                       piece->sample, y, x, (gsize) width, to);
    }
}

/* Up to SEG_WINOGRAD_BORDER_TILES of which not all is wanted, or that are not stored as they are. */
static void
seg_winograd_store_border_tiles (const SegWinogradJob *job, gint64 block, gint64 y, gint64 x,
                                 gint64 n, const float *m)
{
  const SegWinogradConv *self = job->conv;
  const SegRect *r = &job->piece->rect;
  gint64 lanes = self->kernels->lanes, tile = self->tile, width = n * tile;
  gint64 x0 = MAX (x, r->x), x1 = MIN (x + width, r->x + r->w);
  float *rows[SEG_WINOGRAD_MAX_TILE];

  for (gint64 i = 0; i < tile; i++)
    rows[i] = job->scratch.border + i * width * lanes;
  seg_winograd_transform_output (job, m, n, block, NULL, -INFINITY, INFINITY, rows);
  for (gint64 i = 0; i < tile; i++)
    if (y + i >= r->y && y + i < r->y + r->h)
      seg_winograd_store_row (job, block, y + i, x0, x1 - x0, rows[i] + (x0 - x) * lanes);
}

static void
seg_winograd_store_run (const SegWinogradJob *job, gint64 block, const SegWinogradRun *run,
                        const float *m)
{
  const SegWinogradConv *self = job->conv;
  const SegPiece *piece = job->piece;
  const SegRect *r = &piece->rect;
  gint64 lanes = self->kernels->lanes, tile = self->tile, left, inside, x;
  gboolean simple = job->posts->simple, adds = simple && (job->adds || job->posts->add >= 0);
  float *rows[SEG_WINOGRAD_MAX_TILE];
  const float *add[SEG_WINOGRAD_MAX_TILE];

  seg_winograd_split_run (run->x, run->n, tile, tile, r->x, r->x + r->w, &left, &inside);
  if (run->y < r->y || run->y + tile > r->y + r->h || self->out_lanes == 1)
    left = run->n, inside = 0;

  for (gint64 t = 0, n; t < run->n; t += n)
    {
      n = seg_winograd_count_border_tiles (t, run->n, left, inside);
      if (t == left && inside > 0)
        n = inside;
      else
        seg_winograd_store_border_tiles (job, block, run->y, run->x + t * tile, n, m + t * lanes);
    }
  if (inside == 0)
    return;
  x = run->x + left * tile;
  for (gint64 i = 0; i < tile; i++)
    {
      rows[i] = seg_view_at (job->out, (guint) block, piece->sample, run->y + i, x);
      add[i] = job->adds ? rows[i]
               : adds    ? seg_view_at (&job->in[job->posts->add], (guint) block, piece->sample,
                                         run->y + i, x)
                          : NULL;
    }
  seg_winograd_transform_output (job, m + left * lanes, inside, block, adds ? add : NULL,
                                 simple ? job->posts->lo : -INFINITY,
                                 simple ? job->posts->hi : INFINITY, rows);
  for (gint64 i = 0; i < tile && !simple; i++)
    seg_conv_posts_apply (job->posts, self->kernels, job->in, (guint) block, piece->sample,
                          run->y + i, x, inside * tile, rows[i]);
}

/* Tiles @first to @first + @n, from input to output. */
static void
seg_winograd_run_portion (const SegWinogradJob *job, gint64 first, gint64 n, gint64 first_block,
                          gint64 end_block)
{
  const SegWinogradConv *self = job->conv;
  gint64 lanes = self->kernels->lanes, block_floats = self->n_tiles * lanes;
  SegWinogradTiles tiles = { .kernels = self->kernels, .tile = self->tile, .window = self->window,
                             .prologue = self->prologue, .valid = job->in->valid,
                             .border = job->scratch.border, .plane = job->scratch.v_plane };
  SegWinogradRun run;

  for (gint64 b = 0; b < self->n_in_blocks; b++)
    for (gint64 done = 0; done < n; done += run.n)
      {
        run = seg_winograd_get_run (job, first, n, done);
        tiles.next = b + 1 < self->n_in_blocks ? (guint) b + 1 : 0;
        seg_winograd_tiles_load (&tiles, job->in, (guint) b, job->piece->sample,
                                 run.y - self->y_padding, run.x - self->x_padding, run.n,
                                 job->scratch.v + b * block_floats + run.first * lanes);
      }
  seg_winograd_multiply (job, n, first_block, end_block);
  for (gint64 b = first_block; b < end_block; b++)
    for (gint64 done = 0; done < n; done += run.n)
      {
        run = seg_winograd_get_run (job, first, n, done);
        seg_winograd_store_run (job, b, &run,
                                job->scratch.m + b * block_floats + run.first * lanes);
      }
}

/**
 * seg_winograd_conv_run: (skip)
 * @packed: weights of seg_winograd_conv_pack_panel(); %NULL: those of seg_winograd_conv_pack()
 * @adds: to what the output holds, which lies in blocks
 *
 * Computes a piece of the output, cut at the grid.
 */
void
seg_winograd_conv_run (const SegWinogradConv *self, const float *packed, gboolean adds,
                       const SegConvPosts *posts, const SegView *in, SegView *out,
                       const SegPiece *piece, gpointer memory)
{
  gsize n_weights = (gsize) self->n_points * seg_winograd_point_floats (self);
  const SegRect *r = &piece->rect;
  gint64 y0 = seg_floor_div (r->y - self->y_phase, self->tile) * self->tile + self->y_phase;
  gint64 x0 = seg_floor_div (r->x - self->x_phase, self->tile) * self->tile + self->x_phase;
  gint64 n_down = (r->y + r->h - y0 + self->tile - 1) / self->tile;
  gint64 n_across = (r->x + r->w - x0 + self->tile - 1) / self->tile;
  gint64 n_tiles = n_down * n_across;
  gint64 portion = seg_winograd_choose_portion (self, n_tiles);
  gint64 scale = self->out_lanes == 1 ? self->kernels->lanes : 1;
  gint64 first_block = piece->block / scale;
  gint64 end_block = (piece->block + piece->n_blocks + scale - 1) / scale;
  SegWinogradJob job = { self, packed != NULL ? packed : self->weights,
                         packed != NULL ? packed + n_weights : self->shift,
                         adds, posts, in, out, piece, { 0 }, y0, x0, n_across };

  seg_winograd_lay_out_scratch (self, memory, &job.scratch);
  for (gint64 b = 0; b < self->n_in_blocks; b++)
    job.scratch.n_terms[b] = in->blocks[b].n_channels;
  for (gint64 t = 0; t < n_tiles; t += portion)
    seg_winograd_run_portion (&job, t, MIN (portion, n_tiles - t), first_block, end_block);
}
