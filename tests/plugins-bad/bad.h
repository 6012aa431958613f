/* What the bad plugins have in common: layers that do nothing, and a descriptor to spoil. */
#pragma once

#include <segkit/seg-plugin.h>

static inline void
bad_forward (SegLayer *layer, const SegRun *run, const SegView *in, guint n_in, SegView *out,
             const SegPiece *piece)
{
  (void) layer, (void) run, (void) in, (void) n_in, (void) out, (void) piece;
}

/* A layer type of that name, TypeName and type_name as G_DEFINE_FINAL_TYPE has them. */
#define BAD_DEFINE_LAYER(TypeName, type_name)                         \
  typedef struct                                                      \
  {                                                                   \
    SegLayer parent_instance;                                         \
  } TypeName;                                                         \
  typedef SegLayerClass TypeName##Class;                              \
  GType type_name##_get_type (void);                                  \
  G_DEFINE_FINAL_TYPE (TypeName, type_name, SEG_TYPE_LAYER)           \
  static void type_name##_class_init (TypeName##Class *klass)         \
  {                                                                   \
    seg_layer_class_set_info (klass, "Nothing", "tests/plugins-bad"); \
    klass->forward = bad_forward;                                     \
  }                                                                   \
  static void type_name##_init (TypeName *self)                       \
  {                                                                   \
    (void) self;                                                      \
  }
