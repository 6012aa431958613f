/* How memory is laid out, and that by bands each row is made once, in memory that does not grow
 * with the image. That all ways give the same bits is test-seams' business; here it is only looked
 * at where sizes and graphs are odd. */
#include "network.h"
#include "schedule-private.h"

#include <segkit/describe.h>

/* ---- the arena ---------------------------------------------------------------------------- */

static gboolean
alive_together (const SegSlot *a, const SegSlot *b)
{
  return a->birth <= b->death && b->birth <= a->death;
}

static void
assert_apart (const SegSlot *slots, guint n, gsize arena_bytes)
{
  gsize end = 0;

  for (guint i = 0; i < n; i++)
    {
      if (slots[i].bytes == 0)
        continue;
      end = MAX (end, slots[i].offset + slots[i].bytes);
      g_assert_cmpuint (slots[i].offset % 64, ==, 0);
      for (guint j = 0; j < i; j++)
        if (slots[j].bytes > 0 && alive_together (&slots[i], &slots[j]))
          g_assert_true (slots[i].offset + slots[i].bytes <= slots[j].offset
                         || slots[j].offset + slots[j].bytes <= slots[i].offset);
    }
  g_assert_cmpuint (arena_bytes, ==, end);
}

/* Bytes alive at the fullest moment: no layout needs less. */
static gsize
find_least (const SegSlot *slots, guint n, guint n_steps)
{
  gsize least = 0;

  for (guint step = 0; step < n_steps; step++)
    {
      gsize alive = 0;

      for (guint i = 0; i < n; i++)
        if (slots[i].birth <= step && step <= slots[i].death)
          alive += slots[i].bytes;
      least = MAX (least, alive);
    }
  return least;
}

static void
test_arena_random (void)
{
  enum { MOST = 60, N_STEPS = 40 };
  SegSlot slots[MOST];
  gsize total = 0, total_sum = 0;

  for (guint round = 0; round < 2000; round++)
    {
      guint n = (guint) g_test_rand_int_range (0, MOST + 1);
      gsize sum = 0, arena_bytes;
      g_autoptr (GError) error = NULL;

      for (guint i = 0; i < n; i++)
        {
          guint birth = (guint) g_test_rand_int_range (0, N_STEPS);

          slots[i] = (SegSlot){ .birth = birth,
                                .death = MIN (birth + (guint) (i % 10), N_STEPS - 1),
                                .bytes = 64 * (gsize) g_test_rand_int_range (0, 1000) };
          sum += slots[i].bytes;
        }
      g_assert_true (_seg_arena_layout (slots, n, &arena_bytes, &error));
      g_assert_no_error (error);
      assert_apart (slots, n, arena_bytes);
      g_assert_cmpuint (arena_bytes, <=, sum);
      g_assert_cmpuint (arena_bytes, >=, find_least (slots, n, N_STEPS));
      total += arena_bytes;
      total_sum += sum;
    }
  g_assert_cmpuint (total, <, total_sum / 2);
}

static void
test_arena_extremes (void)
{
  enum { N = 20 };
  SegSlot apart[N], together[N];
  gsize bytes;

  for (guint i = 0; i < N; i++)
    {
      apart[i] = (SegSlot){ .birth = i, .death = i, .bytes = 64 * (i + 1) };
      together[i] = (SegSlot){ .birth = 0, .death = N, .bytes = 64 * (i + 1) };
    }
  g_assert_true (_seg_arena_layout (apart, N, &bytes, NULL));
  g_assert_cmpuint (bytes, ==, 64 * N);
  g_assert_true (_seg_arena_layout (together, N, &bytes, NULL));
  g_assert_cmpuint (bytes, ==, 64 * N * (N + 1) / 2);
  assert_apart (together, N, bytes);
  g_assert_true (_seg_arena_layout (apart, 0, &bytes, NULL));
  g_assert_cmpuint (bytes, ==, 0);
}

/* More than an address can count, in sums of two and of many. */
static void
test_arena_overflow (void)
{
  static const struct
  {
    guint n;
    gsize bytes;
  } sets[] = {
    { 2, (gsize) 1 << 63 }, { 2, (gsize) 1 << 62 }, { 9, (gsize) 1 << 61 }, { 3, G_MAXSIZE - 63 }
  };

  for (guint i = 0; i < G_N_ELEMENTS (sets); i++)
    {
      SegSlot slots[9];
      g_autoptr (GError) error = NULL;
      gsize bytes;

      for (guint j = 0; j < sets[i].n; j++)
        slots[j] = (SegSlot){ .birth = 0, .death = 1, .bytes = sets[i].bytes };
      g_assert_false (_seg_arena_layout (slots, sets[i].n, &bytes, &error));
      g_assert_error (error, SEG_ERROR, SEG_ERROR_MEMORY);
    }
}

/* ---- plans to lay out --------------------------------------------------------------------- */

/* Made once: a ResNet has millions of numbers to fill. */
static SegPlan *
plan_of_network (const char *name)
{
  static GHashTable *plans;
  SegPlan *plan;

  if (plans == NULL)
    plans = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, g_object_unref);
  if ((plan = g_hash_table_lookup (plans, name)) == NULL)
    {
      g_autoptr (SegModel) model = network_new (name, 4);
      g_autoptr (GError) error = NULL;

      network_fill (seg_model_get_parameters (model));
      plan = seg_plan_new (seg_model_get_graph (model), seg_model_get_parameters (model),
                           SEG_PURPOSE_INFERENCE, NULL, NULL, &error);
      g_assert_no_error (error);
      g_hash_table_insert (plans, (gpointer) name, plan);
    }
  return g_object_ref (plan);
}

static SegPlan *
plan_of_graph (SegGraph *graph)
{
  g_autoptr (SegParameters) parameters = NULL;
  g_autoptr (GError) error = NULL;
  SegPlan *plan;

  seg_graph_finish (graph, &error);
  g_assert_no_error (error);
  parameters = seg_parameters_new (graph);
  seg_parameters_initialise (parameters, 1, &error);
  g_assert_no_error (error);
  plan = seg_plan_new (graph, parameters, SEG_PURPOSE_INFERENCE, NULL, NULL, &error);
  g_assert_no_error (error);
  return plan;
}

static SegSchedule *
bands_new (SegPlan *plan, gint64 height, gint64 width, gint64 band_rows)
{
  g_autoptr (GError) error = NULL;
  SegSchedule *schedule = seg_schedule_new_bands (plan, height, width, band_rows, &error);

  g_assert_no_error (error);
  return schedule;
}

static SegSchedule *
region_new (SegPlan *plan, gint64 height, gint64 width, const SegRect *rect)
{
  g_autoptr (GError) error = NULL;
  SegSchedule *schedule = seg_schedule_new_region (plan, 1, height, width, rect, &error);

  g_assert_no_error (error);
  return schedule;
}

/* ---- memory of bands and tiles ------------------------------------------------------------ */

static void
assert_similar (SegSchedule *a, SegSchedule *b, guint percent)
{
  g_assert_cmpuint (seg_schedule_get_arena_bytes (a), <,
                    seg_schedule_get_arena_bytes (b) / 100 * (100 + percent));
  g_assert_cmpuint (seg_schedule_get_arena_bytes (b), <,
                    seg_schedule_get_arena_bytes (a) / 100 * (100 + percent));
}

static void
test_flat (gconstpointer data)
{
  static const gint64 band_rows[] = { 1, 16, 100 };
  g_autoptr (SegPlan) plan = plan_of_network (data);

  for (guint i = 0; i < G_N_ELEMENTS (band_rows); i++)
    {
      g_autoptr (SegSchedule) low = bands_new (plan, 2000, 80, band_rows[i]);
      g_autoptr (SegSchedule) high = bands_new (plan, 20000, 80, band_rows[i]);
      g_autoptr (SegSchedule) odd = bands_new (plan, 20017, 80, band_rows[i]);

      g_assert_cmpuint (seg_schedule_get_arena_bytes (low), >, 0);
      /* at the end there is less to wait for, so that some rows more or less are made at once */
      assert_similar (low, high, 10);
      /* and where sizes are no multiples, rows that are resized are all held */
      assert_similar (low, odd, 20);
    }
}

static void
test_rings (gconstpointer data)
{
  g_autoptr (SegPlan) plan = plan_of_network (data);
  g_autoptr (SegSchedule) bands = bands_new (plan, 4000, 80, 16);
  g_autoptr (SegSchedule) whole = region_new (plan, 4000, 80, NULL);

  for (guint v = 1; v < plan->n_values; v++)
    if (bands->slots[v].bytes > 0)
      {
        g_assert_cmpint (bands->slots[v].n_rows, >, 0);
        g_assert_cmpint (bands->slots[v].n_rows, <, bands->shapes[v].h / 4);
        g_assert_cmpuint (bands->slots[v].bytes, <, whole->slots[v].bytes / 4);
      }
  assert_apart (bands->slots, plan->n_values, seg_schedule_get_arena_bytes (bands));
  assert_apart (whole->slots, plan->n_values, seg_schedule_get_arena_bytes (whole));
  g_assert_cmpuint (seg_schedule_get_arena_bytes (bands), <,
                    seg_schedule_get_arena_bytes (whole) / 4);
}

/* What waits at joins, and no more: the halo of this network is 513 rows, but only few of its
 * values wait for so long. */
static void
test_waiting (void)
{
  static const struct
  {
    gint64 width, height, band_rows;
    gsize most; /* KiB for each column */
  } cases[] = { { 2048, 4096, 1, 82 },  { 2048, 4096, 16, 80 }, { 2048, 4097, 16, 80 },
                { 2048, 4127, 16, 80 }, { 2048, 4096, 32, 100 }, { 8192, 4096, 16, 80 } };
  g_autoptr (SegPlan) plan = plan_of_network ("resnet34");

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (SegSchedule) bands = bands_new (plan, cases[i].height, cases[i].width, cases[i].band_rows);
      gsize bytes = seg_schedule_get_arena_bytes (bands) / (gsize) cases[i].width;

      g_assert_cmpuint (bytes, <, cases[i].most * 1024);
      g_assert_cmpint (seg_schedule_get_input_rows (bands), <, cases[i].band_rows + 10);
      g_assert_cmpint (seg_schedule_get_waiting_rows (bands), >, 482);
      g_assert_cmpint (seg_schedule_get_waiting_rows (bands), <,
                       482 + 8 * cases[i].band_rows + 128);
    }
}

/* In the middle of an image it does not matter how large the image is, nor where the tile lies;
 * at the border there is less to read. */
static void
test_tile (gconstpointer data)
{
  static const gint64 sizes[] = { 4096, 65536 };
  g_autoptr (SegPlan) plan = plan_of_network (data);
  SegRect tile = { 2048, 2048, 256, 128 }, corner = { 0, 0, 256, 128 };
  gsize bytes = 0;

  for (guint i = 0; i < G_N_ELEMENTS (sizes); i++)
    {
      g_autoptr (SegSchedule) middle = region_new (plan, sizes[i], sizes[i], &tile);
      g_autoptr (SegSchedule) at_corner = region_new (plan, sizes[i], sizes[i], &corner);
      SegRect read = seg_schedule_get_input_rect (middle);
      SegRect read_at_corner = seg_schedule_get_input_rect (at_corner);

      g_assert_true (i == 0 || bytes == seg_schedule_get_arena_bytes (middle));
      bytes = seg_schedule_get_arena_bytes (middle);
      g_assert_cmpuint (seg_schedule_get_arena_bytes (at_corner), <, bytes);

      g_assert_cmpint (read.x, <, tile.x);
      g_assert_cmpint (read.y, <, tile.y);
      g_assert_cmpint (read.x + read.w, >, tile.x + tile.w);
      g_assert_cmpint (read.y + read.h, >, tile.y + tile.h);
      g_assert_cmpint (read_at_corner.x, ==, 0);
      g_assert_cmpint (read_at_corner.y, ==, 0);
      g_assert_cmpint (read_at_corner.w, <, read.w);
      assert_apart (middle->slots, plan->n_values, bytes);
    }
}

/* ---- how high bands are ------------------------------------------------------------------- */

static SegPlan *
plan_of_convolutions (gint channels)
{
  g_autoptr (SegGraph) graph = seg_graph_new ();
  SegValue value = seg_graph_add_input (graph, "image", 3);

  for (guint i = 0; i < 2; i++)
    value = seg_graph_add (graph, i == 0 ? "first" : "second", "conv2d", SEG_IN (value), "channels",
                           channels, "kernel-size", 3, "padding", 1, NULL);
  seg_graph_set_output (graph, value);
  return plan_of_graph (graph);
}

static void
test_band_rows (void)
{
  g_autoptr (SegPlan) light = plan_of_convolutions (8), heavy = plan_of_convolutions (512);

  g_assert_cmpint (seg_schedule_choose_band_rows (light, 400, 400), ==, 64);
  g_assert_cmpint (seg_schedule_choose_band_rows (light, 400, 512), ==, 32);
  g_assert_cmpint (seg_schedule_choose_band_rows (light, 20, 400), ==, 20);
  g_assert_cmpint (seg_schedule_choose_band_rows (heavy, 128, 16), ==, 128);
  g_assert_cmpint (seg_schedule_choose_band_rows (heavy, 600, 16), ==, 256);
  g_assert_cmpint (seg_schedule_choose_band_rows (heavy, 600, 2048), ==, 32);
  g_assert_cmpint (seg_schedule_choose_band_rows (heavy, 600, 4096), ==, 16);
}

/* ---- each row once ------------------------------------------------------------------------ */

/* Passes its input on, and counts how often each pixel was computed. */
#define TEST_TYPE_COUNTER (test_counter_get_type ())
G_DECLARE_FINAL_TYPE (TestCounter, test_counter, TEST, COUNTER, SegLayer)

struct _TestCounter
{
  SegLayer parent_instance;
  GArray *counts; /* of gint, per channel, row and column */
};

G_DEFINE_FINAL_TYPE (TestCounter, test_counter, SEG_TYPE_LAYER)

static void
test_counter_forward (SegLayer *layer, const SegRun *run, const SegView *in, guint n_in,
                      SegView *out, const SegPiece *piece)
{
  GArray *counts = TEST_COUNTER (layer)->counts;
  const SegRect *r = &piece->rect;

  (void) run, (void) n_in;
  for (guint b = piece->block; b < piece->block + piece->n_blocks; b++)
    for (gint64 y = r->y; y < r->y + r->h; y++)
      {
        memcpy (seg_view_at (out, b, 0, y, r->x), seg_view_at (&in[0], b, 0, y, r->x),
                (gsize) r->w * sizeof (float));
        for (gint64 x = r->x; x < r->x + r->w; x++)
          g_atomic_int_inc (
              &g_array_index (counts, gint, (b * out->shape.h + y) * out->shape.w + x));
      }
}

static void
test_counter_finalize (GObject *object)
{
  g_array_unref (TEST_COUNTER (object)->counts);
  G_OBJECT_CLASS (test_counter_parent_class)->finalize (object);
}

static void
test_counter_class_init (TestCounterClass *klass)
{
  SEG_LAYER_CLASS (klass)->forward = test_counter_forward;
  G_OBJECT_CLASS (klass)->finalize = test_counter_finalize;
}

static void
test_counter_init (TestCounter *self)
{
  self->counts = g_array_new (FALSE, TRUE, sizeof (gint));
}

typedef struct
{
  SegGraph *graph;
  GPtrArray *counters; /* owned by the graph */
} Counted;

static SegValue
add_counter (Counted *self, SegValue in)
{
  g_autofree char *name = g_strdup_printf ("counter%u", self->counters->len);
  TestCounter *counter = g_object_new (TEST_TYPE_COUNTER, NULL);

  g_ptr_array_add (self->counters, counter);
  return seg_graph_add_layer (self->graph, name, SEG_LAYER (counter), SEG_IN (in));
}

/* Three levels with skips, as a U-Net has them, a counter behind each convolution. */
static SegValue
add_level (Counted *self, SegValue in, gint level)
{
  SegGraph *graph = self->graph;
  g_autofree char *name = g_strdup_printf ("level%d", level);
  SegValue skip, deep;

  seg_graph_push (graph, name);
  skip = seg_graph_add (graph, "down", "conv2d", SEG_IN (in), "channels", 2 << level, "kernel-size",
                        3, "padding", 1, NULL);
  skip = add_counter (self, skip);
  if (level < 2)
    {
      deep = seg_graph_add (graph, "pool", "max-pool", SEG_IN (skip), "kernel-size", 2, "stride", 2,
                            NULL);
      deep = add_level (self, deep, level + 1);
      deep = seg_graph_add (graph, "grow", "resize-nearest", SEG_IN (deep, skip), NULL);
      deep = seg_graph_add (graph, "both", "concat", SEG_IN (skip, deep), NULL);
      skip = seg_graph_add (graph, "up", "conv2d", SEG_IN (deep), "channels", 2, "kernel-size", 3,
                            "padding", 1, NULL);
      skip = add_counter (self, skip);
    }
  seg_graph_pop (graph);
  return skip;
}

/* Notes in which order rows come and go. */
typedef struct
{
  gint64 width, next_read, next_written;
  GThread *thread;
} RowLog;

static gboolean
log_read (const SegView *view, gpointer user_data, GError **error)
{
  RowLog *self = user_data;
  const SegRect *r = &view->valid;

  (void) error;
  g_assert_true (g_thread_self () == self->thread);
  g_assert_cmpint (r->x, ==, 0);
  g_assert_cmpint (r->w, ==, self->width);
  g_assert_cmpint (r->y, ==, self->next_read);
  self->next_read += r->h;
  for (guint c = 0; c < view->n_blocks; c++)
    for (gint64 y = r->y; y < r->y + r->h; y++)
      memset (seg_view_at (view, c, 0, y, 0), 0, (gsize) r->w * sizeof (float));
  return TRUE;
}

static gboolean
log_write (const SegView *view, gpointer user_data, GError **error)
{
  RowLog *self = user_data;

  (void) error;
  g_assert_true (g_thread_self () == self->thread);
  g_assert_cmpint (view->valid.x, ==, 0);
  g_assert_cmpint (view->valid.w, ==, self->width);
  g_assert_cmpint (view->valid.y, ==, self->next_written);
  self->next_written += view->valid.h;
  return TRUE;
}

static void
counted_run (Counted *self, SegSchedule *schedule, guint n_threads, gint64 height, gint64 width)
{
  g_autoptr (SegPool) pool = seg_pool_new (n_threads);
  g_autoptr (GError) error = NULL;
  g_autoptr (SegWorkspace) workspace = seg_workspace_new (schedule, pool, &error);
  RowLog log = { width, 0, 0, g_thread_self () };

  g_assert_no_error (error);
  for (guint i = 0; i < self->counters->len; i++)
    {
      GArray *counts = TEST_COUNTER (self->counters->pdata[i])->counts;

      g_array_set_size (counts, 0);
      g_array_set_size (counts, (guint) (8 * height * width));
    }
  seg_workspace_run (workspace, log_read, log_write, &log, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpint (log.next_read, ==, height);
  g_assert_cmpint (log.next_written, ==, height);
}

static void
test_rows_once (void)
{
  static const gint64 sizes[][2] = { { 100, 37 }, { 64, 64 }, { 61, 5 }, { 8, 300 } };
  static const gint64 band_rows[] = { 1, 3, 16, 1000 };
  Counted counted = { seg_graph_new (), g_ptr_array_new () };
  g_autoptr (SegPlan) plan = NULL;
  SegValue image = seg_graph_add_input (counted.graph, "image", 3);

  seg_graph_set_output (counted.graph, add_level (&counted, image, 0));
  g_assert_cmpuint (counted.counters->len, ==, 5);
  plan = plan_of_graph (counted.graph);
  for (guint i = 0; i < G_N_ELEMENTS (sizes); i++)
    for (guint j = 0; j < G_N_ELEMENTS (band_rows); j++)
      for (guint n_threads = 1; n_threads <= 4; n_threads += 3)
        {
          g_autoptr (SegSchedule) schedule =
              bands_new (plan, sizes[i][0], sizes[i][1], band_rows[j]);

          counted_run (&counted, schedule, n_threads, sizes[i][0], sizes[i][1]);
          for (guint k = 0; k < plan->nodes->len; k++)
            {
              const SegPlanNode *node = plan->nodes->pdata[k];
              const SegShape *shape = &schedule->shapes[node->output];

              if (!TEST_IS_COUNTER (node->layer))
                continue;
              for (gint64 pixel = 0; pixel < shape->c * shape->h * shape->w; pixel++)
                g_assert_cmpint (g_array_index (TEST_COUNTER (node->layer)->counts, gint, pixel),
                                 ==, 1);
            }
        }
  g_ptr_array_unref (counted.counters);
  g_object_unref (counted.graph);
}

/* Also where deep steps wait for portions, and where bands are of odd sizes. */
static void
test_work_once (gconstpointer data)
{
  static const gint64 band_rows[] = { 1, 16, 45 };
  enum { HEIGHT = 1501, WIDTH = 35 };
  g_autoptr (SegPlan) plan = plan_of_network (data);
  g_autoptr (SegSchedule) whole = region_new (plan, HEIGHT, WIDTH, NULL);
  NetworkMap image = network_image_new (HEIGHT, WIDTH);
  double planned = 0;

  for (guint i = 0; i < plan->nodes->len; i++)
    planned += seg_schedule_get_multiply_adds (whole, i);
  for (guint i = 0; i < G_N_ELEMENTS (band_rows); i++)
    {
      double done;
      NetworkMap out = network_run (plan, &image, 2, 0, band_rows[i], 1, &done);

      g_assert_cmpfloat (done, ==, planned);
      g_free (out.pixels);
    }
  g_free (image.pixels);
}

/* ---- odd sizes and graphs ----------------------------------------------------------------- */

static void
assert_same (const NetworkMap *a, const NetworkMap *b)
{
  gsize n_bytes = (gsize) (a->channels * a->height * a->width) * sizeof (float);

  g_assert_cmpmem (a->pixels, n_bytes, b->pixels, n_bytes);
}

/* The same bits whole, by tiles and by bands; or refused all ways, saying what would do, or where
 * in the network. Gives whether it ran. */
static gboolean
check_size (SegPlan *plan, gint64 height, gint64 width)
{
  static const gint64 ways[][2] = { { 16, 0 }, { 0, 1 }, { 0, 2 }, { 0, 16 } };
  g_autoptr (GError) error = NULL, of_bands = NULL;
  g_autoptr (SegSchedule) schedule = seg_schedule_new_region (plan, 1, height, width, NULL, &error);
  NetworkMap image = network_image_new (height, width), whole;
  gint64 n_classes;

  if (schedule == NULL)
    {
      g_assert_error (error, SEG_ERROR, SEG_ERROR_SHAPE);
      g_assert_true (strstr (error->message, " is too small for the network, which takes ") != NULL
                     || strchr (error->message, ':') != NULL);
      g_assert_null (seg_schedule_new_bands (plan, height, width, 16, &of_bands));
      g_assert_error (of_bands, SEG_ERROR, SEG_ERROR_SHAPE);
      g_assert_cmpstr (of_bands->message, ==, error->message);
      g_free (image.pixels);
      return FALSE;
    }

  n_classes = seg_schedule_get_output_shape (schedule)->c;
  whole = network_run (plan, &image, n_classes, 0, 0, 1, NULL);
  for (guint i = 0; i < G_N_ELEMENTS (ways); i++)
    {
      NetworkMap other = network_run (plan, &image, n_classes, ways[i][0], ways[i][1], 1, NULL);

      assert_same (&whole, &other);
      g_free (other.pixels);
    }
  g_free (whole.pixels);
  g_free (image.pixels);
  return TRUE;
}

static void
test_odd_sizes (gconstpointer data)
{
  static const gint64 sizes[][2] = { { 1, 1 },  { 1, 2 },   { 2, 1 },   { 1, 9 },   { 9, 1 },
                                     { 1, 40 }, { 40, 1 },  { 3, 3 },   { 15, 16 }, { 16, 15 },
                                     { 2, 16 }, { 16, 16 }, { 17, 16 }, { 16, 31 }, { 33, 17 } };
  gboolean is_resnet = g_str_equal (data, "resnet18");
  g_autoptr (SegPlan) plan = plan_of_network (data);

  /* not all for the ResNet: each run, however small, goes through its 14 million weights */
  for (guint i = 0; i < G_N_ELEMENTS (sizes); i += is_resnet ? 4 : 1)
    {
      gboolean ran = check_size (plan, sizes[i][0], sizes[i][1]);

      /* four times halved there must be something left; a ResNet is padded at each step */
      g_assert_cmpint (ran, ==, is_resnet || MIN (sizes[i][0], sizes[i][1]) >= 16);
    }
}

static SegPlan *
odd_plan (const char *kind)
{
  g_autoptr (SegGraph) graph = seg_graph_new ();
  SegValue image = seg_graph_add_input (graph, "image", 3), out = image, conv;

  conv = seg_graph_add (graph, "conv", "conv2d", SEG_IN (image), "channels", 3, "kernel-size", 3,
                        "padding", 1, NULL);
  if (g_str_equal (kind, "alias")) /* of which the input is a part */
    out = seg_graph_add (graph, "both", "concat", SEG_IN (conv, image), NULL);
  else if (g_str_equal (kind, "alias-of-alias"))
    {
      out = seg_graph_add (graph, "both", "concat", SEG_IN (image, conv), NULL);
      out = seg_graph_add (graph, "more", "concat", SEG_IN (conv, out, conv), NULL);
      out = seg_graph_add (graph, "last", "conv2d", SEG_IN (out), "channels", 2, "kernel-size", 3,
                           "padding", 1, NULL);
    }
  else if (g_str_equal (kind, "twice"))
    out = seg_graph_add (graph, "sum", "add", SEG_IN (conv, conv), NULL);
  else if (g_str_equal (kind, "late-reader")) /* a value waits until two paths have met */
    {
      SegValue far = conv;

      for (guint i = 0; i < 4; i++)
        {
          g_autofree char *name = g_strdup_printf ("far%u", i);
          far = seg_graph_add (graph, name, "conv2d", SEG_IN (far), "channels", 3, "kernel-size", 5,
                               "padding", 2, NULL);
        }
      out = seg_graph_add (graph, "sum", "add", SEG_IN (far, image), NULL);
    }
  else if (g_str_equal (kind, "shape-only")) /* of the second input nothing is read */
    {
      out = seg_graph_add (graph, "small", "max-pool", SEG_IN (conv), "kernel-size", 3, "stride", 2,
                           "padding", 1, NULL);
      out = seg_graph_add (graph, "large", "resize-nearest", SEG_IN (out, image), NULL);
    }
  seg_graph_set_output (graph, out);
  return plan_of_graph (graph);
}

/* Two maps are of one size only where a side is one more than a multiple of three: no side is large
 * enough, and the layer tells. */
static void
test_every_third (void)
{
  g_autoptr (SegGraph) graph = seg_graph_new ();
  SegValue image = seg_graph_add_input (graph, "image", 3), a, b;
  g_autoptr (SegPlan) plan = NULL;
  g_autoptr (SegSchedule) taken = NULL;
  g_autoptr (GError) error = NULL;

  a = seg_graph_add (graph, "a", "max-pool", SEG_IN (image), "kernel-size", 2, "stride", 3, NULL);
  b = seg_graph_add (graph, "b", "max-pool", SEG_IN (image), "kernel-size", 4, "stride", 3, NULL);
  seg_graph_set_output (graph, seg_graph_add (graph, "sum", "add", SEG_IN (a, b), NULL));
  plan = plan_of_graph (graph);
  taken = region_new (plan, 100, 4, NULL);
  g_assert_null (seg_schedule_new_region (plan, 1, 99, 99, NULL, &error));
  g_assert_error (error, SEG_ERROR, SEG_ERROR_SHAPE);
  g_assert_true (g_str_has_prefix (error->message, "sum: "));
}

static void
test_odd_graph (gconstpointer data)
{
  g_autoptr (SegPlan) plan = odd_plan (data);

  g_assert_true (check_size (plan, 1, 1));
  g_assert_true (check_size (plan, 23, 41));
  g_assert_true (check_size (plan, 64, 3));
}

/* ---- what is refused ---------------------------------------------------------------------- */

static void
test_bad_sizes (void)
{
  static const gint64 sizes[][2] = { { 0, 1 },           { 1, 0 },    { 0, 0 },
                                     { -1, 100 },        { 100, -1 }, { G_MININT64, 100 },
                                     { 100, G_MININT64 } };
  g_autoptr (SegPlan) plan = plan_of_network ("classic");

  for (guint i = 0; i < G_N_ELEMENTS (sizes); i++)
    {
      g_autoptr (GError) error = NULL, of_bands = NULL;

      g_assert_null (seg_schedule_new_region (plan, 1, sizes[i][0], sizes[i][1], NULL, &error));
      g_assert_error (error, SEG_ERROR, SEG_ERROR_SHAPE);
      g_assert_null (seg_schedule_new_bands (plan, sizes[i][0], sizes[i][1], 16, &of_bands));
      g_assert_error (of_bands, SEG_ERROR, SEG_ERROR_SHAPE);
    }
}

static void
test_huge_sizes (void)
{
  static const gint64 sizes[] = { (gint64) G_MAXINT32 + 1, (gint64) 1 << 40, (gint64) 1 << 62,
                                  G_MAXINT64 - 1, G_MAXINT64 };
  g_autoptr (SegPlan) plan = plan_of_network ("classic");
  g_autoptr (GError) square = NULL, batch = NULL;

  for (guint i = 0; i < G_N_ELEMENTS (sizes); i++)
    for (guint j = 0; j < 3; j++) /* batch, height, width */
      {
        gint64 shape[] = { 1, 100, 100 };
        g_autoptr (GError) error = NULL, of_bands = NULL;

        shape[j] = sizes[i];
        g_assert_null (seg_schedule_new_region (plan, shape[0], shape[1], shape[2], NULL, &error));
        g_assert_error (error, SEG_ERROR, SEG_ERROR_SHAPE);
        if (j == 0)
          continue;
        g_assert_null (seg_schedule_new_bands (plan, shape[1], shape[2], 16, &of_bands));
        g_assert_error (of_bands, SEG_ERROR, SEG_ERROR_SHAPE);
      }

  /* sizes that can be counted, but not what they multiply to */
  g_assert_null (seg_schedule_new_region (plan, 1, G_MAXINT32, G_MAXINT32, NULL, &square));
  g_assert_error (square, SEG_ERROR, SEG_ERROR_MEMORY);
  g_assert_null (seg_schedule_new_region (plan, G_MAXINT32, 1 << 15, 1 << 15, NULL, &batch));
  g_assert_error (batch, SEG_ERROR, SEG_ERROR_MEMORY);
}

static void
test_bad_tiles (void)
{
  static const SegRect tiles[] = {
    { 0, 0, 0, 10 },         { 0, 0, 10, 0 },
    { 0, 0, -1, 10 },        { -1, 0, 10, 10 },
    { 0, -1, 10, 10 },       { 0, 0, 65, 10 },
    { 0, 0, 10, 49 },        { 64, 0, 1, 1 },
    { 60, 0, 5, 1 },         { 0, 47, 1, 2 },
    { 0, 0, G_MAXINT64, 1 }, { 1, 0, G_MAXINT64, 1 },
    { G_MAXINT64, 0, 1, 1 }, { G_MAXINT64, G_MAXINT64, G_MAXINT64, G_MAXINT64 },
    { G_MININT64, 0, 1, 1 }, { 0, 0, G_MININT64, 1 },
  };
  g_autoptr (SegPlan) plan = plan_of_network ("classic");

  for (guint i = 0; i < G_N_ELEMENTS (tiles); i++)
    {
      g_autoptr (GError) error = NULL;

      g_assert_null (seg_schedule_new_region (plan, 1, 48, 64, &tiles[i], &error));
      g_assert_error (error, SEG_ERROR, SEG_ERROR_SHAPE);
      g_assert_nonnull (strstr (error->message, "64 × 48"));
    }
}

int
main (int argc, char **argv)
{
  static const char *const networks[] = { "classic", "resnet18" };
  static const char *const graphs[] = { "identity", "alias",       "alias-of-alias",
                                        "twice",    "late-reader", "shape-only" };
  static const struct
  {
    const char *name;
    GTestDataFunc func;
  } of_each_network[] = {
    { "flat", test_flat },           { "rings", test_rings },         { "tile", test_tile },
    { "work-once", test_work_once }, { "odd-sizes", test_odd_sizes },
  };

  g_test_init (&argc, &argv, NULL);
  seg_registry_load_default (seg_registry_get_default (), NULL);

  g_test_add_func ("/schedule/arena/random", test_arena_random);
  g_test_add_func ("/schedule/arena/extremes", test_arena_extremes);
  g_test_add_func ("/schedule/arena/overflow", test_arena_overflow);
  for (guint i = 0; i < G_N_ELEMENTS (of_each_network); i++)
    for (guint j = 0; j < G_N_ELEMENTS (networks); j++)
      {
        g_autofree char *path =
            g_strdup_printf ("/schedule/%s/%s", of_each_network[i].name, networks[j]);
        g_test_add_data_func (path, networks[j], of_each_network[i].func);
      }
  g_test_add_func ("/schedule/waiting", test_waiting);
  g_test_add_func ("/schedule/band-rows", test_band_rows);
  g_test_add_func ("/schedule/rows-once", test_rows_once);
  for (guint i = 0; i < G_N_ELEMENTS (graphs); i++)
    {
      g_autofree char *path = g_strdup_printf ("/schedule/odd-graph/%s", graphs[i]);
      g_test_add_data_func (path, graphs[i], test_odd_graph);
    }
  g_test_add_func ("/schedule/every-third", test_every_third);
  g_test_add_func ("/schedule/bad-sizes", test_bad_sizes);
  g_test_add_func ("/schedule/huge-sizes", test_huge_sizes);
  g_test_add_func ("/schedule/bad-tiles", test_bad_tiles);
  return g_test_run ();
}
