/* A folder of images and masks, as training and evaluation read it. data/docs/datasets.md says for
 * users what such a folder may look like. */
#pragma once

#include <segkit/loss.h>
#include <segkit/model.h>

G_BEGIN_DECLS

/**
 * SegSplit:
 * @SEG_SPLIT_TRAIN: what is learnt from
 * @SEG_SPLIT_VALIDATION: what the best model is chosen by
 * @SEG_SPLIT_TEST: what is only evaluated
 */
typedef enum
{
  SEG_SPLIT_TRAIN,
  SEG_SPLIT_VALIDATION,
  SEG_SPLIT_TEST,
} SegSplit;

#define SEG_N_SPLITS 3

/* Of any sample, for what has a bit 1 << SegSplit for each part. */
#define SEG_SPLITS_ALL ((1u << SEG_N_SPLITS) - 1)

/* Of the memory that a process may use, for samples that are kept decoded. */
#define SEG_DATASET_CACHE_SHARE 3

/**
 * SegSample:
 * @name: what the files of a sample have in common, without folder and ending
 * @images: (array zero-terminated=1): files, whose bands follow each other
 * @mask: the file that has the class of each pixel
 * @instances: (nullable): the file that has the object of each pixel, 0 for none
 * @width: of all its files; 0 where the image could not be read
 * @height: the same
 * @n_draws: how often it comes in an epoch, which is once if the recipe does not say otherwise
 */
typedef struct
{
  char *name;
  char **images;
  char *mask;
  char *instances;
  gint64 width, height;
  guint n_draws;
} SegSample;

/**
 * SegSampleData:
 * @image: (array): c planes of h·w values, scaled as `segment` scales them but not normalised
 * @target: (array): h·w classes or %SEG_TARGET_IGNORE
 * @counts: (array): pixels of each class
 * @instances: (array) (nullable): h·w numbers of objects, 0 for none
 * @c: bands
 * @h: rows
 * @w: columns
 *
 * A sample in memory. Nobody changes it.
 */
typedef struct
{
  float *image;
  guint16 *target;
  guint64 *counts;
  guint16 *instances;
  gint64 c, h, w;

  /*< private >*/
  gatomicrefcount ref_count;
} SegSampleData;

/**
 * SegProblem:
 * @is_error: whether training cannot begin before it is mended; otherwise it is a warning
 * @kind: an untranslated text that all problems of a kind have in common, as "no mask"
 * @file: the file or folder
 * @text: what is the matter, in one line that names the file
 * @splits: the parts that it may be of, a bit 1 << SegSplit for each; none where it is the recipe's
 *   and not the data's
 */
typedef struct
{
  gboolean is_error;
  const char *kind;
  char *file;
  char *text;
  guint splits;
} SegProblem;

/**
 * SegDataset:
 *
 * Samples in three splits, and the classes of their pixels.
 */
typedef struct _SegDataset SegDataset;

SegDataset      *seg_dataset_open             (const char *path, GKeyFile *recipe, GError **error);
void             seg_dataset_free             (SegDataset *self);

const char      *seg_dataset_get_layout       (SegDataset *self);
guint            seg_dataset_get_n            (SegDataset *self, SegSplit split);
guint64          seg_dataset_count_draws      (SegDataset *self, SegSplit split);
const SegSample *seg_dataset_get              (SegDataset *self, SegSplit split, guint i);
SegSplit         seg_dataset_choose_test_split (SegDataset *self);
gboolean         seg_dataset_is_split_given   (SegDataset *self);
guint            seg_dataset_get_n_bands      (SegDataset *self);
guint            seg_dataset_get_depth        (SegDataset *self);
gboolean         seg_dataset_has_instances    (SegDataset *self);
void             seg_dataset_get_size_range   (SegDataset *self, gint64 *min_width,
                                               gint64 *max_width, gint64 *min_height,
                                               gint64 *max_height);
guint            seg_dataset_get_n_classes    (SegDataset *self);
const SegClass  *seg_dataset_get_class        (SegDataset *self, guint i);
char            *seg_dataset_dup_class_values (SegDataset *self, guint i);
char            *seg_dataset_dup_ignored_values (SegDataset *self);
gboolean         seg_dataset_numbers_objects  (SegDataset *self);
const guint64   *seg_dataset_get_class_counts (SegDataset *self);
guint64          seg_dataset_get_ignore_count (SegDataset *self);
void             seg_dataset_get_class_weights (SegDataset *self, float *weights);

gboolean         seg_dataset_check            (SegDataset *self, GPtrArray *problems,
                                               GError **error);
gboolean         seg_dataset_check_files      (SegDataset *self, guint splits,
                                               GPtrArray *problems, GError **error);
char            *seg_dataset_dup_contents     (SegDataset *self);
void             seg_problem_free             (SegProblem *problem);
char            *seg_problems_dup_text        (GPtrArray *problems);

void             seg_dataset_set_cache        (SegDataset *self, gsize bytes);
gboolean         seg_dataset_keeps            (SegDataset *self, SegSplit split, guint i);
SegSampleData   *seg_dataset_read             (SegDataset *self, SegSplit split, guint i,
                                               GError **error);
void             seg_sample_data_unref        (SegSampleData *self);
gboolean         seg_dataset_measure          (SegDataset *self, float *mean, float *std,
                                               GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (SegDataset, seg_dataset_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (SegSampleData, seg_sample_data_unref)

G_END_DECLS
