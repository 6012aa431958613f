/* A report as a drawing for Graphviz: a box for each step, in frames by the dotted names, darker
 * where maps are coarser. A dotted line hands over a size and no pixels. */
#include <math.h>
#include <string.h>

#include "path.h"
#include "report.h"
#include "units.h"

/* Of a map of the image's size, half of it, and so on. */
static const char *const seg_report_shades[] = { "#f7fbff", "#e3eef9", "#cfe1f2", "#b5d4e9",
                                                 "#93c3df", "#6daed5", "#4b97c9", "#2f7ebc" };

/* Inside quotes, on one line. */
static char *
seg_report_quote (const char *text)
{
  g_autofree char *shown = seg_path_escape (text);
  g_auto (GStrv) slashes = g_strsplit (shown, "\\", -1);
  g_autofree char *escaped = g_strjoinv ("\\\\", slashes);
  g_auto (GStrv) quotes = g_strsplit (escaped, "\"", -1);

  return g_strjoinv ("\\\"", quotes);
}

static const SegReportLayer *
seg_report_get_layer (const SegReport *self, guint i)
{
  return &g_array_index (self->layers, SegReportLayer, i);
}

static const char *
seg_report_get_shade (const SegReport *self, const SegShape *shape)
{
  double level = round (log2 ((double) self->width / (double) shape->w));

  return seg_report_shades[(guint) CLAMP (level, 0, G_N_ELEMENTS (seg_report_shades) - 1)];
}

/* @name: what of the layer's path the frames around it do not say. */
static void
seg_report_graph_layer (const SegReport *self, guint i, const char *name, guint depth, GString *out)
{
  const SegReportLayer *layer = seg_report_get_layer (self, i);
  const SegShape *shape = &layer->map.shape;
  g_autofree char *quoted = seg_report_quote (name);
  g_autofree char *numbers = seg_units_count ((double) layer->parameters);

  g_string_append_printf (out, "%*sn%u [label=\"%s", (int) (2 * depth + 2), "", i, quoted);
  if (!g_str_equal (name, layer->feature) || *layer->taken != NULL)
    g_string_append_printf (out, "\\n%s", layer->feature);
  for (char **taken = layer->taken; *taken != NULL; taken++)
    g_string_append_printf (out, " + %s", *taken);
  g_string_append_printf (out, "\\n%" G_GINT64_FORMAT " × %" G_GINT64_FORMAT "×%" G_GINT64_FORMAT,
                          shape->c, shape->w, shape->h);
  if (layer->parameters > 0)
    g_string_append_printf (out, ", %s params", numbers);
  g_string_append_printf (out, "\", fillcolor=\"%s\"%s];\n", seg_report_get_shade (self, shape),
                          layer->kernel == NULL ? ", style=\"rounded,filled,dashed\"" : "");
}

/* Bytes that all names from @first to @last begin with, up to and with a dot. */
static gsize
seg_report_get_common (const SegReport *self, guint first, guint last)
{
  const char *name = seg_report_get_layer (self, first)->name;
  gsize common = 0;

  for (gsize n = 0; name[n] != '\0'; n++)
    {
      for (guint i = first + 1; i <= last; i++)
        if (seg_report_get_layer (self, i)->name[n] != name[n])
          return common;
      if (name[n] == '.')
        common = n + 1;
    }
  return common;
}

/* The layers from @first to @last, whose names all begin with the @skip bytes that the frames
 * around them say. Those that follow each other and have the next part in common get a frame:
 * around others, it would pull apart what belongs together. */
static void
seg_report_graph_frame (const SegReport *self, guint first, guint last, gsize skip, guint depth,
                        GString *out)
{
  int indent = (int) (2 * depth + 2);

  for (guint i = first, end; i <= last; i = end + 1)
    {
      const char *name = seg_report_get_layer (self, i)->name;
      gsize common;
      g_autofree char *part = NULL, *label = NULL;

      for (end = i; end < last && seg_report_get_common (self, i, end + 1) > skip; end++)
        ;
      if (end == i)
        {
          seg_report_graph_layer (self, i, name + skip, depth, out);
          continue;
        }
      common = seg_report_get_common (self, i, end);
      part = g_strndup (name + skip, common - skip - 1);
      label = seg_report_quote (part);
      g_string_append_printf (out, "%*ssubgraph cluster_%u_%u {\n%*slabel=\"%s\";\n", indent, "",
                              depth, i, indent + 2, "", label);
      seg_report_graph_frame (self, i, end, common, depth + 1, out);
      g_string_append_printf (out, "%*s}\n", indent, "");
    }
}

/* Whether the layer asks for the size of its input and for nothing in it. */
static gboolean
seg_report_is_size_only (const SegReport *self, const SegReportLayer *layer, guint input)
{
  const SegStepInfo *info = &layer->info;
  g_autofree SegShape *in = g_new (SegShape, info->n_layer_inputs);
  SegRect out = { 0, 0, layer->map.shape.w, layer->map.shape.h }, need;

  if (input >= info->n_layer_inputs)
    return FALSE;
  for (guint i = 0; i < info->n_layer_inputs; i++)
    in[i] = self->shapes[info->inputs[i]];
  seg_layer_required (info->layer, in, info->n_layer_inputs, &out, input, &need);
  return seg_rect_is_empty (&need);
}

static void
seg_report_graph_edges (const SegReport *self, GString *out)
{
  g_autoptr (GHashTable) makers = g_hash_table_new (NULL, NULL); /* value → layer and 1 */

  for (guint i = 0; i < self->layers->len; i++)
    g_hash_table_insert (makers, GUINT_TO_POINTER (seg_report_get_layer (self, i)->info.output),
                         GUINT_TO_POINTER (i + 1));
  for (guint i = 0; i < self->layers->len; i++)
    {
      const SegReportLayer *layer = seg_report_get_layer (self, i);
      const SegStepInfo *info = &layer->info;

      for (guint j = 0; j < info->n_inputs; j++)
        {
          guint maker =
              GPOINTER_TO_UINT (g_hash_table_lookup (makers, GUINT_TO_POINTER (info->inputs[j])));
          g_autofree char *from =
              maker > 0 ? g_strdup_printf ("n%u", maker - 1) : g_strdup ("image");
          const char *style = j >= info->n_layer_inputs ? " [label=\"+\"]"
                              : seg_report_is_size_only (self, layer, j)
                                  ? " [style=dotted, color=\"#888888\", constraint=false]"
                                  : "";

          g_string_append_printf (out, "  %s -> n%u%s;\n", from, i, style);
        }
      if (info->output == seg_plan_get_output (self->plan))
        g_string_append_printf (out, "  n%u -> logits;\n", i);
    }
}

/**
 * seg_report_graph: (skip)
 * @self: a report
 * @out: where to
 *
 * Appends a graph in Graphviz's language, for `dot`.
 */
void
seg_report_graph (const SegReport *self, GString *out)
{
  g_autofree char *path = g_path_get_basename (self->path), *name = seg_report_quote (path);

  g_string_append_printf (out, "digraph \"%s\" {\n", name);
  g_string_append (
      out, "  graph [fontname=\"Helvetica\", fontsize=11, color=\"#999999\", labeljust=l, "
           "ranksep=0.3];\n"
           "  node [fontname=\"Helvetica\", fontsize=10, shape=box, style=\"rounded,filled\","
           " margin=\"0.12,0.05\"];\n"
           "  edge [fontname=\"Helvetica\", fontsize=10, arrowsize=0.6];\n");
  g_string_append_printf (
      out,
      "  image [shape=oval, fillcolor=white, label=\"image\\n%u × %" G_GINT64_FORMAT
      "×%" G_GINT64_FORMAT "\"];\n",
      seg_model_get_n_channels (self->model), self->width, self->height);
  if (self->layers->len > 0)
    seg_report_graph_frame (self, 0, self->layers->len - 1, 0, 0, out);
  g_string_append (out, "  logits [shape=oval, fillcolor=white];\n");
  seg_report_graph_edges (self, out);
  g_string_append (out, "}\n");
}
