/* Asks each layer of a plan for its step. From the output back to the image: a step that works in
 * cells of a grid lays them so that its readers ask for least, and so must know its readers. */
#include "error-private.h"
#include "plan-private.h"

/* An image that no border reaches the middle of, and a tile there. */
#define SEG_COMPILE_SIDE (G_GINT64_CONSTANT (1) << 20)
#define SEG_COMPILE_TILE 64

typedef struct
{
  SegPlan *plan;
  SegShape *shapes; /* of values for the large image; NULL if the network takes none */
  SegRect *asked;   /* of values: what their readers ask of them for the tile */
  GError **error;
} SegCompiler;

/* For layers that do not compile: a step around forward(). */
static void
seg_forward_step_run (const SegStep *self, const SegRun *run, const SegView *in, guint n_in,
                      SegView *out, const SegPiece *piece)
{
  SEG_LAYER_GET_CLASS (self->layer)->forward (self->layer, run, in, n_in, out, piece);
}

static SegStep *
seg_forward_step_new (SegLayer *layer, const SegShape *in, guint n_in)
{
  SegStep *step = g_new0 (SegStep, 1);

  step->scratch_bytes = seg_layer_get_scratch (layer, in, n_in);
  step->run = seg_forward_step_run;
  step->free = (void (*) (SegStep *)) g_free;
  return step;
}

static SegBlocking
seg_compiler_get_blocking (const SegCompiler *self, SegValue value)
{
  const GArray *blocks = self->plan->blocks->pdata[value];
  return (SegBlocking){ self->plan->lanes[value], blocks->len,
                        (const gint32 *) (gpointer) blocks->data };
}

/* Image pixels for one of the value's. */
static gint64
seg_compiler_get_stride (const SegCompiler *self, SegValue value)
{
  const SegShape *shape = &self->shapes[value];

  if (self->shapes == NULL)
    return 1;
  return MAX ((SEG_COMPILE_SIDE + MIN (shape->h, shape->w) / 2) / MIN (shape->h, shape->w), 1);
}

/* A step that has packed its parameters does not look at them again, and whoever made them may let
 * them go. */
static void
seg_compiler_release_parameters (SegPlanNode *node)
{
  for (guint i = 0; i < node->n_params; i++)
    {
      g_clear_pointer (&node->tensors[i], seg_tensor_unref);
      node->params[i] = NULL;
    }
}

static gboolean
seg_compiler_compile_node (SegCompiler *self, SegPlanNode *node)
{
  SegLayerClass *klass = SEG_LAYER_GET_CLASS (node->layer);
  g_autofree SegShape *shapes = g_new (SegShape, node->n_layer_inputs);
  g_autofree SegBlocking *blocking = g_new (SegBlocking, node->n_layer_inputs);
  GError *error = NULL;
  SegOffer offer = {
    .purpose = self->plan->purpose,
    .kernels = self->plan->kernels,
    .in = shapes,
    .n_in = node->n_layer_inputs,
    .params = node->params,
    .after = (const SegPost *) (gpointer) node->posts->data,
    .n_after = node->posts->len,
    .before = (const SegPost *) (gpointer) node->befores->data,
    .n_before = node->befores->len,
    .in_blocking = blocking,
    .out_blocking = seg_compiler_get_blocking (self, node->output),
    .stride = seg_compiler_get_stride (self, node->output),
    .asked = self->asked[node->output],
  };

  for (guint i = 0; i < node->n_layer_inputs; i++)
    {
      shapes[i] = _seg_graph_get_value (self->plan->graph, node->inputs[i])->shape;
      blocking[i] = seg_compiler_get_blocking (self, node->inputs[i]);
    }
  if (klass->compile != NULL)
    node->step = klass->compile (node->layer, &offer, &error);
  if (node->step == NULL && error == NULL && klass->forward != NULL && node->posts->len == 0
      && node->befores->len == 0)
    node->step = seg_forward_step_new (node->layer, shapes, node->n_layer_inputs);
  if (node->step == NULL)
    {
      if (error != NULL)
        g_propagate_error (self->error, error);
      _seg_error_complete (self->error, node->layer, "compile");
      g_prefix_error (self->error, "%s: ", node->name);
      return FALSE;
    }
  node->step->layer = node->layer;
  if (node->step->kernel == NULL)
    node->step->kernel = node->step->run == seg_forward_step_run ? "plain" : "own";
  if (self->plan->purpose == SEG_PURPOSE_INFERENCE && node->step->packed_bytes > 0)
    seg_compiler_release_parameters (node);
  return TRUE;
}

/* The tile, where rows and columns of tiles as large would begin. */
static SegRect
seg_compiler_choose_tile (const SegShape *map)
{
  return (SegRect){ map->w / 2 / SEG_COMPILE_TILE * SEG_COMPILE_TILE,
                    map->h / 2 / SEG_COMPILE_TILE * SEG_COMPILE_TILE,
                    MIN (map->w, SEG_COMPILE_TILE), MIN (map->h, SEG_COMPILE_TILE) };
}

/* Of a whole map, as pooling asks for it, the tile stands for all others. */
static SegRect
seg_compiler_find_need (const SegCompiler *self, const SegPlanNode *node, const SegRect *out,
                        guint input)
{
  const SegShape *map = &self->shapes[node->inputs[input]];
  SegRect need = _seg_plan_required (node, self->shapes, out, input);

  return need.w == map->w && need.h == map->h ? seg_compiler_choose_tile (map) : need;
}

/* Asks for a rectangle of a value: of the values that its channels are in. */
static void
seg_compiler_ask (SegCompiler *self, SegValue value, SegRect rect)
{
  const GArray *parts = self->plan->parts->pdata[value];

  if (seg_rect_is_empty (&rect))
    return;
  for (guint p = 0; p < parts->len; p++)
    {
      SegRect *asked = &self->asked[g_array_index (parts, guint, p)];
      *asked = seg_rect_union (*asked, rect);
    }
}

/* Asks each input for what the output needs to give what is asked of it. */
static void
seg_compiler_ask_inputs (SegCompiler *self, const SegPlanNode *node)
{
  SegRect out;

  if (seg_rect_is_empty (&self->asked[node->output]))
    return;
  out = _seg_plan_round (node, self->shapes, self->asked[node->output]);
  for (guint i = 0; i < node->n_inputs; i++)
    seg_compiler_ask (self, node->inputs[i], seg_compiler_find_need (self, node, &out, i));
}

/* Gives each node of the plan its step; an alias needs none. */
gboolean
_seg_plan_compile (SegPlan *plan, GError **error)
{
  g_autofree SegShape *shapes = g_new0 (SegShape, plan->n_values);
  g_autofree SegRect *asked = g_new0 (SegRect, plan->n_values);
  SegShape image = { 1, seg_graph_get_channels (plan->graph, plan->input), SEG_COMPILE_SIDE,
                     SEG_COMPILE_SIDE };
  SegCompiler self = { plan, _seg_plan_infer (plan, &image, shapes, NULL) ? shapes : NULL, asked,
                       error };

  if (self.shapes != NULL)
    seg_compiler_ask (&self, plan->output, seg_compiler_choose_tile (&shapes[plan->output]));
  for (guint i = plan->nodes->len; i-- > 0;)
    {
      SegPlanNode *node = plan->nodes->pdata[i];

      if (node->is_alias)
        continue;
      if (!seg_compiler_compile_node (&self, node))
        return FALSE;
      seg_compiler_ask_inputs (&self, node);
    }
  return TRUE;
}

/* How a node's layer takes blocks of the plan's kernels. */
SegLayout
_seg_plan_get_layout (SegPlan *plan, const SegPlanNode *node)
{
  SegLayerClass *klass = SEG_LAYER_GET_CLASS (node->layer);
  g_autofree SegShape *shapes = g_new (SegShape, node->n_layer_inputs);

  if (klass->layout == NULL)
    return SEG_LAYOUT_PLANAR;
  for (guint i = 0; i < node->n_layer_inputs; i++)
    shapes[i] = _seg_graph_get_value (plan->graph, node->inputs[i])->shape;
  return klass->layout (node->layer, plan->purpose, shapes, node->n_layer_inputs,
                        plan->kernels->lanes);
}
