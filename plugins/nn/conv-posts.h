/* What a convolution does beside its sum: the affine map and clamp of what came before it
 * (prologue), on numbers that it loads, and the posts that core handed to it, on those that it is
 * about to store. */
#pragma once

#include <segkit/seg-plugin.h>

/**
 * SegConvPosts:
 * @posts: in order
 * @n_posts: how many
 * @simple: all of them are one sum and one clamp, at most, in this order: a kernel does them
 * @add: the input to be added if simple; -1: none
 * @lo: of the clamp if simple
 * @hi: of the clamp if simple
 */
typedef struct
{
  SegPost *posts;
  guint n_posts;
  gboolean simple;
  gint add;
  float lo, hi;
} SegConvPosts;

guint seg_conv_posts_count_affine (const SegPost *posts, guint n_posts);
void  seg_conv_posts_fold         (const SegPost *posts, guint n_affine, gint64 channel,
                                   double *scale, double *shift);

void seg_conv_posts_init  (SegConvPosts *self, const SegPost *posts, guint n_posts);
void seg_conv_posts_clear (SegConvPosts *self);
void seg_conv_posts_apply (const SegConvPosts *self, const SegKernels *kernels, const SegView *in,
                           guint block, gint64 sample, gint64 y, gint64 x, gint64 n, float *run);

gint32 *seg_conv_map_lanes (const SegBlocking *out, gint64 n_channels, gint lanes,
                            gint64 *n_vectors);
gint64 seg_conv_count_narrow (const SegOffer *offer, gint64 n_channels, gint64 n_lanes);

/**
 * SegConvPrologue:
 * @scale: of each input channel and some more, so that a vector may be read from any; %NULL: there
 *   is nothing to do
 * @shift: likewise
 * @lo: least number
 * @hi: largest number
 */
typedef struct
{
  float *scale, *shift;
  float lo, hi;
} SegConvPrologue;

void seg_conv_prologue_init  (SegConvPrologue *self, const SegOffer *offer);
void seg_conv_prologue_clear (SegConvPrologue *self);

static inline SegKernelPrologue
seg_conv_prologue_at (const SegConvPrologue *self, gint64 channel)
{
  return (SegKernelPrologue){ self->scale + channel, self->shift + channel, self->lo, self->hi };
}
