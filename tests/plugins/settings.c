#include "settings.h"

#include <string.h>

#include <segkit/random.h>

/* Settings in which every property is drawn at random. */
#define N_MIXTURES 40

static void
setting_free (gpointer data)
{
  Setting *self = data;

  g_clear_object (&self->object);
  g_free (self->what);
  g_free (self);
}

static SegRegistry *
registry (void)
{
  return seg_registry_get_default ();
}

/* @values: one for each of @n properties */
static void
add_setting (GPtrArray *settings, const char *feature, guint n, GParamSpec *const *pspecs,
             const GValue *values)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GString) what = g_string_new (feature);
  g_autofree const char **names = g_new (const char *, n + 1);
  Setting *self = g_new0 (Setting, 1);

  for (guint i = 0; i < n; i++)
    {
      g_autofree char *text = seg_value_to_string (&values[i]);

      names[i] = pspecs[i]->name;
      g_string_append_printf (what, " %s=%s", names[i], text);
    }
  self->what = g_strdup (what->str);
  self->object =
      seg_object_new_checked (seg_registry_lookup (registry (), feature), n, names, values, &error);
  g_assert_no_error (error);
  g_ptr_array_add (settings, self);
}

static void
value_free (gpointer data)
{
  g_value_unset (data);
  g_free (data);
}

static GValue *
add_value (GPtrArray *values, GParamSpec *pspec)
{
  GValue *value = g_new0 (GValue, 1);

  g_ptr_array_add (values, value);
  return g_value_init (value, pspec->value_type);
}

/* What to try for a property: both ends of its range, and what lies in between. */
static GPtrArray *
get_values (GParamSpec *pspec)
{
  static const char *const texts[] = { "", ";", "7", "x", "-1;0", "4;4;4;4", "4;4;4;4;4;4;4;4;4" };
  GPtrArray *values = g_ptr_array_new_with_free_func (value_free);

  if (G_IS_PARAM_SPEC_INT (pspec))
    {
      GParamSpecInt *range = G_PARAM_SPEC_INT (pspec);
      gint tried[] = { range->minimum, range->maximum, range->minimum + 1, 1, 2, 3, 17 };

      for (guint i = 0; i < G_N_ELEMENTS (tried); i++)
        {
          gboolean skip = tried[i] < range->minimum || tried[i] > range->maximum;

          for (guint j = 0; j < i; j++)
            skip |= tried[j] == tried[i];
          if (!skip)
            g_value_set_int (add_value (values, pspec), tried[i]);
        }
    }
  else if (G_IS_PARAM_SPEC_FLOAT (pspec))
    {
      g_value_set_float (add_value (values, pspec), G_PARAM_SPEC_FLOAT (pspec)->minimum);
      g_value_set_float (add_value (values, pspec), G_PARAM_SPEC_FLOAT (pspec)->maximum);
    }
  else if (G_IS_PARAM_SPEC_BOOLEAN (pspec))
    for (guint i = 0; i < 2; i++)
      g_value_set_boolean (add_value (values, pspec), i != 0);
  else if (G_IS_PARAM_SPEC_ENUM (pspec))
    for (guint i = 0; i < G_PARAM_SPEC_ENUM (pspec)->enum_class->n_values; i++)
      g_value_set_enum (add_value (values, pspec),
                        G_PARAM_SPEC_ENUM (pspec)->enum_class->values[i].value);
  else if (G_IS_PARAM_SPEC_STRING (pspec))
    for (guint i = 0; i < G_N_ELEMENTS (texts); i++)
      g_value_set_static_string (add_value (values, pspec), texts[i]);
  else if (G_IS_PARAM_SPEC_OBJECT (pspec))
    {
      /* every block there is: the wrong kinds must be refused */
      g_auto (GStrv) names = seg_registry_list (registry (), pspec->value_type);

      for (char **name = names; *name != NULL; name++)
        g_value_take_object (
            add_value (values, pspec),
            seg_registry_create (registry (), *name, pspec->value_type, NULL, NULL));
    }
  else
    g_assert_not_reached ();
  return values;
}

/* Every property drawn at random, integers from 0…3: large ones rarely go together. */
static void
add_mixture (GPtrArray *settings, const char *feature, guint n, GParamSpec *const *pspecs,
             guint number)
{
  g_autofree GValue *values = g_new0 (GValue, n);

  for (guint i = 0; i < n; i++)
    {
      g_autoptr (GPtrArray) tried = get_values (pspecs[i]);
      float r;

      seg_random_uniform (6, i, number, 1, &r);
      g_value_init (&values[i], pspecs[i]->value_type);
      if (r < 0.4f)
        g_param_value_set_default (pspecs[i], &values[i]);
      else if (G_IS_PARAM_SPEC_INT (pspecs[i]))
        g_value_set_int (&values[i],
                         CLAMP ((gint) (r * 100.f) % 4, G_PARAM_SPEC_INT (pspecs[i])->minimum,
                                G_PARAM_SPEC_INT (pspecs[i])->maximum));
      else
        g_value_copy (tried->pdata[(guint) (r * (float) tried->len)], &values[i]);
    }
  add_setting (settings, feature, n, pspecs, values);
  for (guint i = 0; i < n; i++)
    g_value_unset (&values[i]);
}

GPtrArray *
settings_of (const char *feature)
{
  GPtrArray *settings = g_ptr_array_new_with_free_func (setting_free);
  g_autofree GParamSpec **pspecs = NULL;
  guint n;

  add_setting (settings, feature, 0, NULL, NULL);
  pspecs = g_object_class_list_properties (
      G_OBJECT_GET_CLASS (((Setting *) settings->pdata[0])->object), &n);
  for (guint i = 0; i < n; i++)
    {
      g_autoptr (GPtrArray) values = get_values (pspecs[i]);

      for (guint j = 0; j < values->len; j++)
        add_setting (settings, feature, 1, &pspecs[i], values->pdata[j]);
    }
  /* wiring has few properties and much work: the mixtures are for layers */
  for (guint i = 0;
       n > 1 && i < N_MIXTURES && SEG_IS_LAYER (((Setting *) settings->pdata[0])->object); i++)
    add_mixture (settings, feature, n, pspecs, i);
  return settings;
}

void
assert_refused (const GError *error, const char *what)
{
  g_assert_nonnull (error);
  g_assert_cmpuint (error->domain, ==, SEG_ERROR);
  g_assert_null (strchr (error->message, '\n'));
  g_assert_cmpuint (strlen (error->message), >, 10);
  g_test_message ("%s: refused: %s", what, error->message);
}
