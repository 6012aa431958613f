/* How much memory there is to use, and how much of it is in use. */
#include <string.h>
#include <unistd.h>

#include "memory-budget.h"

#define SEG_MEMORY_BUDGET_SHARE 0.8

/**
 * seg_memory_budget_parse:
 * @text: a number of bytes, perhaps with k, M, G or T behind it, powers of 1024, and B or iB
 * @bytes: (out): how many
 * @error: return location
 *
 * Errors: `G_OPTION_ERROR`.
 */
gboolean
seg_memory_budget_parse (const char *text, gsize *bytes, GError **error)
{
  static const char units[] = "kmgt";
  char *end;
  double value = g_ascii_strtod (text, &end);
  const char *unit = *end != '\0' ? strchr (units, g_ascii_tolower (*end)) : NULL;

  if (unit != NULL)
    {
      for (const char *u = units; u <= unit; u++)
        value *= 1024;
      end++;
      /* 2G, 2GB and 2GiB are the same */
      if (*end == 'i' && end[1] == 'B')
        end++;
      if (*end == 'B')
        end++;
    }
  /* the comparison is false for NaN */
  if (end == text || *end != '\0' || !(value >= 1 && value < (double) G_MAXSSIZE))
    {
      g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                   "--max-memory: \"%s\" is no amount of memory such as 800M or 1.5G", text);
      return FALSE;
    }
  *bytes = (gsize) value;
  return TRUE;
}

/* The number in a file of the kernel's that says no more than that; none is no limit. */
static gsize
seg_memory_budget_read (const char *path)
{
  g_autofree char *text = NULL;
  guint64 value;

  if (!g_file_get_contents (path, &text, NULL, NULL)
      || !g_ascii_string_to_unsigned (g_strstrip (text), 10, 0, G_MAXSIZE, &value, NULL))
    return G_MAXSIZE;
  return (gsize) value;
}

/* The least that this group or one around it may use. */
static gsize
seg_memory_budget_climb (const char *root, const char *group, const char *file)
{
  g_autofree char *place = g_strdup (group);
  gsize least = G_MAXSIZE;

  while (TRUE)
    {
      g_autofree char *path = g_build_filename (root, place, file, NULL);
      char *slash = strrchr (place, '/');

      least = MIN (least, seg_memory_budget_read (path));
      if (slash == NULL)
        return least;
      *slash = '\0';
    }
}

/* Of this process's control groups, version 2 ("0::/group") or 1 ("7:memory:/group"). */
static gsize
seg_memory_budget_get_group_limit (void)
{
  g_autofree char *text = NULL;
  g_auto (GStrv) lines = NULL;
  gsize least = G_MAXSIZE;

  if (!g_file_get_contents ("/proc/self/cgroup", &text, NULL, NULL))
    return least;
  lines = g_strsplit (text, "\n", -1);
  for (char **line = lines; *line != NULL; line++)
    {
      g_auto (GStrv) fields = g_strsplit (*line, ":", 3);

      if (g_strv_length (fields) != 3)
        continue;
      if (*fields[1] == '\0')
        least = MIN (least, seg_memory_budget_climb ("/sys/fs/cgroup", fields[2], "memory.max"));
      else if (strcmp (fields[1], "memory") == 0)
        least = MIN (least, seg_memory_budget_climb ("/sys/fs/cgroup/memory", fields[2],
                                                     "memory.limit_in_bytes"));
    }
  return least;
}

/* A line of what the system says of its memory. */
static gsize
seg_memory_budget_get_system (const char *name)
{
  g_autofree char *text = NULL;
  const char *line;
  guint64 kib;

  if (!g_file_get_contents ("/proc/meminfo", &text, NULL, NULL)
      || (line = strstr (text, name)) == NULL)
    return G_MAXSIZE;
  kib = g_ascii_strtoull (line + strlen (name), NULL, 10);
  return kib < G_MAXSIZE / 1024 ? (gsize) kib * 1024 : G_MAXSIZE;
}

/**
 * seg_memory_budget_get_installed:
 *
 * Returns: bytes that a process could use if it were alone: the same from one run to the next, unlike
 *   seg_memory_budget_get_default()
 */
gsize
seg_memory_budget_get_installed (void)
{
  return MIN (seg_memory_budget_get_system ("MemTotal:"), seg_memory_budget_get_group_limit ());
}

/**
 * seg_memory_budget_get_default:
 *
 * Returns: bytes that this process may well use in all: four fifths of what the system has to
 *   give and the limits of its control groups allow
 */
gsize
seg_memory_budget_get_default (void)
{
  gsize available = seg_memory_budget_get_system ("MemAvailable:");
  gsize free = available < G_MAXSIZE ? available + seg_memory_budget_get_resident () : G_MAXSIZE;
  gsize limit = MIN (free, seg_memory_budget_get_group_limit ());

  return limit < G_MAXSIZE ? (gsize) (SEG_MEMORY_BUDGET_SHARE * (double) limit) : G_MAXSIZE;
}

/**
 * seg_memory_budget_get_resident:
 *
 * Returns: bytes that this process has in memory now; 0 where the system does not tell
 */
gsize
seg_memory_budget_get_resident (void)
{
  g_autofree char *text = NULL;
  g_auto (GStrv) fields = NULL;

  if (!g_file_get_contents ("/proc/self/statm", &text, NULL, NULL))
    return 0;
  fields = g_strsplit (text, " ", 3);
  if (g_strv_length (fields) < 2)
    return 0;
  return (gsize) g_ascii_strtoull (fields[1], NULL, 10) * (gsize) sysconf (_SC_PAGESIZE);
}
