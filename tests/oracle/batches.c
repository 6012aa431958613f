/* What segtrain would learn from, for another program to learn from the same:
 *
 *   batches DATASET RECIPE N MODEL   writes the model that training begins with, and N batches
 *   batches DATASET RECIPE           the validation images, whole
 *
 * to stdout, each with its shape before it: n, c, h, w as 32-bit numbers, then n·c·h·w normalised
 * floats, then n·h·w classes of 16 bits. */
#include <stdio.h>
#include <stdlib.h>

#include "../../apps/lib/plugins.h"
#include "../../apps/lib/recipe-file.h"
#include "../../apps/lib/train-recipe.h"
#include "../../apps/lib/vips-setup.h"

static void
write_all (const void *data, gsize size, gsize n)
{
  if (fwrite (data, size, n, stdout) != n)
    exit (4);
}

static void
write_batch (const float *images, const guint16 *targets, gint64 n, gint64 c, gint64 h, gint64 w)
{
  const guint32 shape[4] = { (guint32) n, (guint32) c, (guint32) h, (guint32) w };

  write_all (shape, sizeof *shape, 4);
  write_all (images, sizeof *images, (gsize) (n * c * h * w));
  write_all (targets, sizeof *targets, (gsize) (n * h * w));
}

static gboolean
write_training (SegDataset *dataset, SegTrainRecipe *recipe, guint64 n, const char *path,
                GError **error)
{
  g_autoptr (SegModel) model = seg_train_recipe_new_model (recipe, error);
  g_autoptr (SegBatcher) batcher = NULL;
  SegBatch b;

  if (model == NULL || !seg_model_save (model, path, error))
    return FALSE;
  batcher = seg_batcher_new (dataset, SEG_SPLIT_TRAIN, recipe->augmentation, &recipe->batches, 0,
                             error);
  for (guint64 i = 0; batcher != NULL && i < n; i++)
    {
      if (!seg_batcher_next (batcher, &b, error))
        return FALSE;
      write_batch (b.images, b.targets, b.n, b.c, b.h, b.w);
    }
  return batcher != NULL;
}

static gboolean
write_validation (SegDataset *dataset, SegTrainRecipe *recipe, GError **error)
{
  for (guint i = 0; i < seg_dataset_get_n (dataset, SEG_SPLIT_VALIDATION); i++)
    {
      g_autoptr (SegSampleData) data = seg_dataset_read (dataset, SEG_SPLIT_VALIDATION, i, error);
      gsize n = data != NULL ? (gsize) (data->h * data->w) : 0;
      g_autofree float *image = data != NULL ? g_new (float, n * (gsize) data->c) : NULL;

      if (data == NULL)
        return FALSE;
      for (gsize k = 0; k < n * (gsize) data->c; k++)
        image[k] = (data->image[k] - recipe->batches.mean[k / n]) / recipe->batches.std[k / n];
      write_batch (image, data->target, 1, data->c, data->h, data->w);
    }
  return TRUE;
}

static gboolean
run (int argc, char **argv, GError **error)
{
  const SegTrainLimits limits = { .n_threads = 1 };
  g_autoptr (GKeyFile) wishes = NULL;
  g_autoptr (SegDataset) dataset = NULL;
  g_autoptr (SegTrainRecipe) recipe = NULL;

  if (!seg_vips_setup (argv[0], error) || !seg_plugins_load (SEG_PLUGINS_TELL_FOREIGN, error)
      || (wishes = seg_recipe_file_load (argv[2], error)) == NULL
      || (dataset = seg_dataset_open (argv[1], wishes, error)) == NULL
      || (recipe = seg_train_recipe_new (wishes, dataset, &limits, error)) == NULL)
    return FALSE;
  return argc == 5 ? write_training (dataset, recipe, g_ascii_strtoull (argv[3], NULL, 10), argv[4],
                                     error)
                   : write_validation (dataset, recipe, error);
}

int
main (int argc, char **argv)
{
  g_autoptr (GError) error = NULL;

  if (argc != 3 && argc != 5)
    return 2;
  if (run (argc, argv, &error) && fflush (stdout) == 0)
    return 0;
  fprintf (stderr, "%s\n", error != NULL ? error->message : "stdout cannot be written to");
  return 1;
}
