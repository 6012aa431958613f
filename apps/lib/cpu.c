/* Which kernels there are, and which of them run here. */
#include <segkit/kernels.h>

#include "cpu.h"
#include "path.h"
#include "table.h"

/**
 * seg_cpu_print:
 * @out: where to
 *
 * Appends the instruction levels: which are built in, which this processor runs, and which is used
 * with the environment variable `SEGKIT_CPU` as it is.
 */
void
seg_cpu_print (GString *out)
{
  const char *mask = g_getenv ("SEGKIT_CPU");
  g_autofree char *shown = seg_path_escape (mask != NULL ? mask : "");
  g_autoptr (SegTable) table = seg_table_new ("lrl");
  const SegKernels *kernels;

  seg_table_add (table, "level", "floats in a vector", "here", NULL);
  for (guint i = 0; (kernels = seg_kernels_get_known (i)) != NULL; i++)
    {
      g_autofree char *lanes = g_strdup_printf ("%d", kernels->lanes);

      seg_table_add (table, kernels->level, lanes,
                     kernels == seg_kernels_get ()                    ? "is used"
                     : seg_kernels_lookup (kernels->level) == kernels ? "runs"
                                                                      : "not on this processor",
                     NULL);
    }
  seg_table_print (table, 0, out);

  if (mask == NULL || *mask == '\0')
    g_string_append (out, "\nSEGKIT_CPU is not set: the best level is used\n");
  else if (seg_kernels_is_known (mask))
    g_string_append_printf (out, "\nSEGKIT_CPU=%s: no level above it is used\n", shown);
  else
    g_string_append_printf (out, "\nSEGKIT_CPU=%s is no level: programs will refuse it\n", shown);
}
