/* A report for programs. */
#include <jansson.h>

#include "path.h"
#include "report.h"

static json_t *
seg_report_json_numbers (const float *numbers, guint n)
{
  json_t *list = json_array ();

  for (guint i = 0; i < n; i++)
    json_array_append_new (list, json_real ((double) numbers[i]));
  return list;
}

/* A whole number as such, if it is one that a program can read exactly. */
static json_t *
seg_report_json_count (double n)
{
  return n < 9007199254740992. ? json_integer ((json_int_t) n) : json_real (n);
}

static json_t *
seg_report_json_strings (char **strings)
{
  json_t *list = json_array ();

  for (char **string = strings; *string != NULL; string++)
    json_array_append_new (list, json_string (*string));
  return list;
}

/* null: the whole image. */
static json_t *
seg_report_json_halo (const SegHalo *halo)
{
  return halo->whole ? json_null ()
                     : json_pack ("{s:I, s:I, s:I, s:I}", "left", (json_int_t) halo->left, "top",
                                  (json_int_t) halo->top, "right", (json_int_t) halo->right,
                                  "bottom", (json_int_t) halo->bottom);
}

static json_t *
seg_report_json_classes (SegModel *model)
{
  json_t *list = json_array ();

  for (guint i = 0; i < seg_model_get_n_classes (model); i++)
    {
      const SegClass *class = seg_model_get_class (model, i);
      g_autofree char *color =
          g_strdup_printf ("#%02x%02x%02x", class->red, class->green, class->blue);

      json_array_append_new (list, json_pack ("{s:s, s:s}", "name", class->name, "color", color));
    }
  return list;
}

static json_t *
seg_report_json_layer (const SegReportLayer *layer)
{
  const SegShape *shape = &layer->map.shape;
  json_t *object = json_pack (
      "{s:s, s:s, s:s?, s:o, s:o, s:[I, I, I], s:I, s:o, s:o}", "name", layer->name, "feature",
      layer->feature, "kernel", layer->kernel, "taken",
      seg_report_json_strings (layer->taken_names), "taken_features",
      seg_report_json_strings (layer->taken), "shape", (json_int_t) shape->c, (json_int_t) shape->h,
      (json_int_t) shape->w, "parameters", (json_int_t) layer->parameters, "multiply_adds",
      seg_report_json_count (layer->multiply_adds), "halo", seg_report_json_halo (&layer->halo));

  json_object_set_new (object, "tile_halo", seg_report_json_halo (&layer->tile_halo));
  json_object_set_new (object, "packed_bytes",
                       json_integer ((json_int_t) layer->info.packed_bytes));
  json_object_set_new (object, "map_bytes", json_integer ((json_int_t) layer->map.bytes));
  json_object_set_new (object, "ring_rows", json_integer ((json_int_t) layer->ring.n_rows));
  json_object_set_new (object, "ring_bytes", json_integer ((json_int_t) layer->ring.bytes));
  return object;
}

static json_t *
seg_report_json_totals (const SegReport *self)
{
  return json_pack (
      "{s:I, s:I, s:I, s:I, s:o, s:o, s:o, s:f, s:I, s:I}", "parameters",
      (json_int_t) self->n_trained, "statistics", (json_int_t) self->n_statistics,
      "parameter_bytes", (json_int_t) self->parameter_bytes, "packed_bytes",
      (json_int_t) self->packed_bytes, "multiply_adds", seg_report_json_count (self->multiply_adds),
      "halo", seg_report_json_halo (&self->halo), "tile_halo",
      seg_report_json_halo (&self->tile_halo), "ring_bytes_per_column", self->ring_bytes,
      "memory_whole", (json_int_t) seg_report_get_memory (self, FALSE), "memory_bands",
      (json_int_t) seg_report_get_memory (self, TRUE));
}

/**
 * seg_report_json: (skip)
 * @self: a report
 * @out: where to
 *
 * Appends all of it as one JSON object. Sizes are in bytes, shapes channels, rows and columns.
 */
void
seg_report_json (const SegReport *self, GString *out)
{
  g_autofree char *path =
      seg_path_escape (self->path); /* JSON is UTF-8, file names may be anything */
  guint n = seg_model_get_n_channels (self->model);
  json_t *layers = json_array (), *object;
  char *text;

  for (guint i = 0; i < self->layers->len; i++)
    json_array_append_new (
        layers, seg_report_json_layer (&g_array_index (self->layers, SegReportLayer, i)));
  object = json_pack (
      "{s:s, s:i, s:o, s:o, s:o, s:s, s:I, s:I, s:I, s:i, s:s, s:o, s:o}", "model", path,
      "channels", (int) n, "mean", seg_report_json_numbers (seg_model_get_mean (self->model), n),
      "std", seg_report_json_numbers (seg_model_get_std (self->model), n), "classes",
      seg_report_json_classes (self->model), "recipe", seg_model_get_recipe (self->model), "width",
      (json_int_t) self->width, "height", (json_int_t) self->height, "band_rows",
      (json_int_t) self->band_rows, "threads", (int) self->n_threads, "level",
      seg_plan_get_kernels (self->plan)->level, "layers", layers, "totals",
      seg_report_json_totals (self));
  text = json_dumps (object, JSON_INDENT (2) | JSON_REAL_PRECISION (9));
  g_string_append_printf (out, "%s\n", text);
  free (text);
  json_decref (object);
}
