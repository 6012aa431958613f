/* Losses for segmentation. One file each; two bases hold what most of them have in common. */
#pragma once

#include <segkit/seg-plugin.h>

G_BEGIN_DECLS

/* Pixels that are worked on together. */
#define SEG_LOSS_RUN 32

/* Class probabilities of such pixels: softmax of the planes, or the sigmoid of the only one, which
 * is the softmax of (0, z). log Σ exp z = max + log sum. */
typedef struct
{
  guint n; /* pixels in use */
  float max[SEG_LOSS_RUN], sum[SEG_LOSS_RUN];
  float p[SEG_LOSS_MAX_PLANES][SEG_LOSS_RUN];
} SegLossRun;

void  seg_loss_run_compute (SegLossRun *self, const SegLossRow *row, gsize first);
void  seg_loss_run_chain   (const SegLossRun *self, guint n_planes, gsize first,
                            float (*gradient)[SEG_LOSS_RUN], float *const *dlogits);
float seg_loss_exp         (float x);

/* The weight of pixel @i; its class's where @target is a class. */
static inline float
seg_loss_row_weight (const SegLossRow *row, gsize i)
{
  return row->weight != NULL ? row->weight[i] : 1.f;
}

static inline float
seg_loss_row_class_weight (const SegLossRow *row, guint16 target)
{
  return row->class_weight != NULL ? row->class_weight[target] : 1.f;
}

/* Base of losses that are a weighted mean over pixels of a function of log p, the log probability
 * of the pixel's class. @pixel: of -log p, returns the loss and gives its slope, d loss / d log p
 * times -1. */
#define SEG_TYPE_PIXEL_LOSS (seg_pixel_loss_get_type ())
G_DECLARE_DERIVABLE_TYPE (SegPixelLoss, seg_pixel_loss, SEG, PIXEL_LOSS, SegLoss)

struct _SegPixelLossClass
{
  SegLossClass parent_class;
  double (*pixel) (SegPixelLoss *self, double minus_log_p, double *slope);
};

/* Base of losses that are 1 - the mean over classes of an index of overlap. @index: of Σ p·y, Σ p
 * and Σ y of one class, returns the index and its derivatives by the first two. */
#define SEG_TYPE_OVERLAP_LOSS (seg_overlap_loss_get_type ())
G_DECLARE_DERIVABLE_TYPE (SegOverlapLoss, seg_overlap_loss, SEG, OVERLAP_LOSS, SegLoss)

struct _SegOverlapLossClass
{
  SegLossClass parent_class;
  double (*index) (SegOverlapLoss *self, double both, double predicted, double true,
                   double smooth, double *by_both, double *by_predicted);
};

/* A denominator is never less, nnU-Net's number. */
#define SEG_OVERLAP_LEAST 1e-8

#define SEG_TYPE_BCE (seg_bce_get_type ())
G_DECLARE_FINAL_TYPE (SegBce, seg_bce, SEG, BCE, SegLoss)

#define SEG_TYPE_COMBINED (seg_combined_get_type ())
G_DECLARE_DERIVABLE_TYPE (SegCombined, seg_combined, SEG, COMBINED, SegLoss)

struct _SegCombinedClass
{
  SegLossClass parent_class;
};

#define SEG_TYPE_CROSS_ENTROPY (seg_cross_entropy_get_type ())
G_DECLARE_FINAL_TYPE (SegCrossEntropy, seg_cross_entropy, SEG, CROSS_ENTROPY, SegPixelLoss)

#define SEG_TYPE_DICE (seg_dice_get_type ())
G_DECLARE_FINAL_TYPE (SegDice, seg_dice, SEG, DICE, SegOverlapLoss)

#define SEG_TYPE_DICE_CE (seg_dice_ce_get_type ())
G_DECLARE_FINAL_TYPE (SegDiceCe, seg_dice_ce, SEG, DICE_CE, SegCombined)

#define SEG_TYPE_FOCAL (seg_focal_get_type ())
G_DECLARE_FINAL_TYPE (SegFocal, seg_focal, SEG, FOCAL, SegPixelLoss)

#define SEG_TYPE_JACCARD (seg_jaccard_get_type ())
G_DECLARE_FINAL_TYPE (SegJaccard, seg_jaccard, SEG, JACCARD, SegOverlapLoss)

#define SEG_TYPE_LOVASZ (seg_lovasz_get_type ())
G_DECLARE_FINAL_TYPE (SegLovasz, seg_lovasz, SEG, LOVASZ, SegLoss)

#define SEG_TYPE_TVERSKY (seg_tversky_get_type ())
G_DECLARE_FINAL_TYPE (SegTversky, seg_tversky, SEG, TVERSKY, SegOverlapLoss)

G_END_DECLS
