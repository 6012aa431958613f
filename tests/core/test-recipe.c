#include <segkit/error.h>
#include <segkit/recipe.h>
#include <segkit/registry.h>

#include <string.h>

/* ---- a block with a property of each kind -------------------------------------------- */

typedef enum
{
  MODE_PLAIN,
  MODE_FANCY,
} Mode;

static GType
mode_get_type (void)
{
  static const GEnumValue values[] = {
    { MODE_PLAIN, "MODE_PLAIN", "plain" },
    { MODE_FANCY, "MODE_FANCY", "fancy" },
    { 0, NULL, NULL },
  };
  static GType type;

  if (type == 0)
    type = g_enum_register_static ("TestMode", values);
  return type;
}

struct _TestBlock
{
  SegBlock parent_instance;
  gint width;
  gfloat rate;
  gboolean flag;
  gint mode;
  const char *text;
  SegBlock *inner, *other_inner;
};

G_DECLARE_FINAL_TYPE (TestBlock, test_block, TEST, BLOCK, SegBlock)
G_DEFINE_FINAL_TYPE (TestBlock, test_block, SEG_TYPE_BLOCK)

static void
test_block_class_init (TestBlockClass *klass)
{
  seg_class_add_int (klass, "width", G_STRUCT_OFFSET (TestBlock, width), 1, 64, 8, "");
  seg_class_add_float (klass, "drop-rate", G_STRUCT_OFFSET (TestBlock, rate), 0.f, 1.f, 0.5f, "");
  seg_class_add_boolean (klass, "flag", G_STRUCT_OFFSET (TestBlock, flag), TRUE, "");
  seg_class_add_enum (klass, "mode", G_STRUCT_OFFSET (TestBlock, mode), mode_get_type (),
                      MODE_PLAIN, "");
  seg_class_add_string (klass, "text", G_STRUCT_OFFSET (TestBlock, text), "default", "");
  seg_class_add_object (klass, "inner", G_STRUCT_OFFSET (TestBlock, inner), SEG_TYPE_BLOCK, "");
  seg_class_add_object (klass, "other-inner", G_STRUCT_OFFSET (TestBlock, other_inner),
                        SEG_TYPE_BLOCK, "");
}

static void
test_block_init (TestBlock *self)
{
  (void) self;
}

/* ---- good recipes -------------------------------------------------------------------- */

#define HEAD "[segkit]\nformat=1\n"

static GKeyFile *
parse (const char *text)
{
  g_autoptr (GError) error = NULL;
  GKeyFile *recipe = seg_recipe_parse (text, strlen (text), &error);

  g_assert_no_error (error);
  g_assert_nonnull (recipe);
  return recipe;
}

static TestBlock *
build (const char *text)
{
  g_autoptr (GKeyFile) recipe = parse (text);
  g_autoptr (GError) error = NULL;
  SegBlock *block = seg_recipe_build_block (recipe, "model", &error);

  g_assert_no_error (error);
  g_assert_nonnull (block);
  return TEST_BLOCK (block);
}

static void
test_values (void)
{
  g_autoptr (TestBlock) block = build ("# a comment\n\n"
                                       "[segkit]\r\n"
                                       "  format = 1  \r\n"
                                       "[model]\n"
                                       "type=test-block\n"
                                       "width=64\n"
                                       "drop-rate=0.25\n"
                                       "flag=false\n"
                                       "mode=fancy\n"
                                       "  # [model]\n"
                                       "text=a=b;c [d] #e");

  g_assert_cmpint (block->width, ==, 64);
  g_assert_true (block->rate == 0.25f);
  g_assert_false (block->flag);
  g_assert_cmpint (block->mode, ==, MODE_FANCY);
  g_assert_cmpstr (block->text, ==, "a=b;c [d] #e");
  g_assert_null (block->inner);
}

static void
test_defaults (void)
{
  g_autoptr (TestBlock) block = build (HEAD "[model]\ntype=test-block\n");

  g_assert_cmpint (block->width, ==, 8);
  g_assert_true (block->rate == 0.5f);
  g_assert_true (block->flag);
  g_assert_cmpstr (block->text, ==, "default");
}

/* Groups may come in any order. */
static void
test_blocks_inside (void)
{
  g_autoptr (TestBlock) block = build (HEAD "[model.inner.inner]\ntype=test-block\nwidth=3\n"
                                            "[model.other-inner]\ntype=test-block\nwidth=4\n"
                                            "[model]\ntype=test-block\nwidth=1\n"
                                            "[model.inner]\ntype=test-block\nwidth=2\n");

  g_assert_cmpint (block->width, ==, 1);
  g_assert_cmpint (TEST_BLOCK (block->inner)->width, ==, 2);
  g_assert_cmpint (TEST_BLOCK (TEST_BLOCK (block->inner)->inner)->width, ==, 3);
  g_assert_cmpint (TEST_BLOCK (block->other_inner)->width, ==, 4);
}

static void
test_other_groups (void)
{
  g_autoptr (GKeyFile) recipe = parse (HEAD "[input]\nchannels=3\nmean=1;2;3\nstd=1;1;1\n"
                                            "[classes]\nnames=a;ü\ncolors=#000000;#ffffff\n");
  g_auto (GStrv) names = g_key_file_get_string_list (recipe, "classes", "names", NULL, NULL);

  g_assert_cmpint (g_strv_length (names), ==, 2);
  g_assert_cmpstr (names[1], ==, "ü");
}

/* ---- bad recipes --------------------------------------------------------------------- */

static const struct
{
  const char *name, *text, *message;
  gint code;
} bad_texts[] = {
  { "empty", "", "not a recipe", SEG_ERROR_FORMAT },
  { "no-format", "[segkit]\n[input]\nchannels=3\n", "not a recipe", SEG_ERROR_FORMAT },
  { "other-format", "[segkit]\nformat=2\n", "format \"2\"", SEG_ERROR_UNSUPPORTED },
  { "group-twice", HEAD "[model]\n[segkit]\n", "line 4: [segkit] occurs twice", SEG_ERROR_FORMAT },
  { "empty-group-twice", HEAD "[model]\n[model]\n", "line 4: [model] occurs twice",
    SEG_ERROR_FORMAT },
  { "key-twice", HEAD "[model]\na=1\n a =1\n", "line 5: [model] has key \"a\" twice",
    SEG_ERROR_FORMAT },
  { "unknown-group", HEAD "[clases]\n",
    "line 3: unknown group \"clases\"; did you mean \"classes\"?", SEG_ERROR_FORMAT },
  { "strange-group", HEAD "[something-else]\n", "line 3: unknown group \"something-else\"",
    SEG_ERROR_FORMAT },
  { "unknown-key", HEAD "[input]\nchannel=3\n",
    "line 4: unknown key \"channel\"; did you mean \"channels\"?", SEG_ERROR_FORMAT },
  { "translated-key", HEAD "[classes]\nnames[de]=a;b\n", "\"names[de]\" cannot be a key",
    SEG_ERROR_FORMAT },
  { "no-group", "format=1\n" HEAD, "line 1: key \"format\" comes before", SEG_ERROR_FORMAT },
  { "no-equals", HEAD "[model]\ntype\n", "line 4: neither", SEG_ERROR_FORMAT },
  { "no-key", HEAD "[model]\n=1\n", "\"\" cannot be a key", SEG_ERROR_FORMAT },
  { "no-bracket", HEAD "[model\n", "line 3: a group needs a ]", SEG_ERROR_FORMAT },
  { "only-bracket", HEAD "[\n", "line 3: a group needs a ]", SEG_ERROR_FORMAT },
  { "empty-name", HEAD "[]\n", "\"\" cannot be the name of a group", SEG_ERROR_FORMAT },
  { "two-brackets", HEAD "[model]]\n", "\"model]\" cannot be the name", SEG_ERROR_FORMAT },
  { "spaces", HEAD "[ model ]\n", "\" model \" cannot be the name", SEG_ERROR_FORMAT },
  { "not-utf8", HEAD "# \xff\n", "not UTF-8", SEG_ERROR_FORMAT },
  { "escape", HEAD "# \033[2J\n", "control characters", SEG_ERROR_FORMAT },
  { "bidi", HEAD "# \xe2\x80\xae\n", "control characters", SEG_ERROR_FORMAT },
};

static const struct
{
  const char *name, *text, *message;
  gint code;
} bad_blocks[] = {
  { "no-model", "", "no group [model]", SEG_ERROR_FORMAT },
  { "no-type", "[model]\n", "[model]: has no type", SEG_ERROR_FORMAT },
  { "unknown-type", "[model]\ntype=test-blok\n",
    "[model]: no plugin has a block \"test-blok\"; did you mean \"test-block\"?",
    SEG_ERROR_PLUGIN },
  { "unknown-property", "[model]\ntype=test-block\nwith=3\n",
    "[model]: unknown property \"with\"; did you mean \"width\"?", SEG_ERROR_FORMAT },
  { "underscore", "[model]\ntype=test-block\ndrop_rate=1\n",
    "[model]: unknown property \"drop_rate\"; did you mean \"drop-rate\"?", SEG_ERROR_FORMAT },
  { "too-large", "[model]\ntype=test-block\nwidth=65\n", "[model]: ", SEG_ERROR_PARAM },
  { "too-small", "[model]\ntype=test-block\nwidth=0\n", "[model]: ", SEG_ERROR_PARAM },
  { "beyond-integers", "[model]\ntype=test-block\nwidth=4294967297\n",
    "[model]: width: ", SEG_ERROR_PARAM },
  { "not-an-integer", "[model]\ntype=test-block\nwidth=1.5\n",
    "[model]: width: ", SEG_ERROR_PARAM },
  { "empty-value", "[model]\ntype=test-block\nwidth=\n", "[model]: width: ", SEG_ERROR_PARAM },
  { "not-a-number", "[model]\ntype=test-block\ndrop-rate=nan\n",
    "[model]: drop-rate: ", SEG_ERROR_PARAM },
  { "number-and-more", "[model]\ntype=test-block\ndrop-rate=0.5x\n",
    "[model]: drop-rate: ", SEG_ERROR_PARAM },
  { "comma", "[model]\ntype=test-block\ndrop-rate=0,5\n", "[model]: drop-rate: ", SEG_ERROR_PARAM },
  { "not-a-boolean", "[model]\ntype=test-block\nflag=yes\n", "[model]: flag: ", SEG_ERROR_PARAM },
  { "no-such-mode", "[model]\ntype=test-block\nmode=fany\n", "plain, fancy", SEG_ERROR_PARAM },
  { "block-as-value", "[model]\ntype=test-block\ninner=test-block\n",
    "\"inner\" is a block: it needs a group [model.inner]", SEG_ERROR_FORMAT },
  { "value-as-block", "[model]\ntype=test-block\n[model.width]\ntype=test-block\n",
    "[model.width]: \"width\" is a value", SEG_ERROR_FORMAT },
  { "unknown-block", "[model]\ntype=test-block\n[model.iner]\ntype=test-block\n",
    "[model.iner]: unknown property \"iner\"; did you mean \"inner\"?", SEG_ERROR_FORMAT },
  { "error-below", "[model]\ntype=test-block\n[model.inner]\ntype=test-block\nwidth=x\n",
    "[model.inner]: width: ", SEG_ERROR_PARAM },
  { "no-parent", "[model]\ntype=test-block\n[model.inner.inner]\ntype=test-block\n",
    "[model.inner.inner]: there is no group [model.inner]", SEG_ERROR_FORMAT },
  { "no-name", "[model]\ntype=test-block\n[model.]\ntype=test-block\n",
    "[model.]: unknown property \"\"", SEG_ERROR_FORMAT },
};

static void
assert_error (GError *error, gint code, const char *message)
{
  g_assert_nonnull (error);
  g_test_message ("%s", error->message);
  g_assert_error (error, SEG_ERROR, code);
  g_assert_nonnull (strstr (error->message, message));
  g_assert_null (strchr (error->message, '\n'));
}

static void
test_bad_text (gconstpointer data)
{
  guint i = GPOINTER_TO_UINT (data);
  g_autoptr (GError) error = NULL;

  g_assert_null (seg_recipe_parse (bad_texts[i].text, strlen (bad_texts[i].text), &error));
  assert_error (error, bad_texts[i].code, bad_texts[i].message);
}

static void
test_bad_block (gconstpointer data)
{
  guint i = GPOINTER_TO_UINT (data);
  g_autofree char *text = g_strconcat (HEAD, bad_blocks[i].text, NULL);
  g_autoptr (GKeyFile) recipe = parse (text);
  g_autoptr (GError) error = NULL;

  g_assert_null (seg_recipe_build_block (recipe, "model", &error));
  assert_error (error, bad_blocks[i].code, bad_blocks[i].message);
}

static void
test_nul (void)
{
  static const char text[] = HEAD "#\0\n[model]";
  g_autoptr (GError) error = NULL;

  g_assert_null (seg_recipe_parse (text, sizeof text - 1, &error));
  assert_error (error, SEG_ERROR_FORMAT, "not UTF-8");
}

static void
test_size (void)
{
  g_autoptr (GString) text = g_string_new (HEAD "#");
  g_autoptr (GKeyFile) recipe = NULL;
  g_autoptr (GError) error = NULL;

  while (text->len < SEG_RECIPE_MAX_BYTES)
    g_string_append_c (text, 'x');
  recipe = seg_recipe_parse (text->str, text->len, &error);
  g_assert_no_error (error);
  g_string_append_c (text, 'x');
  g_assert_null (seg_recipe_parse (text->str, text->len, &error));
  assert_error (error, SEG_ERROR_FORMAT, "1048577 bytes");
}

static void
test_lines (void)
{
  g_autoptr (GString) text = g_string_new (HEAD);
  g_autoptr (GError) error = NULL;

  for (guint i = 0; i < 5000; i++)
    g_string_append (text, "\n");
  g_assert_null (seg_recipe_parse (text->str, text->len, &error));
  assert_error (error, SEG_ERROR_FORMAT, "4096 lines");
}

static void
test_depth (void)
{
  for (guint depth = 16; depth <= 17; depth++)
    {
      g_autoptr (GString) text = g_string_new (HEAD), group = g_string_new ("model");
      g_autoptr (GKeyFile) recipe = NULL;
      g_autoptr (SegBlock) block = NULL;
      g_autoptr (GError) error = NULL;

      for (guint i = 0; i < depth; i++, g_string_append (group, ".inner"))
        g_string_append_printf (text, "[%s]\ntype=test-block\n", group->str);
      recipe = parse (text->str);
      block = seg_recipe_build_block (recipe, "model", &error);
      if (depth == 16)
        g_assert_no_error (error);
      else
        assert_error (error, SEG_ERROR_FORMAT, "deeper than 16");
    }
}

/* The name of the innermost of 64 is longer than any may be. */
static void
test_depth_of_names (void)
{
  g_autoptr (GString) text = g_string_new (HEAD "[model");
  g_autoptr (GError) error = NULL;

  for (guint i = 0; i < 64; i++)
    g_string_append (text, ".inner");
  g_string_append (text, "]\ntype=test-block\n");
  g_assert_null (seg_recipe_parse (text->str, text->len, &error));
  assert_error (error, SEG_ERROR_FORMAT, "cannot be the name of a group");
}

/* As many groups as lines allow: each looks through all, and there is no block for most. */
static void
test_many_groups (void)
{
  g_autoptr (GString) text = g_string_new (HEAD "[model]\ntype=test-block\n");
  g_autoptr (GKeyFile) recipe = NULL;
  g_autoptr (GError) error = NULL;

  for (guint i = 0; i < 4090; i++)
    g_string_append_printf (text, "[model.x%u]\n", i);
  recipe = parse (text->str);
  g_assert_null (seg_recipe_build_block (recipe, "model", &error));
  assert_error (error, SEG_ERROR_FORMAT, "[model.x0]: unknown property \"x0\"");
}

/* Names and values in messages are short and of one line, whatever they are. */
static void
test_message (void)
{
  g_autofree char *long_name = g_strnfill (1000, 'x');
  g_autofree char *key = g_strconcat (HEAD "[model]\ntype=test-block\ntext=", long_name, NULL);
  g_autofree char *type = g_strconcat (HEAD "[model]\ntype=", long_name, NULL);
  g_autofree char *group = g_strconcat (HEAD "[", long_name, "]", NULL);
  g_autoptr (GKeyFile) long_value = parse (key), long_type = parse (type);
  g_autoptr (GError) error = NULL;

  g_assert_null (seg_recipe_build_block (long_value, "model", &error));
  assert_error (error, SEG_ERROR_FORMAT, "text has a value of more than 256 bytes");
  g_clear_error (&error);

  g_assert_null (seg_recipe_build_block (long_type, "model", &error));
  assert_error (error, SEG_ERROR_PLUGIN, "xxx...\"");
  g_clear_error (&error);

  g_assert_null (seg_recipe_parse (group, strlen (group), &error));
  assert_error (error, SEG_ERROR_FORMAT, "xxx...\"");
  g_assert_cmpuint (strlen (error->message), <, 200);
}

/* ---- objects other than blocks ------------------------------------------------------- */

#define TRAINED HEAD "[model]\ntype=test-block\n[train]\nanything=goes\n[data]\nfolder=x\n"

/* A pupil has a teacher, and is no feature. */
struct _TestPupil
{
  GObject parent_instance;
  gint age;
  SegBlock *teacher;
};

G_DECLARE_FINAL_TYPE (TestPupil, test_pupil, TEST, PUPIL, GObject)
G_DEFINE_FINAL_TYPE (TestPupil, test_pupil, G_TYPE_OBJECT)

static void
test_pupil_dispose (GObject *object)
{
  g_clear_object (&TEST_PUPIL (object)->teacher);
  G_OBJECT_CLASS (test_pupil_parent_class)->dispose (object);
}

static void
test_pupil_class_init (TestPupilClass *klass)
{
  G_OBJECT_CLASS (klass)->dispose = test_pupil_dispose;
  seg_class_add_int (klass, "age", G_STRUCT_OFFSET (TestPupil, age), 1, 64, 8, "");
  seg_class_add_object (klass, "teacher", G_STRUCT_OFFSET (TestPupil, teacher), SEG_TYPE_BLOCK, "");
}

static void
test_pupil_init (TestPupil *self)
{
  (void) self;
}

/* What training needs does not disturb those who only want the network. */
static void
test_training_groups (void)
{
  g_autoptr (TestBlock) block = build (TRAINED "[train.loss]\ntype=nobody-has-it\n");
  g_autoptr (GKeyFile) recipe = parse (TRAINED "[train.loss]\ntype=test-block\nwidth=9\n");
  g_autoptr (GError) missing = NULL, kind = NULL;
  g_autoptr (TestBlock) object
      = seg_recipe_build_object (recipe, "train.loss", SEG_TYPE_BLOCK, &missing);

  g_assert_nonnull (block);
  g_assert_no_error (missing);
  g_assert_cmpint (object->width, ==, 9);
  g_assert_null (seg_recipe_build_object (recipe, "train.optimizer", SEG_TYPE_BLOCK, &missing));
  assert_error (missing, SEG_ERROR_FORMAT, "recipe has no group [train.optimizer]");
  g_assert_null (seg_recipe_build_object (recipe, "train.loss", SEG_TYPE_LAYER, &kind));
  assert_error (kind, SEG_ERROR_PLUGIN, "[train.loss]: no plugin has a layer \"test-block\"");
}

static void
test_plain_objects (void)
{
  static const struct
  {
    const char *text, *message;
  } bad[] = {
    { "age=0\n", "[train.pupil]: property \"age\" cannot be 0" },
    { "years=3\n", "[train.pupil]: unknown property \"years\"" },
    { "type=test-block\n", "[train.pupil]: unknown property \"type\"" },
    { "teacher=me\n", "\"teacher\" is a block: it needs a group [train.pupil.teacher]" },
    { "[train.pupil.age]\n", "[train.pupil.age]: \"age\" is a value, not an object" },
    { "[train.pupil.a.b]\n", "[train.pupil.a.b]: there is no group [train.pupil.a]" },
  };
  GType type = test_pupil_get_type ();
  g_autoptr (GKeyFile) good = parse (HEAD "[train.pupil]\nage=9\n"
                                          "[train.pupil.teacher]\ntype=test-block\nwidth=40\n");
  g_autoptr (TestPupil) pupil = seg_recipe_build_plain (good, "train.pupil", type, NULL);
  g_autoptr (TestPupil) other = seg_recipe_build_plain (good, "train.other", type, NULL);

  g_assert_cmpint (pupil->age, ==, 9);
  g_assert_cmpint (TEST_BLOCK (pupil->teacher)->width, ==, 40);
  g_assert_cmpint (other->age, ==, 8);
  g_assert_null (other->teacher);
  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_autofree char *text = g_strconcat (HEAD "[train.pupil]\n", bad[i].text, NULL);
      g_autoptr (GKeyFile) recipe = parse (text);
      g_autoptr (GError) error = NULL;

      g_assert_null (seg_recipe_build_plain (recipe, "train.pupil", type, &error));
      g_assert_nonnull (error);
      if (strstr (error->message, bad[i].message) == NULL)
        g_test_message ("%s", error->message);
      g_assert_nonnull (strstr (error->message, bad[i].message));
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  seg_registry_add (seg_registry_get_default (), "test-block", test_block_get_type ());

  g_test_add_func ("/recipe/values", test_values);
  g_test_add_func ("/recipe/defaults", test_defaults);
  g_test_add_func ("/recipe/blocks-inside", test_blocks_inside);
  g_test_add_func ("/recipe/other-groups", test_other_groups);
  for (guint i = 0; i < G_N_ELEMENTS (bad_texts); i++)
    {
      g_autofree char *path = g_strconcat ("/recipe/bad-text/", bad_texts[i].name, NULL);
      g_test_add_data_func (path, GUINT_TO_POINTER (i), test_bad_text);
    }
  for (guint i = 0; i < G_N_ELEMENTS (bad_blocks); i++)
    {
      g_autofree char *path = g_strconcat ("/recipe/bad-block/", bad_blocks[i].name, NULL);
      g_test_add_data_func (path, GUINT_TO_POINTER (i), test_bad_block);
    }
  g_test_add_func ("/recipe/nul", test_nul);
  g_test_add_func ("/recipe/size", test_size);
  g_test_add_func ("/recipe/lines", test_lines);
  g_test_add_func ("/recipe/depth", test_depth);
  g_test_add_func ("/recipe/depth-of-names", test_depth_of_names);
  g_test_add_func ("/recipe/many-groups", test_many_groups);
  g_test_add_func ("/recipe/message", test_message);
  g_test_add_func ("/recipe/training-groups", test_training_groups);
  g_test_add_func ("/recipe/plain-objects", test_plain_objects);
  return g_test_run ();
}
