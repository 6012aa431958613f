/* What --help says, the manual pages and the shells' completions say, too, and nothing else. And
 * the Makefile does what it says. */
#include <gio/gio.h>

#include "../core/testing.h"

typedef struct
{
  const char *name, *variable; /* where the tests' environment has the program */
} Program;

static const Program programs[] = {
  { "segconvert", "SEGKIT_SEGCONVERT" },
  { "seginspect", "SEGKIT_SEGINSPECT" },
  { "segment", "SEGKIT_SEGMENT" },
  { "segtrain", "SEGKIT_SEGTRAIN" },
};

static char *
data_path (const char *folder, const char *name)
{
  return g_test_build_filename (G_TEST_DIST, "data", folder, name, NULL);
}

/* Programs, and shells that look for them, find ours before others. */
static void
set_path (void)
{
  g_autofree char *folder = g_path_get_dirname (g_getenv ("SEGKIT_SEGMENT"));
  g_autofree char *path = g_strconcat (folder, ":", g_getenv ("PATH"), NULL);

  g_setenv ("PATH", path, TRUE);
}

/* Returns what a program printed; what it said on stderr is in @said, or must be nothing. */
static char *
run (const char *const *argv, const char *folder, char **said)
{
  g_autofree char *printed_errors = NULL;
  g_autoptr (GError) error = NULL;
  char *printed;

  g_spawn_sync (folder, (char **) argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, &printed,
                &printed_errors, NULL, &error);
  g_assert_no_error (error);
  if (said != NULL)
    *said = g_steal_pointer (&printed_errors);
  else
    g_assert_cmpstr (printed_errors, ==, "");
  return printed;
}

static gboolean
is_there (const char *program)
{
  g_autofree char *path = g_find_program_in_path (program), *reason = NULL;

  if (path != NULL)
    return TRUE;
  reason = g_strdup_printf ("%s is not installed", program);
  g_test_skip (reason);
  return FALSE;
}

static gboolean
is_built (const Program *program)
{
  g_autofree char *reason = NULL;

  if (g_getenv (program->variable) != NULL)
    return TRUE;
  reason = g_strdup_printf ("%s is not built", program->name);
  g_test_skip (reason);
  return FALSE;
}

static char **
read_help (const Program *program)
{
  const char *argv[] = { program->name, "--help", NULL };
  g_autofree char *help = run (argv, NULL, NULL);

  return g_strsplit (help, "\n", -1);
}

/* A line for each option, such as "-o --output=FILE", under the titles of their groups. */
static char *
outline_help (const Program *program)
{
  g_auto (GStrv) lines = read_help (program);
  g_autoptr (GRegex) option =
      g_regex_new ("^  (?:(-[a-z]), )?(--[a-z-]+(?:=[A-Za-z]+)?)(?: |$)", 0, 0, NULL);
  g_autoptr (GRegex) title = g_regex_new ("^([A-Z][a-z ]+):$", 0, 0, NULL);
  g_autofree char *last = NULL;
  GString *outline = g_string_new (NULL);

  for (char **line = lines; *line != NULL; line++)
    {
      g_autoptr (GMatchInfo) match = NULL, match_title = NULL;

      if (g_regex_match (title, *line, 0, &match_title))
        {
          g_free (last);
          last = g_match_info_fetch (match_title, 1);
        }
      else if (g_regex_match (option, *line, 0, &match))
        {
          g_autofree char *names = g_match_info_expand_references (match, "\\1 \\2", NULL);

          if (last != NULL) /* a group with options in it */
            g_string_append_printf (outline, "%s\n", last);
          g_clear_pointer (&last, g_free);
          g_string_append_printf (outline, "%s\n", g_strstrip (names));
        }
    }
  return g_string_free (outline, FALSE);
}

/* The same of a manual page. */
static char *
outline_page (const char *path)
{
  g_autoptr (GRegex) option = g_regex_new (
      "^\\.It Fl (?:([a-z])(?: Ar ([A-Za-z]+))? , Fl )?(-[a-z-]+)(?: Ns = Ns Ar ([A-Za-z]+))?$", 0,
      0, NULL);
  g_autofree char *text = NULL;
  g_auto (GStrv) lines = NULL;
  GString *outline = g_string_new (NULL);
  gboolean inside = FALSE;

  g_assert_true (g_file_get_contents (path, &text, NULL, NULL));
  lines = g_strsplit (text, "\n", -1);
  for (char **line = lines; *line != NULL; line++)
    {
      g_autoptr (GMatchInfo) match = NULL;
      g_autofree char *letter = NULL, *of_letter = NULL, *name = NULL, *value = NULL;

      if (g_str_has_prefix (*line, ".Sh "))
        inside = g_str_equal (*line, ".Sh OPTIONS");
      if (inside && g_str_has_prefix (*line, ".Ss "))
        g_string_append_printf (outline, "%s\n", *line + 4);
      if (!g_str_has_prefix (*line, ".It Fl"))
        continue;
      g_assert_true (inside && g_regex_match (option, *line, 0, &match));
      letter = g_match_info_fetch (match, 1);
      of_letter = g_match_info_fetch (match, 2);
      name = g_match_info_fetch (match, 3);
      value = g_match_info_fetch (match, 4);
      value = value != NULL ? value : g_strdup ("");
      if (*letter != '\0')
        {
          g_assert_cmpstr (of_letter, ==, value);
          g_string_append_printf (outline, "-%s ", letter);
        }
      g_string_append_printf (outline, "-%s%s%s\n", name, *value != '\0' ? "=" : "", value);
    }
  return g_string_free (outline, FALSE);
}

static char *
page_path (const Program *program)
{
  g_autofree char *name = g_strconcat (program->name, ".1", NULL);

  return data_path ("man", name);
}

/* The same options in the same groups and order, with the same kinds of values. */
static void
test_page (gconstpointer data)
{
  const Program *program = data;
  g_autofree char *path = page_path (program), *help = NULL, *page = NULL;

  if (!is_built (program))
    return;
  help = outline_help (program);
  page = outline_page (path);
  g_assert_nonnull (strstr (help, "-h --help\n"));
  g_assert_cmpstr (page, ==, help);
}

/* Pages that are not installed are not found, and mandoc's own index may be old. */
static void
test_lint (gconstpointer data)
{
  g_autofree char *path = page_path (data), *printed = NULL, *said = NULL;
  const char *argv[] = { "mandoc", "-T", "lint", path, NULL };
  g_auto (GStrv) lines = NULL;

  if (!is_there ("mandoc"))
    return;
  printed = run (argv, NULL, &said);
  lines = g_strsplit (printed, "\n", -1);
  for (char **line = lines; *line != NULL; line++)
    if (**line != '\0' && strstr (*line, "referenced manual not found") == NULL
        && strstr (*line, "mandoc.db") == NULL)
      {
        g_test_message ("%s", *line);
        g_test_fail ();
      }
}

/* ---- completions ------------------------------------------------------------------------ */

static int
compare_words (gconstpointer a, gconstpointer b)
{
  return strcmp (*(const char *const *) a, *(const char *const *) b);
}

/* Words in order, whatever is between them. */
static char *
sort_words (const char *text)
{
  g_auto (GStrv) words = g_strsplit_set (text, " \n", -1);
  g_autoptr (GPtrArray) sorted = g_ptr_array_new ();

  for (char **word = words; *word != NULL; word++)
    if (**word != '\0')
      g_ptr_array_add (sorted, *word);
  g_ptr_array_sort (sorted, compare_words);
  g_ptr_array_add (sorted, NULL);
  return g_strjoinv (" ", (char **) sorted->pdata);
}

/* @words are, in any order, the options of --help. */
static void
assert_options (const Program *program, const char *words)
{
  g_autofree char *outline = outline_help (program), *expected = NULL, *sorted = sort_words (words);
  g_autoptr (GRegex) others = g_regex_new ("^[^-].*\n|=[A-Za-z]+", G_REGEX_MULTILINE, 0, NULL);
  g_autofree char *options = g_regex_replace_literal (others, outline, -1, 0, "", 0, NULL);

  expected = sort_words (options);
  g_assert_cmpstr (sorted, ==, expected);
}

/* What bash would offer for the last of the words, in its order; where that is nothing, the names
 * of files, unless it is told not to. */
static char *
complete_bash (const char *folder, const char *const *words)
{
  static const char script[] =
      "source \"$0\"; COMP_WORDS=(\"$@\"); COMP_CWORD=$(($# - 1))\n"
      "[[ $(complete -p \"${1##*/}\") == *' -o default '*' _segkit '* ]] || exit\n"
      "_segkit \"$1\"; echo \"found: ${COMPREPLY[*]}\"";
  g_autofree char *path = data_path ("completions", "segkit.bash");
  g_autoptr (GPtrArray) argv = g_ptr_array_new ();
  g_autofree char *printed = NULL;

  g_ptr_array_add (argv, (gpointer) "bash");
  g_ptr_array_add (argv, (gpointer) "-c");
  g_ptr_array_add (argv, (gpointer) script);
  g_ptr_array_add (argv, path);
  for (; *words != NULL; words++)
    g_ptr_array_add (argv, (gpointer) *words);
  g_ptr_array_add (argv, NULL);
  printed = run ((const char *const *) argv->pdata, folder, NULL);
  g_assert_true (g_str_has_prefix (printed, "found: "));
  return g_strchomp (g_strdup (printed + strlen ("found: ")));
}

static void
test_bash (gconstpointer data)
{
  const Program *program = data;
  g_autofree char *offered = NULL;

  if (!is_built (program) || !is_there ("bash"))
    return;
  offered = complete_bash (NULL, (const char *[]){ program->name, "-", NULL });
  assert_options (program, offered);
}

/* zsh hands its own function a specification of each option; here another one prints them. */
static void
test_zsh (gconstpointer data)
{
  static const char script[] = "_arguments() { print -rl -- ${${(M)@:#-*\\[*}%%[=+[]*} }\n"
                               "_call_program() { shift; \"$@\" }\n"
                               "words=($1); source $0";
  const Program *program = data;
  g_autofree char *path = data_path ("completions", "_segkit"), *offered = NULL;
  const char *argv[] = { "zsh", "-f", "-c", script, path, program->name, NULL };

  if (!is_built (program) || !is_there ("zsh"))
    return;
  offered = run (argv, NULL, NULL);
  assert_options (program, offered);
}

/* fish finds a program's completions by the name of the file. */
static void
test_fish (gconstpointer data)
{
  static const char script[] = "set fish_complete_path $argv[1]; "
                               "complete -C \"$argv[2] -\" | string replace -r '\\t.*' ''";
  const Program *program = data;
  g_autoptr (TestingFolder) folder = testing_folder_new ();
  g_autofree char *path = data_path ("completions", "segkit.fish"), *contents = NULL;
  g_autofree char *name = g_strconcat (program->name, ".fish", NULL), *offered = NULL;
  g_autofree char *copy = g_build_filename (folder, name, NULL);
  const char *argv[] = { "fish", "--no-config", "-c", script, folder, program->name, NULL };

  if (!is_built (program) || !is_there ("fish"))
    return;
  g_assert_true (g_file_get_contents (path, &contents, NULL, NULL));
  g_assert_true (g_file_set_contents (copy, contents, -1, NULL));
  offered = run (argv, NULL, NULL);
  assert_options (program, offered);
}

static void
assert_offered (const char *folder, const char *expected, const char *const *words)
{
  g_autofree char *offered = complete_bash (folder, words);

  g_assert_cmpstr (offered, ==, expected);
}

#define ASSERT_OFFERED(folder, expected, ...)                                                      \
  assert_offered (folder, expected, (const char *[]){ __VA_ARGS__, NULL })

static void
test_values (void)
{
  g_autoptr (TestingFolder) folder = testing_folder_new ();
  g_autofree char *file = g_build_filename (folder, "nucleus.safetensors", NULL);
  const char *program = g_getenv ("SEGKIT_SEGMENT");

  if (!is_there ("bash"))
    return;
  g_assert_true (g_file_set_contents (file, "", 0, NULL));
  ASSERT_OFFERED (folder, "--probabilities --probability-bits", "segment", "a.png", "--prob");
  ASSERT_OFFERED (folder, "line json none", "segment", "--progress", "");
  /* bash takes "--progress=j" for three words */
  ASSERT_OFFERED (folder, "line json none", "segment", "--progress", "=");
  ASSERT_OFFERED (folder, "json", "segment", "--progress", "=", "j");
  ASSERT_OFFERED (folder, "16", "segment", "--probability-bits", "1");
  ASSERT_OFFERED (folder, "nuclei nucleus.safetensors", "segment", "-m", "nu");
  ASSERT_OFFERED (folder, "nuclei nucleus.safetensors", "segment", "--model", "=", "nu");
  ASSERT_OFFERED (folder, "nuclei nucleus.safetensors", program, "--model", "nu");
  ASSERT_OFFERED (folder, "", "segment", "--threads", "");
  ASSERT_OFFERED (folder, "", "segment", "-o", "nu");
  ASSERT_OFFERED (folder, "", "segment", "nu");
  ASSERT_OFFERED (folder, "check", "segtrain", "ch");
  ASSERT_OFFERED (folder, "nuclei nucleus.safetensors", "segtrain", "evaluate", "nu");
  ASSERT_OFFERED (folder, "train test", "segtrain", "--split", "t");
  ASSERT_OFFERED (folder, "", "segtrain", "cells", "ch");
}

/* What plugins have to offer is asked of seginspect. */
static void
test_features (void)
{
  g_autoptr (TestingFolder) folder = testing_folder_new ();

  if (!is_built (&programs[1]) || !is_there ("bash"))
    return;
  ASSERT_OFFERED (folder, "smp", "segconvert", "--format", "");
  ASSERT_OFFERED (folder, "resnet-encoder", "seginspect", "resnet");
  ASSERT_OFFERED (folder, "conv-transpose2d conv2d", "seginspect", "conv");
  ASSERT_OFFERED (folder, "nuclei", "seginspect", "nuc");
}

/* The values that are written in the completions are those that segment takes, and all of them. */
static void
test_choices (gconstpointer data)
{
  const char *option = data;
  g_autofree char *offered = NULL, *wrong = g_strconcat (option, "=7", NULL), *printed = NULL;
  g_autofree char *said = NULL, *expected = NULL;
  g_auto (GStrv) values = NULL;

  if (!is_there ("bash"))
    return;
  offered = complete_bash (NULL, (const char *[]){ "segment", option, "", NULL });
  values = g_strsplit (offered, " ", -1);
  g_assert_cmpuint (g_strv_length (values), ==, 3);
  expected = g_strdup_printf ("%s is %s, %s or %s;", option, values[0], values[1], values[2]);
  printed = run ((const char *[]){ "segment", wrong, "-o", "a.png", "b.png", NULL }, NULL, &said);
  g_test_message ("%s", said);
  g_assert_nonnull (strstr (said, expected));
}

/* What make is told reaches Ninja; a make around this test has told it, too. */
static void
test_jobs (void)
{
  g_autoptr (TestingFolder) folder = testing_folder_new ();
  g_autofree char *ninja = g_build_filename (folder, "build.ninja", NULL);
  g_autofree char *build = g_strconcat ("BUILD=", folder, NULL);
  static const char *const jobs[][2] = {
    { "-k", "" }, { "-j1", "-j1" }, { "-j3", "-j3" }, { "-j", "" }
  };

  if (!is_there ("make"))
    return;
  g_unsetenv ("MAKEFLAGS");
  g_assert_true (g_file_set_contents (ninja, "", 0, NULL));
  for (gsize i = 0; i < G_N_ELEMENTS (jobs); i++)
    {
      const char *argv[] = { "make", "--no-print-directory", "-n", jobs[i][0], build, NULL };
      g_autofree char *expected = g_strdup_printf ("ninja -C %s %s\n", folder, jobs[i][1]);
      g_autofree char *printed = run (argv, g_test_get_dir (G_TEST_DIST), NULL);

      g_assert_cmpstr (printed, ==, expected);
    }
}

static void
add_cases (const Program *program)
{
  static const struct
  {
    const char *name;
    GTestDataFunc function;
  } cases[] = { { "page", test_page },
                { "lint", test_lint },
                { "bash", test_bash },
                { "zsh", test_zsh },
                { "fish", test_fish } };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *path =
          g_strdup_printf ("/documentation/%s/%s", program->name, cases[i].name);

      g_test_add_data_func (path, program, cases[i].function);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  set_path ();
  for (gsize i = 0; i < G_N_ELEMENTS (programs); i++)
    add_cases (&programs[i]);
  g_test_add_func ("/documentation/values", test_values);
  g_test_add_func ("/documentation/features", test_features);
  g_test_add_func ("/documentation/make-jobs", test_jobs);
  g_test_add_data_func ("/documentation/choices/progress", "--progress", test_choices);
  g_test_add_data_func ("/documentation/choices/probability-bits", "--probability-bits",
                        test_choices);
  return g_test_run ();
}
