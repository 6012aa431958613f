/* The kinds of features that there are, and what one of each must have. */
#include <segkit/format.h>
#include <segkit/loss.h>
#include <segkit/optimizer.h>
#include <segkit/rate-schedule.h>
#include <segkit/registry.h>

#include "registry-private.h"

/* What a class has to say of itself, and the first function that it lacks, or NULL. */
typedef struct
{
  const char *title, *source, *missing;
} SegKindInfo;

static SegKindInfo
seg_kind_describe_layer (gpointer klass)
{
  SegLayerClass *layer = klass;
  gboolean elementwise = G_TYPE_CHECK_CLASS_TYPE (klass, SEG_TYPE_ELEMENTWISE);
  gboolean whole = (layer->forward != NULL || layer->compile != NULL)
                   && !(elementwise && SEG_ELEMENTWISE_CLASS (klass)->forward == NULL);

  return (SegKindInfo){ layer->title, layer->source, whole ? NULL : "forward" };
}

static SegKindInfo
seg_kind_describe_block (gpointer klass)
{
  SegBlockClass *block = klass;

  return (SegKindInfo){ block->title, block->source, block->build == NULL ? "build" : NULL };
}

static SegKindInfo
seg_kind_describe_format (gpointer klass)
{
  SegFormatClass *format = klass;

  return (SegKindInfo){ format->title, format->source,
                        format->probe == NULL  ? "probe"
                        : format->read == NULL ? "read"
                                               : NULL };
}

/* compute() of its own makes up for the functions of rows. */
static SegKindInfo
seg_kind_describe_loss (gpointer klass)
{
  SegLossClass *loss = klass, *base = g_type_class_peek (SEG_TYPE_LOSS);
  const char *missing = loss->n_sums == NULL         ? "n_sums"
                        : loss->sum_row == NULL      ? "sum_row"
                        : loss->finish == NULL       ? "finish"
                        : loss->gradient_row == NULL ? "gradient_row"
                                                     : NULL;

  return (SegKindInfo){ loss->title, loss->source,
                        loss->compute == base->compute ? missing : NULL };
}

static SegKindInfo
seg_kind_describe_optimizer (gpointer klass)
{
  SegOptimizerClass *optimizer = klass;

  return (SegKindInfo){ optimizer->title, optimizer->source,
                        optimizer->step == NULL ? "step" : NULL };
}

static SegKindInfo
seg_kind_describe_schedule (gpointer klass)
{
  SegRateScheduleClass *schedule = klass;

  return (SegKindInfo){ schedule->title, schedule->source,
                        schedule->factor == NULL                            ? "factor"
                        : schedule->n_state > SEG_RATE_SCHEDULE_MAX_STATE ? "small enough n_state"
                                                                            : NULL };
}

static const struct
{
  GType (*get_type) (void);
  const char *name;
  SegKindInfo (*describe) (gpointer klass);
} seg_kinds[] = {
  { seg_layer_get_type, "layer", seg_kind_describe_layer },
  { seg_block_get_type, "block", seg_kind_describe_block },
  { seg_format_get_type, "format", seg_kind_describe_format },
  { seg_loss_get_type, "loss", seg_kind_describe_loss },
  { seg_optimizer_get_type, "optimizer", seg_kind_describe_optimizer },
  { seg_rate_schedule_get_type, "schedule", seg_kind_describe_schedule },
};

static gint
seg_kind_find (GType type)
{
  for (guint i = 0; i < G_N_ELEMENTS (seg_kinds); i++)
    if (type != G_TYPE_INVALID && g_type_is_a (type, seg_kinds[i].get_type ()))
      return (gint) i;
  return -1;
}

/* What a plugin's feature lacks, or NULL: whoever shows or runs it does not ask whether it is
 * there. */
const char *
_seg_registry_find_gap (GType type)
{
  g_autoptr (GTypeClass) klass = g_type_class_ref (type);
  SegKindInfo info = seg_kinds[seg_kind_find (type)].describe (klass);

  return info.title == NULL ? "title" : info.source == NULL ? "source" : info.missing;
}

/**
 * seg_registry_get_kind:
 * @i: from 0
 *
 * Returns: the base type of a kind of features, or %G_TYPE_INVALID past the last
 */
GType
seg_registry_get_kind (guint i)
{
  return i < G_N_ELEMENTS (seg_kinds) ? seg_kinds[i].get_type () : G_TYPE_INVALID;
}

/**
 * seg_type_get_kind:
 * @type: of a feature
 *
 * Returns: (transfer none) (nullable): what a message calls its kind, such as "layer"; %NULL if
 *   features of this type cannot be registered
 */
const char *
seg_type_get_kind (GType type)
{
  gint i = seg_kind_find (type);

  return i < 0 ? NULL : seg_kinds[i].name;
}

/**
 * seg_feature_get_title:
 * @object: of a registered type
 *
 * Returns: (transfer none) (nullable): what its class says that it is, in a few words
 */
const char *
seg_feature_get_title (gpointer object)
{
  gint i = seg_kind_find (G_OBJECT_TYPE (object));

  return i < 0 ? NULL : seg_kinds[i].describe (G_OBJECT_GET_CLASS (object)).title;
}

/**
 * seg_feature_get_source:
 * @object: of a registered type
 *
 * Returns: (transfer none) (nullable): the paper and equation, or the standard, that it is made by
 */
const char *
seg_feature_get_source (gpointer object)
{
  gint i = seg_kind_find (G_OBJECT_TYPE (object));

  return i < 0 ? NULL : seg_kinds[i].describe (G_OBJECT_GET_CLASS (object)).source;
}
