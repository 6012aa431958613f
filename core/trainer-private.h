#pragma once

#include <segkit/trainer.h>
#include <segkit/workspace.h>

#include "supervision-private.h"

G_BEGIN_DECLS

/* The most slots of an optimiser. */
#define SEG_TRAINER_MAX_SLOTS 8

/* What there is of one parameter. */
typedef struct
{
  const char *name;
  SegRole role;
  gsize n;               /* elements */
  SegTensor *tensor;     /* the model's, but for auxiliary heads */
  gboolean trained;      /* the optimiser changes it */
  SegTensor **slots;     /* the optimiser's, if it is trained */
  SegTensor *average;    /* moving average, or NULL */
  float *sum;            /* of gradients, if they are accumulated over batches */
  gpointer backup;       /* of running state, as it was before the step */
  const float *gradient; /* of this step */
} SegTrainerParameter;

/* Some numbers of a parameter, and the sum of their squared gradients. */
typedef struct
{
  SegTrainerParameter *parameter;
  gsize first, n;
  double square;
} SegTrainerChunk;

struct _SegTrainer
{
  GObject parent_instance;
  SegModel *model;
  SegSupervision network; /* what is trained */
  SegPool *pool;
  SegTrainerOptions options; /* objects, text and weights in it are owned */
  guint n_slots;
  const char *const *slot_names;

  SegSchedule *schedule;
  SegWorkspace *workspace;
  SegShape input;
  SegTrainerParameter *parameters;
  SegTrainerChunk *chunks;
  guint n_parameters, n_chunks;

  guint64 step;                              /* steps made */
  double state[SEG_RATE_SCHEDULE_MAX_STATE]; /* of the rate's schedule */
  gboolean averaged; /* the model has the averages, and these the live weights */
};

gboolean _seg_trainer_allocate       (SegTrainer *self, GError **error);
void     _seg_trainer_release        (SegTrainer *self);
gsize    _seg_trainer_count_bytes    (SegParameters *parameters, const SegTrainerOptions *options);
void     _seg_trainer_back_up        (SegTrainer *self, gboolean restore);
void     _seg_trainer_take_gradients (SegTrainer *self, guint batch);
double   _seg_trainer_get_norm       (SegTrainer *self);
void     _seg_trainer_update         (SegTrainer *self, double rate, double scale);

G_END_DECLS
