/* A network of somebody else, as a plugin of somebody else would have it: the portrait network
 * that compare-onnx.py moves the weights of over. All of it goes through the public interface. */
#include <segkit/seg-plugin.h>

#define N_LEVELS 5

#define TEST_TYPE_PORTRAIT (test_portrait_get_type ())
G_DECLARE_FINAL_TYPE (TestPortrait, test_portrait, TEST, PORTRAIT, SegBlock)

struct _TestPortrait
{
  SegBlock parent_instance;
};

G_DEFINE_FINAL_TYPE (TestPortrait, test_portrait, SEG_TYPE_BLOCK)

/* From fine to coarse. */
static const gint channels[N_LEVELS] = { 8, 32, 64, 128, 128 };
static const gint n_units[N_LEVELS] = { 1, 1, 1, 2, 6 };
#define N_UNITS_UP 3

/* x + s (relu (s (relu (x)))), where s is a separable convolution: 3×3 on each channel, then 1×1
 * between them. */
static SegValue
add_unit (SegGraph *graph, const char *name, SegValue x)
{
  gint n = (gint) seg_graph_get_channels (graph, x);
  SegValue y = x;

  seg_graph_push (graph, name);
  for (gint i = 1; i <= 2 && !seg_graph_failed (graph); i++)
    {
      g_autofree char *relu = g_strdup_printf ("relu%d", i);
      g_autofree char *each = g_strdup_printf ("each%d", i);
      g_autofree char *between = g_strdup_printf ("between%d", i);

      y = seg_graph_add (graph, relu, "relu", SEG_IN (y), NULL);
      y = seg_graph_add (graph, each, "conv2d", SEG_IN (y), "channels", n, "groups", n,
                         "kernel-size", 3, "padding", 1, "bias", FALSE, NULL);
      y = seg_graph_add (graph, between, "conv2d", SEG_IN (y), "channels", n, "kernel-size", 1,
                         NULL);
    }
  x = seg_graph_add (graph, "add", "add", SEG_IN (x, y), NULL);
  seg_graph_pop (graph);
  return x;
}

static SegValue
add_units (SegGraph *graph, gint n, SegValue x)
{
  for (gint i = 0; i < n; i++)
    {
      g_autofree char *name = g_strdup_printf ("%d", i);
      x = add_unit (graph, name, x);
    }
  return x;
}

/* Halves the size; TensorFlow's padding of an even map puts the odd pixel behind. */
static SegValue
add_down (SegGraph *graph, gint n, SegValue x)
{
  x = seg_graph_add (graph, "pad", "pad", SEG_IN (x), "bottom", 1, "right", 1, NULL);
  return seg_graph_add (graph, "conv", "conv2d", SEG_IN (x), "channels", n, "kernel-size", 3,
                        "stride", 2, NULL);
}

static SegValue
add_up (SegGraph *graph, SegValue x, SegValue skip)
{
  x = seg_graph_add (graph, "conv", "conv-transpose2d", SEG_IN (x), "channels",
                     (gint) seg_graph_get_channels (graph, skip), "kernel-size", 3, "stride", 2,
                     NULL);
  x = seg_graph_add (graph, "pad", "pad", SEG_IN (x), "bottom", -1, "right", -1, NULL);
  return seg_graph_add (graph, "add", "add", SEG_IN (x, skip), NULL);
}

static void
test_portrait_build (SegBlock *block, SegGraph *graph, const SegFeatures *in, SegFeatures *out)
{
  SegValue x = in->values[0], skips[N_LEVELS];

  (void) block;
  for (gint i = 0; i < N_LEVELS; i++)
    {
      g_autofree char *name = g_strdup_printf ("encoder.%d", i);

      seg_graph_push (graph, name);
      x = i == 0 ? seg_graph_add (graph, "conv", "conv2d", SEG_IN (x), "channels", channels[0],
                                  "kernel-size", 3, "padding", 1, NULL)
                 : add_down (graph, channels[i], x);
      skips[i] = x = add_units (graph, n_units[i], x);
      seg_graph_pop (graph);
    }
  for (gint i = N_LEVELS - 2; i >= 0; i--)
    {
      g_autofree char *name = g_strdup_printf ("decoder.%d", i);

      seg_graph_push (graph, name);
      x = add_units (graph, N_UNITS_UP, add_up (graph, x, skips[i]));
      seg_graph_pop (graph);
    }
  x = seg_graph_add (graph, "head", "conv-transpose2d", SEG_IN (x), "channels", 1, "kernel-size",
                     1, "stride", 1, NULL);
  *out = (SegFeatures){ .n = 1, .values = { x }, .strides = { 1 } };
}

static void
test_portrait_class_init (TestPortraitClass *klass)
{
  SegBlockClass *block = SEG_BLOCK_CLASS (klass);

  block->kind = SEG_BLOCK_MODEL;
  block->build = test_portrait_build;
  seg_block_class_set_info (block, "Portrait network",
                            "github.com/anilsathyan7/Portrait-Segmentation, prisma");
}

static void
test_portrait_init (TestPortrait *self)
{
  (void) self;
}

static void
register_features (SegRegistry *registry)
{
  seg_registry_add (registry, "test-portrait", TEST_TYPE_PORTRAIT);
}

SEG_PLUGIN_DEFINE (portrait, "A test's network", "LGPL-2.1-or-later", register_features)
