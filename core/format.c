#include "error-private.h"
#include "model-private.h"
#include "property-private.h"

#include <segkit/error.h>
#include <segkit/format.h>

/**
 * SegFormat:
 *
 * A way that another program keeps its models in, read and perhaps written by a plugin. Reading
 * translates names and hyper-parameters; it never runs anything that a folder brings along.
 */
G_DEFINE_ABSTRACT_TYPE (SegFormat, seg_format, G_TYPE_OBJECT)

static void
seg_format_dispose (GObject *object)
{
  _seg_properties_dispose (object);
  G_OBJECT_CLASS (seg_format_parent_class)->dispose (object);
}

static void
seg_format_class_init (SegFormatClass *klass)
{
  G_OBJECT_CLASS (klass)->dispose = seg_format_dispose;
}

static void
seg_format_init (SegFormat *self)
{
  (void) self;
}

/**
 * seg_format_class_set_info:
 * @klass: the class
 * @title: a few words
 * @source: whose format, and where it is described
 */
void
seg_format_class_set_info (SegFormatClass *klass, const char *title, const char *source)
{
  klass->title = title;
  klass->source = source;
}

const char *
seg_format_get_title (SegFormat *self)
{
  return SEG_FORMAT_GET_CLASS (self)->title;
}

const char *
seg_format_get_source (SegFormat *self)
{
  return SEG_FORMAT_GET_CLASS (self)->source;
}

/**
 * seg_format_probe:
 * @self: a format
 * @path: a folder
 *
 * Returns: whether it looks like one of this format
 */
gboolean
seg_format_probe (SegFormat *self, const char *path)
{
  return SEG_FORMAT_GET_CLASS (self)->probe (self, path);
}

/* Names, shapes and texts, of which seg_safetensors_open() is enough: seg_model_load() holds them
 * against the network's before it takes memory for values. */
SegSafetensors *
_seg_format_open (SegFormat *self, const char *path, GError **error)
{
  SegSafetensors *file = SEG_FORMAT_GET_CLASS (self)->read (self, path, error);

  if (file == NULL)
    _seg_error_complete (error, self, "read");
  return file;
}

/**
 * seg_format_read:
 * @self: a format
 * @path: a folder
 * @error: return location
 *
 * Reads the recipe of a network and its parameters. seg_model_load() is what makes a model of them,
 * and holds the two against each other.
 * Errors: `SEG_ERROR_FORMAT`; `SEG_ERROR_UNSUPPORTED` for what segkit cannot do, by name;
 * `SEG_ERROR_MEMORY`; %G_IO_ERROR, %G_FILE_ERROR.
 *
 * Returns: (transfer full): what a file of segkit's own would hold, or %NULL with @error set
 */
SegSafetensors *
seg_format_read (SegFormat *self, const char *path, GError **error)
{
  g_autoptr (SegSafetensors) file = _seg_format_open (self, path, error);

  return file != NULL && seg_safetensors_load (file, error) ? g_steal_pointer (&file) : NULL;
}

/**
 * seg_format_write:
 * @self: a format
 * @model: a model
 * @path: a folder, made if it is not there
 * @error: return location
 *
 * Writes a model; seg_model_export() is how applications ask for it.
 * Errors: `SEG_ERROR_UNSUPPORTED` for what the format cannot express, by name; %G_IO_ERROR.
 *
 * Returns: %FALSE with @error set
 */
gboolean
seg_format_write (SegFormat *self, SegModel *model, const char *path, GError **error)
{
  SegFormatClass *klass = SEG_FORMAT_GET_CLASS (self);

  if (klass->write == NULL)
    g_set_error_literal (error, SEG_ERROR, SEG_ERROR_UNSUPPORTED,
                         "models of this format can be read, but not written");
  else if (klass->write (self, model, path, error))
    return TRUE;
  else
    _seg_error_complete (error, self, "write");
  return FALSE;
}
