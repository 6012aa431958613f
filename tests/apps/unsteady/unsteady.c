/* A network that breaks the determinism contract: what it gives depends on how many numbers it is
 * handed at once. For tests of those who must see it. */
#include <segkit/seg-plugin.h>

typedef struct
{
  SegElementwise parent_instance;
} SegUnsteady;
typedef SegElementwiseClass SegUnsteadyClass;

GType seg_unsteady_get_type (void);
G_DEFINE_FINAL_TYPE (SegUnsteady, seg_unsteady, SEG_TYPE_ELEMENTWISE)

static void
seg_unsteady_forward (SegLayer *layer, const float *x, float *y, gsize n)
{
  (void) layer;
  for (gsize i = 0; i < n; i++)
    y[i] = x[i] + 0.001f * (float) (n % 7);
}

static void
seg_unsteady_class_init (SegUnsteadyClass *klass)
{
  klass->forward = seg_unsteady_forward;
  seg_layer_class_set_info (SEG_LAYER_CLASS (klass), "Unsteady", "tests");
}

static void
seg_unsteady_init (SegUnsteady *self)
{
  (void) self;
}

typedef struct
{
  SegBlock parent_instance;
} SegUnsteadyNet;
typedef SegBlockClass SegUnsteadyNetClass;

GType seg_unsteady_net_get_type (void);
G_DEFINE_FINAL_TYPE (SegUnsteadyNet, seg_unsteady_net, SEG_TYPE_BLOCK)

static void
seg_unsteady_net_build (SegBlock *block, SegGraph *graph, const SegFeatures *in, SegFeatures *out)
{
  SegValue logits = seg_graph_add (graph, "0", "conv2d", SEG_IN (in->values[0]), "channels", 2,
                                   "kernel-size", 1, NULL);

  (void) block;
  *out = *in;
  out->values[0] = seg_graph_add (graph, "1", "unsteady", SEG_IN (logits), NULL);
}

static void
seg_unsteady_net_class_init (SegUnsteadyNetClass *klass)
{
  klass->kind = SEG_BLOCK_MODEL;
  klass->build = seg_unsteady_net_build;
  seg_block_class_set_info (klass, "Unsteady network", "tests");
}

static void
seg_unsteady_net_init (SegUnsteadyNet *self)
{
  (void) self;
}

static void
register_features (SegRegistry *registry)
{
  seg_registry_add (registry, "unsteady", seg_unsteady_get_type ());
  seg_registry_add (registry, "unsteady-net", seg_unsteady_net_get_type ());
}

SEG_PLUGIN_DEFINE (unsteady, "Breaks the contract", "CC0-1.0", register_features)
