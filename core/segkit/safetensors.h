#pragma once

#include <segkit/tensor.h>

G_BEGIN_DECLS

/* The largest header accepted by default, and the most that the format allows. */
#define SEG_SAFETENSORS_HEADER_DEFAULT (16 * 1024 * 1024)
#define SEG_SAFETENSORS_HEADER_MAX 100000000

/**
 * SegSafetensors:
 *
 * Tensors by name, and a map of strings: the contents of one safetensors file.
 */
#define SEG_TYPE_SAFETENSORS (seg_safetensors_get_type ())
G_DECLARE_FINAL_TYPE (SegSafetensors, seg_safetensors, SEG, SAFETENSORS, GObject)

SegSafetensors *seg_safetensors_new          (void);
SegSafetensors *seg_safetensors_read         (const char *path, GError **error);
SegSafetensors *seg_safetensors_open         (const char *path, GError **error);
gboolean        seg_safetensors_load         (SegSafetensors *self, GError **error);
gboolean        seg_safetensors_write        (SegSafetensors *self, const char *path, GError **error);
void            seg_safetensors_set_metadata (SegSafetensors *self, const char *key, const char *value);
const char     *seg_safetensors_get_metadata (SegSafetensors *self, const char *key);
char          **seg_safetensors_list_metadata (SegSafetensors *self);
void            seg_safetensors_add          (SegSafetensors *self, const char *name, SegTensor *tensor);
SegTensor      *seg_safetensors_lookup       (SegSafetensors *self, const char *name);
char          **seg_safetensors_list         (SegSafetensors *self);

G_END_DECLS
