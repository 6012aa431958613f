/* A layer that does not say what it is, beside one that does. */
#include "bad.h"

BAD_DEFINE_LAYER (BadWithInfo, bad_with_info)

typedef struct
{
  SegLayer parent_instance;
} BadNoInfo;
typedef SegLayerClass BadNoInfoClass;

GType bad_no_info_get_type (void);
G_DEFINE_FINAL_TYPE (BadNoInfo, bad_no_info, SEG_TYPE_LAYER)

static void
bad_no_info_class_init (BadNoInfoClass *klass)
{
  (void) klass;
}

static void
bad_no_info_init (BadNoInfo *self)
{
  (void) self;
}

static void
register_features (SegRegistry *registry)
{
  seg_registry_add (registry, "no-info", bad_no_info_get_type ());
  seg_registry_add (registry, "with-info", bad_with_info_get_type ());
  seg_registry_add (registry, "Odd\nname", bad_with_info_get_type ());
  seg_registry_add (registry, NULL, bad_with_info_get_type ());
}

SEG_PLUGIN_DEFINE (no_info, "Not all it brings can be shown", "CC0-1.0", register_features)
