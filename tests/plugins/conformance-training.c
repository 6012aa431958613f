/* Losses, optimisers and schedules: what each must be whoever has written it. */
#include <math.h>
#include <string.h>

#include <segkit/random.h>
#include <segkit/segkit.h>

#include "conformance.h"
#include "settings.h"

/* ---- losses ------------------------------------------------------------------------------ */

#define BATCH 2
#define HEIGHT 5
#define WIDTH 7
#define N_PIXELS (BATCH * HEIGHT * WIDTH)
#define MAX_PLANES 5

/* Of the largest gradient: how far differences may be off. */
#define TOLERANCE 1e-2
#define STEP (1.f / 256.f)

/* A batch whose every fifth pixel does not count. */
typedef struct
{
  SegLoss *loss;
  const char *what;
  guint n_planes;
  float logits[MAX_PLANES * N_PIXELS], gradient[MAX_PLANES * N_PIXELS];
  guint16 targets[N_PIXELS];
  float weights[N_PIXELS], class_weight[MAX_PLANES];
  gboolean weighted;
} LossCase;

static void
loss_case_fill (LossCase *self)
{
  seg_random_normal (8, self->n_planes, 0, G_N_ELEMENTS (self->logits), self->logits);
  seg_random_uniform (8, 10, 0, N_PIXELS, self->weights);
  seg_random_uniform (8, 11, 0, MAX_PLANES, self->class_weight);
  for (guint i = 0; i < MAX_PLANES; i++)
    self->class_weight[i] += .2f;
  for (guint i = 0; i < N_PIXELS; i++)
    {
      float u;

      seg_random_uniform (8, 12, i, 1, &u);
      self->targets[i]
          = i % 5 == 2 ? SEG_TARGET_IGNORE : (guint16) (u * (float) MAX (self->n_planes, 2));
    }
}

/* Planes of all samples one after the other, with odd distances between rows. */
static void
loss_case_view (LossCase *self, float *values, SegChannelBlock *blocks, float **rows,
                SegView *view)
{
  for (guint c = 0; c < self->n_planes; c++)
    {
      for (guint row = 0; row < BATCH * HEIGHT; row++)
        rows[c * BATCH * HEIGHT + row] = values + (c * BATCH * HEIGHT + row) * WIDTH;
      blocks[c] = (SegChannelBlock){ rows + c * BATCH * HEIGHT, (gint32) c, 1, 1 };
    }
  *view = (SegView){ { BATCH, self->n_planes, HEIGHT, WIDTH }, { 0, 0, WIDTH, HEIGHT }, blocks,
                     self->n_planes };
}

/* Adds to the case's gradient if @factor is not 0. */
static double
loss_case_compute (LossCase *self, guint n_threads, double factor)
{
  SegChannelBlock blocks[2][MAX_PLANES];
  float *rows[2][MAX_PLANES * BATCH * HEIGHT];
  g_autoptr (SegPool) pool = seg_pool_new (n_threads);
  g_autoptr (GError) error = NULL;
  SegView logits, gradient;
  SegLossBatch batch = { .pool = pool, .logits = &logits, .targets = self->targets };
  double loss = -1.;

  loss_case_view (self, self->logits, blocks[0], rows[0], &logits);
  loss_case_view (self, self->gradient, blocks[1], rows[1], &gradient);
  if (factor != 0.)
    batch.gradient = &gradient;
  if (self->weighted)
    {
      batch.weights = self->weights;
      batch.class_weight = self->class_weight;
    }
  seg_loss_compute (self->loss, &batch, factor, &loss, &error);
  g_assert_no_error (error);
  return loss;
}

/* The slope along one logit; FALSE at a kink, where the two sides disagree. */
static gboolean
loss_case_differentiate (LossCase *self, gsize i, double scale, double *slope)
{
  float kept = self->logits[i];
  double here = loss_case_compute (self, 1, 0.), above, below;

  self->logits[i] = kept + STEP;
  above = (loss_case_compute (self, 1, 0.) - here) / (double) (self->logits[i] - kept);
  self->logits[i] = kept - STEP;
  below = (here - loss_case_compute (self, 1, 0.)) / (double) (kept - self->logits[i]);
  self->logits[i] = kept;
  *slope = (above + below) / 2.;
  return fabs (above - below) <= 2. * TOLERANCE * scale;
}

static void
check_slopes (LossCase *self)
{
  gsize n = self->n_planes * N_PIXELS;
  guint n_checked = 0, n_kinks = 0;
  double scale = 0.;

  memset (self->gradient, 0, sizeof self->gradient);
  loss_case_compute (self, 1, 1.);
  for (gsize i = 0; i < n; i++)
    scale = MAX (scale, fabs ((double) self->gradient[i]));
  for (gsize i = 0; i < n; i += 3)
    {
      double slope;

      if (!loss_case_differentiate (self, i, scale, &slope))
        {
          n_kinks++;
          continue;
        }
      n_checked++;
      if (fabs (slope - (double) self->gradient[i]) <= TOLERANCE * scale)
        continue;
      g_test_message ("%s, %u planes: gradient %g, by differences %g", self->what, self->n_planes,
                      (double) self->gradient[i], slope);
      g_test_fail ();
      return;
    }
  g_assert_cmpuint (n_checked, >=, n_kinks);
}

/* Pixels that do not count have no gradient, and no say. */
static void
check_ignored (LossCase *self)
{
  double loss = loss_case_compute (self, 1, 0.);

  for (guint c = 0; c < self->n_planes; c++)
    for (guint i = 2; i < N_PIXELS; i += 5)
      {
        g_assert_true (self->gradient[c * N_PIXELS + i] == 0.f);
        self->logits[c * N_PIXELS + i] += 3.f;
      }
  g_assert_true (loss_case_compute (self, 1, 0.) == loss);
}

/* The gradient is added, times the factor, and its bits depend on no thread; nor do the loss's. */
static void
check_adds (LossCase *self)
{
  g_autofree float *once = g_memdup2 (self->gradient, sizeof self->gradient);
  double loss = loss_case_compute (self, 1, 0.);

  memset (self->gradient, 0, sizeof self->gradient);
  g_assert_true (loss_case_compute (self, 3, 1.) == loss);
  g_assert_cmpmem (self->gradient, sizeof self->gradient, once, sizeof self->gradient);
  loss_case_compute (self, 2, .5);
  for (guint i = 0; i < self->n_planes * N_PIXELS; i++)
    g_assert_cmpfloat_with_epsilon (self->gradient[i], 1.5f * once[i],
                                    1e-6f + 1e-5f * fabsf (once[i]));
}

/* Nothing counts; and what is not finite is not hidden. */
static void
check_extremes (LossCase *self)
{
  gsize n = self->n_planes * N_PIXELS;
  double loss;

  for (gsize i = 0; i < n; i++)
    self->logits[i] *= 1000.f;
  memset (self->gradient, 0, sizeof self->gradient);
  loss = loss_case_compute (self, 1, 1.);
  g_assert_true (isfinite (loss));
  for (gsize i = 0; i < n; i++)
    g_assert_true (isfinite (self->gradient[i]));

  self->logits[0] = NAN;
  g_assert_false (isfinite (loss_case_compute (self, 1, 0.)));
  memset (self->gradient, 0, sizeof self->gradient);
  for (guint i = 0; i < N_PIXELS; i++)
    self->targets[i] = SEG_TARGET_IGNORE;
  self->logits[0] = 1.f;
  g_assert_true (loss_case_compute (self, 1, 1.) == 0.);
  for (gsize i = 0; i < n; i++)
    g_assert_true (self->gradient[i] == 0.f);
}

void
test_loss (gconstpointer feature)
{
  static const guint planes[] = { 1, 2, MAX_PLANES };
  g_autoptr (GPtrArray) settings = settings_of (feature);
  g_autofree LossCase *self = g_new0 (LossCase, 1);

  for (guint s = 0; s < settings->len && !g_test_failed (); s++)
    for (guint p = 0; p < G_N_ELEMENTS (planes); p++)
      for (guint weighted = 0; weighted < 2; weighted++)
        {
          const Setting *setting = settings->pdata[s];

          self->loss = setting->object;
          self->what = setting->what;
          self->n_planes = planes[p];
          self->weighted = weighted != 0;
          loss_case_fill (self);
          check_slopes (self);
          check_ignored (self);
          check_adds (self);
          check_extremes (self);
        }
}

/* ---- optimisers -------------------------------------------------------------------------- */

#define N_WEIGHTS 100
#define MAX_SLOTS 8

typedef struct
{
  SegOptimizer *optimizer;
  guint n_slots;
  float w[N_WEIGHTS], g[N_WEIGHTS], slots[MAX_SLOTS][N_WEIGHTS];
} OptimizerCase;

static void
optimizer_case_init (OptimizerCase *self, gpointer optimizer)
{
  memset (self, 0, sizeof *self);
  self->optimizer = optimizer;
  seg_optimizer_get_slots (optimizer, &self->n_slots);
  g_assert_cmpuint (self->n_slots, <=, MAX_SLOTS);
  seg_random_normal (8, 20, 0, N_WEIGHTS, self->w);
}

/* In pieces of @n weights. */
static void
optimizer_case_step (OptimizerCase *self, guint64 step, double rate, double decay, guint n)
{
  for (guint first = 0; first < N_WEIGHTS; first += n)
    {
      float *slots[MAX_SLOTS];

      for (guint s = 0; s < self->n_slots; s++)
        slots[s] = self->slots[s] + first;
      seg_optimizer_step (self->optimizer, step, rate, decay, self->w + first, self->g + first,
                          slots, MIN (n, N_WEIGHTS - first));
    }
}

static double
optimizer_case_get_norm (const OptimizerCase *self)
{
  double square = 0.;

  for (guint i = 0; i < N_WEIGHTS; i++)
    square += (double) self->w[i] * (double) self->w[i];
  return sqrt (square);
}

/* The same bits however the weights are cut. */
static void
check_cuts (gpointer optimizer)
{
  static const guint cuts[] = { 1, 7, 64 };
  OptimizerCase whole, cut;

  for (guint i = 0; i < G_N_ELEMENTS (cuts); i++)
    {
      optimizer_case_init (&whole, optimizer);
      optimizer_case_init (&cut, optimizer);
      for (guint64 step = 1; step <= 4; step++)
        {
          seg_random_normal (8, 20 + step, 0, N_WEIGHTS, whole.g);
          memcpy (cut.g, whole.g, sizeof cut.g);
          optimizer_case_step (&whole, step, .01, .1, N_WEIGHTS);
          optimizer_case_step (&cut, step, .01, .1, cuts[i]);
        }
      g_assert_cmpmem (whole.w, sizeof whole.w, cut.w, sizeof cut.w);
      g_assert_cmpmem (whole.slots, sizeof whole.slots, cut.slots, sizeof cut.slots);
    }
}

/* Nothing is to be done at the bottom, and from elsewhere the way leads down. */
static void
check_descends (gpointer optimizer)
{
  OptimizerCase self;
  double before;

  optimizer_case_init (&self, optimizer);
  before = optimizer_case_get_norm (&self);
  optimizer_case_step (&self, 1, .01, 0., N_WEIGHTS);
  g_assert_true (optimizer_case_get_norm (&self) == before);

  optimizer_case_init (&self, optimizer);
  for (guint64 step = 1; step <= 50; step++)
    {
      memcpy (self.g, self.w, sizeof self.g);
      optimizer_case_step (&self, step, 1e-3, 0., N_WEIGHTS);
    }
  g_assert_cmpfloat (optimizer_case_get_norm (&self), <, before);
  optimizer_case_init (&self, optimizer);
  optimizer_case_step (&self, 1, .01, .1, N_WEIGHTS);
  g_assert_cmpfloat (optimizer_case_get_norm (&self), <, before);
}

void
test_optimizer (gconstpointer feature)
{
  g_autoptr (GPtrArray) settings = settings_of (feature);

  for (guint s = 0; s < settings->len; s++)
    {
      const Setting *setting = settings->pdata[s];
      const char *const *slots = seg_optimizer_get_slots (setting->object, NULL);

      for (; *slots != NULL; slots++)
        {
          g_assert_true (g_regex_match_simple ("^[a-z][a-z0-9_]*$", *slots, 0, 0));
          g_assert_false (g_strv_contains (slots + 1, *slots));
        }
      check_cuts (setting->object);
    }
  check_descends (((Setting *) settings->pdata[0])->object);
}

/* ---- schedules --------------------------------------------------------------------------- */

/* Never infinite or negative, also past the end and after metrics of any kind. */
static void
check_factors (gpointer schedule, const char *what, guint64 n_steps)
{
  double state[SEG_RATE_SCHEDULE_MAX_STATE] = { 0 };

  for (guint64 step = 0; step < n_steps + 3; step++)
    {
      double factor = seg_rate_schedule_get_factor (schedule, step, n_steps, state);

      if (!isfinite (factor) || factor < 0. || factor > 1.)
        {
          g_test_message ("%s: factor %g in step %d of %d", what, factor, (int) step,
                          (int) n_steps);
          g_test_fail ();
          return;
        }
      seg_rate_schedule_observe (schedule, step % 3 == 0 ? .5 : step % 3 == 1 ? -1. : 0., state);
    }
}

void
test_schedule (gconstpointer feature)
{
  static const guint64 lengths[] = { 1, 2, 10, 317 };
  g_autoptr (GPtrArray) settings = settings_of (feature);
  g_autoptr (GError) error = NULL;
  g_autoptr (SegRateSchedule) warm
      = seg_registry_create (seg_registry_get_default (), feature, SEG_TYPE_RATE_SCHEDULE, &error,
                             "warmup", 0.5, NULL);
  const double state[SEG_RATE_SCHEDULE_MAX_STATE] = { 0 };

  for (guint s = 0; s < settings->len; s++)
    for (guint i = 0; i < G_N_ELEMENTS (lengths); i++)
      {
        const Setting *setting = settings->pdata[s];

        check_factors (setting->object, setting->what, lengths[i]);
      }
  g_assert_no_error (error);
  for (guint64 step = 0; step < 50; step++)
    g_assert_cmpfloat_with_epsilon (seg_rate_schedule_get_factor (warm, step, 100, state),
                                    (double) (step + 1) / 51., 1e-12);
}
