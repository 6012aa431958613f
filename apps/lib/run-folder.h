#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* The file in it that has the whole recipe. */
#define SEG_RUN_FOLDER_RECIPE "recipe.ini"

/**
 * SegRunFolder:
 *
 * The folder beside a model in which its training keeps what it needs to go on, and what there is to
 * see of it. One run has it at a time.
 */
typedef struct _SegRunFolder SegRunFolder;

char         *seg_run_folder_dup_name    (const char *model_path);
SegRunFolder *seg_run_folder_open        (const char *model_path, gboolean lock, GError **error);
SegRunFolder *seg_run_folder_look        (const char *model_path, gboolean lock, GError **error);
void          seg_run_folder_free        (SegRunFolder *self);

const char   *seg_run_folder_get_path    (SegRunFolder *self);
char         *seg_run_folder_dup_file    (SegRunFolder *self, const char *name);
gboolean      seg_run_folder_set_step    (SegRunFolder *self, guint64 step, GError **error);
gboolean      seg_run_folder_write_text  (SegRunFolder *self, const char *name, const char *text,
                                          GError **error);
gboolean      seg_run_folder_remove      (SegRunFolder *self, const char *name, GError **error);
gboolean      seg_run_folder_check_space (SegRunFolder *self, guint64 bytes, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (SegRunFolder, seg_run_folder_free)

G_END_DECLS
