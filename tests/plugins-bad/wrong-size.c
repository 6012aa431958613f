/* The version is right, but the descriptor is another struct. */
#include "bad.h"

typedef struct
{
  gsize size;
  guint abi_major, abi_minor;
} ShortDescriptor;

G_MODULE_EXPORT const ShortDescriptor seg_plugin_descriptor;
G_MODULE_EXPORT const ShortDescriptor seg_plugin_descriptor = {
  .size = sizeof (ShortDescriptor),
  .abi_major = SEG_ABI_MAJOR,
  .abi_minor = SEG_ABI_MINOR,
};
