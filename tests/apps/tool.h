/* What tests of a program share: a folder of their own, models and images to put there, and the
 * program run on them. */
#pragma once

#include <gio/gio.h>
#include <segkit/segkit.h>
#include <vips/vips.h>

typedef struct
{
  char *folder;
  const char *program; /* that is run; NULL: segment */
  char *output;        /* what the last run said on stdout */
  char *error_line;    /* and on stderr */
  const char *variable, *value; /* for the environment of the next run */
  const char *const *before;    /* words before the program's name in the next run, or NULL */
  guint64 max_file_bytes;       /* for the next run, or 0 */
  guint max_seconds;            /* after which a run is killed, or 0 */
} Tool;

void  tool_main_init    (int *argc, char ***argv);
void  tool_setup        (Tool *tool, gconstpointer data);
void  tool_teardown     (Tool *tool, gconstpointer data);
char *tool_path         (Tool *tool, const char *name);

void  tool_make_folder  (Tool *tool, const char *name);
void  tool_save_recipe  (Tool *tool, const char *name, const char *recipe);
void  tool_save_model   (Tool *tool, const char *name, guint channels);
void  tool_save_image   (Tool *tool, const char *name, VipsImage *image);
void  tool_save_bytes   (Tool *tool, const char *name, const void *bytes, gsize n);
void  tool_append_png_chunk (GByteArray *bytes, const char *type, const void *data, gsize n);
void  tool_check_vips   (int result);
VipsImage *tool_load    (Tool *tool, const char *name);

VipsImage *tool_picture (int width, int height, int bands);
VipsImage *tool_picture_as (VipsImage *picture, VipsBandFormat format,
                            VipsInterpretation interpretation, double scale);

char **tool_dup_environment (Tool *tool);
int   tool_run          (Tool *tool, const char *first, ...) G_GNUC_NULL_TERMINATED;
void  tool_assert_fails (Tool *tool, int status, const char *names, const char *cause);
void  tool_assert_files (Tool *tool, const char *first, ...) G_GNUC_NULL_TERMINATED;
void  tool_assert_equal (Tool *tool, const char *a, const char *b);
