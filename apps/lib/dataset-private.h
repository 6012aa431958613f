/* What the files of dataset*.c share. */
#pragma once

#include "dataset.h"
#include "mask.h"

G_BEGIN_DECLS

/* How often an epoch has the samples of these names; ? and * stand for what they do in a shell. */
typedef struct
{
  char *names;
  guint n_draws;
} SegOversampling;

/**
 * SegDatasetOptions:
 * @layout: (nullable): its name; %NULL: whichever is found
 * @images: (nullable): folders of images, one for each file of a sample
 * @masks: (nullable): folder of masks
 * @instances: (nullable): folder of masks of objects
 * @image_suffixes: (nullable): that names of images end with, one for each file of a sample
 * @mask_suffix: (nullable): that names of masks end with
 * @lists: (nullable): files that name the samples of each split
 * @validation_share: of the training samples, where nothing else says which validate
 * @validation_names: (nullable): samples that validate
 * @oversample: (nullable) (element-type SegOversampling): which samples come more than once in an
 *   epoch
 * @classes: (nullable): a table of classes
 * @class_values: (nullable): what masks have for each class that the recipe names, in their order
 * @ignore: (nullable): numbers and colours, or the class, of pixels that count for nothing
 * @threshold: from which on a mask's numbers mean the object; 0: they are classes
 * @bands: of all files together; 0: what there is
 * @objects: whether masks number objects, 1; or classes, 0; or that is to be found out, -1
 *
 * The keys of a recipe's group [data].
 */
typedef struct
{
  char *layout;
  char **images;
  char *masks, *instances;
  char **image_suffixes;
  char *mask_suffix;
  char *lists[SEG_N_SPLITS];
  double validation_share;
  char **validation_names;
  GArray *oversample;
  char *classes;
  char **class_values;
  char *ignore;
  gint threshold, bands, objects;
} SegDatasetOptions;

/* A sample and what was found in its files. */
typedef struct
{
  SegSample sample;
  SegSplit split;
  gboolean readable; /* image and mask, and they have one size */
  gboolean has_unknown; /* values that are no class */
  guint *file_bands; /* of each image */
  guint depth;
  const char *untold; /* of its images the first that keeps a band that may be meant as alpha */
  gboolean is_colour;  /* the mask has colours and no numbers */
  guint mask_depth;
  guint n_palette;
  guint8 (*palette)[3];
  GArray *values; /* of the mask */
  char *hash;      /* of its images' pixels, once seg_dataset_check() has read them */
  char **contents; /* the same of the bytes of each file */
  SegSampleData *data; /* kept in memory, or NULL */
} SegEntry;

typedef struct
{
  char *name;
  GArray *codes; /* guint32 */
  guint32 rgb;
  SegClass view;
} SegDatasetClass;

struct _SegDataset
{
  char *path;
  const char *layout;
  SegDatasetOptions options;
  GPtrArray *splits[SEG_N_SPLITS]; /* of SegEntry */
  GPtrArray *readable;             /* those of them all that are, in the same order */
  gboolean split_given;
  gboolean test_without_masks;
  GPtrArray *problems; /* found while opening */

  guint n_files, n_bands, depth;
  guint *file_bands;
  GPtrArray *classes;
  GArray *ignore;     /* codes */
  gboolean colours;   /* numbers of palettes are replaced by their colours */
  gboolean greys;     /* of colour masks the grey is the number */
  gboolean objects;   /* masks number objects */
  guint16 *numbers;   /* class of each number, SEG_DATASET_UNKNOWN or SEG_TARGET_IGNORE */
  GHashTable *colour_classes; /* code → class + 1 */
  guint64 *counts;
  guint64 n_ignored;

  GMutex mutex; /* guards what follows and SegEntry.data */
  gsize cache_bytes, cached_bytes;
};

#define SEG_DATASET_MAX_DRAWS 1000

/* Of a number that is no class. */
#define SEG_DATASET_UNKNOWN (G_MAXUINT16 - 1)

SegEntry *seg_entry_new  (const char *name);
void      seg_entry_free (SegEntry *self);
SegEntry *_seg_dataset_get_entry (SegDataset *self, SegSplit split, guint i);

gboolean _seg_dataset_options_read  (SegDatasetOptions *self, GKeyFile *recipe, GError **error);
void     _seg_dataset_options_clear (SegDatasetOptions *self);

gboolean _seg_dataset_find_files (SegDataset *self, GError **error);
gboolean _seg_dataset_split      (SegDataset *self, GError **error);
char    *_seg_dataset_find_file  (SegDataset *self, const char *name);
const char *_seg_dataset_get_inside (SegDataset *self, const char *path);

void     _seg_dataset_inspect    (SegDataset *self, SegPool *pool);
gboolean _seg_dataset_find_classes (SegDataset *self, GKeyFile *recipe, GError **error);
guint16  _seg_dataset_get_target (SegDataset *self, guint32 code);
guint32  _seg_dataset_get_code   (SegDataset *self, const SegEntry *entry, guint32 code);
void     _seg_entry_hash_contents (SegEntry *entry);

SegProblem *_seg_dataset_add_problem (GPtrArray *problems, gboolean is_error, const char *kind,
                                      const char *file, const char *format, ...)
    G_GNUC_PRINTF (5, 6);
SegProblem *_seg_dataset_add_failure (GPtrArray *problems, const char *kind, const char *file,
                                      const GError *failure);

G_END_DECLS
