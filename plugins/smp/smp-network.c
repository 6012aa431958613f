/* Which of our features, with which properties, a network of smp's is made of. */
#include <string.h>

#include "smp.h"

const SegSmpEncoder _seg_smp_encoders[] = {
  { "resnet18", "resnet-encoder", "depth=18" },
  { "resnet34", "resnet-encoder", "depth=34" },
  { "resnet50", "resnet-encoder", "depth=50" },
  { "resnet101", "resnet-encoder", "depth=101" },
  { "resnet152", "resnet-encoder", "depth=152" },
  { "resnext50_32x4d", "resnet-encoder", "depth=50;groups=32;width-per-group=4" },
  { "resnext101_32x4d", "resnet-encoder", "depth=101;groups=32;width-per-group=4" },
  { "resnext101_32x8d", "resnet-encoder", "depth=101;groups=32;width-per-group=8" },
  { "resnext101_32x16d", "resnet-encoder", "depth=101;groups=32;width-per-group=16" },
  { "resnext101_32x32d", "resnet-encoder", "depth=101;groups=32;width-per-group=32" },
  { "resnext101_32x48d", "resnet-encoder", "depth=101;groups=32;width-per-group=48" },
  { "densenet121", "densenet-encoder", "depth=121" },
  { "densenet161", "densenet-encoder", "depth=161" },
  { "densenet169", "densenet-encoder", "depth=169" },
  { "densenet201", "densenet-encoder", "depth=201" },
  { NULL, NULL, NULL },
};

/* The decoder's properties of these names. */
const SegSmpChoice _seg_smp_norms[]
    = { { "batchnorm", "batch" }, { "identity", "none" }, { NULL, NULL } };
const SegSmpChoice _seg_smp_attentions[]
    = { { NULL, "none" }, { "scse", "scse" }, { NULL, NULL } };
const SegSmpChoice _seg_smp_interpolations[]
    = { { "nearest", "nearest" }, { "bilinear", "bilinear" }, { NULL, NULL } };

/* ---- to a recipe ----------------------------------------------------------------------- */

static void
seg_smp_recipe_set_integer (GKeyFile *recipe, const char *group, const char *key, gint value)
{
  g_autofree char *text = g_strdup_printf ("%d", value);
  g_key_file_set_value (recipe, group, key, text);
}

void
_seg_smp_config_to_recipe (const SegSmpConfig *self, GKeyFile *recipe)
{
  g_auto (GStrv) properties = g_strsplit (self->encoder->properties, ";", -1);
  g_autoptr (GString) channels = g_string_new (NULL);

  g_key_file_set_value (recipe, "segkit", "format", "1");
  seg_smp_recipe_set_integer (recipe, "input", "channels", self->bands);

  g_key_file_set_value (recipe, "model", "type", "unet");
  seg_smp_recipe_set_integer (recipe, "model", "classes", self->classes);
  g_key_file_set_value (recipe, "model", "head-kernel-size", "3");

  g_key_file_set_value (recipe, "model.encoder", "type", self->encoder->feature);
  for (char **p = properties; *p != NULL; p++)
    {
      char *equals = strchr (*p, '=');
      *equals = '\0';
      g_key_file_set_value (recipe, "model.encoder", *p, equals + 1);
    }

  for (gint i = 0; i < self->depth; i++)
    g_string_append_printf (channels, "%s%d", i > 0 ? ";" : "", self->decoder_channels[i]);
  g_key_file_set_value (recipe, "model.decoder", "type", "unet-smp-decoder");
  g_key_file_set_value (recipe, "model.decoder", "channels", channels->str);
  g_key_file_set_value (recipe, "model.decoder", "norm", self->norm->value);
  g_key_file_set_value (recipe, "model.decoder", "attention", self->attention->value);
  g_key_file_set_value (recipe, "model.decoder", "interpolation", self->interpolation->value);
}

/* ---- from a model ---------------------------------------------------------------------- */

G_GNUC_PRINTF (2, 3)
static gboolean
seg_smp_network_refuse (GError **error, const char *format, ...)
{
  va_list args;

  va_start (args, format);
  g_autofree char *message = g_strdup_vprintf (format, args);
  va_end (args);
  g_set_error (error, SEG_ERROR, SEG_ERROR_UNSUPPORTED,
               "segmentation_models.pytorch cannot express %s", message);
  return FALSE;
}

static gboolean
seg_smp_is_feature (SegBlock *block, const char *feature)
{
  return G_OBJECT_TYPE (block) == seg_registry_lookup (seg_registry_get_default (), feature);
}

static char *
seg_smp_dup_property (SegBlock *block, const char *name)
{
  GValue value = G_VALUE_INIT;
  char *text;

  g_object_get_property (G_OBJECT (block), name, &value);
  text = seg_value_to_string (&value);
  g_value_unset (&value);
  return text;
}

/* Whether each property has the value that @properties gives it, or its default; those named
 * in @free may be anything. */
static gboolean
seg_smp_has_properties (SegBlock *block, const char *what, const char *properties,
                        const char *const *free_ones, GError **error)
{
  guint n;
  g_autofree GParamSpec **all = g_object_class_list_properties (G_OBJECT_GET_CLASS (block), &n);
  g_auto (GStrv) given = g_strsplit (properties, ";", -1);

  for (guint i = 0; i < n; i++)
    {
      g_autofree char *text = seg_smp_dup_property (block, all[i]->name);
      g_autofree char *pair = g_strconcat (all[i]->name, "=", NULL);
      g_autofree char *wanted = seg_value_to_string (g_param_spec_get_default_value (all[i]));

      for (char **p = given; *p != NULL; p++)
        if (g_str_has_prefix (*p, pair))
          {
            g_free (wanted);
            wanted = g_strdup (*p + strlen (pair));
          }
      if (strcmp (text, wanted) != 0 && !g_strv_contains (free_ones, all[i]->name))
        return seg_smp_network_refuse (error, "%s with %s%s", what, pair, text);
    }
  return TRUE;
}

static gboolean
seg_smp_config_take_encoder (SegSmpConfig *self, SegBlock *encoder, GError **error)
{
  static const char *const none[] = { NULL };

  for (self->encoder = _seg_smp_encoders; self->encoder->name != NULL; self->encoder++)
    if (seg_smp_is_feature (encoder, self->encoder->feature)
        && seg_smp_has_properties (encoder, "an encoder", self->encoder->properties, none, NULL))
      return TRUE;
  return seg_smp_network_refuse (error, "this encoder, %s",
                                 seg_type_get_feature (G_OBJECT_TYPE (encoder)));
}

static gboolean
seg_smp_find_choice (const SegSmpChoice **choice, const SegSmpChoice *choices, SegBlock *decoder,
                     const char *property, GError **error)
{
  g_autofree char *text = seg_smp_dup_property (decoder, property);

  for (*choice = choices; (*choice)->value != NULL; (*choice)++)
    if (strcmp ((*choice)->value, text) == 0)
      return TRUE;
  return seg_smp_network_refuse (error, "a decoder with %s=%s", property, text);
}

static gboolean
seg_smp_config_take_decoder (SegSmpConfig *self, SegBlock *decoder, GError **error)
{
  static const char *const known[]
      = { "channels", "norm", "attention", "interpolation", NULL };
  g_autofree char *channels = NULL;
  g_autofree gint *numbers = NULL;
  guint n;

  if (!seg_smp_is_feature (decoder, "unet-smp-decoder"))
    return seg_smp_network_refuse (error, "this decoder, %s",
                                   seg_type_get_feature (G_OBJECT_TYPE (decoder)));
  if (!seg_smp_has_properties (decoder, "a decoder", "", known, error)
      || !seg_smp_find_choice (&self->norm, _seg_smp_norms, decoder, "norm", error)
      || !seg_smp_find_choice (&self->attention, _seg_smp_attentions, decoder, "attention", error)
      || !seg_smp_find_choice (&self->interpolation, _seg_smp_interpolations, decoder,
                               "interpolation", error))
    return FALSE;

  channels = seg_smp_dup_property (decoder, "channels");
  numbers = seg_ints_from_string (channels, 1, SEG_SMP_MAX_CHANNELS, &n, error);
  if (numbers == NULL)
    return FALSE;
  if (n < 1 || n > SEG_SMP_MAX_DEPTH)
    return seg_smp_network_refuse (error, "a decoder with channels=%s", channels);
  self->depth = (gint) n;
  memcpy (self->decoder_channels, numbers, n * sizeof *numbers);
  return TRUE;
}

/* What the model's recipe builds, as a call of smp's constructor. */
gboolean
_seg_smp_config_from_model (SegSmpConfig *self, SegModel *model, GError **error)
{
  static const char *const known[] = { "classes", "encoder", "decoder", NULL };
  const char *text = seg_model_get_recipe (model);
  g_autoptr (GKeyFile) recipe = seg_recipe_parse (text, strlen (text), error);
  g_autoptr (SegBlock) network = NULL, encoder = NULL, decoder = NULL;

  if (recipe == NULL || (network = seg_recipe_build_block (recipe, "model", error)) == NULL)
    return FALSE;
  if (!seg_smp_is_feature (network, "unet"))
    return seg_smp_network_refuse (error, "this network, %s",
                                   seg_type_get_feature (G_OBJECT_TYPE (network)));
  g_object_get (network, "encoder", &encoder, "decoder", &decoder, NULL);
  if (encoder == NULL || decoder == NULL)
    return seg_smp_network_refuse (error, "a network without a %s of its own",
                                   encoder == NULL ? "[model.encoder]" : "[model.decoder]");

  self->bands = (gint) seg_model_get_n_channels (model);
  g_object_get (network, "classes", &self->classes, NULL);
  return seg_smp_has_properties (network, "a network", "head-kernel-size=3", known, error)
         && seg_smp_config_take_encoder (self, encoder, error)
         && seg_smp_config_take_decoder (self, decoder, error);
}
