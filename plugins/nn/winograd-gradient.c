#include "winograd-gradient.h"

#include "winograd-tiles.h"

/* What stays in L2: transforms of a portion of tiles, of all outputs that are worked on at once and
 * of one block of inputs at a time. */
#define SEG_WINOGRAD_GRADIENT_FLOATS 131072
#define SEG_WINOGRAD_GRADIENT_FEW_TILES 24
#define SEG_WINOGRAD_GRADIENT_MANY_TILES 96

/* Outputs worked on at once: the more, the less often inputs are transformed, but the fewer tiles
 * are in a portion, for which all sums are read and written. */
#define SEG_WINOGRAD_GRADIENT_OUTPUTS 32

void
seg_winograd_gradient_init (SegWinogradGradient *self, const SegOffer *offer, gint tile,
                            gint y_padding, gint x_padding)
{
  gint64 lanes = offer->kernels->lanes, of_tile;

  *self = (SegWinogradGradient){ .kernels = offer->kernels, .tile = tile,
                                 .n_points = (gint64) (tile + 2) * (tile + 2),
                                 .in_channels = offer->in[0].c,
                                 .n_in_blocks = offer->in_blocking[0].n_blocks,
                                 .n_out_blocks = offer->out_blocking.n_blocks,
                                 .y_padding = y_padding, .x_padding = x_padding };
  self->grain = MIN (SEG_WINOGRAD_GRADIENT_OUTPUTS / lanes, self->n_out_blocks);
  of_tile = self->n_points * (1 + self->grain) * lanes;
  self->n_tiles = CLAMP (SEG_WINOGRAD_GRADIENT_FLOATS / of_tile, SEG_WINOGRAD_GRADIENT_FEW_TILES,
                         SEG_WINOGRAD_GRADIENT_MANY_TILES);
}

/* ---- scratch ----------------------------------------------------------------------------- */

typedef struct
{
  float *v, *m, *u;       /* transformed inputs and gradients, and sums: point by point */
  gsize v_plane, m_plane; /* floats from point to point */
  gsize u_plane;
  float *border;
} SegGradientScratch;

/* Cuts scratch into its parts, and counts their bytes. */
static gsize
seg_winograd_gradient_lay_out (const SegWinogradGradient *self, float *memory,
                               SegGradientScratch *scratch)
{
  gsize lanes = (gsize) self->kernels->lanes, n_points = (gsize) self->n_points;
  gsize block = (gsize) self->n_tiles * lanes, at = 0;

  /* not whole pages apart, so that they do not crowd each other out of L1 */
  scratch->v_plane = (block + 1023) / 1024 * 1024 + 16;
  scratch->m_plane = ((gsize) self->grain * block + 1023) / 1024 * 1024 + 16;
  scratch->u_plane = (gsize) (self->n_in_blocks * self->grain) * lanes * lanes + 16;
  scratch->v = memory;
  at += n_points * scratch->v_plane;
  scratch->m = memory + at;
  at += n_points * scratch->m_plane;
  scratch->u = memory + at;
  at += n_points * scratch->u_plane;
  scratch->border = memory + at;
  return (at + seg_winograd_border_floats (self->kernels, self->tile)) * sizeof (float);
}

gsize
seg_winograd_gradient_scratch_bytes (const SegWinogradGradient *self)
{
  SegGradientScratch scratch;

  return seg_winograd_gradient_lay_out (self, NULL, &scratch);
}

/* ---- running ----------------------------------------------------------------------------- */

/* Rows of a piece lie in some samples: in tiles that begin at the piece's first row of each. */
typedef struct
{
  const SegWinogradGradient *gradient;
  const SegView *in, *dout;
  const SegParamPiece *piece;
  SegGradientScratch scratch;
  gint64 n_across;
} SegGradientJob;

/* Tiles side by side in one sample: the first is number @first of the portion. */
typedef struct
{
  gint64 first, n, sample, y, x;
  gint64 end; /* the piece's, in the sample */
} SegGradientRun;

static gint64
seg_winograd_gradient_count_tiles (const SegGradientJob *job)
{
  SegParamPiece rest = *job->piece;
  gint64 sample, y0, y1, n_down = 0;

  while (seg_param_piece_take (&rest, job->dout->shape.h, &sample, &y0, &y1))
    n_down += (y1 - y0 + job->gradient->tile - 1) / job->gradient->tile;
  return n_down * job->n_across;
}

/* The tiles of a portion that follow the @done first, up to the end of their row. */
static SegGradientRun
seg_winograd_gradient_get_run (const SegGradientJob *job, gint64 first, gint64 n, gint64 done)
{
  gint64 tile = job->gradient->tile, at = first + done, across = at % job->n_across;
  gint64 down = at / job->n_across, sample = 0, y0 = 0, y1 = 0;
  SegParamPiece rest = *job->piece;

  while (seg_param_piece_take (&rest, job->dout->shape.h, &sample, &y0, &y1)
         && down >= (y1 - y0 + tile - 1) / tile)
    down -= (y1 - y0 + tile - 1) / tile;
  return (SegGradientRun){ done, MIN (n - done, job->n_across - across), sample, y0 + down * tile,
                           across * tile, y1 };
}

/* One block of inputs, or of gradients. */
static void
seg_winograd_gradient_load (const SegGradientJob *job, gint64 first, gint64 n, gboolean adjoint,
                            guint block, float *v)
{
  const SegWinogradGradient *self = job->gradient;
  SegWinogradTiles tiles = { .kernels = self->kernels, .tile = self->tile,
                             .window = adjoint ? self->tile : self->tile + 2, .adjoint = adjoint,
                             .valid = adjoint ? job->dout->valid : job->in->valid,
                             .border = job->scratch.border,
                             .plane = adjoint ? job->scratch.m_plane : job->scratch.v_plane };
  SegGradientRun run;

  for (gint64 done = 0; done < n; done += run.n)
    {
      run = seg_winograd_gradient_get_run (job, first, n, done);
      if (adjoint)
        tiles.valid.h = run.end;
      seg_winograd_tiles_load (&tiles, adjoint ? job->dout : job->in, block, run.sample,
                               adjoint ? run.y : run.y - self->y_padding,
                               adjoint ? run.x : run.x - self->x_padding, run.n,
                               v + run.first * self->kernels->lanes);
    }
}

/* Adds the products of one block of inputs and the piece's outputs, at all points, to block @at of
 * the sums. */
static void
seg_winograd_gradient_multiply (const SegGradientJob *job, gint64 n, gint64 in_block, gint64 at,
                                gint64 n_out_blocks)
{
  const SegWinogradGradient *self = job->gradient;
  const SegGradientScratch *scratch = &job->scratch;
  gsize lanes = (gsize) self->kernels->lanes, block_floats = (gsize) self->n_tiles * lanes;
  const float *a, *b[2];
  SegKernelOuter outer = { .n_runs = 1, .n_terms = (gsize) n, .a = &a, .b = b, .a_step = lanes,
                           .b_step = lanes, .y_row = (gsize) self->grain * lanes,
                           .n_rows = (gsize) job->in->blocks[in_block].n_channels,
                           .y_vector = lanes };

  for (gsize p = 0; p < (gsize) self->n_points; p++)
    for (gsize k = 0; k < (gsize) n_out_blocks; k += 2)
      {
        a = scratch->v + p * scratch->v_plane;
        b[0] = scratch->m + p * scratch->m_plane + k * block_floats;
        b[1] = b[0] + block_floats;
        outer.n_vectors = MIN (2, (gsize) n_out_blocks - k);
        outer.y = scratch->u + p * scratch->u_plane
                  + ((gsize) at * lanes * (gsize) self->grain + k) * lanes;
        self->kernels->outer (&outer);
      }
}

/* Zeros in blocks @first to @first + @n of the sums. */
static void
seg_winograd_gradient_clear (const SegGradientJob *job, gint64 first, gint64 n)
{
  const SegWinogradGradient *self = job->gradient;
  gsize of_block = (gsize) (self->kernels->lanes * self->grain * self->kernels->lanes);

  for (gsize p = 0; p < (gsize) self->n_points; p++)
    memset (job->scratch.u + p * job->scratch.u_plane + (gsize) first * of_block, 0,
            (gsize) n * of_block * sizeof *job->scratch.u);
}

/* Gᵀ u G of block @at of the sums: of one block of inputs and block @k of the piece's outputs, whose
 * filters lie together for each output. */
static void
seg_winograd_gradient_finish_block (const SegGradientJob *job, gint64 in_block, gint64 at,
                                    gint64 first_block, gint64 k, float *dweights)
{
  const SegWinogradGradient *self = job->gradient;
  const SegChannelBlock *in = &job->in->blocks[in_block];
  const SegChannelBlock *out = &job->dout->blocks[first_block + k];
  gint64 lanes = self->kernels->lanes;
  float dg[SEG_KERNEL_MAX_LANES * 9 * SEG_KERNEL_MAX_LANES];
  float nowhere[SEG_KERNEL_MAX_LANES * 9], *rows[SEG_KERNEL_MAX_LANES];

  for (gint64 i = 0; i < in->n_channels; i++)
    (self->tile == 4 ? self->kernels->winograd4_filter_adjoint
                     : self->kernels->winograd2_filter_adjoint) (
        job->scratch.u + ((at * lanes + i) * self->grain + k) * lanes, job->scratch.u_plane,
        dg + i * 9 * lanes);
  for (gint64 l = 0; l < lanes; l++)
    rows[l] = l < out->n_channels
                  ? dweights + ((out->channel + l) * self->in_channels + in->channel) * 9
                  : nowhere;
  self->kernels->from_lanes ((gsize) in->n_channels * 9, dg, rows);
}

static void
seg_winograd_gradient_finish (const SegGradientJob *job, gint64 in_block, gint64 at,
                              gint64 first_block, gint64 n_blocks, float *dweights)
{
  for (gint64 k = 0; k < n_blocks; k++)
    seg_winograd_gradient_finish_block (job, in_block, at, first_block, k, dweights);
}

/* A portion of tiles: what the outputs' gradients are transformed to. */
static void
seg_winograd_gradient_load_outputs (const SegGradientJob *job, gint64 first, gint64 n,
                                    gint64 first_block, gint64 n_blocks)
{
  for (gint64 k = 0; k < n_blocks; k++)
    seg_winograd_gradient_load (job, first, n, TRUE, (guint) (first_block + k),
                                job->scratch.m
                                    + k * job->gradient->n_tiles * job->gradient->kernels->lanes);
}

/* One portion is all: sums of a block of inputs are finished while they are near. */
static void
seg_winograd_gradient_run_portion (const SegGradientJob *job, gint64 n_tiles, gint64 first_block,
                                   gint64 n_blocks, float *dweights)
{
  seg_winograd_gradient_load_outputs (job, 0, n_tiles, first_block, n_blocks);
  for (gint64 b = 0; b < job->gradient->n_in_blocks; b++)
    {
      seg_winograd_gradient_clear (job, 0, 1);
      seg_winograd_gradient_load (job, 0, n_tiles, FALSE, (guint) b, job->scratch.v);
      seg_winograd_gradient_multiply (job, n_tiles, b, 0, n_blocks);
      seg_winograd_gradient_finish (job, b, 0, first_block, n_blocks, dweights);
    }
}

static void
seg_winograd_gradient_run_portions (const SegGradientJob *job, gint64 n_tiles, gint64 first_block,
                                    gint64 n_blocks, float *dweights)
{
  const SegWinogradGradient *self = job->gradient;
  gint64 n_portions = (n_tiles + self->n_tiles - 1) / self->n_tiles;
  gint64 of_portion = (n_tiles + n_portions - 1) / n_portions;

  seg_winograd_gradient_clear (job, 0, self->n_in_blocks);
  for (gint64 t = 0; t < n_tiles; t += of_portion)
    {
      gint64 n = MIN (of_portion, n_tiles - t);

      seg_winograd_gradient_load_outputs (job, t, n, first_block, n_blocks);
      for (gint64 b = 0; b < self->n_in_blocks; b++)
        {
          seg_winograd_gradient_load (job, t, n, FALSE, (guint) b, job->scratch.v);
          seg_winograd_gradient_multiply (job, n, b, b, n_blocks);
        }
    }
  for (gint64 b = 0; b < self->n_in_blocks; b++)
    seg_winograd_gradient_finish (job, b, b, first_block, n_blocks, dweights);
}

/**
 * seg_winograd_gradient_run: (skip)
 * @dweights: (outputs, inputs, 3, 3)
 *
 * What a piece of the output's gradient gives, of all inputs and the piece's outputs.
 */
void
seg_winograd_gradient_run (const SegWinogradGradient *self, const SegView *in, const SegView *dout,
                           const SegParamPiece *piece, float *dweights, gpointer memory)
{
  SegGradientJob job = { self, in, dout, piece, { 0 },
                         (dout->shape.w + self->tile - 1) / self->tile };
  gint64 n_tiles;

  seg_winograd_gradient_lay_out (self, memory, &job.scratch);
  n_tiles = seg_winograd_gradient_count_tiles (&job);
  for (gint64 k = 0; k < piece->n_blocks; k += self->grain)
    (n_tiles <= self->n_tiles ? seg_winograd_gradient_run_portion
                              : seg_winograd_gradient_run_portions) (
        &job, n_tiles, piece->block + k, MIN (self->grain, piece->n_blocks - k), dweights);
}
