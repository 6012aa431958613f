/* Built for another version of the plugin interface: nothing in it may be called. */
#include "bad.h"

static void
register_features (SegRegistry *registry)
{
  seg_registry_add (registry, "from-another-time", SEG_TYPE_LAYER);
}

G_MODULE_EXPORT const SegPluginDescriptor seg_plugin_descriptor;
G_MODULE_EXPORT const SegPluginDescriptor seg_plugin_descriptor = {
  .size = sizeof (SegPluginDescriptor),
  .abi_major = SEG_ABI_MAJOR,
  .abi_minor = SEG_ABI_MINOR + 1,
  .name = "wrong-abi",
  .description = "",
  .licence = "CC0-1.0",
  .register_features = register_features,
};
