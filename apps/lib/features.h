#pragma once

#include <segkit/registry.h>

G_BEGIN_DECLS

/**
 * SegFeatureInfo:
 * @name: that it is registered by
 * @kind: "model", "encoder", "decoder", "block", "layer", "format", "loss", "optimizer" or "schedule"
 * @title: a few words
 * @source: paper and equation, or standard
 * @plugin: file of the module that it comes from
 * @object: (transfer full): one with all properties at their defaults
 *
 * What a registered feature says of itself.
 */
typedef struct
{
  const char *name, *kind, *title, *source, *plugin;
  GObject *object;
} SegFeatureInfo;

gboolean seg_features_describe (const char *name, SegFeatureInfo *info);
void     seg_features_print    (const SegFeatureInfo *info, GString *out);
void     seg_features_list     (GString *out);

G_END_DECLS
