/* Runs a model over a raw image, for the oracle: logits MODEL INPUT.f32 C H W OUTPUT.f32, both
 * planar float32. Options before MODEL: --tile N, --bands N, --threads N. */
#include <errno.h>
#include <locale.h>
#include <stdio.h>

#include <segkit/segkit.h>

typedef struct
{
  float *pixels, *logits;
  gint64 height, width, n_channels, n_logits;
} Image;

static gboolean
read_rows (const SegView *view, gpointer user_data, GError **error)
{
  const Image *image = user_data;
  const SegRect *r = &view->valid;

  (void) error;
  for (guint c = 0; c < view->n_blocks; c++)
    for (gint64 y = r->y; y < r->y + r->h; y++)
      memcpy (seg_view_at (view, c, 0, y, r->x),
              image->pixels + (c * image->height + y) * image->width + r->x,
              (gsize) r->w * sizeof (float));
  return TRUE;
}

static gboolean
write_rows (const SegView *view, gpointer user_data, GError **error)
{
  Image *image = user_data;
  const SegRect *r = &view->valid;

  if (image->logits == NULL
      && (image->logits = seg_alloc ((gsize) (view->shape.c * view->shape.h * view->shape.w),
                                     sizeof (float), "logits", error)) == NULL)
    return FALSE;
  image->n_logits = view->shape.c * view->shape.h * view->shape.w;
  for (guint c = 0; c < view->n_blocks; c++)
    for (gint64 y = r->y; y < r->y + r->h; y++)
      memcpy (image->logits + (c * view->shape.h + y) * view->shape.w + r->x,
              seg_view_at (view, c, 0, y, r->x), (gsize) r->w * sizeof (float));
  return TRUE;
}

static gboolean
run (SegSchedule *schedule, SegPool *pool, Image *image, GError **error)
{
  g_autoptr (SegWorkspace) workspace = NULL;

  return schedule != NULL && (workspace = seg_workspace_new (schedule, pool, error)) != NULL
         && seg_workspace_run (workspace, read_rows, write_rows, image, NULL, error);
}

static gboolean
run_all (SegPlan *plan, SegPool *pool, Image *image, int tile, int bands, GError **error)
{
  g_autoptr (SegSchedule) schedule
      = bands > 0 ? seg_schedule_new_bands (plan, image->height, image->width, bands, error)
                  : seg_schedule_new_region (plan, 1, image->height, image->width, NULL, error);
  const SegShape *out;

  if (schedule == NULL || tile <= 0)
    return run (schedule, pool, image, error);
  out = seg_schedule_get_output_shape (schedule);
  for (gint64 y = 0; y < out->h; y += tile)
    for (gint64 x = 0; x < out->w; x += tile)
      {
        SegRect rect = { x, y, MIN (tile, out->w - x), MIN (tile, out->h - y) };
        g_autoptr (SegSchedule) one
            = seg_schedule_new_region (plan, 1, image->height, image->width, &rect, error);

        if (!run (one, pool, image, error))
          return FALSE;
      }
  return TRUE;
}

int
main (int argc, char **argv)
{
  int tile = 0, bands = 0, threads = 1;
  const GOptionEntry entries[]
      = { { "tile", 0, 0, G_OPTION_ARG_INT, &tile, "Run by tiles of N × N", "N" },
          { "bands", 0, 0, G_OPTION_ARG_INT, &bands, "Run by bands of N rows", "N" },
          { "threads", 0, 0, G_OPTION_ARG_INT, &threads, "Work in N threads", "N" },
          G_OPTION_ENTRY_NULL };
  g_autoptr (GOptionContext) context = g_option_context_new ("MODEL INPUT C H W OUTPUT");
  g_autoptr (GError) error = NULL;
  g_autoptr (SegModel) model = NULL;
  g_autoptr (SegPlan) plan = NULL;
  g_autoptr (SegPool) pool = NULL;
  g_autofree char *bytes = NULL;
  gsize n_bytes;
  Image image = { 0 };

  g_option_context_add_main_entries (context, entries, NULL);
  if (!g_option_context_parse (context, &argc, &argv, &error) || argc != 7)
    {
      fprintf (stderr, "%s\n", error != NULL ? error->message : "six arguments are needed");
      return 2;
    }
  image.n_channels = g_ascii_strtoll (argv[3], NULL, 10);
  image.height = g_ascii_strtoll (argv[4], NULL, 10);
  image.width = g_ascii_strtoll (argv[5], NULL, 10);

  seg_registry_load_default (seg_registry_get_default (), NULL);
  pool = seg_pool_new ((guint) threads);
  if (!g_file_get_contents (argv[2], &bytes, &n_bytes, &error)
      || (model = seg_model_load (argv[1], &error)) == NULL
      || (plan = seg_plan_new (seg_model_get_graph (model), seg_model_get_parameters (model),
                               SEG_PURPOSE_INFERENCE, NULL, NULL, &error)) == NULL)
    goto fail;
  if (n_bytes != (gsize) (image.n_channels * image.height * image.width) * sizeof (float))
    {
      fprintf (stderr, "%s: %" G_GSIZE_FORMAT " bytes do not fit the sizes given\n", argv[2],
               n_bytes);
      return 2;
    }
  image.pixels = (float *) (gpointer) bytes;
  if (!run_all (plan, pool, &image, tile, bands, &error)
      || !g_file_set_contents (argv[6], (const char *) image.logits,
                               (gssize) image.n_logits * (gssize) sizeof (float), &error))
    goto fail;
  seg_free (image.logits);
  return 0;

fail:
  fprintf (stderr, "%s\n", error->message);
  return 1;
}
