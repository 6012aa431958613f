/* The one header a plugin includes. */
#pragma once

#include <gmodule.h>

#include <segkit/atomic-file.h>
#include <segkit/block.h>
#include <segkit/format.h>
#include <segkit/gemm.h>
#include <segkit/graph.h>
#include <segkit/kernels.h>
#include <segkit/layer.h>
#include <segkit/loss.h>
#include <segkit/memory.h>
#include <segkit/optimizer.h>
#include <segkit/property.h>
#include <segkit/random.h>
#include <segkit/rate-schedule.h>
#include <segkit/recipe.h>
#include <segkit/registry.h>
#include <segkit/types.h>

G_BEGIN_DECLS

/* Until the interface is declared stable, major is 0 and only an exact match loads: whatever
 * changes a struct, a class or a function that plugins see raises minor. Once it is stable, reserved
 * fields, which are zero, are what a newer minor may use; anything else raises major. */
#define SEG_ABI_MAJOR 0
#define SEG_ABI_MINOR 9

/**
 * SegPluginDescriptor:
 * @size: of this struct as the plugin knows it
 * @abi_major: SEG_ABI_MAJOR the plugin was built with
 * @abi_minor: SEG_ABI_MINOR the plugin was built with
 * @name: of the plugin; no other may have it; like the next two, at most 256 bytes
 * @description: one line
 * @licence: SPDX identifier
 * @register_features: calls seg_registry_add() for each feature
 */
struct _SegPluginDescriptor
{
  gsize size;
  guint abi_major, abi_minor;
  const char *name, *description, *licence;
  void (*register_features) (SegRegistry *registry);

  /*< private >*/
  gpointer reserved[8];
};

#define SEG_PLUGIN_DEFINE(plugin_name, plugin_description, plugin_licence, function) \
  G_MODULE_EXPORT const SegPluginDescriptor seg_plugin_descriptor;                   \
  G_MODULE_EXPORT const SegPluginDescriptor seg_plugin_descriptor = {                \
    .size = sizeof (SegPluginDescriptor),                                            \
    .abi_major = SEG_ABI_MAJOR,                                                      \
    .abi_minor = SEG_ABI_MINOR,                                                      \
    .name = #plugin_name,                                                            \
    .description = plugin_description,                                               \
    .licence = plugin_licence,                                                       \
    .register_features = function,                                                   \
  };

G_END_DECLS
