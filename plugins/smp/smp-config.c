/* config.json: the arguments that the model's constructor was called with. */
#include <string.h>

#include "smp.h"

static gboolean
seg_smp_config_take_integer (gint *integer, const char *key, const json_t *value, gint maximum,
                             GError **error)
{
  g_autofree char *why = NULL;

  if (json_is_integer (value) && json_integer_value (value) >= 1
      && json_integer_value (value) <= maximum)
    {
      *integer = (gint) json_integer_value (value);
      return TRUE;
    }
  why = g_strdup_printf ("not a whole number from 1 to %d", maximum);
  return _seg_smp_json_refuse (SEG_ERROR_FORMAT, key, value, why, error);
}

/* null is a word, too. */
static gboolean
seg_smp_config_take_choice (const SegSmpChoice **choice, const SegSmpChoice *choices,
                            const char *key, const json_t *value, GError **error)
{
  const char *word = json_string_value (value);
  g_autoptr (GString) why = g_string_new ("not supported; known are");

  for (const SegSmpChoice *c = choices; c->value != NULL; c++)
    {
      if (c->word != NULL ? g_strcmp0 (c->word, word) == 0 : json_is_null (value))
        {
          *choice = c;
          return TRUE;
        }
      g_string_append_printf (why, "%s %s", c == choices ? "" : ",",
                              c->word != NULL ? c->word : "null");
    }
  return _seg_smp_json_refuse (SEG_ERROR_UNSUPPORTED, key, value, why->str, error);
}

static gboolean
seg_smp_config_take_model_class (SegSmpConfig *self, const char *key, const json_t *value,
                                 GError **error)
{
  (void) self;
  return g_strcmp0 (json_string_value (value), "Unet") == 0
         || _seg_smp_json_refuse (SEG_ERROR_UNSUPPORTED, key, value, "only Unet is supported",
                                  error);
}

/* The result here are logits. What is monotone leaves the order of classes as it is, and a softmax
 * of one channel is 1 everywhere. */
static gboolean
seg_smp_config_take_activation (SegSmpConfig *self, const char *key, const json_t *value,
                                GError **error)
{
  static const char *const any[] = { "identity", "sigmoid", NULL };
  static const char *const many[] = { "softmax", "softmax2d", "logsoftmax", NULL };
  const char *word = json_string_value (value);

  if (json_is_null (value) || (word != NULL && g_strv_contains (any, word)))
    return TRUE;
  if (word == NULL || !g_strv_contains (many, word))
    return _seg_smp_json_refuse (SEG_ERROR_UNSUPPORTED, key, value,
                                 "may change which class is the largest", error);
  return self->classes > 1
         || _seg_smp_json_refuse (SEG_ERROR_UNSUPPORTED, key, value, "has no meaning for one class",
                                  error);
}

static gboolean
seg_smp_config_take_aux_params (SegSmpConfig *self, const char *key, const json_t *value,
                                GError **error)
{
  (void) self;
  return json_is_null (value)
         || _seg_smp_json_refuse (SEG_ERROR_UNSUPPORTED, key, value,
                                  "a second head that classifies the image is not supported",
                                  error);
}

static gboolean
seg_smp_config_take_classes (SegSmpConfig *self, const char *key, const json_t *value,
                             GError **error)
{
  return seg_smp_config_take_integer (&self->classes, key, value, SEG_SMP_MAX_CLASSES, error);
}

static gboolean
seg_smp_config_take_attention (SegSmpConfig *self, const char *key, const json_t *value,
                               GError **error)
{
  return seg_smp_config_take_choice (&self->attention, _seg_smp_attentions, key, value, error);
}

static gboolean
seg_smp_config_take_decoder_channels (SegSmpConfig *self, const char *key, const json_t *value,
                                      GError **error)
{
  if (!json_is_array (value) || json_array_size (value) != (gsize) self->depth)
    return _seg_smp_json_refuse (SEG_ERROR_FORMAT, key, value,
                                 "not a list of as many numbers as \"encoder_depth\" says", error);
  for (gint i = 0; i < self->depth; i++)
    if (!seg_smp_config_take_integer (&self->decoder_channels[i], key,
                                      json_array_get (value, (gsize) i), SEG_SMP_MAX_CHANNELS,
                                      error))
      return FALSE;
  return TRUE;
}

static gboolean
seg_smp_config_take_interpolation (SegSmpConfig *self, const char *key, const json_t *value,
                                   GError **error)
{
  return seg_smp_config_take_choice (&self->interpolation, _seg_smp_interpolations, key, value,
                                     error);
}

/* true, false, a word, or {"type": a word}; of both keys that smp has had for it. */
static gboolean
seg_smp_config_take_norm (SegSmpConfig *self, const char *key, const json_t *value, GError **error)
{
  json_auto_t *word = NULL;

  if (json_is_object (value) && json_object_size (value) == 1)
    value = json_object_get (value, "type") != NULL ? json_object_get (value, "type") : value;
  if (json_is_boolean (value))
    value = word = json_string (json_is_true (value) ? "batchnorm" : "identity");
  return seg_smp_config_take_choice (&self->norm, _seg_smp_norms, key, value, error);
}

static gboolean
seg_smp_config_take_encoder_depth (SegSmpConfig *self, const char *key, const json_t *value,
                                   GError **error)
{
  return seg_smp_config_take_integer (&self->depth, key, value, SEG_SMP_MAX_DEPTH, error);
}

static gboolean
seg_smp_config_take_encoder_name (SegSmpConfig *self, const char *key, const json_t *value,
                                  GError **error)
{
  const char *name = json_string_value (value);

  for (const SegSmpEncoder *e = _seg_smp_encoders; e->name != NULL; e++)
    if (g_strcmp0 (name, e->name) == 0)
      {
        self->encoder = e;
        return TRUE;
      }
  return _seg_smp_json_refuse (SEG_ERROR_UNSUPPORTED, key, value,
                               "not supported; known are ResNet, ResNeXt and DenseNet by smp's "
                               "own names",
                               error);
}

/* Where the numbers came from before training: these lie in the file. */
static gboolean
seg_smp_config_take_encoder_weights (SegSmpConfig *self, const char *key, const json_t *value,
                                     GError **error)
{
  (void) self;
  return json_is_null (value) || json_is_string (value)
         || _seg_smp_json_refuse (SEG_ERROR_FORMAT, key, value, "neither null nor a name", error);
}

static gboolean
seg_smp_config_take_in_channels (SegSmpConfig *self, const char *key, const json_t *value,
                                 GError **error)
{
  return seg_smp_config_take_integer (&self->bands, key, value, SEG_SMP_MAX_BANDS, error);
}

static const struct
{
  const char *name;
  gboolean (*take) (SegSmpConfig *self, const char *key, const json_t *value, GError **error);
} seg_smp_config_keys[] = {
  { "_model_class", seg_smp_config_take_model_class },
  { "aux_params", seg_smp_config_take_aux_params },
  { "classes", seg_smp_config_take_classes }, /* which "activation" asks for */
  { "activation", seg_smp_config_take_activation },
  { "decoder_attention_type", seg_smp_config_take_attention },
  { "encoder_depth", seg_smp_config_take_encoder_depth }, /* which "decoder_channels" asks for */
  { "decoder_channels", seg_smp_config_take_decoder_channels },
  { "decoder_interpolation", seg_smp_config_take_interpolation },
  { "decoder_use_batchnorm", seg_smp_config_take_norm },
  { "decoder_use_norm", seg_smp_config_take_norm },
  { "encoder_name", seg_smp_config_take_encoder_name },
  { "encoder_weights", seg_smp_config_take_encoder_weights },
  { "in_channels", seg_smp_config_take_in_channels },
};

static gboolean
seg_smp_config_is_known (const char *key)
{
  for (guint i = 0; i < G_N_ELEMENTS (seg_smp_config_keys); i++)
    if (strcmp (key, seg_smp_config_keys[i].name) == 0)
      return TRUE;
  return *key == '_'; /* smp, too, passes over these */
}

static void
seg_smp_config_set_defaults (SegSmpConfig *self)
{
  *self = (SegSmpConfig){
    .norm = _seg_smp_norms,
    .attention = _seg_smp_attentions,
    .interpolation = _seg_smp_interpolations,
    .depth = SEG_SMP_MAX_DEPTH,
    .decoder_channels = { 256, 128, 64, 32, 16 },
    .bands = 3,
    .classes = 1,
  };
  for (const SegSmpEncoder *e = _seg_smp_encoders; e->name != NULL; e++)
    if (strcmp (e->name, "resnet34") == 0)
      self->encoder = e;
}

/* What is not there is as smp's constructor has it. What cannot be expressed here is refused with
 * its key and value, and so is any key that is not known: it might change the result. */
gboolean
_seg_smp_config_read (SegSmpConfig *self, const json_t *root, GError **error)
{
  const char *key;
  json_t *value;

  seg_smp_config_set_defaults (self);
  if (json_object_get (root, "_model_class") == NULL)
    {
      g_set_error_literal (error, SEG_ERROR, SEG_ERROR_FORMAT,
                           "\"_model_class\" is missing: it says which kind of network this is");
      return FALSE;
    }
  json_object_foreach ((json_t *) root, key, value)
    if (!seg_smp_config_is_known (key))
      return _seg_smp_json_refuse (SEG_ERROR_UNSUPPORTED, key, value, "unknown key", error);
  if (json_object_get (root, "decoder_use_norm") != NULL
      && (value = json_object_get (root, "decoder_use_batchnorm")) != NULL)
    return _seg_smp_json_refuse (SEG_ERROR_FORMAT, "decoder_use_batchnorm", value,
                                 "there is \"decoder_use_norm\", too", error);

  for (guint i = 0; i < G_N_ELEMENTS (seg_smp_config_keys); i++)
    {
      key = seg_smp_config_keys[i].name;
      value = json_object_get (root, key);
      if (value != NULL && !seg_smp_config_keys[i].take (self, key, value, error))
        return FALSE;
    }
  if (self->depth == SEG_SMP_MAX_DEPTH || json_object_get (root, "decoder_channels") != NULL)
    return TRUE;
  return _seg_smp_json_refuse (SEG_ERROR_FORMAT, "encoder_depth",
                               json_object_get (root, "encoder_depth"),
                               "needs \"decoder_channels\" of so many numbers", error);
}

/* "encoder_weights" is null, so that loading never downloads anything. */
json_t *
_seg_smp_config_to_json (const SegSmpConfig *self)
{
  json_t *channels = json_array ();

  for (gint i = 0; i < self->depth; i++)
    json_array_append_new (channels, json_integer (self->decoder_channels[i]));
  return json_pack ("{s:s, s:n, s:n, s:i, s:s?, s:o, s:s, s:s, s:i, s:s, s:n, s:i}", "_model_class",
                    "Unet", "activation", "aux_params", "classes", self->classes,
                    "decoder_attention_type", self->attention->word, "decoder_channels", channels,
                    "decoder_interpolation", self->interpolation->word, "decoder_use_norm",
                    self->norm->word, "encoder_depth", self->depth, "encoder_name",
                    self->encoder->name, "encoder_weights", "in_channels", self->bands);
}
