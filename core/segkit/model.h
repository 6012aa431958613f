#pragma once

#include <segkit/parameters.h>
#include <segkit/safetensors.h>

G_BEGIN_DECLS

/**
 * SegModel:
 *
 * A graph, its parameters, and what the numbers mean: classes, colours, normalisation. Built
 * from a recipe, or from a file that carries one. Immutable once loaded but for its parameters.
 */
#define SEG_TYPE_MODEL (seg_model_get_type ())
G_DECLARE_FINAL_TYPE (SegModel, seg_model, SEG, MODEL, GObject)

/**
 * SegClass:
 * @name: as the recipe has it
 * @red: of its colour
 * @green: of its colour
 * @blue: of its colour
 */
typedef struct
{
  const char *name;
  guint8 red, green, blue;
} SegClass;

SegModel      *seg_model_new_from_recipe (const char *recipe, guint64 seed, GError **error);
SegModel      *seg_model_load            (const char *path, GError **error);
gboolean       seg_model_save            (SegModel *self, const char *path, GError **error);
gboolean       seg_model_export          (SegModel *self, const char *format, const char *path,
                                          GError **error);
gboolean       seg_model_load_encoder    (SegModel *self, const char *path, GError **error);
gboolean       seg_model_load_matching   (SegModel *self, const char *path, char ***left,
                                          GError **error);
SegSafetensors *seg_model_dup_tensors    (SegModel *self, GError **error);
char          *seg_model_find_default    (GError **error);
char          *seg_model_find            (const char *name, GError **error);
char         **seg_model_list_installed  (void);

const char    *seg_model_get_recipe      (SegModel *self);
SegGraph      *seg_model_get_graph       (SegModel *self);
SegParameters *seg_model_get_parameters  (SegModel *self);
guint          seg_model_get_n_channels  (SegModel *self);
const float   *seg_model_get_mean        (SegModel *self);
const float   *seg_model_get_std         (SegModel *self);
guint          seg_model_get_n_classes   (SegModel *self);
const SegClass *seg_model_get_class      (SegModel *self, guint i);

G_END_DECLS
