/* From the command line to images and the names of what is made of them. Everything that two
 * images could take from each other is found here, before any work. */
#include <string.h>

#include <segkit/error.h>

#include "image-group.h"
#include "image-name.h"
#include "jobs.h"
#include "path.h"
#include "saver.h"
#include "warning.h"

/* Deeper than any folder of images. */
#define SEG_JOBS_MAX_DEPTH 32

/* A file that will be made. */
typedef struct
{
  char *file;
  const SegJob *job; /* NULL: of all images */
} SegClaim;

typedef struct
{
  const SegJobsRequest *request;
  GPtrArray *jobs;
  gboolean several; /* images, or a folder that might hold some */
  GHashTable *claims; /* identity of a file → SegClaim */
  SegImageGroups *groups;
  GHashTable *images; /* of all jobs, with their folder, as suffixes leave them */
  SegLeftOut left_out, odd; /* of folders: no images, and those that belong to none */
} SegJobs;

static void
seg_jobs_clear (SegJobs *self)
{
  seg_left_out_clear (&self->left_out);
  seg_left_out_clear (&self->odd);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (SegJobs, seg_jobs_clear)

/**
 * seg_job_free:
 * @self: a job
 */
void
seg_job_free (SegJob *self)
{
  for (guint i = 0; i < SEG_N_OUTPUTS; i++)
    g_free (self->outputs[i]);
  g_strfreev (self->files);
  g_clear_error (&self->problem);
  g_free (self->image);
  g_free (self->dir);
  g_free (self);
}

/**
 * seg_job_is_done:
 * @self: a job
 *
 * Returns: whether all its outputs are there, and may be: of an image with a problem they are not.
 *   They are only ever there whole
 */
gboolean
seg_job_is_done (const SegJob *self)
{
  for (guint i = 0; i < SEG_N_OUTPUTS; i++)
    {
      g_autofree char *file = self->outputs[i] != NULL ? seg_saver_dup_file (self->outputs[i]) : NULL;

      if (file != NULL && !g_file_test (file, G_FILE_TEST_EXISTS))
        return FALSE;
    }
  return self->problem == NULL;
}

/* Of a file without its folder. NULL where it is not the first of an image. */
static char *
seg_jobs_dup_stem (SegJobs *self, const char *name)
{
  const char *dot = strrchr (name, '.');
  g_autofree char *stem = NULL;
  gboolean is_first;

  if (self->request->suffixes != NULL)
    {
      stem = seg_image_groups_dup_stem (self->groups, name, &is_first);
      return stem != NULL && is_first ? g_steal_pointer (&stem) : NULL;
    }
  return dot != NULL && dot != name ? g_strndup (name, (gsize) (dot - name)) : g_strdup (name);
}

/* What stands in a template for something else. */
static const char *const seg_jobs_words[] = { "{stem}", "{name}", "{dir}", "{{" };

/* Which of the words @text begins with, or G_N_ELEMENTS (seg_jobs_words). */
static guint
seg_jobs_find_word (const char *text)
{
  guint i = 0;

  while (i < G_N_ELEMENTS (seg_jobs_words) && !g_str_has_prefix (text, seg_jobs_words[i]))
    i++;
  return i;
}

/* @template, in which all words are known, with these filled in. */
static char *
seg_jobs_fill (const char *template, const char *dir, const char *name, const char *stem)
{
  const char *const values[G_N_ELEMENTS (seg_jobs_words)] = { stem, name, dir, "{" };
  GString *filled = g_string_new (NULL);

  while (*template != '\0')
    {
      guint i = seg_jobs_find_word (template);

      if (i < G_N_ELEMENTS (values))
        {
          g_string_append (filled, values[i]);
          template += strlen (seg_jobs_words[i]);
        }
      else
        g_string_append_c (filled, *template++);
    }
  return g_string_free (filled, FALSE);
}

/* A word that is not known, or a brace that nothing closes, would become a part of the name. */
static gboolean
seg_jobs_check_words (SegOutputKind kind, const char *template, GError **error)
{
  const char *brace = strchr (template, '{');

  while (brace != NULL)
    {
      guint i = seg_jobs_find_word (brace);

      if (i == G_N_ELEMENTS (seg_jobs_words))
        {
          g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                       "--%s: %s: \"%.*s\" is not {stem}, {name} or {dir}; write {{ for a brace",
                       seg_output_kind_get_option (kind), template, (int) strcspn (brace, "}") + 1,
                       brace);
          return FALSE;
        }
      brace = strchr (brace + strlen (seg_jobs_words[i]), '{');
    }
  return TRUE;
}

/* Whether two images of a folder get two names. */
static gboolean
seg_jobs_names_image (const char *template)
{
  g_autofree char *a = seg_jobs_fill (template, ".", "a", "a");
  g_autofree char *b = seg_jobs_fill (template, ".", "b", "b");

  return !g_str_equal (a, b);
}

static void
seg_claim_free (gpointer data)
{
  g_free (((SegClaim *) data)->file);
  g_free (data);
}

/* With different options, or spelled differently; a link is a name of its own. */
static gboolean
seg_jobs_are_one_file (const SegJob *a, const SegJob *b)
{
  g_autofree char *file = seg_image_name_dup_file (a->image);
  g_autofree char *other = seg_image_name_dup_file (b->image);
  g_autofree char *path = g_canonicalize_filename (file, NULL);
  g_autofree char *other_path = g_canonicalize_filename (other, NULL);

  return g_str_equal (path, other_path);
}

/* How two images may be told apart whose outputs would have one name. */
static const char *
seg_jobs_get_advice (const SegJob *a, const SegJob *b)
{
  g_autofree char *name = g_path_get_basename (a->image), *other = g_path_get_basename (b->image);

  if (seg_jobs_are_one_file (a, b))
    return g_str_equal (name, other) ? "it is given twice" : "give each its own run and name";
  if (!g_str_equal (name, other))
    return "{name} in its name tells them apart";
  if (!g_str_equal (a->dir, b->dir))
    return "{dir} in its name tells them apart";
  return "a folder that both are in, given with --recursive, and {dir} in its name tell them apart";
}

/* One file must not be made twice, of two images or of one. */
static gboolean
seg_jobs_claim (SegJobs *self, const char *output, const SegJob *job, GError **error)
{
  g_autofree char *file = seg_saver_dup_file (output);
  g_autofree char *identity = seg_path_dup_identity (file);
  SegClaim *other = g_hash_table_lookup (self->claims, identity), *claim;

  if (other == NULL)
    {
      claim = g_new (SegClaim, 1);
      claim->file = g_steal_pointer (&file);
      claim->job = job;
      g_hash_table_insert (self->claims, g_steal_pointer (&identity), claim);
      return TRUE;
    }
  if (other->job == NULL || other->job == job)
    g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                 "%s: is the name of two outputs", file);
  else
    g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                 "%s: would be made of %s and of %s; %s", file, other->job->image, job->image,
                 seg_jobs_get_advice (other->job, job));
  return FALSE;
}

/* The names of what is made of an image, which has the name @stem in the file @name. */
static gboolean
seg_jobs_fill_outputs (SegJobs *self, SegJob *job, const char *name, const char *stem,
                       GError **error)
{
  for (guint i = 0; i < SEG_N_OUTPUTS; i++)
    {
      const char *template = self->request->outputs[i];
      g_autofree char *filled = NULL;
      const char *output;

      if (template == NULL)
        continue;
      filled = seg_jobs_fill (template, job->dir, name, stem);
      output = g_str_has_prefix (filled, "./") ? filled + 2 : filled;
      job->outputs[i] = self->request->output_dir != NULL && !g_path_is_absolute (output)
                            ? g_build_filename (self->request->output_dir, output, NULL)
                            : g_strdup (output);
      if (job->problem == NULL && !seg_jobs_claim (self, job->outputs[i], job, error))
        return FALSE;
    }
  return TRUE;
}

/* That a file of an image is missing stops this image, and no other. */
static gboolean
seg_jobs_add (SegJobs *self, const char *image, const char *dir, GError **error)
{
  SegJob *job = g_new0 (SegJob, 1);
  g_autofree char *file = seg_image_name_dup_file (image), *folder = g_path_get_dirname (file);
  g_autofree char *name = g_path_get_basename (file), *stem = seg_jobs_dup_stem (self, name);

  g_ptr_array_add (self->jobs, job);
  job->image = g_strdup (image);
  job->dir = g_strdup (dir);
  job->files = seg_image_groups_find (self->groups, image, &job->problem);
  if (g_error_matches (job->problem, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE))
    {
      g_propagate_error (error, g_steal_pointer (&job->problem));
      return FALSE;
    }
  if (stem == NULL) /* of a file that is not there */
    return TRUE;
  g_hash_table_add (self->images, g_build_filename (folder, stem, NULL));
  return seg_jobs_fill_outputs (self, job, name, stem, error);
}

static gint
seg_jobs_compare_names (gconstpointer a, gconstpointer b)
{
  return strcmp (*(const char *const *) a, *(const char *const *) b);
}

static GPtrArray *
seg_jobs_list_folder (const char *path, GError **error)
{
  g_autoptr (GDir) folder = g_dir_open (path, 0, error);
  GPtrArray *names;
  const char *name;

  if (folder == NULL)
    return NULL;
  names = g_ptr_array_new_with_free_func (g_free);
  while ((name = g_dir_read_name (folder)) != NULL)
    if (name[0] != '.')
      g_ptr_array_add (names, g_strdup (name));
  g_ptr_array_sort (names, seg_jobs_compare_names);
  return names;
}

/* Links to folders are not followed: they may lead in a circle. Results of an earlier run are no
 * images. */
static gboolean
seg_jobs_enters (SegJobs *self, const char *folder, guint depth)
{
  const char *output_dir = self->request->output_dir;
  g_autofree char *identity = seg_path_dup_identity (folder);
  g_autofree char *results = output_dir != NULL ? seg_path_dup_identity (output_dir) : NULL;

  return self->request->recursive && depth < SEG_JOBS_MAX_DEPTH
         && !g_file_test (folder, G_FILE_TEST_IS_SYMLINK) && g_strcmp0 (identity, results) != 0;
}

/* Whether a file of a folder is an image, or the first file of one. */
static gboolean
seg_jobs_begins_image (SegJobs *self, const char *name)
{
  g_autofree char *stem = seg_jobs_dup_stem (self, name);

  return stem != NULL;
}

/* Notes the images of a folder that are no file of any job. */
static void
seg_jobs_find_odd (SegJobs *self, const char *path, GPtrArray *names)
{
  gboolean is_first;

  for (guint i = 0; i < names->len && self->request->suffixes != NULL; i++)
    {
      g_autofree char *stem = seg_image_groups_dup_stem (self->groups, names->pdata[i], &is_first);
      g_autofree char *image = stem != NULL ? g_build_filename (path, stem, NULL) : NULL;

      if (seg_image_name_get_stem_length (names->pdata[i]) > 0
          && (image == NULL || !g_hash_table_contains (self->images, image)))
        seg_left_out_add (&self->odd, path, names->pdata[i]);
    }
}

/* In the order of names, so that a run can be repeated. What is not called an image is something
 * else; a file that is named on the command line is tried. */
static gboolean
seg_jobs_add_folder (SegJobs *self, const char *path, const char *dir, guint depth, GError **error)
{
  g_autoptr (GPtrArray) names = seg_jobs_list_folder (path, error);

  if (names == NULL)
    return FALSE;
  for (guint i = 0; i < names->len; i++)
    {
      const char *name = names->pdata[i];
      g_autofree char *inner = g_build_filename (path, name, NULL);
      g_autofree char *inner_dir =
          g_str_equal (dir, ".") ? g_strdup (name) : g_build_filename (dir, name, NULL);

      if (g_file_test (inner, G_FILE_TEST_IS_DIR))
        {
          if (seg_jobs_enters (self, inner, depth)
              && !seg_jobs_add_folder (self, inner, inner_dir, depth + 1, error))
            return FALSE;
        }
      else if (seg_image_name_get_stem_length (name) == 0)
        seg_left_out_add (&self->left_out, path, name);
      else if (seg_jobs_begins_image (self, name) && !seg_jobs_add (self, inner, dir, error))
        return FALSE;
    }
  seg_jobs_find_odd (self, path, names);
  return TRUE;
}

/* Whether what the user wrote has a meaning, and leaves room for more than one image. */
static gboolean
seg_jobs_check_names (SegJobs *self, GError **error)
{
  for (guint i = 0; i < SEG_N_OUTPUTS; i++)
    {
      const char *template = self->request->outputs[i];

      if (template == NULL)
        continue;
      if (!seg_jobs_check_words (i, template, error))
        return FALSE;
      if (self->several && !seg_jobs_names_image (template))
        {
          g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                       "--%s: %s is one file for several images; put {stem} into its name",
                       seg_output_kind_get_option (i), template);
          return FALSE;
        }
    }
  return TRUE;
}

/* An output must not be written over an image, not even that of another job. */
static gboolean
seg_jobs_check_input (SegJobs *self, const char *image, GError **error)
{
  g_autofree char *file = seg_image_name_dup_file (image);
  g_autofree char *identity = seg_path_dup_identity (file);
  const SegClaim *claim = g_hash_table_lookup (self->claims, identity);

  if (claim == NULL)
    return TRUE;
  g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
               "%s: would be written over %s, which is one of the images", claim->file, image);
  return FALSE;
}

static gboolean
seg_jobs_check_inputs (SegJobs *self, GError **error)
{
  for (guint i = 0; i < self->jobs->len; i++)
    {
      const SegJob *job = self->jobs->pdata[i];

      if (!seg_jobs_check_input (self, job->image, error))
        return FALSE;
      for (guint k = 1; job->files != NULL && job->files[k] != NULL; k++)
        if (!seg_jobs_check_input (self, job->files[k], error))
          return FALSE;
    }
  return TRUE;
}

static void
seg_left_out_tell (const SegLeftOut *self, const char *reason)
{
  g_autofree char *text = seg_left_out_dup_text (self, reason);

  if (self->n > 0)
    seg_warning_print ("%s: %s", self->first, text);
}

static void
seg_jobs_tell_left_out (SegJobs *self)
{
  seg_left_out_tell (&self->left_out, SEG_LEFT_OUT_FORMAT);
  seg_left_out_tell (&self->odd, self->odd.n > 1 ? "no image of --image-suffixes has these files"
                                                 : "no image of --image-suffixes has this file");
}

static gboolean
seg_jobs_collect (SegJobs *self, GError **error)
{
  char *const *paths = self->request->paths;
  const char *const *suffixes = self->request->suffixes;

  self->several = g_strv_length ((char **) paths) > 1;
  for (guint i = 0; paths[i] != NULL; i++)
    self->several |= g_file_test (paths[i], G_FILE_TEST_IS_DIR);
  if (!seg_jobs_check_names (self, error)
      || (self->request->statistics != NULL
          && !seg_jobs_claim (self, self->request->statistics, NULL, error)))
    return FALSE;

  for (guint i = 0; paths[i] != NULL; i++)
    {
      guint before = self->jobs->len;
      gboolean folder = g_file_test (paths[i], G_FILE_TEST_IS_DIR);

      if (!(folder ? seg_jobs_add_folder (self, paths[i], ".", 0, error)
                   : seg_jobs_add (self, paths[i], ".", error)))
        return FALSE;
      if (self->jobs->len == before)
        {
          seg_jobs_tell_left_out (self);
          g_set_error (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND,
                       "%s: there is no PNG, JPEG, TIFF, WebP or GIF file%s%s in this folder",
                       paths[i], suffixes != NULL ? " whose name ends with " : "",
                       suffixes != NULL ? suffixes[0] : "");
          return FALSE;
        }
    }
  return seg_jobs_check_inputs (self, error);
}

/**
 * seg_jobs_new:
 * @request: from the command line
 * @error: return location
 *
 * Warns of files in folders that are not read.
 * Errors: `G_OPTION_ERROR` where the name of an output has words that are not known, two images
 * would become one file, or one would be written over; `G_FILE_ERROR`, `G_IO_ERROR` for a folder
 * that cannot be read or holds no image.
 *
 * Returns: (transfer full) (element-type SegJob): the images in the order they were named, those
 *   of a folder in the order of names; or %NULL with @error set
 */
GPtrArray *
seg_jobs_new (const SegJobsRequest *request, GError **error)
{
  g_autoptr (GPtrArray) jobs = g_ptr_array_new_with_free_func ((GDestroyNotify) seg_job_free);
  g_autoptr (GHashTable) claims
      = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, seg_claim_free);
  g_autoptr (GHashTable) images = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  g_autoptr (SegImageGroups) groups = seg_image_groups_new (request->suffixes);
  g_auto (SegJobs) self = {
    .request = request,
    .jobs = jobs,
    .claims = claims,
    .groups = groups,
    .images = images,
  };

  if (!seg_jobs_collect (&self, error))
    return NULL;
  seg_jobs_tell_left_out (&self);
  return g_steal_pointer (&jobs);
}
