/* Which folders hold what. The first of these that fits is taken:
 *
 * - what the recipe says
 * - nnU-Net: dataset.json, imagesTr, labelsTr, and imagesTs with labelsTs
 * - PASCAL VOC: JPEGImages, SegmentationClass, ImageSets/Segmentation
 * - CamVid: train and trainannot, val and valannot, test and testannot
 * - a folder for each split, which holds folders of images and masks; or the other way round
 * - a folder of images and one of masks; or one folder of both */
#include <string.h>

#include <gio/gio.h>

#include "dataset-files.h"

static const char *const seg_image_folders[] = { "images", "image", "imgs",   "img", "inputs",
                                                 "input",  "raw",   "frames", "x",   NULL };
static const char *const seg_mask_folders[] = {
  "masks",       "mask",         "labels",        "label",        "annotations", "annotation",
  "annots",      "annot",        "segmentations", "segmentation", "seg",         "gt",
  "groundtruth", "ground_truth", "targets",       "target",       "y",           NULL
};
static const char *const seg_instance_folders[] = { "instances", "instance", NULL };
static const char *const seg_split_folders[SEG_N_SPLITS][5] = {
  { "train", "training", NULL },
  { "val", "valid", "validation", "dev", NULL },
  { "test", "testing", NULL },
};

/* Adds a folder that holds folders of images and masks. Returns 0 where it does not, or -1. */
static gint
seg_layout_add_pair (SegDataset *self, SegSplit split, const char *folder, GError **error)
{
  g_autofree char *images = seg_folder_find (folder, seg_image_folders);
  g_autofree char *masks = seg_folder_find (folder, seg_mask_folders);
  g_autofree char *instances = seg_folder_find (folder, seg_instance_folders);
  SegFolders folders = { .images = (char *[]){ images, NULL },
                         .masks = masks,
                         .instances = instances };

  if (images == NULL || masks == NULL)
    return 0;
  return seg_dataset_add_folders (self, split, &folders, error) ? 1 : -1;
}

/* The folder of each file of a sample; one folder may hold several, told apart by suffixes. */
static char **
seg_layout_list_folders (SegDataset *self)
{
  SegDatasetOptions *options = &self->options;
  guint n_folders = g_strv_length (options->images);
  guint n_suffixes = options->image_suffixes != NULL ? g_strv_length (options->image_suffixes) : 1;
  g_autoptr (GStrvBuilder) folders = g_strv_builder_new ();

  for (guint k = 0; k < (n_folders == 1 ? n_suffixes : n_folders); k++)
    {
      g_autofree char *path =
          g_build_filename (self->path, options->images[n_folders == 1 ? 0 : k], NULL);

      g_strv_builder_add (folders, path);
    }
  return g_strv_builder_end (folders);
}

/* Those that a recipe names have to be there. */
static gboolean
seg_layout_check_folder (const char *key, const char *path, GError **error)
{
  if (g_file_test (path, G_FILE_TEST_IS_DIR))
    return TRUE;
  g_set_error (error, SEG_ERROR, SEG_ERROR_PARAM, "[data] %s: there is no folder %s", key, path);
  return FALSE;
}

static gboolean
seg_layout_check_folders (const SegFolders *folders, GError **error)
{
  for (guint k = 0; folders->images[k] != NULL; k++)
    if (!seg_layout_check_folder ("images", folders->images[k], error))
      return FALSE;
  return seg_layout_check_folder ("masks", folders->masks, error)
         && (folders->instances == NULL
             || seg_layout_check_folder ("instances", folders->instances, error));
}

static gint
seg_layout_add_explicit (SegDataset *self, GError **error)
{
  SegDatasetOptions *options = &self->options;
  g_auto (GStrv) images = options->images != NULL ? seg_layout_list_folders (self) : NULL;
  g_autofree char *masks = NULL, *instances = NULL;
  SegFolders folders = { .images = images,
                         .image_suffixes = options->image_suffixes,
                         .mask_suffix = options->mask_suffix };

  if (images == NULL)
    return 0;
  if (options->image_suffixes != NULL
      && g_strv_length (options->image_suffixes) != g_strv_length (images))
    {
      g_set_error (error, SEG_ERROR, SEG_ERROR_PARAM,
                   "[data]: %u \"image-suffixes\" for %u folders of \"images\"",
                   g_strv_length (options->image_suffixes), g_strv_length (images));
      return -1;
    }
  folders.masks = masks = g_build_filename (self->path, options->masks, NULL);
  if (options->instances != NULL)
    folders.instances = instances = g_build_filename (self->path, options->instances, NULL);
  return seg_layout_check_folders (&folders, error)
                 && seg_dataset_add_folders (self, SEG_SPLIT_TRAIN, &folders, error)
             ? 1
             : -1;
}

static gint
seg_layout_add_nnunet (SegDataset *self, GError **error)
{
  g_autofree char *images = g_build_filename (self->path, "imagesTr", NULL);
  g_autofree char *masks = g_build_filename (self->path, "labelsTr", NULL);
  g_autofree char *test_images = g_build_filename (self->path, "imagesTs", NULL);
  g_autofree char *test_masks = g_build_filename (self->path, "labelsTs", NULL);
  SegFolders train = { .images = (char *[]){ images, NULL }, .masks = masks };
  SegFolders test = { .images = (char *[]){ test_images, NULL }, .masks = test_masks };

  if (!g_file_test (images, G_FILE_TEST_IS_DIR) || !g_file_test (masks, G_FILE_TEST_IS_DIR))
    return 0;
  if (!seg_dataset_add_folders (self, SEG_SPLIT_TRAIN, &train, error))
    return -1;
  if (g_file_test (test_images, G_FILE_TEST_IS_DIR) && g_file_test (test_masks, G_FILE_TEST_IS_DIR)
      && !seg_dataset_add_folders (self, SEG_SPLIT_TEST, &test, error))
    return -1;
  return 1;
}

static gint
seg_layout_add_voc (SegDataset *self, GError **error)
{
  g_autofree char *images = g_build_filename (self->path, "JPEGImages", NULL);
  g_autofree char *masks = g_build_filename (self->path, "SegmentationClass", NULL);
  SegFolders folders = { .images = (char *[]){ images, NULL }, .masks = masks, .lenient = TRUE };

  if (!g_file_test (images, G_FILE_TEST_IS_DIR) || !g_file_test (masks, G_FILE_TEST_IS_DIR))
    return 0;
  return seg_dataset_add_folders (self, SEG_SPLIT_TRAIN, &folders, error) ? 1 : -1;
}

static gint
seg_layout_add_camvid (SegDataset *self, GError **error)
{
  gint found = 0;

  for (guint split = 0; split < SEG_N_SPLITS; split++)
    {
      const char *name = seg_split_folders[split][0];
      g_autofree char *images = g_build_filename (self->path, name, NULL);
      g_autofree char *masks = g_strconcat (images, "annot", NULL);
      SegFolders folders = { .images = (char *[]){ images, NULL }, .masks = masks };

      if (!g_file_test (images, G_FILE_TEST_IS_DIR) || !g_file_test (masks, G_FILE_TEST_IS_DIR))
        continue;
      if (!seg_dataset_add_folders (self, split, &folders, error))
        return -1;
      found = 1;
    }
  return found;
}

/* train/images and train/masks, … */
static gint
seg_layout_add_split_folders (SegDataset *self, GError **error)
{
  gint found = 0;

  for (guint split = 0; split < SEG_N_SPLITS; split++)
    {
      g_autofree char *folder = seg_folder_find (self->path, seg_split_folders[split]);
      gint added = folder != NULL ? seg_layout_add_pair (self, split, folder, error) : 0;

      if (added < 0)
        return -1;
      if (added == 0 && folder != NULL && split == SEG_SPLIT_TEST)
        self->test_without_masks = TRUE;
      found |= added;
    }
  return found;
}

/* images/train and masks/train, … */
static gint
seg_layout_add_folder_splits (SegDataset *self, GError **error)
{
  g_autofree char *all_images = seg_folder_find (self->path, seg_image_folders);
  g_autofree char *all_masks = seg_folder_find (self->path, seg_mask_folders);
  gint found = 0;

  for (guint split = 0; split < SEG_N_SPLITS && all_images != NULL && all_masks != NULL; split++)
    {
      g_autofree char *images = seg_folder_find (all_images, seg_split_folders[split]);
      g_autofree char *masks = seg_folder_find (all_masks, seg_split_folders[split]);
      SegFolders folders = { .images = (char *[]){ images, NULL }, .masks = masks };

      if (images == NULL || masks == NULL)
        continue;
      if (!seg_dataset_add_folders (self, split, &folders, error))
        return -1;
      found = 1;
    }
  return found;
}

static gint
seg_layout_add_folders (SegDataset *self, GError **error)
{
  SegFolders one = { .images = (char *[]){ self->path, NULL },
                     .masks = self->path,
                     .lenient = TRUE };
  gint found = seg_layout_add_pair (self, SEG_SPLIT_TRAIN, self->path, error);

  if (found != 0)
    return found;
  if (!seg_dataset_add_folders (self, SEG_SPLIT_TRAIN, &one, error))
    return -1;
  return self->splits[SEG_SPLIT_TRAIN]->len > 0;
}

static const struct
{
  const char *name;
  const char *has; /* that it is known by */
  gint (*add) (SegDataset *self, GError **error);
} seg_layouts[] = {
  { "folders", NULL, seg_layout_add_explicit },
  { "nnunet", "folders imagesTr and labelsTr", seg_layout_add_nnunet },
  { "voc", "folders JPEGImages and SegmentationClass", seg_layout_add_voc },
  { "camvid", "folders train and trainannot", seg_layout_add_camvid },
  { "split-folders", "folders train, val and test, with images and masks in each",
    seg_layout_add_split_folders },
  { "split-folders", NULL, seg_layout_add_folder_splits },
  { "folders", "folders images and masks, or 7.png and 7_mask.png side by side",
    seg_layout_add_folders },
};

/* Adds what the first layout of this name has that fits; of any other name where @others is true.
 * Returns 0 where none does, or -1. */
static gint
seg_layouts_add (SegDataset *self, const char *name, gboolean others, GError **error)
{
  gint found = 0;

  for (guint i = 0; i < G_N_ELEMENTS (seg_layouts) && found == 0; i++)
    if (name == NULL || g_str_equal (name, seg_layouts[i].name) != others)
      {
        self->layout = seg_layouts[i].name;
        found = seg_layouts[i].add (self, error);
      }
  return found;
}

/* What the layout should have that somebody has asked for, and which one it is. */
static void
seg_layouts_fail (SegDataset *self, const char *name, GError **error)
{
  const char *has = NULL;
  gboolean is_other = seg_layouts_add (self, name, TRUE, NULL) > 0;

  for (guint i = 0; i < G_N_ELEMENTS (seg_layouts) && has == NULL; i++)
    has = g_str_equal (seg_layouts[i].name, name) ? seg_layouts[i].has : NULL;
  g_set_error (error, SEG_ERROR, SEG_ERROR_FORMAT,
               "%s: is not of the layout \"%s\", which has %s; %s%s%s", self->path, name, has,
               is_other ? "it looks like \"" : "nor does it look like any other that is known",
               is_other ? self->layout : "", is_other ? "\"" : "");
}

/**
 * _seg_dataset_find_files: (skip)
 *
 * Errors: `SEG_ERROR_FORMAT` where the folder is none of a data set, `G_FILE_ERROR`.
 */
gboolean
_seg_dataset_find_files (SegDataset *self, GError **error)
{
  const char *wanted = self->options.layout;
  gint found;

  if (!g_file_test (self->path, G_FILE_TEST_IS_DIR))
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND, "%s: is not a folder", self->path);
      return FALSE;
    }
  found = seg_layouts_add (self, wanted, FALSE, error);
  if (found == 0 && wanted != NULL)
    seg_layouts_fail (self, wanted, error);
  else if (found == 0)
    g_set_error (
        error, SEG_ERROR, SEG_ERROR_FORMAT,
        "%s: has no images with masks; there should be folders as images and masks, or the "
        "recipe's group [data] says where they are",
        self->path);
  return found > 0;
}
