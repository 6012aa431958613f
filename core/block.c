#include "property-private.h"

#include <segkit/block.h>
#include <segkit/registry.h>

/**
 * SegBlock:
 *
 * Wiring: expands into layers and smaller blocks inside a graph. Holds no arithmetic, so that
 * it gets gradients, tiling, fusion and speed without a line of its own.
 */
G_DEFINE_ABSTRACT_TYPE (SegBlock, seg_block, G_TYPE_OBJECT)

static void
seg_block_dispose (GObject *object)
{
  _seg_properties_dispose (object);
  G_OBJECT_CLASS (seg_block_parent_class)->dispose (object);
}

static void
seg_block_class_init (SegBlockClass *klass)
{
  G_OBJECT_CLASS (klass)->dispose = seg_block_dispose;
}

static void
seg_block_init (SegBlock *self)
{
  (void) self;
}

/**
 * seg_block_class_set_info:
 * @klass: the class
 * @title: a few words
 * @source: paper, section or equation
 */
void
seg_block_class_set_info (SegBlockClass *klass, const char *title, const char *source)
{
  klass->title = title;
  klass->source = source;
}

const char *
seg_block_get_title (SegBlock *self)
{
  return SEG_BLOCK_GET_CLASS (self)->title;
}

const char *
seg_block_get_source (SegBlock *self)
{
  return SEG_BLOCK_GET_CLASS (self)->source;
}

SegBlockKind
seg_block_get_kind (SegBlock *self)
{
  return SEG_BLOCK_GET_CLASS (self)->kind;
}

/**
 * seg_block_build:
 * @self: a block
 * @graph: where to
 * @name: (nullable): put in front of the names of what it adds
 * @in: what it reads
 * @out: (out caller-allocates): what it made; after an error of the graph, nothing
 *
 * Errors: the graph's, see [method@Seg.Graph.finish].
 */
void
seg_block_build (SegBlock *self, SegGraph *graph, const char *name, const SegFeatures *in,
                 SegFeatures *out)
{
  *out = (SegFeatures){ 0 };
  if (seg_graph_failed (graph))
    return;

  if (name != NULL)
    seg_graph_push (graph, name);
  SEG_BLOCK_GET_CLASS (self)->build (self, graph, in, out);
  if (name != NULL)
    seg_graph_pop (graph);

  for (guint i = 0; !seg_graph_failed (graph) && i < MAX (out->n, 1); i++)
    if (out->n > SEG_FEATURES_MAX || i >= out->n || out->values[i] == 0 || out->strides[i] < 1)
      seg_graph_fail (graph, g_error_new (SEG_ERROR, SEG_ERROR_PLUGIN,
                                          "%s has built nothing that can be read: feature %u of %u "
                                          "is no map with a stride",
                                          seg_type_get_feature (G_OBJECT_TYPE (self)), i, out->n));
  if (seg_graph_failed (graph))
    *out = (SegFeatures){ 0 };
}

/**
 * seg_block_build_map:
 * @self: a block that takes one map and gives one map
 * @graph: where to
 * @name: (nullable): put in front of the names of what it adds
 * @in: what it reads
 *
 * Builds a block where the size must stay what it is. Errors: the graph's; a block that changes
 * the stride is one.
 *
 * Returns: what it made, or 0 after an error of the graph
 */
SegValue
seg_block_build_map (SegBlock *self, SegGraph *graph, const char *name, SegValue in)
{
  SegFeatures features = { .n = 1, .values = { in }, .strides = { 1 } }, out;

  seg_block_build (self, graph, name, &features, &out);
  if (!seg_graph_failed (graph) && (out.n != 1 || out.strides[0] != 1))
    seg_graph_fail (graph, g_error_new (SEG_ERROR, SEG_ERROR_PARAM,
                                        "%s cannot stand here: it does not give one map of the "
                                        "size of what it reads",
                                        seg_type_get_feature (G_OBJECT_TYPE (self))));
  return seg_graph_failed (graph) ? 0 : out.values[0];
}
