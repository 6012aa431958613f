/* From logits to what is written.
 *
 * The label of a pixel is the class with the greatest logit. With a threshold it is the likeliest
 * class that is not the background, if its probability is at least so much, and the background
 * otherwise. Where only some classes are wanted, the others become background. The background is
 * class 0.
 *
 * Each pixel's result depends on nothing but its own logits, so that it is the same in every way
 * of running. */
#include <math.h>
#include <string.h>

#include <segkit/error.h>
#include <segkit/labels.h>
#include <segkit/memory.h>
#include <segkit/probabilities.h>

#include "classifier.h"

/* Labels are bytes. */
#define SEG_CLASSIFIER_MAX_CLASSES 256

struct _SegClassifier
{
  SegModel *model;
  guint n_model_classes;
  guint8 chosen[SEG_CLASSIFIER_MAX_CLASSES]; /* classes that are wanted, in the model's order */
  guint n_chosen;
  guint8 label_of[SEG_CLASSIFIER_MAX_CLASSES]; /* 0 for those that are not */
  float threshold;                             /* NAN: none */
  float *row; /* probabilities of all the model's classes; NULL where nobody asks for them */
};

static void
seg_classifier_choose_all (SegClassifier *self)
{
  self->n_chosen = self->n_model_classes;
  for (guint i = 0; i < self->n_model_classes; i++)
    self->chosen[i] = self->label_of[i] = (guint8) i;
}

/**
 * seg_classifier_new:
 * @model: has the classes
 * @error: return location
 *
 * Errors: `SEG_ERROR_UNSUPPORTED` for more than 256 classes.
 */
SegClassifier *
seg_classifier_new (SegModel *model, GError **error)
{
  SegClassifier *self;

  if (seg_model_get_n_classes (model) > SEG_CLASSIFIER_MAX_CLASSES)
    {
      g_set_error (error, SEG_ERROR, SEG_ERROR_UNSUPPORTED,
                   "the model has %u classes, and a label map has room for %d",
                   seg_model_get_n_classes (model), SEG_CLASSIFIER_MAX_CLASSES);
      return NULL;
    }
  self = g_new0 (SegClassifier, 1);
  self->model = g_object_ref (model);
  self->n_model_classes = seg_model_get_n_classes (model);
  self->threshold = NAN;
  seg_classifier_choose_all (self);
  return self;
}

/**
 * seg_classifier_free:
 * @self: a classifier
 */
void
seg_classifier_free (SegClassifier *self)
{
  g_object_unref (self->model);
  seg_free (self->row);
  g_free (self);
}

/* The class of this name or, where there is none, of this number. */
static int
seg_classifier_find (SegClassifier *self, const char *word)
{
  guint64 number;

  for (guint i = 0; i < self->n_model_classes; i++)
    if (strcmp (seg_model_get_class (self->model, i)->name, word) == 0)
      return (int) i;
  if (g_ascii_string_to_unsigned (word, 10, 0, self->n_model_classes - 1, &number, NULL))
    return (int) number;
  return -1;
}

static char *
seg_classifier_dup_names (SegClassifier *self)
{
  g_autoptr (GPtrArray) names = g_ptr_array_new ();

  for (guint i = 0; i < self->n_model_classes; i++)
    g_ptr_array_add (names, (gpointer) seg_model_get_class (self->model, i)->name);
  g_ptr_array_add (names, NULL);
  return g_strjoinv (", ", (char **) names->pdata);
}

/**
 * seg_classifier_choose:
 * @self: a classifier
 * @classes: names or numbers, with commas between them
 * @error: return location
 *
 * Only these classes are wanted from now on.
 * Errors: `G_OPTION_ERROR`.
 */
gboolean
seg_classifier_choose (SegClassifier *self, const char *classes, GError **error)
{
  /* an empty text is one empty word, too */
  g_auto (GStrv) words = g_strsplit (*classes != '\0' ? classes : " ", ",", -1);
  gboolean wanted[SEG_CLASSIFIER_MAX_CLASSES] = { FALSE };

  for (char **word = words; *word != NULL; word++)
    {
      int class = seg_classifier_find (self, g_strstrip (*word));
      g_autofree char *names = NULL;

      if (class < 0)
        {
          names = seg_classifier_dup_names (self);
          g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                       "--classes: the model has no class \"%s\"; there are %s, or 0 to %u", *word,
                       names, self->n_model_classes - 1);
          return FALSE;
        }
      wanted[class] = TRUE;
    }

  self->n_chosen = 0;
  for (guint i = 0; i < self->n_model_classes; i++)
    {
      if (wanted[i])
        self->chosen[self->n_chosen++] = (guint8) i;
      self->label_of[i] = wanted[i] ? (guint8) i : 0;
    }
  return TRUE;
}

/**
 * seg_classifier_set_threshold:
 * @self: a classifier
 * @threshold: 0…1
 */
void
seg_classifier_set_threshold (SegClassifier *self, double threshold)
{
  self->threshold = (float) threshold;
}

/**
 * seg_classifier_get_n_classes:
 * @self: a classifier
 *
 * Returns: how many classes are wanted, and bands its probabilities have
 */
guint
seg_classifier_get_n_classes (SegClassifier *self)
{
  return self->n_chosen;
}

/**
 * seg_classifier_get_class:
 * @self: a classifier
 * @i: a class that is wanted
 *
 * Returns: (transfer none): its name and colour
 */
const SegClass *
seg_classifier_get_class (SegClassifier *self, guint i)
{
  return seg_model_get_class (self->model, self->chosen[i]);
}

/**
 * seg_classifier_get_label:
 * @self: a classifier
 * @i: a class that is wanted
 *
 * Returns: its number in the model, which is its label
 */
guint8
seg_classifier_get_label (SegClassifier *self, guint i)
{
  return self->chosen[i];
}

/**
 * seg_classifier_prepare:
 * @self: a classifier
 * @width: of the rows to come, at most
 * @want_probabilities: whether seg_classifier_run() will be asked for them
 * @error: return location
 *
 * Errors: `SEG_ERROR_MEMORY`.
 */
gboolean
seg_classifier_prepare (SegClassifier *self, gint64 width, gboolean want_probabilities,
                        GError **error)
{
  g_clear_pointer (&self->row, seg_free);
  if (!want_probabilities && isnan (self->threshold))
    return TRUE;
  self->row = seg_alloc ((gsize) width, self->n_model_classes * sizeof (float),
                         "a row of probabilities", error);
  return self->row != NULL;
}

/* NaN is never likely enough. */
static guint8
seg_classifier_decide (SegClassifier *self, const float *p)
{
  guint8 best = 0;

  for (guint i = 0; i < self->n_chosen; i++)
    {
      guint8 class = self->chosen[i];

      if (class != 0 && p[class] >= self->threshold && (best == 0 || p[class] > p[best]))
        best = class;
    }
  return best;
}

/**
 * seg_classifier_run:
 * @self: a prepared classifier
 * @logits: of the network
 * @y: which row of them
 * @labels: (out caller-allocates): one for each column
 * @probabilities: (out caller-allocates) (nullable): of each column those of the wanted classes
 */
void
seg_classifier_run (SegClassifier *self, const SegView *logits, gint64 y, guint8 *labels,
                    float *probabilities)
{
  gint64 width = logits->valid.w;
  guint n = self->n_model_classes;

  if (self->row != NULL)
    seg_probabilities_from_logits (logits, 0, y, self->row);
  if (isnan (self->threshold))
    {
      seg_labels_from_logits (logits, 0, y, labels);
      for (gint64 x = 0; self->n_chosen < n && x < width; x++)
        labels[x] = self->label_of[labels[x]];
    }
  else
    for (gint64 x = 0; x < width; x++)
      labels[x] = seg_classifier_decide (self, self->row + x * n);

  if (probabilities != NULL)
    for (gint64 x = 0; x < width; x++)
      for (guint i = 0; i < self->n_chosen; i++)
        *probabilities++ = self->row[x * n + self->chosen[i]];
}
