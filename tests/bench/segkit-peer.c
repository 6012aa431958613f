/* segkit as one of the programs that bench.py compares; the lines they exchange are told there.
 *
 * usage: segkit-peer [--bands] [--threads N] MODEL INPUT.f32 CHANNELS HEIGHT WIDTH
 *
 * INPUT holds planar float32, already normalised: what is timed is the network alone. */
#include <stdio.h>

#include <segkit/segkit.h>

typedef struct
{
  const float *input;
  float *output;
  gsize output_bytes;
  double multiply_adds;
} PeerImage;

/* Copies between a view's rows and the whole image in memory. */
static void
peer_copy_rows (const SegView *view, float *image, gboolean into_image)
{
  const SegRect *r = &view->valid;

  for (guint c = 0; c < view->n_blocks; c++)
    for (gint64 y = r->y; y < r->y + r->h; y++)
      {
        float *row = seg_view_at (view, c, 0, y, r->x);
        float *at = image + (c * view->shape.h + y) * view->shape.w + r->x;

        memcpy (into_image ? at : row, into_image ? row : at, (gsize) r->w * sizeof (float));
      }
}

static gboolean
peer_read (const SegView *view, gpointer data, GError **error)
{
  const PeerImage *image = data;

  (void) error;
  peer_copy_rows (view, (float *) image->input, FALSE);
  return TRUE;
}

static gboolean
peer_write (const SegView *view, gpointer data, GError **error)
{
  const PeerImage *image = data;

  (void) error;
  peer_copy_rows (view, image->output, TRUE);
  return TRUE;
}

static gboolean
peer_run (SegWorkspace *workspace, PeerImage *image, GError **error)
{
  gint64 start = g_get_monotonic_time ();

  if (!seg_workspace_run (workspace, peer_read, peer_write, image, NULL, error))
    return FALSE;
  printf ("%.6f\n", (double) (g_get_monotonic_time () - start) / G_USEC_PER_SEC);
  image->multiply_adds = seg_workspace_get_multiply_adds (workspace);
  return TRUE;
}

/* Does what standard input says, line by line, until it ends. */
static gboolean
peer_serve (SegWorkspace *workspace, PeerImage *image, GError **error)
{
  char line[4096];

  printf ("ready segkit " SEGKIT_VERSION " %s\n", seg_kernels_get ()->level);
  fflush (stdout);
  while (fgets (line, sizeof line, stdin) != NULL)
    {
      g_strchomp (line);
      if (g_str_equal (line, "run"))
        {
          if (!peer_run (workspace, image, error))
            return FALSE;
        }
      else if (g_str_equal (line, "multiply-adds"))
        printf ("%.0f\n", image->multiply_adds);
      else if (g_str_has_prefix (line, "write "))
        {
          if (!g_file_set_contents (line + strlen ("write "), (const char *) image->output,
                                    (gssize) image->output_bytes, error))
            return FALSE;
          printf ("written\n");
        }
      fflush (stdout);
    }
  return TRUE;
}

static gboolean
peer_open (char **args, gboolean bands, guint n_threads, GError **error)
{
  gint64 channels = g_ascii_strtoll (args[2], NULL, 10),
         height = g_ascii_strtoll (args[3], NULL, 10), width = g_ascii_strtoll (args[4], NULL, 10);
  g_autoptr (SegPool) pool = seg_pool_new (n_threads);
  g_autoptr (SegModel) model = NULL;
  g_autoptr (SegPlan) plan = NULL;
  g_autoptr (SegSchedule) schedule = NULL;
  g_autoptr (SegWorkspace) workspace = NULL;
  g_autoptr (GMappedFile) file = NULL;
  const SegShape *out;
  PeerImage image = { 0 };
  gboolean good;

  if ((file = g_mapped_file_new (args[1], FALSE, error)) == NULL
      || (model = seg_model_load (args[0], error)) == NULL
      || (plan = seg_plan_new_taking (seg_model_get_graph (model),
                                      seg_model_get_parameters (model), NULL, NULL, error))
             == NULL)
    return FALSE;
  if (g_mapped_file_get_length (file) != (gsize) (channels * height * width) * sizeof (float))
    {
      g_set_error (error, SEG_ERROR, SEG_ERROR_SHAPE,
                   "%s: %" G_GSIZE_FORMAT " bytes, but the sizes given make %" G_GINT64_FORMAT,
                   args[1], g_mapped_file_get_length (file),
                   channels * height * width * (gint64) sizeof (float));
      return FALSE;
    }
  schedule = bands ? seg_schedule_new_bands (plan, height, width,
                                             seg_schedule_choose_band_rows (plan, height, width),
                                             error)
                   : seg_schedule_new_region (plan, 1, height, width, NULL, error);
  if (schedule == NULL || (workspace = seg_workspace_new (schedule, pool, error)) == NULL)
    return FALSE;
  out = seg_schedule_get_output_shape (schedule);
  image.input = (const float *) (gconstpointer) g_mapped_file_get_contents (file);
  image.output_bytes = (gsize) (out->c * out->h * out->w) * sizeof (float);
  if ((image.output = seg_alloc (image.output_bytes, 1, "logits", error)) == NULL)
    return FALSE;
  good = peer_serve (workspace, &image, error);
  seg_free (image.output);
  return good;
}

int
main (int argc, char **argv)
{
  gboolean bands = FALSE;
  int threads = 1;
  const GOptionEntry entries[]
      = { { "bands", 0, 0, G_OPTION_ARG_NONE, &bands, "Run by bands, as segment does", NULL },
          { "threads", 0, 0, G_OPTION_ARG_INT, &threads, "Work in N threads", "N" },
          G_OPTION_ENTRY_NULL };
  g_autoptr (GOptionContext) context
      = g_option_context_new ("MODEL INPUT.f32 CHANNELS HEIGHT WIDTH");
  g_autoptr (GError) error = NULL;

  g_option_context_add_main_entries (context, entries, NULL);
  if (!g_option_context_parse (context, &argc, &argv, &error) || argc != 6)
    {
      fprintf (stderr, "segkit-peer: %s\n",
               error != NULL ? error->message : "five arguments are needed");
      return 2;
    }
  seg_registry_load_default (seg_registry_get_default (), NULL);
  if (!peer_open (argv + 1, bands, (guint) MAX (threads, 1), &error))
    {
      fprintf (stderr, "segkit-peer: %s\n", error->message);
      return 1;
    }
  return 0;
}
