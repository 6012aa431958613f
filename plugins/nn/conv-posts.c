#include "conv-posts.h"

#include <math.h>

static gboolean
seg_conv_posts_find_clamp (const SegPost *post, float *lo, float *hi)
{
  SegElementwiseClass *klass;

  if (post->kind != SEG_POST_ELEMENTWISE)
    return FALSE;
  klass = SEG_ELEMENTWISE_GET_CLASS (post->layer);
  return klass->as_clamp != NULL && klass->as_clamp (post->layer, lo, hi);
}

/* How many posts at the head of the list are affine, and can be folded into weights. */
guint
seg_conv_posts_count_affine (const SegPost *posts, guint n_posts)
{
  guint n = 0;

  while (n < n_posts && posts[n].kind == SEG_POST_AFFINE)
    n++;
  return n;
}

/* Applies affine posts, one after the other, to a channel's y = scale·x + shift. */
void
seg_conv_posts_fold (const SegPost *posts, guint n_affine, gint64 channel, double *scale,
                     double *shift)
{
  for (guint i = 0; i < n_affine; i++)
    {
      *scale *= (double) posts[i].scale[channel];
      *shift = *shift * (double) posts[i].scale[channel] + (double) posts[i].shift[channel];
    }
}

/**
 * seg_conv_posts_init: (skip)
 * @posts: what is left to do on finished sums
 */
void
seg_conv_posts_init (SegConvPosts *self, const SegPost *posts, guint n_posts)
{
  guint i = 0;

  *self = (SegConvPosts){ g_memdup2 (posts, n_posts * sizeof *posts), n_posts, FALSE, -1,
                          -INFINITY, INFINITY };
  if (i < n_posts && posts[i].kind == SEG_POST_ADD)
    self->add = (gint) posts[i++].input;
  if (i < n_posts && seg_conv_posts_find_clamp (&posts[i], &self->lo, &self->hi))
    i++;
  self->simple = i == n_posts;
}

void
seg_conv_posts_clear (SegConvPosts *self)
{
  g_free (self->posts);
}

/* Does them all on @n finished pixels of one block of channels, in place. */
void
seg_conv_posts_apply (const SegConvPosts *self, const SegKernels *kernels, const SegView *in,
                      guint block, gint64 sample, gint64 y, gint64 x, gint64 n, float *run)
{
  if (self->n_posts == 0)
    return;
  if (self->simple)
    kernels->finish ((gsize) (n * kernels->lanes),
                     self->add < 0 ? NULL : seg_view_at (&in[self->add], block, sample, y, x),
                     self->lo, self->hi, run);
  else
    seg_posts_apply_block (self->posts, self->n_posts, kernels, in, block, sample, y, x, (gsize) n,
                           run);
}

/**
 * seg_conv_map_lanes: (skip)
 * @out: how a convolution's output lies
 * @n_channels: of the output, or of one group of it
 * @lanes: of the kernels
 * @n_vectors: (out): of sums that make it: one for each block, or for so many planes
 *
 * Returns: (transfer full): the channel that each lane of each vector computes; -1: none
 */
gint32 *
seg_conv_map_lanes (const SegBlocking *out, gint64 n_channels, gint lanes, gint64 *n_vectors)
{
  gboolean in_blocks = out->lanes > 1;
  gint32 *map, channel = 0;

  *n_vectors = in_blocks ? out->n_blocks : (n_channels + lanes - 1) / lanes;
  map = g_new (gint32, *n_vectors * lanes);
  for (gint64 v = 0; v < *n_vectors; v++)
    {
      gint64 left = n_channels - channel;
      gint64 n = in_blocks && out->channels != NULL ? out->channels[v] : MIN (left, lanes);

      for (gint64 l = 0; l < lanes; l++)
        map[v * lanes + l] = l < n ? channel++ : -1;
    }
  return map;
}

/**
 * seg_conv_count_narrow: (skip)
 * @n_channels: of the output
 * @n_lanes: of the vectors of sums that make it otherwise
 *
 * Whether there are so few outputs that the narrow product leaves fewer lanes empty.
 *
 * Returns: how many vectors that takes; 0: it gains nothing, or cannot take in the input
 */
gint64
seg_conv_count_narrow (const SegOffer *offer, gint64 n_channels, gint64 n_lanes)
{
  const SegBlocking *in = &offer->in_blocking[0];
  gint64 n = (n_channels + SEG_KERNEL_NARROW_GRAIN - 1) / SEG_KERNEL_NARROW_GRAIN;
  gint64 at_once = offer->kernels->lanes / SEG_KERNEL_NARROW_GRAIN; /* terms, all of one block */

  if (offer->purpose != SEG_PURPOSE_INFERENCE || in->lanes == 1
      || n_channels > SEG_KERNEL_NARROW || n * SEG_KERNEL_NARROW_GRAIN >= n_lanes
      || offer->in[0].c % at_once != 0)
    return 0;
  for (guint b = 0; b < in->n_blocks && in->channels != NULL; b++)
    if (in->channels[b] % at_once != 0)
      return 0;
  return n;
}

/**
 * seg_conv_prologue_init: (skip)
 *
 * Joins what the offer puts before the layer: affine maps, then a clamp.
 */
void
seg_conv_prologue_init (SegConvPrologue *self, const SegOffer *offer)
{
  gsize n = (gsize) offer->in[0].c + SEG_KERNEL_MAX_LANES;
  guint n_affine = seg_conv_posts_count_affine (offer->before, offer->n_before);

  *self = (SegConvPrologue){ NULL, NULL, -INFINITY, INFINITY };
  if (offer->n_before == 0)
    return;
  self->scale = g_new0 (float, n);
  self->shift = g_new0 (float, n);
  for (gint64 c = 0; c < offer->in[0].c; c++)
    {
      double scale = 1.0, shift = 0.0;

      seg_conv_posts_fold (offer->before, n_affine, c, &scale, &shift);
      self->scale[c] = (float) scale;
      self->shift[c] = (float) shift;
    }
  for (guint i = 0; i < offer->n_before; i++)
    seg_conv_posts_find_clamp (&offer->before[i], &self->lo, &self->hi);
}

void
seg_conv_prologue_clear (SegConvPrologue *self)
{
  g_free (self->scale);
  g_free (self->shift);
}
