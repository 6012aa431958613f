#pragma once

#include <segkit/error.h>
#include <segkit/pool.h>
#include <segkit/property.h>
#include <segkit/types.h>

G_BEGIN_DECLS

/* The class of a pixel that no loss, and no metric, counts. */
#define SEG_TARGET_IGNORE G_MAXUINT16

/* The most planes of logits; a model has no more classes. */
#define SEG_LOSS_MAX_PLANES 256

/**
 * SegLossRow:
 * @n: pixels
 * @n_classes: planes of logits; 1: one logit, whose sigmoid is the probability of class 1 against
 *   class 0
 * @logits: (array length=n_classes): a row of each plane
 * @target: (array length=n): class of each pixel, or %SEG_TARGET_IGNORE
 * @weight: (array length=n) (nullable): of each pixel, as of a border map; %NULL: 1
 * @class_weight: (nullable): of each class, two for one plane; %NULL: 1
 *
 * One row of one sample, as a loss sees it.
 */
typedef struct
{
  gsize n;
  guint n_classes;
  const float *const *logits;
  const guint16 *target;
  const float *weight, *class_weight;

  /*< private >*/
  gpointer reserved[4];
} SegLossRow;

/**
 * SegLossBatch:
 * @pool: threads
 * @logits: in planes; what is valid is the whole map
 * @targets: (array): n·h·w classes or %SEG_TARGET_IGNORE
 * @weights: (array) (nullable): n·h·w weights of pixels
 * @class_weight: (array) (nullable): of each class, at least two
 * @gradient: (nullable): a view like @logits, to which the loss's gradient is added
 *
 * A batch of network outputs beside what they should have been.
 */
typedef struct
{
  SegPool *pool;
  const SegView *logits;
  const guint16 *targets;
  const float *weights, *class_weight;
  const SegView *gradient;

  /*< private >*/
  gpointer reserved[4];
} SegLossBatch;

#define SEG_TYPE_LOSS (seg_loss_get_type ())
G_DECLARE_DERIVABLE_TYPE (SegLoss, seg_loss, SEG, LOSS, GObject)

/**
 * SegLossClass:
 * @n_sums: how many sums over pixels there are
 * @sum_row: adds one row to the sums
 * @finish: the loss, from the sums of all rows and the classes' weights; may turn the sums into what
 *   gradient_row() needs. 0 if no pixel counts
 * @gradient_row: adds @factor times the gradient of one row's logits
 * @by_sample: whether each sample has sums and a loss of its own, whose mean is the loss; %NULL:
 *   no
 * @compute: the whole, for a loss that is no function of sums over pixels. By default the above
 *
 * A number for how far logits are from targets, and its gradient. Pixels of %SEG_TARGET_IGNORE
 * count in nothing. Sums are made row by row, and rows are joined in order, so that the bits do not
 * depend on threads.
 */
struct _SegLossClass
{
  GObjectClass parent_class;

  /*< private >*/
  const char *title, *source;

  /*< public >*/
  gsize (*n_sums) (SegLoss *self, guint n_classes);
  void (*sum_row) (SegLoss *self, const SegLossRow *row, double *sums);
  double (*finish) (SegLoss *self, guint n_classes, const float *class_weight, double *sums);
  void (*gradient_row) (SegLoss *self, const SegLossRow *row, const double *sums, double factor,
                        float *const *dlogits);
  gboolean (*by_sample) (SegLoss *self);
  gboolean (*compute) (SegLoss *self, const SegLossBatch *batch, double factor, double *loss,
                       GError **error);

  /*< private >*/
  gpointer reserved[8];
};

void        seg_loss_class_set_info (SegLossClass *klass, const char *title, const char *source);
const char *seg_loss_get_title      (SegLoss *self);
const char *seg_loss_get_source     (SegLoss *self);

gboolean    seg_loss_compute        (SegLoss *self, const SegLossBatch *batch, double factor,
                                     double *loss, GError **error);

G_END_DECLS
