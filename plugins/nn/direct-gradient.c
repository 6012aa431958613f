#include "direct-gradient.h"

/* Sums run over rectangles of so many pixels, then are added to the others: long enough for the
 * kernel, short enough for the sum and for L2. */
#define SEG_DIRECT_GRADIENT_PIXELS 384
#define SEG_DIRECT_GRADIENT_ROWS 32

/* Channels of the small map worked on at once, and sums of them. */
#define SEG_DIRECT_GRADIENT_CHANNELS 64
#define SEG_DIRECT_GRADIENT_SUMS (512 << 10)

void
seg_direct_gradient_init (SegDirectGradient *self, const SegKernels *kernels,
                          const SegConvSpec *spec, gint64 n_small, const SegBlocking *small,
                          gint64 n_large, const SegBlocking *large)
{
  *self = (SegDirectGradient){ kernels, *spec, n_small, n_large, *small, *large, FALSE };
  self->few = small->lanes == 1 && large->lanes > 1 && spec->groups == 1
              && n_small < kernels->lanes;
}

/* ---- scratch ----------------------------------------------------------------------------- */

/* A unit is up to `lanes` numbers of the large map for each pixel of the small one: a block of
 * channels at one tap, or of planes at any taps. */
typedef struct
{
  const SegDirectGradient *gradient;
  const SegView *small, *large;
  gint64 group, small_block, end_small, large_block, end_large;
  gint64 area, n_units, n_vectors, most_units; /* of the group; worked on at once */
  float *sums, *small_pixels, *large_pixels;
} SegDirectJob;

static gint64
seg_direct_gradient_area (const SegDirectGradient *self)
{
  return (gint64) self->spec.v.kernel * self->spec.h.kernel;
}

static gint64
seg_direct_gradient_count_units (const SegDirectGradient *self, gint64 n_large_blocks)
{
  gint64 n = n_large_blocks * seg_direct_gradient_area (self);

  return self->large.lanes > 1 ? n : (n + self->kernels->lanes - 1) / self->kernels->lanes;
}

/* Cuts scratch into its parts, and counts their bytes. */
static gsize
seg_direct_gradient_lay_out (const SegDirectGradient *self, float *memory, SegDirectJob *job)
{
  gint64 lanes = self->kernels->lanes, of_unit = lanes * SEG_DIRECT_GRADIENT_CHANNELS;
  gint64 n_units = seg_direct_gradient_count_units (
      self, self->large.lanes > 1 ? self->large.n_blocks : self->n_large);
  gsize at = 0;

  job->most_units = CLAMP (SEG_DIRECT_GRADIENT_SUMS / of_unit, 1, n_units);
  job->sums = memory;
  at += (gsize) (job->most_units * of_unit);
  job->small_pixels = memory + at;
  if (self->small.lanes == 1)
    at += SEG_DIRECT_GRADIENT_CHANNELS * SEG_DIRECT_GRADIENT_PIXELS;
  job->large_pixels = memory + at;
  if (self->large.lanes == 1)
    at += (gsize) lanes * SEG_DIRECT_GRADIENT_PIXELS;
  return at * sizeof (float);
}

gsize
seg_direct_gradient_scratch_bytes (const SegDirectGradient *self)
{
  SegDirectJob job;

  return seg_direct_gradient_lay_out (self, NULL, &job);
}

/* ---- pixels ------------------------------------------------------------------------------ */

/* Pixels of the small map. */
typedef struct
{
  gint64 sample, y, x, height, width;
} SegDirectChunk;

/* The columns of a chunk that are inside the large map when @dx is added to them times @stride. */
static void
seg_direct_gradient_clip (const SegDirectChunk *chunk, gint64 stride, gint64 dx, gint64 width,
                          gint64 *first, gint64 *end)
{
  *first = CLAMP (-seg_floor_div (dx, stride) - chunk->x, 0, chunk->width);
  *end = CLAMP (seg_floor_div (width - 1 - dx, stride) + 1 - chunk->x, *first, chunk->width);
}

/* Of its pixels as they are copied. */
static gint64
seg_direct_gradient_small_lanes (const SegDirectGradient *self)
{
  return self->few ? self->n_small : self->kernels->lanes;
}

/* Planes of the small map to vectors of channels from @first on, or all of them side by side. */
static void
seg_direct_gradient_fill_small (const SegDirectJob *job, const SegDirectChunk *chunk, gint64 first,
                                gint64 n_vectors)
{
  gint64 lanes = seg_direct_gradient_small_lanes (job->gradient);
  gint64 of_vector = chunk->height * chunk->width * lanes;
  gint64 n_channels = MIN (n_vectors * lanes, job->end_small - first);

  if (n_channels < n_vectors * lanes)
    memset (job->small_pixels, 0, (gsize) (n_vectors * of_vector) * sizeof *job->small_pixels);
  for (gint64 i = 0; i < n_channels; i++)
    {
      float *to = job->small_pixels + i / lanes * of_vector + i % lanes;

      for (gint64 y = 0; y < chunk->height; y++)
        {
          const float *from
              = seg_view_at (job->small, (guint) (first + i), chunk->sample, chunk->y + y,
                             chunk->x);

          for (gint64 x = 0; x < chunk->width; x++, to += lanes)
            *to = from[x];
        }
    }
}

/* What plane @c of the large map holds for one tap, to one lane of the unit. */
static void
seg_direct_gradient_fill_lane (const SegDirectJob *job, const SegDirectChunk *chunk, gint64 c,
                               gint64 tap, float *to)
{
  const SegWindow *v = &job->gradient->spec.v, *h = &job->gradient->spec.h;
  gint64 lanes = job->gradient->kernels->lanes, first, end;
  gint64 dy = tap / h->kernel * v->dilation - v->padding;
  gint64 dx = tap % h->kernel * h->dilation - h->padding;

  seg_direct_gradient_clip (chunk, h->stride, dx, job->large->shape.w, &first, &end);
  for (gint64 i = 0; i < chunk->height; i++, to += chunk->width * lanes)
    {
      gint64 y = (chunk->y + i) * v->stride + dy;
      gboolean exists = y >= 0 && y < job->large->shape.h && first < end;
      const float *from = exists ? seg_view_at (job->large, (guint) c, chunk->sample, y,
                                                (chunk->x + first) * h->stride + dx)
                                 : NULL;

      for (gint64 x = 0; x < (exists ? first : chunk->width); x++)
        to[x * lanes] = 0.f;
      for (gint64 x = first; exists && x < end; x++, from += h->stride)
        to[x * lanes] = *from;
      for (gint64 x = end; exists && x < chunk->width; x++)
        to[x * lanes] = 0.f;
    }
}

/* ---- sums -------------------------------------------------------------------------------- */

/* What one call of the kernel reads. */
typedef struct
{
  const float *a[SEG_DIRECT_GRADIENT_ROWS], *b[2 * SEG_DIRECT_GRADIENT_ROWS];
  SegKernelOuter outer;
  gint64 rows[SEG_DIRECT_GRADIENT_ROWS]; /* of the chunk, that are not skipped */
  gint64 first;                          /* column of the chunk */
} SegDirectCall;

/* A block of channels at one tap, read where it lies. */
static void
seg_direct_gradient_point_to_block (const SegDirectJob *job, const SegDirectChunk *chunk,
                                    gint64 unit, SegDirectCall *call)
{
  const SegWindow *v = &job->gradient->spec.v, *h = &job->gradient->spec.h;
  gint64 n_blocks = job->end_large - job->large_block, tap = unit / n_blocks, end;
  guint block = (guint) (job->large_block + unit % n_blocks);
  gint64 dy = tap / h->kernel * v->dilation - v->padding;
  gint64 dx = tap % h->kernel * h->dilation - h->padding;

  seg_direct_gradient_clip (chunk, h->stride, dx, job->large->shape.w, &call->first, &end);
  call->outer.n_runs = 0;
  for (gint64 i = 0; i < chunk->height && call->first < end; i++)
    {
      gint64 y = (chunk->y + i) * v->stride + dy;

      if (y < 0 || y >= job->large->shape.h)
        continue;
      call->rows[call->outer.n_runs] = i;
      call->a[call->outer.n_runs++] = seg_view_at (job->large, block, chunk->sample, y,
                                                   (chunk->x + call->first) * h->stride + dx);
    }
  call->outer.n_terms = (gsize) (end - call->first);
  call->outer.a_step = (gsize) (h->stride * job->gradient->kernels->lanes);
  call->outer.n_rows = (gsize) job->large->blocks[block].n_channels;
}

/* Some planes, copied beside each other: term j of a group is channel j / area at tap j % area. */
static void
seg_direct_gradient_point_to_planes (const SegDirectJob *job, const SegDirectChunk *chunk,
                                     gint64 unit, SegDirectCall *call)
{
  gint64 lanes = job->gradient->kernels->lanes, first = unit * lanes;
  gint64 n_terms = (job->end_large - job->large_block) * job->area;
  gint64 n = MIN (lanes, n_terms - first);

  for (gint64 i = 0; i < n; i++)
    seg_direct_gradient_fill_lane (job, chunk, job->large_block + (first + i) / job->area,
                                   (first + i) % job->area, job->large_pixels + i);
  call->first = 0;
  call->outer.n_runs = (gsize) chunk->height;
  for (gint64 i = 0; i < chunk->height; i++)
    {
      call->a[i] = job->large_pixels + i * chunk->width * lanes;
      call->rows[i] = i;
    }
  call->outer.n_terms = (gsize) chunk->width;
  call->outer.a_step = (gsize) lanes;
  call->outer.n_rows = (gsize) n;
}

/* Where vector @v of the small map lies in row @i of the chunk. */
static const float *
seg_direct_gradient_small_at (const SegDirectJob *job, const SegDirectChunk *chunk,
                              gint64 first_vector, gint64 v, gint64 i, gint64 x)
{
  gint64 lanes = seg_direct_gradient_small_lanes (job->gradient);

  if (job->gradient->small.lanes > 1)
    return seg_view_at (job->small, (guint) (job->small_block + first_vector + v), chunk->sample,
                        chunk->y + i, chunk->x + x);
  return job->small_pixels + ((v * chunk->height + i) * chunk->width + x) * lanes;
}

/* Adds to the sums of one unit, of few channels of the small map. */
static void
seg_direct_gradient_add_few (const SegDirectJob *job, const SegDirectChunk *chunk,
                             SegDirectCall *call, float *sums)
{
  SegKernelOuter *outer = &call->outer;

  if (outer->n_runs == 0)
    return;
  outer->a = call->b;
  outer->b = call->a;
  for (gsize i = 0; i < outer->n_runs; i++)
    call->b[i] = seg_direct_gradient_small_at (job, chunk, 0, 0, call->rows[i], call->first);
  outer->b_step = outer->a_step;
  outer->a_step = outer->n_rows = (gsize) job->gradient->n_small;
  outer->n_vectors = 1;
  outer->y = sums;
  outer->y_row = SEG_DIRECT_GRADIENT_CHANNELS;
  job->gradient->kernels->outer (outer);
}

/* Adds to the sums of one unit and some vectors. */
static void
seg_direct_gradient_add_unit (const SegDirectJob *job, const SegDirectChunk *chunk,
                              gint64 first_vector, gint64 n_vectors, SegDirectCall *call,
                              float *sums)
{
  gint64 lanes = job->gradient->kernels->lanes;
  SegKernelOuter *outer = &call->outer;

  if (outer->n_runs == 0)
    return;
  outer->a = call->a;
  outer->b = call->b;
  outer->b_step = outer->y_vector = (gsize) lanes;
  outer->y_row = SEG_DIRECT_GRADIENT_CHANNELS;
  for (gint64 v = 0; v < n_vectors; v += 2)
    {
      outer->n_vectors = (gsize) MIN (2, n_vectors - v);
      for (gsize i = 0; i < outer->n_vectors * outer->n_runs; i++)
        call->b[i] = seg_direct_gradient_small_at (job, chunk, first_vector,
                                                   v + (gint64) (i / outer->n_runs),
                                                   call->rows[i % outer->n_runs], call->first);
      outer->y = sums + v * lanes;
      job->gradient->kernels->outer (outer);
    }
}

static void
seg_direct_gradient_run_chunk (const SegDirectJob *job, const SegDirectChunk *chunk,
                               gint64 first_vector, gint64 n_vectors, gint64 first_unit,
                               gint64 n_units)
{
  gint64 of_unit = job->gradient->kernels->lanes * SEG_DIRECT_GRADIENT_CHANNELS;
  gboolean planar = job->gradient->large.lanes == 1;
  SegDirectCall call = { .first = 0 };

  if (job->gradient->small.lanes == 1)
    seg_direct_gradient_fill_small (
        job, chunk, job->small_block + first_vector * job->gradient->kernels->lanes, n_vectors);
  for (gint64 u = 0; u < n_units; u++)
    {
      if (planar)
        seg_direct_gradient_point_to_planes (job, chunk, first_unit + u, &call);
      else
        seg_direct_gradient_point_to_block (job, chunk, first_unit + u, &call);
      if (job->gradient->few)
        seg_direct_gradient_add_few (job, chunk, &call, job->sums + u * of_unit);
      else
        seg_direct_gradient_add_unit (job, chunk, first_vector, n_vectors, &call,
                                      job->sums + u * of_unit);
    }
}

/* ---- the result -------------------------------------------------------------------------- */

/* Rows of a unit, the weight that its first stands for (of one small channel), and how far the next
 * are from it. */
static gint64
seg_direct_gradient_find_weights (const SegDirectJob *job, gint64 unit, gint64 *first, gint64 *step)
{
  const SegDirectGradient *self = job->gradient;
  gint64 lanes = self->kernels->lanes, n_blocks = job->end_large - job->large_block;
  const SegChannelBlock *block;

  if (self->large.lanes == 1)
    {
      *first = (job->large_block - job->group * self->n_large) * job->area + unit * lanes;
      *step = 1;
      return MIN (lanes, n_blocks * job->area - unit * lanes);
    }
  block = &job->large->blocks[job->large_block + unit % n_blocks];
  *first = block->channel * job->area + unit / n_blocks;
  *step = job->area;
  return block->n_channels;
}

/* Stores the sums of a vector of small channels, of which @n from @k0 on exist. */
static void
seg_direct_gradient_store_vector (const SegDirectJob *job, const float *sums, gint64 k0, gint64 n,
                                  gint64 first_unit, gint64 n_units, float *dweights)
{
  gint64 of_unit = job->gradient->kernels->lanes * SEG_DIRECT_GRADIENT_CHANNELS;
  gint64 of_channel = job->gradient->n_large * job->area;
  gint64 row = SEG_DIRECT_GRADIENT_CHANNELS, column = 1; /* of the large channels, of the small */

  if (job->gradient->few)
    row = 1, column = SEG_DIRECT_GRADIENT_CHANNELS;
  for (gint64 u = 0; u < n_units; u++, sums += of_unit)
    {
      gint64 first, step;
      gint64 n_rows = seg_direct_gradient_find_weights (job, first_unit + u, &first, &step);

      for (gint64 l = 0; l < n; l++)
        for (gint64 r = 0; r < n_rows; r++)
          dweights[(k0 + l) * of_channel + first + r * step] = sums[r * row + l * column];
    }
}

static void
seg_direct_gradient_store (const SegDirectJob *job, gint64 first_vector, gint64 n_vectors,
                           gint64 first_unit, gint64 n_units, float *dweights)
{
  gint64 lanes = job->gradient->kernels->lanes;

  for (gint64 v = 0; v < n_vectors; v++)
    {
      gint64 k0 = job->small_block + (first_vector + v) * lanes;
      gint64 n = MIN (lanes, job->end_small - k0);

      if (job->gradient->small.lanes > 1)
        {
          k0 = job->small->blocks[job->small_block + first_vector + v].channel;
          n = job->small->blocks[job->small_block + first_vector + v].n_channels;
        }
      seg_direct_gradient_store_vector (job, job->sums + v * lanes, k0, n, first_unit, n_units,
                                        dweights);
    }
}

/* ---- running ----------------------------------------------------------------------------- */

/* All pixels of the rows, for some vectors and units. */
static void
seg_direct_gradient_run_part (const SegDirectJob *job, SegParamPiece rows, gint64 first_vector,
                              gint64 n_vectors, gint64 first_unit, gint64 n_units)
{
  gint64 w = job->small->shape.w, y0, y1;
  gint64 n = (w + SEG_DIRECT_GRADIENT_PIXELS - 1) / SEG_DIRECT_GRADIENT_PIXELS;
  gint64 width = (w + n - 1) / n;
  gint64 height = CLAMP (SEG_DIRECT_GRADIENT_PIXELS / width, 1, SEG_DIRECT_GRADIENT_ROWS);
  SegDirectChunk chunk = { 0 };

  memset (job->sums, 0,
          (gsize) (n_units * job->gradient->kernels->lanes * SEG_DIRECT_GRADIENT_CHANNELS)
              * sizeof *job->sums);
  while (seg_param_piece_take (&rows, job->small->shape.h, &chunk.sample, &y0, &y1))
    for (chunk.y = y0; chunk.y < y1; chunk.y += height)
      for (chunk.x = 0; chunk.x < w; chunk.x += width)
        {
          chunk.height = MIN (height, y1 - chunk.y);
          chunk.width = MIN (width, w - chunk.x);
          seg_direct_gradient_run_chunk (job, &chunk, first_vector, n_vectors, first_unit, n_units);
        }
}

/**
 * seg_direct_gradient_run: (skip)
 * @first_row: of the small map, counted on from sample to sample
 * @small_block: of more than one group, all blocks must be asked for
 * @dweights: (small channels, large channels of a group, rows, columns)
 *
 * What some rows of the small map give, for ranges of blocks of both.
 */
void
seg_direct_gradient_run (const SegDirectGradient *self, const SegView *small, const SegView *large,
                         gint64 first_row, gint64 end_row, guint small_block, guint n_small_blocks,
                         guint large_block, guint n_large_blocks, float *dweights, gpointer memory)
{
  SegParamPiece rows = { first_row, end_row, 0, 0 };
  gint64 lanes = self->kernels->lanes, most_vectors = SEG_DIRECT_GRADIENT_CHANNELS / lanes;

  for (gint64 g = 0; g < self->spec.groups; g++)
    {
      SegDirectJob job = { .gradient = self, .small = small, .large = large, .group = g,
                           .small_block = small_block, .large_block = large_block,
                           .area = seg_direct_gradient_area (self) };

      job.end_small = job.small_block + n_small_blocks;
      job.end_large = job.large_block + n_large_blocks;
      if (self->spec.groups > 1)
        {
          job.small_block = g * self->n_small, job.end_small = (g + 1) * self->n_small;
          job.large_block = g * self->n_large, job.end_large = (g + 1) * self->n_large;
        }
      seg_direct_gradient_lay_out (self, memory, &job);
      job.n_vectors = self->small.lanes > 1
                          ? job.end_small - job.small_block
                          : (job.end_small - job.small_block + lanes - 1) / lanes;
      job.n_units = seg_direct_gradient_count_units (self, job.end_large - job.large_block);
      for (gint64 v = 0; v < job.n_vectors; v += most_vectors)
        for (gint64 u = 0; u < job.n_units; u += job.most_units)
          {
            gint64 n_vectors = MIN (most_vectors, job.n_vectors - v);
            gint64 n_units = MIN (job.most_units, job.n_units - u);

            seg_direct_gradient_run_part (&job, rows, v, n_vectors, u, n_units);
            seg_direct_gradient_store (&job, v, n_vectors, u, n_units, dweights);
          }
    }
}
