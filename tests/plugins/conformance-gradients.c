/* Backward passes against central differences, summed in double, kinks skipped. */
#include <math.h>

#include "case.h"
#include "conformance.h"

/* Of the largest gradient: how far differences may be off. */
#define TOLERANCE 5e-3

/* Of a larger output, differences say nothing. */
#define MAX_OUTPUT 20000

/* L = Σ dout · out, which is differentiated. Going backward, @in and @seen stand for the inputs and
 * the output: the same, or nothing but NaN if the layer says that it does not look at them. */
typedef struct
{
  Case *at;
  Map *out, *dout;
  Map *in[CASE_MAX_INPUTS], *seen;
} Loss;

static double
loss_compute (Loss *self)
{
  Case *c = self->at;
  SegRect all = case_whole (&c->out);
  double sum = 0.;

  case_prepare (c, SEG_PHASE_FORWARD);
  case_sum (c, SEG_PHASE_FORWARD, NULL);
  case_forward (c, c->inputs, self->out, &all);
  for (gsize i = 0; i < map_get_n (self->out); i++)
    sum += (double) *map_at (self->dout, i) * (double) *map_at (self->out, i);
  return sum;
}

/* Leaves everything as backward functions expect it. */
static double
loss_prepare (Loss *self)
{
  double loss = loss_compute (self);

  case_sum (self->at, SEG_PHASE_BACKWARD, self->dout);
  case_prepare (self->at, SEG_PHASE_BACKWARD);
  return loss;
}

/* dL/d*x by central differences; FALSE at a kink, where the two sides disagree. */
static gboolean
loss_differentiate (Loss *self, float *x, double scale, double *slope)
{
  float h = 1.f / 128.f, kept = *x;
  double here = loss_compute (self), above, below;

  *x = kept + h;
  above = (loss_compute (self) - here) / (double) (*x - kept);
  *x = kept - h;
  below = (here - loss_compute (self)) / (double) (kept - *x);
  *x = kept;
  *slope = (above + below) / 2.;
  return fabs (above - below) <= 2. * TOLERANCE * scale;
}

/* Compares some of the @n numbers of @gradient with differences by the numbers at @x. */
static void
loss_check (Loss *self, const char *of, gsize n, float *const *x, const float *gradient)
{
  double scale = 1e-3;
  guint n_checked = 0, n_kinks = 0;

  for (gsize i = 0; i < n; i++)
    scale = MAX (scale, fabs ((double) gradient[i]));
  for (gsize i = 0; i < n; i += 1 + n / 40)
    {
      double slope;

      if (!loss_differentiate (self, x[i], scale, &slope))
        {
          n_kinks++;
          continue;
        }
      n_checked++;
      if (!(fabs (slope - (double) gradient[i]) <= TOLERANCE * scale))
        {
          g_test_message ("%s: gradient of %s is %g, by differences %g", self->at->what, of,
                          (double) gradient[i], slope);
          g_test_fail ();
          return;
        }
    }
  g_assert_cmpuint (n_checked, >=, n_kinks);
}

/* What backward passes come from: the step's, where it has one. */
static gboolean
has_own_backward (const Case *c)
{
  return c->step != NULL && c->step->backward_input != NULL;
}

static void
run_backward_piece (Loss *self, const SegView *views, guint input, Map *din, const SegPiece *piece)
{
  Case *c = self->at;
  SegRun run = case_get_run (c);

  if (seg_rect_is_empty (&piece->rect))
    return;
  if (has_own_backward (c))
    c->step->backward_input (c->step, &run, views, c->n_in, &self->seen->view, &self->dout->view,
                             input, &din->view, piece);
  else
    c->klass->backward_input (c->layer, &run, views, c->n_in, &self->seen->view, &self->dout->view,
                              input, &din->view, piece);
}

/* In pieces of a quarter of the map and few channels, as threads would. */
static void
run_backward_input (Loss *self, guint input, Map *din)
{
  Case *c = self->at;
  SegRect all = case_whole (&c->in[input]);
  SegView views[CASE_MAX_INPUTS];
  guint n_blocks = din->view.n_blocks, grain = 2;
  gint64 grid = has_own_backward (c) ? MAX (c->step->back_grid, 1) : 1;
  gint64 left = (all.w / 3 + grid - 1) / grid * grid, top = (all.h / 2 + grid - 1) / grid * grid;

  left = MIN (left, all.w);
  top = MIN (top, all.h);
  if (has_own_backward (c))
    grain = c->step->back_channel_grain > 0 ? c->step->back_channel_grain : n_blocks;
  case_get_views (c, self->in, views);
  for (gint64 n = 0; n < c->in[input].n; n++)
    for (guint quarter = 0; quarter < 4; quarter++)
      for (guint b = 0; b < n_blocks; b += grain)
        {
          SegPiece piece = { n, all, b, MIN (grain, n_blocks - b) };

          piece.rect.x = quarter & 1 ? left : 0;
          piece.rect.w = quarter & 1 ? all.w - left : left;
          piece.rect.y = quarter & 2 ? top : 0;
          piece.rect.h = quarter & 2 ? all.h - top : top;
          run_backward_piece (self, views, input, din, &piece);
        }
}

/* backward_input() adds, so the gradient begins as noise that is taken off again. */
static void
check_gradient_of_input (Loss *self, guint input)
{
  Case *c = self->at;
  SegRect all = case_whole (&c->in[input]);
  g_autoptr (Map) din
      = map_new_random_in_blocks (&c->in[input], &all, c->in_blocks[input], 30);
  g_autoptr (Map) noise = map_new_random (&c->in[input], &all, 30);
  gsize n = map_get_n (din);
  g_autofree float *gradient = g_new (float, n);
  g_autofree float **x = g_new (float *, n);
  g_autofree char *of = g_strdup_printf ("input %u of %u", input, c->n_in);

  run_backward_input (self, input, din);
  map_assert_guards (din, &all, 0, din->view.n_blocks);
  for (gsize i = 0; i < n; i++)
    {
      gradient[i] = *map_at (din, i) - *map_at (noise, i);
      x[i] = map_at (c->inputs[input], i);
    }
  loss_check (self, of, n, x, gradient);
}

static void
run_backward_params (Loss *self, const SegView *views, SegParamPiece piece, guint grain,
                     float *const *slot)
{
  Case *c = self->at;
  SegRun run = case_get_run (c);
  guint n_blocks = self->out->view.n_blocks;

  piece.n_blocks = grain > 0 ? grain : n_blocks;
  for (; piece.block < n_blocks; piece.block += piece.n_blocks)
    {
      piece.n_blocks = MIN (piece.n_blocks, n_blocks - piece.block);
      if (c->step != NULL && c->step->backward_params != NULL)
        c->step->backward_params (c->step, &run, views, c->n_in, &self->seen->view,
                                  &self->dout->view, &piece, slot);
      else
        c->klass->backward_params (c->layer, &run, views, c->n_in, &self->seen->view,
                                   &self->dout->view, &piece, slot);
    }
}

/* How the step or its layer cuts the work. */
static guint
split_params (const Case *c, guint *grain)
{
  guint n_slots = 8;

  *grain = 0;
  if (c->step != NULL && c->step->split_params != NULL)
    c->step->split_params (c->step, c->in, c->n_in, &c->out, &n_slots, grain);
  else if (c->klass->split_params != NULL)
    c->klass->split_params (c->layer, c->in, c->n_in, &c->out, &n_slots, grain);
  return n_slots;
}

/* Rows in two slots that are joined, unless there is to be only one. */
static void
check_gradient_of_parameters (Loss *self)
{
  Case *c = self->at;
  SegView views[CASE_MAX_INPUTS];
  float *slots[2][CASE_MAX_PARAMS];
  guint grain, n_slots = split_params (c, &grain);
  gint64 n_rows = c->out.n * c->out.h, middle = n_slots > 1 ? n_rows / 3 : n_rows;
  gsize n[CASE_MAX_PARAMS];

  case_get_views (c, self->in, views);
  for (guint p = 0; p < c->n_params; p++)
    {
      n[p] = seg_tensor_get_n_elements (seg_parameters_get_tensor (c->parameters, p, NULL));
      slots[0][p] = g_new0 (float, n[p]);
      slots[1][p] = g_new0 (float, n[p]);
    }
  run_backward_params (self, views, (SegParamPiece){ 0, middle, 0, 0 }, grain, slots[0]);
  if (n_slots > 1)
    run_backward_params (self, views, (SegParamPiece){ middle, n_rows, 0, 0 }, grain, slots[1]);

  for (guint p = 0; p < c->n_params; p++)
    {
      SegRole role = seg_parameters_get_role (c->parameters, p);
      g_autofree float **x = g_new (float *, n[p]);

      for (gsize i = 0; i < n[p]; i++)
        {
          slots[0][p][i] += slots[1][p][i];
          x[i] = (float *) c->params[p] + i;
        }
      if (role != SEG_ROLE_STATE && role != SEG_ROLE_COUNTER)
        loss_check (self, seg_parameters_get_name (c->parameters, p), n[p], x, slots[0][p]);
      g_free (slots[0][p]);
      g_free (slots[1][p]);
    }
}

static void
check_gradients_as_laid (Case *c)
{
  SegRect all = case_whole (&c->out);
  g_autoptr (Map) out = case_new_output (c, &all);
  g_autoptr (Map) dout = map_new_random_in_blocks (&c->out, &all, c->out_blocks, 20);
  g_autoptr (Map) no_out = map_new_in_blocks (&c->out, &all, c->out_blocks);
  Map *no_in[CASE_MAX_INPUTS];
  Loss self = { c, out, dout, { NULL }, NULL };

  if (!has_own_backward (c) && c->klass->backward_input == NULL)
    return;
  /* infinities, as of a pool that sees only padding, have no differences */
  if (map_get_n (out) > MAX_OUTPUT || !isfinite (loss_compute (&self)))
    return;
  self.seen = c->klass->flags & SEG_LAYER_DROPS_OUTPUT ? no_out : out;
  for (guint i = 0; i < c->n_in; i++)
    {
      SegRect map = case_whole (&c->in[i]);

      no_in[i] = map_new_in_blocks (&c->in[i], &map, c->in_blocks[i]);
      self.in[i] = c->klass->flags & SEG_LAYER_DROPS_INPUT ? no_in[i] : c->inputs[i];
    }
  for (guint i = 0; i < c->n_in; i++)
    {
      loss_prepare (&self);
      check_gradient_of_input (&self, i);
    }
  loss_prepare (&self);
  if ((c->klass->backward_params != NULL
       || (c->step != NULL && c->step->backward_params != NULL))
      && c->parameters != NULL)
    check_gradient_of_parameters (&self);
  for (guint i = 0; i < c->n_in; i++)
    map_free (no_in[i]);
}

/* In planes, and in the blocks that the layer takes in training; joined in the middle of a block. Many
 * channels, of which planes are no other case than few, only in blocks. */
static void
check_gradients (Case *c)
{
  gint lanes = c->kernels->lanes;
  MapBlocks joined = { lanes, (gint32) (c->in[0].c * 2 / 5) }, regular = { lanes, 0 };
  MapBlocks in[CASE_MAX_INPUTS] = { joined, regular, regular }, out = joined;
  SegLayout layout = SEG_LAYOUT_PLANAR;

  if (c->in[0].c <= CASE_CHANNELS)
    check_gradients_as_laid (c);
  if (c->klass->layout != NULL)
    layout = c->klass->layout (c->layer, c->purpose, c->in, c->n_in, lanes);
  if (layout == SEG_LAYOUT_PLANAR)
    return;
  if (layout == SEG_LAYOUT_ALIKE)
    in[1] = in[2] = joined;
  else if (layout == SEG_LAYOUT_EACH)
    out = regular;
  case_lay (c, in, out);
  check_gradients_as_laid (c);
}

void
test_layer_gradients (gconstpointer feature)
{
  GType type = seg_registry_lookup (seg_registry_get_default (), feature);
  g_autoptr (GTypeClass) klass = g_type_class_ref (type);

  if (SEG_LAYER_CLASS (klass)->backward_input == NULL && SEG_LAYER_CLASS (klass)->compile == NULL)
    g_test_skip ("the layer has no backward pass");
  else
    {
      case_for_each (feature, 6, 9, SEG_PURPOSE_TRAINING, check_gradients);
      case_for_each_of (feature, seg_kernels_get (), seg_kernels_get ()->lanes + 3, 5, 7,
                        SEG_PURPOSE_TRAINING, check_gradients);
    }
}
