/* Blocks: built or refused, and then held to the same promise as layers. */
#include "case.h"
#include "conformance.h"
#include "everywhere.h"

/* What runs at full size can be small; the others need an image that survives being halved five
 * times, and have most of their parameters where it is small. */
#define MAP_CHANNELS 16
#define MAP_MAX_PARAMETERS 1000000
#define NETWORK_CHANNELS 3
#define NETWORK_MAX_PARAMETERS 40000000

static SegGraph *
graph_with_image (gint64 channels, SegFeatures *image)
{
  SegGraph *graph = seg_graph_new ();

  *image = (SegFeatures){ .n = 1,
                          .values = { seg_graph_add_input (graph, "image", channels) },
                          .strides = { 1 } };
  return graph;
}

static void
check_features (const SegFeatures *features, SegGraph *graph, const char *what)
{
  g_test_message ("%s: %u maps", what, features->n);
  g_assert_cmpuint (features->n, >=, 1);
  g_assert_cmpuint (features->n, <=, SEG_FEATURES_MAX);
  for (guint i = 0; i < features->n; i++)
    {
      g_assert_cmpuint (features->values[i], !=, 0);
      g_assert_cmpint (seg_graph_get_channels (graph, features->values[i]), >=, 1);
      if (i > 0)
        g_assert_cmpint (features->strides[i], >, features->strides[i - 1]);
    }
}

/* Builds @block on an image, after @encoder if it is a decoder. FALSE: refused, properly. */
static gboolean
check_block (SegBlock *encoder, SegBlock *block, const char *what, gboolean run)
{
  g_autoptr (GError) error = NULL;
  SegFeatures in, out;
  gboolean is_map = seg_block_get_kind (block) == SEG_BLOCK_MAP;
  gint64 channels = is_map ? MAP_CHANNELS : NETWORK_CHANNELS;
  g_autoptr (SegGraph) graph = graph_with_image (channels, &in);

  if (encoder != NULL)
    {
      SegFeatures image = in;
      seg_block_build (encoder, graph, "encoder", &image, &in);
    }
  seg_block_build (block, graph, "block", &in, &out);
  if (!seg_graph_failed (graph))
    {
      check_features (&out, graph, what);
      if (seg_block_get_kind (block) == SEG_BLOCK_ENCODER)
        seg_graph_set_output (graph, out.values[out.n - 1]);
      else
        seg_graph_set_output (graph, out.values[0]);
      if (is_map || seg_block_get_kind (block) == SEG_BLOCK_MODEL)
        g_assert_cmpuint (out.n, ==, 1);
    }
  if (!seg_graph_finish (graph, &error))
    {
      g_assert_cmpuint (out.n, ==, 0);
      assert_refused (error, what);
      return FALSE;
    }
  if (!run)
    return TRUE;
  return is_map ? everywhere_check (graph, what, channels, 23, 37, MAP_MAX_PARAMETERS)
                : everywhere_check (graph, what, channels, 75, 53, NETWORK_MAX_PARAMETERS);
}

/* Names of the blocks of one kind. */
static GPtrArray *
list_blocks (SegBlockKind kind)
{
  GPtrArray *names = g_ptr_array_new_with_free_func (g_free);
  g_auto (GStrv) all = seg_registry_list (seg_registry_get_default (), SEG_TYPE_BLOCK);

  for (char **name = all; *name != NULL; name++)
    {
      g_autoptr (SegBlock) block =
          seg_registry_create (seg_registry_get_default (), *name, SEG_TYPE_BLOCK, NULL, NULL);
      if (seg_block_get_kind (block) == kind)
        g_ptr_array_add (names, g_strdup (*name));
    }
  return names;
}

static gboolean
can_be_narrow (SegBlock *block)
{
  GParamSpec *pspec = g_object_class_find_property (G_OBJECT_GET_CLASS (block), "channels");

  return pspec != NULL && G_IS_PARAM_SPEC_INT (pspec);
}

/* A block at its defaults, but narrow if it can be told so: the wiring is what is tested. */
static SegBlock *
create_narrow (const char *name)
{
  g_autoptr (SegBlock) block =
      seg_registry_create (seg_registry_get_default (), name, SEG_TYPE_BLOCK, NULL, NULL);
  g_autoptr (GError) error = NULL;
  SegBlock *narrow;

  if (!can_be_narrow (block))
    return g_steal_pointer (&block);
  narrow = seg_object_copy_with (block, &error, "channels", 8, NULL);
  g_assert_no_error (error);
  return narrow;
}

/* A decoder needs some encoder that it takes. On wide ones it is only built: those products run
 * as models. */
static void
test_block_decoder (const GPtrArray *settings)
{
  g_autoptr (GPtrArray) encoders = list_blocks (SEG_BLOCK_ENCODER);
  guint n_built = 0;

  for (guint e = 0; e < encoders->len; e++)
    for (guint s = 0; s < settings->len; s++)
      {
        const Setting *setting = settings->pdata[s];
        g_autoptr (SegBlock) encoder = create_narrow (encoders->pdata[e]);
        g_autofree char *what =
            g_strdup_printf ("%s on %s", setting->what, (char *) encoders->pdata[e]);

        n_built += check_block (encoder, setting->object, what, can_be_narrow (encoder));
      }
  g_assert_cmpuint (n_built, >, 0);
}

/* Every encoder with every decoder: built, or refused with a reason. */
static void
test_block_model_products (const char *feature)
{
  g_autoptr (SegBlock) plain =
      seg_registry_create (seg_registry_get_default (), feature, SEG_TYPE_BLOCK, NULL, NULL);
  g_autoptr (GPtrArray) encoders = list_blocks (SEG_BLOCK_ENCODER);
  g_autoptr (GPtrArray) decoders = list_blocks (SEG_BLOCK_DECODER);
  GObjectClass *klass = G_OBJECT_GET_CLASS (plain);
  guint n_built = 0;

  if (g_object_class_find_property (klass, "encoder") == NULL
      || g_object_class_find_property (klass, "decoder") == NULL)
    return;
  for (guint e = 0; e < encoders->len; e++)
    for (guint d = 0; d < decoders->len; d++)
      {
        g_autoptr (SegBlock) encoder = create_narrow (encoders->pdata[e]);
        g_autoptr (SegBlock) decoder = create_narrow (decoders->pdata[d]);
        g_autoptr (SegBlock) model =
            seg_object_copy_with (plain, NULL, "encoder", encoder, "decoder", decoder, NULL);
        g_autofree char *what = g_strdup_printf (
            "%s of %s and %s", feature, (char *) encoders->pdata[e], (char *) decoders->pdata[d]);

        n_built += check_block (NULL, model, what, TRUE);
      }
  g_assert_cmpuint (n_built, >, 0);
}

void
test_block_everywhere (gconstpointer data)
{
  const char *feature = data;
  g_autoptr (GPtrArray) settings = settings_of (feature);
  SegBlockKind kind = seg_block_get_kind (((Setting *) settings->pdata[0])->object);
  gboolean default_built = FALSE;

  if (kind == SEG_BLOCK_DECODER)
    {
      test_block_decoder (settings);
      return;
    }
  for (guint s = 0; s < settings->len; s++)
    {
      const Setting *setting = settings->pdata[s];
      gboolean built =
          check_block (NULL, setting->object, setting->what, s == 0 || kind == SEG_BLOCK_MAP);
      default_built |= s == 0 && built;
    }
  g_assert_true (default_built);
  if (kind == SEG_BLOCK_MODEL)
    test_block_model_products (feature);
}
