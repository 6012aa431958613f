/* Numbers as people read them: three digits and a prefix, and nouns behind them. */
#include "units.h"

/**
 * seg_units_plural:
 * @n: how many there are
 *
 * Returns: (transfer none): what stands behind the noun: `s`, or nothing for one
 */
const char *
seg_units_plural (guint64 n)
{
  return n == 1 ? "" : "s";
}

static char *
seg_units_format (double n, double step, const char *const *prefixes)
{
  guint p = 0;

  /* what would be rounded up to 1000 gets the next prefix */
  for (; n >= 999.5 && prefixes[p + 1] != NULL; p++)
    n /= step;
  return g_strdup_printf ("%.*f%s", p == 0 || n >= 99.95 ? 0 : n >= 9.995 ? 1 : 2, n, prefixes[p]);
}

/**
 * seg_units_count:
 * @n: a number, not negative
 *
 * Returns: (transfer full): such as `31.0 M`, a thousand being `1.00 k`
 */
char *
seg_units_count (double n)
{
  static const char *const prefixes[] = { "", " k", " M", " G", " T", " P", " E", NULL };
  return seg_units_format (n, 1000, prefixes);
}

/**
 * seg_units_bytes:
 * @n: a number, not negative
 *
 * Returns: (transfer full): such as `118 MiB`, 1024 bytes being `1.00 KiB`
 */
char *
seg_units_bytes (double n)
{
  static const char *const prefixes[] = {
    " B", " KiB", " MiB", " GiB", " TiB", " PiB", " EiB", NULL
  };
  return seg_units_format (n, 1024, prefixes);
}
