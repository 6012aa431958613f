#include "case.h"

#include <string.h>

#include "everywhere.h"

/* Work that a test may put into one case. */
#define MAX_ELEMENTS 400000
#define MAX_MULTIPLY_ADDS 30000000

/* Cells that a step is free to lay are to be not at the map's border. */
static const SegRect case_asked = { 3, 3, 4, 4 };

/* The shapes tried: all the same; a batch; the last input smaller, larger, of other channels;
 * beside others, of one pixel, of one channel. */
#define N_SHAPINGS 7
#define N_SHAPINGS_ALONE 5

static void
case_set_shapes (Case *self, guint shaping, gint64 channels, gint64 height, gint64 width)
{
  SegShape *last = &self->in[self->n_in - 1];

  for (guint i = 0; i < self->n_in; i++)
    self->in[i] = (SegShape){ shaping == 1 ? 2 : 1, channels, height, width };
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

/* @channels is where to keep the channels of each block. */
static SegBlocking
case_get_blocking (MapBlocks blocks, gint64 n_channels, GArray *channels)
{
  for (gint32 c = 0, n; c < n_channels; c += n)
    {
      n = map_blocks_get_channels (blocks, c, n_channels);
      g_array_append_val (channels, n);
    }
  return (SegBlocking){ blocks.lanes, channels->len, (const gint32 *) (gpointer) channels->data };
}

static void
case_make_step (Case *self)
{
  g_autoptr (GError) error = NULL;
  SegShape in[CASE_MAX_INPUTS];
  SegBlocking in_blocking[CASE_MAX_INPUTS];
  GArray *channels[CASE_MAX_INPUTS + 1];
  SegOffer offer = { .purpose = self->purpose,
                     .kernels = self->kernels,
                     .in = in,
                     .n_in = self->n_in,
                     .params = self->params,
                     .in_blocking = in_blocking,
                     .stride = self->stride,
                     .asked = case_asked };

  for (guint i = 0; i <= self->n_in; i++)
    channels[i] = g_array_new (FALSE, FALSE, sizeof (gint32));
  for (guint i = 0; i < self->n_in; i++)
    {
      in[i] = self->in[i];
      if (self->purpose == SEG_PURPOSE_INFERENCE)
        in[i].n = 1;
      in_blocking[i] = case_get_blocking (self->in_blocks[i], self->in[i].c, channels[i]);
    }
  offer.out_blocking = case_get_blocking (self->out_blocks, self->out.c, channels[self->n_in]);
  g_assert_nonnull (self->klass->compile);
  self->step = self->klass->compile (self->layer, &offer, &error);
  g_assert_no_error (error);
  self->step->layer = self->layer;
  for (guint i = 0; i <= self->n_in; i++)
    g_array_unref (channels[i]);
}

static void
case_clear_memory (Case *self)
{
  if (self->step != NULL)
    self->step->free (g_steal_pointer (&self->step));
  for (guint i = 0; i < self->n_in; i++)
    g_clear_pointer (&self->inputs[i], map_free);
  g_clear_pointer (&self->scratch, seg_free);
  g_clear_pointer (&self->shared, seg_free);
}

/* Lays inputs and output into blocks, and begins anew: with a step for them, and fresh inputs, which
 * hold the same numbers. */
void
case_lay (Case *self, const MapBlocks *in, MapBlocks out)
{
  gsize scratch = seg_layer_get_scratch (self->layer, self->in, self->n_in);

  case_clear_memory (self);
  memcpy (self->in_blocks, in, self->n_in * sizeof *in);
  self->out_blocks = out;
  if (self->klass->forward == NULL)
    {
      case_make_step (self);
      scratch = MAX (scratch, self->step->scratch_bytes);
      self->shared = seg_alloc (self->step->shared_bytes, 1, "packed weights", NULL);
    }
  self->scratch = seg_alloc (MAX (scratch, 1), 1, "scratch", NULL);
  for (guint i = 0; i < self->n_in; i++)
    {
      SegRect map = case_whole (&self->in[i]);
      self->inputs[i] = case_new_input (self, i, &map);
    }
  case_sum (self, SEG_PHASE_FORWARD, NULL);
}

/* FALSE where the layer refuses the shapes, or the work is too much for a test. */
static gboolean
case_init (Case *self, const Setting *setting)
{
  const MapBlocks planar[] = { MAP_PLANAR, MAP_PLANAR, MAP_PLANAR };
  g_autoptr (GError) error = NULL;
  SegRect all;

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

  if (self->klass->n_sums != NULL
      && (self->purpose == SEG_PURPOSE_TRAINING || self->klass->flags & SEG_LAYER_WHOLE_MAP))
    self->stats = g_new0 (float, self->klass->n_stats (self->layer, self->in, self->n_in));
  case_lay (self, planar, MAP_PLANAR);
  return TRUE;
}

static void
case_clear (Case *self)
{
  case_clear_memory (self);
  g_clear_object (&self->parameters);
  g_free (self->stats);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Case, case_clear)

void
case_for_each (const char *feature, gint64 height, gint64 width, SegPurpose purpose, CaseFunc func)
{
  case_for_each_of (feature, seg_kernels_get (), CASE_CHANNELS, height, width, purpose, func);
}

/* Calls @func for the layer in every setting, number of inputs and shaping that it accepts. */
void
case_for_each_of (const char *feature, const SegKernels *kernels, gint64 channels, gint64 height,
                  gint64 width, SegPurpose purpose, CaseFunc func)
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
            g_auto (Case) self = { .layer = setting->object,
                                   .klass = klass,
                                   .purpose = purpose,
                                   .kernels = kernels,
                                   .stride = 1,
                                   .n_in = n };

            case_set_shapes (&self, shaping, channels, height, width);
            if (!case_init (&self, setting))
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
  return (SegRun){ .kernels = self->kernels,
                   .params = self->params,
                   .stats = self->stats,
                   .scratch = self->scratch,
                   .shared = self->shared,
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

/* To where cells of a grid begin: at phase + i · grid. */
static gint64
case_round_down (gint64 at, gint64 grid, gint64 phase)
{
  grid = MAX (grid, 1);
  return seg_floor_div (at - phase, grid) * grid + phase;
}

static gint64
case_round_up (gint64 at, gint64 grid, gint64 phase)
{
  return case_round_down (at + MAX (grid, 1) - 1, grid, phase);
}

/* Out to the cells of the step's grid. */
SegRect
case_round (const Case *self, SegRect rect)
{
  static const SegStep any;
  const SegStep *step = self->step != NULL ? self->step : &any;
  gint64 right = case_round_up (rect.x + rect.w, step->grid_x, step->phase_x);
  gint64 bottom = case_round_up (rect.y + rect.h, step->grid_y, step->phase_y);
  gint64 x = MAX (case_round_down (rect.x, step->grid_x, step->phase_x), 0);
  gint64 y = MAX (case_round_down (rect.y, step->grid_y, step->phase_y), 0);

  return (SegRect){ x, y, MIN (right, self->out.w) - x, MIN (bottom, self->out.h) - y };
}

/* The first of four shares, half the channels of half the rows. */
SegPiece
case_get_first_share (const Case *self, const SegRect *rect, gint64 sample)
{
  guint grain = self->step != NULL ? self->step->channel_grain : 1;
  gint64 grid = self->step != NULL ? self->step->grid_y : 1;
  gint64 phase = self->step != NULL ? self->step->phase_y : 0;
  SegPiece piece = { sample, *rect, 0, map_blocks_get_n (self->out_blocks, self->out.c) };

  if (grain > 0)
    piece.n_blocks = piece.n_blocks / 2 / grain * grain;
  piece.rect.h = MAX (case_round_down (rect->y + rect->h / 2, grid, phase) - rect->y, 0);
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

Map *
case_new_input (const Case *self, guint input, const SegRect *valid)
{
  return map_new_random_in_blocks (&self->in[input], valid, self->in_blocks[input], 10 + input);
}

Map *
case_new_output (const Case *self, const SegRect *valid)
{
  return map_new_in_blocks (&self->out, valid, self->out_blocks);
}

/* As training does before each phase. */
void
case_prepare (const Case *self, SegPhase phase)
{
  SegRun run = case_get_run (self);

  if (self->purpose == SEG_PURPOSE_TRAINING && self->step != NULL && self->step->prepare != NULL)
    for (guint i = 0; i < self->step->n_prepare; i++)
      self->step->prepare (self->step, &run, phase, i);
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
