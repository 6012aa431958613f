#include "error-private.h"
#include "plan-private.h"

G_DEFINE_FINAL_TYPE (SegPlan, seg_plan, G_TYPE_OBJECT)

/* Layers count multiply-adds in 64 bits, which the whole of a huge map would overflow. */
#define SEG_PLAN_COUNTED_ROWS 4096

static const struct
{
  const char *name;
  SegPassFunc run;
} passes[] = {
  { "fold-affine", _seg_pass_fold_affine },
  { "absorb-elementwise", _seg_pass_absorb_elementwise },
  { "absorb-add", _seg_pass_absorb_add },
  { "absorb-before", _seg_pass_absorb_before },
};

static void
seg_plan_post_clear (gpointer data)
{
  SegPost *post = data;

  g_clear_object (&post->layer);
  g_free ((gpointer) post->scale);
  g_free ((gpointer) post->shift);
}

static void
seg_plan_node_free (gpointer data)
{
  SegPlanNode *node = data;

  if (node == NULL)
    return;
  if (node->step != NULL)
    node->step->free (node->step);
  g_array_unref (node->posts);
  g_array_unref (node->befores);
  g_array_unref (node->nodes);
  g_object_unref (node->layer);
  g_free (node->name);
  g_free (node->inputs);
  for (guint i = 0; i < node->n_params; i++)
    g_clear_pointer (&node->tensors[i], seg_tensor_unref);
  g_free (node->tensors);
  g_free (node->params);
  g_free (node);
}

static void
seg_plan_finalize (GObject *object)
{
  SegPlan *self = SEG_PLAN (object);

  g_ptr_array_unref (self->nodes);
  g_clear_pointer (&self->parts, g_ptr_array_unref);
  g_clear_pointer (&self->blocks, g_ptr_array_unref);
  g_free (self->lanes);
  g_string_free (self->report, TRUE);
  g_clear_object (&self->graph);
  g_clear_object (&self->parameters);
  G_OBJECT_CLASS (seg_plan_parent_class)->finalize (object);
}

static void
seg_plan_class_init (SegPlanClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = seg_plan_finalize;
}

static void
seg_plan_init (SegPlan *self)
{
  self->nodes = g_ptr_array_new_with_free_func (seg_plan_node_free);
  self->report = g_string_new (NULL);
}

/* ---- passes ---------------------------------------------------------------------------- */

/* The reader that @node may take over: the only one of its output, which is not the network's
 * own output, if the node's layer absorbs that kind of work. */
SegPlanNode *
_seg_plan_find_absorbable (SegPlan *plan, SegPlanNode *node, SegPostKind kind)
{
  const SegPlanReaders *readers = &plan->readers[node->output];
  SegLayerClass *klass = SEG_LAYER_GET_CLASS (node->layer);
  guint absorbs = plan->purpose == SEG_PURPOSE_TRAINING ? klass->absorbs_training : klass->absorbs;

  if ((absorbs & kind) == 0 || node->output == plan->output
      || readers->n != 1)
    return NULL;
  /* what the reader itself has taken over would be lost */
  return readers->last->posts->len == 0 && readers->last->befores->len == 0 ? readers->last : NULL;
}

/* Appends the post to @node, which now gives what @reader gave and runs where it ran: all that
 * a post reads has been computed there. Where the node was is a gap. */
void
_seg_plan_absorb (SegPlan *plan, SegPlanNode *node, SegPlanNode *reader, SegPost *post)
{
  g_array_append_val (node->posts, *post);
  g_array_append_vals (node->nodes, reader->nodes->data, reader->nodes->len);
  node->output = reader->output;
  g_string_append_printf (plan->report, "%s into %s\n", reader->name, node->name);

  for (guint i = 0; i < reader->n_inputs; i++)
    if (plan->readers[reader->inputs[i]].last == reader)
      plan->readers[reader->inputs[i]].last = node;
  plan->readers[node->output].producer = node;
  plan->nodes->pdata[node->at] = NULL;
  plan->nodes->pdata[reader->at] = node;
  node->at = reader->at;
  seg_plan_node_free (reader);
}

/* The same the other way: @node does to what it reads what @before, which gave it, did. */
void
_seg_plan_absorb_before (SegPlan *plan, SegPlanNode *node, SegPlanNode *before, SegPost *post)
{
  SegValue value = before->inputs[0];

  g_array_prepend_val (node->befores, *post);
  g_array_append_vals (node->nodes, before->nodes->data, before->nodes->len);
  node->inputs[0] = value;
  g_string_append_printf (plan->report, "%s into %s\n", before->name, node->name);

  if (plan->readers[value].last->at < node->at)
    plan->readers[value].last = node;
  plan->nodes->pdata[before->at] = NULL;
  seg_plan_node_free (before);
}

/* What a compiled node's way back needs, and whether it is cheap. */
SegLayerFlags
_seg_plan_get_flags (const SegPlanNode *node)
{
  return node->posts->len > 0 ? node->step->flags : SEG_LAYER_GET_CLASS (node->layer)->flags;
}

gboolean
_seg_plan_is_clamp (SegLayer *layer)
{
  float lo, hi;

  return SEG_IS_ELEMENTWISE (layer) && SEG_ELEMENTWISE_GET_CLASS (layer)->as_clamp != NULL
         && SEG_ELEMENTWISE_GET_CLASS (layer)->as_clamp (layer, &lo, &hi);
}

/* What a node does as an affine post, if its layer says that it is one. */
gboolean
_seg_plan_make_affine (SegPlan *plan, const SegPlanNode *node, SegPost *post)
{
  SegLayerClass *klass = SEG_LAYER_GET_CLASS (node->layer);
  gsize n_channels = (gsize) seg_graph_get_channels (plan->graph, node->output);
  g_autofree float *scale = NULL, *shift = NULL;

  if (node->n_inputs != 1 || klass->as_affine == NULL)
    return FALSE;
  /* up to the end of the last block of channels */
  scale = g_new0 (float, n_channels + SEG_KERNEL_MAX_LANES);
  shift = g_new0 (float, n_channels + SEG_KERNEL_MAX_LANES);
  if (!klass->as_affine (node->layer, node->params, (gint64) n_channels, scale, shift))
    return FALSE;
  *post = (SegPost){ .kind = SEG_POST_AFFINE, .scale = g_steal_pointer (&scale),
                     .shift = g_steal_pointer (&shift) };
  return TRUE;
}

/* Adds to @off the bits of the passes that a list such as "-fold-affine,-absorb-add" switches
 * off; "-all" is every one. */
static gboolean
seg_plan_parse_passes (const char *list, guint *off, GError **error)
{
  g_auto (GStrv) words = g_strsplit (list != NULL ? list : "", ",", -1);

  for (char **word = words; *word != NULL; word++)
    {
      guint p = 0;

      if (g_str_equal (*word, "-all"))
        *off |= (1u << G_N_ELEMENTS (passes)) - 1;
      if (g_str_equal (*word, "-all") || **word == '\0')
        continue;
      while (p < G_N_ELEMENTS (passes)
             && (**word != '-' || !g_str_equal (*word + 1, passes[p].name)))
        p++;
      if (p == G_N_ELEMENTS (passes))
        {
          g_set_error (error, SEG_ERROR, SEG_ERROR_PARAM,
                       "\"%s\" switches off no pass: there are -fold-affine, "
                       "-absorb-elementwise, -absorb-add, -absorb-before and -all", *word);
          return FALSE;
        }
      *off |= 1u << p;
    }
  return TRUE;
}

/* Results depend on the level: a name that limits nothing would give other ones than were meant. A
 * level above what the processor has is no mistake. */
static gboolean
seg_plan_check_level (const char *level, GError **error)
{
  g_autoptr (GString) known = g_string_new (NULL);
  const SegKernels *kernels;

  if (level == NULL || *level == '\0' || seg_kernels_is_known (level))
    return TRUE;
  for (guint i = 0; (kernels = seg_kernels_get_known (i)) != NULL; i++)
    g_string_append_printf (known, "%s%s", i > 0 ? ", " : "", kernels->level);
  g_set_error (error, SEG_ERROR, SEG_ERROR_PARAM,
               "SEGKIT_CPU: \"%s\" is no instruction level: there are %s", level, known->str);
  return FALSE;
}

/* Who reads each value, so that no pass has to look for it, and where each node is. */
static SegPlanReaders *
seg_plan_find_readers (SegPlan *self)
{
  SegPlanReaders *readers = g_new0 (SegPlanReaders, self->n_values);

  for (guint i = 0; i < self->nodes->len; i++)
    {
      SegPlanNode *node = self->nodes->pdata[i];

      node->at = i;
      readers[node->output].producer = node;
      for (guint j = 0; j < node->n_inputs; j++)
        {
          readers[node->inputs[j]].n++;
          readers[node->inputs[j]].last = node;
        }
    }
  return readers;
}

/* Nodes that are gone have left NULL behind. */
static void
seg_plan_close_gaps (SegPlan *self)
{
  guint n = 0;

  for (guint i = 0; i < self->nodes->len; i++)
    {
      gpointer node = g_steal_pointer (&self->nodes->pdata[i]);

      if (node != NULL)
        self->nodes->pdata[n++] = node;
    }
  g_ptr_array_set_size (self->nodes, (gint) n);
}

static void
seg_plan_run_passes (SegPlan *self, guint off)
{
  gboolean changed = TRUE;

  self->readers = seg_plan_find_readers (self);
  while (changed)
    {
      changed = FALSE;
      for (guint p = 0; p < G_N_ELEMENTS (passes); p++)
        {
          if (off & (1u << p))
            continue;
          for (guint i = 0; i < self->nodes->len; i++)
            {
              gsize end = self->report->len;

              if (self->nodes->pdata[i] == NULL || !passes[p].run (self, self->nodes->pdata[i]))
                continue;
              g_string_insert (self->report, (gssize) end, ": ");
              g_string_insert (self->report, (gssize) end, passes[p].name);
              changed = TRUE;
            }
        }
    }
  g_clear_pointer (&self->readers, g_free);
  seg_plan_close_gaps (self);
}

/* ---- making ---------------------------------------------------------------------------- */

static SegPlanNode *
seg_plan_node_new (SegPlan *self, guint index, GError **error)
{
  const SegNode *source = _seg_graph_get_node (self->graph, index);
  SegPlanNode *node = g_new0 (SegPlanNode, 1);

  node->name = g_strdup (source->name);
  node->layer = g_object_ref (source->layer);
  node->inputs = g_memdup2 (source->inputs, source->n_inputs * sizeof *source->inputs);
  node->n_inputs = node->n_layer_inputs = source->n_inputs;
  node->output = source->output;
  node->nodes = g_array_new (FALSE, FALSE, sizeof (guint));
  g_array_append_val (node->nodes, index);
  /* room for one, so that its data is not NULL: layers count from it */
  node->posts = g_array_sized_new (FALSE, TRUE, sizeof (SegPost), 1);
  node->befores = g_array_sized_new (FALSE, TRUE, sizeof (SegPost), 1);
  g_array_set_clear_func (node->posts, seg_plan_post_clear);
  g_array_set_clear_func (node->befores, seg_plan_post_clear);
  node->first_param = seg_parameters_get_first (self->parameters, index, &node->n_params);
  node->params = g_new0 (gconstpointer, MAX (node->n_params, 1));
  node->tensors = g_new0 (SegTensor *, MAX (node->n_params, 1));
  for (guint i = 0; i < node->n_params; i++)
    {
      SegTensor *tensor
          = seg_parameters_get_tensor (self->parameters, node->first_param + i, error);

      if (tensor == NULL)
        {
          seg_plan_node_free (node);
          return NULL;
        }
      node->tensors[i] = seg_tensor_ref (tensor);
      node->params[i] = tensor->data;
    }
  return node;
}

/* Only what leads to the output is run. */
static void
seg_plan_drop_unused (SegPlan *self)
{
  g_autofree gboolean *used = g_new0 (gboolean, self->n_values);

  used[self->output] = TRUE;
  for (guint i = self->nodes->len; i-- > 0;)
    {
      SegPlanNode *node = self->nodes->pdata[i];

      if (!used[node->output])
        g_clear_pointer (&self->nodes->pdata[i], seg_plan_node_free);
      else
        for (guint j = 0; j < node->n_inputs; j++)
          used[node->inputs[j]] = TRUE;
    }
  seg_plan_close_gaps (self);
}

/* Whether a node's output is its first input, for maps of these shapes. */
gboolean
_seg_plan_is_identity (SegPlan *plan, const SegPlanNode *node, const SegShape *shapes)
{
  SegLayerClass *klass = SEG_LAYER_GET_CLASS (node->layer);
  g_autofree SegShape *in = g_new (SegShape, node->n_layer_inputs);

  if (klass->is_identity == NULL || node->posts->len > 0
      || !_seg_plan_have_same_blocks (plan, node->inputs[0], node->output))
    return FALSE;
  for (guint i = 0; i < node->n_layer_inputs; i++)
    in[i] = shapes[node->inputs[i]];
  return klass->is_identity (node->layer, in, node->n_layer_inputs);
}

/* How many rows of a node's output are the same, see #SegLayerClass. */
gint64
_seg_plan_get_row_repeat (const SegPlan *plan, const SegPlanNode *node, const SegShape *shapes)
{
  SegLayerClass *klass = SEG_LAYER_GET_CLASS (node->layer);
  g_autofree SegShape *in = g_new (SegShape, node->n_layer_inputs);

  /* a step's own cells need not begin where rows do that are the same */
  if (plan->purpose == SEG_PURPOSE_TRAINING || klass->row_repeat == NULL || node->posts->len > 0
      || node->step == NULL || node->step->grid_y > 1)
    return 1;
  for (guint i = 0; i < node->n_layer_inputs; i++)
    in[i] = shapes[node->inputs[i]];
  return CLAMP (klass->row_repeat (node->layer, in, node->n_layer_inputs), 1,
                MAX (shapes[node->output].h, 1));
}

static gboolean
seg_plan_has_twice (const GArray *parts)
{
  for (guint i = 0; i < parts->len; i++)
    for (guint j = 0; j < i; j++)
      if (g_array_index (parts, guint, i) == g_array_index (parts, guint, j))
        return TRUE;
  return FALSE;
}

/* The values that hold the channels of the first @n_inputs inputs. */
static GArray *
seg_plan_join_parts (const SegPlanNode *node, guint n_inputs, GPtrArray *of_values)
{
  GArray *parts = g_array_new (FALSE, FALSE, sizeof (guint));

  for (guint j = 0; j < n_inputs; j++)
    {
      GArray *of_input = of_values->pdata[node->inputs[j]];
      g_array_append_vals (parts, of_input->data, of_input->len);
    }
  return parts;
}

/* Says of each node whether it is an alias, where nothing runs. In training the gradients of a
 * concatenation are those of its parts, to which threads add: there must be no two of one. */
static void
seg_plan_find_aliases (SegPlan *plan)
{
  GPtrArray *of_values = _seg_plan_find_parts (plan, NULL);
  gboolean inference = plan->purpose == SEG_PURPOSE_INFERENCE;

  for (guint i = 0; i < plan->nodes->len; i++)
    {
      SegPlanNode *node = plan->nodes->pdata[i];
      SegLayerFlags flags = SEG_LAYER_GET_CLASS (node->layer)->flags;
      GArray *parts;

      if (!(flags & SEG_LAYER_ALIAS) && !(inference && flags & SEG_LAYER_TRAINING_ONLY))
        continue;
      parts = seg_plan_join_parts (node, node->n_inputs, of_values);
      node->is_alias = inference || !seg_plan_has_twice (parts);
      if (node->is_alias)
        {
          g_array_unref (of_values->pdata[node->output]);
          of_values->pdata[node->output] = g_steal_pointer (&parts);
        }
      g_clear_pointer (&parts, g_array_unref);
    }
  g_ptr_array_unref (of_values);
}

static gboolean
seg_plan_any_has_twice (const GPtrArray *of_values)
{
  for (guint v = 0; v < of_values->len; v++)
    if (seg_plan_has_twice (of_values->pdata[v]))
      return TRUE;
  return FALSE;
}

/* Which values hold the channels of each value: itself, or what its alias joins. With shapes, what
 * passes its input on counts as an alias, too, unless that would join a value to itself in training. */
GPtrArray *
_seg_plan_find_parts (SegPlan *plan, const SegShape *shapes)
{
  GPtrArray *of_values = g_ptr_array_new_with_free_func ((GDestroyNotify) g_array_unref);

  for (guint v = 0; v < plan->n_values; v++)
    {
      GArray *parts = g_array_new (FALSE, FALSE, sizeof (guint));

      g_array_append_val (parts, v);
      g_ptr_array_add (of_values, parts);
    }
  for (guint i = 0; i < plan->nodes->len; i++)
    {
      SegPlanNode *node = plan->nodes->pdata[i];

      if (!node->is_alias && (shapes == NULL || !_seg_plan_is_identity (plan, node, shapes)))
        continue;
      g_array_unref (of_values->pdata[node->output]);
      of_values->pdata[node->output]
          = seg_plan_join_parts (node, node->is_alias ? node->n_inputs : 1, of_values);
    }
  if (shapes == NULL || plan->purpose == SEG_PURPOSE_INFERENCE
      || !seg_plan_any_has_twice (of_values))
    return of_values;
  g_ptr_array_unref (of_values);
  return _seg_plan_find_parts (plan, NULL);
}

static SegPlan *
seg_plan_make (SegGraph *graph, SegParameters *parameters, gboolean takes, SegPurpose purpose,
               const SegKernels *kernels, const char *passes_off, GError **error)
{
  g_autoptr (SegPlan) self = g_object_new (SEG_TYPE_PLAN, NULL);

  guint off = 0;

  if (!seg_graph_finish (graph, error) || !seg_plan_parse_passes (passes_off, &off, error)
      || !seg_plan_parse_passes (g_getenv ("SEGKIT_PASSES"), &off, error)
      || !seg_plan_check_level (g_getenv ("SEGKIT_CPU"), error))
    return NULL;

  self->graph = g_object_ref (graph);
  self->parameters = g_object_ref (parameters);
  self->purpose = purpose;
  self->kernels = kernels != NULL ? kernels : seg_kernels_get ();
  self->n_values = _seg_graph_get_n_values (graph);
  self->input = _seg_graph_get_input (graph);
  self->output = seg_graph_get_output (graph);

  for (guint i = 0; i < seg_graph_get_n_nodes (graph); i++)
    {
      SegPlanNode *node = seg_plan_node_new (self, i, error);

      if (node == NULL)
        return NULL;
      g_ptr_array_add (self->nodes, node);
    }
  if (takes)
    _seg_parameters_take (parameters);
  seg_plan_drop_unused (self);
  seg_plan_run_passes (self, off);
  seg_plan_find_aliases (self);
  _seg_plan_choose_layouts (self);
  self->parts = _seg_plan_find_parts (self, NULL);
  if (!_seg_plan_compile (self, error))
    return NULL;
  if (purpose == SEG_PURPOSE_INFERENCE)
    g_clear_object (&self->parameters);
  return g_steal_pointer (&self);
}

/**
 * seg_plan_new:
 * @graph: a finished graph
 * @parameters: its parameters
 * @purpose: training reads the parameters' values live; inference packs many of them, so that
 *   they must not be written to any more. A tensor that is replaced later is not seen
 * @kernels: (nullable): an instruction level; %NULL: the best there is
 * @passes_off: (nullable): passes to switch off, such as `-absorb-add`, separated by commas
 * @error: return location
 *
 * Compiles a graph. The environment variable `SEGKIT_PASSES` switches passes off, too.
 * Errors: `SEG_ERROR_PARAM` for a pass that there is not, or a level in `SEGKIT_CPU`;
 * `SEG_ERROR_MEMORY`, and what a layer says when it cannot be compiled.
 * Threads: a plan may be shared by any number. A training run changes running statistics, which are
 * parameters, so that only one at a time may train.
 *
 * Returns: (transfer full): a new plan, or %NULL with @error set
 */
SegPlan *
seg_plan_new (SegGraph *graph, SegParameters *parameters, SegPurpose purpose,
              const SegKernels *kernels, const char *passes_off, GError **error)
{
  return seg_plan_make (graph, parameters, FALSE, purpose, kernels, passes_off, error);
}

/**
 * seg_plan_new_taking:
 * @graph: a finished graph
 * @parameters: its parameters, of which only names and shapes are left
 * @kernels: (nullable): an instruction level; %NULL: the best there is
 * @passes_off: (nullable): passes to switch off
 * @error: return location
 *
 * Compiles a graph for inference as seg_plan_new() does, and takes the values of its parameters:
 * each is freed as soon as it has been packed, so that weights hardly ever lie in memory twice.
 * Errors: as seg_plan_new(); if a layer cannot be compiled, the values are gone all the same.
 *
 * Returns: (transfer full): a new plan, or %NULL with @error set
 */
SegPlan *
seg_plan_new_taking (SegGraph *graph, SegParameters *parameters, const SegKernels *kernels,
                     const char *passes_off, GError **error)
{
  return seg_plan_make (graph, parameters, TRUE, SEG_PURPOSE_INFERENCE, kernels, passes_off, error);
}

SegPurpose
seg_plan_get_purpose (SegPlan *self)
{
  return self->purpose;
}

const SegKernels *
seg_plan_get_kernels (SegPlan *self)
{
  return self->kernels;
}

guint
seg_plan_get_n_steps (SegPlan *self)
{
  return self->nodes->len;
}

/**
 * seg_plan_get_report:
 * @self: a plan
 *
 * Returns: (transfer none): one line for each rewrite that a pass did
 */
const char *
seg_plan_get_report (SegPlan *self)
{
  return self->report->str;
}

/* ---- for schedules --------------------------------------------------------------------- */

/* The shape of every value for one shape of the input. */
gboolean
_seg_plan_infer (SegPlan *plan, const SegShape *input, SegShape *shapes, GError **error)
{
  shapes[plan->input] = *input;
  for (guint i = 0; i < plan->nodes->len; i++)
    {
      const SegPlanNode *node = plan->nodes->pdata[i];
      g_autofree SegShape *in = g_new (SegShape, node->n_inputs);
      SegShape *out = &shapes[node->output];

      for (guint j = 0; j < node->n_inputs; j++)
        in[j] = shapes[node->inputs[j]];
      if (!seg_layer_infer (node->layer, in, node->n_layer_inputs, out, error))
        {
          g_prefix_error (error, "%s: ", node->name);
          return FALSE;
        }
      for (guint j = node->n_layer_inputs; j < node->n_inputs; j++)
        if (in[j].c != out->c || in[j].h != out->h || in[j].w != out->w)
          {
            g_set_error (error, SEG_ERROR, SEG_ERROR_SHAPE,
                         "%s: %" G_GINT64_FORMAT " channels of %" G_GINT64_FORMAT
                         " × %" G_GINT64_FORMAT " cannot be added to %" G_GINT64_FORMAT
                         " of %" G_GINT64_FORMAT " × %" G_GINT64_FORMAT,
                         node->name, in[j].c, in[j].h, in[j].w, out->c, out->h, out->w);
            return FALSE;
          }
    }
  return TRUE;
}

/* What a node reads of input number @input to give @out: inside the map, maybe nothing. */
SegRect
_seg_plan_required (const SegPlanNode *node, const SegShape *shapes, const SegRect *out,
                    guint input)
{
  const SegShape *shape = &shapes[node->inputs[input]];
  SegRect need = *out, map = { 0, 0, shape->w, shape->h };

  if (input < node->n_layer_inputs && node->step != NULL)
    {
      g_autofree SegShape *in = g_new (SegShape, node->n_layer_inputs);

      for (guint i = 0; i < node->n_layer_inputs; i++)
        in[i] = shapes[node->inputs[i]];
      if (SEG_LAYER_GET_CLASS (node->layer)->flags & SEG_LAYER_WHOLE_MAP)
        need = map;
      else if (node->step->required != NULL)
        node->step->required (node->step, in, node->n_layer_inputs, out, input, &need);
      else
        seg_layer_required (node->layer, in, node->n_layer_inputs, out, input, &need);
    }
  return seg_rect_intersect (need, map);
}

/* A rectangle of a node's output, grown to the cells of its kernel's grid. */
SegRect
_seg_plan_round (const SegPlanNode *node, const SegShape *shapes, SegRect out)
{
  const SegShape *shape = &shapes[node->output];
  gint64 gx = node->step != NULL ? MAX (node->step->grid_x, 1) : 1;
  gint64 gy = node->step != NULL ? MAX (node->step->grid_y, 1) : 1;
  gint64 px = node->step != NULL ? node->step->phase_x : 0;
  gint64 py = node->step != NULL ? node->step->phase_y : 0;
  gint64 x1 = MIN (seg_floor_div (out.x + out.w - px + gx - 1, gx) * gx + px, shape->w);
  gint64 y1 = MIN (seg_floor_div (out.y + out.h - py + gy - 1, gy) * gy + py, shape->h);

  out.x = MAX (seg_floor_div (out.x - px, gx) * gx + px, 0);
  out.y = MAX (seg_floor_div (out.y - py, gy) * gy + py, 0);
  out.w = x1 - out.x;
  out.h = y1 - out.y;
  return out;
}

/* What a node's step does to give @out, for all images of the batch; none for an alias. */
double
_seg_plan_count_multiply_adds (const SegPlanNode *node, const SegShape *shapes, SegRect out)
{
  g_autofree SegShape *in = g_new (SegShape, node->n_layer_inputs);
  SegRect part = out;
  double total = 0;

  if (node->step == NULL)
    return 0;
  for (guint i = 0; i < node->n_layer_inputs; i++)
    in[i] = shapes[node->inputs[i]];
  for (; part.y < out.y + out.h; part.y += part.h)
    {
      part.h = MIN (SEG_PLAN_COUNTED_ROWS, out.y + out.h - part.y);
      total += (double) seg_layer_get_multiply_adds (node->layer, in, node->n_layer_inputs, &part);
    }
  return total * (double) shapes[node->output].n;
}
