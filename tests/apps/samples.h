/* Small data sets for tests, in a folder of their own. */
#pragma once

#include <gio/gio.h>
#include <segkit/segkit.h>
#include <vips/vips.h>

#include "../../apps/lib/dataset.h"

void  samples_main_init  (int *argc, char ***argv);
char *samples_new        (void);
void  samples_free       (char *folder);
void  samples_remove     (const char *folder, const char *name);
void  samples_save       (const char *folder, const char *name, VipsImage *image);
void  samples_save_text  (const char *folder, const char *name, const char *text);
void  samples_save_image (const char *folder, const char *name, int w, int h, int bands, guint seed);
void  samples_save_mask  (const char *folder, const char *name, int w, int h, const char *values);
void  samples_save_palette (const char *folder, const char *name, int w, int h, const guint8 *indices,
                            const guint8 *palette, guint n_colours);
VipsImage *samples_make_mask (VipsBandFormat format, VipsInterpretation type, int bands,
                              gconstpointer values, int n);
void  samples_save_pairs (const char *folder, const char *images, const char *masks, guint n);

SegDataset *samples_open       (const char *folder, const char *recipe);
void        samples_open_fails (const char *folder, const char *recipe, const char *cause);
char       *samples_check      (SegDataset *dataset, guint *n_errors);
void        samples_assert_no_problem (SegDataset *dataset);
void        samples_assert_problems   (SegDataset *dataset, guint n_errors, const char *causes);
void        samples_assert_classes    (SegDataset *dataset, const char *classes);
char       *samples_find_real  (const char *name);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (VipsImage, g_object_unref)
