#include <math.h>

#include <gobject/gvaluecollector.h>

#include <segkit/error.h>
#include <segkit/property.h>
#include <segkit/registry.h>

#include "property-private.h"
#include "text.h"

static G_DEFINE_QUARK (seg-property-offset, seg_property_offset)

static gpointer
seg_property_field (GObject *object, GParamSpec *pspec)
{
  /* that of private data is negative */
  gssize offset =
      (gssize) GPOINTER_TO_SIZE (g_param_spec_get_qdata (pspec, seg_property_offset_quark ()));
  return (char *) object + offset;
}

static void
seg_property_set (GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
  gpointer field = seg_property_field (object, pspec);

  (void) id;
  switch (G_TYPE_FUNDAMENTAL (pspec->value_type))
    {
    case G_TYPE_INT:
      *(gint *) field = g_value_get_int (value);
      break;
    case G_TYPE_FLOAT:
      *(gfloat *) field = g_value_get_float (value);
      break;
    case G_TYPE_BOOLEAN:
      *(gboolean *) field = g_value_get_boolean (value);
      break;
    case G_TYPE_ENUM:
      *(gint *) field = g_value_get_enum (value);
      break;
    case G_TYPE_STRING:
      *(const char **) field = g_intern_string (g_value_get_string (value));
      break;
    case G_TYPE_OBJECT:
      g_set_object ((GObject **) field, g_value_get_object (value));
      break;
    default:
      g_assert_not_reached ();
    }
}

static void
seg_property_get (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  gpointer field = seg_property_field (object, pspec);

  (void) id;
  switch (G_TYPE_FUNDAMENTAL (pspec->value_type))
    {
    case G_TYPE_INT:
      g_value_set_int (value, *(gint *) field);
      break;
    case G_TYPE_FLOAT:
      g_value_set_float (value, *(gfloat *) field);
      break;
    case G_TYPE_BOOLEAN:
      g_value_set_boolean (value, *(gboolean *) field);
      break;
    case G_TYPE_ENUM:
      g_value_set_enum (value, *(gint *) field);
      break;
    case G_TYPE_STRING:
      g_value_set_static_string (value, *(const char **) field);
      break;
    case G_TYPE_OBJECT:
      g_value_set_object (value, *(GObject **) field);
      break;
    default:
      g_assert_not_reached ();
    }
}

/* GObject clears the class's accessors for each subclass, so each installation sets them. A
 * name that the class already has is taken over: a subclass may give a property another range
 * or default. */
static void
seg_class_add (gpointer klass, gsize offset, GParamSpec *pspec)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  g_autofree GParamSpec **own = NULL;
  guint n_all, n_own = 0;

  g_param_spec_set_qdata (pspec, seg_property_offset_quark (), GSIZE_TO_POINTER (offset));
  object_class->set_property = seg_property_set;
  object_class->get_property = seg_property_get;

  own = g_object_class_list_properties (object_class, &n_all);
  for (guint i = 0; i < n_all; i++)
    n_own += own[i]->owner_type == G_TYPE_FROM_CLASS (klass);
  g_object_class_install_property (object_class, n_own + 1, pspec);
}

#define SEG_PROPERTY_FLAGS \
  (G_PARAM_READWRITE | G_PARAM_CONSTRUCT_ONLY | G_PARAM_STATIC_STRINGS | G_PARAM_EXPLICIT_NOTIFY)

/**
 * seg_class_add_int: (skip)
 *
 * Installs a hyper-parameter that is stored at @offset of the instance. The same holds for the
 * other kinds. Names and blurbs must be static strings.
 */
void
seg_class_add_int (gpointer klass, const char *name, gsize offset, gint minimum, gint maximum,
                   gint default_value, const char *blurb)
{
  seg_class_add (klass, offset,
                 g_param_spec_int (name, NULL, blurb, minimum, maximum, default_value,
                                   SEG_PROPERTY_FLAGS));
}

void
seg_class_add_float (gpointer klass, const char *name, gsize offset, gfloat minimum, gfloat maximum,
                     gfloat default_value, const char *blurb)
{
  seg_class_add (klass, offset,
                 g_param_spec_float (name, NULL, blurb, minimum, maximum, default_value,
                                     SEG_PROPERTY_FLAGS));
}

void
seg_class_add_boolean (gpointer klass, const char *name, gsize offset, gboolean default_value,
                       const char *blurb)
{
  seg_class_add (klass, offset,
                 g_param_spec_boolean (name, NULL, blurb, default_value, SEG_PROPERTY_FLAGS));
}

void
seg_class_add_enum (gpointer klass, const char *name, gsize offset, GType enum_type,
                    gint default_value, const char *blurb)
{
  seg_class_add (klass, offset,
                 g_param_spec_enum (name, NULL, blurb, enum_type, default_value,
                                    SEG_PROPERTY_FLAGS));
}

/* The field is a const char *; the text is interned and never freed. */
void
seg_class_add_string (gpointer klass, const char *name, gsize offset, const char *default_value,
                      const char *blurb)
{
  seg_class_add (klass, offset,
                 g_param_spec_string (name, NULL, blurb, default_value, SEG_PROPERTY_FLAGS));
}

/* The field is an object pointer; SegLayer and SegBlock drop the reference when they go. */
void
seg_class_add_object (gpointer klass, const char *name, gsize offset, GType object_type,
                      const char *blurb)
{
  seg_class_add (klass, offset,
                 g_param_spec_object (name, NULL, blurb, object_type, SEG_PROPERTY_FLAGS));
}

void
_seg_properties_dispose (GObject *object)
{
  guint n;
  g_autofree GParamSpec **pspecs
      = g_object_class_list_properties (G_OBJECT_GET_CLASS (object), &n);

  for (guint i = 0; i < n; i++)
    if (G_IS_PARAM_SPEC_OBJECT (pspecs[i])
        && g_param_spec_get_qdata (pspecs[i], seg_property_offset_quark ()) != NULL)
      g_clear_object ((GObject **) seg_property_field (object, pspecs[i]));
}

/* GObject's conversions cut off what does not fit an int, and make nothing of an object of
 * another type. */
static gboolean
seg_property_kept (const GValue *value, const GValue *converted)
{
  GValue before = G_VALUE_INIT, after = G_VALUE_INIT;

  if (G_VALUE_HOLDS_OBJECT (converted))
    return (g_value_get_object (value) == NULL) == (g_value_get_object (converted) == NULL);
  if (!G_VALUE_HOLDS_INT (converted))
    return TRUE;
  g_value_init (&before, G_TYPE_DOUBLE);
  g_value_init (&after, G_TYPE_DOUBLE);
  return g_value_transform (value, &before) && g_value_transform (converted, &after)
         && g_value_get_double (&before) == g_value_get_double (&after);
}

static gboolean
seg_property_check (GType type, GParamSpec *pspec, const GValue *value, GValue *checked,
                    GError **error)
{
  g_value_init (checked, pspec->value_type);
  if (!g_value_transform (value, checked) || !seg_property_kept (value, checked))
    {
      g_set_error (error, SEG_ERROR, SEG_ERROR_PARAM, "%s: property \"%s\" is %s, not %s",
                   seg_type_get_feature (type), pspec->name, g_type_name (pspec->value_type),
                   G_VALUE_TYPE_NAME (value));
      return FALSE;
    }
  /* GLib 2.74 takes an object that is not given for an invalid one */
  if (!(G_VALUE_HOLDS_OBJECT (checked) && g_value_get_object (checked) == NULL)
      && !g_param_value_is_valid (pspec, checked))
    {
      g_autofree char *text = seg_value_to_string (checked);
      g_autofree char *range = NULL;

      if (G_IS_PARAM_SPEC_INT (pspec))
        range = g_strdup_printf (" (%d to %d)", G_PARAM_SPEC_INT (pspec)->minimum,
                                 G_PARAM_SPEC_INT (pspec)->maximum);
      else if (G_IS_PARAM_SPEC_FLOAT (pspec))
        range = g_strdup_printf (" (%g to %g)", (double) G_PARAM_SPEC_FLOAT (pspec)->minimum,
                                 (double) G_PARAM_SPEC_FLOAT (pspec)->maximum);
      g_set_error (error, SEG_ERROR, SEG_ERROR_PARAM, "property \"%s\" cannot be %s%s", pspec->name,
                   text, range != NULL ? range : "");
      return FALSE;
    }
  return TRUE;
}

/**
 * seg_object_new_checked:
 * @type: an instantiatable type
 * @n: how many properties
 * @names: (array length=n): their names
 * @values: (array length=n): their values
 * @error: return location
 *
 * As g_object_new_with_properties(), but a name or value that does not fit is an error:
 * GObject itself warns and leaves zero.
 * Errors: `SEG_ERROR_PARAM`.
 *
 * Returns: (transfer full): a new object, or %NULL with @error set
 */
gpointer
seg_object_new_checked (GType type, guint n, const char *names[], const GValue values[],
                        GError **error)
{
  g_autoptr (GTypeClass) klass = g_type_class_ref (type);
  g_autofree GValue *checked = g_new0 (GValue, MAX (n, 1));
  gpointer object = NULL;
  guint done = 0;

  if (G_TYPE_IS_ABSTRACT (type))
    {
      g_set_error (error, SEG_ERROR, SEG_ERROR_PARAM, "%s is abstract",
                   seg_type_get_feature (type));
      return NULL;
    }

  for (; done < n; done++)
    {
      GParamSpec *pspec = g_object_class_find_property (G_OBJECT_CLASS (klass), names[done]);

      if (pspec == NULL)
        {
          g_set_error (error, SEG_ERROR, SEG_ERROR_PARAM, "%s has no property \"%s\"",
                       seg_type_get_feature (type), names[done]);
          break;
        }
      if (!seg_property_check (type, pspec, &values[done], &checked[done], error))
        {
          g_value_unset (&checked[done]);
          break;
        }
    }
  if (done == n)
    object = g_object_new_with_properties (type, n, names, checked);

  for (guint i = 0; i < done; i++)
    g_value_unset (&checked[i]);
  return object;
}

static void
seg_value_clear (gpointer value)
{
  if (G_VALUE_TYPE ((GValue *) value) != G_TYPE_INVALID)
    g_value_unset (value);
}

/* Reads name, value pairs up to NULL; values are taken as the class's property types. An enum's
 * value is its nick, as in recipes: one plugin does not see another's C enums. */
gboolean
_seg_properties_collect (GType type, const char *first_property, va_list args, GPtrArray *names,
                         GArray *values, GError **error)
{
  g_autoptr (GTypeClass) klass = g_type_class_ref (type);

  g_array_set_clear_func (values, seg_value_clear);
  for (const char *name = first_property; name != NULL; name = va_arg (args, const char *))
    {
      GParamSpec *pspec = g_object_class_find_property (G_OBJECT_CLASS (klass), name);
      GValue value = G_VALUE_INIT;
      g_autofree char *message = NULL;

      if (pspec == NULL)
        {
          g_set_error (error, SEG_ERROR, SEG_ERROR_PARAM, "%s has no property \"%s\"",
                       seg_type_get_feature (type), name);
          return FALSE;
        }
      if (G_TYPE_IS_ENUM (pspec->value_type))
        {
          if (!seg_value_from_string (pspec, va_arg (args, const char *), &value, error))
            {
              g_prefix_error (error, "property \"%s\": ", name);
              return FALSE;
            }
        }
      else
        G_VALUE_COLLECT_INIT (&value, pspec->value_type, args, 0, &message);
      if (message != NULL)
        {
          g_set_error (error, SEG_ERROR, SEG_ERROR_PARAM, "property \"%s\": %s", name, message);
          return FALSE;
        }
      g_ptr_array_add (names, (gpointer) pspec->name);
      g_array_append_val (values, value);
    }
  return TRUE;
}

/**
 * seg_object_copy_with: (skip)
 * @object: a layer or block
 * @error: return location
 * @first_property: name of the first property to change, then its value, more pairs, and %NULL
 *
 * Makes another object of the same type and properties, but for those given. A block uses it
 * on a block it was given as a pattern: the same kind, with so many channels.
 *
 * Returns: (transfer full): a new object, or %NULL with @error set
 */
gpointer
seg_object_copy_with (gpointer object, GError **error, const char *first_property, ...)
{
  g_autoptr (GPtrArray) names = g_ptr_array_new ();
  g_autoptr (GArray) values = g_array_new (FALSE, TRUE, sizeof (GValue));
  guint n_given, n_all;
  g_autofree GParamSpec **pspecs
      = g_object_class_list_properties (G_OBJECT_GET_CLASS (object), &n_all);
  gboolean collected;
  va_list args;

  va_start (args, first_property);
  collected = _seg_properties_collect (G_OBJECT_TYPE (object), first_property, args, names, values,
                                       error);
  va_end (args);
  if (!collected)
    return NULL;

  n_given = names->len;
  for (guint i = 0; i < n_all; i++)
    {
      GValue value = G_VALUE_INIT;
      gboolean given = FALSE;

      for (guint j = 0; j < n_given; j++)
        given |= strcmp (names->pdata[j], pspecs[i]->name) == 0;
      if (given || !(pspecs[i]->flags & G_PARAM_CONSTRUCT_ONLY))
        continue;
      g_value_init (&value, pspecs[i]->value_type);
      g_object_get_property (object, pspecs[i]->name, &value);
      g_ptr_array_add (names, (gpointer) pspecs[i]->name);
      g_array_append_val (values, value);
    }
  return seg_object_new_checked (G_OBJECT_TYPE (object), names->len, (const char **) names->pdata,
                                 (const GValue *) (gpointer) values->data, error);
}

/**
 * seg_value_from_string:
 * @pspec: of the property
 * @text: as written in a recipe
 * @value: (out caller-allocates): unset memory
 * @error: return location
 *
 * Reads a number with a decimal point whatever the locale, `true` or `false`, an enum's nick, or
 * plain text.
 * Errors: `SEG_ERROR_PARAM`.
 */
gboolean
seg_value_from_string (GParamSpec *pspec, const char *text, GValue *value, GError **error)
{
  GType type = pspec->value_type;
  char *end = NULL;
  gint64 integer;
  gdouble number;

  g_value_init (value, type);
  if (type == G_TYPE_INT && g_ascii_string_to_signed (text, 10, G_MININT, G_MAXINT, &integer, NULL))
    g_value_set_int (value, (gint) integer);
  else if (type == G_TYPE_FLOAT && *text != '\0' && !g_ascii_isspace (*text)
           && (number = g_ascii_strtod (text, &end), *end == '\0') && isfinite (number))
    g_value_set_float (value, (gfloat) number);
  else if (type == G_TYPE_BOOLEAN && strcmp (text, "true") == 0)
    g_value_set_boolean (value, TRUE);
  else if (type == G_TYPE_BOOLEAN && strcmp (text, "false") == 0)
    g_value_set_boolean (value, FALSE);
  else if (type == G_TYPE_STRING)
    g_value_set_string (value, text);
  else if (G_TYPE_IS_ENUM (type))
    {
      g_autoptr (GEnumClass) klass = g_type_class_ref (type);
      GEnumValue *found = g_enum_get_value_by_nick (klass, text);
      g_autoptr (GString) nicks = g_string_new (NULL);

      if (found != NULL)
        {
          g_value_set_enum (value, found->value);
          return TRUE;
        }
      for (guint i = 0; i < klass->n_values; i++)
        g_string_append_printf (nicks, "%s%s", i == 0 ? "" : ", ", klass->values[i].value_nick);
      g_value_unset (value);
      g_autofree char *shown = _seg_text_escape (text);
      g_set_error (error, SEG_ERROR, SEG_ERROR_PARAM, "\"%s\" is not one of %s", shown, nicks->str);
      return FALSE;
    }
  else
    {
      g_value_unset (value);
      g_autofree char *shown = _seg_text_escape (text);
      g_set_error (error, SEG_ERROR, SEG_ERROR_PARAM, "\"%s\" is not %s", shown,
                   type == G_TYPE_INT       ? "a whole number"
                   : type == G_TYPE_FLOAT   ? "a number"
                   : type == G_TYPE_BOOLEAN ? "true or false"
                                            : "a value that can be written as text");
      return FALSE;
    }
  return TRUE;
}

/**
 * seg_value_to_string:
 * @value: of a property
 *
 * Returns: (transfer full): text that seg_value_from_string() reads back; for an object, its
 * feature
 */
char *
seg_value_to_string (const GValue *value)
{
  char number[G_ASCII_DTOSTR_BUF_SIZE];

  if (G_VALUE_HOLDS_INT (value))
    return g_strdup_printf ("%d", g_value_get_int (value));
  if (G_VALUE_HOLDS_FLOAT (value))
    return g_strdup (g_ascii_formatd (number, sizeof number, "%.9g",
                                      (double) g_value_get_float (value)));
  if (G_VALUE_HOLDS_BOOLEAN (value))
    return g_strdup (g_value_get_boolean (value) ? "true" : "false");
  if (G_VALUE_HOLDS_STRING (value))
    return g_value_dup_string (value);
  if (G_VALUE_HOLDS_ENUM (value))
    {
      g_autoptr (GEnumClass) klass = g_type_class_ref (G_VALUE_TYPE (value));
      GEnumValue *found = g_enum_get_value (klass, g_value_get_enum (value));
      return g_strdup (found != NULL ? found->value_nick : "?");
    }
  if (G_VALUE_HOLDS_OBJECT (value) && g_value_get_object (value) != NULL)
    return g_strdup (seg_type_get_feature (G_OBJECT_TYPE (g_value_get_object (value))));
  return g_strdup ("");
}

/**
 * seg_ints_from_string: (skip)
 * @text: (nullable): numbers with semicolons between them, such as `256;128;64`
 * @minimum: of each
 * @maximum: of each
 * @n: (out): how many there are
 * @error: return location
 *
 * Reads the text of a string property that is a list of numbers; empty text is an empty list.
 * Errors: `SEG_ERROR_PARAM`.
 *
 * Returns: (transfer full) (array length=n): the numbers, or %NULL with @error set
 */
gint *
seg_ints_from_string (const char *text, gint minimum, gint maximum, guint *n, GError **error)
{
  g_auto (GStrv) words = g_strsplit (text != NULL ? text : "", ";", -1);
  g_autofree gint *numbers = g_new0 (gint, g_strv_length (words) + 1);

  for (*n = 0; words[*n] != NULL; (*n)++)
    {
      gint64 number;

      if (!g_ascii_string_to_signed (words[*n], 10, minimum, maximum, &number, NULL))
        {
          g_autofree char *shown = _seg_text_escape (words[*n]);
          g_set_error (error, SEG_ERROR, SEG_ERROR_PARAM,
                       "\"%s\" is not a number from %d to %d, as a list of numbers with semicolons "
                       "between them needs it",
                       shown, minimum, maximum);
          return NULL;
        }
      numbers[*n] = (gint) number;
    }
  return g_steal_pointer (&numbers);
}
