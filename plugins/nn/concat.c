#include <string.h>

#include "nn.h"

struct _SegConcat
{
  SegLayer parent_instance;
};

G_DEFINE_FINAL_TYPE (SegConcat, seg_concat, SEG_TYPE_LAYER)

/**
 * SegConcat:
 *
 * The channels of its inputs, one input after the other. It moves nothing: its readers see the inputs'
 * channels as they lie. (Only to train with a map joined to itself it is copied.)
 * Shapes: (N, C₀, H, W), (N, C₁, H, W), … → (N, C₀ + C₁ + …, H, W).
 * Source: Ronneberger, Fischer and Brox 2015, U-Net, section 2, arXiv:1505.04597
 * Halo: none
 * Kept for backward: nothing
 */

static gboolean
seg_concat_infer (SegLayer *layer, const SegShape *in, guint n_in, SegShape *out, GError **error)
{
  (void) layer;

  *out = in[0];
  for (guint i = 1; i < n_in; i++)
    {
      if (in[i].n != in[0].n || in[i].h != in[0].h || in[i].w != in[0].w)
        {
          g_set_error (error, SEG_ERROR, SEG_ERROR_SHAPE,
                       "cannot join maps of %" G_GINT64_FORMAT "×%" G_GINT64_FORMAT
                       " and %" G_GINT64_FORMAT "×%" G_GINT64_FORMAT " pixels",
                       in[0].h, in[0].w, in[i].h, in[i].w);
          return FALSE;
        }
      out->c += in[i].c;
    }
  return TRUE;
}

static void
seg_concat_forward (SegLayer *layer, const SegRun *run, const SegView *in, guint n_in, SegView *out,
                    const SegPiece *piece)
{
  const SegRect *r = &piece->rect;
  guint first = 0; /* block of the output where input i begins */
  (void) layer, (void) run;

  for (guint i = 0; i < n_in; first += in[i++].n_blocks)
    for (guint b = 0; b < in[i].n_blocks; b++)
      if (first + b >= piece->block && first + b < piece->block + piece->n_blocks)
        for (gint64 y = r->y; y < r->y + r->h; y++)
          memcpy (seg_view_at (out, first + b, piece->sample, y, r->x),
                  seg_view_at (&in[i], b, piece->sample, y, r->x), r->w * sizeof (float));
}

static void
seg_concat_backward_input (SegLayer *layer, const SegRun *run, const SegView *in, guint n_in,
                           const SegView *out, const SegView *dout, guint input, SegView *din,
                           const SegPiece *piece)
{
  const SegRect *r = &piece->rect;
  guint first = 0;
  (void) layer, (void) n_in, (void) out;

  for (guint i = 0; i < input; i++)
    first += in[i].n_blocks;
  for (guint b = piece->block; b < piece->block + piece->n_blocks; b++)
    for (gint64 y = r->y; y < r->y + r->h; y++)
      {
        float *dx = seg_view_at (din, b, piece->sample, y, r->x);
        run->kernels->add (r->w, dx, seg_view_at (dout, first + b, piece->sample, y, r->x), dx);
      }
}

static void
seg_concat_class_init (SegConcatClass *klass)
{
  SegLayerClass *layer = SEG_LAYER_CLASS (klass);

  layer->max_inputs = 256;
  layer->flags = SEG_LAYER_ALIAS | SEG_LAYER_DROPS_INPUT | SEG_LAYER_DROPS_OUTPUT;
  layer->infer = seg_concat_infer;
  layer->forward = seg_concat_forward;
  layer->backward_input = seg_concat_backward_input;
  seg_layer_class_set_info (layer, "Concatenation of channels",
                            "Ronneberger, Fischer and Brox 2015, arXiv:1505.04597");
}

static void
seg_concat_init (SegConcat *self)
{
  (void) self;
}
