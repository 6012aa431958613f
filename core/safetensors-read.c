/* Reading safetensors files: eight bytes of header length, a JSON header, then the tensors' bytes.
 *
 * Model files come from strangers. Nothing is allocated by a number from the file before that
 * number has been compared with the file's size, and everything that two readers could
 * understand in two ways is refused: names that occur twice, holes, overlaps, bytes behind the
 * end. */

#include <segkit/error.h>
#include <segkit/memory.h>

#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "safetensors-private.h"
#include "tensor-private.h"
#include "text.h"

#if G_BYTE_ORDER != G_LITTLE_ENDIAN
#  error "safetensors files are little-endian, and tensors are read as they are"
#endif

#define SEG_SAFETENSORS_MAX_TENSORS 100000
#define SEG_SAFETENSORS_MAX_METADATA 1000

/* The header as a JSON tree takes up to a hundred times its bytes in memory. So many objects,
 * lists, keys and commas are enough for all tensors and texts; one of four dimensions needs seven
 * commas. */
#define SEG_SAFETENSORS_MAX_OBJECTS (SEG_SAFETENSORS_MAX_TENSORS + 2)
#define SEG_SAFETENSORS_MAX_LISTS (2 * SEG_SAFETENSORS_MAX_TENSORS)
#define SEG_SAFETENSORS_MAX_KEYS                                                                   \
  (4 * SEG_SAFETENSORS_MAX_TENSORS + SEG_SAFETENSORS_MAX_METADATA + 1)
#define SEG_SAFETENSORS_MAX_COMMAS (10 * SEG_SAFETENSORS_MAX_TENSORS)
#define SEG_SAFETENSORS_MAX_DEPTH 3

/* A tensor as the header tells of it; bytes begin to end of the data. */
typedef struct
{
  const char *name;
  SegDtype dtype;
  guint rank;
  gint64 dims[SEG_TENSOR_MAX_RANK];
  guint64 begin, end;
} SegSafetensorsEntry;

G_GNUC_PRINTF (2, 3)
static gboolean
seg_safetensors_refuse (GError **error, const char *format, ...)
{
  va_list args;

  va_start (args, format);
  g_autofree char *message = g_strdup_vprintf (format, args);
  va_end (args);
  g_set_error_literal (error, SEG_ERROR, SEG_ERROR_FORMAT, message);
  return FALSE;
}

/* The same, of one tensor: `tensor "NAME" WHAT`. */
G_GNUC_PRINTF (3, 4)
static gboolean
seg_safetensors_refuse_tensor (const char *name, GError **error, const char *format, ...)
{
  g_autofree char *shown = _seg_text_escape (name);
  va_list args;

  va_start (args, format);
  g_autofree char *message = g_strdup_vprintf (format, args);
  va_end (args);
  return seg_safetensors_refuse (error, "tensor \"%s\" %s", shown, message);
}

static gboolean
seg_safetensors_pread (int fd, gpointer data, gsize n_bytes, guint64 offset, GError **error)
{
  guint8 *next = data;

  while (n_bytes > 0)
    {
      ssize_t n = pread (fd, next, MIN (n_bytes, G_MAXINT32), (off_t) offset);
      if (n < 0 && errno == EINTR)
        continue;
      if (n < 0)
        {
          g_set_error (error, G_IO_ERROR, g_io_error_from_errno (errno),
                       "cannot read at byte %" G_GUINT64_FORMAT ": %s", offset, g_strerror (errno));
          return FALSE;
        }
      if (n == 0)
        return seg_safetensors_refuse (
            error, "ends at byte %" G_GUINT64_FORMAT ": it was cut short while being read", offset);
      next += n;
      n_bytes -= (gsize) n;
      offset += (guint64) n;
    }
  return TRUE;
}

/* Bounds what parsing may cost, before it begins. */
static gboolean
seg_safetensors_check_cost (const char *header, gsize n_bytes, GError **error)
{
  gboolean in_string = FALSE;
  gint depth = 0, n_objects = 0, n_lists = 0, n_keys = 0, n_commas = 0;

  for (gsize i = 0; i < n_bytes; i++)
    {
      char c = header[i];

      if (in_string && c == '\\')
        i++;
      else if (c == '"')
        in_string = !in_string;
      else if (in_string)
        continue;
      else if (c == '{' || c == '[')
        depth++;
      else if (c == '}' || c == ']')
        depth--;
      n_objects += c == '{';
      n_lists += c == '[';
      n_keys += c == ':';
      n_commas += c == ',';

      if (depth > SEG_SAFETENSORS_MAX_DEPTH)
        return seg_safetensors_refuse (error,
                                       "header is nested deeper than %d at byte %" G_GSIZE_FORMAT,
                                       SEG_SAFETENSORS_MAX_DEPTH, i);
    }
  return (n_objects <= SEG_SAFETENSORS_MAX_OBJECTS && n_lists <= SEG_SAFETENSORS_MAX_LISTS
          && n_keys <= SEG_SAFETENSORS_MAX_KEYS && n_commas <= SEG_SAFETENSORS_MAX_COMMAS)
         || seg_safetensors_refuse (error, "header has more items than %d tensors need",
                                    SEG_SAFETENSORS_MAX_TENSORS);
}

static json_t *
seg_safetensors_parse_header (const char *header, gsize n_bytes, GError **error)
{
  const char *nul = memchr (header, '\0', n_bytes);
  json_error_t problem;

  /* Jansson passes over one behind a number */
  if (nul != NULL)
    {
      seg_safetensors_refuse (error, "header: byte %" G_GSIZE_FORMAT ": a NUL character",
                              (gsize) (nul - header));
      return NULL;
    }
  if (header[0] != '{')
    {
      seg_safetensors_refuse (error, "header does not begin with {");
      return NULL;
    }
  while (header[n_bytes - 1] == ' ')
    n_bytes--;
  if (header[n_bytes - 1] != '}')
    {
      seg_safetensors_refuse (error, "header does not end with } and spaces");
      return NULL;
    }
  if (!seg_safetensors_check_cost (header, n_bytes, error))
    return NULL;

  json_t *root = json_loadb (header, n_bytes, JSON_REJECT_DUPLICATES, &problem);
  if (root == NULL)
    {
      g_autofree char *shown = _seg_text_escape (problem.text);
      seg_safetensors_refuse (error, "header: byte %d: %s", problem.position, shown);
    }
  return root;
}

static gboolean
seg_safetensors_check_metadata (json_t *metadata, GError **error)
{
  if (!json_is_object (metadata))
    return seg_safetensors_refuse (error, SEG_SAFETENSORS_METADATA " is not an object");
  if (json_object_size (metadata) > SEG_SAFETENSORS_MAX_METADATA)
    return seg_safetensors_refuse (error, SEG_SAFETENSORS_METADATA " has more than %d keys",
                                   SEG_SAFETENSORS_MAX_METADATA);
  for (void *i = json_object_iter (metadata); i; i = json_object_iter_next (metadata, i))
    {
      const char *key = json_object_iter_key (i);
      g_autofree char *shown = _seg_text_escape (key);
      if (!_seg_text_is_name (key))
        return seg_safetensors_refuse (error, SEG_SAFETENSORS_METADATA ": \"%s\" is not a name",
                                       shown);
      if (!json_is_string (json_object_iter_value (i)))
        return seg_safetensors_refuse (
            error, SEG_SAFETENSORS_METADATA ": the value of \"%s\" is not a string", shown);
    }
  return TRUE;
}

static gboolean
seg_safetensors_parse_dtype (const char *name, json_t *json, SegDtype *dtype, GError **error)
{
  static const struct
  {
    const char *name;
    SegDtype dtype;
  } known[] = {
    { "F32", SEG_DTYPE_F32 },
    { "F16", SEG_DTYPE_F16 },
    { "BF16", SEG_DTYPE_BF16 },
    { "I64", SEG_DTYPE_I64 },
  };

  if (!json_is_string (json))
    return seg_safetensors_refuse_tensor (name, error, "has no dtype");
  for (guint i = 0; i < G_N_ELEMENTS (known); i++)
    if (strcmp (json_string_value (json), known[i].name) == 0)
      {
        *dtype = known[i].dtype;
        return TRUE;
      }

  g_autofree char *shown_name = _seg_text_escape (name);
  g_autofree char *shown_dtype = _seg_text_escape (json_string_value (json));
  g_set_error (error, SEG_ERROR, SEG_ERROR_UNSUPPORTED,
               "tensor \"%s\" has dtype \"%s\"; only F32, F16, BF16 and I64 are supported",
               shown_name, shown_dtype);
  return FALSE;
}

/* Reads the shape and counts its bytes. Every partial product must be representable, also where
 * a later zero would make the whole small: other readers multiply in other orders. */
static gboolean
seg_safetensors_parse_shape (SegSafetensorsEntry *entry, json_t *json, guint64 *n_bytes,
                             GError **error)
{
  gint64 product = (gint64) seg_dtype_get_size (entry->dtype);
  gboolean empty = FALSE;

  if (!json_is_array (json))
    return seg_safetensors_refuse_tensor (entry->name, error, "has no shape");
  if (json_array_size (json) > SEG_TENSOR_MAX_RANK)
    return seg_safetensors_refuse_tensor (entry->name, error,
                                          "has %" G_GSIZE_FORMAT " dimensions, more than %d",
                                          json_array_size (json), SEG_TENSOR_MAX_RANK);
  entry->rank = (guint) json_array_size (json);
  for (guint i = 0; i < entry->rank; i++)
    {
      json_t *item = json_array_get (json, i);

      if (!json_is_integer (item) || json_integer_value (item) < 0)
        return seg_safetensors_refuse_tensor (entry->name, error,
                                              "has a size that is not a whole number from 0");
      entry->dims[i] = json_integer_value (item);
      empty |= entry->dims[i] == 0;
      if (entry->dims[i] != 0 && __builtin_mul_overflow (product, entry->dims[i], &product))
        return seg_safetensors_refuse_tensor (entry->name, error,
                                              "has more bytes than can be counted");
    }
  *n_bytes = empty ? 0 : (guint64) product;
  return TRUE;
}

static gboolean
seg_safetensors_parse_offsets (SegSafetensorsEntry *entry, json_t *json, guint64 n_data,
                               GError **error)
{
  json_t *begin = json_array_get (json, 0), *end = json_array_get (json, 1);

  if (json_array_size (json) != 2 || !json_is_integer (begin) || !json_is_integer (end)
      || json_integer_value (begin) < 0 || json_integer_value (end) < json_integer_value (begin))
    return seg_safetensors_refuse_tensor (entry->name, error,
                                          "has no data_offsets [begin,end] with 0 <= begin <= end");
  entry->begin = (guint64) json_integer_value (begin);
  entry->end = (guint64) json_integer_value (end);
  if (entry->end > n_data)
    return seg_safetensors_refuse_tensor (entry->name, error,
                                          "ends at byte %" G_GUINT64_FORMAT
                                          " of the data, but the file has %" G_GUINT64_FORMAT,
                                          entry->end, n_data);
  return TRUE;
}

static char *
seg_safetensors_dup_shape (const SegSafetensorsEntry *entry)
{
  SegTensor tensor = { .rank = entry->rank };

  memcpy (tensor.dims, entry->dims, sizeof tensor.dims);
  return seg_tensor_dup_shape (&tensor);
}

static gboolean
seg_safetensors_parse_entry (SegSafetensorsEntry *entry, const char *name, json_t *json,
                             guint64 n_data, GError **error)
{
  guint64 n_bytes = 0;

  *entry = (SegSafetensorsEntry){ .name = name };
  if (!_seg_text_is_name (name))
    {
      g_autofree char *shown = _seg_text_escape (name);
      return seg_safetensors_refuse (error, "\"%s\" cannot be the name of a tensor", shown);
    }
  if (json_object_size (json) != 3)
    return seg_safetensors_refuse_tensor (name, error,
                                          "is not described by dtype, shape and data_offsets");
  if (!seg_safetensors_parse_dtype (name, json_object_get (json, "dtype"), &entry->dtype, error)
      || !seg_safetensors_parse_shape (entry, json_object_get (json, "shape"), &n_bytes, error)
      || !seg_safetensors_parse_offsets (entry, json_object_get (json, "data_offsets"), n_data,
                                         error))
    return FALSE;

  if (entry->end - entry->begin != n_bytes)
    {
      g_autofree char *shape = seg_safetensors_dup_shape (entry);
      return seg_safetensors_refuse_tensor (
          name, error,
          "needs %" G_GUINT64_FORMAT " bytes (shape %s) but data_offsets give %" G_GUINT64_FORMAT,
          n_bytes, shape, entry->end - entry->begin);
    }
  return TRUE;
}

static gint
seg_safetensors_compare_places (gconstpointer a, gconstpointer b)
{
  const SegSafetensorsEntry *left = *(SegSafetensorsEntry *const *) a;
  const SegSafetensorsEntry *right = *(SegSafetensorsEntry *const *) b;

  if (left->begin != right->begin)
    return left->begin < right->begin ? -1 : 1;
  return left->end < right->end ? -1 : left->end > right->end;
}

/* Each byte of the data must belong to exactly one tensor. */
static gboolean
seg_safetensors_check_places (GArray *entries, guint64 n_data, GError **error)
{
  g_autoptr (GPtrArray) sorted = g_ptr_array_sized_new (entries->len);
  guint64 end = 0;

  for (guint i = 0; i < entries->len; i++)
    g_ptr_array_add (sorted, &g_array_index (entries, SegSafetensorsEntry, i));
  g_ptr_array_sort (sorted, seg_safetensors_compare_places);

  for (guint i = 0; i < sorted->len; i++)
    {
      const SegSafetensorsEntry *entry = sorted->pdata[i];
      if (entry->begin != end)
        return seg_safetensors_refuse_tensor (
            entry->name, error,
            "begins at byte %" G_GUINT64_FORMAT
            " of the data, but the one before ends at %" G_GUINT64_FORMAT,
            entry->begin, end);
      end = entry->end;
    }
  return end == n_data
         || seg_safetensors_refuse (error,
                                    "tensors end at byte %" G_GUINT64_FORMAT
                                    " of the data, but the file has %" G_GUINT64_FORMAT,
                                    end, n_data);
}

/* Everything that the header says, checked. Names in the result are the JSON tree's. */
static GArray *
seg_safetensors_parse_entries (json_t *root, guint64 n_data, GError **error)
{
  g_autoptr (GArray) entries = g_array_new (FALSE, FALSE, sizeof (SegSafetensorsEntry));

  for (void *i = json_object_iter (root); i; i = json_object_iter_next (root, i))
    {
      const char *name = json_object_iter_key (i);
      json_t *json = json_object_iter_value (i);
      SegSafetensorsEntry entry;

      if (strcmp (name, SEG_SAFETENSORS_METADATA) == 0)
        {
          if (!seg_safetensors_check_metadata (json, error))
            return NULL;
          continue;
        }
      if (entries->len == SEG_SAFETENSORS_MAX_TENSORS)
        {
          seg_safetensors_refuse (error, "has more than %d tensors", SEG_SAFETENSORS_MAX_TENSORS);
          return NULL;
        }
      if (!seg_safetensors_parse_entry (&entry, name, json, n_data, error))
        return NULL;
      g_array_append_val (entries, entry);
    }
  if (!seg_safetensors_check_places (entries, n_data, error))
    return NULL;
  return g_steal_pointer (&entries);
}

static gboolean
seg_safetensors_read_header (int fd, guint64 n_file, char **header, gsize *n_header, GError **error)
{
  guint64 n;

  if (n_file < sizeof n)
    return seg_safetensors_refuse (
        error, "has %" G_GUINT64_FORMAT " bytes, too few for a safetensors file", n_file);
  if (!seg_safetensors_pread (fd, &n, sizeof n, 0, error))
    return FALSE;
  if (n < 2 || n > n_file - sizeof n)
    return seg_safetensors_refuse (error,
                                   "says that its header has %" G_GUINT64_FORMAT
                                   " bytes, of %" G_GUINT64_FORMAT
                                   " that follow: not a safetensors file, or a damaged one",
                                   n, n_file - sizeof n);
  if (n > SEG_SAFETENSORS_HEADER_DEFAULT)
    return seg_safetensors_refuse (error,
                                   "has a header of %" G_GUINT64_FORMAT " bytes; the limit is %d",
                                   n, SEG_SAFETENSORS_HEADER_DEFAULT);

  *header = seg_alloc (n, 1, "header", error);
  *n_header = n;
  return *header != NULL && seg_safetensors_pread (fd, *header, n, sizeof n, error);
}

/* Takes over what the header says of the tensors, and of itself. */
static gboolean
seg_safetensors_take_header (SegSafetensors *self, json_t *root, guint64 data_offset,
                             guint64 n_data, GError **error)
{
  g_autoptr (GArray) entries = seg_safetensors_parse_entries (root, n_data, error);
  json_t *metadata = json_object_get (root, SEG_SAFETENSORS_METADATA);

  if (entries == NULL)
    return FALSE;
  for (guint i = 0; i < entries->len; i++)
    {
      const SegSafetensorsEntry *entry = &g_array_index (entries, SegSafetensorsEntry, i);
      g_autoptr (SegTensor) tensor =
          _seg_tensor_new_empty (entry->dtype, entry->rank, entry->dims, error);
      guint64 place = data_offset + entry->begin;

      if (tensor == NULL)
        return FALSE;
      seg_safetensors_add (self, entry->name, tensor);
      g_array_append_val (self->places, place);
    }
  for (void *i = json_object_iter (metadata); i; i = json_object_iter_next (metadata, i))
    seg_safetensors_set_metadata (self, json_object_iter_key (i),
                                  json_string_value (json_object_iter_value (i)));
  return TRUE;
}

static gboolean
seg_safetensors_open_fd (SegSafetensors *self, GError **error)
{
  struct stat status;
  char *header = NULL;
  gsize n_header = 0;
  json_t *root = NULL;
  gboolean taken = FALSE;

  self->fd = open (self->path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
  if (self->fd < 0 || fstat (self->fd, &status) < 0)
    {
      g_set_error_literal (error, G_IO_ERROR, g_io_error_from_errno (errno), g_strerror (errno));
      return FALSE;
    }
  /* A device would be read without end, a pipe would wait without end. */
  if (!S_ISREG (status.st_mode))
    return seg_safetensors_refuse (error, "is not a regular file");

  if (seg_safetensors_read_header (self->fd, (guint64) status.st_size, &header, &n_header, error))
    root = seg_safetensors_parse_header (header, n_header, error);
  seg_free (header);
  if (root != NULL)
    {
      guint64 data_offset = sizeof (guint64) + n_header;
      taken = seg_safetensors_take_header (self, root, data_offset,
                                           (guint64) status.st_size - data_offset, error);
      json_decref (root);
    }
  return taken;
}

/* Says which file it was. */
static void
seg_safetensors_prefix_path (SegSafetensors *self, GError **error)
{
  g_autofree char *shown = _seg_text_escape_path (self->path);
  g_prefix_error (error, "%s: ", shown);
}

/**
 * seg_safetensors_open:
 * @path: a file
 * @error: return location
 *
 * Reads the header of a file, strictly, and leaves the file open for seg_safetensors_load(). Until
 * then its tensors have shapes and no data, so that who knows which are wanted can look before
 * memory is taken for what a stranger's file claims to hold.
 * Beyond what the format's description asks for: the header has at most
 * %SEG_SAFETENSORS_HEADER_DEFAULT bytes, there are at most 100,000 tensors of at most eight
 * dimensions and 1000 texts, and names are printable and of at most 256 bytes. Tensors without
 * elements are accepted wherever another one begins or ends.
 * Errors: `SEG_ERROR_FORMAT`; `SEG_ERROR_UNSUPPORTED` for an element type other than F32, F16,
 * BF16 and I64; `SEG_ERROR_MEMORY`; %G_IO_ERROR.
 * Threads: any.
 *
 * Returns: (transfer full): the names, shapes and texts, or %NULL with @error set
 */
SegSafetensors *
seg_safetensors_open (const char *path, GError **error)
{
  g_return_val_if_fail (path != NULL, NULL);

  g_autoptr (SegSafetensors) self = seg_safetensors_new ();

  self->path = g_strdup (path);
  if (seg_safetensors_open_fd (self, error))
    return g_steal_pointer (&self);
  seg_safetensors_prefix_path (self, error);
  return NULL;
}

static gboolean
seg_safetensors_load_tensor (SegSafetensors *self, guint i, GError **error)
{
  const char *name = self->names->pdata[i];
  SegTensor *tensor = seg_safetensors_lookup (self, name);

  if (_seg_tensor_allocate (tensor, error)
      && seg_safetensors_pread (self->fd, tensor->data, seg_tensor_get_n_bytes (tensor),
                                g_array_index (self->places, guint64, i), error))
    return TRUE;
  g_clear_pointer (&tensor->data, seg_free); /* of which only a part is set */
  g_autofree char *shown = _seg_text_escape (name);
  g_prefix_error (error, "tensor \"%s\": ", shown);
  return FALSE;
}

/**
 * seg_safetensors_load:
 * @self: from seg_safetensors_open()
 * @error: return location
 *
 * Reads the data of all the file's tensors, which come before any that were added, and closes it.
 * Nothing is left to do where there is no open file. After an error some tensors have no data:
 * @self is good for nothing any more, and another try is refused.
 * Errors: `SEG_ERROR_MEMORY`; `SEG_ERROR_FORMAT` if the file has become shorter; %G_IO_ERROR.
 *
 * Returns: %FALSE with @error set
 */
gboolean
seg_safetensors_load (SegSafetensors *self, GError **error)
{
  gboolean loaded = TRUE;

  g_return_val_if_fail (SEG_IS_SAFETENSORS (self), FALSE);

  if (self->fd < 0 && self->places->len > 0)
    {
      loaded = FALSE;
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_CLOSED,
                           "is closed, since reading it has failed before");
    }
  for (guint i = 0; loaded && i < self->places->len; i++)
    loaded = seg_safetensors_load_tensor (self, i, error);
  if (self->fd >= 0)
    close (self->fd);
  self->fd = -1;
  if (loaded)
    g_array_set_size (self->places, 0);
  else
    seg_safetensors_prefix_path (self, error);
  return loaded;
}

/**
 * seg_safetensors_read:
 * @path: a file
 * @error: return location
 *
 * Reads a whole file into owned memory: seg_safetensors_open() and seg_safetensors_load().
 * Errors: theirs.
 * Threads: any.
 *
 * Returns: (transfer full): the contents, or %NULL with @error set
 */
SegSafetensors *
seg_safetensors_read (const char *path, GError **error)
{
  g_autoptr (SegSafetensors) self = seg_safetensors_open (path, error);

  return self != NULL && seg_safetensors_load (self, error) ? g_steal_pointer (&self) : NULL;
}
