#include "losses.h"

typedef struct
{
  SegLoss *losses[2];
  float weights[2];
} SegCombinedPrivate;

/**
 * SegCombined:
 *
 * L = a L₁ + b L₂ of any two losses. To one that is not given there is cross-entropy.
 * Source: Isensee et al. 2021, supplementary note 4: the sum of Dice and cross-entropy
 */
G_DEFINE_TYPE_WITH_PRIVATE (SegCombined, seg_combined, SEG_TYPE_LOSS)

static gboolean
seg_combined_compute (SegLoss *loss, const SegLossBatch *batch, double factor, double *value,
                      GError **error)
{
  SegCombinedPrivate *priv = seg_combined_get_instance_private (SEG_COMBINED (loss));

  *value = 0.;
  for (guint i = 0; i < 2; i++)
    {
      double weight = (double) priv->weights[i], part;

      if (!seg_loss_compute (priv->losses[i], batch, factor * weight, &part, error))
        return FALSE;
      *value += weight * part;
    }
  return TRUE;
}

static void
seg_combined_constructed (GObject *object)
{
  SegCombinedPrivate *priv = seg_combined_get_instance_private (SEG_COMBINED (object));

  G_OBJECT_CLASS (seg_combined_parent_class)->constructed (object);
  for (guint i = 0; i < 2; i++)
    if (priv->losses[i] == NULL)
      priv->losses[i] = g_object_new (SEG_TYPE_CROSS_ENTROPY, NULL);
}

static void
seg_combined_class_init (SegCombinedClass *klass)
{
  gsize offset = (gsize) g_type_class_get_instance_private_offset (klass);

  G_OBJECT_CLASS (klass)->constructed = seg_combined_constructed;
  SEG_LOSS_CLASS (klass)->compute = seg_combined_compute;
  seg_loss_class_set_info (SEG_LOSS_CLASS (klass), "Sum of two losses",
                           "Isensee et al. 2021, supplementary note 4");
  seg_class_add_object (klass, "first", offset + G_STRUCT_OFFSET (SegCombinedPrivate, losses[0]),
                        SEG_TYPE_LOSS, "A loss; cross-entropy by default");
  seg_class_add_object (klass, "second", offset + G_STRUCT_OFFSET (SegCombinedPrivate, losses[1]),
                        SEG_TYPE_LOSS, "The other; cross-entropy by default");
  seg_class_add_float (klass, "first-weight",
                       offset + G_STRUCT_OFFSET (SegCombinedPrivate, weights[0]), 0.f, 1e6f, 1.f,
                       "What the first loss is multiplied by");
  seg_class_add_float (klass, "second-weight",
                       offset + G_STRUCT_OFFSET (SegCombinedPrivate, weights[1]), 0.f, 1e6f, 1.f,
                       "What the second loss is multiplied by");
}

static void
seg_combined_init (SegCombined *self)
{
  (void) self;
}

/**
 * SegDiceCe:
 *
 * The same with Dice as the first loss, unless another is given: nnU-Net's Dice and cross-entropy.
 * Source: Isensee et al. 2021, supplementary note 4
 */
struct _SegDiceCe
{
  SegCombined parent_instance;
};

G_DEFINE_FINAL_TYPE (SegDiceCe, seg_dice_ce, SEG_TYPE_COMBINED)

static void
seg_dice_ce_constructed (GObject *object)
{
  SegCombinedPrivate *priv = seg_combined_get_instance_private (SEG_COMBINED (object));

  if (priv->losses[0] == NULL)
    priv->losses[0] = g_object_new (SEG_TYPE_DICE, NULL);
  G_OBJECT_CLASS (seg_dice_ce_parent_class)->constructed (object);
}

static void
seg_dice_ce_class_init (SegDiceCeClass *klass)
{
  G_OBJECT_CLASS (klass)->constructed = seg_dice_ce_constructed;
  seg_loss_class_set_info (SEG_LOSS_CLASS (klass), "Dice and cross-entropy",
                           "Isensee et al. 2021, supplementary note 4");
}

static void
seg_dice_ce_init (SegDiceCe *self)
{
  (void) self;
}
