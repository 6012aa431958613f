#include <math.h>
#include <string.h>

#include "plan-private.h"

#include <segkit/parameters.h>
#include <segkit/random.h>

typedef struct
{
  char *name;
  SegParamSpec spec; /* suffix unused */
  SegTensor *tensor; /* NULL until asked for or set */
} SegParameter;

struct _SegParameters
{
  GObject parent_instance;
  GArray *entries;      /* of SegParameter */
  GHashTable *by_name;  /* name → index */
  guint *first;         /* per node, one more at the end */
  gboolean taken;       /* a plan has the values, and here are none any more */
  guint n_nodes;
};

G_DEFINE_FINAL_TYPE (SegParameters, seg_parameters, G_TYPE_OBJECT)

static void
seg_parameter_clear (gpointer data)
{
  SegParameter *entry = data;

  g_free (entry->name);
  g_clear_pointer (&entry->tensor, seg_tensor_unref);
}

static void
seg_parameters_finalize (GObject *object)
{
  SegParameters *self = SEG_PARAMETERS (object);

  g_array_unref (self->entries);
  g_hash_table_unref (self->by_name);
  g_free (self->first);
  G_OBJECT_CLASS (seg_parameters_parent_class)->finalize (object);
}

static void
seg_parameters_class_init (SegParametersClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = seg_parameters_finalize;
}

static void
seg_parameters_init (SegParameters *self)
{
  self->entries = g_array_new (FALSE, TRUE, sizeof (SegParameter));
  g_array_set_clear_func (self->entries, seg_parameter_clear);
  self->by_name = g_hash_table_new (g_str_hash, g_str_equal);
}

/**
 * seg_parameters_new:
 * @graph: a finished graph
 *
 * Lists what the graph's layers declare. Memory is taken when a tensor is first asked for.
 *
 * Returns: (transfer full): the parameters of @graph
 */
SegParameters *
seg_parameters_new (SegGraph *graph)
{
  SegParameters *self = g_object_new (SEG_TYPE_PARAMETERS, NULL);

  self->n_nodes = seg_graph_get_n_nodes (graph);
  self->first = g_new0 (guint, self->n_nodes + 1);
  for (guint i = 0; i < self->n_nodes; i++)
    {
      const SegNode *node = _seg_graph_get_node (graph, i);

      self->first[i] = self->entries->len;
      for (guint j = 0; j < node->params.specs->len; j++)
        {
          SegParamSpec *spec = &g_array_index (node->params.specs, SegParamSpec, j);
          SegParameter entry = { g_strconcat (node->name, ".", spec->suffix, NULL), *spec, NULL };

          entry.spec.suffix = NULL;
          g_hash_table_insert (self->by_name, entry.name, GUINT_TO_POINTER (self->entries->len));
          g_array_append_val (self->entries, entry);
        }
    }
  self->first[self->n_nodes] = self->entries->len;
  return self;
}

static SegParameter *
seg_parameters_entry (SegParameters *self, guint i)
{
  g_assert (i < self->entries->len);
  return &g_array_index (self->entries, SegParameter, i);
}

static void
seg_parameter_initialise (const SegParameter *entry, guint64 seed)
{
  const SegInit *init = &entry->spec.init;
  gsize n = seg_tensor_get_n_elements (entry->tensor);
  float *data = entry->tensor->data, scale = init->value;
  guint64 stream = seg_random_name_hash (entry->name);
  double fan = (double) (init->fan_in > 0 ? init->fan_in : MAX (init->fan_out, 1));

  if (entry->spec.dtype != SEG_DTYPE_F32)
    return;
  switch (init->kind)
    {
    case SEG_INIT_CONSTANT:
      for (gsize i = 0; i < n; i++)
        data[i] = init->value;
      return;
    case SEG_INIT_NORMAL:
    case SEG_INIT_KAIMING_NORMAL:
      if (init->kind == SEG_INIT_KAIMING_NORMAL)
        scale = (float) (init->value / sqrt (fan));
      seg_random_normal (seed, stream, 0, n, data);
      for (gsize i = 0; i < n; i++)
        data[i] *= scale;
      return;
    case SEG_INIT_UNIFORM:
      break;
    case SEG_INIT_KAIMING_UNIFORM:
      scale = (float) (init->value * sqrt (3.0 / fan));
      break;
    case SEG_INIT_XAVIER_UNIFORM:
      scale = (float) (init->value * sqrt (6.0 / (double) (init->fan_in + init->fan_out)));
      break;
    }
  seg_random_uniform (seed, stream, 0, n, data);
  for (gsize i = 0; i < n; i++)
    data[i] = (2.f * data[i] - 1.f) * scale;
}

/**
 * seg_parameters_initialise:
 * @self: parameters
 * @seed: of the generator
 * @error: return location
 *
 * Gives every parameter its initial value. Each number is drawn by (seed, full name, element),
 * so that the order of building does not matter.
 * Errors: `SEG_ERROR_MEMORY`.
 */
gboolean
seg_parameters_initialise (SegParameters *self, guint64 seed, GError **error)
{
  for (guint i = 0; i < self->entries->len; i++)
    {
      if (seg_parameters_get_tensor (self, i, error) == NULL)
        return FALSE;
      seg_parameter_initialise (seg_parameters_entry (self, i), seed);
    }
  return TRUE;
}

static gboolean
seg_parameter_fits (const SegParameter *entry, const SegTensor *tensor)
{
  const SegParamSpec *spec = &entry->spec;

  return tensor->dtype == spec->dtype && tensor->rank == spec->rank
         && memcmp (tensor->dims, spec->dims, spec->rank * sizeof *spec->dims) == 0;
}

/* Lets @self have @other's tensors under the names that both have; what only @self has gets its
 * initial value. A network of a plugin may have other shapes in another setting: an error. */
gboolean
_seg_parameters_initialise_beside (SegParameters *self, SegParameters *other, guint64 seed,
                                   GError **error)
{
  for (guint i = 0; i < self->entries->len; i++)
    {
      const SegParameter *entry = seg_parameters_entry (self, i);
      gint of_other = seg_parameters_find (other, entry->name);
      SegTensor *tensor = of_other < 0 ? seg_parameters_get_tensor (self, i, error)
                                       : seg_parameters_get_tensor (other, (guint) of_other, error);

      if (tensor == NULL)
        return FALSE;
      if (of_other < 0)
        seg_parameter_initialise (entry, seed);
      else if (seg_parameter_fits (entry, tensor))
        seg_parameters_set_tensor (self, i, tensor);
      else
        {
          g_set_error (error, SEG_ERROR, SEG_ERROR_PLUGIN,
                       "%s has one shape in the model and another in the network that is trained",
                       entry->name);
          return FALSE;
        }
    }
  return TRUE;
}

guint
seg_parameters_get_n (SegParameters *self)
{
  return self->entries->len;
}

const char *
seg_parameters_get_name (SegParameters *self, guint i)
{
  return seg_parameters_entry (self, i)->name;
}

SegRole
seg_parameters_get_role (SegParameters *self, guint i)
{
  return seg_parameters_entry (self, i)->spec.role;
}

SegDtype
seg_parameters_get_dtype (SegParameters *self, guint i)
{
  return seg_parameters_entry (self, i)->spec.dtype;
}

/**
 * seg_parameters_get_shape:
 * @self: parameters
 * @i: which
 * @rank: (out): how many dimensions
 *
 * Returns: (transfer none) (array length=rank): its sizes, known without taking memory
 */
const gint64 *
seg_parameters_get_shape (SegParameters *self, guint i, guint *rank)
{
  SegParamSpec *spec = &seg_parameters_entry (self, i)->spec;

  *rank = spec->rank;
  return spec->dims;
}

/**
 * seg_parameters_get_tensor:
 * @self: parameters
 * @i: which
 * @error: return location
 *
 * Errors: `SEG_ERROR_MEMORY`; `SEG_ERROR_PARAM` if seg_plan_new_taking() has taken the values.
 *
 * Returns: (transfer none): its values, zeros at first; %NULL with @error set when there is no
 *   memory for them
 */
SegTensor *
seg_parameters_get_tensor (SegParameters *self, guint i, GError **error)
{
  SegParameter *entry = seg_parameters_entry (self, i);

  if (entry->tensor == NULL && self->taken)
    {
      g_set_error (error, SEG_ERROR, SEG_ERROR_PARAM, "%s: a plan has taken its values",
                   entry->name);
      return NULL;
    }
  if (entry->tensor == NULL)
    {
      entry->tensor = seg_tensor_new (entry->spec.dtype, entry->spec.rank, entry->spec.dims, error);
      if (entry->tensor == NULL)
        g_prefix_error (error, "%s: ", entry->name);
    }
  return entry->tensor;
}

/* Lets go of all values: from now on there are names and shapes only. */
void
_seg_parameters_take (SegParameters *self)
{
  for (guint i = 0; i < self->entries->len; i++)
    g_clear_pointer (&seg_parameters_entry (self, i)->tensor, seg_tensor_unref);
  self->taken = TRUE;
}

/**
 * seg_parameters_set_tensor:
 * @self: parameters
 * @i: which
 * @tensor: (transfer none): of exactly the declared element type and shape
 *
 * Replaces a parameter's values without copying.
 */
void
seg_parameters_set_tensor (SegParameters *self, guint i, SegTensor *tensor)
{
  SegParameter *entry = seg_parameters_entry (self, i);

  g_return_if_fail (seg_parameter_fits (entry, tensor));

  seg_tensor_ref (tensor);
  g_clear_pointer (&entry->tensor, seg_tensor_unref);
  entry->tensor = tensor;
}

/**
 * seg_parameters_find:
 * @self: parameters
 * @name: a full name
 *
 * Returns: its number, or -1
 */
gint
seg_parameters_find (SegParameters *self, const char *name)
{
  gpointer i;

  if (!g_hash_table_lookup_extended (self->by_name, name, NULL, &i))
    return -1;
  return GPOINTER_TO_INT (i);
}

/**
 * seg_parameters_get_first:
 * @self: parameters
 * @node: a node of the graph
 * @n: (out): how many parameters it has
 *
 * Returns: the number of its first parameter; the others follow in the order declared
 */
guint
seg_parameters_get_first (SegParameters *self, guint node, guint *n)
{
  g_assert (node < self->n_nodes);
  *n = self->first[node + 1] - self->first[node];
  return self->first[node];
}
