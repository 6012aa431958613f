/* What metrics say of labels, for the oracle: metrics N_CLASSES FILE. The file has the truth as
 * 16-bit numbers and behind it as many predictions as bytes. Prints a line for each class and one
 * each for the means of all classes and of all but the first, then the accuracy. */
#include <stdlib.h>

#include "../../apps/lib/metrics.h"

static void
print_line (const SegMetrics *metrics, guint class, guint n_classes)
{
  for (guint m = 0; m < SEG_N_METRICS; m++)
    g_print ("%.17g ", class < n_classes ? seg_metrics_get (metrics, m, class)
                                         : seg_metrics_get_mean (metrics, m, class - n_classes));
  g_print ("\n");
}

int
main (int argc, char **argv)
{
  guint n_classes = argc == 3 ? (guint) atoi (argv[1]) : 0;
  g_autoptr (SegMetrics) metrics = NULL;
  g_autofree char *bytes = NULL;
  gsize n_bytes;

  if (n_classes < 2 || !g_file_get_contents (argv[2], &bytes, &n_bytes, NULL))
    return 2;
  metrics = seg_metrics_new (n_classes);
  seg_metrics_add (metrics, (const guint16 *) bytes, (const guint8 *) bytes + n_bytes / 3 * 2,
                   n_bytes / 3);
  for (guint i = 0; i < n_classes + 2; i++)
    print_line (metrics, i, n_classes);
  g_print ("%.17g\n", seg_metrics_get_pixel_accuracy (metrics));
  return 0;
}
