/* Runs single layers, for the oracle: layer CASES DATA RESULT. CASES has a line for each case,
 *
 *   FEATURE PROPERTY=VALUE ... | N C H W | ... | TILE-H TILE-W | infer or train
 *
 * with a group for each input. DATA is raw float32: for each case the parameters in the order
 * declared (state, but no counters), the inputs and, to train, the gradient of the output. RESULT
 * gets for each case the output, and to train the gradient of each input and of each trained
 * parameter. The output's shape goes to the standard output. It is computed whole and again by
 * tiles, with just what these require in memory, and the bits must be the same. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "../plugins/map.h"

#include <segkit/segkit.h>

#define MAX_INPUTS 4
#define MAX_PARAMS 8

typedef struct
{
  const float *next, *end;
} Data;

typedef struct
{
  SegLayer *layer;
  SegLayerClass *klass;
  SegShape in[MAX_INPUTS], out;
  guint n_in;
  gint64 tile_height, tile_width;
  gboolean train;
  SegParameters *parameters; /* NULL: none */
  gconstpointer params[MAX_PARAMS];
  guint n_params;
  Map *inputs[MAX_INPUTS];
  SegStep *step; /* for layers without forward() */
  SegRun run;
} Case;

static void
case_clear (Case *self)
{
  if (self->step != NULL)
    self->step->free (self->step);
  for (guint i = 0; i < self->n_in; i++)
    g_clear_pointer (&self->inputs[i], map_free);
  g_clear_object (&self->parameters);
  g_clear_object (&self->layer);
  seg_free (self->run.scratch);
  seg_free (self->run.shared);
  g_free ((gpointer) self->run.stats);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Case, case_clear)

static SegRect
whole_of (const SegShape *shape)
{
  return (SegRect){ 0, 0, shape->w, shape->h };
}

/* ---- reading a case ------------------------------------------------------------------- */

static SegLayer *
create_layer (const char *text, GError **error)
{
  g_auto (GStrv) words = g_strsplit (text, " ", -1);
  GType type = seg_registry_lookup (seg_registry_get_default (), words[0]);
  g_autoptr (GTypeClass) klass = type != 0 ? g_type_class_ref (type) : NULL;
  guint n = g_strv_length (words) - 1;
  g_autofree const char **names = g_new0 (const char *, n + 1);
  g_autofree GValue *values = g_new0 (GValue, n + 1);
  SegLayer *layer = NULL;
  guint i = 0;

  if (klass == NULL)
    {
      g_set_error (error, SEG_ERROR, SEG_ERROR_PLUGIN, "there is no layer \"%s\"", words[0]);
      return NULL;
    }
  for (; i < n; i++)
    {
      char *value = strchr (words[i + 1], '=');
      GParamSpec *pspec;

      *value++ = '\0';
      names[i] = words[i + 1];
      pspec = g_object_class_find_property ((GObjectClass *) klass, names[i]);
      if (pspec == NULL)
        {
          g_set_error (error, SEG_ERROR, SEG_ERROR_PARAM, "no property \"%s\"", names[i]);
          break;
        }
      if (!seg_value_from_string (pspec, value, &values[i], error))
        break;
    }
  if (i == n)
    layer = seg_object_new_checked (type, n, names, values, error);
  while (i-- > 0)
    g_value_unset (&values[i]);
  return layer;
}

static void
take (Data *data, float *to, gsize n)
{
  g_assert_cmpuint (n, <=, (gsize) (data->end - data->next));
  memcpy (to, data->next, n * sizeof *to);
  data->next += n;
}

/* All of a map, in PyTorch's order. */
static Map *
take_map (Data *data, const SegShape *shape)
{
  SegRect all = whole_of (shape);
  Map *map = map_new (shape, &all);

  for (gint64 n = 0; n < shape->n; n++)
    for (guint c = 0; c < shape->c; c++)
      for (gint64 y = 0; y < shape->h; y++)
        take (data, seg_view_at (&map->view, c, n, y, 0), (gsize) shape->w);
  return map;
}

/* Parameters are a graph's to hold, so the layer is put into one. */
static gboolean
case_take_parameters (Case *self, Data *data, GError **error)
{
  g_autoptr (SegGraph) graph = seg_graph_new ();
  SegValue input = seg_graph_add_input (graph, "image", self->in[0].c);

  if (self->klass->declare == NULL)
    return TRUE;
  seg_graph_set_output (
      graph, seg_graph_add_layer (graph, "layer", g_object_ref (self->layer), SEG_IN (input)));
  if (!seg_graph_finish (graph, error))
    return FALSE;
  self->parameters = seg_parameters_new (graph);
  self->n_params = seg_parameters_get_n (self->parameters);
  for (guint i = 0; i < self->n_params; i++)
    {
      SegTensor *tensor = seg_parameters_get_tensor (self->parameters, i, error);

      if (tensor == NULL)
        return FALSE;
      self->params[i] = tensor->data;
      if (tensor->dtype == SEG_DTYPE_F32)
        take (data, tensor->data, seg_tensor_get_n_elements (tensor));
    }
  return TRUE;
}

static void
read_numbers (const char *text, guint n, gint64 **to)
{
  char *end = (char *) text;

  for (guint i = 0; i < n; i++)
    *to[i] = g_ascii_strtoll (end, &end, 10);
  g_assert_cmpint (*end, ==, '\0');
}

static gboolean
case_read (Case *self, const char *line, Data *data, GError **error)
{
  g_auto (GStrv) parts = g_strsplit (line, " | ", -1);
  guint n = g_strv_length (parts);

  if ((self->layer = create_layer (parts[0], error)) == NULL)
    return FALSE;
  self->klass = SEG_LAYER_GET_CLASS (self->layer);
  self->n_in = n - 3;
  for (guint i = 0; i < self->n_in; i++)
    read_numbers (parts[1 + i], 4,
                  (gint64 *[]){ &self->in[i].n, &self->in[i].c, &self->in[i].h, &self->in[i].w });
  read_numbers (parts[n - 2], 2, (gint64 *[]){ &self->tile_height, &self->tile_width });
  self->train = strcmp (parts[n - 1], "train") == 0;
  if (!seg_layer_infer (self->layer, self->in, self->n_in, &self->out, error)
      || !case_take_parameters (self, data, error))
    return FALSE;
  for (guint i = 0; i < self->n_in; i++)
    self->inputs[i] = take_map (data, &self->in[i]);
  return TRUE;
}

/* ---- running it -------------------------------------------------------------------------- */

static void
case_get_views (const Case *self, Map *const *in, SegView *views)
{
  for (guint i = 0; i < self->n_in; i++)
    views[i] = in[i]->view;
}

static void
case_sum (Case *self, SegPhase phase, const Map *dout)
{
  SegView views[MAX_INPUTS];
  g_autofree double *sums = NULL;

  if (self->run.stats == NULL)
    return;
  case_get_views (self, self->inputs, views);
  sums = g_new0 (double, self->klass->n_sums (self->layer, phase, self->in, self->n_in));
  for (gint64 n = 0; n < self->in[0].n; n++)
    for (gint64 y = 0; y < self->in[0].h; y++)
      self->klass->sum_row (self->layer, phase, &self->run, views, self->n_in,
                            dout != NULL ? &dout->view : NULL, n, y, sums);
  self->klass->finish (self->layer, phase, self->in, self->n_in, sums, (float *) self->run.stats);
}

static gboolean
case_prepare (Case *self, GError **error)
{
  SegBlocking planar[MAX_INPUTS];
  SegOffer offer = { .purpose = self->train ? SEG_PURPOSE_TRAINING : SEG_PURPOSE_INFERENCE,
                     .kernels = seg_kernels_get (),
                     .in = self->in,
                     .n_in = self->n_in,
                     .params = self->params,
                     .in_blocking = planar,
                     .out_blocking = { .lanes = 1, .n_blocks = (guint) self->out.c },
                     .stride = 1 };
  gsize scratch = seg_layer_get_scratch (self->layer, self->in, self->n_in);

  for (guint i = 0; i < self->n_in; i++)
    planar[i] = (SegBlocking){ .lanes = 1, .n_blocks = (guint) self->in[i].c };
  if (self->klass->forward == NULL)
    {
      if ((self->step = self->klass->compile (self->layer, &offer, error)) == NULL)
        return FALSE;
      self->step->layer = self->layer;
      scratch = MAX (scratch, self->step->scratch_bytes);
    }
  self->run = (SegRun){ .kernels = offer.kernels, .params = self->params };
  if ((self->run.scratch = seg_alloc (MAX (scratch, 1), 1, "scratch", error)) == NULL
      || (self->run.shared = seg_alloc (self->step != NULL ? self->step->shared_bytes : 0, 1,
                                        "packed weights", error)) == NULL)
    return FALSE;
  if (self->klass->n_sums != NULL && (self->train || self->klass->flags & SEG_LAYER_WHOLE_MAP))
    self->run.stats = g_new0 (float, self->klass->n_stats (self->layer, self->in, self->n_in));
  case_sum (self, SEG_PHASE_FORWARD, NULL);
  return TRUE;
}

static SegRect
case_get_required (const Case *self, const SegRect *rect, guint input)
{
  SegRect need = *rect, map = whole_of (&self->in[input]);

  if (self->klass->flags & SEG_LAYER_WHOLE_MAP)
    return map;
  if (self->step != NULL && self->step->required != NULL)
    self->step->required (self->step, self->in, self->n_in, rect, input, &need);
  else
    seg_layer_required (self->layer, self->in, self->n_in, rect, input, &need);
  return seg_rect_intersect (need, map);
}

/* As training does before each phase. */
static void
case_prepare_step (const Case *self, SegPhase phase)
{
  if (self->train && self->step != NULL && self->step->prepare != NULL)
    for (guint i = 0; i < self->step->n_prepare; i++)
      self->step->prepare (self->step, &self->run, phase, i);
}

static Map *
map_new_part (const Map *whole, const SegRect *rect)
{
  Map *part = map_new (&whole->view.shape, rect);

  for (guint c = 0; c < whole->view.n_blocks; c++)
    for (gint64 n = 0; n < whole->view.shape.n; n++)
      for (gint64 y = rect->y; y < rect->y + rect->h; y++)
        memcpy (seg_view_at (&part->view, c, n, y, rect->x),
                seg_view_at (&whole->view, c, n, y, rect->x), (gsize) rect->w * sizeof (float));
  return part;
}

/* Computes @rect from the rectangles of the inputs that it requires. */
static Map *
case_forward (const Case *self, const SegRect *rect)
{
  Map *in[MAX_INPUTS], *out = map_new (&self->out, rect);
  SegView views[MAX_INPUTS];

  for (guint i = 0; i < self->n_in; i++)
    {
      SegRect need = case_get_required (self, rect, i);
      in[i] = map_new_part (self->inputs[i], &need);
    }
  case_get_views (self, in, views);
  case_prepare_step (self, SEG_PHASE_FORWARD);
  for (gint64 n = 0; n < self->out.n; n++)
    {
      SegPiece piece = { n, *rect, 0, (guint) self->out.c };

      if (self->step != NULL)
        self->step->run (self->step, &self->run, views, self->n_in, &out->view, &piece);
      else
        self->klass->forward (self->layer, &self->run, views, self->n_in, &out->view, &piece);
    }
  for (guint i = 0; i < self->n_in; i++)
    map_free (in[i]);
  return out;
}

/* Which of two NaNs an operation passes on is not the layer's to say. */
static gboolean
case_is_part (const Map *whole, const Map *part)
{
  const SegRect *r = &part->view.valid;

  for (guint c = 0; c < part->view.n_blocks; c++)
    for (gint64 n = 0; n < part->view.shape.n; n++)
      for (gint64 y = r->y; y < r->y + r->h; y++)
        for (gint64 x = r->x; x < r->x + r->w; x++)
          {
            const float *a = seg_view_at (&whole->view, c, n, y, x);
            const float *b = seg_view_at (&part->view, c, n, y, x);

            if (memcmp (a, b, sizeof *a) != 0 && !(isnan (*a) && isnan (*b)))
              return FALSE;
          }
  return TRUE;
}

static gboolean
case_check_tiles (const Case *self, const Map *whole, GError **error)
{
  for (gint64 y = 0; y < self->out.h; y += self->tile_height)
    for (gint64 x = 0; x < self->out.w; x += self->tile_width)
      {
        SegRect rect = { x, y, MIN (self->tile_width, self->out.w - x),
                         MIN (self->tile_height, self->out.h - y) };
        g_autoptr (Map) tile = case_forward (self, &rect);

        if (!case_is_part (whole, tile))
          {
            g_set_error (error, SEG_ERROR, SEG_ERROR_NUMERIC,
                         "the tile at %" G_GINT64_FORMAT ",%" G_GINT64_FORMAT
                         " has other bits than the whole",
                         x, y);
            return FALSE;
          }
      }
  return TRUE;
}

/* ---- gradients ------------------------------------------------------------------------------- */

static void
give (FILE *result, const float *from, gsize n)
{
  g_assert_cmpuint (fwrite (from, sizeof *from, n, result), ==, n);
}

static void
give_map (FILE *result, const Map *map)
{
  for (gint64 n = 0; n < map->view.shape.n; n++)
    for (guint c = 0; c < map->view.n_blocks; c++)
      for (gint64 y = 0; y < map->view.shape.h; y++)
        give (result, seg_view_at (&map->view, c, n, y, 0), (gsize) map->view.shape.w);
}

static void
case_give_input_gradient (const Case *self, const SegView *views, const Map *out, const Map *dout,
                          guint input, FILE *result)
{
  SegRect all = whole_of (&self->in[input]), whole = whole_of (&self->out);
  SegRect need = case_get_required (self, &whole, input);
  g_autoptr (Map) din = map_new (&self->in[input], &all);
  gint64 grid = self->step != NULL ? MAX (self->step->back_grid, 1) : 1;
  gint64 middle = all.w / 2 / grid * grid;

  for (gsize i = 0; i < map_get_n (din); i++)
    *map_at (din, i) = 0.f;
  for (gint64 n = 0; n < self->in[input].n && !seg_rect_is_empty (&need); n++)
    for (guint half = 0; half < 2; half++)
      {
        SegRect rect = { half ? middle : 0, 0, half ? all.w - middle : middle, all.h };
        SegPiece piece = { n, rect, 0, (guint) self->in[input].c };

        if (rect.w > 0 && self->step != NULL && self->step->backward_input != NULL)
          self->step->backward_input (self->step, &self->run, views, self->n_in, &out->view,
                                      &dout->view, input, &din->view, &piece);
        else if (rect.w > 0)
          self->klass->backward_input (self->layer, &self->run, views, self->n_in, &out->view,
                                       &dout->view, input, &din->view, &piece);
      }
  give_map (result, din);
}

static gboolean
is_trained (SegRole role)
{
  return role != SEG_ROLE_STATE && role != SEG_ROLE_COUNTER;
}

/* In how many slots training would sum, at most. */
static guint
split_slots (const Case *self)
{
  guint n_slots = 8, grain;

  if (self->step != NULL && self->step->split_params != NULL)
    self->step->split_params (self->step, self->in, self->n_in, &self->out, &n_slots, &grain);
  else if (self->klass->split_params != NULL)
    self->klass->split_params (self->layer, self->in, self->n_in, &self->out, &n_slots, &grain);
  return n_slots;
}

/* Into slots of their own, that nobody has cleared if the step does not ask for it. */
static void
case_run_parameter_gradients (const Case *self, const SegView *views, const Map *out,
                              const Map *dout, gint64 row0, gint64 row1, float **slots)
{
  SegParamPiece piece = { row0, row1, 0, out->view.n_blocks };
  gboolean of_step = self->step != NULL && self->step->backward_params != NULL;

  for (guint i = 0; i < self->n_params; i++)
    {
      gsize n = seg_tensor_get_n_elements (seg_parameters_get_tensor (self->parameters, i, NULL));

      slots[i] = g_new (float, n);
      for (gsize j = 0; j < n; j++)
        slots[i][j] = of_step && self->step->sets_params ? NAN : 0.f;
    }
  if (of_step)
    self->step->backward_params (self->step, &self->run, views, self->n_in, &out->view,
                                 &dout->view, &piece, slots);
  else
    self->klass->backward_params (self->layer, &self->run, views, self->n_in, &out->view,
                                  &dout->view, &piece, slots);
}

static void
case_give_parameter_gradients (const Case *self, const SegView *views, const Map *out,
                               const Map *dout, FILE *result)
{
  float *slots[2][MAX_PARAMS];
  gint64 n_rows = self->out.n * self->out.h, middle = n_rows / 3;
  guint n_slots = split_slots (self) > 1 ? 2 : 1;

  case_run_parameter_gradients (self, views, out, dout, 0, n_slots > 1 ? middle : n_rows, slots[0]);
  if (n_slots > 1)
    case_run_parameter_gradients (self, views, out, dout, middle, n_rows, slots[1]);
  for (guint i = 0; i < self->n_params; i++)
    {
      gsize n = seg_tensor_get_n_elements (seg_parameters_get_tensor (self->parameters, i, NULL));

      for (gsize j = 0; j < n && n_slots > 1; j++)
        slots[0][i][j] += slots[1][i][j];
      if (is_trained (seg_parameters_get_role (self->parameters, i)))
        give (result, slots[0][i], n);
      for (guint slot = 0; slot < n_slots; slot++)
        g_free (slots[slot][i]);
    }
}

static gboolean
case_give (Case *self, Data *data, FILE *result, GError **error)
{
  SegRect all = whole_of (&self->out);
  g_autoptr (Map) out = case_forward (self, &all), dout = NULL;
  SegView views[MAX_INPUTS];

  if (!case_check_tiles (self, out, error))
    return FALSE;
  printf ("%" G_GINT64_FORMAT " %" G_GINT64_FORMAT " %" G_GINT64_FORMAT " %" G_GINT64_FORMAT "\n",
          self->out.n, self->out.c, self->out.h, self->out.w);
  give_map (result, out);
  if (!self->train)
    return TRUE;
  dout = take_map (data, &self->out);
  case_sum (self, SEG_PHASE_BACKWARD, dout);
  case_prepare_step (self, SEG_PHASE_BACKWARD);
  case_get_views (self, self->inputs, views);
  for (guint i = 0; i < self->n_in; i++)
    case_give_input_gradient (self, views, out, dout, i, result);
  if (self->klass->backward_params != NULL
      || (self->step != NULL && self->step->backward_params != NULL))
    case_give_parameter_gradients (self, views, out, dout, result);
  return TRUE;
}

static gboolean
run_case (const char *line, Data *data, FILE *result, GError **error)
{
  g_auto (Case) self = { 0 };

  return case_read (&self, line, data, error) && case_prepare (&self, error)
         && case_give (&self, data, result, error);
}

int
main (int argc, char **argv)
{
  g_autofree char *cases = NULL, *bytes = NULL;
  g_auto (GStrv) lines = NULL;
  g_autoptr (GError) error = NULL;
  gsize n_bytes;
  FILE *result;
  Data data;

  if (argc != 4)
    {
      fprintf (stderr, "usage: layer CASES DATA RESULT\n");
      return 2;
    }
  seg_registry_load_default (seg_registry_get_default (), NULL);
  if (!g_file_get_contents (argv[1], &cases, NULL, &error)
      || !g_file_get_contents (argv[2], &bytes, &n_bytes, &error))
    {
      fprintf (stderr, "%s\n", error->message);
      return 1;
    }
  if ((result = fopen (argv[3], "wb")) == NULL)
    {
      perror (argv[3]);
      return 1;
    }
  data.next = (const float *) (gpointer) bytes;
  data.end = data.next + n_bytes / sizeof (float);
  lines = g_strsplit (g_strchomp (cases), "\n", -1);
  for (char **line = lines; *line != NULL; line++)
    if (!run_case (*line, &data, result, &error))
      {
        fprintf (stderr, "%s: %s\n", *line, error->message);
        return 1;
      }
  return fclose (result) != 0 || data.next != data.end;
}
