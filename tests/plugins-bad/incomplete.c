/* Features that do not say what they are or lack what makes them work, and a whole one. */
#include "bad.h"

BAD_DEFINE_LAYER (BadWhole, bad_whole)

/* A subclass of that type, with its class as @statement leaves it. */
#define BAD_DEFINE(TypeName, type_name, Parent, PARENT_TYPE, statement)                            \
  typedef Parent TypeName;                                                                         \
  typedef Parent##Class TypeName##Class;                                                           \
  GType type_name##_get_type (void);                                                               \
  G_DEFINE_FINAL_TYPE (TypeName, type_name, PARENT_TYPE)                                           \
  static void type_name##_class_init (TypeName##Class *klass)                                      \
  {                                                                                                \
    (void) klass;                                                                                  \
    statement;                                                                                     \
  }                                                                                                \
  static void type_name##_init (TypeName *self)                                                    \
  {                                                                                                \
    (void) self;                                                                                   \
  }

BAD_DEFINE (BadNoInfo, bad_no_info, SegLayer, SEG_TYPE_LAYER, klass->forward = bad_forward)
BAD_DEFINE (BadNoSource, bad_no_source, SegBlock, SEG_TYPE_BLOCK,
            seg_block_class_set_info (klass, "Nothing", NULL))
BAD_DEFINE (BadNoForward, bad_no_forward, SegLayer, SEG_TYPE_LAYER,
            seg_layer_class_set_info (klass, "Nothing", "tests/plugins-bad"))
BAD_DEFINE (BadNoFunction, bad_no_function, SegElementwise, SEG_TYPE_ELEMENTWISE,
            seg_layer_class_set_info (SEG_LAYER_CLASS (klass), "Nothing", "tests/plugins-bad"))
BAD_DEFINE (BadNoBuild, bad_no_build, SegBlock, SEG_TYPE_BLOCK,
            seg_block_class_set_info (klass, "Nothing", "tests/plugins-bad"))

static void
register_features (SegRegistry *registry)
{
  seg_registry_add (registry, "no-info", bad_no_info_get_type ());
  seg_registry_add (registry, "no-source", bad_no_source_get_type ());
  seg_registry_add (registry, "no-forward", bad_no_forward_get_type ());
  seg_registry_add (registry, "no-function", bad_no_function_get_type ());
  seg_registry_add (registry, "no-build", bad_no_build_get_type ());
  seg_registry_add (registry, "whole", bad_whole_get_type ());
  seg_registry_add (registry, "Odd\nname", bad_whole_get_type ());
  seg_registry_add (registry, NULL, bad_whole_get_type ());
}

SEG_PLUGIN_DEFINE (incomplete, "Not all it brings can be shown or run", "CC0-1.0",
                   register_features)
