#include "case.h"

#include "everywhere.h"

/* Work that a test may put into one case. */
#define MAX_ELEMENTS 400000
#define MAX_MULTIPLY_ADDS 30000000

/* The shapes tried: all the same; a batch; the last input smaller, larger, of other channels;
 * beside others, of one pixel, of one channel. */
#define N_SHAPINGS 7
#define N_SHAPINGS_ALONE 5

static void
case_set_shapes (Case *self, guint shaping, gint64 height, gint64 width)
{
  SegShape *last = &self->in[self->n_in - 1];

  for (guint i = 0; i < self->n_in; i++)
    self->in[i] = (SegShape){ shaping == 1 ? 2 : 1, CASE_CHANNELS, height, width };
  if (shaping == 2)
    last->h -= 3, last->w -= 4;
  else if (shaping == 3)
    last->h += 2, last->w += 5;
  else if (shaping == 4)
    last->c += 1;
  else if (shaping == 5)
    last->h = last->w = 1;
  else if (shaping == 6)
    last->c = 1;
}

/* Parameters are a graph's to hold, so the layer is put into one. */
static gboolean
case_make_parameters (Case *self, GError **error)
{
  g_autoptr (SegGraph) graph = seg_graph_new ();
  SegValue inputs[CASE_MAX_INPUTS];

  if (self->klass->declare == NULL)
    return TRUE;
  inputs[0] = seg_graph_add_input (graph, "image", self->in[0].c);
  for (guint i = 1; i < self->n_in; i++)
    inputs[i] = inputs[0];
  seg_graph_set_output (
      graph, seg_graph_add_layer (graph, "layer", g_object_ref (self->layer), inputs, self->n_in));
  if (!seg_graph_finish (graph, error))
    return FALSE;
  self->parameters = seg_parameters_new (graph);
  if (!everywhere_fill_parameters (self->parameters, MAX_ELEMENTS, error))
    return FALSE;
  self->n_params = seg_parameters_get_n (self->parameters);
  g_assert_cmpuint (self->n_params, <=, CASE_MAX_PARAMS);
  for (guint i = 0; i < self->n_params; i++)
    self->params[i] = seg_parameters_get_tensor (self->parameters, i, NULL)->data;
  return TRUE;
}

static void
case_make_step (Case *self, SegPurpose purpose)
{
  g_autoptr (GError) error = NULL;
  SegOffer offer = { .purpose = purpose,
                     .kernels = seg_kernels_get (),
                     .in = self->in,
                     .n_in = self->n_in,
                     .params = self->params };

  g_assert_nonnull (self->klass->compile);
  self->step = self->klass->compile (self->layer, &offer, &error);
  g_assert_no_error (error);
  self->step->layer = self->layer;
}

/* FALSE where the layer refuses the shapes, or the work is too much for a test. */
static gboolean
case_init (Case *self, const Setting *setting, SegPurpose purpose)
{
  g_autoptr (GError) error = NULL;
  SegRect all;
  gsize scratch;

  self->what = setting->what;
  if (!seg_layer_infer (self->layer, self->in, self->n_in, &self->out, &error))
    {
      assert_refused (error, self->what);
      return FALSE;
    }
  g_assert_cmpint (self->out.n, ==, self->in[0].n);
  g_assert_cmpint (MIN (self->out.c, MIN (self->out.h, self->out.w)), >=, 1);
  all = case_whole (&self->out);
  if (self->out.c * self->out.h > MAX_ELEMENTS / self->out.w
      || seg_layer_get_multiply_adds (self->layer, self->in, self->n_in, &all) > MAX_MULTIPLY_ADDS
      || !case_make_parameters (self, &error))
    return FALSE;

  if (self->klass->forward == NULL)
    case_make_step (self, purpose);
  scratch = seg_layer_get_scratch (self->layer, self->in, self->n_in);
  scratch = MAX (scratch, self->step != NULL ? self->step->scratch_bytes : 0);
  self->scratch = seg_alloc (MAX (scratch, 1), 1, "scratch", NULL);
  for (guint i = 0; i < self->n_in; i++)
    {
      SegRect map = case_whole (&self->in[i]);
      self->inputs[i] = map_new_random (&self->in[i], &map, 10 + i);
    }
  if (self->klass->n_sums != NULL
      && (purpose == SEG_PURPOSE_TRAINING || self->klass->flags & SEG_LAYER_WHOLE_MAP))
    {
      self->stats = g_new0 (float, self->klass->n_stats (self->layer, self->in, self->n_in));
      case_sum (self, SEG_PHASE_FORWARD, NULL);
    }
  return TRUE;
}

static void
case_clear (Case *self)
{
  if (self->step != NULL)
    self->step->free (self->step);
  for (guint i = 0; i < self->n_in; i++)
    g_clear_pointer (&self->inputs[i], map_free);
  g_clear_object (&self->parameters);
  seg_free (self->scratch);
  g_free (self->stats);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Case, case_clear)

/* Calls @func for the layer in every setting, number of inputs and shaping that it accepts. */
void
case_for_each (const char *feature, gint64 height, gint64 width, SegPurpose purpose, CaseFunc func)
{
  g_autoptr (GPtrArray) settings = settings_of (feature);
  guint n_run = 0;

  for (guint s = 0; s < settings->len; s++)
    {
      const Setting *setting = settings->pdata[s];
      SegLayerClass *klass = SEG_LAYER_GET_CLASS (setting->object);

      for (guint n = klass->min_inputs; n <= MIN (klass->max_inputs, CASE_MAX_INPUTS); n++)
        for (guint shaping = 0; shaping < (n > 1 ? N_SHAPINGS : N_SHAPINGS_ALONE); shaping++)
          {
            g_auto (Case) self = { .layer = setting->object, .klass = klass, .n_in = n };

            case_set_shapes (&self, shaping, height, width);
            if (!case_init (&self, setting, purpose))
              continue;
            func (&self);
            n_run++;
          }
    }
  g_assert_cmpuint (n_run, >, 0);
}

SegRect
case_whole (const SegShape *shape)
{
  return (SegRect){ 0, 0, shape->w, shape->h };
}

SegRun
case_get_run (const Case *self)
{
  return (SegRun){ .kernels = seg_kernels_get (),
                   .params = self->params,
                   .stats = self->stats,
                   .scratch = self->scratch,
                   .seed = 1,
                   .step = self->training_step,
                   .stream = 1 };
}

void
case_get_views (const Case *self, Map *const *in, SegView *views)
{
  for (guint i = 0; i < self->n_in; i++)
    views[i] = in[i]->view;
}

SegRect
case_get_required (const Case *self, const SegRect *out, guint input)
{
  SegRect need = { 0 }, map = case_whole (&self->in[input]);

  if (self->klass->flags & SEG_LAYER_WHOLE_MAP)
    return map;
  if (self->step != NULL && self->step->required != NULL)
    self->step->required (self->step, self->in, self->n_in, out, input, &need);
  else
    seg_layer_required (self->layer, self->in, self->n_in, out, input, &need);
  return seg_rect_intersect (need, map);
}

/* Out to the cells of the step's grid. */
SegRect
case_round (const Case *self, SegRect rect)
{
  gint64 gx = self->step != NULL ? MAX (self->step->grid_x, 1) : 1;
  gint64 gy = self->step != NULL ? MAX (self->step->grid_y, 1) : 1;
  gint64 right = MIN ((rect.x + rect.w + gx - 1) / gx * gx, self->out.w);
  gint64 bottom = MIN ((rect.y + rect.h + gy - 1) / gy * gy, self->out.h);
  gint64 x = rect.x / gx * gx, y = rect.y / gy * gy;

  return (SegRect){ x, y, right - x, bottom - y };
}

/* The first of four shares, half the channels of half the rows. */
SegPiece
case_get_first_share (const Case *self, const SegRect *rect, gint64 sample)
{
  guint grain = self->step != NULL ? self->step->channel_grain : 1;
  gint64 grid = self->step != NULL ? MAX (self->step->grid_y, 1) : 1;
  SegPiece piece = { sample, *rect, 0, (guint) self->out.c };

  if (grain > 0)
    piece.n_blocks = piece.n_blocks / 2 / grain * grain;
  piece.rect.h = MAX ((rect->y + rect->h / 2) / grid * grid - rect->y, 0);
  return piece;
}

void
case_run_piece (const Case *self, Map *const *in, Map *out, const SegPiece *piece)
{
  SegRun run = case_get_run (self);
  SegView views[CASE_MAX_INPUTS];

  if (piece->n_blocks == 0 || seg_rect_is_empty (&piece->rect))
    return;
  case_get_views (self, in, views);
  if (self->step != NULL)
    self->step->run (self->step, &run, views, self->n_in, &out->view, piece);
  else
    self->klass->forward (self->layer, &run, views, self->n_in, &out->view, piece);
}

/* Computes @rect of the output, in four shares. */
void
case_forward (const Case *self, Map *const *in, Map *out, const SegRect *rect)
{
  for (gint64 n = 0; n < self->out.n; n++)
    for (guint share = 0; share < 4; share++)
      {
        SegPiece piece = case_get_first_share (self, rect, n);

        if (share & 1)
          {
            piece.block = piece.n_blocks;
            piece.n_blocks = out->view.n_blocks - piece.block;
          }
        if (share & 2)
          {
            piece.rect.y += piece.rect.h;
            piece.rect.h = rect->h - piece.rect.h;
          }
        case_run_piece (self, in, out, &piece);
      }
}

/* Whole-map sums of one phase, into the statistics. */
void
case_sum (Case *self, SegPhase phase, const Map *dout)
{
  SegRun run = case_get_run (self);
  SegView views[CASE_MAX_INPUTS];
  g_autofree double *sums = NULL;

  if (self->klass->n_sums == NULL || self->stats == NULL)
    return;
  case_get_views (self, self->inputs, views);
  sums = g_new0 (double, self->klass->n_sums (self->layer, phase, self->in, self->n_in));
  for (gint64 n = 0; n < self->in[0].n; n++)
    for (gint64 y = 0; y < self->in[0].h; y++)
      self->klass->sum_row (self->layer, phase, &run, views, self->n_in,
                            dout != NULL ? &dout->view : NULL, n, y, sums);
  self->klass->finish (self->layer, phase, self->in, self->n_in, sums, self->stats);
}
