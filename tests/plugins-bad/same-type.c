/* Built into two modules: GObject refuses the second type of one name, and its number is 0. */
#include "bad.h"

BAD_DEFINE_LAYER (BadTwin, bad_twin)

static void
register_features (SegRegistry *registry)
{
  seg_registry_add (registry, BAD_FEATURE, bad_twin_get_type ());
}

G_MODULE_EXPORT const SegPluginDescriptor seg_plugin_descriptor;
G_MODULE_EXPORT const SegPluginDescriptor seg_plugin_descriptor = {
  .size = sizeof (SegPluginDescriptor),
  .abi_major = SEG_ABI_MAJOR,
  .abi_minor = SEG_ABI_MINOR,
  .name = BAD_FEATURE,
  .description = "One of two with a type of one name",
  .licence = "CC0-1.0",
  .register_features = register_features,
};
