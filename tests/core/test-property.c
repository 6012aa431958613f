#include <float.h>
#include <locale.h>
#include <math.h>
#include <string.h>

#include <segkit/layer.h>
#include <segkit/registry.h>

/* ---- a layer that has a property of each kind --------------------------------------------- */

typedef enum
{
  TEST_COLOR_RED,
  TEST_COLOR_DARK_BLUE,
} TestColor;

static GType
test_color_get_type (void)
{
  static const GEnumValue values[] = { { TEST_COLOR_RED, "TEST_COLOR_RED", "red" },
                                       { TEST_COLOR_DARK_BLUE, "TEST_COLOR_DARK_BLUE",
                                         "dark-blue" },
                                       { 0, NULL, NULL } };
  static GType type;

  if (type == 0)
    type = g_enum_register_static ("TestColor", values);
  return type;
}

#define TEST_TYPE_THING (test_thing_get_type ())
G_DECLARE_FINAL_TYPE (TestThing, test_thing, TEST, THING, SegLayer)

struct _TestThing
{
  SegLayer parent_instance;
  gint count;
  gfloat weight;
  gboolean open;
  gint color;
  const char *text;
  TestThing *other;
};

G_DEFINE_FINAL_TYPE (TestThing, test_thing, SEG_TYPE_LAYER)

static void
test_thing_class_init (TestThingClass *klass)
{
  seg_class_add_int (klass, "count", G_STRUCT_OFFSET (TestThing, count), -5, 100, 3, "How many");
  seg_class_add_float (klass, "weight", G_STRUCT_OFFSET (TestThing, weight), -1.5f, 2.f, 0.25f,
                       "How heavy");
  seg_class_add_boolean (klass, "open", G_STRUCT_OFFSET (TestThing, open), TRUE, "Whether open");
  seg_class_add_enum (klass, "color", G_STRUCT_OFFSET (TestThing, color), test_color_get_type (),
                      TEST_COLOR_DARK_BLUE, "Which color");
  seg_class_add_string (klass, "text", G_STRUCT_OFFSET (TestThing, text), "plain", "Some words");
  seg_class_add_object (klass, "other", G_STRUCT_OFFSET (TestThing, other), TEST_TYPE_THING,
                        "Another one");
}

static void
test_thing_init (TestThing *self)
{
  (void) self;
}

/* A thing with one property set from @value, which is cleared; or NULL with the error set. */
static TestThing *
thing_with (const char *name, GValue value, GError **error)
{
  TestThing *thing = seg_object_new_checked (TEST_TYPE_THING, 1, &name, &value, error);

  g_value_unset (&value);
  return thing;
}

static GValue
int_value (gint number)
{
  GValue value = G_VALUE_INIT;

  g_value_init (&value, G_TYPE_INT);
  g_value_set_int (&value, number);
  return value;
}

static GValue
int64_value (gint64 number)
{
  GValue value = G_VALUE_INIT;

  g_value_init (&value, G_TYPE_INT64);
  g_value_set_int64 (&value, number);
  return value;
}

static GValue
double_value (double number)
{
  GValue value = G_VALUE_INIT;

  g_value_init (&value, G_TYPE_DOUBLE);
  g_value_set_double (&value, number);
  return value;
}

static GValue
string_value (const char *text)
{
  GValue value = G_VALUE_INIT;

  g_value_init (&value, G_TYPE_STRING);
  g_value_set_string (&value, text);
  return value;
}

static void
expect_refusal (const char *name, GValue value, const char *reason)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (TestThing) thing = thing_with (name, value, &error);

  g_assert_null (thing);
  g_assert_error (error, SEG_ERROR, SEG_ERROR_PARAM);
  g_assert_nonnull (strstr (error->message, name));
  g_assert_nonnull (strstr (error->message, reason));
}

/* ---- making ------------------------------------------------------------------------------- */

static void
test_defaults (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (TestThing) thing = seg_object_new_checked (TEST_TYPE_THING, 0, NULL, NULL, &error);

  g_assert_no_error (error);
  g_assert_cmpint (thing->count, ==, 3);
  g_assert_cmpfloat (thing->weight, ==, 0.25f);
  g_assert_true (thing->open);
  g_assert_cmpint (thing->color, ==, TEST_COLOR_DARK_BLUE);
  g_assert_cmpstr (thing->text, ==, "plain");
  g_assert_null (thing->other);
}

static void
test_ends_of_range (void)
{
  static const gint counts[] = { -5, -4, 0, 100 };
  static const float weights[] = { -1.5f, 0.f, 2.f };

  for (guint i = 0; i < G_N_ELEMENTS (counts); i++)
    {
      g_autoptr (TestThing) thing = thing_with ("count", int_value (counts[i]), NULL);
      gint read;

      g_assert_cmpint (thing->count, ==, counts[i]);
      g_object_get (thing, "count", &read, NULL);
      g_assert_cmpint (read, ==, counts[i]);
    }
  for (guint i = 0; i < G_N_ELEMENTS (weights); i++)
    { /* a double does for a float */
      g_autoptr (TestThing) thing = thing_with ("weight", double_value ((double) weights[i]), NULL);
      g_assert_cmpfloat (thing->weight, ==, weights[i]);
    }
}

static void
test_outside_range (void)
{
  static const gint counts[] = { -6, 101, G_MININT, G_MAXINT };
  const double weights[] = { -1.5000001, 2.0000002, DBL_MAX, -DBL_MAX, INFINITY, -INFINITY, NAN };

  for (guint i = 0; i < G_N_ELEMENTS (counts); i++)
    expect_refusal ("count", int_value (counts[i]), "(-5 to 100)");
  for (guint i = 0; i < G_N_ELEMENTS (weights); i++)
    expect_refusal ("weight", double_value (weights[i]), "(-1.5 to 2)");
}

/* GObject's own conversions would make something else of these without a word. */
static void
test_other_type (void)
{
  GValue object = G_VALUE_INIT;

  expect_refusal ("count", int64_value (G_GINT64_CONSTANT (0x100000003)), "count");
  expect_refusal ("count", double_value (2.5), "count");
  expect_refusal ("count", double_value (NAN), "count");
  expect_refusal ("count", string_value ("3"), "gchararray");
  expect_refusal ("weight", string_value ("1"), "gchararray");
  expect_refusal ("open", string_value ("true"), "gchararray");
  expect_refusal ("color", int_value (7), "cannot be");
  expect_refusal ("other", string_value ("x"), "gchararray");
  g_value_init (&object, G_TYPE_OBJECT);
  g_value_take_object (&object, g_object_new (G_TYPE_OBJECT, NULL));
  expect_refusal ("other", object, "not GObject");
  expect_refusal ("color-of-hair", int_value (0), "has no property");
}

/* All that an integer property can hold may come as another kind of number. */
static void
test_exact_number (void)
{
  g_autoptr (TestThing) from_double = thing_with ("count", double_value (-4.0), NULL);
  g_autoptr (TestThing) from_int64 = thing_with ("count", int64_value (77), NULL);

  g_assert_cmpint (from_double->count, ==, -4);
  g_assert_cmpint (from_int64->count, ==, 77);
}

static void
test_abstract (void)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (seg_object_new_checked (SEG_TYPE_LAYER, 0, NULL, NULL, &error));
  g_assert_error (error, SEG_ERROR, SEG_ERROR_PARAM);
}

/* The object holds its object properties, and lets go of them. */
static void
test_object (void)
{
  TestThing *inner = g_object_new (TEST_TYPE_THING, "count", 5, NULL);
  TestThing *outer = g_object_new (TEST_TYPE_THING, "other", inner, NULL);
  gpointer watch = inner;

  g_object_add_weak_pointer (G_OBJECT (inner), &watch);
  g_object_unref (inner);
  g_assert_nonnull (watch);
  g_assert_cmpint (outer->other->count, ==, 5);
  g_object_unref (outer);
  g_assert_null (watch);
}

/* ---- copying ------------------------------------------------------------------------------ */

static void
test_copy_with (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (TestThing) inner = g_object_new (TEST_TYPE_THING, NULL);
  g_autoptr (TestThing) thing =
      g_object_new (TEST_TYPE_THING, "count", 7, "weight", 1.5, "open", FALSE, "color",
                    TEST_COLOR_RED, "text", "words", "other", inner, NULL);
  g_autoptr (TestThing) copy =
      seg_object_copy_with (thing, &error, "count", 8, "text", "more words", NULL);

  g_assert_no_error (error);
  g_assert_true (copy != thing);
  g_assert_cmpint (copy->count, ==, 8);
  g_assert_cmpfloat (copy->weight, ==, 1.5f);
  g_assert_false (copy->open);
  g_assert_cmpint (copy->color, ==, TEST_COLOR_RED);
  g_assert_cmpstr (copy->text, ==, "more words");
  g_assert_true (copy->other == inner);

  g_assert_cmpint (thing->count, ==, 7);
  g_assert_cmpstr (thing->text, ==, "words");
}

/* An enum is given by its nick: a plugin does not see another's C names. */
static void
test_copy_enum (void)
{
  g_autoptr (TestThing) thing = g_object_new (TEST_TYPE_THING, NULL);
  g_autoptr (GError) error = NULL;
  g_autoptr (TestThing) red =
      seg_object_copy_with (thing, &error, "color", "red", "count", 4, NULL);

  g_assert_no_error (error);
  g_assert_cmpint (red->color, ==, TEST_COLOR_RED);
  g_assert_cmpint (red->count, ==, 4);
  g_assert_null (seg_object_copy_with (thing, &error, "color", "green", NULL));
  g_assert_error (error, SEG_ERROR, SEG_ERROR_PARAM);
  g_assert_nonnull (strstr (error->message, "\"green\" is not one of red, dark-blue"));
}

static void
test_copy_refused (void)
{
  g_autoptr (TestThing) thing = g_object_new (TEST_TYPE_THING, NULL);
  g_autoptr (GError) range = NULL, unknown = NULL;

  g_assert_null (seg_object_copy_with (thing, &range, "weight", 0.5, "count", 101, NULL));
  g_assert_error (range, SEG_ERROR, SEG_ERROR_PARAM);
  g_assert_nonnull (strstr (range->message, "\"count\" cannot be 101"));
  g_assert_null (seg_object_copy_with (thing, &unknown, "channels", 1, NULL));
  g_assert_error (unknown, SEG_ERROR, SEG_ERROR_PARAM);
  g_assert_nonnull (strstr (unknown->message, "\"channels\""));
}

/* ---- text --------------------------------------------------------------------------------- */

static GParamSpec *
find_pspec (const char *name)
{
  g_autoptr (GTypeClass) klass = g_type_class_ref (TEST_TYPE_THING);
  return g_object_class_find_property (G_OBJECT_CLASS (klass), name);
}

static void
assert_round_trip (const char *name, const GValue *value)
{
  g_autofree char *text = seg_value_to_string (value), *again = NULL;
  g_autoptr (GError) error = NULL;
  GValue read = G_VALUE_INIT;

  g_assert_true (seg_value_from_string (find_pspec (name), text, &read, &error));
  g_assert_no_error (error);
  g_assert_cmpint (g_param_values_cmp (find_pspec (name), value, &read), ==, 0);
  again = seg_value_to_string (&read);
  g_assert_cmpstr (again, ==, text);
  g_value_unset (&read);
}

static void
assert_float_round_trip (float number)
{
  g_autofree char *text = NULL;
  GValue value = G_VALUE_INIT, read = G_VALUE_INIT;
  float copy;

  g_value_init (&value, G_TYPE_FLOAT);
  g_value_set_float (&value, number);
  text = seg_value_to_string (&value);
  g_assert_null (strchr (text, ','));
  g_assert_true (seg_value_from_string (find_pspec ("weight"), text, &read, NULL));
  copy = g_value_get_float (&read);
  g_assert_cmpmem (&copy, sizeof copy, &number, sizeof number);
  g_value_unset (&read);
  g_value_unset (&value);
}

static void
test_float_text (void)
{
  static const float numbers[] = { 0.f,     -0.f,     0.1f,  1.f / 3.f,  FLT_MAX,    -FLT_MAX,
                                   FLT_MIN, 0x1p-149, 1e-5f, 16777216.f, 123456.789f };

  for (guint i = 0; i < G_N_ELEMENTS (numbers); i++)
    assert_float_round_trip (numbers[i]);
  for (guint i = 0; i < 10000; i++)
    {
      guint32 bits = (guint32) g_test_rand_int ();
      float number;

      memcpy (&number, &bits, sizeof number);
      if (isfinite (number))
        assert_float_round_trip (number);
    }
}

/* A comma where C has a point must change nothing. */
static void
test_locale (void)
{
  static const char *const names[] = { "de_DE.UTF-8", "de_DE",       "fr_FR.UTF-8", "es_ES.UTF-8",
                                       "it_IT.UTF-8", "nl_NL.UTF-8", "pt_BR.UTF-8", "ru_RU.UTF-8" };
  const char *found = NULL;
  GValue value = G_VALUE_INIT;

  for (guint i = 0; i < G_N_ELEMENTS (names) && found == NULL; i++)
    found = setlocale (LC_NUMERIC, names[i]);
  if (found == NULL)
    {
      g_test_skip ("no locale with a decimal comma is installed");
      return;
    }
  g_assert_cmpstr (localeconv ()->decimal_point, ==, ",");
  test_float_text ();
  g_assert_false (seg_value_from_string (find_pspec ("weight"), "0,5", &value, NULL));
  setlocale (LC_NUMERIC, "C");
}

static void
test_text (void)
{
  static const gint counts[] = { 0, 1, -1, 100, G_MAXINT, G_MININT };
  GValue value;

  for (guint i = 0; i < G_N_ELEMENTS (counts); i++)
    {
      value = int_value (counts[i]);
      assert_round_trip ("count", &value);
      g_value_unset (&value);
    }
  for (gint i = 0; i < 2; i++)
    {
      value = (GValue) G_VALUE_INIT;
      g_value_init (&value, G_TYPE_BOOLEAN);
      g_value_set_boolean (&value, i);
      assert_round_trip ("open", &value);
      g_value_unset (&value);

      value = (GValue) G_VALUE_INIT;
      g_value_init (&value, test_color_get_type ());
      g_value_set_enum (&value, i == 0 ? TEST_COLOR_RED : TEST_COLOR_DARK_BLUE);
      assert_round_trip ("color", &value);
      g_value_unset (&value);
    }
  value = string_value ("256;128; with = signs, \"quotes\" and ümlauts");
  assert_round_trip ("text", &value);
  g_value_unset (&value);
  value = string_value ("");
  assert_round_trip ("text", &value);
  g_value_unset (&value);
}

static void
test_bad_text (void)
{
  static const struct
  {
    const char *name, *text;
  } bad[] = {
    { "count", "" }, { "count", "1.5" }, { "count", " 1" }, { "count", "1 " },
    { "count", "0x10" }, { "count", "1e2" }, { "count", "2147483648" }, { "count", "eight" },
    { "count", "99999999999999999999" }, { "weight", "" }, { "weight", "1,5" },
    { "weight", " 1" }, { "weight", "1 " }, { "weight", "1.5x" }, { "weight", "nan" },
    { "weight", "inf" }, { "weight", "-infinity" }, { "weight", "1e999" }, { "open", "yes" },
    { "open", "1" }, { "open", "TRUE" }, { "open", "" }, { "color", "green" }, { "color", "RED" },
    { "color", "" }, { "color", "0" }, { "other", "thing" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_autoptr (GError) error = NULL;
      GValue value = G_VALUE_INIT;

      g_test_message ("%s = \"%s\"", bad[i].name, bad[i].text);
      g_assert_false (
          seg_value_from_string (find_pspec (bad[i].name), bad[i].text, &value, &error));
      g_assert_error (error, SEG_ERROR, SEG_ERROR_PARAM);
      g_assert_false (G_IS_VALUE (&value));
      if (g_str_equal (bad[i].name, "color"))
        g_assert_nonnull (strstr (error->message, "red, dark-blue"));
    }
}

static void
test_list_text (void)
{
  static const struct
  {
    const char *text;
    guint n;
    gint numbers[4];
  } lists[] = {
    { "", 0, { 0 } },
    { NULL, 0, { 0 } },
    { "7", 1, { 7 } },
    { "256;64;1", 3, { 256, 64, 1 } },
    { "1;1;1;1", 4, { 1, 1, 1, 1 } },
  };
  static const char *const bad[] = {
    ";", "1;", ";1", "1;;2", "1,2", "1; 2", "0;1", "1;257", "a", "1.5", "99999999999999999999"
  };

  for (guint i = 0; i < G_N_ELEMENTS (lists); i++)
    {
      g_autoptr (GError) error = NULL;
      guint n;
      g_autofree gint *numbers = seg_ints_from_string (lists[i].text, 1, 256, &n, &error);

      g_assert_no_error (error);
      g_assert_cmpmem (numbers, n * sizeof *numbers, lists[i].numbers,
                       lists[i].n * sizeof *lists[i].numbers);
    }
  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_autoptr (GError) error = NULL;
      guint n;

      g_test_message ("\"%s\"", bad[i]);
      g_assert_null (seg_ints_from_string (bad[i], 1, 256, &n, &error));
      g_assert_error (error, SEG_ERROR, SEG_ERROR_PARAM);
    }
}

/* Messages call a type by the name that it was registered by. */
static void
test_feature (void)
{
  g_assert_cmpstr (seg_type_get_feature (TEST_TYPE_THING), ==, "TestThing");
  seg_registry_add (seg_registry_get_default (), "thing", TEST_TYPE_THING);
  g_assert_cmpstr (seg_type_get_feature (TEST_TYPE_THING), ==, "thing");
  g_assert_cmpstr (seg_type_get_feature (SEG_TYPE_LAYER), ==, "SegLayer");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/property/defaults", test_defaults);
  g_test_add_func ("/property/ends-of-range", test_ends_of_range);
  g_test_add_func ("/property/outside-range", test_outside_range);
  g_test_add_func ("/property/other-type", test_other_type);
  g_test_add_func ("/property/exact-number", test_exact_number);
  g_test_add_func ("/property/abstract", test_abstract);
  g_test_add_func ("/property/object", test_object);
  g_test_add_func ("/property/copy-with", test_copy_with);
  g_test_add_func ("/property/copy-enum", test_copy_enum);
  g_test_add_func ("/property/copy-refused", test_copy_refused);
  g_test_add_func ("/property/text", test_text);
  g_test_add_func ("/property/text/float", test_float_text);
  g_test_add_func ("/property/text/bad", test_bad_text);
  g_test_add_func ("/property/text/list", test_list_text);
  g_test_add_func ("/property/text/locale", test_locale);
  g_test_add_func ("/property/feature", test_feature);
  return g_test_run ();
}
