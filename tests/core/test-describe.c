/* What tools are told of plans and schedules, held against facts found elsewhere. With `-m slow`
 * more of it by arithmetic. */
#include "zoo.h"

typedef struct
{
  const char *name, *model;
  gint64 before, after; /* left and top, right and bottom */
  gboolean slow;        /* to run */
} Network;

#define CLASSIC(channels)                                                                          \
  "type=unet\nclasses=2\n[model.encoder]\ntype=unet-encoder\ndepth=4\nchannels=" channels          \
  "\n[model.decoder]\ntype=unet-decoder"
#define RESNET(depth) ZOO_SMP ("type=resnet-encoder\ndepth=" depth, "2")

/* Found by a program that knows nothing of this one, but for the last, which is by hand; test_light
 * finds all of them again. The 92 pixels of the U-Net paper are those of an output that is not
 * aligned. */
static const Network networks[] = {
  { "classic", CLASSIC ("4"), 94, 94, FALSE },
  { "resnet18", RESNET ("18"), 281, 250, FALSE },
  { "resnet34", RESNET ("34"), 513, 482, FALSE },
  { "resnet50", RESNET ("50"), 277, 246, TRUE },
  { "resnet101", RESNET ("101"), 549, 518, TRUE },
  { "densenet121", ZOO_SMP ("type=densenet-encoder\ndepth=121", "2"), 1085, 1082, TRUE },
  { "fc-densenet56", "type=fc-densenet\nclasses=2\ndepth=56", 413, 381, FALSE },
};

static SegPlan *
plan_new (const char *model, const char *passes)
{
  g_autoptr (SegGraph) graph = zoo_graph_new (model);
  g_autoptr (SegParameters) parameters = seg_parameters_new (graph);
  g_autoptr (GError) error = NULL;
  SegPlan *plan = seg_plan_new (graph, parameters, SEG_PURPOSE_INFERENCE, NULL, passes, &error);

  g_assert_no_error (error);
  return plan;
}

static SegHalo *
dup_halos (SegPlan *plan, SegHaloKind kind)
{
  g_autoptr (GError) error = NULL;
  guint n;
  SegHalo *halos = seg_plan_dup_halos (plan, kind, &n, &error);

  g_assert_no_error (error);
  g_assert_cmpuint (n, >, seg_plan_get_output (plan));
  return halos;
}

static void
assert_halo (const SegHalo *halo, gint64 before, gint64 after)
{
  g_assert_false (halo->whole);
  g_assert_cmpint (halo->left, ==, before);
  g_assert_cmpint (halo->top, ==, before);
  g_assert_cmpint (halo->right, ==, after);
  g_assert_cmpint (halo->bottom, ==, after);
}

static void
test_halo (gconstpointer data)
{
  const Network *network = data;
  g_autoptr (SegPlan) plan = plan_new (network->model, NULL);
  g_autofree SegHalo *halos = dup_halos (plan, SEG_HALO_ARITHMETIC);

  assert_halo (&halos[seg_plan_get_output (plan)], network->before, network->after);
}

/* A tile far from the border reads what the halo says: two cells of two pixels at stride 32 fill
 * 128. */
static void
test_halo_of_tile (gconstpointer data)
{
  const Network *network = data;
  g_autoptr (SegPlan) plan = plan_new (network->model, NULL);
  g_autofree SegHalo *halos = dup_halos (plan, SEG_HALO_COMPILED);
  const SegHalo *halo = &halos[seg_plan_get_output (plan)];
  SegRect tile = { 4096, 4096 + 64, 512, 128 }, read;
  g_autoptr (GError) error = NULL;
  g_autoptr (SegSchedule) schedule = seg_schedule_new_region (plan, 1, 9216, 9216, &tile, &error);

  g_assert_no_error (error);
  read = seg_schedule_get_input_rect (schedule);
  g_assert_cmpint (read.x, ==, tile.x - halo->left);
  g_assert_cmpint (read.y, ==, tile.y - halo->top);
  g_assert_cmpint (read.w, ==, tile.w + halo->left + halo->right);
  g_assert_cmpint (read.h, ==, tile.h + halo->top + halo->bottom);
}

/* No step reads less than the mathematics. Up to the first cells it is just that, and then more. */
static void
test_halo_kinds (void)
{
  g_autoptr (SegPlan) plan = plan_new (RESNET ("34"), NULL);
  g_autofree SegHalo *least = dup_halos (plan, SEG_HALO_ARITHMETIC),
                     *read = dup_halos (plan, SEG_HALO_COMPILED);
  guint n_more = 0, n_cells = 0;

  for (guint i = 0; i < seg_plan_get_n_steps (plan); i++)
    {
      SegStepInfo info;
      const SegHalo *a, *b;

      seg_plan_describe_step (plan, i, &info);
      a = &least[info.output];
      b = &read[info.output];
      g_assert_true (b->left >= a->left && b->top >= a->top);
      g_assert_true (b->right >= a->right && b->bottom >= a->bottom);
      g_assert_true (b->left + b->right - a->left - a->right <= 672);
      n_more += memcmp (a, b, sizeof *a) != 0;
      if (info.kernel != NULL && g_str_has_prefix (info.kernel, "Winograd"))
        n_cells++;
      else if (n_cells == 0)
        g_assert_cmpmem (a, sizeof *a, b, sizeof *b);
    }
  g_assert_cmpuint (n_cells, >, 20);
  g_assert_cmpuint (n_more, >=, n_cells);
}

/* The convolutions of a network in planes are direct. */
static SegPlan *
plan_new_direct (SegModel *model)
{
  SegRegistry *registry = seg_registry_get_default ();
  g_autoptr (GTypeClass) class = g_type_class_ref (seg_registry_lookup (registry, "conv2d"));
  SegLayerClass *conv2d = (SegLayerClass *) class;
  SegLayout (*layout) (SegLayer *, SegPurpose, const SegShape *, guint, gint) = conv2d->layout;
  g_autoptr (GError) error = NULL;
  SegPlan *plan;

  conv2d->layout = NULL;
  plan = seg_plan_new (seg_model_get_graph (model), seg_model_get_parameters (model),
                       SEG_PURPOSE_INFERENCE, NULL, NULL, &error);
  conv2d->layout = layout;
  g_assert_no_error (error);
  return plan;
}

/* All weights 1 and nothing else: light that falls on a pixel of a dark image then shines, in every
 * pixel that depends on it, however far it has come. */
static void
fill_with_ones (SegParameters *parameters)
{
  for (guint i = 0; i < seg_parameters_get_n (parameters); i++)
    {
      const char *name = seg_parameters_get_name (parameters, i);
      SegTensor *tensor = seg_parameters_get_tensor (parameters, i, NULL);
      gboolean dark = g_str_has_suffix (name, ".bias") || g_str_has_suffix (name, ".running_mean");

      for (gsize j = 0; tensor->dtype == SEG_DTYPE_F32 && j < seg_tensor_get_n_elements (tensor);
           j++)
        ((float *) tensor->data)[j] = dark ? 0.f : 1.f;
    }
}

#define TILE_X 1152
#define TILE_SIDE 32

/* Which of the first and the last column of a tile light up, if light falls on the columns @x1 and
 * @x2 of the image; both are set if any between them does. */
static void
shine (SegPlan *plan, gint64 x1, gint64 x2, gboolean *first, gboolean *last)
{
  NetworkMap in = network_map_new (3, TILE_SIDE, 2 * TILE_X + TILE_SIDE);
  NetworkMap out = network_map_new (2, in.height, in.width);
  SegRect tile = { TILE_X, 0, TILE_SIDE, TILE_SIDE };
  g_autoptr (GError) error = NULL;
  g_autoptr (SegSchedule) schedule =
      seg_schedule_new_region (plan, 1, in.height, in.width, &tile, &error);
  gboolean lit[TILE_SIDE] = { FALSE }, between = FALSE;

  g_assert_no_error (error);
  for (gint64 y = 0; y < in.height; y++)
    *network_map_at (&in, 0, y, x1) = *network_map_at (&in, 0, y, x2) = 1.f;
  network_run_schedule (schedule, 2, &in, &out);
  for (gint64 y = 0; y < TILE_SIDE; y++)
    for (gint64 x = 0; x < TILE_SIDE; x++)
      lit[x] |= *network_map_at (&out, 0, y, TILE_X + x) != 0.f;
  for (gint64 x = 1; x < TILE_SIDE - 1; x++)
    between |= lit[x];
  *first = lit[0] || between;
  *last = lit[TILE_SIDE - 1] || between;
  g_free (in.pixels);
  g_free (out.pixels);
}

/* The halo is just what the output depends on: not a pixel more or less. Winograd's kernels have to
 * be left out: outside of their windows is what rounding leaves of a sum of nothing. */
static void
test_light (gconstpointer data)
{
  const Network *network = data;
  g_autofree char *recipe = zoo_recipe (network->model);
  g_autoptr (GError) error = NULL;
  g_autoptr (SegModel) model = seg_model_new_from_recipe (recipe, 0, &error);
  g_autoptr (SegPlan) plan = NULL;
  g_autofree SegHalo *halos = NULL, *compiled = NULL;
  gint64 left, right;
  gboolean first, last;

  g_assert_no_error (error);
  fill_with_ones (seg_model_get_parameters (model));
  plan = plan_new_direct (model);
  halos = dup_halos (plan, SEG_HALO_ARITHMETIC);
  compiled = dup_halos (plan, SEG_HALO_COMPILED);
  g_assert_cmpmem (&halos[seg_plan_get_output (plan)], sizeof *halos,
                   &compiled[seg_plan_get_output (plan)], sizeof *compiled);
  left = TILE_X - halos[seg_plan_get_output (plan)].left;
  right = TILE_X + TILE_SIDE - 1 + halos[seg_plan_get_output (plan)].right;

  shine (plan, left - 1, right + 1, &first, &last);
  g_assert_false (first || last);
  shine (plan, left, right + 1, &first, &last);
  g_assert_true (first);
  shine (plan, left - 1, right, &first, &last);
  g_assert_true (last);
}

/* By hand: a 3×3 adds a pixel of its level to each side, an aligned pooling nothing. */
static void
test_halo_of_steps (void)
{
  static const gint64 expected[] = { 1, 2, 2, 4, 6 };
  g_autoptr (SegPlan) plan = plan_new (CLASSIC ("4"), NULL);
  g_autofree SegHalo *halos = dup_halos (plan, SEG_HALO_ARITHMETIC);

  assert_halo (&halos[seg_plan_get_input (plan)], 0, 0);
  for (guint i = 0; i < G_N_ELEMENTS (expected); i++)
    {
      SegStepInfo info;

      seg_plan_describe_step (plan, i, &info);
      assert_halo (&halos[info.output], expected[i], expected[i]);
    }
}

/* What a statistic of the whole map reaches needs the whole image, and nothing before it. */
static void
test_halo_whole (void)
{
  g_autoptr (SegPlan) plan =
      plan_new ("type=nnunet\nclasses=2\n[model.encoder]\ntype=nnunet-encoder\nchannels=4", NULL);
  g_autofree SegHalo *halos = dup_halos (plan, SEG_HALO_ARITHMETIC);
  SegStepInfo info;

  /* padding to a whole stride, of which this image needs none, convolution, norm */
  seg_plan_describe_step (plan, 0, &info);
  assert_halo (&halos[info.output], 0, 0);
  seg_plan_describe_step (plan, 1, &info);
  assert_halo (&halos[info.output], 1, 1);
  seg_plan_describe_step (plan, 2, &info);
  g_assert_true (halos[info.output].whole);
  g_assert_true (halos[seg_plan_get_output (plan)].whole);
}

static double
count_multiply_adds (SegPlan *plan, gint64 side)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (SegSchedule) schedule = seg_schedule_new_region (plan, 1, side, side, NULL, &error);
  double total = 0;

  g_assert_no_error (error);
  for (guint i = 0; i < seg_plan_get_n_steps (plan); i++)
    total += seg_schedule_get_multiply_adds (schedule, i);
  return total;
}

/* The usual U-Net of width 64, one band to two classes: 96.2 GFLOP at 256², two for each
 * multiply-add, by a count outside of this program. Here by hand as well: for a level of C channels
 * at side S the 3×3s of encoder and decoder, the up-convolution, and the head. */
static void
test_multiply_adds (void)
{
  static const gint64 in_channels[] = { 3, 64, 128, 256, 512 };
  g_autoptr (SegPlan) plan = plan_new (CLASSIC ("64"), NULL);
  double expected = 256. * 256. * 64. * 2.;

  for (guint level = 0; level < 5; level++)
    {
      double pixels = (double) ((256 >> level) * (256 >> level)), c = 64 << level;

      expected += pixels * 9 * (c * (double) in_channels[level] + c * c);
      if (level < 4)
        expected += pixels * (9 * (2 * c * c + c * c) + 2 * c * c);
    }
  g_assert_cmpfloat (count_multiply_adds (plan, 256), ==, expected);
  /* two more bands than there */
  expected -= 256. * 256. * 64. * 9. * 2.;
  g_assert_cmpfloat_with_epsilon (2 * expected / 1e9, 96.2, 0.05);
}

/* Every layer that runs is in one step, once, in an order in which it can be done. */
static void
test_steps (void)
{
  g_autoptr (SegGraph) graph = zoo_graph_new (RESNET ("18"));
  g_autoptr (SegPlan) plan = plan_new (RESNET ("18"), NULL),
                      plain = plan_new (RESNET ("18"), "-all");
  g_autofree guint *seen = g_new0 (guint, seg_graph_get_n_nodes (graph));
  SegStepInfo info;

  for (guint i = 0; i < seg_plan_get_n_steps (plan); i++)
    {
      seg_plan_describe_step (plan, i, &info);
      for (guint j = 0; j < info.n_nodes; j++)
        seen[info.nodes[j]]++;
    }
  for (guint i = 0; i < seg_plan_get_n_steps (plain); i++)
    {
      seg_plan_describe_step (plain, i, &info);
      g_assert_cmpuint (info.n_nodes, ==, 1);
      g_assert_cmpuint (seen[info.nodes[0]], ==, 1);
    }

  seg_plan_describe_step (plan, 0, &info);
  g_assert_cmpuint (info.n_nodes, ==, 3);
  g_assert_cmpstr (seg_graph_get_node_name (graph, info.nodes[0]), ==, "encoder.conv1");
  g_assert_cmpstr (seg_graph_get_node_name (graph, info.nodes[1]), ==, "encoder.bn1");
  g_assert_cmpstr (info.kernel, ==, "direct");
  g_assert_cmpuint (info.n_layer_inputs, ==, 1);
  g_assert_cmpuint (info.inputs[0], ==, seg_plan_get_input (plan));
  /* 64 times 3 channels, 7×7, and a shift each: whole tiles on every level of kernels */
  g_assert_cmpuint (info.packed_bytes, ==, 64 * (3 * 49 + 1) * sizeof (float));

  /* the residual sum: the second 3×3 reads what came in, too */
  seg_plan_describe_step (plan, 3, &info);
  g_assert_cmpstr (seg_graph_get_node_name (graph, info.nodes[0]), ==, "encoder.layer1.0.conv2");
  g_assert_cmpuint (info.n_inputs, ==, 2);
  g_assert_cmpuint (info.n_layer_inputs, ==, 1);
}

/* What the description says is what compiling takes. */
static void
test_packed_bytes (void)
{
  g_autoptr (SegGraph) graph = zoo_graph_new (RESNET ("18"));
  g_autoptr (SegParameters) parameters = seg_parameters_new (graph);
  g_autoptr (GError) error = NULL;
  g_autoptr (SegPlan) plan = NULL;
  gsize before, taken;

  for (guint i = 0; i < seg_parameters_get_n (parameters); i++)
    seg_parameters_get_tensor (parameters, i, NULL);
  before = seg_memory_get_used ();
  plan = seg_plan_new (graph, parameters, SEG_PURPOSE_INFERENCE, NULL, NULL, &error);
  g_assert_no_error (error);
  taken = seg_memory_get_used () - before;

  /* an allocation is rounded up and has a header: two for each step */
  g_assert_cmpuint (taken, >=, seg_plan_get_packed_bytes (plan));
  g_assert_cmpuint (taken, <=,
                    seg_plan_get_packed_bytes (plan)
                        + seg_plan_get_n_steps (plan) * 4 * SEG_MEMORY_ALIGNMENT);
}

/* Rows begin at cache lines and not whole pages apart; a block is a row of @lanes channels. */
static gsize
count_bytes (const SegShape *shape, gint64 n_rows, gint64 lanes)
{
  gint64 floats = (shape->w * lanes + 15) / 16 * 16;

  floats += floats % 1024 == 0 ? 16 : 0;
  return (gsize) (floats * n_rows * ((shape->c + lanes - 1) / lanes)) * sizeof (float);
}

/* All values of this network are in blocks but for what it gives. Others hold a concatenation,
 * and what is padded by nothing: all but @n_padded. */
static void
assert_maps (SegPlan *plan, gint64 width, guint n_padded)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (SegSchedule) bands = seg_schedule_new_bands (plan, 4096, width, 16, &error);
  g_autoptr (SegSchedule) whole = NULL;
  guint n_held = 0;

  g_assert_no_error (error);
  whole = seg_schedule_new_region (plan, 1, 4096, width, NULL, &error);
  g_assert_no_error (error);
  for (guint i = 0; i < seg_plan_get_n_steps (plan); i++)
    {
      SegMapInfo ring, map;
      SegStepInfo info;
      gint64 lanes = seg_plan_get_kernels (plan)->lanes;

      seg_plan_describe_step (plan, i, &info);
      seg_schedule_describe_map (bands, info.output, &ring);
      seg_schedule_describe_map (whole, info.output, &map);
      g_assert_cmpint (ring.shape.h, ==, map.shape.h);
      g_assert_cmpint (map.rect.h, ==, map.shape.h);
      if (info.kernel == NULL
          || (SEG_LAYER_GET_CLASS (info.layer)->is_identity != NULL && map.bytes == 0))
        {
          g_assert_cmpuint (ring.bytes + map.bytes, ==, 0);
          continue;
        }
      n_held++;
      if (info.output == seg_plan_get_output (plan))
        lanes = 1;
      g_assert_cmpuint (ring.bytes, ==, count_bytes (&ring.shape, ring.n_rows, lanes));
      g_assert_cmpuint (map.bytes, ==, count_bytes (&map.shape, map.shape.h, lanes));
      g_assert_cmpint (ring.n_rows, >, 0);
      g_assert_cmpint (ring.n_rows, <, 200);
    }
  /* two convolutions on nine levels, poolings, up-convolutions, the head */
  g_assert_cmpuint (n_held, ==, 9 * 2 + 4 + 4 + 1 + n_padded);
}

/* A skip waits for the deeper levels; an alias holds nothing. Twelve channels leave a block half
 * empty if it has 8 or 16 lanes, and rows of 1024 pixels would be whole pages apart. */
static void
test_maps (void)
{
  g_autoptr (SegPlan) plan = plan_new (CLASSIC ("12"), NULL);

  assert_maps (plan, 1024, 0);
  /* 125 pixels are halved to 62 */
  assert_maps (plan, 1000, 1);
}

static void
test_workspace_bytes (void)
{
  g_autoptr (SegPlan) plan = plan_new (CLASSIC ("4"), NULL);
  g_autoptr (SegPool) pool = seg_pool_new (3);
  g_autoptr (GError) error = NULL;
  g_autoptr (SegSchedule) schedule = seg_schedule_new_bands (plan, 4096, 1024, 16, &error);
  g_autoptr (SegWorkspace) workspace = NULL;
  gsize before = seg_memory_get_used (), taken;

  g_assert_no_error (error);
  workspace = seg_workspace_new (schedule, pool, &error);
  g_assert_no_error (error);
  taken = seg_memory_get_used () - before;
  /* allocations are rounded up and have headers, and each thread's share begins at a cache line */
  g_assert_cmpuint (taken, >=, seg_schedule_get_workspace_bytes (schedule, 3));
  g_assert_cmpuint (taken, <=, seg_schedule_get_workspace_bytes (schedule, 3)
                                   + 12 * SEG_MEMORY_ALIGNMENT);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  seg_registry_load_default (seg_registry_get_default (), NULL);
  for (guint i = 0; i < G_N_ELEMENTS (networks); i++)
    {
      g_autofree char *halo = g_strconcat ("/describe/halo/", networks[i].name, NULL);
      g_autofree char *light = g_strconcat ("/describe/light/", networks[i].name, NULL);
      g_autofree char *tile = g_strconcat ("/describe/halo-of-tile/", networks[i].name, NULL);

      g_test_add_data_func (halo, &networks[i], test_halo);
      g_test_add_data_func (tile, &networks[i], test_halo_of_tile);
      if (g_test_slow () || !networks[i].slow)
        g_test_add_data_func (light, &networks[i], test_light);
    }
  g_test_add_func ("/describe/halo-kinds", test_halo_kinds);
  g_test_add_func ("/describe/halo-of-steps", test_halo_of_steps);
  g_test_add_func ("/describe/halo-whole", test_halo_whole);
  g_test_add_func ("/describe/multiply-adds", test_multiply_adds);
  g_test_add_func ("/describe/steps", test_steps);
  g_test_add_func ("/describe/packed-bytes", test_packed_bytes);
  g_test_add_func ("/describe/maps", test_maps);
  g_test_add_func ("/describe/workspace-bytes", test_workspace_bytes);
  return g_test_run ();
}
