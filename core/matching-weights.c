/* Weights of another model of the same kind, for all parameters that fit: how training goes on for
 * other classes. */
#include <segkit/error.h>
#include <segkit/safetensors.h>

#include <string.h>

#include "model-private.h"
#include "text.h"

/* The file's tensor for parameter @i, or NULL where there is none of that name, type and shape. */
static SegTensor *
seg_matching_find (SegModel *model, SegSafetensors *file, guint i)
{
  SegParameters *parameters = seg_model_get_parameters (model);
  SegTensor *tensor = seg_safetensors_lookup (file, seg_parameters_get_name (parameters, i));
  guint rank;
  const gint64 *dims = seg_parameters_get_shape (parameters, i, &rank);
  gboolean integer = seg_parameters_get_dtype (parameters, i) == SEG_DTYPE_I64;

  return tensor != NULL && tensor->rank == rank
                 && memcmp (tensor->dims, dims, rank * sizeof *dims) == 0
                 && (tensor->dtype == SEG_DTYPE_I64) == integer
             ? tensor
             : NULL;
}

static void
seg_matching_tensor_free (gpointer tensor)
{
  if (tensor != NULL)
    seg_tensor_unref (tensor);
}

/* The values of all parameters that fit, NULL for the others, whose names are noted. */
static GPtrArray *
seg_matching_convert (SegModel *model, SegSafetensors *file, GPtrArray *left, GError **error)
{
  SegParameters *parameters = seg_model_get_parameters (model);
  g_autoptr (GPtrArray) values = g_ptr_array_new_with_free_func (seg_matching_tensor_free);

  for (guint i = 0; i < seg_parameters_get_n (parameters); i++)
    {
      const char *name = seg_parameters_get_name (parameters, i);
      SegTensor *tensor = seg_matching_find (model, file, i), *value;

      if (tensor == NULL)
        {
          g_ptr_array_add (values, NULL);
          g_ptr_array_add (left, g_strdup (name));
          continue;
        }
      value = tensor->dtype == SEG_DTYPE_I64 ? seg_tensor_ref (tensor)
                                             : seg_tensor_to_f32 (tensor, error);
      g_ptr_array_add (values, value);
      if (value == NULL || !_seg_model_check_values (name, value, error))
        return NULL;
    }
  if (left->len < values->len)
    return g_steal_pointer (&values);
  g_set_error_literal (error, SEG_ERROR, SEG_ERROR_FORMAT,
                       "no parameter in it has name and shape of one of the model's");
  return NULL;
}

/**
 * seg_model_load_matching:
 * @self: a model
 * @path: a safetensors file, such as another model
 * @left: (out) (transfer full) (array zero-terminated=1): names of parameters for which the file has no
 *   tensor of that shape, and which stayed as they were: for other classes, those of the head
 * @error: return location
 *
 * Takes over from a file whatever has name and shape of a parameter; other tensors are not looked at.
 * On an error the model stays as it was.
 * Errors: those of seg_safetensors_read(); `SEG_ERROR_FORMAT` if nothing fits; `SEG_ERROR_NUMERIC`;
 * `SEG_ERROR_MEMORY`.
 * Threads: one, while no other uses the model.
 *
 * Returns: %FALSE with @error set
 */
gboolean
seg_model_load_matching (SegModel *self, const char *path, char ***left, GError **error)
{
  g_return_val_if_fail (SEG_IS_MODEL (self), FALSE);
  g_return_val_if_fail (path != NULL && left != NULL, FALSE);

  g_autoptr (SegSafetensors) file = seg_safetensors_read (path, error);
  g_autoptr (GPtrArray) names = g_ptr_array_new_with_free_func (g_free), values = NULL;

  if (file == NULL)
    return FALSE;
  if ((values = seg_matching_convert (self, file, names, error)) == NULL)
    {
      _seg_model_prefix_path (path, error);
      return FALSE;
    }
  for (guint i = 0; i < values->len; i++)
    if (values->pdata[i] != NULL)
      seg_parameters_set_tensor (seg_model_get_parameters (self), i, values->pdata[i]);
  g_ptr_array_add (names, NULL);
  *left = (char **) g_ptr_array_free (g_steal_pointer (&names), FALSE);
  return TRUE;
}
