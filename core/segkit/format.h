#pragma once

#include <segkit/model.h>

G_BEGIN_DECLS

#define SEG_TYPE_FORMAT (seg_format_get_type ())
G_DECLARE_DERIVABLE_TYPE (SegFormat, seg_format, SEG, FORMAT, GObject)

/**
 * SegFormatClass:
 * @probe: whether the folder @path looks like one of this format: quick, and may be wrong. What
 *   then turns out to be broken or impossible is read()'s to say
 * @read: all parameters by the names that segkit gives them, and in the metadata
 *   %SEG_FORMAT_RECIPE the recipe of their network; or %NULL with @error set. Executes nothing.
 *   seg_safetensors_open() is enough: the caller loads. It also checks that the parameters
 *   are those of the network, and their values
 * @write: writes @model as the folder @path, which may be there already, or says what of it the
 *   format cannot express; %NULL: this format is only read
 *
 * How another program keeps its models: a folder of files.
 */
struct _SegFormatClass
{
  GObjectClass parent_class;

  /*< private >*/
  const char *title, *source;

  /*< public >*/
  gboolean (*probe) (SegFormat *self, const char *path);
  SegSafetensors *(*read) (SegFormat *self, const char *path, GError **error);
  gboolean (*write) (SegFormat *self, SegModel *model, const char *path, GError **error);

  /*< private >*/
  gpointer reserved[8];
};

/* The metadata that holds a model's recipe, in files of segkit's own, too. */
#define SEG_FORMAT_RECIPE "segkit.recipe"

void        seg_format_class_set_info (SegFormatClass *klass, const char *title, const char *source);
const char *seg_format_get_title      (SegFormat *self);
const char *seg_format_get_source     (SegFormat *self);

gboolean        seg_format_probe (SegFormat *self, const char *path);
SegSafetensors *seg_format_read  (SegFormat *self, const char *path, GError **error);
gboolean        seg_format_write (SegFormat *self, SegModel *model, const char *path, GError **error);

G_END_DECLS
