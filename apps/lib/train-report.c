/* A report of a training run: one file to keep beside the model or to send to somebody. It opens
 * without a network, holds no scripts, and is well-formed XML, too. */
#include <string.h>
#include <sys/resource.h>

#include <segkit/atomic-file.h>
#include <segkit/kernels.h>

#include "html.h"
#include "train-report-private.h"
#include "units.h"

static void
seg_train_report_section_free (gpointer data)
{
  SegTrainReportSection *self = data;

  g_free (self->title);
  g_string_free (self->rows, TRUE);
  g_free (self);
}

/**
 * seg_train_report_new:
 * @title: of the page, such as the model's name
 * @model: has the classes
 *
 * Returns: (transfer full): a report with nothing in it
 */
SegTrainReport *
seg_train_report_new (const char *title, SegModel *model)
{
  SegTrainReport *self = g_new0 (SegTrainReport, 1);

  self->title = g_strdup (title);
  self->model = g_object_ref (model);
  self->best = G_MAXUINT;
  self->sections = g_ptr_array_new_with_free_func (seg_train_report_section_free);
  self->samples = g_string_new (NULL);
  return self;
}

void
seg_train_report_free (SegTrainReport *self)
{
  g_clear_pointer (&self->metrics, seg_metrics_free);
  g_object_unref (self->model);
  g_ptr_array_unref (self->sections);
  g_string_free (self->samples, TRUE);
  g_free (self->metrics_of);
  g_free (self->recipe);
  g_free (self->title);
  g_free (self);
}

static SegTrainReportSection *
seg_train_report_get_section (SegTrainReport *self, const char *title)
{
  SegTrainReportSection *section;

  for (guint i = 0; i < self->sections->len; i++)
    {
      section = self->sections->pdata[i];
      if (strcmp (section->title, title) == 0)
        return section;
    }
  section = g_new0 (SegTrainReportSection, 1);
  section->title = g_strdup (title);
  section->rows = g_string_new (NULL);
  g_ptr_array_add (self->sections, section);
  return section;
}

/**
 * seg_train_report_add_fact:
 * @self: a report
 * @section: such as "Data"; sections and facts stay in the order in which they came
 * @name: what it is, in a word or two
 * @format: as printf()
 * @...: for it; any bytes
 */
void
seg_train_report_add_fact (SegTrainReport *self, const char *section, const char *name,
                           const char *format, ...)
{
  GString *rows = seg_train_report_get_section (self, section)->rows;
  g_autofree char *text = NULL;
  va_list args;

  va_start (args, format);
  text = g_strdup_vprintf (format, args);
  va_end (args);
  g_string_append (rows, "<dt>");
  seg_html_append (rows, name);
  g_string_append (rows, "</dt><dd>");
  seg_html_append (rows, text);
  g_string_append (rows, "</dd>\n");
}

/* What the system calls the processor; elsewhere than on x86 it may have no name. */
static char *
seg_train_report_dup_processor (void)
{
  g_autofree char *text = NULL;
  const char *line;

  if (!g_file_get_contents ("/proc/cpuinfo", &text, NULL, NULL)
      || (line = strstr (text, "model name")) == NULL || (line = strchr (line, ':')) == NULL)
    return g_strdup ("not known");
  return g_strstrip (g_strndup (line + 1, strcspn (line + 1, "\n")));
}

/**
 * seg_train_report_add_machine:
 * @self: a report
 * @n_threads: that trained
 *
 * Adds a section about the machine that this runs on and the memory that the process took.
 */
void
seg_train_report_add_machine (SegTrainReport *self, guint n_threads)
{
  g_autofree char *processor = seg_train_report_dup_processor ();
  g_autofree char *peak = NULL;
  struct rusage usage;

  seg_train_report_add_fact (self, "Machine", "processor", "%s", processor);
  seg_train_report_add_fact (self, "Machine", "instructions", "%s", seg_kernels_get ()->level);
  seg_train_report_add_fact (self, "Machine", "threads", "%u of %u", n_threads,
                             g_get_num_processors ());
  if (getrusage (RUSAGE_SELF, &usage) == 0)
    {
      peak = seg_units_bytes ((double) usage.ru_maxrss * 1024.);
      seg_train_report_add_fact (self, "Machine", "memory at most", "%s", peak);
    }
  seg_train_report_add_fact (self, "Machine", "segkit", "%s", SEGKIT_VERSION);
}

/**
 * seg_train_report_set_log:
 * @self: a report
 * @log: (transfer none): the run; must outlive the report
 * @best: the row of the model that was kept, or %G_MAXUINT
 */
void
seg_train_report_set_log (SegTrainReport *self, SegTrainLog *log, guint best)
{
  self->log = log;
  self->best = best;
}

/**
 * seg_train_report_set_metrics:
 * @self: a report
 * @metrics: of the model that was kept; copied
 * @of: of which images, such as "24 validation images"
 */
void
seg_train_report_set_metrics (SegTrainReport *self, const SegMetrics *metrics, const char *of)
{
  g_clear_pointer (&self->metrics, seg_metrics_free);
  self->metrics = seg_metrics_new (seg_metrics_get_n_classes (metrics));
  seg_metrics_join (self->metrics, metrics);
  g_free (self->metrics_of);
  self->metrics_of = g_strdup (of);
}

/**
 * seg_train_report_set_recipe:
 * @self: a report
 * @recipe: text that would repeat the run
 */
void
seg_train_report_set_recipe (SegTrainReport *self, const char *recipe)
{
  g_free (self->recipe);
  self->recipe = g_strdup (recipe);
}

/**
 * seg_train_report_add_sample:
 * @self: a report
 * @sample: to be seen
 * @error: return location
 *
 * Draws an image, its truth, what was predicted, and where they differ. Nothing of @sample is
 * needed afterwards.
 * Errors: `SEG_ERROR_MEMORY`, those of libvips.
 */
gboolean
seg_train_report_add_sample (SegTrainReport *self, const SegTrainReportSample *sample,
                             GError **error)
{
  return _seg_train_report_print_sample (sample, self->model, self->samples, error);
}

/**
 * seg_train_report_write:
 * @self: a report
 * @path: an HTML file
 * @error: return location
 *
 * Writes the page, whole or not at all. What there is nothing of is left out.
 * Errors: `G_IO_ERROR`.
 */
gboolean
seg_train_report_write (SegTrainReport *self, const char *path, GError **error)
{
  g_autoptr (SegAtomicFile) file = seg_atomic_file_new (path, error);
  g_autoptr (GString) out = g_string_new (NULL);

  if (file == NULL)
    return FALSE;
  _seg_train_report_print_page (self, out);
  return seg_atomic_file_write (file, out->str, out->len, error)
         && seg_atomic_file_commit (file, error);
}
