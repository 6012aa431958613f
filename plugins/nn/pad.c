#include <string.h>

#include "nn.h"

#define MARGIN_MAX 65536

struct _SegPad
{
  SegLayer parent_instance;
  gint top, bottom, left, right;
};

G_DEFINE_FINAL_TYPE (SegPad, seg_pad, SEG_TYPE_LAYER)

/**
 * SegPad:
 *
 * Puts zeros around a map; a negative margin crops. With a second input, of which only the
 * shape counts, it pads or crops to that one's size and the properties play no part: half of
 * the difference, rounded down, goes to the top and left. That is the classic U-Net's rule for
 * skips of odd size, as its PyTorch versions have it (floor also where the difference is
 * negative).
 * Shapes: (N, C, H, W) → (N, C, H + top + bottom, W + left + right).
 * Source: Ronneberger, Fischer and Brox 2015, U-Net, section 2 (the crop), arXiv:1505.04597
 * Halo: none, moved by the margins
 * Kept for backward: nothing
 */

typedef struct
{
  gint64 top, left, height, width;
} Margins;

static Margins
seg_pad_get_margins (SegLayer *layer, const SegShape *in, guint n_in)
{
  SegPad *self = SEG_PAD (layer);

  if (n_in == 2)
    return (Margins){ seg_floor_div (in[1].h - in[0].h, 2), seg_floor_div (in[1].w - in[0].w, 2),
                      in[1].h, in[1].w };
  return (Margins){ self->top, self->left, in[0].h + self->top + self->bottom,
                    in[0].w + self->left + self->right };
}

static gboolean
seg_pad_infer (SegLayer *layer, const SegShape *in, guint n_in, SegShape *out, GError **error)
{
  Margins m = seg_pad_get_margins (layer, in, n_in);

  if (m.height < 1 || m.width < 1)
    {
      g_set_error (error, SEG_ERROR, SEG_ERROR_SHAPE,
                   "margins leave %" G_GINT64_FORMAT "×%" G_GINT64_FORMAT " of %" G_GINT64_FORMAT
                   "×%" G_GINT64_FORMAT " pixels",
                   m.height, m.width, in[0].h, in[0].w);
      return FALSE;
    }
  *out = (SegShape){ in[0].n, in[0].c, m.height, m.width };
  return TRUE;
}

static void
seg_pad_required (SegLayer *layer, const SegShape *in, guint n_in, const SegRect *out, guint input,
                  SegRect *need)
{
  Margins m = seg_pad_get_margins (layer, in, n_in);

  if (input == 0)
    *need = (SegRect){ out->x - m.left, out->y - m.top, out->w, out->h };
  else
    *need = (SegRect){ 0 };
}

static void
seg_pad_forward (SegLayer *layer, const SegRun *run, const SegView *in, guint n_in, SegView *out,
                 const SegPiece *piece)
{
  SegShape shapes[2] = { in[0].shape, n_in == 2 ? in[1].shape : in[0].shape };
  Margins m = seg_pad_get_margins (layer, shapes, n_in);
  const SegRect *r = &piece->rect;
  SegRect map = { m.left, m.top, in[0].shape.w, in[0].shape.h };
  SegRect inside = seg_rect_intersect (*r, map);
  (void) run;

  for (guint b = piece->block; b < piece->block + piece->n_blocks; b++)
    for (gint64 y = r->y; y < r->y + r->h; y++)
      {
        float *to = seg_view_at (out, b, piece->sample, y, r->x);

        if (seg_rect_is_empty (&inside) || y < inside.y || y >= inside.y + inside.h)
          {
            memset (to, 0, r->w * sizeof (float));
            continue;
          }
        gint64 before = inside.x - r->x, after = r->w - before - inside.w;
        memset (to, 0, before * sizeof (float));
        memcpy (to + before, seg_view_at (&in[0], b, piece->sample, y - m.top, inside.x - m.left),
                inside.w * sizeof (float));
        memset (to + before + inside.w, 0, after * sizeof (float));
      }
}

static void
seg_pad_backward_input (SegLayer *layer, const SegRun *run, const SegView *in, guint n_in,
                        const SegView *out, const SegView *dout, guint input, SegView *din,
                        const SegPiece *piece)
{
  SegShape shapes[2] = { in[0].shape, n_in == 2 ? in[1].shape : in[0].shape };
  Margins m = seg_pad_get_margins (layer, shapes, n_in);
  const SegRect *r = &piece->rect;
  SegRect kept = { -m.left, -m.top, out->shape.w, out->shape.h }; /* not cropped away */
  SegRect inside = seg_rect_intersect (*r, kept);

  if (input != 0 || seg_rect_is_empty (&inside))
    return;
  for (guint b = piece->block; b < piece->block + piece->n_blocks; b++)
    for (gint64 y = inside.y; y < inside.y + inside.h; y++)
      {
        float *dx = seg_view_at (din, b, piece->sample, y, inside.x);
        run->kernels->add (inside.w, dx,
                           seg_view_at (dout, b, piece->sample, y + m.top, inside.x + m.left), dx);
      }
}

static void
seg_pad_class_init (SegPadClass *klass)
{
  SegLayerClass *layer = SEG_LAYER_CLASS (klass);

  layer->max_inputs = 2;
  layer->infer = seg_pad_infer;
  layer->required = seg_pad_required;
  layer->forward = seg_pad_forward;
  layer->backward_input = seg_pad_backward_input;
  seg_layer_class_set_info (layer, "Zero padding and cropping",
                            "Ronneberger, Fischer and Brox 2015, arXiv:1505.04597");
  seg_class_add_int (klass, "top", G_STRUCT_OFFSET (SegPad, top), -MARGIN_MAX, MARGIN_MAX, 0,
                     "Rows of zeros above");
  seg_class_add_int (klass, "bottom", G_STRUCT_OFFSET (SegPad, bottom), -MARGIN_MAX, MARGIN_MAX, 0,
                     "Rows of zeros below");
  seg_class_add_int (klass, "left", G_STRUCT_OFFSET (SegPad, left), -MARGIN_MAX, MARGIN_MAX, 0,
                     "Columns of zeros on the left");
  seg_class_add_int (klass, "right", G_STRUCT_OFFSET (SegPad, right), -MARGIN_MAX, MARGIN_MAX, 0,
                     "Columns of zeros on the right");
}

static void
seg_pad_init (SegPad *self)
{
  (void) self;
}
