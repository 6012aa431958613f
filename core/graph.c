#include <stdarg.h>

#include "graph-private.h"

#include <segkit/registry.h>

/**
 * SegGraph:
 *
 * Layers, the maps between them, and their names. A graph knows channels, not image sizes.
 *
 * Building is free of error checks: the graph remembers the first error, and after it every
 * function does nothing and returns 0. seg_graph_finish() reports it.
 */
struct _SegGraph
{
  GObject parent_instance;
  GPtrArray *nodes;  /* of SegNode, in an order in which they can be computed */
  GArray *values;    /* of SegGraphValue; index 0 is "none" */
  GPtrArray *scopes; /* of char *, each with its own full prefix */
  GHashTable *names;
  SegValue input, output;
  gsize n_inputs; /* of all nodes together */
  GError *error;
};

G_DEFINE_FINAL_TYPE (SegGraph, seg_graph, G_TYPE_OBJECT)

static void
seg_param_spec_clear (gpointer spec)
{
  g_free (((SegParamSpec *) spec)->suffix);
}

static void
seg_node_free (gpointer data)
{
  SegNode *node = data;

  g_free (node->name);
  g_free (node->inputs);
  g_object_unref (node->layer);
  g_array_unref (node->params.specs);
  g_free (node);
}

static void
seg_graph_finalize (GObject *object)
{
  SegGraph *self = SEG_GRAPH (object);

  g_ptr_array_unref (self->nodes);
  g_array_unref (self->values);
  g_ptr_array_unref (self->scopes);
  g_hash_table_unref (self->names);
  g_clear_error (&self->error);
  G_OBJECT_CLASS (seg_graph_parent_class)->finalize (object);
}

static void
seg_graph_class_init (SegGraphClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = seg_graph_finalize;
}

static void
seg_graph_init (SegGraph *self)
{
  self->nodes = g_ptr_array_new_with_free_func (seg_node_free);
  self->values = g_array_new (FALSE, TRUE, sizeof (SegGraphValue));
  g_array_set_size (self->values, 1);
  self->scopes = g_ptr_array_new_with_free_func (g_free);
  self->names = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
}

/**
 * seg_graph_new:
 *
 * Returns: (transfer full): an empty graph
 */
SegGraph *
seg_graph_new (void)
{
  return g_object_new (SEG_TYPE_GRAPH, NULL);
}

/**
 * seg_graph_fail:
 * @self: a graph
 * @error: (transfer full): why
 *
 * Makes the graph a failed one. The first error is kept, with the scope in front.
 */
void
seg_graph_fail (SegGraph *self, GError *error)
{
  if (self->error != NULL)
    {
      g_error_free (error);
      return;
    }
  self->error = error;
  if (self->scopes->len > 0)
    g_prefix_error (&self->error, "%s: ",
                    (const char *) self->scopes->pdata[self->scopes->len - 1]);
}

/**
 * seg_graph_failed:
 * @self: a graph
 *
 * Returns: whether an error has happened; a block that loops on sizes it read should stop
 */
gboolean
seg_graph_failed (SegGraph *self)
{
  return self->error != NULL;
}

/**
 * seg_graph_push:
 * @self: a graph
 * @name: put in front of the names that follow, with a dot
 */
void
seg_graph_push (SegGraph *self, const char *name)
{
  const char *outer
      = self->scopes->len > 0 ? self->scopes->pdata[self->scopes->len - 1] : NULL;

  g_ptr_array_add (self->scopes,
                   outer != NULL ? g_strconcat (outer, ".", name, NULL) : g_strdup (name));
}

/**
 * seg_graph_pop:
 * @self: a graph
 *
 * Ends the scope that the last seg_graph_push() began.
 */
void
seg_graph_pop (SegGraph *self)
{
  g_return_if_fail (self->scopes->len > 0);
  g_ptr_array_set_size (self->scopes, (gint) self->scopes->len - 1);
}

static char *
seg_graph_claim_name (SegGraph *self, const char *name)
{
  const char *scope = self->scopes->len > 0 ? self->scopes->pdata[self->scopes->len - 1] : NULL;
  char *full = scope != NULL ? g_strconcat (scope, ".", name, NULL) : g_strdup (name);

  if (!g_hash_table_add (self->names, g_strdup (full)))
    {
      g_set_error (&self->error, SEG_ERROR, SEG_ERROR_PARAM, "%s: there are two nodes of this name",
                   full);
      g_clear_pointer (&full, g_free);
    }
  return full;
}

static SegValue
seg_graph_append_value (SegGraph *self, const SegShape *shape, gint node)
{
  SegGraphValue value = { *shape, node };

  g_array_append_val (self->values, value);
  return self->values->len - 1;
}

/**
 * seg_graph_add_input:
 * @self: a graph
 * @name: of the input
 * @channels: of the image
 *
 * Adds the network's input; there is one.
 *
 * Returns: the image, or 0 after an error
 */
SegValue
seg_graph_add_input (SegGraph *self, const char *name, gint64 channels)
{
  SegShape shape = { 1, channels, SEG_GRAPH_NOMINAL_SIZE, SEG_GRAPH_NOMINAL_SIZE };
  g_autofree char *full = NULL;

  g_return_val_if_fail (self->input == 0, 0);

  if (self->error != NULL || (full = seg_graph_claim_name (self, name)) == NULL)
    return 0;
  if (channels < 1)
    {
      g_set_error (&self->error, SEG_ERROR, SEG_ERROR_SHAPE,
                   "%s: an image cannot have %" G_GINT64_FORMAT " channels", full, channels);
      return 0;
    }
  return self->input = seg_graph_append_value (self, &shape, -1);
}

/**
 * seg_param_set_add: (skip)
 * @self: a layer's parameters
 * @suffix: the ecosystem's name, such as `weight`
 * @role: what training may do with it
 * @dtype: element type
 * @init: how it begins
 * @rank: how many sizes follow
 * @...: #gint64 sizes
 */
void
seg_param_set_add (SegParamSet *self, const char *suffix, SegRole role, SegDtype dtype,
                   SegInit init, guint rank, ...)
{
  SegParamSpec spec = { g_strdup (suffix), role, dtype, init, rank, { 0 } };
  va_list args;

  g_return_if_fail (rank <= G_N_ELEMENTS (spec.dims));

  va_start (args, rank);
  for (guint i = 0; i < rank; i++)
    spec.dims[i] = va_arg (args, gint64);
  va_end (args);
  g_array_append_val (self->specs, spec);
}

/**
 * seg_graph_add_layer:
 * @self: a graph
 * @name: of the node
 * @layer: (transfer full) (nullable): what it computes; %NULL after an error
 * @inputs: (array length=n_inputs): what it reads
 * @n_inputs: how many
 *
 * Returns: the output, or 0 after an error: shapes that do not fit, a name taken
 */
SegValue
seg_graph_add_layer (SegGraph *self, const char *name, SegLayer *layer, const SegValue *inputs,
                     guint n_inputs)
{
  g_autoptr (SegLayer) owned = layer;
  g_autofree char *full = NULL;
  g_autofree SegShape *shapes = g_new0 (SegShape, MAX (n_inputs, 1));
  SegShape out = { 0 };
  SegNode *node;

  if (self->error != NULL || (full = seg_graph_claim_name (self, name)) == NULL)
    return 0;

  if (self->nodes->len == SEG_GRAPH_MAX_NODES)
    {
      g_set_error (&self->error, SEG_ERROR, SEG_ERROR_UNSUPPORTED,
                   "%s: a network of more than %d layers is not supported", full,
                   SEG_GRAPH_MAX_NODES);
      return 0;
    }
  if (n_inputs > SEG_GRAPH_MAX_INPUTS - self->n_inputs)
    {
      g_set_error (&self->error, SEG_ERROR, SEG_ERROR_UNSUPPORTED,
                   "%s: a network whose layers have more than %d inputs together is not supported",
                   full, SEG_GRAPH_MAX_INPUTS);
      return 0;
    }
  for (guint i = 0; i < n_inputs; i++)
    {
      if (inputs[i] == 0 || inputs[i] >= self->values->len)
        {
          g_set_error (&self->error, SEG_ERROR, SEG_ERROR_PARAM,
                       "%s: input %u is no value of this graph", full, i);
          return 0;
        }
      shapes[i] = g_array_index (self->values, SegGraphValue, inputs[i]).shape;
    }
  if (!seg_layer_infer (layer, shapes, n_inputs, &out, &self->error))
    {
      g_prefix_error (&self->error, "%s: ", full);
      return 0;
    }

  node = g_new0 (SegNode, 1);
  node->name = g_steal_pointer (&full);
  node->layer = g_steal_pointer (&owned);
  node->inputs = g_memdup2 (inputs, n_inputs * sizeof *inputs);
  node->n_inputs = n_inputs;
  self->n_inputs += n_inputs;
  node->params.specs = g_array_new (FALSE, TRUE, sizeof (SegParamSpec));
  g_array_set_clear_func (node->params.specs, seg_param_spec_clear);
  if (SEG_LAYER_GET_CLASS (layer)->declare != NULL)
    SEG_LAYER_GET_CLASS (layer)->declare (layer, shapes, n_inputs, &node->params);
  g_ptr_array_add (self->nodes, node);
  return node->output = seg_graph_append_value (self, &out, (gint) self->nodes->len - 1);
}

/**
 * seg_graph_add: (skip)
 * @self: a graph
 * @name: of the node, below the scopes pushed
 * @feature: name of a registered layer
 * @inputs: (array length=n_inputs): what it reads: `SEG_IN (a, b)` gives this and the next
 * @n_inputs: how many
 * @first_property: (nullable): a property's name, then its value (of an enum: its nick), more
 *   pairs, and %NULL
 *
 * Returns: the output, or 0 after an error
 */
SegValue
seg_graph_add (SegGraph *self, const char *name, const char *feature, const SegValue *inputs,
               guint n_inputs, const char *first_property, ...)
{
  SegLayer *layer;
  va_list args;

  if (self->error != NULL)
    return 0;

  va_start (args, first_property);
  layer = seg_registry_create_valist (seg_registry_get_default (), feature, SEG_TYPE_LAYER,
                                      &self->error, first_property, args);
  va_end (args);
  if (layer == NULL)
    {
      const char *scope = self->scopes->len > 0 ? self->scopes->pdata[self->scopes->len - 1] : "";
      g_prefix_error (&self->error, "%s%s%s: ", scope, *scope != '\0' ? "." : "", name);
      return 0;
    }
  return seg_graph_add_layer (self, name, layer, inputs, n_inputs);
}

/**
 * seg_graph_set_output:
 * @self: a graph
 * @value: what the network gives
 */
void
seg_graph_set_output (SegGraph *self, SegValue value)
{
  self->output = value;
}

/**
 * seg_graph_finish:
 * @self: a graph
 * @error: return location
 *
 * Returns: whether building went well; otherwise @error is the first that happened
 */
gboolean
seg_graph_finish (SegGraph *self, GError **error)
{
  if (self->error == NULL && self->output == 0)
    g_set_error (&self->error, SEG_ERROR, SEG_ERROR_PARAM, "the network has no output");
  if (self->error == NULL && self->output >= self->values->len)
    g_set_error (&self->error, SEG_ERROR, SEG_ERROR_PARAM, "the output is no value of the network");
  if (self->error == NULL && self->input == 0)
    g_set_error (&self->error, SEG_ERROR, SEG_ERROR_PARAM, "the network has no input");
  if (self->error == NULL)
    return TRUE;
  if (error != NULL)
    *error = g_error_copy (self->error);
  return FALSE;
}

/**
 * seg_graph_get_channels:
 * @self: a graph
 * @value: one of its values, or 0
 *
 * Returns: its channels; 1 for 0, so that arithmetic after an error stays harmless
 */
gint64
seg_graph_get_channels (SegGraph *self, SegValue value)
{
  if (value == 0 || value >= self->values->len)
    return 1;
  return g_array_index (self->values, SegGraphValue, value).shape.c;
}

/**
 * seg_graph_infer:
 * @self: a graph
 * @value: one of its values
 * @height: of an image
 * @width: of an image
 * @shape: (out caller-allocates): of the value for that image
 * @error: return location
 *
 * Computes no pixel. A block may build in a graph of its own first, to learn what the network
 * does to sizes.
 * Errors: `SEG_ERROR_SHAPE` if the network cannot take such an image; the graph's own.
 */
gboolean
seg_graph_infer (SegGraph *self, SegValue value, gint64 height, gint64 width, SegShape *shape,
                 GError **error)
{
  g_autofree SegShape *shapes = g_new0 (SegShape, self->values->len);

  g_return_val_if_fail (self->error != NULL || (value > 0 && value < self->values->len), FALSE);

  if (self->error != NULL)
    {
      g_propagate_error (error, g_error_copy (self->error));
      return FALSE;
    }
  if (self->input != 0)
    shapes[self->input]
        = (SegShape){ 1, seg_graph_get_channels (self, self->input), height, width };
  for (guint i = 0; i < self->nodes->len && value != self->input; i++)
    {
      const SegNode *node = self->nodes->pdata[i];
      g_autofree SegShape *in = g_new (SegShape, MAX (node->n_inputs, 1));

      for (guint j = 0; j < node->n_inputs; j++)
        in[j] = shapes[node->inputs[j]];
      if (!seg_layer_infer (node->layer, in, node->n_inputs, &shapes[node->output], error))
        {
          g_prefix_error (error, "%s: ", node->name);
          return FALSE;
        }
      if (node->output == value)
        break;
    }
  *shape = shapes[value];
  return TRUE;
}

SegValue
seg_graph_get_output (SegGraph *self)
{
  return self->output;
}

guint
seg_graph_get_n_nodes (SegGraph *self)
{
  return self->nodes->len;
}

const char *
seg_graph_get_node_name (SegGraph *self, guint node)
{
  return _seg_graph_get_node (self, node)->name;
}

/**
 * seg_graph_get_node_layer:
 * @self: a graph
 * @node: its number
 *
 * Returns: (transfer none): the layer
 */
SegLayer *
seg_graph_get_node_layer (SegGraph *self, guint node)
{
  return _seg_graph_get_node (self, node)->layer;
}

const SegNode *
_seg_graph_get_node (SegGraph *self, guint node)
{
  return g_ptr_array_index (self->nodes, node);
}

guint
_seg_graph_get_n_values (SegGraph *self)
{
  return self->values->len;
}

const SegGraphValue *
_seg_graph_get_value (SegGraph *self, SegValue value)
{
  return &g_array_index (self->values, SegGraphValue, value);
}

SegValue
_seg_graph_get_input (SegGraph *self)
{
  return self->input;
}
