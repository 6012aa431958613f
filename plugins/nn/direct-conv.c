#include "direct-conv.h"

static gint64
seg_direct_conv_n_convs (const SegDirectConv *self)
{
  return self->y_step * self->x_step;
}

/**
 * seg_direct_conv_init_gather: (skip)
 * @out_channels: of all groups
 *
 * Sets up everything but the weights, which are (outputs, inputs of a group, rows, columns).
 */
void
seg_direct_conv_init_gather (SegDirectConv *self, const SegOffer *offer, const SegConvSpec *spec,
                             gint64 out_channels)
{
  const SegWindow *v = &spec->v, *h = &spec->h;
  gint64 area = (gint64) v->kernel * h->kernel;
  g_autofree SegTap *taps = g_new (SegTap, area);

  *self = (SegDirectConv){ g_new0 (SegTapConv, 1), 1, 0, 1, 0 };
  for (gint64 i = 0; i < area; i++)
    taps[i] = (SegTap){ i / h->kernel * v->dilation - v->padding,
                        i % h->kernel * h->dilation - h->padding, i };
  seg_tap_conv_init (self->convs, offer, spec->groups, out_channels / spec->groups, v->stride,
                     h->stride, taps, area, spec->inside);
  self->convs->area = area;
}

/* Taps of output s·t + @a − padding, each from input t + (a − r·dilation) / s, where that division
 * leaves nothing. */
static gint64
seg_direct_conv_find_taps (const SegConvSpec *spec, gint64 a, gint64 b, SegTap *taps)
{
  const SegWindow *v = &spec->v, *h = &spec->h;
  gint64 n = 0;

  for (gint64 r = 0; r < v->kernel; r++)
    for (gint64 c = 0; c < h->kernel; c++)
      if ((a - r * v->dilation) % v->stride == 0 && (b - c * h->dilation) % h->stride == 0)
        taps[n++] = (SegTap){ (a - r * v->dilation) / v->stride, (b - c * h->dilation) / h->stride,
                              r * h->kernel + c };
  return n;
}

/**
 * seg_direct_conv_init_scatter: (skip)
 * @out_channels: of all groups
 *
 * Sets up everything but the weights, which are (inputs, outputs of a group, rows, columns).
 */
void
seg_direct_conv_init_scatter (SegDirectConv *self, const SegOffer *offer, const SegConvSpec *spec,
                              gint64 out_channels)
{
  const SegWindow *v = &spec->v, *h = &spec->h;
  gint64 area = (gint64) v->kernel * h->kernel;
  g_autofree SegTap *taps = g_new (SegTap, area);

  *self = (SegDirectConv){ g_new0 (SegTapConv, v->stride * h->stride), v->stride, -v->padding,
                           h->stride, -h->padding };
  for (gint64 i = 0; i < seg_direct_conv_n_convs (self); i++)
    {
      gint64 n = seg_direct_conv_find_taps (spec, i / h->stride, i % h->stride, taps);

      seg_tap_conv_init (&self->convs[i], offer, spec->groups, out_channels / spec->groups, 1, 1,
                         taps, n, spec->inside);
      self->convs[i].area = area;
      self->convs[i].input_first = TRUE;
    }
}

/* From now on results are added to what the output holds. */
void
seg_direct_conv_set_adds (SegDirectConv *self)
{
  for (gint64 i = 0; i < seg_direct_conv_n_convs (self); i++)
    self->convs[i].adds = TRUE;
}

void
seg_direct_conv_clear (SegDirectConv *self)
{
  for (gint64 i = 0; i < seg_direct_conv_n_convs (self); i++)
    seg_tap_conv_clear (&self->convs[i]);
  g_free (self->convs);
}

/* Memory for weights that stay. */
gboolean
seg_direct_conv_reserve (SegDirectConv *self, GError **error)
{
  gboolean reserved = TRUE;

  for (gint64 i = 0; i < seg_direct_conv_n_convs (self) && reserved; i++)
    reserved = seg_tap_conv_reserve (&self->convs[i], error);
  return reserved;
}

/* Into that memory; gives how many posts at the head of the list are folded in. */
guint
seg_direct_conv_pack (SegDirectConv *self, const float *weights, const float *bias,
                      const SegPost *posts, guint n_posts)
{
  guint n_folded = 0;

  for (gint64 i = 0; i < seg_direct_conv_n_convs (self); i++)
    n_folded = seg_tap_conv_pack (&self->convs[i], weights, bias, posts, n_posts);
  return n_folded;
}

guint
seg_direct_conv_n_panels (const SegDirectConv *self)
{
  return (guint) seg_direct_conv_n_convs (self) * seg_tap_conv_n_panels (self->convs);
}

/* Panel @panel of all convolutions' into @packed, of seg_direct_conv_packed_bytes(). */
void
seg_direct_conv_pack_panel (const SegDirectConv *self, guint panel, const float *weights,
                            const float *bias, float *packed)
{
  guint of_each = seg_tap_conv_n_panels (self->convs);

  for (guint i = 0; i < panel / of_each; i++)
    packed += seg_tap_conv_packed_bytes (&self->convs[i]) / sizeof *packed;
  seg_tap_conv_pack_panel (&self->convs[panel / of_each], panel % of_each, weights, bias, packed);
}

guint
seg_direct_conv_get_grain (const SegDirectConv *self)
{
  return seg_tap_conv_get_grain (self->convs);
}

gsize
seg_direct_conv_packed_bytes (const SegDirectConv *self)
{
  gsize bytes = 0;

  for (gint64 i = 0; i < seg_direct_conv_n_convs (self); i++)
    bytes += seg_tap_conv_packed_bytes (&self->convs[i]);
  return bytes;
}

gsize
seg_direct_conv_scratch_bytes (const SegDirectConv *self)
{
  gsize bytes = 0;

  for (gint64 i = 0; i < seg_direct_conv_n_convs (self); i++)
    bytes = MAX (bytes, seg_tap_conv_scratch_bytes (&self->convs[i]));
  return bytes;
}

/**
 * seg_direct_conv_run: (skip)
 * @packed: weights of seg_direct_conv_pack_panel(); %NULL: those of seg_direct_conv_pack()
 *
 * Computes a piece of the output.
 */
void
seg_direct_conv_run (const SegDirectConv *self, const float *packed, const SegConvPosts *posts,
                     const SegView *in, SegView *out, const SegPiece *piece, gpointer scratch)
{
  const SegRect *r = &piece->rect;

  for (gint64 i = 0; i < seg_direct_conv_n_convs (self); i++)
    {
      const SegTapConv *conv = &self->convs[i];
      SegTapPlace place = { self->y_step, i / self->x_step + self->y_first, self->x_step,
                            i % self->x_step + self->x_first };
      /* outputs of this convolution: the first in the rectangle, and the first past it */
      gint64 y0 = -seg_floor_div (place.y_first - r->y, place.y_step);
      gint64 y1 = -seg_floor_div (place.y_first - r->y - r->h, place.y_step);
      gint64 x0 = -seg_floor_div (place.x_first - r->x, place.x_step);
      gint64 x1 = -seg_floor_div (place.x_first - r->x - r->w, place.x_step);

      if (y0 < y1 && x0 < x1 && !(conv->adds && conv->n_taps == 0))
        seg_tap_conv_run (conv, packed, &place, y0, x0, y1 - y0, x1 - x0, posts, in, out, piece,
                          scratch);
      if (packed != NULL)
        packed += seg_tap_conv_packed_bytes (conv) / sizeof *packed;
    }
}

/* ---- inference --------------------------------------------------------------------------- */

typedef struct
{
  SegStep step;
  SegDirectConv conv;
  SegConvPosts posts; /* what is not folded into the weights */
} SegDirectStep;

static void
seg_direct_step_run (const SegStep *step, const SegRun *run, const SegView *in, guint n_in,
                     SegView *out, const SegPiece *piece)
{
  const SegDirectStep *self = (const SegDirectStep *) step;

  (void) n_in;
  seg_direct_conv_run (&self->conv, NULL, &self->posts, in, out, piece, run->scratch);
}

static void
seg_direct_step_free (SegStep *step)
{
  SegDirectStep *self = (SegDirectStep *) step;

  seg_direct_conv_clear (&self->conv);
  seg_conv_posts_clear (&self->posts);
  g_free (self);
}

/* A step of inference. @scatter: of the transpose. */
SegStep *
seg_direct_step_new (const SegOffer *offer, const SegConvSpec *spec, gboolean scatter,
                     gint64 out_channels, gboolean bias, GError **error)
{
  SegDirectStep *self = g_new0 (SegDirectStep, 1);
  guint n_folded;

  if (scatter)
    seg_direct_conv_init_scatter (&self->conv, offer, spec, out_channels);
  else
    seg_direct_conv_init_gather (&self->conv, offer, spec, out_channels);
  self->step.run = seg_direct_step_run;
  self->step.free = seg_direct_step_free;
  self->step.kernel = "direct";
  self->step.packed_bytes = seg_direct_conv_packed_bytes (&self->conv);
  self->step.channel_grain = seg_direct_conv_get_grain (&self->conv);
  self->step.scratch_bytes = seg_direct_conv_scratch_bytes (&self->conv);
  if (!seg_direct_conv_reserve (&self->conv, error))
    {
      seg_direct_step_free (&self->step);
      return NULL;
    }
  n_folded = seg_direct_conv_pack (&self->conv, offer->params[0], bias ? offer->params[1] : NULL,
                                   offer->after, offer->n_after);
  seg_conv_posts_init (&self->posts, offer->after + n_folded, offer->n_after - n_folded);
  return &self->step;
}
