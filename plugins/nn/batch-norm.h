/* Batch norm's two files: the layer with its statistics, and what it does with maps. */
#pragma once

#include "nn.h"

G_BEGIN_DECLS

typedef enum
{
  SEG_EPS_INSIDE,
  SEG_EPS_OUTSIDE,
} SegEpsMode;

struct _SegBatchNorm
{
  SegLayer parent_instance;
  float eps, momentum;
  SegEpsMode eps_mode;
  gboolean affine;
};

/* Of one channel: x̂ = (x - mean) · inverse, y = weight · x̂ + bias, which is scale · x + shift. In
 * training also the sums of the backward phase: the mean of dy, and of dy·x̂ times the inverse deviation
 * as the derivative of the variance has it. */
typedef struct
{
  double mean, inverse;
  float weight, scale, shift;
  float mean_dy, slope;
} SegBatchNormChannel;

SegBatchNormChannel seg_batch_norm_get_channel (SegBatchNorm *self, const SegRun *run,
                                                const SegShape *in, gint32 channel);

/* Σ dy·x̂ and Σ dy, the gradients of weight and bias. */
void seg_batch_norm_get_sums (const SegRun *run, const SegShape *in, gint32 channel,
                              float *dweight, float *dbias);

void     seg_batch_norm_class_init_passes (SegLayerClass *layer);

G_END_DECLS
