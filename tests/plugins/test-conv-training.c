/* Convolutions going backward, in every way that they are computed, against double precision; and
 * bits that do not depend on how the work is cut. */
#include <math.h>
#include <string.h>

#include "map.h"

#include <segkit/segkit.h>

/* ‖g − r‖ / ‖r‖ at most: 1e-6 was measured of F(4×4), a fifth of it of everything else. */
#define MOST_ERROR 3e-6

#define BATCH 2

/* As in PyTorch; @joint of input and output: where their blocks begin anew. */
typedef struct
{
  const char *name;
  gboolean transposed;
  gint in, out, kernel, stride, padding, dilation, groups;
  gint height, width; /* of the input */
  gint in_joint, out_joint;
  gboolean planar_in, planar_out;
  gint map_stride; /* of the network */
  const char *kernel_name;
} Convolution;

#define MAP(in, out, h, w) in, out, 3, 1, 1, 1, 1, h, w

static const Convolution convolutions[] = {
  { "3x3", FALSE, MAP (20, 40, 19, 14), 0, 0, FALSE, FALSE, 1, "Winograd 4×4" },
  { "3x3-small-tiles", FALSE, MAP (20, 40, 9, 14), 0, 0, FALSE, FALSE, 32, "Winograd 2×2" },
  { "3x3-joined", FALSE, MAP (29, 17, 13, 10), 11, 0, FALSE, FALSE, 1, "Winograd 4×4" },
  { "3x3-many-tiles", FALSE, MAP (33, 9, 57, 61), 0, 0, FALSE, FALSE, 1, "Winograd 4×4" },
  { "3x3-no-padding", FALSE, 20, 18, 3, 1, 0, 1, 1, 12, 9, 0, 0, FALSE, FALSE, 1, "Winograd 4×4" },
  { "3x3-wide-padding", FALSE, 9, 18, 3, 1, 2, 1, 1, 7, 9, 0, 0, FALSE, FALSE, 1, "Winograd 4×4" },
  { "3x3-planar", FALSE, MAP (5, 7, 8, 11), 0, 0, TRUE, TRUE, 1, "direct" },
  { "3x3-few-outputs", FALSE, MAP (18, 2, 11, 13), 0, 0, FALSE, TRUE, 1, "Winograd 4×4" },
  { "3x3-dilated", FALSE, 18, 20, 3, 1, 2, 2, 1, 11, 13, 5, 0, FALSE, FALSE, 1, "direct" },
  { "3x3-stride", FALSE, 18, 70, 3, 2, 1, 1, 1, 12, 15, 7, 0, FALSE, FALSE, 1, "direct" },
  { "3x3-groups", FALSE, 12, 8, 3, 1, 1, 1, 4, 6, 9, 0, 0, TRUE, TRUE, 1, "direct" },
  { "depthwise", FALSE, 6, 6, 5, 1, 2, 1, 6, 6, 9, 0, 0, TRUE, TRUE, 1, "direct" },
  { "7x7-stem", FALSE, 3, 20, 7, 2, 3, 1, 1, 20, 29, 0, 0, TRUE, FALSE, 1, "direct" },
  { "wide-rows", FALSE, 3, 20, 3, 1, 1, 1, 1, 3, 900, 0, 0, TRUE, FALSE, 1, "direct" },
  { "1x1", FALSE, 37, 21, 1, 1, 0, 1, 1, 9, 11, 21, 0, FALSE, FALSE, 1, "direct" },
  { "1x1-stride", FALSE, 37, 21, 1, 2, 0, 1, 1, 9, 12, 0, 0, FALSE, FALSE, 1, "direct" },
  { "1x1-head", FALSE, 37, 3, 1, 1, 0, 1, 1, 9, 11, 0, 0, FALSE, TRUE, 1, "direct" },
  { "up", TRUE, 37, 20, 2, 2, 0, 1, 1, 7, 5, 21, 0, FALSE, FALSE, 1, "direct" },
  { "up-overlapping", TRUE, 18, 70, 4, 2, 1, 1, 1, 7, 5, 0, 0, FALSE, FALSE, 1, "direct" },
  { "up-groups", TRUE, 6, 4, 3, 2, 1, 1, 2, 7, 5, 0, 0, TRUE, TRUE, 1, "direct" },
};

typedef struct
{
  const Convolution *what;
  const SegKernels *kernels;
  SegLayer *layer;
  SegStep *step;
  SegShape in, out;
  MapBlocks in_blocks, out_blocks;
  Map *x, *y, *dy;
  gsize n_weights;
  float *weights, *bias;
  gconstpointer params[2];
  SegRun run;
} Case;

/* ---- a case ------------------------------------------------------------------------------ */

static SegBlocking
get_blocking (MapBlocks blocks, gint64 n_channels, GArray *channels)
{
  for (gint32 c = 0, n; c < n_channels; c += n)
    {
      n = map_blocks_get_channels (blocks, c, n_channels);
      g_array_append_val (channels, n);
    }
  return (SegBlocking){ blocks.lanes, channels->len, (const gint32 *) (gpointer) channels->data };
}

static void
case_compile (Case *self)
{
  g_autoptr (GArray) in_channels = g_array_new (FALSE, FALSE, sizeof (gint32));
  g_autoptr (GArray) out_channels = g_array_new (FALSE, FALSE, sizeof (gint32));
  g_autoptr (GError) error = NULL;
  SegBlocking in_blocking = get_blocking (self->in_blocks, self->in.c, in_channels);
  SegOffer offer = { .purpose = SEG_PURPOSE_TRAINING, .kernels = self->kernels, .in = &self->in,
                     .n_in = 1, .params = self->params, .in_blocking = &in_blocking,
                     .out_blocking = get_blocking (self->out_blocks, self->out.c, out_channels),
                     .stride = self->what->map_stride, .asked = { 3, 3, 4, 4 } };

  self->step = SEG_LAYER_GET_CLASS (self->layer)->compile (self->layer, &offer, &error);
  g_assert_no_error (error);
  self->step->layer = self->layer;
  g_assert_cmpstr (self->step->kernel, ==, self->what->kernel_name);
}

static void
case_init (Case *self, const Convolution *what, const SegKernels *kernels)
{
  const char *feature = what->transposed ? "conv-transpose2d" : "conv2d";
  g_autoptr (GError) error = NULL;
  SegRect all;

  *self = (Case){ .what = what, .kernels = kernels };
  self->layer = seg_registry_create (seg_registry_get_default (), feature, SEG_TYPE_LAYER, &error,
                                     "channels", what->out, "kernel-size", what->kernel, "stride",
                                     what->stride, "padding", what->padding, "dilation",
                                     what->dilation, "groups", what->groups, NULL);
  g_assert_no_error (error);
  self->in = (SegShape){ BATCH, what->in, what->height, what->width };
  seg_layer_infer (self->layer, &self->in, 1, &self->out, &error);
  g_assert_no_error (error);
  self->in_blocks = (MapBlocks){ what->planar_in ? 1 : kernels->lanes, what->in_joint };
  self->out_blocks = (MapBlocks){ what->planar_out ? 1 : kernels->lanes, what->out_joint };

  all = (SegRect){ 0, 0, self->in.w, self->in.h };
  self->x = map_new_random_in_blocks (&self->in, &all, self->in_blocks, 1);
  all = (SegRect){ 0, 0, self->out.w, self->out.h };
  self->y = map_new_in_blocks (&self->out, &all, self->out_blocks);
  self->dy = map_new_random_in_blocks (&self->out, &all, self->out_blocks, 2);
  self->n_weights = (gsize) (what->in * what->out / what->groups * what->kernel * what->kernel);
  self->weights = g_new (float, self->n_weights);
  self->bias = g_new (float, what->out);
  for (gsize i = 0; i < self->n_weights; i++)
    self->weights[i] = random_value (3, i);
  for (gint i = 0; i < what->out; i++)
    self->bias[i] = random_value (4, (guint64) i);
  self->params[0] = self->weights;
  self->params[1] = self->bias;

  case_compile (self);
  self->run = (SegRun){ .kernels = kernels, .params = self->params,
                        .scratch = seg_alloc (self->step->scratch_bytes, 1, "scratch", NULL),
                        .shared = seg_alloc (self->step->shared_bytes, 1, "weights", NULL) };
  /* whatever is read before it is written makes NaN of everything */
  memset (self->run.scratch, 0xff, self->step->scratch_bytes);
  memset (self->run.shared, 0xff, self->step->shared_bytes);
}

static void
case_clear (Case *self)
{
  self->step->free (self->step);
  g_object_unref (self->layer);
  map_free (self->x);
  map_free (self->y);
  map_free (self->dy);
  g_free (self->weights);
  g_free (self->bias);
  seg_free (self->run.scratch);
  seg_free (self->run.shared);
}

static void
case_prepare (Case *self, SegPhase phase)
{
  for (guint i = self->step->n_prepare; i-- > 0;)
    self->step->prepare (self->step, &self->run, phase, i);
}

/* ---- the reference ----------------------------------------------------------------------- */

typedef struct
{
  double *y, *dx, *dw, *db;
} Reference;

/* Where channel @c of a pixel lies among a map's elements. */
static gsize
element (const SegShape *shape, gint64 n, gint64 c, gint64 y, gint64 x)
{
  return (gsize) (((c * shape->n + n) * shape->h + y) * shape->w + x);
}

/* All that one weight has to do with one pixel of the smaller grid, which a convolution writes and
 * a transposed one reads. */
static void
reference_add (const Case *self, Reference *to, gint64 n, gint64 k, gint64 c, gint64 weight,
               gint64 oy, gint64 ox, gint64 y, gint64 x)
{
  gboolean t = self->what->transposed;
  gsize in = t ? element (&self->in, n, c, oy, ox) : element (&self->in, n, c, y, x);
  gsize out = t ? element (&self->out, n, k, y, x) : element (&self->out, n, k, oy, ox);
  double w = (double) self->weights[weight];

  to->y[out] += w * (double) *map_at (self->x, in);
  to->dx[in] += w * (double) *map_at (self->dy, out);
  to->dw[weight] += (double) *map_at (self->x, in) * (double) *map_at (self->dy, out);
}

/* Output channel @k and input channel @c, which are in one group. */
static void
reference_add_channels (const Case *self, Reference *to, gint64 n, gint64 k, gint64 c)
{
  const Convolution *what = self->what;
  gint64 in = what->in / what->groups, out = what->out / what->groups, size = what->kernel;
  const SegShape *small = what->transposed ? &self->in : &self->out;
  const SegShape *large = what->transposed ? &self->out : &self->in;
  gint64 first = what->transposed ? c * out + k % out : k * in + c % in;

  for (gint64 oy = 0; oy < small->h; oy++)
    for (gint64 ox = 0; ox < small->w; ox++)
      for (gint64 tap = 0; tap < size * size; tap++)
        {
          gint64 y = oy * what->stride + tap / size * what->dilation - what->padding;
          gint64 x = ox * what->stride + tap % size * what->dilation - what->padding;

          if (y >= 0 && y < large->h && x >= 0 && x < large->w)
            reference_add (self, to, n, k, c, first * size * size + tap, oy, ox, y, x);
        }
}

static Reference
reference_new (const Case *self)
{
  const Convolution *what = self->what;
  gsize n_out = map_get_n (self->y);
  Reference to = { g_new0 (double, n_out), g_new0 (double, map_get_n (self->x)),
                   g_new0 (double, self->n_weights), g_new0 (double, what->out) };

  for (gsize i = 0; i < n_out; i++)
    {
      gint64 k = (gint64) i / (self->out.n * self->out.h * self->out.w);

      to.y[i] = (double) self->bias[k];
      to.db[k] += (double) *map_at (self->dy, i);
    }
  for (gint64 n = 0; n < BATCH; n++)
    for (gint64 k = 0; k < what->out; k++)
      for (gint64 c = 0; c < what->in; c++)
        if (k / (what->out / what->groups) == c / (what->in / what->groups))
          reference_add_channels (self, &to, n, k, c);
  return to;
}

static void
reference_clear (Reference *self)
{
  g_free (self->y);
  g_free (self->dx);
  g_free (self->dw);
  g_free (self->db);
}

static void
check_error (const char *of, gsize n, const float *values, const double *reference)
{
  double sum = 0, norm = 0, error;

  for (gsize i = 0; i < n; i++)
    {
      sum += ((double) values[i] - reference[i]) * ((double) values[i] - reference[i]);
      norm += reference[i] * reference[i];
    }
  error = sqrt (sum / norm);
  g_test_message ("%s: error %.2e", of, error);
  g_assert_true (error <= MOST_ERROR);
}

static void
check_map (const char *of, const Map *map, const double *reference)
{
  gsize n = map_get_n (map);
  g_autofree float *values = g_new (float, n);

  for (gsize i = 0; i < n; i++)
    values[i] = *map_at (map, i);
  check_error (of, n, values, reference);
}

/* ---- running ----------------------------------------------------------------------------- */

/* In pieces of @rows rows and of @n_grains grains of blocks; the last come first. */
static void
run_pieces (Case *self, gboolean back, Map *to, gint64 rows, guint n_grains)
{
  const SegStep *step = self->step;
  guint grain = n_grains * (back ? step->back_channel_grain : step->channel_grain);
  gint64 height = to->view.shape.h;

  g_assert_cmpuint (grain, >, 0);
  for (gint64 n = BATCH; n-- > 0;)
    for (gint64 y = (height - 1) / rows * rows; y >= 0; y -= rows)
      for (guint b = 0; b < to->view.n_blocks; b += grain)
        {
          SegPiece piece = { n, { 0, y, to->view.shape.w, MIN (rows, height - y) }, b,
                             MIN (grain, to->view.n_blocks - b) };

          if (back)
            step->backward_input (step, &self->run, &self->x->view, 1, &self->y->view,
                                  &self->dy->view, 0, &to->view, &piece);
          else
            step->run (step, &self->run, &self->x->view, 1, &to->view, &piece);
        }
}

static void
check_forward (Case *self, const Reference *reference)
{
  SegRect all = self->y->view.valid;
  g_autoptr (Map) again = map_new_in_blocks (&self->out, &all, self->out_blocks);

  case_prepare (self, SEG_PHASE_FORWARD);
  run_pieces (self, FALSE, self->y, self->out.h, 1000);
  run_pieces (self, FALSE, again, 4, 1);
  g_assert_true (map_equal_bits (self->y, again, &all));
  check_map ("y", self->y, reference->y);
}

/* It adds: what is there before is 1, and is told from nothing. */
static Map *
new_gradient (const Case *self)
{
  SegRect all = self->x->view.valid;
  Map *map = map_new_in_blocks (&self->in, &all, self->in_blocks);

  for (gsize i = 0; i < map_get_n (map); i++)
    *map_at (map, i) = 1.f;
  return map;
}

static void
check_input (Case *self, const Reference *reference)
{
  SegRect all = self->x->view.valid;
  g_autoptr (Map) dx = new_gradient (self), again = new_gradient (self);

  case_prepare (self, SEG_PHASE_BACKWARD);
  run_pieces (self, TRUE, dx, self->in.h, 1000);
  run_pieces (self, TRUE, again, 4, 1);
  g_assert_true (map_equal_bits (dx, again, &all));
  map_assert_guards (dx, &all, 0, dx->view.n_blocks);
  for (gsize i = 0; i < map_get_n (dx); i++)
    *map_at (dx, i) -= 1.f;
  check_map ("dx", dx, reference->dx);
}

/* What is there before counts for nothing. */
static void
check_set_input (Case *self, const Reference *reference)
{
  g_autoptr (Map) dx = new_gradient (self);

  if (!self->step->sets_input)
    return;
  self->run.sets = TRUE;
  run_pieces (self, TRUE, dx, self->in.h, 1000);
  self->run.sets = FALSE;
  check_map ("dx", dx, reference->dx);
}

/* All rows in @n_slots, each in memory of its own that nobody has cleared, and all blocks in ranges. */
static void
run_params (Case *self, guint n_slots, float *dw, float *db)
{
  const SegStep *step = self->step;
  gint64 n_rows = BATCH * self->out.h;
  gsize n_weights = self->n_weights, n_out = (gsize) self->what->out;
  guint n_blocks = self->y->view.n_blocks, asked, grain;
  g_autofree float *slots = g_new (float, n_weights + n_out);
  float *const dparams[] = { slots, slots + n_weights };

  g_assert_true (step->sets_params);
  step->split_params (step, &self->in, 1, &self->out, &asked, &grain);
  g_assert_cmpuint (asked, >=, 1);
  if (grain == 0)
    grain = n_blocks;
  for (guint slot = 0; slot < n_slots; slot++)
    {
      memset (slots, 0xff, (n_weights + n_out) * sizeof *slots);
      for (guint b = 0; b < n_blocks; b += grain)
        {
          SegParamPiece piece = { n_rows * slot / n_slots, n_rows * (slot + 1) / n_slots, b,
                                  MIN (grain, n_blocks - b) };

          step->backward_params (step, &self->run, &self->x->view, 1, &self->y->view,
                                 &self->dy->view, &piece, dparams);
        }
      for (gsize i = 0; i < n_weights; i++)
        dw[i] += slots[i];
      for (gsize i = 0; i < n_out; i++)
        db[i] += slots[n_weights + i];
    }
}

static void
check_params (Case *self, const Reference *reference)
{
  gsize n_out = (gsize) self->what->out;

  for (guint n_slots = 1; n_slots <= 3; n_slots++)
    {
      g_autofree float *dw = g_new0 (float, self->n_weights), *db = g_new0 (float, n_out);

      run_params (self, n_slots, dw, db);
      check_error ("dw", self->n_weights, dw, reference->dw);
      check_error ("db", n_out, db, reference->db);
    }
}

static void
test_convolution (gconstpointer data)
{
  const SegKernels *kernels;

  for (guint level = 0; (kernels = seg_kernels_get_level (level)) != NULL; level++)
    {
      Case self;
      Reference reference;

      g_test_message ("%s", kernels->level);
      case_init (&self, data, kernels);
      reference = reference_new (&self);
      check_forward (&self, &reference);
      check_input (&self, &reference);
      check_set_input (&self, &reference);
      check_params (&self, &reference);
      reference_clear (&reference);
      case_clear (&self);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  seg_registry_load_default (seg_registry_get_default (), NULL);
  for (guint i = 0; i < G_N_ELEMENTS (convolutions); i++)
    {
      g_autofree char *path = g_strdup_printf ("/conv-training/%s", convolutions[i].name);
      g_test_add_data_func (path, &convolutions[i], test_convolution);
    }
  return g_test_run ();
}
