#include <segkit/error.h>
#include <segkit/format.h>
#include <segkit/recipe.h>
#include <segkit/registry.h>

#include <gio/gio.h>
#include <math.h>
#include <string.h>

#include "model-private.h"
#include "text.h"

#define SEG_MODEL_MAX_CHANNELS 1024
#define SEG_MODEL_MAX_CLASSES 256 /* a label is a byte */
#define SEG_MODEL_MAX_PROBLEMS 20

struct _SegModel
{
  GObject parent_instance;
  char *recipe;
  SegGraph *graph;
  SegParameters *parameters;
  guint n_channels, n_classes;
  float *mean, *std;
  char **class_names;
  SegClass *classes;
};

G_DEFINE_FINAL_TYPE (SegModel, seg_model, G_TYPE_OBJECT)

static void
seg_model_finalize (GObject *object)
{
  SegModel *self = SEG_MODEL (object);

  g_free (self->recipe);
  g_clear_object (&self->graph);
  g_clear_object (&self->parameters);
  g_free (self->mean);
  g_free (self->std);
  g_strfreev (self->class_names);
  g_free (self->classes);
  G_OBJECT_CLASS (seg_model_parent_class)->finalize (object);
}

static void
seg_model_class_init (SegModelClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = seg_model_finalize;
}

static void
seg_model_init (SegModel *self)
{
  (void) self;
}

G_GNUC_PRINTF (3, 4)
static gboolean
seg_model_refuse (SegError code, GError **error, const char *format, ...)
{
  va_list args;

  va_start (args, format);
  g_autofree char *message = g_strdup_vprintf (format, args);
  va_end (args);
  g_set_error_literal (error, SEG_ERROR, (gint) code, message);
  return FALSE;
}

/* ---- what the numbers mean: [input] and [classes] -------------------------------------- */

/* The items of a key that is there, or NULL with @error set. */
static char **
seg_model_get_list (GKeyFile *recipe, const char *group, const char *key, gsize *n, GError **error)
{
  char **list = g_key_file_get_string_list (recipe, group, key, n, NULL);

  if (list == NULL)
    seg_model_refuse (SEG_ERROR_FORMAT, error, "[%s] %s: has a \\ that escapes nothing", group,
                      key);
  return list;
}

/* A number for each channel; all are @otherwise where there is no such key. */
static float *
seg_model_parse_numbers (GKeyFile *recipe, const char *key, guint n_channels, float otherwise,
                         gboolean positive, GError **error)
{
  g_autofree float *numbers = g_new (float, n_channels);
  g_auto (GStrv) items = NULL;
  gsize n;

  for (guint i = 0; i < n_channels; i++)
    numbers[i] = otherwise;
  if (!g_key_file_has_key (recipe, "input", key, NULL))
    return g_steal_pointer (&numbers);

  items = seg_model_get_list (recipe, "input", key, &n, error);
  if (items == NULL)
    return NULL;
  if (n != n_channels)
    {
      seg_model_refuse (SEG_ERROR_PARAM, error,
                        "[input] %s: %" G_GSIZE_FORMAT " numbers for %u channels", key, n,
                        n_channels);
      return NULL;
    }
  for (guint i = 0; i < n_channels; i++)
    {
      char *end;
      numbers[i] = (float) g_ascii_strtod (items[i], &end);
      if (end != items[i] && *end == '\0' && isfinite (numbers[i])
          && (!positive || numbers[i] > 0.f))
        continue;
      g_autofree char *shown = _seg_text_escape (items[i]);
      seg_model_refuse (SEG_ERROR_PARAM, error, "[input] %s: \"%s\" is not a %s number", key, shown,
                        positive ? "positive" : "finite");
      return NULL;
    }
  return g_steal_pointer (&numbers);
}

static gboolean
seg_model_parse_input (SegModel *self, GKeyFile *recipe, GError **error)
{
  g_autofree char *text = g_key_file_get_value (recipe, "input", "channels", NULL);
  guint64 n_channels;

  if (text == NULL)
    return seg_model_refuse (SEG_ERROR_FORMAT, error, "recipe has no [input] channels");
  if (!g_ascii_string_to_unsigned (text, 10, 1, SEG_MODEL_MAX_CHANNELS, &n_channels, NULL))
    {
      g_autofree char *shown = _seg_text_escape (text);
      return seg_model_refuse (SEG_ERROR_PARAM, error,
                               "[input] channels: \"%s\" is not a number from 1 to %d", shown,
                               SEG_MODEL_MAX_CHANNELS);
    }
  self->n_channels = (guint) n_channels;
  self->mean = seg_model_parse_numbers (recipe, "mean", self->n_channels, 0.f, FALSE, error);
  self->std = self->mean == NULL
                  ? NULL
                  : seg_model_parse_numbers (recipe, "std", self->n_channels, 1.f, TRUE, error);
  return self->std != NULL;
}

static gboolean
seg_model_parse_color (const char *text, SegClass *class)
{
  guint64 rgb;

  if (*text != '#' || strlen (text) != 7
      || !g_ascii_string_to_unsigned (text + 1, 16, 0, 0xffffff, &rgb, NULL))
    return FALSE;
  class->red = (guint8) (rgb >> 16);
  class->green = (guint8) (rgb >> 8);
  class->blue = (guint8) rgb;
  return TRUE;
}

/* Black is the background. Up to eight classes: the palette of Okabe and Ito (2008), which
 * colour-blind people can tell apart. Beyond, hues a golden angle apart: no two alike near each
 * other. */
static void
seg_model_pick_color (guint i, SegClass *class)
{
  static const char *const palette[] = { "#000000", "#e69f00", "#56b4e9", "#009e73",
                                         "#f0e442", "#0072b2", "#d55e00", "#cc79a7" };
  double hue = fmod (i * 0.61803398875, 1) * 6, lightness = 1 - 0.2 * (i % 3);
  guint8 *rgb[] = { &class->red, &class->green, &class->blue };

  if (i < G_N_ELEMENTS (palette))
    {
      seg_model_parse_color (palette[i], class);
      return;
    }
  for (guint c = 0; c < 3; c++)
    {
      double distance = fabs (fmod (hue + 6 - 2 * c, 6) - 3); /* from the opposite hue, 0…3 */
      *rgb[c] = (guint8) (255 * lightness * CLAMP (distance - 1, 0, 1));
    }
}

static gboolean
seg_model_parse_classes (SegModel *self, GKeyFile *recipe, GError **error)
{
  g_auto (GStrv) colors = NULL;
  gsize n, n_colors = 0;

  if (!g_key_file_has_key (recipe, "classes", "names", NULL))
    return seg_model_refuse (SEG_ERROR_FORMAT, error, "recipe has no [classes] names");
  self->class_names = seg_model_get_list (recipe, "classes", "names", &n, error);
  if (self->class_names == NULL)
    return FALSE;
  if (n < 2 || n > SEG_MODEL_MAX_CLASSES)
    return seg_model_refuse (SEG_ERROR_PARAM, error,
                             "[classes] names: 2 to %d are needed, not %" G_GSIZE_FORMAT,
                             SEG_MODEL_MAX_CLASSES, n);

  if (g_key_file_has_key (recipe, "classes", "colors", NULL))
    {
      colors = seg_model_get_list (recipe, "classes", "colors", &n_colors, error);
      if (colors == NULL)
        return FALSE;
      if (n_colors != n)
        return seg_model_refuse (SEG_ERROR_PARAM, error,
                                 "[classes] colors: %" G_GSIZE_FORMAT
                                 " colours for %" G_GSIZE_FORMAT " classes",
                                 n_colors, n);
    }

  self->n_classes = (guint) n;
  self->classes = g_new0 (SegClass, n);
  for (guint i = 0; i < n; i++)
    {
      const char *name = self->class_names[i];
      g_autofree char *shown = _seg_text_escape (name);

      if (!_seg_text_is_name (name))
        return seg_model_refuse (SEG_ERROR_PARAM, error,
                                 "[classes] names: \"%s\" cannot be the name of a class", shown);
      for (guint j = 0; j < i; j++)
        if (strcmp (name, self->class_names[j]) == 0)
          return seg_model_refuse (SEG_ERROR_PARAM, error, "[classes] names: \"%s\" occurs twice",
                                   shown);
      self->classes[i].name = name;

      if (colors == NULL)
        seg_model_pick_color (i, &self->classes[i]);
      else if (!seg_model_parse_color (colors[i], &self->classes[i]))
        {
          g_autofree char *color = _seg_text_escape (colors[i]);
          return seg_model_refuse (SEG_ERROR_PARAM, error,
                                   "[classes] colors: \"%s\" is not a colour like #e8306a", color);
        }
    }
  return TRUE;
}

/* ---- building ------------------------------------------------------------------------ */

/* The network: the model block's own scopes are the first parts of the names, since that is what
 * other programs call the parameters. */
SegGraph *
_seg_model_build_graph (SegBlock *block, guint n_channels, GError **error)
{
  g_autoptr (SegGraph) graph = seg_graph_new ();
  SegFeatures in = { .n = 1, .strides = { 1 } }, out;

  in.values[0] = seg_graph_add_input (graph, "input", n_channels);
  seg_block_build (block, graph, NULL, &in, &out);
  if (!seg_graph_failed (graph) && out.n != 1)
    {
      seg_model_refuse (SEG_ERROR_SHAPE, error, "the network gives %u maps, not one", out.n);
      return NULL;
    }
  if (!seg_graph_failed (graph) && out.strides[0] != 1)
    {
      seg_model_refuse (SEG_ERROR_SHAPE, error,
                        "the network gives a map of 1/%" G_GINT64_FORMAT " of the image's size",
                        out.strides[0]);
      return NULL;
    }
  seg_graph_set_output (graph, out.values[0]);
  return seg_graph_finish (graph, error) ? g_steal_pointer (&graph) : NULL;
}

static gboolean
seg_model_build_network (SegModel *self, GKeyFile *recipe, GError **error)
{
  g_autoptr (SegBlock) block = seg_recipe_build_block (recipe, "model", error);
  gint64 n_outputs;

  if (block == NULL)
    return FALSE;
  if (seg_block_get_kind (block) != SEG_BLOCK_MODEL)
    return seg_model_refuse (SEG_ERROR_PARAM, error,
                             "[model]: this type of block is a part of a network, not a whole one");
  if ((self->graph = _seg_model_build_graph (block, self->n_channels, error)) == NULL)
    return FALSE;

  n_outputs = seg_graph_get_channels (self->graph, seg_graph_get_output (self->graph));
  if (n_outputs != self->n_classes && !(n_outputs == 1 && self->n_classes == 2))
    return seg_model_refuse (SEG_ERROR_SHAPE, error,
                             "the network gives %" G_GINT64_FORMAT
                             " channels, but there are %u classes",
                             n_outputs, self->n_classes);
  return TRUE;
}

/* A value that an option could not have either is here the fault of a file. */
static void
seg_model_blame_recipe (GError **error)
{
  if (error != NULL && g_error_matches (*error, SEG_ERROR, SEG_ERROR_PARAM))
    (*error)->code = SEG_ERROR_FORMAT;
}

/* All but the values of parameters. */
static SegModel *
seg_model_build (const char *text, GError **error)
{
  g_autoptr (SegModel) self = g_object_new (SEG_TYPE_MODEL, NULL);
  g_autoptr (GKeyFile) recipe = seg_recipe_parse (text, strlen (text), error);

  self->recipe = g_strdup (text);
  if (recipe == NULL || !seg_model_parse_input (self, recipe, error)
      || !seg_model_parse_classes (self, recipe, error)
      || !seg_model_build_network (self, recipe, error))
    {
      seg_model_blame_recipe (error);
      return NULL;
    }
  self->parameters = seg_parameters_new (self->graph);
  return g_steal_pointer (&self);
}

/**
 * seg_model_new_from_recipe:
 * @recipe: text that seg_recipe_parse() reads
 * @seed: of the generator that parameters are drawn from
 * @error: return location
 *
 * Makes a model that is not trained.
 * Errors: `SEG_ERROR_FORMAT` for whatever the recipe has wrong; `SEG_ERROR_PLUGIN` for a block
 * that no plugin has; `SEG_ERROR_UNSUPPORTED`; `SEG_ERROR_SHAPE` if the network does not fit
 * together, or gives neither one channel for each class nor one for two;
 * `SEG_ERROR_MEMORY`.
 * Threads: any, once plugins are loaded.
 *
 * Returns: (transfer full): a new model, or %NULL with @error set
 */
SegModel *
seg_model_new_from_recipe (const char *recipe, guint64 seed, GError **error)
{
  g_return_val_if_fail (recipe != NULL, NULL);

  g_autoptr (SegModel) self = seg_model_build (recipe, error);
  if (self == NULL || !seg_parameters_initialise (self->parameters, seed, error))
    return NULL;
  return g_steal_pointer (&self);
}

/* ---- values from and to files -------------------------------------------------------- */

/* Whether the file's tensor can be parameter @i: otherwise notes why not. Counters of training
 * steps may be missing, as in files of other programs. */
static void
seg_model_compare_parameter (SegModel *self, guint i, SegSafetensors *file, GPtrArray *problems)
{
  const char *name = seg_parameters_get_name (self->parameters, i);
  SegTensor *tensor = seg_safetensors_lookup (file, name);
  SegTensor wanted = { .dtype = seg_parameters_get_dtype (self->parameters, i) };
  const gint64 *dims = seg_parameters_get_shape (self->parameters, i, &wanted.rank);

  memcpy (wanted.dims, dims, wanted.rank * sizeof *dims);
  g_autofree char *shape = seg_tensor_dup_shape (&wanted), *shown = _seg_text_escape (name);

  if (tensor == NULL)
    {
      if (seg_parameters_get_role (self->parameters, i) != SEG_ROLE_COUNTER)
        g_ptr_array_add (problems, g_strdup_printf ("\"%s\" %s is missing", shown, shape));
    }
  else if (tensor->rank != wanted.rank
           || memcmp (tensor->dims, wanted.dims, wanted.rank * sizeof *dims) != 0)
    {
      g_autofree char *other = seg_tensor_dup_shape (tensor);
      g_ptr_array_add (problems,
                       g_strdup_printf ("\"%s\" is %s instead of %s", shown, other, shape));
    }
  else if ((tensor->dtype == SEG_DTYPE_I64) != (wanted.dtype == SEG_DTYPE_I64))
    g_ptr_array_add (problems, g_strdup_printf ("\"%s\" is %s instead of %s", shown,
                                                seg_dtype_to_string (tensor->dtype),
                                                seg_dtype_to_string (wanted.dtype)));
}

/* Whether there are no @problems, texts; otherwise an error that lists the first of them. */
gboolean
_seg_model_refuse_problems (const char *what, GPtrArray *problems, GError **error)
{
  g_autoptr (GString) message = g_string_new (what);

  if (problems->len == 0)
    return TRUE;
  for (guint i = 0; i < MIN (problems->len, SEG_MODEL_MAX_PROBLEMS); i++)
    g_string_append_printf (message, "%s%s", i > 0 ? "; " : ": ", (char *) problems->pdata[i]);
  if (problems->len > SEG_MODEL_MAX_PROBLEMS)
    g_string_append_printf (message, "; and %u more", problems->len - SEG_MODEL_MAX_PROBLEMS);
  return seg_model_refuse (SEG_ERROR_FORMAT, error, "%s", message->str);
}

/* Holds the file against the network, before memory is taken for any parameter. */
static gboolean
seg_model_compare (SegModel *self, SegSafetensors *file, GError **error)
{
  g_autoptr (GPtrArray) problems = g_ptr_array_new_with_free_func (g_free);
  g_auto (GStrv) names = seg_safetensors_list (file);

  for (guint i = 0; i < seg_parameters_get_n (self->parameters); i++)
    seg_model_compare_parameter (self, i, file, problems);
  for (char **name = names; *name != NULL; name++)
    if (seg_parameters_find (self->parameters, *name) < 0)
      {
        g_autofree char *shown = _seg_text_escape (*name);
        g_ptr_array_add (problems, g_strdup_printf ("\"%s\" is in no layer", shown));
      }
  return _seg_model_refuse_problems ("the file does not fit its recipe", problems, error);
}

/* Values that no training should have led to, and that would silently make nonsense of every
 * result. */
gboolean
_seg_model_check_values (const char *name, const SegTensor *tensor, GError **error)
{
  gboolean variance = g_str_has_suffix (name, ".running_var");
  const float *values = tensor->data;
  gsize n = seg_tensor_get_n_elements (tensor);

  if (tensor->dtype != SEG_DTYPE_F32)
    return TRUE;
  for (gsize i = 0; i < n; i++)
    if (!isfinite (values[i]) || (variance && values[i] < 0.f))
      {
        g_autofree char *shown = _seg_text_escape (name);
        return seg_model_refuse (SEG_ERROR_NUMERIC, error,
                                 "tensor \"%s\" has %s at index %" G_GSIZE_FORMAT, shown,
                                 isnan (values[i])   ? "NaN"
                                 : isinf (values[i]) ? "an infinite value"
                                                     : "a negative variance",
                                 i);
      }
  return TRUE;
}

/* Takes the file's tensors over, without copying those that already are float32. */
static gboolean
seg_model_take_values (SegModel *self, SegSafetensors *file, GError **error)
{
  for (guint i = 0; i < seg_parameters_get_n (self->parameters); i++)
    {
      const char *name = seg_parameters_get_name (self->parameters, i);
      SegTensor *tensor = seg_safetensors_lookup (file, name);
      g_autoptr (SegTensor) converted = NULL;

      /* only a counter may be missing; taken now, since a loaded model is shared by threads */
      if (tensor == NULL)
        {
          if (seg_parameters_get_tensor (self->parameters, i, error) == NULL)
            return FALSE;
          continue;
        }
      converted = tensor->dtype == SEG_DTYPE_I64 ? seg_tensor_ref (tensor)
                                                 : seg_tensor_to_f32 (tensor, error);
      if (converted == NULL || !_seg_model_check_values (name, converted, error))
        return FALSE;
      seg_parameters_set_tensor (self->parameters, i, converted);
    }
  return TRUE;
}

/* Says which file or folder it was, unless the message already names it or a file in it. */
void
_seg_model_prefix_path (const char *path, GError **error)
{
  g_autofree char *shown = _seg_text_escape_path (path);
  gsize n_bytes = strlen (shown);

  if (error != NULL
      && !(g_str_has_prefix ((*error)->message, shown)
           && (g_str_has_suffix (shown, "/") || strchr (":/", (*error)->message[n_bytes]) != NULL)))
    g_prefix_error (error, "%s: ", shown);
}

/* A folder of another program, by the first format, in the order of names, that knows it. */
static SegSafetensors *
seg_model_read_folder (const char *path, GError **error)
{
  SegRegistry *registry = seg_registry_get_default ();
  g_auto (GStrv) names = seg_registry_list (registry, SEG_TYPE_FORMAT);
  g_autofree char *known = NULL;

  for (char **name = names; *name != NULL; name++)
    {
      g_autoptr (SegFormat) format =
          seg_registry_create (registry, *name, SEG_TYPE_FORMAT, error, NULL);
      SegSafetensors *file;

      if (format == NULL)
        return NULL;
      if (!seg_format_probe (format, path))
        continue;
      file = _seg_format_open (format, path, error);
      if (file == NULL)
        _seg_model_prefix_path (path, error);
      return file;
    }
  known = g_strjoinv (", ", names);
  seg_model_refuse (SEG_ERROR_UNSUPPORTED, error,
                    "a folder that holds no model in a format that is known (%s)",
                    *known != '\0' ? known : "no plugin has any");
  _seg_model_prefix_path (path, error);
  return NULL;
}

/**
 * seg_model_load:
 * @path: a safetensors file that carries its recipe, or a folder that another program keeps a
 *   model in and for which there is a #SegFormat
 * @error: return location
 *
 * Reads a model, all of it or nothing. Nothing in the file is executed, and its tensors are not
 * read, nor memory taken for them, before their names and shapes have been found to be exactly
 * those that the recipe's network has. Half-precision values become float32.
 * Errors: those of seg_safetensors_read(), of seg_format_read() for a folder and of
 * seg_model_new_from_recipe(); `SEG_ERROR_FORMAT` if there is no recipe, or parameters are
 * missing, left over or of another shape: the message lists up to 20; `SEG_ERROR_NUMERIC` for
 * values that are not finite and negative variances.
 * Threads: any, once plugins are loaded.
 *
 * Returns: (transfer full): a new model, or %NULL with @error set
 */
SegModel *
seg_model_load (const char *path, GError **error)
{
  g_return_val_if_fail (path != NULL, NULL);

  g_autoptr (SegSafetensors) file = g_file_test (path, G_FILE_TEST_IS_DIR)
                                        ? seg_model_read_folder (path, error)
                                        : seg_safetensors_open (path, error);
  g_autoptr (SegModel) self = NULL;
  const char *recipe;

  if (file == NULL)
    return NULL;
  recipe = seg_safetensors_get_metadata (file, SEG_FORMAT_RECIPE);
  if (recipe == NULL)
    seg_model_refuse (SEG_ERROR_FORMAT, error,
                      "does not say what network it is for: it has no metadata \"%s\"",
                      SEG_FORMAT_RECIPE);
  else
    self = seg_model_build (recipe, error);

  if (self != NULL && seg_model_compare (self, file, error) && seg_safetensors_load (file, error)
      && seg_model_take_values (self, file, error))
    return g_steal_pointer (&self);
  _seg_model_prefix_path (path, error);
  return NULL;
}

/**
 * seg_model_dup_tensors:
 * @self: a model
 * @error: return location
 *
 * Lists all parameters with their values, which are shared and not copied.
 * Errors: `SEG_ERROR_NUMERIC` for values that seg_model_load() would refuse, `SEG_ERROR_MEMORY`.
 *
 * Returns: (transfer full): the tensors by name, or %NULL with @error set
 */
SegSafetensors *
seg_model_dup_tensors (SegModel *self, GError **error)
{
  g_return_val_if_fail (SEG_IS_MODEL (self), NULL);

  g_autoptr (SegSafetensors) file = seg_safetensors_new ();

  for (guint i = 0; i < seg_parameters_get_n (self->parameters); i++)
    {
      const char *name = seg_parameters_get_name (self->parameters, i);
      SegTensor *tensor = seg_parameters_get_tensor (self->parameters, i, error);

      if (tensor == NULL || !_seg_model_check_values (name, tensor, error))
        return NULL;
      seg_safetensors_add (file, name, tensor);
    }
  return g_steal_pointer (&file);
}

/**
 * seg_model_save:
 * @self: a model
 * @path: a file, replaced if there is one
 * @error: return location
 *
 * Writes a model with its recipe: all of the file or nothing. What seg_model_load() would refuse
 * is not written, so that a model gone wrong never replaces a good one.
 * Errors: `SEG_ERROR_NUMERIC`, `SEG_ERROR_MEMORY`, %G_IO_ERROR.
 * Threads: any, while nobody writes to the parameters.
 *
 * Returns: %FALSE with @error set if there is no new file
 */
gboolean
seg_model_save (SegModel *self, const char *path, GError **error)
{
  g_return_val_if_fail (SEG_IS_MODEL (self), FALSE);
  g_return_val_if_fail (path != NULL, FALSE);

  g_autoptr (SegSafetensors) file = seg_model_dup_tensors (self, error);

  if (file == NULL)
    {
      g_autofree char *shown = _seg_text_escape_path (path);
      g_prefix_error (error, "%s: ", shown);
      return FALSE;
    }
  seg_safetensors_set_metadata (file, SEG_FORMAT_RECIPE, self->recipe);
  return seg_safetensors_write (file, path, error);
}

/**
 * seg_model_export:
 * @self: a model
 * @format: the name that a plugin registered a #SegFormat by
 * @path: a folder, made if it is not there
 * @error: return location
 *
 * Writes a model for another program. Each file is written whole or not at all.
 * Errors: `SEG_ERROR_PLUGIN` if there is no such format; those of seg_format_write().
 * Threads: any, while nobody writes to the parameters.
 *
 * Returns: %FALSE with @error set
 */
gboolean
seg_model_export (SegModel *self, const char *format, const char *path, GError **error)
{
  g_return_val_if_fail (SEG_IS_MODEL (self), FALSE);
  g_return_val_if_fail (format != NULL && path != NULL, FALSE);

  g_autoptr (SegFormat) writer = seg_registry_create (seg_registry_get_default (), format,
                                                      SEG_TYPE_FORMAT, error, NULL);

  if (writer == NULL)
    return FALSE;
  if (seg_format_write (writer, self, path, error))
    return TRUE;
  _seg_model_prefix_path (path, error);
  return FALSE;
}

/* ---- contents ------------------------------------------------------------------------ */

/**
 * seg_model_get_recipe:
 * @self: a model
 *
 * Returns: (transfer none): the text it was built from
 */
const char *
seg_model_get_recipe (SegModel *self)
{
  g_return_val_if_fail (SEG_IS_MODEL (self), NULL);
  return self->recipe;
}

/**
 * seg_model_get_graph:
 * @self: a model
 *
 * Returns: (transfer none): the network
 */
SegGraph *
seg_model_get_graph (SegModel *self)
{
  g_return_val_if_fail (SEG_IS_MODEL (self), NULL);
  return self->graph;
}

/**
 * seg_model_get_parameters:
 * @self: a model
 *
 * Returns: (transfer none): the values of the network's parameters
 */
SegParameters *
seg_model_get_parameters (SegModel *self)
{
  g_return_val_if_fail (SEG_IS_MODEL (self), NULL);
  return self->parameters;
}

/**
 * seg_model_get_n_channels:
 * @self: a model
 *
 * Returns: channels of an image
 */
guint
seg_model_get_n_channels (SegModel *self)
{
  g_return_val_if_fail (SEG_IS_MODEL (self), 0);
  return self->n_channels;
}

/**
 * seg_model_get_mean:
 * @self: a model
 *
 * The network reads (value - mean) / std of each channel.
 * Units: those of values, 0…1 of the pixel format's range.
 *
 * Returns: (transfer none): a number for each channel
 */
const float *
seg_model_get_mean (SegModel *self)
{
  g_return_val_if_fail (SEG_IS_MODEL (self), NULL);
  return self->mean;
}

/**
 * seg_model_get_std:
 * @self: a model
 *
 * See [method@Seg.Model.get_mean].
 *
 * Returns: (transfer none): a positive number for each channel
 */
const float *
seg_model_get_std (SegModel *self)
{
  g_return_val_if_fail (SEG_IS_MODEL (self), NULL);
  return self->std;
}

/**
 * seg_model_get_n_classes:
 * @self: a model
 *
 * Returns: how many classes there are, 2 to 256
 */
guint
seg_model_get_n_classes (SegModel *self)
{
  g_return_val_if_fail (SEG_IS_MODEL (self), 0);
  return self->n_classes;
}

/**
 * seg_model_get_class:
 * @self: a model
 * @i: a label
 *
 * Returns: (transfer none): its name and colour
 */
const SegClass *
seg_model_get_class (SegModel *self, guint i)
{
  g_return_val_if_fail (SEG_IS_MODEL (self), NULL);
  g_return_val_if_fail (i < self->n_classes, NULL);
  return &self->classes[i];
}
