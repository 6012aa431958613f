/* What a recipe leaves open is chosen by looking at the data. Each choice is a default that a user
 * can read, with its reason, and overrule; there is no search, and nothing depends on the machine
 * but the size of a batch, on its memory. */
#include <math.h>
#include <string.h>

#include <segkit/error.h>
#include <segkit/safetensors.h>

#include "train-recipe-private.h"

/* Up to here a wide network sees each image often enough in an hour. */
#define SEG_CHOOSE_FEW_IMAGES 60

#define SEG_CHOOSE_DEPTH 4
#define SEG_CHOOSE_SCENE_SIDE 32 /* a ResNet halves five times */
#define SEG_CHOOSE_CROP 256
#define SEG_CHOOSE_CROP_OF_SCENES 320
#define SEG_CHOOSE_STEPS 2000

/* As SEG_MODEL_MAX_CHANNELS of core: a recipe cannot say more. */
#define SEG_CHOOSE_MAX_BANDS 256

typedef struct
{
  SegTrainRecipe *recipe;
  GKeyFile *keys;
  SegDataset *dataset;
  const SegTrainLimits *limits;
  guint n_train, n_classes, n_bands;
  gint64 min_width, min_height, width, height; /* of all images: the smallest and largest sides */
  gboolean is_scene;    /* many classes: a photograph, a map */
} SegChoice;

/* ---- noting a choice -------------------------------------------------------------------- */

static gboolean
seg_choose (SegChoice *self, const char *group, const char *key, const char *value,
            const char *reason)
{
  if (g_key_file_has_key (self->keys, group, key, NULL))
    return FALSE;
  g_key_file_set_value (self->keys, group, key, value);
  if (reason != NULL)
    g_ptr_array_add (self->recipe->reasons,
                     g_strdup_printf ("[%s] %s=%s: %s", group, key, value, reason));
  return TRUE;
}

static gboolean
seg_choose_int (SegChoice *self, const char *group, const char *key, gint64 value,
                const char *reason)
{
  g_autofree char *text = g_strdup_printf ("%" G_GINT64_FORMAT, value);

  return seg_choose (self, group, key, text, reason);
}

static void
seg_choose_append_number (GString *list, double number)
{
  char text[G_ASCII_DTOSTR_BUF_SIZE];

  g_string_append_printf (list, "%s%s", list->len > 0 ? ";" : "",
                          g_ascii_formatd (text, sizeof text, "%.4g", number));
}

/* ---- the image and its classes ---------------------------------------------------------- */

static gboolean
seg_choose_input (SegChoice *self, GError **error)
{
  g_autoptr (GString) means = g_string_new (NULL), stds = g_string_new (NULL);
  float mean[SEG_CHOOSE_MAX_BANDS], std[SEG_CHOOSE_MAX_BANDS];

  seg_choose_int (self, "input", "channels", self->n_bands, "the bands of the images");
  if (g_key_file_has_key (self->keys, "input", "mean", NULL)
      && g_key_file_has_key (self->keys, "input", "std", NULL))
    return TRUE;
  if (self->n_bands > SEG_CHOOSE_MAX_BANDS)
    {
      g_set_error (error, SEG_ERROR, SEG_ERROR_UNSUPPORTED,
                   "the images have %u bands, and a model can have %d", self->n_bands,
                   SEG_CHOOSE_MAX_BANDS);
      return FALSE;
    }
  if (!seg_dataset_measure (self->dataset, mean, std, error))
    return FALSE;
  for (guint i = 0; i < self->n_bands; i++)
    {
      seg_choose_append_number (means, (double) mean[i]);
      /* a constant band is no reason to divide by nothing */
      seg_choose_append_number (stds, MAX ((double) std[i], 1e-3));
    }
  seg_choose (self, "input", "mean", means->str, "of the training images");
  seg_choose (self, "input", "std", stds->str, "of the training images");
  return TRUE;
}

static void
seg_choose_classes (SegChoice *self)
{
  g_autoptr (GString) names = g_string_new (NULL), colors = g_string_new (NULL);

  for (guint i = 0; i < self->n_classes; i++)
    {
      const SegClass *class = seg_dataset_get_class (self->dataset, i);

      g_string_append_printf (names, "%s%s", i > 0 ? ";" : "", class->name);
      g_string_append_printf (colors, "%s#%02x%02x%02x", i > 0 ? ";" : "", class->red,
                              class->green, class->blue);
    }
  if (seg_choose (self, "classes", "names", names->str, "the values in the masks"))
    seg_choose (self, "classes", "colors", colors->str, NULL);
}

static void
seg_choose_replace (SegChoice *self, const char *group, const char *key, const char *value)
{
  g_key_file_remove_key (self->keys, group, key, NULL);
  seg_choose (self, group, key, value, NULL);
}

/* What was found in the masks, or in a table that lies beside them, so that the classes are the
 * same where other masks lack some. */
static void
seg_choose_values (SegChoice *self)
{
  g_autoptr (GString) values = g_string_new (NULL);
  g_autofree char *ignored = seg_dataset_dup_ignored_values (self->dataset);

  if (g_key_file_has_group (self->keys, "data.classes"))
    return;
  if (*ignored != '\0')
    seg_choose_replace (self, "data", "ignore", ignored);
  if (seg_dataset_numbers_objects (self->dataset))
    {
      seg_choose (self, "data", "objects", "true", NULL);
      return;
    }
  for (guint i = 0; i < self->n_classes; i++)
    {
      g_autofree char *of_class = seg_dataset_dup_class_values (self->dataset, i);

      g_string_append_printf (values, "%s%s", i > 0 ? ";" : "", of_class);
    }
  seg_choose_replace (self, "data", "class-values", values->str);
  g_key_file_remove_key (self->keys, "data", "classes", NULL);
}

/* ---- the network ------------------------------------------------------------------------ */

/* A group whose kind is given stands as it is; of one that only says something else than its kind
 * the rest is chosen. */
static gboolean
seg_choose_is_kind_given (SegChoice *self, const char *group)
{
  return g_key_file_has_key (self->keys, group, "type", NULL);
}

/* The depth of the ResNet that a file has the weights of, by torchvision's names, alone or in a
 * model; NULL if it is another network. */
static const char *
seg_choose_find_depth (SegSafetensors *weights)
{
  static const char *const signs[][2] = { { "layer3.35.conv1.weight", "152" },
                                          { "layer3.22.conv1.weight", "101" },
                                          { "layer3.5.conv3.weight", "50" },
                                          { "layer3.5.conv1.weight", "34" },
                                          { "layer3.1.conv1.weight", "18" } };

  for (guint i = 0; i < G_N_ELEMENTS (signs); i++)
    {
      g_autofree char *of_model = g_strconcat ("encoder.", signs[i][0], NULL);

      if (seg_safetensors_lookup (weights, signs[i][0]) != NULL
          || seg_safetensors_lookup (weights, of_model) != NULL)
        return signs[i][1];
    }
  return NULL;
}

static gboolean
seg_choose_encoder_of_weights (SegChoice *self, GError **error)
{
  const char *group = "model.encoder", *depth;
  g_autofree char *path = g_key_file_get_value (self->keys, "train", "encoder-weights", NULL);
  g_autoptr (SegSafetensors) weights = NULL;

  if (path == NULL || seg_choose_is_kind_given (self, group))
    return TRUE;
  if ((weights = seg_safetensors_open (path, error)) == NULL)
    return FALSE;
  if ((depth = seg_choose_find_depth (weights)) == NULL)
    return TRUE;
  seg_choose (self, group, "type", "resnet-encoder", "the network of the encoder's weights");
  seg_choose (self, group, "depth", depth, "that of the encoder's weights");
  return TRUE;
}

/* A classic U-Net halves four times, or as often as the smallest image can be. */
static void
seg_choose_halvings (SegChoice *self)
{
  gint64 least = MIN (self->min_width, self->min_height), depth = SEG_CHOOSE_DEPTH;

  while (depth > 1 && (G_GINT64_CONSTANT (1) << depth) > least)
    depth--;
  seg_choose_int (self, "model.encoder", "depth", depth,
                  depth < SEG_CHOOSE_DEPTH ? "the smallest image cannot be halved more often"
                                           : NULL);
}

static void
seg_choose_encoder (SegChoice *self)
{
  const char *group = "model.encoder";
  gboolean is_few = self->n_train <= SEG_CHOOSE_FEW_IMAGES;

  if (seg_choose_is_kind_given (self, group))
    return;
  if (self->is_scene && MIN (self->min_width, self->min_height) >= SEG_CHOOSE_SCENE_SIDE)
    {
      seg_choose (self, group, "type", "resnet-encoder",
                  "several classes need to see far around a pixel");
      seg_choose (self, group, "depth", "18", "the smallest: there is no graphics card");
      return;
    }
  seg_choose (self, group, "type", "unet-encoder",
              self->is_scene ? "the classic U-Net: some images are too small for more"
                             : "the classic U-Net: two classes");
  seg_choose (self, group, "channels", is_few ? "32" : "16",
              is_few ? "few images leave the time for a wide network"
                     : "many images are learnt from sooner by a narrow network");
  seg_choose_halvings (self);
}

static gboolean
seg_choose_model (SegChoice *self, GError **error)
{
  g_autofree char *encoder = NULL;
  gboolean is_classic;

  if (seg_choose_is_kind_given (self, "model"))
    {
      seg_choose_int (self, "model", "classes", self->n_classes, NULL);
      return TRUE;
    }
  seg_choose (self, "model", "type", "unet", NULL);
  seg_choose_int (self, "model", "classes", self->n_classes, NULL);
  if (!seg_choose_encoder_of_weights (self, error))
    return FALSE;
  seg_choose_encoder (self);
  encoder = g_key_file_get_value (self->keys, "model.encoder", "type", NULL);
  is_classic = g_str_equal (encoder, "unet-encoder");
  seg_choose (self, "model", "head-kernel-size", is_classic ? "1" : "3", NULL);
  if (seg_choose_is_kind_given (self, "model.decoder"))
    return TRUE;
  if (is_classic)
    seg_choose (self, "model.decoder", "type", "unet-decoder", NULL);
  else
    seg_choose (self, "model.decoder", "type", "unet-smp-decoder",
                "goes with the encoder, and other programs can read the model");
  return TRUE;
}

/* ---- how it is learnt ------------------------------------------------------------------- */

/* A multiple of 32, which all strides divide, that fits into the smallest image, or, if that is
 * tiny, into the largest. */
static void
seg_choose_crop (SegChoice *self)
{
  gint64 most = self->is_scene ? SEG_CHOOSE_CROP_OF_SCENES : SEG_CHOOSE_CROP;
  gint64 least = MIN (self->min_width, self->min_height), all = MIN (self->width, self->height);
  gint64 side = (least >= SEG_CHOOSE_CROP / 2 ? least : all) / 32 * 32;
  gint64 crop = CLAMP (side, 32, most);

  seg_choose_int (self, "train", "crop", crop,
                  crop > least   ? "there are smaller images; what they lack is mirrored"
                  : crop == most ? "enough around each pixel, and quick"
                                 : "fits into the smallest image");
}

static void
seg_choose_optimizer (SegChoice *self)
{
  if (!seg_choose_is_kind_given (self, "train.optimizer"))
    seg_choose (self, "train.optimizer", "type", "adamw",
                "learns well without much care for its rate");
  seg_choose (self, "train", "rate", "0.001", NULL);
  seg_choose (self, "train", "weight-decay", "0.0001", NULL);
  if (!seg_choose_is_kind_given (self, "train.schedule"))
    {
      seg_choose (self, "train.schedule", "type", "cosine", "ends with small steps");
      seg_choose (self, "train.schedule", "warmup", "0.03", NULL);
    }
}

/* Bounded, lest a class of a few pixels rule. */
static char *
seg_choose_class_weights (SegChoice *self)
{
  g_autofree float *numbers = g_new (float, self->n_classes);
  GString *weights = g_string_new (NULL);

  seg_dataset_get_class_weights (self->dataset, numbers);
  for (guint i = 0; i < self->n_classes; i++)
    seg_choose_append_number (weights, CLAMP ((double) numbers[i], 0.1, 10.));
  return g_string_free (weights, FALSE);
}

static void
seg_choose_loss (SegChoice *self)
{
  g_autofree char *asked = g_key_file_get_value (self->keys, "train", "class-weights", NULL);
  g_autofree char *weights = NULL;

  if (!seg_choose_is_kind_given (self, "train.loss"))
    seg_choose (self, "train.loss", "type", "dice-ce",
                "each pixel counts, and so does each class as a whole");
  if (asked != NULL ? !g_str_equal (asked, "auto") : !self->is_scene)
    return;
  weights = seg_choose_class_weights (self);
  g_key_file_remove_key (self->keys, "train", "class-weights", NULL);
  seg_choose (self, "train", "class-weights", weights,
              "median of the classes' frequencies by each one's: rare ones are not forgotten");
}

static void
seg_choose_augmentation (SegChoice *self)
{
  const char *group = "train.augmentation";

  if (g_key_file_has_group (self->keys, group))
    {
      g_ptr_array_add (self->recipe->reasons,
                       g_strdup_printf ("[%s]: as given, and nothing else", group));
      return;
    }
  seg_choose (self, group, "flip-horizontal", "true", NULL);
  if (!self->is_scene)
    {
      seg_choose (self, group, "flip-vertical", "true", NULL);
      seg_choose (self, group, "right-angles", "true", "images from above have no up");
    }
  else
    seg_choose (self, group, "flip-vertical", "false",
                "images of several classes may be photographs, which have an up: set it to true, "
                "and right-angles, if yours have not");
  seg_choose (self, group, "scale-min", "0.8", NULL);
  seg_choose (self, group, "scale-max", "1.25", NULL);
  seg_choose (self, group, "brightness", "0.1", NULL);
  seg_choose (self, group, "contrast", "0.2", NULL);
  seg_choose (self, group, "gamma", "1.2", "exposure and stain differ");
}

/* More than memory holds is halved later, when the network is known. */
static gint64
seg_choose_batch (SegChoice *self)
{
  gint64 batch = self->n_train <= SEG_CHOOSE_FEW_IMAGES || self->is_scene ? 4 : 8;

  seg_choose_int (self, "train", "batch", batch, NULL);
  return g_key_file_get_int64 (self->keys, "train", "batch", NULL);
}

static gboolean
seg_choose_is_length_given (SegChoice *self)
{
  static const char *const keys[] = { "steps", "epochs", "max-time" };

  for (guint i = 0; i < G_N_ELEMENTS (keys); i++)
    if (g_key_file_has_key (self->keys, "train", keys[i], NULL))
      return TRUE;
  return FALSE;
}

static void
seg_choose_length (SegChoice *self)
{
  gint64 batch = MAX (seg_choose_batch (self), 1);
  gint64 epoch = (self->n_train + batch - 1) / batch, n_steps;
  g_autofree char *seconds = NULL;

  if (self->limits->max_seconds > 0.)
    {
      seconds = g_strdup_printf ("%.0f", ceil (self->limits->max_seconds));
      g_key_file_remove_key (self->keys, "train", "epochs", NULL);
      if (!g_key_file_has_key (self->keys, "train", "steps", NULL))
        g_key_file_set_value (self->keys, "train", "max-time", seconds);
    }
  else if (!seg_choose_is_length_given (self))
    seg_choose_int (self, "train", "steps", SEG_CHOOSE_STEPS,
                    "--dry-run tells how long that takes; --max-time fits it to your patience");
  n_steps = g_key_file_get_int64 (self->keys, "train", "steps", NULL);
  seg_choose_int (self, "train", "validate-every",
                  MAX (n_steps > 0 ? MIN (MAX (epoch, 50), n_steps / 10) : MAX (epoch, 50), 1),
                  "steps between looks at the validation images");
  seg_choose_int (self, "train", "statistics-batches", CLAMP (2 * epoch, 8, 50),
                  "batches for batch norm's final statistics");
}

static void
seg_choose_metric (SegChoice *self)
{
  seg_choose (self, "train", "metric", self->n_classes == 2 ? "foreground-dice" : "mean-iou",
              "what the best model is chosen by");
  seg_choose (self, "train", "seed", "1", NULL);
}

/* ---- all of it -------------------------------------------------------------------------- */

/**
 * _seg_train_choose: (skip)
 *
 * Makes self->keys of what is given and what is chosen, and notes the reasons.
 */
gboolean
_seg_train_choose (SegTrainRecipe *self, GKeyFile *given, SegDataset *dataset,
                   const SegTrainLimits *limits, GError **error)
{
  g_autoptr (GKeyFile) keys = _seg_train_given_read (given, error);
  SegChoice choice = { .recipe = self, .keys = keys, .dataset = dataset, .limits = limits,
                       .n_train = seg_dataset_get_n (dataset, SEG_SPLIT_TRAIN),
                       .n_classes = seg_dataset_get_n_classes (dataset),
                       .n_bands = seg_dataset_get_n_bands (dataset) };

  if (keys == NULL)
    return FALSE;
  seg_dataset_get_size_range (dataset, &choice.min_width, &choice.width, &choice.min_height,
                              &choice.height);
  choice.is_scene = choice.n_classes > 2;
  if (!_seg_train_given_take_model (keys, choice.n_classes, self->reasons, error)
      || !_seg_train_given_check_data (keys, dataset, error) || !seg_choose_input (&choice, error))
    return FALSE;
  seg_choose_classes (&choice);
  seg_choose_values (&choice);
  if (!seg_choose_model (&choice, error))
    return FALSE;
  seg_choose_metric (&choice);
  seg_choose_length (&choice);
  seg_choose_crop (&choice);
  seg_choose_optimizer (&choice);
  seg_choose_loss (&choice);
  seg_choose_augmentation (&choice);
  self->keys = _seg_train_given_sort (keys);
  return TRUE;
}
