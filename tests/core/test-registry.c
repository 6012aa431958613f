/* Modules that are broken in all the ways we know: each is refused with a reason, and the program
 * goes on. They come from tests/plugins-bad, or are made here from a good one. */
#include <sys/stat.h>

#include <segkit/segkit.h>

#include "testing.h"

static SegRegistry *
registry_loaded (void)
{
  static gboolean loaded;
  SegRegistry *registry = seg_registry_get_default ();

  if (!loaded)
    seg_registry_load_default (registry, NULL);
  loaded = TRUE;
  return registry;
}

static char *
bad_folder (void)
{
  return g_test_build_filename (G_TEST_BUILT, "plugins-bad", NULL);
}

static void
assert_refused (const char *path, const char *reason)
{
  g_autoptr (GError) error = NULL;

  g_assert_false (seg_registry_load_file (registry_loaded (), path, &error));
  g_assert_error (error, SEG_ERROR, SEG_ERROR_PLUGIN);
  g_assert_true (g_str_has_prefix (error->message, path));
  g_test_message ("%s", error->message);
  g_assert_nonnull (strstr (error->message, reason));
}

static void
assert_bad_refused (const char *name, const char *reason)
{
  g_autofree char *path = g_test_build_filename (G_TEST_BUILT, "plugins-bad", name, NULL);

  assert_refused (path, reason);
}

/* What is good still works, whatever was tried before. */
static void
assert_works (void)
{
  g_autoptr (SegGraph) graph = seg_graph_new ();
  g_autoptr (GError) error = NULL;
  SegValue image = seg_graph_add_input (graph, "image", 3);

  seg_graph_set_output (graph, seg_graph_add (graph, "relu", "relu", SEG_IN (image), NULL));
  seg_graph_finish (graph, &error);
  g_assert_no_error (error);
}

/* The reason noted for the module file of that name, the first that has @part in it. */
static const char *
find_reason (const char *file, const char *part)
{
  guint n;
  const SegNotLoaded *not_loaded = seg_registry_get_not_loaded (seg_registry_get_default (), &n);

  for (guint i = 0; i < n; i++)
    {
      g_autofree char *name = g_path_get_basename (not_loaded[i].path);

      if (g_str_equal (name, file) && strstr (not_loaded[i].reason, part) != NULL)
        return not_loaded[i].reason;
    }
  return NULL;
}

/* ---- what is there ------------------------------------------------------------------------ */

static void
test_default (void)
{
  SegRegistry *registry = registry_loaded ();
  g_auto (GStrv) layers = seg_registry_list (registry, SEG_TYPE_LAYER);
  g_auto (GStrv) blocks = seg_registry_list (registry, SEG_TYPE_BLOCK);
  const SegNotLoaded *not_loaded;
  guint n;

  not_loaded = seg_registry_get_not_loaded (registry, &n);
  for (guint i = 0; i < n; i++)
    g_test_message ("%s: %s", not_loaded[i].path, not_loaded[i].reason);
  g_assert_cmpuint (n, ==, 0);
  g_assert_true (g_strv_contains ((const char *const *) layers, "conv2d"));
  g_assert_false (g_strv_contains ((const char *const *) layers, "unet"));
  g_assert_true (g_strv_contains ((const char *const *) blocks, "unet"));
  g_assert_false (g_strv_contains ((const char *const *) blocks, "conv2d"));
  for (char **name = layers; name[1] != NULL; name++)
    g_assert_cmpstr (name[0], <, name[1]);

  g_assert_true (g_type_is_a (seg_registry_lookup (registry, "conv2d"), SEG_TYPE_LAYER));
  g_assert_true (g_str_has_suffix (seg_registry_get_plugin (registry, "conv2d"), ".so"));
  assert_works ();
}

static void
test_unknown (void)
{
  SegRegistry *registry = registry_loaded ();
  g_autoptr (GError) error = NULL, kind = NULL;

  g_assert_cmpuint (seg_registry_lookup (registry, "conv7d"), ==, G_TYPE_INVALID);
  g_assert_null (seg_registry_get_plugin (registry, "conv7d"));
  g_assert_null (seg_registry_create (registry, "conv7d", SEG_TYPE_LAYER, &error, NULL));
  g_assert_error (error, SEG_ERROR, SEG_ERROR_PLUGIN);
  g_assert_cmpstr (error->message, ==, "there is no layer \"conv7d\"");
  g_assert_null (seg_registry_create (registry, "conv2d", SEG_TYPE_BLOCK, &kind, NULL));
  g_assert_error (kind, SEG_ERROR, SEG_ERROR_PLUGIN);
  g_assert_cmpstr (kind->message, ==, "there is no block \"conv2d\"");
}

static void
test_create (void)
{
  g_autoptr (GError) error = NULL, range = NULL;
  g_autoptr (SegLayer) conv = seg_registry_create (registry_loaded (), "conv2d", SEG_TYPE_LAYER,
                                                   &error, "channels", 12, "bias", FALSE, NULL);
  gint channels;
  gboolean bias;

  g_assert_no_error (error);
  g_object_get (conv, "channels", &channels, "bias", &bias, NULL);
  g_assert_cmpint (channels, ==, 12);
  g_assert_false (bias);
  g_assert_null (seg_registry_create (registry_loaded (), "conv2d", SEG_TYPE_LAYER, &range,
                                      "channels", 0, NULL));
  g_assert_error (range, SEG_ERROR, SEG_ERROR_PARAM);
}

static void
test_empty_process (void)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (
      seg_registry_create (seg_registry_get_default (), "relu", SEG_TYPE_LAYER, &error, NULL));
  g_assert_error (error, SEG_ERROR, SEG_ERROR_PLUGIN);
  g_assert_cmpstr (error->message, ==, "there is no layer \"relu\": no plugin is loaded");
}

static void
test_empty (void)
{
  g_test_trap_subprocess ("/registry/empty/subprocess", 0, G_TEST_SUBPROCESS_DEFAULT);
  g_test_trap_assert_passed ();
}

/* ---- modules that are refused ------------------------------------------------------------- */

static void
test_bad_descriptor (void)
{
  assert_bad_refused ("not-a-plugin.so", "no seg_plugin_descriptor");
  assert_bad_refused ("wrong-abi.so", "made for plugin interface 0.");
  assert_bad_refused ("wrong-size.so", "16 bytes, not");
  assert_bad_refused ("no-function.so", "its descriptor has no register_features");
  assert_bad_refused ("no-description.so", "its descriptor has no description of one line");
  assert_bad_refused ("no-licence.so", "its descriptor has no licence of one line");
  g_assert_cmpuint (seg_registry_lookup (registry_loaded (), "from-another-time"), ==,
                    G_TYPE_INVALID);
  assert_works ();
}

static void
test_undefined_symbol (void)
{
  assert_bad_refused ("undefined-symbol.so", "seg_function_that_nobody_has");
  assert_works ();
}

/* The same file again, and a copy of it, whose types GObject would refuse one by one. */
static void
test_same_plugin (void)
{
  g_autoptr (TestingFolder) folder = testing_folder_new ();
  g_autofree char *copy = g_build_filename (folder, "copy.so", NULL), *contents = NULL;
  const char *original = seg_registry_get_plugin (registry_loaded (), "relu");
  gsize n_bytes;

  g_assert_true (g_file_get_contents (original, &contents, &n_bytes, NULL));
  g_assert_true (g_file_set_contents (copy, contents, (gssize) n_bytes, NULL));
  assert_refused (original, "plugin \"nn\" is already there from");
  assert_refused (copy, original);
  assert_works ();
}

static void
test_odd_name_process (void)
{
  g_autoptr (TestingFolder) folder = testing_folder_new ();
  g_autofree char *path = g_build_filename (folder, "odd\nname.so", NULL), *shown = NULL;
  g_autofree char *missing = g_build_filename (folder, "no\nfile.so", NULL);
  g_autofree char *original =
      g_test_build_filename (G_TEST_BUILT, "plugins-bad", "duplicate-feature.so", NULL);
  g_autofree char *contents = NULL;
  g_autoptr (GError) error = NULL, absent = NULL;
  gsize n_bytes;

  g_assert_true (g_file_get_contents (original, &contents, &n_bytes, NULL));
  g_assert_true (g_file_set_contents (path, contents, (gssize) n_bytes, NULL));
  g_assert_true (seg_registry_load_file (registry_loaded (), path, NULL));
  g_assert_false (seg_registry_load_file (registry_loaded (), path, &error));
  shown =
      g_strdup_printf ("%s/odd\\u000aname.so: plugin \"duplicate_feature\" is already there from "
                       "%s/odd\\u000aname.so",
                       folder, folder);
  g_assert_cmpstr (error->message, ==, shown);
  g_assert_false (seg_registry_load_file (registry_loaded (), missing, &absent));
  g_assert_null (strchr (absent->message, '\n'));
}

/* With an end of line in a file's name, a message still has one line. */
static void
test_odd_name (void)
{
  g_test_trap_subprocess ("/registry/odd-name/subprocess", 0, G_TEST_SUBPROCESS_DEFAULT);
  g_test_trap_assert_passed ();
}

/* dlopen() would end the process: it maps what the file has no bytes for. */
static void
test_truncated (void)
{
  g_autoptr (TestingFolder) folder = testing_folder_new ();
  g_autofree char *path = g_build_filename (folder, "cut.so", NULL), *contents = NULL;
  gsize n_bytes;

  g_assert_true (g_file_get_contents (seg_registry_get_plugin (registry_loaded (), "relu"),
                                      &contents, &n_bytes, NULL));
  g_assert_true (g_file_set_contents (path, contents, (gssize) n_bytes, NULL));
  for (gsize length = n_bytes - 1; length > 0;
       length -= MIN (length, length < 1000 || length > n_bytes - 100 ? 1 : 499))
    {
      g_assert_cmpint (truncate (path, (off_t) length), ==, 0);
      assert_refused (path, length < 64 ? "not a module" : "cut short");
    }
  g_assert_cmpint (truncate (path, 0), ==, 0);
  assert_refused (path, "not a module");
  assert_works ();
}

static void
test_other_files (void)
{
  g_autoptr (TestingFolder) folder = testing_folder_new ();
  g_autofree char *text = g_build_filename (folder, "text.so", NULL);
  g_autofree char *noise = g_build_filename (folder, "noise.so", NULL);
  g_autofree char *missing = g_build_filename (folder, "missing.so", NULL);
  g_autofree char *fifo = g_build_filename (folder, "fifo.so", NULL);
  g_autofree char *program = NULL, *contents = NULL, *other = NULL;
  gsize n_bytes;

  g_assert_true (g_file_set_contents (text, "#include <segkit/seg-plugin.h>\n", -1, NULL));
  assert_refused (text, "not a module");
  assert_refused (missing, "No such file");
  assert_refused (folder, "not a regular file");
  g_assert_cmpint (mkfifo (fifo, 0600), ==, 0);
  assert_refused (fifo, "not a regular file");

  program = g_file_read_link ("/proc/self/exe", NULL);
  assert_refused (program, "cannot dynamically load");

  /* for another machine: the linker would say that there is no such file */
  g_assert_true (g_file_get_contents (seg_registry_get_plugin (registry_loaded (), "relu"), &other,
                                      &n_bytes, NULL));
  other[18] ^= 1; /* e_machine */
  g_assert_true (g_file_set_contents (text, other, (gssize) n_bytes, NULL));
  assert_refused (text, "not a module that this program could load");

  /* a true beginning, and then anything */
  g_assert_true (g_file_get_contents (seg_registry_get_plugin (registry_loaded (), "relu"),
                                      &contents, &n_bytes, NULL));
  for (guint round = 0; round < 50; round++)
    {
      for (gsize i = 16; i < 64; i++)
        contents[i] = (char) g_test_rand_int ();
      g_assert_true (g_file_set_contents (noise, contents, 64 + (gssize) (round * 100), NULL));
      assert_refused (noise, "noise.so: ");
      g_remove (noise);
    }
  assert_works ();
}

/* ---- features that fail without a word --------------------------------------------------- */

/* Does not say why: at once, or only when it is compiled. */
typedef struct
{
  SegLayer parent_instance;
  gboolean late;
} TestSilent;
typedef SegLayerClass TestSilentClass;

static GType test_silent_get_type (void);
G_DEFINE_FINAL_TYPE (TestSilent, test_silent, SEG_TYPE_LAYER)

static gboolean
test_silent_infer (SegLayer *layer, const SegShape *in, guint n_in, SegShape *out, GError **error)
{
  (void) n_in, (void) error;
  *out = in[0];
  return ((TestSilent *) layer)->late;
}

static SegStep *
test_silent_compile (SegLayer *layer, const SegOffer *offer, GError **error)
{
  (void) layer, (void) offer, (void) error;
  return NULL;
}

static void
test_silent_class_init (TestSilentClass *klass)
{
  klass->infer = test_silent_infer;
  klass->compile = test_silent_compile;
  seg_class_add_boolean (klass, "late", G_STRUCT_OFFSET (TestSilent, late), FALSE, "");
}

static void
test_silent_init (TestSilent *self)
{
  (void) self;
}

static void
test_silent (void)
{
  g_autoptr (SegGraph) graph = seg_graph_new (), other = seg_graph_new ();
  g_autoptr (SegParameters) parameters = NULL;
  g_autoptr (GError) early = NULL, late = NULL;
  SegValue x;

  seg_registry_add (registry_loaded (), "silent", test_silent_get_type ());
  x = seg_graph_add_input (graph, "image", 3);
  seg_graph_set_output (graph, seg_graph_add (graph, "a", "silent", SEG_IN (x), NULL));
  g_assert_false (seg_graph_finish (graph, &early));
  g_assert_error (early, SEG_ERROR, SEG_ERROR_PLUGIN);
  g_assert_nonnull (strstr (early->message, "TestSilent: infer failed without saying why"));

  x = seg_graph_add_input (other, "image", 3);
  x = seg_graph_add (other, "a", "silent", SEG_IN (x), "late", TRUE, NULL);
  seg_graph_set_output (other, x);
  g_assert_true (seg_graph_finish (other, &late));
  parameters = seg_parameters_new (other);
  g_assert_true (seg_parameters_initialise (parameters, 0, &late));
  g_assert_null (
      seg_plan_new (other, parameters, SEG_PURPOSE_INFERENCE, seg_kernels_get (), NULL, &late));
  g_assert_error (late, SEG_ERROR, SEG_ERROR_PLUGIN);
  g_assert_cmpstr (late->message, ==, "a: TestSilent: compile failed without saying why");
}

/* ---- folders ------------------------------------------------------------------------------ */

/* Of each module in the folder something is told, but for those that are whole. */
static void
assert_all_told (const char *folder)
{
  static const char *const whole[] = { "surroundings.so", "twin-one.so", NULL };
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  const char *name;

  while ((name = g_dir_read_name (dir)) != NULL)
    if (g_str_has_suffix (name, ".so"))
      {
        g_test_message ("%s", name);
        g_assert_cmpint (find_reason (name, "") == NULL, ==, g_strv_contains (whole, name));
      }
}

static void
test_folder (void)
{
  SegRegistry *registry = registry_loaded ();
  g_autofree char *folder = bad_folder ();
  GType relu = seg_registry_lookup (registry, "relu");
  const SegNotLoaded *not_loaded;
  guint before, n;

  seg_registry_get_not_loaded (registry, &before);
  seg_registry_load_directory (registry, folder);

  assert_all_told (folder);
  not_loaded = seg_registry_get_not_loaded (registry, &n);
  for (guint i = before; i < n; i++)
    {
      g_assert_true (not_loaded[i].foreign);
      g_assert_null (strstr (not_loaded[i].reason, not_loaded[i].path));
    }
  g_assert_nonnull (find_reason ("not-a-plugin.so", "no seg_plugin_descriptor"));
  g_assert_nonnull (find_reason ("wrong-abi.so", "made for plugin interface"));
  g_assert_nonnull (find_reason ("wrong-size.so", "bytes"));
  g_assert_nonnull (find_reason ("no-function.so", "no register_features"));
  g_assert_nonnull (find_reason ("undefined-symbol.so", "seg_function_that_nobody_has"));
  g_assert_nonnull (find_reason ("no-layer.so", "\"an-object\" has no usable type"));
  g_assert_nonnull (find_reason ("no-layer.so", "\"a-number\" has no usable type"));
  g_assert_nonnull (find_reason ("no-layer.so", "\"any-layer\" is the abstract SegWindowed"));
  g_assert_nonnull (find_reason ("incomplete.so", "\"no-info\" has no title"));
  g_assert_nonnull (find_reason ("incomplete.so", "\"no-source\" has no source"));
  g_assert_nonnull (find_reason ("incomplete.so", "\"no-forward\" has no forward"));
  g_assert_nonnull (find_reason ("incomplete.so", "\"no-function\" has no forward"));
  g_assert_nonnull (find_reason ("incomplete.so", "\"no-build\" has no build"));
  g_assert_nonnull (find_reason ("incomplete.so", "\"Odd\\u000aname\" is no name for a feature"));
  g_assert_nonnull (find_reason ("incomplete.so", "\"\" is no name for a feature"));
  g_assert_cmpuint (seg_registry_lookup (registry, "whole"), !=, G_TYPE_INVALID);

  /* the first of two stays, and what came beside the second is there */
  g_assert_nonnull (find_reason ("duplicate-feature.so", "\"relu\" is already there from"));
  g_assert_nonnull (strstr (find_reason ("duplicate-feature.so", "\"relu\""),
                            seg_registry_get_plugin (registry, "relu")));
  g_assert_cmpuint (seg_registry_lookup (registry, "relu"), ==, relu);
  g_assert_cmpuint (seg_registry_lookup (registry, "other-relu"), !=, G_TYPE_INVALID);

  g_assert_null (find_reason ("twin-one.so", ""));
  g_assert_nonnull (find_reason ("twin-two.so", "existing type 'BadTwin'"));
  g_assert_cmpuint (seg_registry_lookup (registry, "twin-one"), !=, G_TYPE_INVALID);
  g_assert_cmpuint (seg_registry_lookup (registry, "twin-two"), ==, G_TYPE_INVALID);
  assert_works ();
}

/* A bare name is a file here, not one that the linker looks for. */
static void
test_relative (void)
{
  g_autofree char *folder = bad_folder (), *before = g_get_current_dir (), *path = NULL;
  g_autoptr (GError) error = NULL;

  path = g_build_filename (folder, "not-a-plugin.so", NULL);
  g_assert_cmpint (g_chdir (folder), ==, 0);
  g_assert_false (seg_registry_load_file (registry_loaded (), "not-a-plugin.so", &error));
  g_assert_cmpint (g_chdir (before), ==, 0);
  g_assert_error (error, SEG_ERROR, SEG_ERROR_PLUGIN);
  g_assert_true (g_str_has_prefix (error->message, path));
  g_assert_nonnull (strstr (error->message, "no seg_plugin_descriptor"));
}

static void
test_odd_folders (void)
{
  g_autoptr (TestingFolder) folder = testing_folder_new ();
  g_autofree char *other = g_build_filename (folder, "README", NULL);
  g_autofree char *missing = g_build_filename (folder, "missing", NULL);
  guint before, after;

  g_assert_true (g_file_set_contents (other, "not a module", -1, NULL));
  seg_registry_get_not_loaded (registry_loaded (), &before);
  seg_registry_load_directory (registry_loaded (), folder);
  seg_registry_load_directory (registry_loaded (), missing);
  seg_registry_load_directory (registry_loaded (), other);
  seg_registry_get_not_loaded (registry_loaded (), &after);
  g_assert_cmpuint (after, ==, before);
}

/* Folders that the user names come first, so that their relu wins over ours. */
static void
test_search_order_process (void)
{
  g_autofree char *folder = bad_folder (), *first = NULL;
  SegRegistry *registry = seg_registry_get_default ();
  gboolean by_argument = g_getenv ("SEGKIT_PLUGIN_PATH") == NULL;

  first = g_strdup_printf ("/nowhere::%s", folder);
  if (!by_argument)
    g_setenv ("SEGKIT_PLUGIN_PATH", first, TRUE);
  seg_registry_load_default (registry, by_argument ? first : NULL);

  g_assert_true (
      g_str_has_suffix (seg_registry_get_plugin (registry, "relu"), "/duplicate-feature.so"));
  g_assert_nonnull (find_reason ("segkit-nn.so", "\"relu\" is already there"));
  g_assert_cmpuint (seg_registry_lookup (registry, "conv2d"), !=, G_TYPE_INVALID);
}

static void
test_search_order (void)
{
  g_autofree char *before = g_strdup (g_getenv ("SEGKIT_PLUGIN_PATH"));

  g_unsetenv ("SEGKIT_PLUGIN_PATH");
  g_test_trap_subprocess ("/registry/search-order/subprocess", 0, G_TEST_SUBPROCESS_DEFAULT);
  g_test_trap_assert_passed ();
  g_setenv ("SEGKIT_PLUGIN_PATH", "", TRUE);
  g_test_trap_subprocess ("/registry/search-order/subprocess", 0, G_TEST_SUBPROCESS_DEFAULT);
  g_test_trap_assert_passed ();

  if (before != NULL)
    g_setenv ("SEGKIT_PLUGIN_PATH", before, TRUE);
  else
    g_unsetenv ("SEGKIT_PLUGIN_PATH");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/registry/default", test_default);
  g_test_add_func ("/registry/unknown", test_unknown);
  g_test_add_func ("/registry/create", test_create);
  g_test_add_func ("/registry/empty", test_empty);
  g_test_add_func ("/registry/empty/subprocess", test_empty_process);
  g_test_add_func ("/registry/bad-descriptor", test_bad_descriptor);
  g_test_add_func ("/registry/undefined-symbol", test_undefined_symbol);
  g_test_add_func ("/registry/same-plugin", test_same_plugin);
  g_test_add_func ("/registry/odd-name", test_odd_name);
  g_test_add_func ("/registry/odd-name/subprocess", test_odd_name_process);
  g_test_add_func ("/registry/truncated", test_truncated);
  g_test_add_func ("/registry/other-files", test_other_files);
  g_test_add_func ("/registry/silent", test_silent);
  g_test_add_func ("/registry/folder", test_folder);
  g_test_add_func ("/registry/relative", test_relative);
  g_test_add_func ("/registry/odd-folders", test_odd_folders);
  g_test_add_func ("/registry/search-order", test_search_order);
  g_test_add_func ("/registry/search-order/subprocess", test_search_order_process);
  return g_test_run ();
}
