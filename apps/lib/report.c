/* Finds out what a model is and takes, without running it: no map is given memory. */
#include "report.h"

static void
seg_report_clear_layer (gpointer data)
{
  SegReportLayer *layer = data;

  /* the strings themselves are the graph's and the registry's */
  g_free (layer->taken);
  g_free (layer->taken_names);
}

void
seg_report_free (SegReport *self)
{
  g_clear_pointer (&self->layers, g_array_unref);
  g_clear_object (&self->plan);
  g_free (self->shapes);
  g_clear_object (&self->model);
  g_free (self->path);
  g_free (self);
}

/* ---- names ----------------------------------------------------------------------------- */

static gint64
seg_report_count (SegParameters *parameters, guint i)
{
  guint rank;
  const gint64 *dims = seg_parameters_get_shape (parameters, i, &rank);
  gint64 n = 1;

  for (guint d = 0; d < rank; d++)
    n *= dims[d];
  return n;
}

static gboolean
seg_report_is_trained (SegParameters *parameters, guint i)
{
  SegRole role = seg_parameters_get_role (parameters, i);

  return role != SEG_ROLE_STATE && role != SEG_ROLE_COUNTER;
}

/* Of a node of the graph, the numbers that training changes. */
static gint64
seg_report_count_node (SegParameters *parameters, guint node)
{
  guint n, first = seg_parameters_get_first (parameters, node, &n);
  gint64 total = 0;

  for (guint i = first; i < first + n; i++)
    if (seg_report_is_trained (parameters, i))
      total += seg_report_count (parameters, i);
  return total;
}

static void
seg_report_name_layer (SegReport *self, SegReportLayer *layer)
{
  SegGraph *graph = seg_model_get_graph (self->model);
  SegParameters *parameters = seg_model_get_parameters (self->model);
  const SegStepInfo *info = &layer->info;

  layer->name = seg_graph_get_node_name (graph, info->nodes[0]);
  layer->feature = seg_type_get_feature (G_OBJECT_TYPE (info->layer));
  layer->taken = g_new0 (char *, info->n_nodes);
  layer->taken_names = g_new0 (char *, info->n_nodes);
  for (guint i = 0; i < info->n_nodes; i++)
    layer->parameters += seg_report_count_node (parameters, info->nodes[i]);
  for (guint i = 1; i < info->n_nodes; i++)
    {
      SegLayer *taken = seg_graph_get_node_layer (graph, info->nodes[i]);

      layer->taken[i - 1] = (char *) seg_type_get_feature (G_OBJECT_TYPE (taken));
      layer->taken_names[i - 1] = (char *) seg_graph_get_node_name (graph, info->nodes[i]);
    }
}

/* ---- numbers --------------------------------------------------------------------------- */

static void
seg_report_add_parameters (SegReport *self)
{
  SegParameters *parameters = seg_model_get_parameters (self->model);

  for (guint i = 0; i < seg_parameters_get_n (parameters); i++)
    {
      gint64 n = seg_report_count (parameters, i);

      self->parameter_bytes +=
          n * (gint64) seg_dtype_get_size (seg_parameters_get_dtype (parameters, i));
      if (seg_report_is_trained (parameters, i))
        self->n_trained += n;
      else if (seg_parameters_get_role (parameters, i) == SEG_ROLE_STATE)
        self->n_statistics += n;
    }
}

static gboolean
seg_report_add_layers (SegReport *self, GError **error)
{
  guint n_values;
  g_autofree SegHalo *halos =
      seg_plan_dup_halos (self->plan, SEG_HALO_ARITHMETIC, &n_values, error);
  g_autofree SegHalo *tile_halos = NULL;
  g_autoptr (SegSchedule) whole = NULL, bands = NULL;

  if (halos == NULL
      || (tile_halos = seg_plan_dup_halos (self->plan, SEG_HALO_COMPILED, &n_values, error)) == NULL
      || (whole = seg_schedule_new_region (self->plan, 1, self->height, self->width, NULL, error))
             == NULL
      || (bands = seg_schedule_new_bands (self->plan, self->height, self->width, self->band_rows,
                                          error))
             == NULL)
    return FALSE;

  self->shapes = g_new (SegShape, n_values);
  for (guint v = 1; v < n_values; v++)
    {
      SegMapInfo map;

      seg_schedule_describe_map (whole, v, &map);
      self->shapes[v] = map.shape;
    }
  for (guint i = 0; i < seg_plan_get_n_steps (self->plan); i++)
    {
      SegReportLayer layer = { 0 };

      seg_plan_describe_step (self->plan, i, &layer.info);
      seg_report_name_layer (self, &layer);
      layer.multiply_adds = seg_schedule_get_multiply_adds (whole, i);
      layer.halo = halos[layer.info.output];
      layer.tile_halo = tile_halos[layer.info.output];
      seg_schedule_describe_map (whole, layer.info.output, &layer.map);
      seg_schedule_describe_map (bands, layer.info.output, &layer.ring);
      if (layer.map.bytes > 0)
        layer.kernel = layer.info.kernel;
      g_array_append_val (self->layers, layer);
      self->multiply_adds += layer.multiply_adds;
    }
  self->halo = halos[seg_plan_get_output (self->plan)];
  self->tile_halo = tile_halos[seg_plan_get_output (self->plan)];
  self->packed_bytes = seg_plan_get_packed_bytes (self->plan);
  self->whole_bytes = seg_schedule_get_workspace_bytes (whole, self->n_threads);
  self->bands_bytes = seg_schedule_get_workspace_bytes (bands, self->n_threads);
  self->ring_bytes = (double) seg_schedule_get_arena_bytes (bands) / (double) self->width;
  return TRUE;
}

/**
 * seg_report_new: (skip)
 * @path: where the model comes from
 * @model: a model
 * @width: of an image
 * @height: of an image
 * @band_rows: rows of a band; 0: as many as are best
 * @n_threads: that run it
 * @error: return location
 *
 * Compiles the model and lays it out for an image of that size.
 * Errors: those of seg_plan_new() and seg_schedule_new_bands().
 *
 * Returns: (transfer full): what was found, or %NULL with @error set
 */
SegReport *
seg_report_new (const char *path, SegModel *model, gint64 width, gint64 height, gint64 band_rows,
                guint n_threads, GError **error)
{
  g_autoptr (SegReport) self = g_new0 (SegReport, 1);

  self->path = g_strdup (path);
  self->model = g_object_ref (model);
  self->width = width;
  self->height = height;
  self->n_threads = n_threads;
  self->layers = g_array_new (FALSE, TRUE, sizeof (SegReportLayer));
  g_array_set_clear_func (self->layers, seg_report_clear_layer);
  self->plan = seg_plan_new (seg_model_get_graph (model), seg_model_get_parameters (model),
                             SEG_PURPOSE_INFERENCE, NULL, NULL, error);
  if (self->plan != NULL)
    self->band_rows = band_rows > 0 ? band_rows
                                    : seg_schedule_choose_band_rows (self->plan, height, width);
  if (self->plan == NULL || !seg_report_add_layers (self, error))
    {
      g_prefix_error (error, "%s: ", path);
      return NULL;
    }
  seg_report_add_parameters (self);
  return g_steal_pointer (&self);
}

/**
 * seg_report_get_memory:
 * @self: a report
 * @bands: by bands, or whole
 *
 * Returns: bytes that the network takes while it runs: its parameters, packed weights and maps.
 *   The program itself and the image's decoder come on top
 */
gsize
seg_report_get_memory (const SegReport *self, gboolean bands)
{
  return (gsize) self->parameter_bytes + self->packed_bytes
         + (bands ? self->bands_bytes : self->whole_bytes);
}
