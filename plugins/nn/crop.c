#include <string.h>

#include "nn.h"

#define MARGIN_MAX 65536

struct _SegCrop
{
  SegLayer parent_instance;
  gint top, bottom, left, right;
};

G_DEFINE_FINAL_TYPE (SegCrop, seg_crop, SEG_TYPE_LAYER)

/**
 * SegCrop:
 *
 * Takes rows and columns off a map. With a second input, of which only the shape counts, it
 * crops to that one's size and the properties play no part: half of the difference, rounded
 * down, goes off at the top and left, as in FC-DenseNet's and the classic U-Net's centred crop.
 * (`pad` to a smaller size rounds the other way.)
 * Shapes: (N, C, H, W) → (N, C, H - top - bottom, W - left - right), or (N, C, H₁, W₁).
 * Source: Ronneberger, Fischer and Brox 2015, U-Net, section 2, arXiv:1505.04597
 * Halo: none, moved
 * Kept for backward: nothing
 */

/* What is kept, in the input's pixels. */
static SegRect
seg_crop_get_kept (SegLayer *layer, const SegShape *from, const SegShape *to)
{
  SegCrop *self = SEG_CROP (layer);

  if (to != NULL)
    return (SegRect){ seg_floor_div (from->w - to->w, 2), seg_floor_div (from->h - to->h, 2), to->w,
                      to->h };
  return (SegRect){ self->left, self->top, from->w - self->left - self->right,
                    from->h - self->top - self->bottom };
}

static gboolean
seg_crop_is_identity (SegLayer *layer, const SegShape *in, guint n_in)
{
  SegRect kept = seg_crop_get_kept (layer, &in[0], n_in == 2 ? &in[1] : NULL);

  return kept.x == 0 && kept.y == 0 && kept.w == in[0].w && kept.h == in[0].h;
}

static gboolean
seg_crop_infer (SegLayer *layer, const SegShape *in, guint n_in, SegShape *out, GError **error)
{
  SegRect kept = seg_crop_get_kept (layer, &in[0], n_in == 2 ? &in[1] : NULL);

  if (kept.w < 1 || kept.h < 1 || kept.w > in[0].w || kept.h > in[0].h)
    {
      g_set_error (error, SEG_ERROR, SEG_ERROR_SHAPE,
                   "cannot crop %" G_GINT64_FORMAT "×%" G_GINT64_FORMAT
                   " pixels to %" G_GINT64_FORMAT "×%" G_GINT64_FORMAT,
                   in[0].h, in[0].w, kept.h, kept.w);
      return FALSE;
    }
  *out = (SegShape){ in[0].n, in[0].c, kept.h, kept.w };
  return TRUE;
}

static void
seg_crop_required (SegLayer *layer, const SegShape *in, guint n_in, const SegRect *out, guint input,
                   SegRect *need)
{
  SegRect kept = seg_crop_get_kept (layer, &in[0], n_in == 2 ? &in[1] : NULL);

  *need =
      input == 0 ? (SegRect){ out->x + kept.x, out->y + kept.y, out->w, out->h } : (SegRect){ 0 };
}

static void
seg_crop_forward (SegLayer *layer, const SegRun *run, const SegView *in, guint n_in, SegView *out,
                  const SegPiece *piece)
{
  SegRect kept = seg_crop_get_kept (layer, &in[0].shape, n_in == 2 ? &in[1].shape : NULL);
  const SegRect *r = &piece->rect;
  (void) run;

  for (guint b = piece->block; b < piece->block + piece->n_blocks; b++)
    for (gint64 y = r->y; y < r->y + r->h; y++)
      memcpy (seg_view_at (out, b, piece->sample, y, r->x),
              seg_view_at (&in[0], b, piece->sample, y + kept.y, r->x + kept.x),
              (gsize) (r->w * out->blocks[b].lanes) * sizeof (float));
}

static void
seg_crop_backward_input (SegLayer *layer, const SegRun *run, const SegView *in, guint n_in,
                         const SegView *out, const SegView *dout, guint input, SegView *din,
                         const SegPiece *piece)
{
  SegRect kept = seg_crop_get_kept (layer, &in[0].shape, n_in == 2 ? &in[1].shape : NULL);
  SegRect r = seg_rect_intersect (piece->rect, kept);
  (void) out;

  if (input != 0 || seg_rect_is_empty (&r))
    return;
  for (guint b = piece->block; b < piece->block + piece->n_blocks; b++)
    for (gint64 y = r.y; y < r.y + r.h; y++)
      {
        float *dx = seg_view_at (din, b, piece->sample, y, r.x);
        run->kernels->add ((gsize) (r.w * din->blocks[b].lanes), dx,
                           seg_view_at (dout, b, piece->sample, y - kept.y, r.x - kept.x), dx);
      }
}

static void
seg_crop_class_init (SegCropClass *klass)
{
  SegLayerClass *layer = SEG_LAYER_CLASS (klass);

  layer->max_inputs = 2;
  layer->infer = seg_crop_infer;
  layer->required = seg_crop_required;
  layer->layout = seg_layer_layout_first;
  layer->is_identity = seg_crop_is_identity;
  layer->forward = seg_crop_forward;
  layer->backward_input = seg_crop_backward_input;
  layer->flags = SEG_LAYER_DROPS_INPUT | SEG_LAYER_DROPS_OUTPUT;
  seg_layer_class_set_info (layer, "Cropping",
                            "Ronneberger, Fischer and Brox 2015, arXiv:1505.04597");
  seg_class_add_int (klass, "top", G_STRUCT_OFFSET (SegCrop, top), 0, MARGIN_MAX, 0,
                     "Rows taken off above");
  seg_class_add_int (klass, "bottom", G_STRUCT_OFFSET (SegCrop, bottom), 0, MARGIN_MAX, 0,
                     "Rows taken off below");
  seg_class_add_int (klass, "left", G_STRUCT_OFFSET (SegCrop, left), 0, MARGIN_MAX, 0,
                     "Columns taken off on the left");
  seg_class_add_int (klass, "right", G_STRUCT_OFFSET (SegCrop, right), 0, MARGIN_MAX, 0,
                     "Columns taken off on the right");
}

static void
seg_crop_init (SegCrop *self)
{
  (void) self;
}
