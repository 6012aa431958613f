/* Folders that save_pretrained() of segmentation_models.pytorch makes ("smp" below). */
#pragma once

#include <jansson.h>
#include <segkit/seg-plugin.h>

G_BEGIN_DECLS

#define SEG_TYPE_SMP_FORMAT (seg_smp_format_get_type ())
G_DECLARE_FINAL_TYPE (SegSmpFormat, seg_smp_format, SEG, SMP_FORMAT, SegFormat)

#define SEG_SMP_MAX_DEPTH 5
#define SEG_SMP_MAX_CHANNELS 65536
#define SEG_SMP_MAX_BANDS 1024
#define SEG_SMP_MAX_CLASSES 256

/* One of smp's encoders, and what it is here: a feature with `property=value;…`, the others at
 * their defaults. */
typedef struct
{
  const char *name, *feature, *properties;
} SegSmpEncoder;

/* A word of smp's, and what says the same as the value of a property here. */
typedef struct
{
  const char *word; /* NULL: null */
  const char *value;
} SegSmpChoice;

extern const SegSmpEncoder _seg_smp_encoders[];   /* up to a NULL name */
extern const SegSmpChoice _seg_smp_norms[];       /* these up to a NULL value, default first */
extern const SegSmpChoice _seg_smp_attentions[];
extern const SegSmpChoice _seg_smp_interpolations[];

/* config.json */
typedef struct
{
  const SegSmpEncoder *encoder;
  const SegSmpChoice *norm, *attention, *interpolation;
  gint depth, decoder_channels[SEG_SMP_MAX_DEPTH];
  gint bands, classes;
} SegSmpConfig;

gboolean _seg_smp_config_read      (SegSmpConfig *self, const json_t *root, GError **error);
json_t  *_seg_smp_config_to_json   (const SegSmpConfig *self);
gboolean _seg_smp_config_from_model (SegSmpConfig *self, SegModel *model, GError **error);
void     _seg_smp_config_to_recipe (const SegSmpConfig *self, GKeyFile *recipe);

gboolean _seg_smp_notes_read       (const json_t *root, GKeyFile *recipe, GError **error);
json_t  *_seg_smp_notes_to_json    (SegModel *model);

json_t  *_seg_smp_json_read        (const char *folder, const char *name, GError **error);
gboolean _seg_smp_json_write       (json_t *root, const char *folder, const char *name,
                                    GError **error);
gboolean _seg_smp_json_refuse      (SegError code, const char *key, const json_t *value,
                                    const char *why, GError **error);

G_END_DECLS
