/* The three networks of the tests, filled as tests/oracle/fill.py fills them, and all ways of
 * running them. */
#pragma once

#include <math.h>

#include <segkit/random.h>
#include <segkit/segkit.h>

#define NETWORK_SEED 1

static inline SegModel *
network_new (const char *name, int channels)
{
  g_autofree char *encoder
      = g_str_equal (name, "classic")
            ? g_strdup_printf ("type=unet-encoder\nchannels=%d\ndepth=4", channels)
            : g_strdup_printf ("type=resnet-encoder\ndepth=%s", name + strlen ("resnet"));
  g_autofree char *recipe = g_strdup_printf (
      "[segkit]\nformat=1\n[input]\nchannels=3\n[classes]\nnames=a;b\n"
      "[model]\ntype=unet\nclasses=2\nhead-kernel-size=%d\n"
      "[model.encoder]\n%s\n[model.decoder]\ntype=%s\n",
      g_str_equal (name, "classic") ? 1 : 3, encoder,
      g_str_equal (name, "classic") ? "unet-decoder" : "unet-smp-decoder");
  g_autoptr (GError) error = NULL;
  SegModel *model = seg_model_new_from_recipe (recipe, NETWORK_SEED, &error);

  g_assert_no_error (error);
  return model;
}

/* As fill.py's parameter(): u in [0, 1) becomes a plausible value for its role. */
static inline float
network_parameter (const char *name, SegRole role, float scale, float u)
{
  if (g_str_has_suffix (name, ".running_var"))
    return 0.5f + u;
  if (g_str_has_suffix (name, ".running_mean"))
    return (u - 0.5f) * 0.4f;
  if (g_str_has_suffix (name, ".bias"))
    return (u - 0.5f) * 0.2f;
  if (role == SEG_ROLE_NORM)
    return 0.75f + 0.5f * u;
  return (2.f * u - 1.f) * scale;
}

static inline void
network_fill (SegParameters *parameters)
{
  for (guint i = 0; i < seg_parameters_get_n (parameters); i++)
    {
      const char *name = seg_parameters_get_name (parameters, i);
      SegTensor *tensor = seg_parameters_get_tensor (parameters, i, NULL);
      gsize n = seg_tensor_get_n_elements (tensor);
      float *data = tensor->data;
      double fan_in = 1;

      if (tensor->dtype != SEG_DTYPE_F32)
        continue;
      if (g_str_has_suffix (name, ".up.weight"))
        fan_in = (double) tensor->dims[0];
      else
        for (guint d = 1; d < tensor->rank; d++)
          fan_in *= (double) tensor->dims[d];
      seg_random_uniform (NETWORK_SEED, seg_random_name_hash (name), 0, n, data);
      for (gsize j = 0; j < n; j++)
        data[j] = network_parameter (name, seg_parameters_get_role (parameters, i),
                                     (float) sqrt (6.0 / fan_in), data[j]);
    }
}

typedef struct
{
  gint64 channels, height, width;
  float *pixels;
} NetworkMap;

static inline NetworkMap
network_map_new (gint64 channels, gint64 height, gint64 width)
{
  return (NetworkMap){ channels, height, width,
                       g_new0 (float, (gsize) (channels * height * width)) };
}

static inline NetworkMap
network_image_new (gint64 height, gint64 width)
{
  NetworkMap map = network_map_new (3, height, width);
  gsize n = (gsize) (3 * height * width);

  seg_random_uniform (NETWORK_SEED, seg_random_name_hash ("input"), 0, n, map.pixels);
  for (gsize i = 0; i < n; i++)
    map.pixels[i] = 2.f * map.pixels[i] - 1.f;
  return map;
}

static inline float *
network_map_at (const NetworkMap *map, gint64 c, gint64 y, gint64 x)
{
  return map->pixels + (c * map->height + y) * map->width + x;
}

typedef struct
{
  const NetworkMap *in;
  NetworkMap *out;
} NetworkJob;

static inline gboolean
network_read (const SegView *view, gpointer user_data, GError **error)
{
  const NetworkJob *job = user_data;
  const SegRect *r = &view->valid;

  (void) error;
  for (guint c = 0; c < view->n_blocks; c++)
    for (gint64 y = r->y; y < r->y + r->h; y++)
      memcpy (seg_view_at (view, c, 0, y, r->x), network_map_at (job->in, c, y, r->x),
              (gsize) r->w * sizeof (float));
  return TRUE;
}

static inline gboolean
network_write (const SegView *view, gpointer user_data, GError **error)
{
  NetworkJob *job = user_data;
  const SegRect *r = &view->valid;

  (void) error;
  g_assert_cmpint (view->shape.c, ==, job->out->channels);
  g_assert_cmpint (view->shape.h, ==, job->out->height);
  g_assert_cmpint (view->shape.w, ==, job->out->width);
  for (guint c = 0; c < view->n_blocks; c++)
    for (gint64 y = r->y; y < r->y + r->h; y++)
      memcpy (network_map_at (job->out, c, y, r->x), seg_view_at (view, c, 0, y, r->x),
              (gsize) r->w * sizeof (float));
  return TRUE;
}

/* Runs one schedule, and gives its multiply-adds. */
static inline double
network_run_schedule (SegSchedule *schedule, guint n_threads, const NetworkMap *in, NetworkMap *out)
{
  g_autoptr (SegPool) pool = seg_pool_new (n_threads);
  g_autoptr (GError) error = NULL;
  g_autoptr (SegWorkspace) workspace = seg_workspace_new (schedule, pool, &error);
  NetworkJob job = { in, out };

  g_assert_no_error (error);
  seg_workspace_run (workspace, network_read, network_write, &job, NULL, &error);
  g_assert_no_error (error);
  return seg_workspace_get_multiply_adds (workspace);
}

/* tile and bands 0: whole. */
static inline NetworkMap
network_run (SegPlan *plan, const NetworkMap *in, gint64 n_classes, gint64 tile, gint64 bands,
             guint n_threads, double *multiply_adds)
{
  NetworkMap out = network_map_new (n_classes, in->height, in->width);
  gint64 step_y = tile > 0 ? tile : in->height, step_x = tile > 0 ? tile : in->width;
  double total = 0;
  g_autoptr (GError) error = NULL;

  if (bands > 0)
    {
      g_autoptr (SegSchedule) schedule
          = seg_schedule_new_bands (plan, in->height, in->width, bands, &error);

      g_assert_no_error (error);
      total = network_run_schedule (schedule, n_threads, in, &out);
    }
  else
    for (gint64 y = 0; y < in->height; y += step_y)
      for (gint64 x = 0; x < in->width; x += step_x)
        {
          SegRect rect = { x, y, MIN (step_x, in->width - x), MIN (step_y, in->height - y) };
          g_autoptr (SegSchedule) schedule
              = seg_schedule_new_region (plan, 1, in->height, in->width, &rect, &error);

          g_assert_no_error (error);
          total += network_run_schedule (schedule, n_threads, in, &out);
        }
  if (multiply_adds != NULL)
    *multiply_adds = total;
  return out;
}
