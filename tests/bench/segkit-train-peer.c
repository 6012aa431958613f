/* segkit training, as one of the programs that bench.py compares; the lines they exchange are told
 * there.
 *
 * usage: segkit-train-peer [--threads N] MODEL INPUT.f32 TARGETS.u16 BATCH CHANNELS HEIGHT WIDTH
 *
 * INPUT holds a batch of images, planar float32, TARGETS the class of each pixel. A run is a step:
 * forward, cross-entropy, backward, Adam. */
#include <stdio.h>

#include <segkit/segkit.h>

#define PEER_RATE 1e-3

typedef struct
{
  SegTrainer *trainer;
  SegBatch batch;
  SegTrainerStep last;
  double multiply_adds;
} PeerTraining;

static gboolean
peer_step (PeerTraining *self, GError **error)
{
  gint64 start = g_get_monotonic_time ();

  if (!seg_trainer_step (self->trainer, &self->batch, &self->last, error))
    return FALSE;
  printf ("%.6f\n", (double) (g_get_monotonic_time () - start) / G_USEC_PER_SEC);
  return TRUE;
}

/* Does what standard input says, line by line, until it ends. */
static gboolean
peer_serve (PeerTraining *self, GError **error)
{
  char line[64];

  printf ("ready segkit " SEGKIT_VERSION " %s\n", seg_kernels_get ()->level);
  fflush (stdout);
  while (fgets (line, sizeof line, stdin) != NULL)
    {
      g_strchomp (line);
      if (g_str_equal (line, "run"))
        {
          if (!peer_step (self, error))
            return FALSE;
        }
      else if (g_str_equal (line, "multiply-adds"))
        printf ("%.0f\n", self->multiply_adds);
      else if (g_str_equal (line, "loss"))
        printf ("%.9g\n", self->last.loss);
      fflush (stdout);
    }
  return TRUE;
}

/* Those of a step: forward, and as many again for the gradients of inputs, and of weights. */
static double
peer_count (SegModel *model, const SegBatch *b, GError **error)
{
  g_autoptr (SegPlan) plan
      = seg_plan_new (seg_model_get_graph (model), seg_model_get_parameters (model),
                      SEG_PURPOSE_TRAINING, NULL, NULL, error);
  g_autoptr (SegSchedule) schedule
      = plan != NULL ? seg_schedule_new_region (plan, b->n, b->h, b->w, NULL, error) : NULL;
  double n = 0;

  for (guint i = 0; schedule != NULL && i < seg_plan_get_n_steps (plan); i++)
    n += seg_schedule_get_multiply_adds (schedule, i);
  return 3. * n;
}

static GMappedFile *
peer_map (const char *path, gsize bytes, GError **error)
{
  GMappedFile *file = g_mapped_file_new (path, FALSE, error);

  if (file == NULL || g_mapped_file_get_length (file) == bytes)
    return file;
  g_set_error (error, SEG_ERROR, SEG_ERROR_SHAPE,
               "%s: %" G_GSIZE_FORMAT " bytes, but the sizes given make %" G_GSIZE_FORMAT, path,
               g_mapped_file_get_length (file), bytes);
  g_mapped_file_unref (file);
  return NULL;
}

static gboolean
peer_open (char **args, guint n_threads, GError **error)
{
  SegRegistry *registry = seg_registry_get_default ();
  PeerTraining self = { .batch = { .n = g_ascii_strtoll (args[3], NULL, 10),
                                   .c = g_ascii_strtoll (args[4], NULL, 10),
                                   .h = g_ascii_strtoll (args[5], NULL, 10),
                                   .w = g_ascii_strtoll (args[6], NULL, 10) } };
  SegBatch *b = &self.batch;
  g_autoptr (SegPool) pool = seg_pool_new (n_threads);
  g_autoptr (SegModel) model = seg_model_load (args[0], error);
  g_autoptr (SegLoss) loss = NULL;
  g_autoptr (SegOptimizer) optimizer = NULL;
  g_autoptr (SegTrainer) trainer = NULL;
  g_autoptr (GMappedFile) images = NULL, targets = NULL;
  gsize n_pixels = (gsize) (b->n * b->h * b->w);
  SegTrainerOptions options = { .rate = PEER_RATE };

  if (model == NULL
      || (images = peer_map (args[1], n_pixels * (gsize) b->c * sizeof (float), error)) == NULL
      || (targets = peer_map (args[2], n_pixels * sizeof (guint16), error)) == NULL
      || (loss = seg_registry_create (registry, "cross-entropy", SEG_TYPE_LOSS, error, NULL)) == NULL
      || (optimizer = seg_registry_create (registry, "adam", SEG_TYPE_OPTIMIZER, error, NULL))
             == NULL)
    return FALSE;
  b->images = (const float *) (gconstpointer) g_mapped_file_get_contents (images);
  b->targets = (const guint16 *) (gconstpointer) g_mapped_file_get_contents (targets);
  options.loss = loss;
  options.optimizer = optimizer;
  self.multiply_adds = peer_count (model, b, error);
  if (self.multiply_adds == 0
      || (trainer = seg_trainer_new (model, &options, pool, b->n, b->h, b->w, error)) == NULL)
    return FALSE;
  self.trainer = trainer;
  return peer_serve (&self, error);
}

int
main (int argc, char **argv)
{
  int threads = 1;
  const GOptionEntry entries[]
      = { { "threads", 0, 0, G_OPTION_ARG_INT, &threads, "Work in N threads", "N" },
          G_OPTION_ENTRY_NULL };
  g_autoptr (GOptionContext) context
      = g_option_context_new ("MODEL INPUT.f32 TARGETS.u16 BATCH CHANNELS HEIGHT WIDTH");
  g_autoptr (GError) error = NULL;

  g_option_context_add_main_entries (context, entries, NULL);
  if (!g_option_context_parse (context, &argc, &argv, &error) || argc != 8)
    {
      fprintf (stderr, "segkit-train-peer: %s\n",
               error != NULL ? error->message : "seven arguments are needed");
      return 2;
    }
  seg_registry_load_default (seg_registry_get_default (), NULL);
  if (!peer_open (argv + 1, (guint) MAX (threads, 1), &error))
    {
      fprintf (stderr, "segkit-train-peer: %s\n", error->message);
      return 1;
    }
  return 0;
}
