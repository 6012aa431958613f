/* What is in each file of a data set: by it a run that is gone on with knows that it has the data
 * that it was begun with, and which file has changed. */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "dataset-private.h"
#include "path.h"

#define SEG_CONTENTS_PART (1 << 16)

static char *
seg_contents_hash_file (const char *path)
{
  g_autoptr (GChecksum) sum = g_checksum_new (G_CHECKSUM_MD5);
  g_autofree guchar *bytes = g_malloc (SEG_CONTENTS_PART);
  int fd = open (path, O_RDONLY | O_CLOEXEC);
  ssize_t n = -1;

  while (fd >= 0 && ((n = read (fd, bytes, SEG_CONTENTS_PART)) > 0 || (n < 0 && errno == EINTR)))
    if (n > 0)
      g_checksum_update (sum, bytes, n);
  if (fd >= 0)
    close (fd);
  return g_strdup (n == 0 ? g_checksum_get_string (sum) : "unreadable");
}

/* Images, mask and instances; NULL behind the last. */
static const char *
seg_contents_get_file (const SegSample *sample, guint i)
{
  guint n = g_strv_length (sample->images);

  if (i < n)
    return sample->images[i];
  return i == n ? sample->mask : i == n + 1 ? sample->instances : NULL;
}

/**
 * _seg_entry_hash_contents: (skip)
 *
 * Makes entry->contents: a hash of each of its files.
 */
void
_seg_entry_hash_contents (SegEntry *entry)
{
  g_autoptr (GPtrArray) sums = g_ptr_array_new ();
  const char *path;

  while ((path = seg_contents_get_file (&entry->sample, sums->len)) != NULL)
    g_ptr_array_add (sums, seg_contents_hash_file (path));
  g_ptr_array_add (sums, NULL);
  g_strfreev (entry->contents);
  entry->contents = (char **) g_ptr_array_steal (sums, NULL);
}

static void
seg_contents_append (SegDataset *self, GString *text, const char *split, const SegEntry *entry)
{
  for (guint i = 0; entry->contents != NULL && entry->contents[i] != NULL; i++)
    {
      const char *path = seg_contents_get_file (&entry->sample, i);
      const char *inside = _seg_dataset_get_inside (self, path);
      g_autofree char *shown = seg_path_escape (inside != NULL ? inside : path);

      g_string_append_printf (text, "%s %s %s\n", entry->contents[i], split, shown);
    }
}

/**
 * seg_dataset_dup_contents:
 * @self: a data set after seg_dataset_check()
 *
 * Returns: (transfer full): a line for each file that is read: a hash of what is in it, the split
 *   it is in, and its place in the folder
 */
char *
seg_dataset_dup_contents (SegDataset *self)
{
  static const char *const names[SEG_N_SPLITS] = { "train", "validation", "test" };
  GString *text = g_string_new (NULL);

  for (guint split = 0; split < SEG_N_SPLITS; split++)
    for (guint i = 0; i < self->splits[split]->len; i++)
      seg_contents_append (self, text, names[split], _seg_dataset_get_entry (self, split, i));
  return g_string_free (text, FALSE);
}
