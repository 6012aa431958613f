/* Weights of an image classifier, by the names of its own program, into a model's encoder. */

#include <segkit/error.h>
#include <segkit/safetensors.h>

#include <string.h>

#include "model-private.h"
#include "text.h"

#define SEG_ENCODER_PREFIX "encoder."

/* The file's tensors, in the order of the model's parameters. Old files have `norm.1.weight`
 * where newer ones have `norm1.weight`: a name that is not there is looked for without dots. */
typedef struct
{
  SegSafetensors *tensors;
  const char *prefix;   /* of the encoder's names in the file: "encoder." or "" */
  GTree *names;         /* name, and name without dots → name */
  GHashTable *used;     /* names that a parameter was found by */
  GHashTable *scopes;   /* first parts of the encoder's names: what it has to say about */
  GPtrArray *found;     /* for each parameter of the model its name in the file, or NULL */
  GPtrArray *problems;  /* of text */
  gboolean adapted;     /* the convolution that reads the image has been found and fitted */
} SegEncoderFile;

static void
seg_encoder_tensor_free (gpointer tensor)
{
  if (tensor != NULL)
    seg_tensor_unref (tensor);
}

static void
seg_encoder_file_clear (SegEncoderFile *self)
{
  g_clear_object (&self->tensors);
  g_clear_pointer (&self->names, g_tree_unref);
  g_clear_pointer (&self->used, g_hash_table_unref);
  g_clear_pointer (&self->scopes, g_hash_table_unref);
  g_clear_pointer (&self->found, g_ptr_array_unref);
  g_clear_pointer (&self->problems, g_ptr_array_unref);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (SegEncoderFile, seg_encoder_file_clear)

static char *
seg_encoder_name_without_dots (const char *name)
{
  g_auto (GStrv) parts = g_strsplit (name, ".", -1);
  return g_strjoinv (NULL, parts);
}

/* The part before the first dot. */
static char *
seg_encoder_name_dup_scope (const char *name)
{
  return g_strndup (name, strcspn (name, "."));
}

static gint
seg_encoder_compare_names (gconstpointer a, gconstpointer b, gpointer user_data)
{
  (void) user_data;
  return strcmp (a, b);
}

/* A file that has names below "encoder." is a whole model; of it only those count. */
static void
seg_encoder_file_index (SegEncoderFile *self, char **names)
{
  self->names = g_tree_new_full (seg_encoder_compare_names, NULL, g_free, NULL);
  self->used = g_hash_table_new (g_str_hash, g_str_equal);
  self->scopes = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  self->found = g_ptr_array_new ();
  self->problems = g_ptr_array_new_with_free_func (g_free);
  self->prefix = "";
  for (char **name = names; *name != NULL; name++)
    if (g_str_has_prefix (*name, SEG_ENCODER_PREFIX))
      self->prefix = SEG_ENCODER_PREFIX;
  for (char **name = names; *name != NULL; name++)
    if (g_str_has_prefix (*name, self->prefix))
      {
        g_tree_insert (self->names, g_strdup (*name), *name);
        g_tree_insert (self->names, seg_encoder_name_without_dots (*name), *name);
      }
}

/* The file's name for the encoder's @name, or NULL. */
static const char *
seg_encoder_file_find (SegEncoderFile *self, const char *name)
{
  g_autofree char *full = g_strconcat (self->prefix, name, NULL);
  g_autofree char *bare = seg_encoder_name_without_dots (full);

  return g_tree_lookup (self->names,
                        seg_safetensors_lookup (self->tensors, full) != NULL ? full : bare);
}

/* The weights of a convolution that reads three bands, made to read @n of the same range. As
 * segmentation_models.pytorch does it: one band takes the sum of the weights; more take them in
 * turn, scaled so that their sum stays what it was. */
static SegTensor *
seg_encoder_adapt (const SegTensor *from, gint64 n, GError **error)
{
  gint64 m = from->dims[1], area = from->dims[2] * from->dims[3];
  SegTensor *to = seg_tensor_new (
      SEG_DTYPE_F32, 4, (const gint64[]){ from->dims[0], n, from->dims[2], from->dims[3] }, error);
  const float *x = from->data;
  float scale = (float) ((double) m / (double) n), *y;

  if (to == NULL)
    return NULL;
  y = to->data;
  for (gint64 k = 0; k < from->dims[0]; k++, x += m * area)
    for (gint64 c = 0; c < n; c++)
      for (gint64 i = 0; i < area; i++, y++)
        {
          double sum = 0;

          for (gint64 j = 0; n == 1 && j < m; j++)
            sum += (double) x[j * area + i];
          *y = n == 1 ? (float) sum : x[c % m * area + i] * scale;
        }
  return to;
}

static gboolean
seg_encoder_same_shape_but_input (const SegTensor *a, const SegTensor *b)
{
  return a->rank == 4 && b->rank == 4 && a->dims[0] == b->dims[0] && a->dims[2] == b->dims[2]
         && a->dims[3] == b->dims[3] && a->dims[1] > 0;
}

/* Whether parameter @i of the model can be the file's tensor of this name: otherwise notes why
 * not. */
static void
seg_encoder_file_match (SegEncoderFile *self, SegModel *model, guint i, const char *name)
{
  SegParameters *parameters = seg_model_get_parameters (model);
  SegTensor *tensor = seg_safetensors_lookup (self->tensors, name);
  SegTensor wanted = { .dtype = seg_parameters_get_dtype (parameters, i) };
  const gint64 *dims = seg_parameters_get_shape (parameters, i, &wanted.rank);
  gboolean same;

  memcpy (wanted.dims, dims, wanted.rank * sizeof *dims);
  same = tensor->rank == wanted.rank
         && memcmp (tensor->dims, wanted.dims, wanted.rank * sizeof *dims) == 0;
  if ((tensor->dtype == SEG_DTYPE_I64) != (wanted.dtype == SEG_DTYPE_I64)
      || (!same
          && (self->adapted || !seg_encoder_same_shape_but_input (tensor, &wanted)
              || wanted.dims[1] != (gint64) seg_model_get_n_channels (model))))
    {
      g_autofree char *shape = seg_tensor_dup_shape (&wanted);
      g_autofree char *other = seg_tensor_dup_shape (tensor), *shown = _seg_text_escape (name);

      g_ptr_array_add (self->problems, g_strdup_printf ("\"%s\" is %s %s instead of %s %s", shown,
                                                        seg_dtype_to_string (tensor->dtype), other,
                                                        seg_dtype_to_string (wanted.dtype), shape));
      return;
    }
  self->adapted |= !same;
  self->found->pdata[i] = (gpointer) name;
}

/* Looks in the file for each parameter of the encoder. */
static gboolean
seg_encoder_file_match_all (SegEncoderFile *self, SegModel *model, GError **error)
{
  SegParameters *parameters = seg_model_get_parameters (model);

  g_ptr_array_set_size (self->found, (gint) seg_parameters_get_n (parameters));
  for (guint i = 0; i < seg_parameters_get_n (parameters); i++)
    {
      const char *name = seg_parameters_get_name (parameters, i), *found;

      if (!g_str_has_prefix (name, SEG_ENCODER_PREFIX))
        continue;
      name += strlen (SEG_ENCODER_PREFIX);
      g_hash_table_add (self->scopes, seg_encoder_name_dup_scope (name));
      found = seg_encoder_file_find (self, name);
      if (found != NULL)
        {
          g_hash_table_add (self->used, (gpointer) found);
          seg_encoder_file_match (self, model, i, found);
        }
      else if (seg_parameters_get_role (parameters, i) != SEG_ROLE_COUNTER)
        g_ptr_array_add (self->problems,
                         g_strdup_printf ("\"%s%s\" is missing", self->prefix, name));
    }
  if (g_hash_table_size (self->scopes) > 0)
    return TRUE;
  g_set_error (error, SEG_ERROR, SEG_ERROR_PARAM, "the model has no parameters below \"%s\"",
               SEG_ENCODER_PREFIX);
  return FALSE;
}

/* The file's tensor of this name as parameter @i of the model has it. */
static SegTensor *
seg_encoder_file_convert (SegEncoderFile *self, SegModel *model, guint i, const char *name,
                          GError **error)
{
  SegTensor *tensor = seg_safetensors_lookup (self->tensors, name);
  g_autoptr (SegTensor) converted =
      tensor->dtype == SEG_DTYPE_I64 ? seg_tensor_ref (tensor) : seg_tensor_to_f32 (tensor, error);
  const gint64 *dims;
  guint rank;

  if (converted == NULL || !_seg_model_check_values (name, converted, error))
    return NULL;
  dims = seg_parameters_get_shape (seg_model_get_parameters (model), i, &rank);
  return memcmp (converted->dims, dims, rank * sizeof *dims) == 0
             ? g_steal_pointer (&converted)
             : seg_encoder_adapt (converted, dims[1], error);
}

/* Reads the file's values and, when all are good, gives them to the model. */
static gboolean
seg_encoder_file_take_all (SegEncoderFile *self, SegModel *model, GError **error)
{
  g_autoptr (GPtrArray) converted = g_ptr_array_new_with_free_func (seg_encoder_tensor_free);

  if (!seg_safetensors_load (self->tensors, error))
    return FALSE;
  for (guint i = 0; i < self->found->len; i++)
    {
      const char *name = self->found->pdata[i];
      SegTensor *tensor =
          name != NULL ? seg_encoder_file_convert (self, model, i, name, error) : NULL;

      if (name != NULL && tensor == NULL)
        return FALSE;
      g_ptr_array_add (converted, tensor);
    }
  for (guint i = 0; i < converted->len; i++)
    if (converted->pdata[i] != NULL)
      seg_parameters_set_tensor (seg_model_get_parameters (model), i, converted->pdata[i]);
  return TRUE;
}

/* The classifier's own layers are not needed, nor stages that the encoder is built without. But
 * what lies beside the encoder's own parameters must be known: a deeper network of the same family
 * would have all that is asked for. */
static void
seg_encoder_file_note_left_over (SegEncoderFile *self, char **names)
{
  for (char **name = names; *name != NULL; name++)
    {
      g_autofree char *scope = NULL, *shown = _seg_text_escape (*name);

      if (!g_str_has_prefix (*name, self->prefix) || g_hash_table_contains (self->used, *name))
        continue;
      scope = seg_encoder_name_dup_scope (*name + strlen (self->prefix));
      if (g_hash_table_contains (self->scopes, scope))
        g_ptr_array_add (self->problems, g_strdup_printf ("\"%s\" is in no layer", shown));
    }
}

/**
 * seg_model_load_encoder:
 * @self: a model
 * @path: a safetensors file
 * @error: return location
 *
 * Replaces the parameters below `encoder.` by those of a file that has them under the names of
 * the classifier that the encoder is made from, such as torchvision's, or of another model,
 * below `encoder.`. The classifier's own layers are left out. The convolution that reads the
 * image is made to fit the model's number of bands: for one, its weights are summed over the
 * file's; for n, they are taken in turn and scaled by 3/n. Values are read when names and shapes
 * have been found to fit. On an error the model stays as it was.
 * Errors: those of seg_safetensors_read(); `SEG_ERROR_FORMAT` if the file is not of this encoder:
 * the message lists up to 20 names; `SEG_ERROR_NUMERIC`; `SEG_ERROR_PARAM` if the model has no
 * encoder; `SEG_ERROR_MEMORY`.
 * Threads: one, while no other uses the model.
 *
 * Returns: %FALSE with @error set
 */
gboolean
seg_model_load_encoder (SegModel *self, const char *path, GError **error)
{
  g_return_val_if_fail (SEG_IS_MODEL (self), FALSE);
  g_return_val_if_fail (path != NULL, FALSE);

  g_auto (SegEncoderFile) file = { .tensors = seg_safetensors_open (path, error) };
  g_auto (GStrv) names = NULL;

  if (file.tensors == NULL)
    return FALSE;
  names = seg_safetensors_list (file.tensors);
  seg_encoder_file_index (&file, names);
  if (seg_encoder_file_match_all (&file, self, error))
    {
      seg_encoder_file_note_left_over (&file, names);
      if (_seg_model_refuse_problems ("does not fit the model's encoder", file.problems, error)
          && seg_encoder_file_take_all (&file, self, error))
        return TRUE;
    }
  _seg_model_prefix_path (path, error);
  return FALSE;
}
