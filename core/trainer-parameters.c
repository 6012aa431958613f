/* What a trainer keeps of each parameter, and what one step does to it: everything goes by chunks of
 * so many numbers, which threads share out. A number's new value depends on its own old ones alone,
 * and the norm's sums are joined in order, so that the bits do not depend on threads. */
#include "trainer-private.h"

#include <math.h>
#include <string.h>

#include <segkit/memory.h>

#define SEG_TRAINER_CHUNK 16384
#define SEG_TRAINER_RUN 1024 /* of which a scaled gradient is on the stack */

/* ---- memory ------------------------------------------------------------------------------ */

/* Whether @name begins with one of the prefixes, and notes which. */
static gboolean
seg_trainer_is_frozen (const char *name, char **prefixes, gboolean *used)
{
  for (guint i = 0; prefixes[i] != NULL; i++)
    if (g_str_has_prefix (name, prefixes[i]))
      return used[i] = TRUE;
  return FALSE;
}

/* Prefixes without blanks around them; empty ones count for nothing. */
static char **
seg_trainer_split_prefixes (const char *frozen)
{
  g_auto (GStrv) words = g_strsplit (frozen != NULL ? frozen : "", ",", -1);
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();

  for (char **word = words; *word != NULL; word++)
    if (*g_strstrip (*word) != '\0')
      g_strv_builder_add (builder, *word);
  return g_strv_builder_end (builder);
}

static gboolean
seg_trainer_is_trained (SegRole role, const SegTrainerOptions *options)
{
  return role == SEG_ROLE_WEIGHT || role == SEG_ROLE_BIAS
         || (role == SEG_ROLE_NORM && !options->freeze_norms);
}

/* Says which parameters are trained. */
static gboolean
seg_trainer_choose (SegTrainer *self, GError **error)
{
  g_auto (GStrv) prefixes = seg_trainer_split_prefixes (self->options.frozen);
  g_autofree gboolean *used = g_new0 (gboolean, g_strv_length (prefixes) + 1);
  guint n_trained = 0;

  for (guint i = 0; i < self->n_parameters; i++)
    {
      SegTrainerParameter *p = &self->parameters[i];
      gboolean frozen = seg_trainer_is_frozen (p->name, prefixes, used);

      p->trained = !frozen && seg_trainer_is_trained (p->role, &self->options);
      n_trained += p->trained;
    }
  for (guint i = 0; prefixes[i] != NULL; i++)
    if (!used[i])
      {
        g_set_error (error, SEG_ERROR, SEG_ERROR_PARAM,
                     "frozen: no parameter's name begins with \"%s\"", prefixes[i]);
        return FALSE;
      }
  if (n_trained > 0)
    return TRUE;
  g_set_error_literal (error, SEG_ERROR, SEG_ERROR_PARAM,
                       "no parameter is left to be trained: all are frozen");
  return FALSE;
}

static gboolean
seg_trainer_needs_average (const SegTrainerParameter *p, const SegTrainerOptions *options)
{
  return options->ema_decay > 0.
         && (p->trained || (p->role == SEG_ROLE_STATE && !options->freeze_norms));
}

static gboolean
seg_trainer_allocate_parameter (SegTrainer *self, SegTrainerParameter *p, GError **error)
{
  const SegTensor *t = p->tensor;

  if (p->trained)
    {
      p->slots = g_new0 (SegTensor *, MAX (self->n_slots, 1));
      for (guint s = 0; s < self->n_slots; s++)
        if ((p->slots[s] = seg_tensor_new (SEG_DTYPE_F32, t->rank, t->dims, error)) == NULL)
          return FALSE;
      if (self->options.accumulate > 1
          && (p->sum = seg_alloc (p->n, sizeof (float), "sums of gradients", error)) == NULL)
        return FALSE;
    }
  if (seg_trainer_needs_average (p, &self->options))
    {
      if ((p->average = seg_tensor_new (SEG_DTYPE_F32, t->rank, t->dims, error)) == NULL)
        return FALSE;
      memcpy (p->average->data, t->data, seg_tensor_get_n_bytes (t));
    }
  return (p->role != SEG_ROLE_STATE && p->role != SEG_ROLE_COUNTER)
         || (p->backup = seg_alloc (seg_tensor_get_n_bytes (t), 1, "running state", error)) != NULL;
}

/* Takes memory for all that is kept beside the model. */
gboolean
_seg_trainer_allocate (SegTrainer *self, GError **error)
{
  SegParameters *parameters = self->network.parameters;

  self->n_parameters = seg_parameters_get_n (parameters);
  self->parameters = g_new0 (SegTrainerParameter, MAX (self->n_parameters, 1));
  for (guint i = 0; i < self->n_parameters; i++)
    {
      SegTrainerParameter *p = &self->parameters[i];

      if ((p->tensor = seg_parameters_get_tensor (parameters, i, error)) == NULL)
        return FALSE;
      p->name = seg_parameters_get_name (parameters, i);
      p->role = seg_parameters_get_role (parameters, i);
      p->n = seg_tensor_get_n_elements (p->tensor);
    }
  if (!seg_trainer_choose (self, error))
    return FALSE;
  for (guint i = 0; i < self->n_parameters; i++)
    {
      if (!seg_trainer_allocate_parameter (self, &self->parameters[i], error))
        return FALSE;
      self->n_chunks += (self->parameters[i].n + SEG_TRAINER_CHUNK - 1) / SEG_TRAINER_CHUNK;
    }
  self->chunks = seg_alloc (self->n_chunks, sizeof *self->chunks, "chunks", error);
  if (self->chunks == NULL)
    return FALSE;
  for (guint i = 0, chunk = 0; i < self->n_parameters; i++)
    for (gsize first = 0; first < self->parameters[i].n; first += SEG_TRAINER_CHUNK)
      self->chunks[chunk++]
          = (SegTrainerChunk){ &self->parameters[i], first,
                               MIN (SEG_TRAINER_CHUNK, self->parameters[i].n - first), 0. };
  return TRUE;
}

void
_seg_trainer_release (SegTrainer *self)
{
  for (guint i = 0; self->parameters != NULL && i < self->n_parameters; i++)
    {
      SegTrainerParameter *p = &self->parameters[i];

      for (guint s = 0; p->slots != NULL && s < self->n_slots; s++)
        g_clear_pointer (&p->slots[s], seg_tensor_unref);
      g_free (p->slots);
      g_clear_pointer (&p->average, seg_tensor_unref);
      seg_free (p->sum);
      seg_free (p->backup);
    }
  g_clear_pointer (&self->parameters, g_free);
  seg_free (self->chunks);
}

/* As much as _seg_trainer_allocate() takes, were nothing frozen. */
gsize
_seg_trainer_count_bytes (SegParameters *parameters, const SegTrainerOptions *options)
{
  gsize n_floats = 0;
  guint n_slots;

  seg_optimizer_get_slots (options->optimizer, &n_slots);
  for (guint i = 0; i < seg_parameters_get_n (parameters); i++)
    {
      SegRole role = seg_parameters_get_role (parameters, i);
      SegTensor shape = { .rank = 0 };
      const gint64 *dims = seg_parameters_get_shape (parameters, i, &shape.rank);

      memcpy (shape.dims, dims, shape.rank * sizeof *dims);
      n_floats += seg_tensor_get_n_elements (&shape)
                  * (seg_trainer_is_trained (role, options)
                         ? n_slots + (options->accumulate > 1) + (options->ema_decay > 0.)
                         : 1);
    }
  return n_floats * sizeof (float);
}

/* ---- running state ----------------------------------------------------------------------- */

/* Keeps running state as it is now, or makes it again what it was. */
void
_seg_trainer_back_up (SegTrainer *self, gboolean restore)
{
  for (guint i = 0; i < self->n_parameters; i++)
    {
      SegTrainerParameter *p = &self->parameters[i];

      if (p->backup != NULL)
        memcpy (restore ? p->tensor->data : p->backup, restore ? p->backup : p->tensor->data,
                seg_tensor_get_n_bytes (p->tensor));
    }
}

/* ---- gradients --------------------------------------------------------------------------- */

/* Takes the gradients of batch @batch of a step. */
void
_seg_trainer_take_gradients (SegTrainer *self, guint batch)
{
  for (guint i = 0; i < self->n_parameters; i++)
    {
      SegTrainerParameter *p = &self->parameters[i];

      if (!p->trained)
        continue;
      p->gradient = seg_workspace_get_gradient (self->workspace, p->name);
      if (p->sum == NULL)
        continue;
      if (batch == 0)
        memcpy (p->sum, p->gradient, p->n * sizeof (float));
      else
        for (gsize j = 0; j < p->n; j++)
          p->sum[j] += p->gradient[j];
      p->gradient = p->sum;
    }
}

/* In eight sums, so that a vector's worth of them is made at a time, in an order that is fixed. */
static void
seg_trainer_square_chunk (guint task, guint thread, gpointer user_data)
{
  SegTrainerChunk *chunk = &((SegTrainer *) user_data)->chunks[task];
  const float *g = chunk->parameter->gradient + chunk->first;
  double sums[8] = { 0 };
  (void) thread;

  chunk->square = 0.;
  if (!chunk->parameter->trained)
    return;
  for (gsize i = 0; i + 8 <= chunk->n; i += 8)
    for (guint j = 0; j < 8; j++)
      sums[j] += (double) g[i + j] * (double) g[i + j];
  for (gsize i = chunk->n / 8 * 8; i < chunk->n; i++)
    sums[i % 8] += (double) g[i] * (double) g[i];
  for (guint j = 0; j < 8; j++)
    chunk->square += sums[j];
}

/* Of the gradients of all parameters that are trained, as one vector. */
double
_seg_trainer_get_norm (SegTrainer *self)
{
  double square = 0.;

  seg_pool_run (self->pool, self->n_chunks, seg_trainer_square_chunk, self);
  for (guint i = 0; i < self->n_chunks; i++)
    square += self->chunks[i].square;
  return sqrt (square);
}

/* ---- the step ---------------------------------------------------------------------------- */

typedef struct
{
  SegTrainer *trainer;
  double rate, scale; /* of gradients */
  float keep;         /* share of the average that stays */
} SegTrainerUpdate;

static void
seg_trainer_step_chunk (const SegTrainerUpdate *update, const SegTrainerChunk *chunk)
{
  SegTrainer *self = update->trainer;
  SegTrainerParameter *p = chunk->parameter;
  double decay = p->role == SEG_ROLE_WEIGHT ? self->options.weight_decay : 0.;
  float scale = (float) update->scale;

  for (gsize at = chunk->first; at < chunk->first + chunk->n; at += SEG_TRAINER_RUN)
    {
      gsize n = MIN (SEG_TRAINER_RUN, chunk->first + chunk->n - at);
      float scaled[SEG_TRAINER_RUN], *slots[SEG_TRAINER_MAX_SLOTS];
      const float *g = p->gradient + at;

      for (guint s = 0; s < self->n_slots; s++)
        slots[s] = (float *) p->slots[s]->data + at;
      for (gsize i = 0; i < n; i++)
        scaled[i] = g[i] * scale;
      seg_optimizer_step (self->options.optimizer, self->step + 1, update->rate, decay,
                          (float *) p->tensor->data + at, scaled, slots, n);
    }
}

static void
seg_trainer_update_chunk (guint task, guint thread, gpointer user_data)
{
  const SegTrainerUpdate *update = user_data;
  const SegTrainerChunk *chunk = &update->trainer->chunks[task];
  SegTrainerParameter *p = chunk->parameter;
  (void) thread;

  if (p->trained)
    seg_trainer_step_chunk (update, chunk);
  if (p->average != NULL)
    {
      const float *w = (const float *) p->tensor->data + chunk->first;
      float *average = (float *) p->average->data + chunk->first;

      for (gsize i = 0; i < chunk->n; i++)
        average[i] += (1.f - update->keep) * (w[i] - average[i]);
    }
}

/* Steps all parameters, with gradients times @scale, and lets averages follow. At the beginning these
 * follow faster, so that initial weights do not stay in them: as TensorFlow's
 * ExponentialMovingAverage with num_updates does it. */
void
_seg_trainer_update (SegTrainer *self, double rate, double scale)
{
  double t = (double) (self->step + 1);
  SegTrainerUpdate update = { self, rate, scale,
                              (float) MIN (self->options.ema_decay, (1. + t) / (10. + t)) };

  seg_pool_run (self->pool, self->n_chunks, seg_trainer_update_chunk, &update);
}
