/* Every model of every encoder, decoder and inner block that is registered: it is built and runs,
 * by bands with the same bits as whole, or it is refused with a reason. */
#include <string.h>

#include "everywhere.h"

#include <segkit/random.h>

#define CHANNELS 3
#define NARROW 8
#define HEIGHT 43
#define WIDTH 37
#define BAND_ROWS 5
#define MAX_PARAMETERS 80000000

static SegRegistry *
registry (void)
{
  return seg_registry_get_default ();
}

/* ---- what there is ------------------------------------------------------------------------- */

typedef struct
{
  const char *name; /* "": the default inner block */
  SegBlock *block;
  gboolean shrinks; /* an inner block that does is refused everywhere */
  guint n_built;    /* networks with it that ran */
} Part;

static void
part_free (gpointer data)
{
  Part *self = data;

  g_clear_object (&self->block);
  g_free (self);
}

static GParamSpec *
find_property (SegBlock *block, const char *name)
{
  return g_object_class_find_property (G_OBJECT_GET_CLASS (block), name);
}

/* A block's property "channels" is a width if it is a number. */
static gboolean
has_width (SegBlock *block)
{
  GParamSpec *pspec = find_property (block, "channels");

  return pspec != NULL && G_IS_PARAM_SPEC_INT (pspec);
}

static SegFeatures
image_new (SegGraph *graph)
{
  return (SegFeatures){ .n = 1,
                        .values = { seg_graph_add_input (graph, "image", CHANNELS) },
                        .strides = { 1 } };
}

static gboolean
shrinks (SegBlock *block)
{
  g_autoptr (SegGraph) graph = seg_graph_new ();
  SegFeatures image = image_new (graph), out;

  seg_block_build (block, graph, NULL, &image, &out);
  return out.strides[0] > 1;
}

/* Blocks of one kind, at their defaults but narrow: the wiring is what is tested. Of maps, those
 * that can be told their channels; of models, those made of encoder and decoder. */
static GPtrArray *
list_parts (SegBlockKind kind)
{
  GPtrArray *parts = g_ptr_array_new_with_free_func (part_free);
  g_auto (GStrv) names = seg_registry_list (registry (), SEG_TYPE_BLOCK);

  for (char **name = names; *name != NULL; name++)
    {
      g_autoptr (SegBlock) block =
          seg_registry_create (registry (), *name, SEG_TYPE_BLOCK, NULL, NULL);
      gboolean fits = seg_block_get_kind (block) == kind;

      if (kind == SEG_BLOCK_MAP)
        fits &= has_width (block);
      if (kind == SEG_BLOCK_MODEL)
        fits &=
            find_property (block, "encoder") != NULL && find_property (block, "decoder") != NULL;
      if (fits)
        {
          g_autoptr (GError) error = NULL;
          Part *part = g_new0 (Part, 1);

          part->name = g_intern_string (*name);
          part->block = has_width (block)
                            ? seg_object_copy_with (block, &error, "channels", NARROW, NULL)
                            : g_steal_pointer (&block);
          g_assert_no_error (error);
          part->shrinks = kind == SEG_BLOCK_MAP && shrinks (part->block);
          g_ptr_array_add (parts, part);
        }
    }
  return parts;
}

/* A copy with that inner block, or the block itself where there is no such choice. */
static SegBlock *
with_inner (const Part *part, const Part *inner)
{
  g_autoptr (GError) error = NULL;
  SegBlock *copy;

  if (inner->block == NULL || find_property (part->block, "inner") == NULL)
    return g_object_ref (part->block);
  copy = seg_object_copy_with (part->block, &error, "inner", inner->block, NULL);
  g_assert_no_error (error);
  return copy;
}

/* ---- running ------------------------------------------------------------------------------- */

typedef struct
{
  GArray *logits; /* of float, rows of all channels as they come */
  gint64 next;
} Job;

static gboolean
job_read (const SegView *view, gpointer user_data, GError **error)
{
  const SegRect *r = &view->valid;

  (void) user_data, (void) error;
  for (guint c = 0; c < view->n_blocks; c++)
    for (gint64 y = r->y; y < r->y + r->h; y++)
      seg_random_uniform (1, c, (guint64) (y * WIDTH + r->x), (gsize) r->w,
                          seg_view_at (view, c, 0, y, r->x));
  return TRUE;
}

static gboolean
job_write (const SegView *view, gpointer user_data, GError **error)
{
  Job *self = user_data;
  const SegRect *r = &view->valid;

  (void) error;
  g_assert_cmpint (r->y, ==, self->next);
  self->next = r->y + r->h;
  for (gint64 y = r->y; y < r->y + r->h; y++)
    for (guint c = 0; c < view->n_blocks; c++)
      g_array_append_vals (self->logits, seg_view_at (view, c, 0, y, r->x), (guint) r->w);
  return TRUE;
}

/* The logits, row by row. */
static GArray *
run (SegSchedule *schedule, guint n_threads)
{
  g_autoptr (SegPool) pool = seg_pool_new (n_threads);
  g_autoptr (GError) error = NULL;
  g_autoptr (SegWorkspace) workspace = NULL;
  Job job = { g_array_new (FALSE, FALSE, sizeof (float)), 0 };

  workspace = seg_workspace_new (schedule, pool, &error);
  g_assert_no_error (error);
  seg_workspace_run (workspace, job_read, job_write, &job, NULL, &error);
  g_assert_no_error (error);
  return job.logits;
}

static void
check_runs (SegGraph *graph, const char *what)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (SegParameters) parameters = seg_parameters_new (graph);
  g_autoptr (SegPlan) plan = NULL;
  g_autoptr (SegSchedule) region = NULL, bands = NULL;
  g_autoptr (GArray) whole = NULL, banded = NULL;
  const SegShape *shape;

  everywhere_fill_parameters (parameters, MAX_PARAMETERS, &error);
  g_assert_no_error (error);
  plan = seg_plan_new (graph, parameters, SEG_PURPOSE_INFERENCE, NULL, NULL, &error);
  g_assert_no_error (error);
  region = seg_schedule_new_region (plan, 1, HEIGHT, WIDTH, NULL, &error);
  g_assert_no_error (error);
  bands = seg_schedule_new_bands (plan, HEIGHT, WIDTH, BAND_ROWS, &error);
  g_assert_no_error (error);

  shape = seg_schedule_get_output_shape (region);
  g_assert_cmpint (shape->h, ==, HEIGHT);
  g_assert_cmpint (shape->w, ==, WIDTH);
  whole = run (region, 1);
  banded = run (bands, 2);
  if (whole->len != banded->len
      || memcmp (whole->data, banded->data, whole->len * sizeof (float)) != 0)
    {
      g_test_message ("%s: by bands there are other bits", what);
      g_test_fail ();
    }
}

/* ---- the product ----------------------------------------------------------------------------- */

/* FALSE: refused. */
static gboolean
check_network (const Part *model, const Part *encoder, const Part *decoder, const Part *inner)
{
  g_autoptr (SegBlock) contracting = with_inner (encoder, inner);
  g_autoptr (SegBlock) expanding = with_inner (decoder, inner);
  g_autoptr (SegBlock) network =
      seg_object_copy_with (model->block, NULL, "encoder", contracting, "decoder", expanding, NULL);
  g_autoptr (SegGraph) graph = seg_graph_new ();
  g_autoptr (GError) error = NULL;
  g_autofree char *what =
      g_strdup_printf ("%s of %s and %s%s%s", model->name, encoder->name, decoder->name,
                       *inner->name != '\0' ? " with " : "", inner->name);
  SegFeatures image = image_new (graph), out;

  seg_block_build (network, graph, NULL, &image, &out);
  if (!seg_graph_failed (graph))
    seg_graph_set_output (graph, out.values[0]);
  if (!seg_graph_finish (graph, &error))
    {
      g_assert_cmpuint (error->domain, ==, SEG_ERROR);
      g_assert_cmpuint (strlen (error->message), >, 10);
      g_assert_null (strchr (error->message, '\n'));
      g_test_message ("%s: refused: %s", what, error->message);
      return FALSE;
    }
  g_test_message ("%s: built", what);
  g_assert_false (inner->shrinks);
  check_runs (graph, what);
  return TRUE;
}

/* A part that goes with nothing is a mistake. */
static void
check_all_used (const GPtrArray *parts)
{
  for (guint i = 0; i < parts->len; i++)
    {
      const Part *part = parts->pdata[i];

      if (part->n_built == 0 && !part->shrinks)
        {
          g_test_message ("no network with %s was built", part->name);
          g_test_fail ();
        }
    }
}

static void
test_product (gconstpointer data)
{
  g_autoptr (GPtrArray) models = list_parts (SEG_BLOCK_MODEL);
  g_autoptr (GPtrArray) encoders = list_parts (SEG_BLOCK_ENCODER);
  g_autoptr (GPtrArray) decoders = list_parts (SEG_BLOCK_DECODER);
  g_autoptr (GPtrArray) inners = list_parts (SEG_BLOCK_MAP);
  Part *model = models->pdata[GPOINTER_TO_UINT (data)], *none = g_new0 (Part, 1);

  none->name = "";
  g_ptr_array_insert (inners, 0, none);
  for (guint e = 0; e < encoders->len; e++)
    for (guint d = 0; d < decoders->len; d++)
      for (guint i = 0; i < inners->len; i++)
        {
          Part *encoder = encoders->pdata[e], *decoder = decoders->pdata[d],
               *inner = inners->pdata[i];

          if (inner->block != NULL && find_property (encoder->block, "inner") == NULL
              && find_property (decoder->block, "inner") == NULL)
            continue;
          if (!check_network (model, encoder, decoder, inner))
            continue;
          encoder->n_built++;
          decoder->n_built++;
          inner->n_built++;
        }
  check_all_used (encoders);
  check_all_used (decoders);
  check_all_used (inners);
}

int
main (int argc, char **argv)
{
  g_autoptr (GPtrArray) models = NULL;

  g_test_init (&argc, &argv, NULL);
  seg_registry_load_default (registry (), NULL);
  models = list_parts (SEG_BLOCK_MODEL);
  g_assert_cmpuint (models->len, >, 0);
  for (guint i = 0; i < models->len; i++)
    {
      g_autofree char *path =
          g_strdup_printf ("/product/%s", ((const Part *) models->pdata[i])->name);

      g_test_add_data_func (path, GUINT_TO_POINTER (i), test_product);
    }
  return g_test_run ();
}
