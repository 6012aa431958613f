/* A report for a terminal. */
#include <string.h>

#include "path.h"
#include "report.h"
#include "table.h"
#include "units.h"

/* ---- the model ------------------------------------------------------------------------- */

static char *
seg_report_join_numbers (const float *numbers, guint n)
{
  GString *text = g_string_new (NULL);

  for (guint i = 0; i < n; i++)
    g_string_append_printf (text, "%s%g", i > 0 ? "; " : "", (double) numbers[i]);
  return g_string_free (text, FALSE);
}

static void
seg_report_print_input (SegModel *model, GString *out)
{
  guint n = seg_model_get_n_channels (model);
  g_autofree char *mean = seg_report_join_numbers (seg_model_get_mean (model), n);
  g_autofree char *std = seg_report_join_numbers (seg_model_get_std (model), n);

  g_string_append_printf (out, "input     %u channel%s, pixels 0…1: (pixel − mean) / std\n", n,
                          seg_units_plural (n));
  g_string_append_printf (out, "          mean %s\n          std %s\n", mean, std);
}

static void
seg_report_print_classes (SegModel *model, GString *out)
{
  for (guint i = 0; i < seg_model_get_n_classes (model); i++)
    {
      const SegClass *class = seg_model_get_class (model, i);
      g_autofree char *name = seg_path_escape (class->name);

      g_string_append_printf (out, "%-8s  %3u  #%02x%02x%02x  %s\n", i == 0 ? "classes" : "", i,
                              class->red, class->green, class->blue, name);
    }
}

/* The recipe's blocks, a line each: what it is and how it is set. */
static void
seg_report_print_blocks (SegModel *model, GString *out)
{
  const char *text = seg_model_get_recipe (model);
  g_autoptr (GKeyFile) recipe = seg_recipe_parse (text, strlen (text), NULL);
  g_auto (GStrv) groups = g_key_file_get_groups (recipe, NULL);
  g_autoptr (SegTable) table = seg_table_new ("lll");

  for (char **group = groups; *group != NULL; group++)
    {
      g_auto (GStrv) keys = g_key_file_get_keys (recipe, *group, NULL, NULL);
      g_autofree char *type = g_key_file_get_value (recipe, *group, "type", NULL);
      g_autoptr (GString) settings = g_string_new (NULL);
      g_autofree char *shown = NULL;

      if (type == NULL)
        continue;
      for (char **key = keys; *key != NULL; key++)
        {
          g_autofree char *value = g_key_file_get_value (recipe, *group, *key, NULL);
          if (strcmp (*key, "type") != 0)
            g_string_append_printf (settings, "%s%s=%s", settings->len > 0 ? " " : "", *key, value);
        }
      shown = seg_path_escape (settings->str);
      seg_table_add (table, *group, type, shown, NULL);
    }
  seg_table_print (table, 0, out);
}

/* ---- layers ---------------------------------------------------------------------------- */

/* "94/94", or each side for itself where the axes differ. */
static char *
seg_report_dup_halo (const SegHalo *halo)
{
  if (halo->whole)
    return g_strdup ("all");
  if (halo->left == halo->top && halo->right == halo->bottom)
    return g_strdup_printf ("%" G_GINT64_FORMAT "/%" G_GINT64_FORMAT, halo->left, halo->right);
  return g_strdup_printf ("%" G_GINT64_FORMAT "/%" G_GINT64_FORMAT " %" G_GINT64_FORMAT
                          "/%" G_GINT64_FORMAT,
                          halo->left, halo->right, halo->top, halo->bottom);
}

/* The number and the letter of its prefix, such as "4.00M"; nothing for 0. */
static char *
seg_report_dup_cell (double n, char *(*format) (double) )
{
  g_autofree char *text = format (n);
  char *space = strchr (text, ' ');

  if (n <= 0)
    return g_strdup ("");
  if (space == NULL || space[1] == 'B')
    return g_strndup (text, space != NULL ? (gsize) (space - text) : strlen (text));
  return g_strdup_printf ("%.*s%c", (int) (space - text), text, space[1]);
}

/* What the network has there, on any machine. */
static void
seg_report_add_layer (const SegReportLayer *layer, SegTable *table)
{
  const SegShape *shape = &layer->map.shape;
  g_autofree char *name = seg_path_escape (layer->name);
  g_autofree char *gives =
      g_strdup_printf ("%" G_GINT64_FORMAT " × %" G_GINT64_FORMAT "×%" G_GINT64_FORMAT, shape->c,
                       shape->w, shape->h);
  g_autofree char *parameters = seg_report_dup_cell ((double) layer->parameters, seg_units_count);
  g_autofree char *multiply_adds = seg_report_dup_cell (layer->multiply_adds, seg_units_count);
  g_autofree char *halo = seg_report_dup_halo (&layer->halo);
  g_autofree char *taken = g_strjoinv ("+", layer->taken);
  g_autofree char *layers = g_strconcat (layer->feature, *taken != '\0' ? "+" : "", taken, NULL);

  seg_table_add (table, name, gives, parameters, multiply_adds, halo, layers, NULL);
}

/* How it is run here. */
static void
seg_report_add_step (const SegReport *self, const SegReportLayer *layer, SegTable *table)
{
  double ring = (double) layer->ring.bytes / (double) self->width;
  g_autofree char *name = seg_path_escape (layer->name);
  g_autofree char *packed =
      seg_report_dup_cell ((double) layer->info.packed_bytes, seg_units_bytes);
  g_autofree char *tile = seg_report_dup_halo (&layer->tile_halo);
  g_autofree char *map_bytes = seg_report_dup_cell ((double) layer->map.bytes, seg_units_bytes);
  g_autofree char *rows = layer->kernel != NULL
                              ? g_strdup_printf ("%" G_GINT64_FORMAT, layer->ring.n_rows)
                              : g_strdup ("");
  g_autofree char *ring_bytes = seg_report_dup_cell (ring, seg_units_bytes);

  seg_table_add (table, name, packed, tile, map_bytes, rows, ring_bytes,
                 layer->kernel != NULL ? layer->kernel : "alias", NULL);
}

/* Two tables that fit a terminal rather than one that does not. */
static void
seg_report_print_layers (const SegReport *self, GString *out)
{
  g_autoptr (SegTable) layers = seg_table_new ("lrrrrl"), steps = seg_table_new ("lrrrrrl");

  seg_table_add (layers, "step", "gives", "params", "mul-adds", "halo", "layers", NULL);
  seg_table_add (steps, "step", "packed", "tile", "map", "rows", "ring", "kernel", NULL);
  for (guint i = 0; i < self->layers->len; i++)
    {
      const SegReportLayer *layer = &g_array_index (self->layers, SegReportLayer, i);

      seg_report_add_layer (layer, layers);
      seg_report_add_step (self, layer, steps);
    }
  g_string_append_printf (out,
                          "%" G_GINT64_FORMAT " × %" G_GINT64_FORMAT " pixels, step by step:\n\n",
                          self->width, self->height);
  seg_table_print (layers, 0, out);
  g_string_append_printf (out,
                          "\nhow they run, at once and by bands of %" G_GINT64_FORMAT " row%s:\n\n",
                          self->band_rows, seg_units_plural ((guint64) self->band_rows));
  seg_table_print (steps, 0, out);
}

/* ---- totals ---------------------------------------------------------------------------- */

static void
seg_report_print_halo (const char *name, const SegHalo *halo, GString *out)
{
  if (halo->whole)
    g_string_append_printf (out, "%-14s  the whole image: there are statistics of whole maps\n",
                            name);
  else
    g_string_append_printf (out,
                            "%-14s  %" G_GINT64_FORMAT " pixel%s left, %" G_GINT64_FORMAT
                            " right, %" G_GINT64_FORMAT " above, %" G_GINT64_FORMAT " below\n",
                            name, halo->left, seg_units_plural ((guint64) halo->left), halo->right,
                            halo->top, halo->bottom);
}

static void
seg_report_print_memory (const SegReport *self, gboolean bands, GString *out)
{
  g_autofree char *total = seg_units_bytes ((double) seg_report_get_memory (self, bands));
  g_autofree char *maps =
      seg_units_bytes ((double) (bands ? self->bands_bytes : self->whole_bytes));
  g_autofree char *way =
      bands ? g_strdup_printf ("bands of %" G_GINT64_FORMAT, self->band_rows) : g_strdup ("whole");

  g_string_append_printf (out, "%-14s  %s: maps %s, and all weights\n", way, total, maps);
}

static void
seg_report_print_totals (const SegReport *self, GString *out)
{
  double n_pixels = (double) self->width * (double) self->height;
  g_autofree char *trained = seg_units_count ((double) self->n_trained);
  g_autofree char *statistics = seg_units_count ((double) self->n_statistics);
  g_autofree char *bytes = seg_units_bytes ((double) self->parameter_bytes);
  g_autofree char *packed = seg_units_bytes ((double) self->packed_bytes);
  g_autofree char *multiply_adds = seg_units_count (self->multiply_adds);
  g_autofree char *for_pixel = seg_units_count (self->multiply_adds / n_pixels);
  g_autofree char *ring = seg_units_bytes (self->ring_bytes);
  const SegKernels *kernels = seg_plan_get_kernels (self->plan);

  g_string_append_printf (out,
                          "parameters      %s (%" G_GINT64_FORMAT "), and %s of statistics: %s\n",
                          trained, self->n_trained, statistics, bytes);
  g_string_append_printf (out, "packed weights  %s, for %s\n", packed, kernels->level);
  g_string_append_printf (out, "multiply-adds   %s, %s for each pixel\n", multiply_adds, for_pixel);
  seg_report_print_halo ("halo", &self->halo, out);
  seg_report_print_halo ("tile", &self->tile_halo, out);
  g_string_append_printf (out, "rings           %s for each column of the image\n", ring);
  g_string_append_printf (out, "\nmemory for the network with %u thread%s:\n", self->n_threads,
                          seg_units_plural (self->n_threads));
  seg_report_print_memory (self, FALSE, out);
  seg_report_print_memory (self, TRUE, out);
}

/**
 * seg_report_print: (skip)
 * @self: a report
 * @verbose: whether to tell of each rewrite
 * @out: where to
 *
 * Appends what a person wants to know.
 */
void
seg_report_print (const SegReport *self, gboolean verbose, GString *out)
{
  g_autofree char *path = seg_path_escape (self->path);

  g_string_append_printf (out, "%s\n\n", path);
  seg_report_print_input (self->model, out);
  seg_report_print_classes (self->model, out);
  g_string_append_c (out, '\n');
  seg_report_print_blocks (self->model, out);
  g_string_append_c (out, '\n');
  seg_report_print_layers (self, out);
  g_string_append_c (out, '\n');
  seg_report_print_totals (self, out);
  if (verbose)
    g_string_append_printf (out, "\npasses:\n%s", seg_plan_get_report (self->plan));
}
