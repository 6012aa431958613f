/* Recipes that lie in files of their own, before there is a model. */
#include <string.h>

#include <gio/gio.h>

#include <segkit/error.h>
#include <segkit/recipe.h>

#include "recipe-file.h"

/* At most @max_bytes of a file, and a zero behind them. */
static char *
seg_recipe_file_read_up_to (const char *path, gsize max_bytes, gsize *n_bytes, GError **error)
{
  g_autoptr (GFile) file = g_file_new_for_path (path);
  g_autoptr (GFileInputStream) stream = g_file_read (file, NULL, error);
  g_autofree char *bytes = g_malloc (max_bytes + 1);

  if (stream == NULL
      || !g_input_stream_read_all (G_INPUT_STREAM (stream), bytes, max_bytes, n_bytes, NULL,
                                   error))
    return NULL;
  bytes[*n_bytes] = '\0';
  return g_steal_pointer (&bytes);
}

/**
 * seg_recipe_file_probe:
 * @path: a file
 *
 * Returns: whether it begins as text does. A safetensors file begins with a length, and so with
 *   zeros
 */
gboolean
seg_recipe_file_probe (const char *path)
{
  g_autofree char *start = NULL;
  gsize n_bytes;

  /* to open a pipe would be to wait for who writes to it */
  if (!g_file_test (path, G_FILE_TEST_IS_REGULAR)
      || (start = seg_recipe_file_read_up_to (path, 256, &n_bytes, NULL)) == NULL)
    return FALSE;
  for (gsize i = 0; i < n_bytes; i++)
    if (g_ascii_iscntrl (start[i]) && !g_ascii_isspace (start[i]))
      return FALSE;
  return n_bytes > 0;
}

/* The text of a recipe, no more of it than a recipe may have. */
static char *
seg_recipe_file_read (const char *path, GError **error)
{
  gsize n_bytes;
  g_autofree char *text
      = seg_recipe_file_read_up_to (path, SEG_RECIPE_MAX_BYTES + 1, &n_bytes, error);

  if (text == NULL || strlen (text) == n_bytes)
    return g_steal_pointer (&text);
  g_set_error (error, SEG_ERROR, SEG_ERROR_FORMAT, "%s: recipe has control characters", path);
  return NULL;
}

/**
 * seg_recipe_file_load:
 * @path: the file of a recipe, which may leave much open
 * @error: return location
 *
 * Errors: those of seg_recipe_parse() and of reading, with the file's name.
 *
 * Returns: (transfer full): the recipe, or %NULL with @error set
 */
GKeyFile *
seg_recipe_file_load (const char *path, GError **error)
{
  g_autofree char *text = seg_recipe_file_read (path, error);
  GKeyFile *recipe = text != NULL ? seg_recipe_parse (text, strlen (text), error) : NULL;

  if (text != NULL && recipe == NULL)
    g_prefix_error (error, "%s: ", path);
  return recipe;
}

/* As a shell takes it for one word. */
static char *
seg_recipe_file_quote (const char *path)
{
  return strpbrk (path, " \t\n\"\\'`$&|;<>()[]{}*?!#~") != NULL ? g_shell_quote (path)
                                                                : g_strdup (path);
}

/* A recipe for training may leave to segtrain what every network has. One that is no recipe at all
 * is left to who reads it. */
static gboolean
seg_recipe_file_check_whole (const char *path, const char *text, GError **error)
{
  static const char *const needed[][2] = { { "input", "channels" },
                                           { "classes", "names" },
                                           { "model", "type" } };
  g_autoptr (GKeyFile) recipe = seg_recipe_parse (text, strlen (text), NULL);

  for (guint i = 0; recipe != NULL && i < G_N_ELEMENTS (needed); i++)
    if (!g_key_file_has_key (recipe, needed[i][0], needed[i][1], NULL))
      {
        g_autofree char *word = seg_recipe_file_quote (path);

        g_set_error (error, SEG_ERROR, SEG_ERROR_FORMAT,
                     "%s: leaves [%s] %s open, so that there is no network yet; \"segtrain "
                     "--recipe %s --dump-recipe DATASET\" prints it whole",
                     path, needed[i][0], needed[i][1], word);
        return FALSE;
      }
  return TRUE;
}

/**
 * seg_recipe_file_make_model:
 * @path: the file of a recipe
 * @seed: of the random numbers that it begins with
 * @error: return location
 *
 * Makes a model that is not trained. The recipe says all of the network.
 * Errors: those of seg_model_new_from_recipe() and of reading, with the file's name.
 *
 * Returns: (transfer full): the model, or %NULL with @error set
 */
SegModel *
seg_recipe_file_make_model (const char *path, guint64 seed, GError **error)
{
  g_autofree char *text = seg_recipe_file_read (path, error);
  SegModel *model;

  if (text == NULL || !seg_recipe_file_check_whole (path, text, error))
    return NULL;
  model = seg_model_new_from_recipe (text, seed, error);
  if (model == NULL)
    g_prefix_error (error, "%s: ", path);
  return model;
}
