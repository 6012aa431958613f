#include <math.h>
#include <stdio.h>

#include <segkit/error.h>
#include <segkit/memory.h>
#include <segkit/pool.h>

#include "memory-budget.h"
#include "model-hash.h"
#include "path.h"
#include "run.h"
#include "session.h"
#include "units.h"
#include "verify.h"
#include "warning.h"

/* libvips and libc take some while they work: buffers of a decoder, stacks, what malloc keeps. */
#define SEG_SESSION_SPARE_BYTES (16u << 20)

/* For each pixel of a tile: about where what is computed again is nearly all. */
#define SEG_SESSION_MANY_PIXELS 64

struct _SegSession
{
  SegSessionOptions options;
  char *path; /* of the model */
  SegModelHash *hash;
  SegModel *model;
  SegPlan *plan;
  SegPool *pool;
  SegWorkspaceCache *cache;
  SegClassifier *classifier;
  SegProfile *profile; /* NULL: nobody wants to know */
  gboolean warned_of_tile;
  gsize limit; /* bytes that the process may take */
  gsize base;  /* the least that it had beside the memory of an image */
};

/* For --verbose. */
static void seg_session_tell (SegSession *self, const char *what, const char *format, ...)
    G_GNUC_PRINTF (3, 4);

static void
seg_session_tell (SegSession *self, const char *what, const char *format, ...)
{
  g_autofree char *text = NULL, *escaped = NULL;
  va_list args;

  if (!self->options.verbose)
    return;
  va_start (args, format);
  text = g_strdup_vprintf (format, args);
  va_end (args);
  escaped = seg_path_escape (text);
  fprintf (stderr, "%-8s %s\n", what, escaped);
}

static gboolean
seg_session_load (SegSession *self, GError **error)
{
  const SegSessionOptions *options = &self->options;

  self->path = options->model != NULL ? seg_model_find (options->model, error)
                                      : seg_model_find_default (error);
  if (self->path == NULL)
    return FALSE;
  self->model = seg_model_load (self->path, error);
  if (self->model == NULL)
    return FALSE;
  self->hash = seg_model_hash_new (self->path);
  self->plan = seg_plan_new_taking (seg_model_get_graph (self->model),
                                    seg_model_get_parameters (self->model), seg_kernels_get (),
                                    NULL, error);
  if (self->plan != NULL)
    {
      self->pool = seg_pool_new (options->n_threads);
      self->cache = seg_workspace_cache_new (self->plan, self->pool);
      self->classifier = seg_classifier_new (self->model, error);
    }
  if (self->classifier == NULL)
    {
      g_prefix_error (error, "%s: ", self->path);
      return FALSE;
    }
  return TRUE;
}

/**
 * seg_session_new:
 * @options: what to do
 * @error: return location
 *
 * Loads the model and compiles it.
 * Errors: those of the model; `G_OPTION_ERROR` for a class that it has not.
 */
SegSession *
seg_session_new (const SegSessionOptions *options, GError **error)
{
  g_autoptr (SegSession) self = g_new0 (SegSession, 1);

  self->options = *options;
  self->base = G_MAXSIZE;
  self->limit = options->max_memory > 0 ? options->max_memory : seg_memory_budget_get_default ();
  if (!seg_session_load (self, error)
      || (options->classes != NULL
          && !seg_classifier_choose (self->classifier, options->classes, error))
      || (options->profile
          && (self->profile = seg_profile_new (seg_model_get_graph (self->model), self->plan,
                                               options->n_threads, self->limit / 4, error))
                 == NULL))
    return NULL;
  if (!isnan (options->threshold))
    seg_classifier_set_threshold (self->classifier, options->threshold);
  seg_session_tell (self, "model:", "%s", self->path);
  seg_session_tell (self, "kernels:", "%s, threads: %u", seg_plan_get_kernels (self->plan)->level,
                    options->n_threads);
  return g_steal_pointer (&self);
}

/**
 * seg_session_free:
 * @self: a session
 */
void
seg_session_free (SegSession *self)
{
  g_clear_pointer (&self->hash, seg_model_hash_free);
  g_clear_pointer (&self->classifier, seg_classifier_free);
  g_clear_pointer (&self->cache, seg_workspace_cache_free);
  g_clear_pointer (&self->pool, seg_pool_free);
  g_clear_pointer (&self->profile, seg_profile_free);
  g_clear_object (&self->plan);
  g_clear_object (&self->model);
  g_free (self->path);
  g_free (self);
}

SegClassifier *
seg_session_get_classifier (SegSession *self)
{
  return self->classifier;
}

const char *
seg_session_get_model_path (SegSession *self)
{
  return self->path;
}

/**
 * seg_session_get_model_hash:
 * @self: a session
 * @error: return location
 *
 * Errors: `G_IO_ERROR`.
 *
 * Returns: (transfer none): the model's SHA-256, see model-hash.c
 */
const char *
seg_session_get_model_hash (SegSession *self, GError **error)
{
  return seg_model_hash_get (self->hash, error);
}

static SegOutputs *
seg_session_new_outputs (SegSession *self, const SegJob *job, GError **error)
{
  g_autoptr (SegOutputs) outputs = seg_outputs_new (job->outputs, self->model, self->classifier,
                                                    self->options.probability_bits, error);

  for (guint i = 0; outputs != NULL && i < SEG_N_OUTPUTS; i++)
    {
      const char *file = seg_outputs_get_file (outputs, i);

      if (file != NULL && !seg_path_check_not_over (file, self->path, error))
        return NULL;
    }
  return g_steal_pointer (&outputs);
}

/**
 * seg_session_check:
 * @self: a session
 * @job: one of the images
 * @statistics: (nullable): the file that is made of all images
 * @error: return location
 *
 * Whether what is wanted can be made at all: it is the same for all images, and said once.
 * Errors: `SEG_ERROR_PARAM`, `SEG_ERROR_UNSUPPORTED`, `G_OPTION_ERROR`.
 */
gboolean
seg_session_check (SegSession *self, const SegJob *job, const char *statistics, GError **error)
{
  g_autoptr (SegOutputs) outputs = seg_session_new_outputs (self, job, error);

  return outputs != NULL
         && (statistics == NULL || seg_path_check_not_over (statistics, self->path, error));
}

/* What is wrong with the folders is said before any work. */
static gboolean
seg_session_open_outputs (SegOutputs *outputs, GError **error)
{
  for (guint i = 0; i < SEG_N_OUTPUTS; i++)
    if (!seg_path_make_parent (seg_outputs_get_file (outputs, i), error))
      return FALSE;
  return seg_outputs_open (outputs, error);
}

/* Who asks for small tiles may not know that each is computed from all that it depends on. */
static void
seg_session_warn_of_tile (SegSession *self, const SegWay *way)
{
  gint64 pixels = way->tile * way->tile;

  if (self->options.tile == 0 || self->warned_of_tile
      || way->tile_pixels < SEG_SESSION_MANY_PIXELS * pixels)
    return;
  self->warned_of_tile = TRUE;
  seg_warning_print ("a tile of %" G_GINT64_FORMAT " × %" G_GINT64_FORMAT
                     " is computed from %.0f times as many pixels: larger ones%s are quicker",
                     way->tile, way->tile, (double) way->tile_pixels / (double) pixels,
                     self->options.tta == SEG_TTA_NONE ? ", or bands," : "");
}

static SegSource *
seg_session_open_files (SegSession *self, const SegJob *job, gboolean random, GError **error)
{
  if (job->problem == NULL)
    return seg_source_new ((const char *const *) job->files, self->model, random, error);
  g_propagate_error (error, g_error_copy (job->problem));
  return NULL;
}

/* Bands or tiles, as memory allows; tiles need an image that can be read in any order. */
static SegSource *
seg_session_open_source (SegSession *self, const SegJob *job, SegOutputs *outputs, SegWay *way,
                         GError **error)
{
  const SegSessionOptions *options = &self->options;
  gboolean by_tiles = options->tile > 0 || options->tta != SEG_TTA_NONE;
  g_autoptr (SegSource) source = seg_session_open_files (self, job, by_tiles, error);
  SegWayRequest request = {
    .plan = self->plan,
    .n_channels = seg_model_get_n_channels (self->model),
    .n_threads = options->n_threads,
    .tile = options->tile,
    .band_rows = options->band_rows,
    .limit_bytes = self->limit,
    .tta = options->tta,
  };
  gsize kept, resident, base;

  if (source == NULL)
    return NULL;
  request.width = seg_source_get_width (source);
  request.height = seg_source_get_height (source);
  /* once in libvips' region, and once where its decoder wrote it */
  request.fetched_bytes = 2 * seg_source_get_pixel_bytes (source);
  request.in_order_bytes = seg_source_get_held_bytes (source, FALSE);
  request.any_order_bytes = seg_source_get_held_bytes (source, TRUE);
  request.waiting_bytes = seg_outputs_want_image (outputs) ? 2 * 3 : 0;
  request.strip_bytes
      = 1 + (seg_outputs_want_probabilities (outputs)
                 ? seg_classifier_get_n_classes (self->classifier) * sizeof (float)
                 : 0);
  /* the image can have again what the last one of its size ran in */
  kept = seg_workspace_cache_keep_only (self->cache, request.height, request.width, 0);
  resident = seg_memory_budget_get_resident ();
  base = resident - MIN (kept, resident);
  self->base = MIN (self->base, base);
  /* what the images before have left is in the spare, as far as that goes */
  request.base_bytes = MAX (self->base + SEG_SESSION_SPARE_BYTES, base)
                       + seg_outputs_predict_bytes (outputs, request.width, request.height);
  if (!seg_way_choose (&request, way, error))
    {
      g_prefix_error (error, "%s: ", job->image);
      return NULL;
    }
  seg_session_warn_of_tile (self, way);
  seg_workspace_cache_keep_only (self->cache, request.height, request.width,
                                 way->tile > 0 ? -1 : MIN (way->band_rows, request.height));
  if (way->tile > 0 && !by_tiles)
    {
      g_clear_pointer (&source, seg_source_free);
      source = seg_session_open_files (self, job, TRUE, error);
    }
  return g_steal_pointer (&source);
}

static void
seg_session_tell_way (SegSession *self, SegSource *source, const SegWay *way)
{
  g_autofree char *image = seg_source_dup_summary (source);
  g_autofree char *how = seg_way_to_string (way);
  g_autofree char *all = seg_units_bytes ((double) way->bytes);
  g_autofree char *limit = self->limit < G_MAXSIZE
                               ? seg_units_bytes ((double) self->limit)
                               : g_strdup ("any");
  g_autofree char *weights = seg_units_bytes (
      (double) (seg_memory_get_used () - seg_workspace_cache_get_bytes (self->cache)));
  g_autofree char *maps = seg_units_bytes ((double) way->workspace_bytes);

  seg_session_tell (self, "image:", "%s: %s", seg_source_get_name (source), image);
  seg_session_tell (self, "way:", "%s", how);
  if (self->options.tta != SEG_TTA_NONE)
    seg_session_tell (self, "tta:", "%s: the mean of %u orientations",
                      seg_tta_get_name (self->options.tta),
                      seg_tta_get_n_orientations (self->options.tta));
  seg_session_tell (self, "memory:", "%s at most, of %s: %s of weights, %s of maps", all, limit,
                    weights, maps);
}

static char *
seg_session_dup_stamp (SegSession *self, GError **error)
{
  const char *sha256 = seg_session_get_model_hash (self, error);
  g_autofree char *base = g_path_get_basename (self->path);
  g_autofree char *name = seg_path_escape (base);
  GString *stamp;

  if (sha256 == NULL)
    return NULL;
  stamp = g_string_new (NULL);
  g_string_append_printf (stamp, "segkit %s; model %s, sha256 %s; classes", SEGKIT_VERSION, name,
                          sha256);
  for (guint i = 0; i < seg_classifier_get_n_classes (self->classifier); i++)
    g_string_append_printf (stamp, "%s %u %s", i > 0 ? "," : "",
                            seg_classifier_get_label (self->classifier, i),
                            seg_classifier_get_class (self->classifier, i)->name);
  if (self->options.tta != SEG_TTA_NONE)
    g_string_append_printf (stamp, "; tta %s", seg_tta_get_name (self->options.tta));
  return g_string_free (stamp, FALSE);
}

static void
seg_session_tell_result (SegSession *self, SegSource *source, const SegRunResult *result)
{
  double pixels = (double) seg_source_get_width (source) * (double) seg_source_get_height (source);

  seg_session_tell (self, "done:", "%.2f s, %.2f MPix/s, %.4g multiply-adds, %.1f G/s",
                    result->seconds, pixels / result->seconds / 1e6,
                    result->multiply_adds, result->multiply_adds / result->seconds / 1e9);
}

/**
 * seg_session_run:
 * @self: a session
 * @job: an image, and what to make of it
 * @number: which of all images it is, from 1
 * @n_images: how many there are
 * @statistics: (nullable): gets the image's
 * @cancellable: stops it
 * @error: return location
 *
 * Errors: see seg_run_image(); `G_OPTION_ERROR` where an output would be written over an input;
 * `SEG_ERROR_MEMORY` where it would take more than is allowed.
 */
gboolean
seg_session_run (SegSession *self, const SegJob *job, guint number, guint n_images,
                 SegStatistics *statistics, GCancellable *cancellable, GError **error)
{
  g_autoptr (SegOutputs) outputs = seg_session_new_outputs (self, job, error);
  g_autoptr (SegSource) source = NULL;
  g_autoptr (SegProgress) progress = NULL;
  g_autofree char *stamp = NULL;
  SegRunRequest request = {
    .cache = self->cache,
    .classifier = self->classifier,
    .outputs = outputs,
    .profile = self->profile,
    .tta = self->options.tta,
  };
  SegRunResult result;

  /* of an image that cannot be opened there is not even a folder */
  if (outputs == NULL
      || (source = seg_session_open_source (self, job, outputs, &request.way, error)) == NULL
      || !seg_session_open_outputs (outputs, error)
      || (stamp = seg_session_dup_stamp (self, error)) == NULL)
    return FALSE;
  seg_session_tell_way (self, source, &request.way);
  progress = seg_progress_new (self->options.progress, job->image, number, n_images,
                               seg_source_get_width (source), seg_source_get_height (source));
  request.source = source;
  request.stamp = stamp;
  request.progress = progress;
  if (!seg_run_image (&request, &result, cancellable, error))
    return FALSE;
  g_clear_pointer (&progress, seg_progress_free);
  if (self->profile != NULL)
    seg_profile_add_seconds (self->profile, result.seconds);
  seg_session_tell_result (self, source, &result);
  if (statistics != NULL)
    seg_statistics_add_image (statistics, job->image, seg_source_get_width (source),
                              seg_source_get_height (source), result.counts);
  return TRUE;
}

/**
 * seg_session_print_profile:
 * @self: a session with a profile
 *
 * Tells on stderr what the steps of all images took.
 */
void
seg_session_print_profile (SegSession *self)
{
  g_autoptr (GString) text = g_string_new (NULL);

  seg_profile_print (self->profile, text);
  fputs (text->str, stderr);
}

/**
 * seg_session_verify:
 * @self: a session
 * @job: an image; its outputs are not made
 * @cancellable: stops it
 * @error: return location
 *
 * Prints whether every way of running gives the same; see verify.c.
 * Errors: `SEG_APP_ERROR_DIFFERENT`, those of reading.
 */
gboolean
seg_session_verify (SegSession *self, const SegJob *job, GCancellable *cancellable, GError **error)
{
  g_autoptr (SegSource) source = seg_session_open_files (self, job, TRUE, error);

  return source != NULL
         && seg_verify (self->plan, source, self->options.n_threads, cancellable, error);
}
