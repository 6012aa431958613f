/* The page about a training run: well-formed, on its own, and no name in it is taken for markup. */
#include <math.h>
#include <string.h>

#include "../../apps/lib/train-report.h"
#include "tool.h"

#define NASTY "<script>alert(1)</script> & \"it's\" \xff\x01"
#define NASTY_SHOWN "<script>alert(1)</script> & \"it's\" \\xff\\x01"

#define WIDTH 60
#define HEIGHT 40

static SegModel *
new_model (void)
{
  g_autoptr (GError) error = NULL;
  SegModel *model = seg_model_new_from_recipe (
      "[segkit]\nformat=1\n[input]\nchannels=1\nmean=0.5\nstd=0.25\n"
      "[classes]\nnames=back<i>ground;a & b;never\ncolors=#000000;#20e040;#ff0000\n"
      "[model]\ntype=unet\nclasses=3\nhead-kernel-size=1\n"
      "[model.encoder]\ntype=unet-encoder\nchannels=4\ndepth=2\n"
      "[model.decoder]\ntype=unet-decoder\n",
      1, &error);

  g_assert_no_error (error);
  return model;
}

/* ---- reading the page ---------------------------------------------------------------------- */

typedef struct
{
  GString *text;
  GHashTable *elements; /* name -> how many */
  GPtrArray *pictures;  /* src of images */
} Page;

static void
page_start (GMarkupParseContext *context, const char *element, const char **names,
            const char **values, gpointer data, GError **error)
{
  Page *page = data;
  guint n = GPOINTER_TO_UINT (g_hash_table_lookup (page->elements, element));

  (void) context;
  (void) error;
  g_hash_table_insert (page->elements, g_strdup (element), GUINT_TO_POINTER (n + 1));
  for (guint i = 0; names[i] != NULL; i++)
    {
      g_assert_cmpstr (names[i], !=, "href");
      if (strcmp (names[i], "src") == 0)
        g_ptr_array_add (page->pictures, g_strdup (values[i]));
    }
}

static void
page_text (GMarkupParseContext *context, const char *text, gsize n, gpointer data, GError **error)
{
  (void) context;
  (void) error;
  g_string_append_len (((Page *) data)->text, text, (gssize) n);
}

static const char *
page_find (const Page *page, const char *text)
{
  return strstr (page->text->str, text);
}

static guint
page_count (const Page *page, const char *element)
{
  return GPOINTER_TO_UINT (g_hash_table_lookup (page->elements, element));
}

static void
page_clear (Page *page)
{
  g_string_free (page->text, TRUE);
  g_hash_table_unref (page->elements);
  g_ptr_array_unref (page->pictures);
}

/* Writes the report; no page may ask for anything that is not in it. */
static Page
read_page (Tool *tool, SegTrainReport *report)
{
  static const char *const outside[] = { "http:",   "https:", "//",      "url(", "@import",
                                         "<script", "<link",  "<iframe", "nan",  "inf" };
  static const GMarkupParser parser = { .start_element = page_start, .text = page_text };
  Page page = { g_string_new (NULL), g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL),
                g_ptr_array_new_with_free_func (g_free) };
  g_autoptr (GMarkupParseContext) context =
      g_markup_parse_context_new (&parser, G_MARKUP_TREAT_CDATA_AS_TEXT, &page, NULL);
  g_autofree char *path = tool_path (tool, "report.html");
  g_autofree char *text = NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (GRegex) data = g_regex_new ("base64,[^\"]*", 0, 0, NULL);
  g_autofree char *bare = NULL;

  g_assert_true (seg_train_report_write (report, path, &error));
  g_assert_no_error (error);
  g_assert_true (g_file_get_contents (path, &text, NULL, NULL));
  g_assert_true (g_utf8_validate (text, -1, NULL));
  g_assert_true (g_markup_parse_context_parse (context, text, -1, &error));
  g_assert_no_error (error);
  g_assert_true (g_markup_parse_context_end_parse (context, &error));
  g_assert_no_error (error);

  bare = g_regex_replace_literal (data, text, -1, 0, "", 0, NULL);
  for (guint i = 0; i < G_N_ELEMENTS (outside); i++)
    if (strstr (bare, outside[i]) != NULL)
      g_error ("the page has \"%s\": %.60s", outside[i], strstr (bare, outside[i]));
  return page;
}

/* ---- what is in it ------------------------------------------------------------------------- */

static void
add_sample (SegTrainReport *report, SegMetrics *total)
{
  float image[WIDTH * HEIGHT];
  guint16 truth[WIDTH * HEIGHT];
  guint8 predicted[WIDTH * HEIGHT];
  SegTrainReportSample sample = { .name = NASTY,
                                  .remark = "worst",
                                  .metrics = total,
                                  .image = image,
                                  .n_bands = 1,
                                  .height = HEIGHT,
                                  .width = WIDTH,
                                  .truth = truth,
                                  .predicted = predicted };
  g_autoptr (GError) error = NULL;

  for (guint i = 0; i < WIDTH * HEIGHT; i++)
    {
      image[i] = i == 7 ? NAN : (float) (i % WIDTH) / WIDTH;
      truth[i] = i < 100 ? G_MAXUINT16 : i % WIDTH >= WIDTH / 2;
      predicted[i] = i % WIDTH >= WIDTH / 2 + 3;
    }
  seg_metrics_add (total, truth, predicted, WIDTH * HEIGHT);
  g_assert_true (seg_train_report_add_sample (report, &sample, &error));
  g_assert_no_error (error);
}

static SegTrainLog *
new_log (Tool *tool, guint n)
{
  static const char *const names[] = { "background", "a & b", "never", NULL };
  g_autofree char *path = tool_path (tool, "log.csv");
  SegTrainLog *log = seg_train_log_open (path, names, 0, NULL);

  for (guint i = 1; i <= n; i++)
    {
      SegTrainLogRow row = { .epoch = i,
                             .step = 100 * i,
                             .seconds = 75 * i,
                             .rate = 1e-3 / i,
                             .train_loss = 1. / i,
                             .validation_loss = i % 2 ? NAN : INFINITY,
                             .mean_iou = NAN,
                             .mean_dice = 0.5,
                             .accuracy = 1,
                             .images_per_second = NAN };

      g_assert_true (seg_train_log_append (log, &row, NULL));
    }
  return log;
}

/* Four pictures of a sample, as large as it is; of the truth the colours are those of classes. */
static void
assert_pictures (const Page *page)
{
  g_assert_cmpuint (page->pictures->len, ==, 4);
  for (guint i = 0; i < page->pictures->len; i++)
    {
      const char *src = page->pictures->pdata[i];
      const char *start = i == 1 || i == 2 ? "data:image/png;base64," : "data:image/jpeg;base64,";
      g_autofree guchar *bytes = NULL;
      gsize n;
      VipsImage *image;

      g_assert_true (g_str_has_prefix (src, start));
      bytes = g_base64_decode (src + strlen (start), &n);
      image = vips_image_new_from_buffer (bytes, n, "", NULL);
      g_assert_nonnull (image);
      g_assert_cmpint (image->Xsize, ==, WIDTH);
      g_assert_cmpint (image->Ysize, ==, HEIGHT);
      if (i == 1)
        {
          double *right;
          int n_bands;

          g_assert_cmpint (vips_getpoint (image, &right, &n_bands, WIDTH - 1, HEIGHT - 1, NULL), ==,
                           0);
          g_assert_cmpint (n_bands, ==, 3);
          g_assert_cmpfloat (right[0], ==, 0x20);
          g_assert_cmpfloat (right[1], ==, 0xe0);
          g_assert_cmpfloat (right[2], ==, 0x40);
          g_free (right);
        }
      g_object_unref (image);
    }
}

static void
test_whole (Tool *tool, gconstpointer data)
{
  g_autoptr (SegModel) model = new_model ();
  g_autoptr (SegTrainReport) report = seg_train_report_new (NASTY, model);
  g_autoptr (SegMetrics) metrics = seg_metrics_new (3);
  g_autoptr (SegTrainLog) log = new_log (tool, 30);
  Page page;

  (void) data;
  add_sample (report, metrics);
  seg_train_report_set_log (report, log, 12);
  seg_train_report_set_metrics (report, metrics, NASTY);
  seg_train_report_set_recipe (report, "[segkit]\nname=" NASTY "\n");
  seg_train_report_add_fact (report, NASTY, NASTY, "%s %d", NASTY, 42);
  seg_train_report_add_machine (report, 2);
  page = read_page (tool, report);

  g_assert_nonnull (page_find (&page, NASTY_SHOWN " 42"));
  g_assert_nonnull (page_find (&page, "[segkit]\nname=" NASTY_SHOWN "\n"));
  g_assert_nonnull (page_find (&page, "back<i>ground"));
  g_assert_nonnull (page_find (&page, "a & b"));
  g_assert_nonnull (page_find (&page, "13 of 30"));
  g_assert_nonnull (page_find (&page, "38 min"));
  g_assert_cmpuint (page_count (&page, "script"), ==, 0);
  g_assert_cmpuint (page_count (&page, "table"), ==, 2);
  g_assert_cmpuint (page_count (&page, "svg"), ==, 4 - 1 + 3); /* no speeds; one for each class */
  assert_pictures (&page);
  page_clear (&page);
}

/* A run that has only begun, and images in which nothing counts. */
static void
test_little (Tool *tool, gconstpointer data)
{
  g_autoptr (SegModel) model = new_model ();
  g_autoptr (SegMetrics) metrics = seg_metrics_new (3);

  (void) data;
  for (guint n = 0; n <= 2; n++)
    {
      g_autoptr (SegTrainReport) report = seg_train_report_new ("x", model);
      g_autoptr (SegTrainLog) log = new_log (tool, n);
      Page page;

      seg_train_report_set_log (report, log, G_MAXUINT);
      if (n > 0)
        seg_train_report_set_metrics (report, metrics, "no images");
      page = read_page (tool, report);
      g_assert_cmpuint (page_count (&page, "table"), ==, n > 0 ? 2 : 0);
      g_assert_cmpuint (page.pictures->len, ==, 0);
      page_clear (&page);
    }
}

/* The report of the same run is the same file. */
static void
test_repeated (Tool *tool, gconstpointer data)
{
  g_autoptr (SegModel) model = new_model ();
  g_autofree char *path = tool_path (tool, "report.html");
  char *texts[2];

  (void) data;
  for (guint i = 0; i < 2; i++)
    {
      g_autoptr (SegTrainReport) report = seg_train_report_new ("x", model);
      g_autoptr (SegMetrics) metrics = seg_metrics_new (3);

      add_sample (report, metrics);
      seg_train_report_set_metrics (report, metrics, "an image");
      g_assert_true (seg_train_report_write (report, path, NULL));
      g_assert_true (g_file_get_contents (path, &texts[i], NULL, NULL));
    }
  g_assert_cmpstr (texts[0], ==, texts[1]);
  g_free (texts[0]);
  g_free (texts[1]);
}

int
main (int argc, char **argv)
{
  tool_main_init (&argc, &argv);
  g_test_add ("/train-report/whole", Tool, NULL, tool_setup, test_whole, tool_teardown);
  g_test_add ("/train-report/little", Tool, NULL, tool_setup, test_little, tool_teardown);
  g_test_add ("/train-report/repeated", Tool, NULL, tool_setup, test_repeated, tool_teardown);
  return g_test_run ();
}
