#include "error-private.h"
#include "property-private.h"

#include <math.h>

#include <segkit/layer.h>

/**
 * SegLayer:
 *
 * One differentiable operation. Hyper-parameters are its properties; it holds no data, and does
 * not change once built.
 */
G_DEFINE_ABSTRACT_TYPE (SegLayer, seg_layer, G_TYPE_OBJECT)

static gboolean
seg_layer_default_infer (SegLayer *self, const SegShape *in, guint n_in, SegShape *out,
                         GError **error)
{
  (void) self, (void) n_in, (void) error;
  *out = in[0];
  return TRUE;
}

static void
seg_layer_default_required (SegLayer *self, const SegShape *in, guint n_in, const SegRect *out,
                            guint input, SegRect *need)
{
  (void) self, (void) in, (void) n_in, (void) input;
  *need = *out;
}

static void
seg_layer_dispose (GObject *object)
{
  _seg_properties_dispose (object);
  G_OBJECT_CLASS (seg_layer_parent_class)->dispose (object);
}

static void
seg_layer_class_init (SegLayerClass *klass)
{
  G_OBJECT_CLASS (klass)->dispose = seg_layer_dispose;
  klass->min_inputs = klass->max_inputs = 1;
  klass->infer = seg_layer_default_infer;
  klass->required = seg_layer_default_required;
}

static void
seg_layer_init (SegLayer *self)
{
  (void) self;
}

/**
 * seg_layer_class_set_info:
 * @klass: the class
 * @title: a few words
 * @source: paper and equation, or standard
 */
void
seg_layer_class_set_info (SegLayerClass *klass, const char *title, const char *source)
{
  klass->title = title;
  klass->source = source;
}

const char *
seg_layer_get_title (SegLayer *self)
{
  return SEG_LAYER_GET_CLASS (self)->title;
}

const char *
seg_layer_get_source (SegLayer *self)
{
  return SEG_LAYER_GET_CLASS (self)->source;
}

/* So large at most that a layer may add and multiply sizes by its properties without a check. */
static gboolean
seg_layer_is_countable (const SegShape *shape)
{
  return shape->n >= 1 && shape->n <= G_MAXINT32 && shape->c >= 1 && shape->c <= G_MAXINT32
         && shape->h >= 1 && shape->h <= G_MAXINT32 && shape->w >= 1 && shape->w <= G_MAXINT32;
}

/**
 * seg_layer_infer:
 * @self: a layer
 * @in: (array length=n_in): shapes of the inputs
 * @n_in: how many
 * @out: (out caller-allocates): shape of the output
 * @error: return location
 *
 * Errors: `SEG_ERROR_SHAPE` if there are too few or too many inputs, or they do not fit.
 */
gboolean
seg_layer_infer (SegLayer *self, const SegShape *in, guint n_in, SegShape *out, GError **error)
{
  SegLayerClass *klass = SEG_LAYER_GET_CLASS (self);

  if (n_in < klass->min_inputs || n_in > klass->max_inputs)
    {
      g_autofree char *most = klass->max_inputs > klass->min_inputs
                                  ? g_strdup_printf (" to %u", klass->max_inputs)
                                  : g_strdup ("");
      g_set_error (error, SEG_ERROR, SEG_ERROR_SHAPE, "takes %u%s input%s, not %u",
                   klass->min_inputs, most, klass->max_inputs > 1 ? "s" : "", n_in);
      return FALSE;
    }
  for (guint i = 0; i < n_in; i++)
    if (in[i].n < 1 || in[i].c < 1 || in[i].h < 1 || in[i].w < 1)
      {
        g_set_error (error, SEG_ERROR, SEG_ERROR_SHAPE,
                     "input %u is empty: %" G_GINT64_FORMAT " channels of %" G_GINT64_FORMAT
                     " × %" G_GINT64_FORMAT,
                     i, in[i].c, in[i].h, in[i].w);
        return FALSE;
      }
  if (!klass->infer (self, in, n_in, out, error))
    {
      _seg_error_complete (error, self, "infer");
      return FALSE;
    }
  if (!seg_layer_is_countable (out))
    {
      g_set_error (error, SEG_ERROR, SEG_ERROR_SHAPE,
                   "would give %" G_GINT64_FORMAT " channels of %" G_GINT64_FORMAT
                   " × %" G_GINT64_FORMAT ", which is empty or more than can be counted",
                   out->c, out->h, out->w);
      return FALSE;
    }
  return TRUE;
}

/**
 * seg_layer_required:
 * @self: a layer
 * @in: (array length=n_in): shapes of the inputs
 * @n_in: how many
 * @out: a rectangle of the output
 * @input: which input
 * @need: (out caller-allocates): what of it the arithmetic reads; may reach over the border
 */
void
seg_layer_required (SegLayer *self, const SegShape *in, guint n_in, const SegRect *out, guint input,
                    SegRect *need)
{
  SEG_LAYER_GET_CLASS (self)->required (self, in, n_in, out, input, need);
}

gint64
seg_layer_get_multiply_adds (SegLayer *self, const SegShape *in, guint n_in, const SegRect *out)
{
  SegLayerClass *klass = SEG_LAYER_GET_CLASS (self);
  return klass->multiply_adds != NULL ? klass->multiply_adds (self, in, n_in, out) : 0;
}

gsize
seg_layer_get_scratch (SegLayer *self, const SegShape *in, guint n_in)
{
  SegLayerClass *klass = SEG_LAYER_GET_CLASS (self);
  return klass->scratch != NULL ? klass->scratch (self, in, n_in) : 0;
}

SegLayout
seg_layer_layout_alike (SegLayer *self, SegPurpose purpose, const SegShape *in, guint n_in,
                              gint lanes)
{
  (void) self, (void) purpose, (void) in, (void) n_in, (void) lanes;
  return SEG_LAYOUT_ALIKE;
}

SegLayout
seg_layer_layout_first (SegLayer *self, SegPurpose purpose, const SegShape *in, guint n_in,
                              gint lanes)
{
  (void) self, (void) purpose, (void) in, (void) n_in, (void) lanes;
  return SEG_LAYOUT_FIRST;
}

void
seg_posts_apply (const SegPost *posts, guint n_posts, const SegKernels *kernels, const SegView *in,
                 gint64 channel, gint64 sample, gint64 y, gint64 x, gsize n, float *run)
{
  for (guint i = 0; i < n_posts; i++)
    switch (posts[i].kind)
      {
      case SEG_POST_AFFINE:
        kernels->affine (n, run, posts[i].scale[channel], posts[i].shift[channel], run);
        break;
      case SEG_POST_ELEMENTWISE:
        SEG_ELEMENTWISE_GET_CLASS (posts[i].layer)->forward (posts[i].layer, run, run, n);
        break;
      case SEG_POST_ADD:
        kernels->add (n, run, seg_view_at (&in[posts[i].input], (guint) channel, sample, y, x),
                      run);
        break;
      }
}

void
seg_posts_apply_block (const SegPost *posts, guint n_posts, const SegKernels *kernels,
                       const SegView *in, guint block, gint64 sample, gint64 y, gint64 x, gsize n,
                       float *run)
{
  gsize lanes = (gsize) kernels->lanes, first = block * lanes;

  for (guint i = 0; i < n_posts; i++)
    switch (posts[i].kind)
      {
      case SEG_POST_AFFINE:
        {
          SegKernelPrologue affine = { posts[i].scale + first, posts[i].shift + first, -INFINITY,
                                       INFINITY };
          kernels->prologue (n, run, &affine, run);
          break;
        }
      case SEG_POST_ELEMENTWISE:
        SEG_ELEMENTWISE_GET_CLASS (posts[i].layer)->forward (posts[i].layer, run, run, n * lanes);
        break;
      case SEG_POST_ADD:
        kernels->add (n * lanes, run, seg_view_at (&in[posts[i].input], block, sample, y, x), run);
        break;
      }
}
