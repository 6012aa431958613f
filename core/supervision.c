/* Deep supervision (Lee et al. 2015, arXiv:1409.5185): what is trained has auxiliary heads, whose
 * logits lie behind the model's own in its one output, and the loss looks at all of them. The model
 * has none: it shares with the network that is trained what both have. */
#include <math.h>
#include <string.h>

#include <segkit/error.h>
#include <segkit/recipe.h>
#include <segkit/registry.h>

#include "model-private.h"
#include "plan-private.h"
#include "supervision-private.h"

#define SEG_SUPERVISION_PROPERTY "auxiliary-heads"

/* ---- the network ----------------------------------------------------------------------- */

/* The model's block, with so many heads. */
static SegBlock *
seg_supervision_new_block (SegModel *model, guint n_heads, GError **error)
{
  const char *text = seg_model_get_recipe (model);
  g_autoptr (GKeyFile) recipe = seg_recipe_parse (text, strlen (text), error);
  g_autoptr (SegBlock) plain =
      recipe != NULL ? seg_recipe_build_block (recipe, "model", error) : NULL;
  GParamSpec *pspec;

  if (plain == NULL)
    return NULL;
  pspec = g_object_class_find_property (G_OBJECT_GET_CLASS (plain), SEG_SUPERVISION_PROPERTY);
  if (pspec != NULL && G_IS_PARAM_SPEC_INT (pspec))
    return seg_object_copy_with (plain, error, SEG_SUPERVISION_PROPERTY, (gint) n_heads, NULL);
  g_set_error (error, SEG_ERROR, SEG_ERROR_UNSUPPORTED,
               "[model]: a network of type %s can have no auxiliary heads",
               seg_type_get_feature (G_OBJECT_TYPE (plain)));
  return NULL;
}

static gboolean
seg_supervision_check_channels (SegSupervision *self, SegModel *model, guint n_heads,
                                GError **error)
{
  SegGraph *plain = seg_model_get_graph (model);
  gint64 n = seg_graph_get_channels (self->graph, seg_graph_get_output (self->graph));
  gint64 wanted = seg_graph_get_channels (plain, seg_graph_get_output (plain)) * (1 + n_heads);

  if (n == wanted)
    return TRUE;
  g_set_error (error, SEG_ERROR, SEG_ERROR_PLUGIN,
               "with %u auxiliary heads the network gives %" G_GINT64_FORMAT
               " channels, not %" G_GINT64_FORMAT,
               n_heads, n, wanted);
  return FALSE;
}

static gboolean
seg_supervision_build (SegSupervision *self, SegModel *model, guint n_heads, guint64 seed,
                       GError **error)
{
  g_autoptr (SegBlock) block = seg_supervision_new_block (model, n_heads, error);

  if (block == NULL
      || (self->graph = _seg_model_build_graph (block, seg_model_get_n_channels (model), error))
             == NULL
      || !seg_supervision_check_channels (self, model, n_heads, error))
    return FALSE;
  self->parameters = seg_parameters_new (self->graph);
  return _seg_parameters_initialise_beside (self->parameters, seg_model_get_parameters (model),
                                            seed, error);
}

/* Parameters of heads are drawn; all others are the model's. */
gboolean
_seg_supervision_init (SegSupervision *self, SegModel *model, guint n_heads, guint64 seed,
                       GError **error)
{
  if (n_heads == 0)
    {
      self->graph = g_object_ref (seg_model_get_graph (model));
      self->parameters = g_object_ref (seg_model_get_parameters (model));
      return TRUE;
    }
  if (seg_supervision_build (self, model, n_heads, seed, error))
    return TRUE;
  g_prefix_error (error, "deep supervision: ");
  return FALSE;
}

void
_seg_supervision_clear (SegSupervision *self)
{
  g_clear_object (&self->graph);
  g_clear_object (&self->parameters);
}

/* ---- the loss -------------------------------------------------------------------------- */

/* Some planes of a view. */
typedef struct
{
  SegView view;
  SegChannelBlock blocks[SEG_LOSS_MAX_PLANES];
} SegPlanes;

static void
seg_planes_take (SegPlanes *self, const SegView *whole, guint first, guint n)
{
  for (guint c = 0; c < n; c++)
    {
      self->blocks[c] = whole->blocks[first + c];
      self->blocks[c].channel = (gint32) c;
    }
  self->view = *whole;
  self->view.shape.c = n;
  self->view.blocks = self->blocks;
  self->view.n_blocks = n;
}

/* The loss of a batch whose planes are those of the model's logits and then of each head's: the
 * mean of theirs, in which each weighs half as much as the one before it, as in nnU-Net (Isensee et
 * al. 2021). Without heads it is the loss itself, to the bit. */
gboolean
_seg_supervision_compute (SegLoss *loss, guint n_heads, const SegLossBatch *batch, double factor,
                          double *value, GError **error)
{
  guint n_planes = (guint) batch->logits->shape.c / (1 + n_heads);
  double sum = 2. - ldexp (1., -(int) n_heads); /* 1 + ½ + ¼ … */

  *value = 0.;
  for (guint i = 0; i <= n_heads; i++)
    {
      double weight = ldexp (1., -(int) i) / sum, part;
      SegLossBatch of_head = *batch;
      SegPlanes logits, gradient;

      seg_planes_take (&logits, batch->logits, i * n_planes, n_planes);
      of_head.logits = &logits.view;
      if (batch->gradient != NULL)
        {
          seg_planes_take (&gradient, batch->gradient, i * n_planes, n_planes);
          of_head.gradient = &gradient.view;
        }
      if (!seg_loss_compute (loss, &of_head, factor * weight, &part, error))
        return FALSE;
      *value += weight * part;
    }
  return TRUE;
}
