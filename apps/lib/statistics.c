#include <jansson.h>
#include <string.h>

#include <segkit/atomic-file.h>
#include <segkit/error.h>

#include "csv.h"
#include "path.h"
#include "statistics.h"

struct _SegStatistics
{
  SegAtomicFile *file;
  SegClassifier *classifier;
  gboolean as_json;
  json_t *images; /* what has been counted, in the order of the images */
};

/**
 * seg_statistics_new:
 * @path: a file that ends with .json or .csv
 * @classifier: (transfer none): has the classes; must outlive the statistics
 * @error: return location
 *
 * Makes a temporary file beside the final one.
 * Errors: `SEG_ERROR_PARAM`, `G_IO_ERROR`.
 */
SegStatistics *
seg_statistics_new (const char *path, SegClassifier *classifier, GError **error)
{
  g_autofree char *lower = g_ascii_strdown (path, -1);
  g_autoptr (SegStatistics) self = g_new0 (SegStatistics, 1);

  self->classifier = classifier;
  self->images = json_array ();
  self->as_json = g_str_has_suffix (lower, ".json");
  if (!self->as_json && !g_str_has_suffix (lower, ".csv"))
    {
      g_set_error (error, SEG_ERROR, SEG_ERROR_PARAM,
                   "%s: statistics are written as .json or .csv", path);
      return NULL;
    }
  self->file = seg_atomic_file_new (path, error);
  return self->file != NULL ? g_steal_pointer (&self) : NULL;
}

/**
 * seg_statistics_free:
 * @self: statistics; a file that was not committed vanishes
 */
void
seg_statistics_free (SegStatistics *self)
{
  g_clear_pointer (&self->file, seg_atomic_file_free);
  json_decref (self->images);
  g_free (self);
}

static json_t *
seg_statistics_pack_class (guint8 label, const char *name, gint64 pixels, gint64 all)
{
  return json_pack ("{s:i, s:s, s:I, s:f}", "label", (int) label, "name", name, "pixels",
                    (json_int_t) pixels, "fraction", (double) pixels / (double) all);
}

/**
 * seg_statistics_add_image:
 * @self: statistics
 * @image: its file
 * @width: columns
 * @height: rows
 * @counts: pixels of each label
 *
 * Only the classes that the classifier wants are listed, and label 0, which the others became.
 */
void
seg_statistics_add_image (SegStatistics *self, const char *image, gint64 width, gint64 height,
                          const gint64 counts[256])
{
  g_autofree char *shown = seg_path_escape (image); /* JSON is UTF-8, file names may be anything */
  json_t *classes = json_array ();

  if (seg_classifier_get_label (self->classifier, 0) != 0)
    json_array_append_new (classes, seg_statistics_pack_class (0, "background", counts[0],
                                                               width * height));
  for (guint i = 0; i < seg_classifier_get_n_classes (self->classifier); i++)
    {
      guint8 label = seg_classifier_get_label (self->classifier, i);

      json_array_append_new (classes, seg_statistics_pack_class (
                                          label, seg_classifier_get_class (self->classifier, i)->name,
                                          counts[label], width * height));
    }
  json_array_append_new (self->images, json_pack ("{s:s, s:I, s:I, s:o}", "image", shown, "width",
                                                  (json_int_t) width, "height",
                                                  (json_int_t) height, "classes", classes));
}

static char *
seg_statistics_dup_csv (SegStatistics *self)
{
  GString *csv = g_string_new ("image,width,height,label,name,pixels,fraction\n");
  json_t *image, *class;
  gsize i, j;

  json_array_foreach (self->images, i, image)
    json_array_foreach (json_object_get (image, "classes"), j, class)
      {
        char fraction[G_ASCII_DTOSTR_BUF_SIZE];
        const char *name;
        json_int_t width, height, label, pixels;
        double value;

        json_unpack (image, "{s:s, s:I, s:I}", "image", &name, "width", &width, "height", &height);
        seg_csv_append_field (csv, name);
        json_unpack (class, "{s:I, s:s, s:I, s:f}", "label", &label, "name", &name, "pixels",
                     &pixels, "fraction", &value);
        g_string_append_printf (csv, ",%" JSON_INTEGER_FORMAT ",%" JSON_INTEGER_FORMAT
                                     ",%" JSON_INTEGER_FORMAT ",", width, height, label);
        seg_csv_append_field (csv, name);
        g_string_append_printf (csv, ",%" JSON_INTEGER_FORMAT ",%s\n", pixels,
                                g_ascii_formatd (fraction, sizeof fraction, "%.9g", value));
      }
  return g_string_free (csv, FALSE);
}

static char *
seg_statistics_dup_json (SegStatistics *self, const char *model, const char *sha256)
{
  g_autofree char *shown = seg_path_escape (model);
  json_t *root = json_pack ("{s:s, s:s, s:s, s:O}", "segkit", SEGKIT_VERSION, "model", shown,
                            "model_sha256", sha256, "images", self->images);
  char *dumped = json_dumps (root, JSON_INDENT (2) | JSON_REAL_PRECISION (9));
  char *text = g_strconcat (dumped, "\n", NULL);

  free (dumped);
  json_decref (root);
  return text;
}

/**
 * seg_statistics_commit:
 * @self: statistics
 * @model: the model's file
 * @sha256: of the model
 * @error: return location
 *
 * Writes the file under its name.
 * Errors: `G_IO_ERROR`.
 */
gboolean
seg_statistics_commit (SegStatistics *self, const char *model, const char *sha256, GError **error)
{
  g_autofree char *text = self->as_json ? seg_statistics_dup_json (self, model, sha256)
                                        : seg_statistics_dup_csv (self);

  return seg_atomic_file_write (self->file, text, strlen (text), error)
         && seg_atomic_file_commit (self->file, error);
}
