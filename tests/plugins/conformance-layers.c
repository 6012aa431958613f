/* Layers: shapes, regions, and what core relies on without running them. */
#include <math.h>
#include <string.h>

#include "case.h"
#include "conformance.h"
#include "everywhere.h"

#include <segkit/random.h>

/* A layer works at full size, where each parameter is used at every pixel. */
#define MAX_PARAMETERS 400000

void
test_layer_refuses (gconstpointer feature)
{
  g_autoptr (SegLayer) layer =
      seg_registry_create (seg_registry_get_default (), feature, SEG_TYPE_LAYER, NULL, NULL);
  SegLayerClass *klass = SEG_LAYER_GET_CLASS (layer);
  guint n = MIN (klass->max_inputs, 1000) + 1;
  g_autofree SegShape *in = g_new (SegShape, n);
  SegShape out;

  for (guint i = 0; i < n; i++)
    in[i] = (SegShape){ 1, CASE_CHANNELS, 16, 16 };
  for (guint count = 0; count <= n; count++)
    {
      g_autoptr (GError) error = NULL;

      if (count >= klass->min_inputs && count <= klass->max_inputs)
        continue;
      g_assert_false (seg_layer_infer (layer, in, count, &out, &error));
      assert_refused (error, feature);
    }
  for (guint empty = 0; empty < 4; empty++)
    {
      g_autoptr (GError) error = NULL;
      gint64 *sizes[] = { &in[0].n, &in[0].c, &in[0].h, &in[0].w };
      gint64 kept = *sizes[empty];

      *sizes[empty] = 0;
      g_assert_false (seg_layer_infer (layer, in, MAX (klass->min_inputs, 1), &out, &error));
      assert_refused (error, feature);
      *sizes[empty] = kept;
    }
}

/* ---- regions: what required() says is enough, and any rectangle has the same bits --------- */

/* The inputs are held just where required() says: the rest of the map does not exist. */
static void
check_region (const Case *self, const Map *whole, SegRect rect)
{
  Map *in[CASE_MAX_INPUTS];
  g_autoptr (Map) out = NULL, share = NULL;
  SegPiece piece;

  rect = case_round (self, rect);
  for (guint i = 0; i < self->n_in; i++)
    {
      SegRect need = case_get_required (self, &rect, i);
      in[i] = case_new_input (self, i, &need);
    }
  out = case_new_output (self, &rect);
  case_forward (self, in, out, &rect);
  map_assert_guards (out, &rect, 0, out->view.n_blocks);
  if (!map_equal_bits (whole, out, &rect))
    {
      g_test_message ("%s: %dx%d at %d,%d has other bits than in the whole", self->what,
                      (gint) rect.w, (gint) rect.h, (gint) rect.x, (gint) rect.y);
      g_test_fail ();
    }

  /* one share alone leaves the others' memory as it is */
  share = case_new_output (self, &rect);
  for (gint64 n = 0; n < self->out.n; n++)
    {
      piece = case_get_first_share (self, &rect, n);
      case_run_piece (self, in, share, &piece);
    }
  map_assert_guards (share, &piece.rect, piece.block, piece.n_blocks);
  for (guint i = 0; i < self->n_in; i++)
    map_free (in[i]);
}

static void
check_some_regions (const Case *self, const Map *whole, guint n)
{
  SegRect all = case_whole (&self->out);

  for (guint i = 0; i < n; i++)
    {
      float r[4];
      SegRect rect;

      seg_random_uniform (5, i, 0, 4, r);
      rect.x = (gint64) (r[0] * (float) all.w);
      rect.y = (gint64) (r[1] * (float) all.h);
      rect.w = 1 + (gint64) (r[2] * (float) (all.w - rect.x));
      rect.h = 1 + (gint64) (r[3] * (float) (all.h - rect.y));
      check_region (self, whole, rect);
    }
}

static void
check_regions (Case *self)
{
  SegRect all = case_whole (&self->out);
  g_autoptr (Map) whole = case_new_output (self, &all);

  case_forward (self, self->inputs, whole, &all);
  map_assert_guards (whole, &all, 0, whole->view.n_blocks);
  check_some_regions (self, whole, 12);
}

void
test_layer_regions (gconstpointer feature)
{
  case_for_each (feature, 13, 19, SEG_PURPOSE_INFERENCE, check_regions);
  /* wide: across the runs of columns that layers work in */
  case_for_each (feature, 5, 333, SEG_PURPOSE_INFERENCE, check_regions);
}

/* ---- layouts: blocks hold what planes do -------------------------------------------------- */

/* Sums of a convolution may run in another order in blocks. */
#define BLOCKS_TOLERANCE 1e-5

/* The layer with inputs and output in blocks against @planar, and any rectangle of that. */
static void
check_layout (Case *self, const Map *planar, const MapBlocks *in, MapBlocks out)
{
  SegRect all = case_whole (&self->out);
  g_autoptr (Map) whole = NULL;
  gboolean same;

  case_lay (self, in, out);
  whole = case_new_output (self, &all);
  case_forward (self, self->inputs, whole, &all);
  map_assert_guards (whole, &all, 0, whole->view.n_blocks);
  same = self->step != NULL ? map_get_error (planar, whole) <= BLOCKS_TOLERANCE
                            : map_equal_bits (planar, whole, &all);
  if (!same)
    {
      g_test_message ("%s: %d channels in blocks of %d, joined at %d, into blocks of %d: error %g",
                      self->what, (gint) self->in[0].c, in[0].lanes, in[0].joint, out.lanes,
                      map_get_error (planar, whole));
      g_test_fail ();
    }
  check_some_regions (self, whole, 3);
}

/* As the layer says that it takes them. Channels are joined in the middle of a block. */
static void
check_layouts (Case *self)
{
  SegRect all = case_whole (&self->out);
  g_autoptr (Map) planar = case_new_output (self, &all);
  gint lanes = self->kernels->lanes;
  MapBlocks joined = { lanes, (gint32) (self->in[0].c * 2 / 5) }, regular = { lanes, 0 };
  SegLayout layout = SEG_LAYOUT_PLANAR;
  guint n_layouts;

  if (self->klass->layout != NULL)
    layout = self->klass->layout (self->layer, self->purpose, self->in, self->n_in, lanes);
  if (layout == SEG_LAYOUT_PLANAR)
    return;
  case_forward (self, self->inputs, planar, &all);

  /* each value that is free to lie as it likes lies both ways: a bit of the number */
  n_layouts = layout == SEG_LAYOUT_ALIKE ? 1 : 1 << (layout == SEG_LAYOUT_EACH ? self->n_in + 1
                                                                               : self->n_in - 1);
  for (guint i = 0; i < n_layouts; i++)
    {
      MapBlocks in[CASE_MAX_INPUTS] = { joined, joined, joined }, out = joined;

      if (layout == SEG_LAYOUT_ALIKE)
        for (guint j = 1; j < self->n_in; j++)
          g_assert_cmpint (self->in[j].c, ==, self->out.c);
      else
        for (guint j = layout == SEG_LAYOUT_FIRST ? 1 : 0; j < self->n_in; j++)
          in[j] = i >> (layout == SEG_LAYOUT_FIRST ? j - 1 : j) & 1 ? regular : MAP_PLANAR;
      if (layout == SEG_LAYOUT_EACH)
        {
          out = i >> self->n_in & 1 ? regular : MAP_PLANAR;
          if (in[0].lanes > 1)
            in[0] = joined;
        }
      for (self->stride = 1; self->stride <= (self->step != NULL ? 16 : 1); self->stride *= 16)
        check_layout (self, planar, in, out);
    }
}

/* Lanes of every level that this processor runs; channels that fill no block, one, or some. */
void
test_layer_layouts (gconstpointer feature)
{
  const SegKernels *kernels;

  for (guint level = 0; (kernels = seg_kernels_get_level (level)) != NULL; level++)
    {
      gint64 lanes = kernels->lanes;
      gint64 channels[] = { 1, lanes - 1, lanes, lanes + 1, 2 * lanes + lanes / 2 };

      for (guint i = 0; i < G_N_ELEMENTS (channels); i++)
        case_for_each_of (feature, kernels, channels[i], 6, 11, SEG_PURPOSE_INFERENCE,
                          check_layouts);
    }
  kernels = seg_kernels_get ();
  case_for_each_of (feature, kernels, kernels->lanes + 1, 3, 333, SEG_PURPOSE_INFERENCE,
                    check_layouts);
}

/* ---- claims: what core relies on when it does not run forward() itself --------------------- */

static void
assert_near (const Case *self, const char *claim, float is, double claimed, double magnitude)
{
  if (fabs ((double) is - claimed) <= 1e-5 * magnitude)
    return;
  g_test_message ("%s: %s gives %g, forward() %g", self->what, claim, claimed, (double) is);
  g_test_fail ();
}

static void
check_affine (const Case *self, const Map *out)
{
  g_autofree float *scale = g_new (float, (gsize) self->in[0].c);
  g_autofree float *shift = g_new (float, (gsize) self->in[0].c);
  gsize plane = map_get_n (out) / (gsize) self->out.c;

  if (self->klass->as_affine == NULL
      || !self->klass->as_affine (self->layer, self->params, self->in[0].c, scale, shift))
    return;
  for (gsize i = 0; i < map_get_n (out); i++)
    {
      double ax = (double) *map_at (self->inputs[0], i) * (double) scale[i / plane];
      double b = (double) shift[i / plane];
      assert_near (self, "as_affine()", *map_at (out, i), ax + b, fabs (ax) + fabs (b));
    }
}

/* Whether forward() draws random numbers. Then it is for training alone. */
static gboolean
draws_numbers (Case *self, const Map *out)
{
  SegRect all = case_whole (&self->out);
  g_autoptr (Map) again = map_new (&self->out, &all);

  for (guint i = 0; i < 64; i++)
    {
      self->training_step++;
      case_forward (self, self->inputs, again, &all);
      if (!map_equal_bits (out, again, &all))
        return TRUE;
    }
  return FALSE;
}

/* as_affine(), flags, and an elementwise layer at work in place. */
static void
check_claims (Case *self)
{
  SegRect all = case_whole (&self->out);
  g_autoptr (Map) out = map_new (&self->out, &all);
  gsize joined = 0;

  case_forward (self, self->inputs, out, &all);
  check_affine (self, out);
  if (self->klass->flags & SEG_LAYER_SUM)
    for (gsize i = 0; i < map_get_n (out); i++)
      assert_near (self, "the sum", *map_at (out, i),
                   (double) *map_at (self->inputs[0], i) + (double) *map_at (self->inputs[1], i),
                   1.);
  /* in a batch each sample joins by itself; one shows it */
  if ((self->klass->flags & (SEG_LAYER_ALIAS | SEG_LAYER_TRAINING_ONLY)) && self->out.n == 1
      && !draws_numbers (self, out))
    for (guint input = 0; input < self->n_in; joined += map_get_n (self->inputs[input++]))
      for (gsize i = 0; i < map_get_n (self->inputs[input]); i++)
        g_assert_true (*map_at (out, joined + i) == *map_at (self->inputs[input], i));
  if (g_type_is_a (G_TYPE_FROM_CLASS (self->klass), SEG_TYPE_ELEMENTWISE))
    {
      case_forward (self, self->inputs, self->inputs[0], &all);
      g_assert_true (map_equal_bits (out, self->inputs[0], &all));
    }
}

void
test_layer_claims (gconstpointer feature)
{
  case_for_each (feature, 5, 70, SEG_PURPOSE_INFERENCE, check_claims);
}

/* ---- plans: the layer in a network of its own ----------------------------------------------- */

/* All inputs are the image; where there are more than one, a second time with the last smaller. */
void
test_layer_everywhere (gconstpointer feature)
{
  g_autoptr (GPtrArray) settings = settings_of (feature);
  guint n_checked = 0;

  for (guint s = 0; s < settings->len; s++)
    {
      const Setting *setting = settings->pdata[s];
      SegLayerClass *klass = SEG_LAYER_GET_CLASS (setting->object);

      for (guint n = klass->min_inputs; n <= MIN (klass->max_inputs, CASE_MAX_INPUTS); n++)
        for (guint cropped = 0; cropped < MIN (n, 2); cropped++)
          {
            g_autoptr (SegGraph) graph = seg_graph_new ();
            g_autoptr (GError) error = NULL;
            SegValue image = seg_graph_add_input (graph, "image", CASE_CHANNELS);
            SegValue inputs[CASE_MAX_INPUTS] = { image, image, image };

            if (cropped)
              inputs[n - 1] = seg_graph_add (graph, "cropped", "pad", SEG_IN (image), "top", -1,
                                             "right", -2, NULL);
            seg_graph_set_output (
                graph,
                seg_graph_add_layer (graph, "layer", g_object_ref (setting->object), inputs, n));
            if (!seg_graph_finish (graph, &error))
              assert_refused (error, setting->what);
            else
              n_checked += everywhere_check (graph, setting->what, CASE_CHANNELS, s == 0 ? 11 : 23,
                                             s == 0 ? 333 : 37, MAX_PARAMETERS);
          }
    }
  g_assert_cmpuint (n_checked, >, 0);
}
