#pragma once

#include <segkit/layer.h>

G_BEGIN_DECLS

/* A map in a graph; 0 is none, and what every function returns after an error. */
typedef guint SegValue;

typedef struct _SegBlock SegBlock;
typedef struct _SegFeatures SegFeatures;

#define SEG_TYPE_GRAPH (seg_graph_get_type ())
G_DECLARE_FINAL_TYPE (SegGraph, seg_graph, SEG, GRAPH, GObject)

/* The inputs of a layer: SEG_IN (a, b) fills two arguments of seg_graph_add. */
#define SEG_IN(...) \
  ((const SegValue[]){ __VA_ARGS__ }), (guint) (sizeof ((SegValue[]){ __VA_ARGS__ }) / sizeof (SegValue))

SegGraph   *seg_graph_new          (void);
SegValue    seg_graph_add_input    (SegGraph *self, const char *name, gint64 channels);
SegValue    seg_graph_add          (SegGraph *self, const char *name, const char *feature,
                                    const SegValue *inputs, guint n_inputs,
                                    const char *first_property, ...);
SegValue    seg_graph_add_layer    (SegGraph *self, const char *name, SegLayer *layer,
                                    const SegValue *inputs, guint n_inputs);
void        seg_graph_push         (SegGraph *self, const char *name);
void        seg_graph_pop          (SegGraph *self);
void        seg_graph_set_output   (SegGraph *self, SegValue value);
void        seg_graph_fail         (SegGraph *self, GError *error);
gboolean    seg_graph_failed       (SegGraph *self);
gboolean    seg_graph_finish       (SegGraph *self, GError **error);

gint64      seg_graph_get_channels (SegGraph *self, SegValue value);
gboolean    seg_graph_infer        (SegGraph *self, SegValue value, gint64 height, gint64 width,
                                    SegShape *shape, GError **error);
SegValue    seg_graph_get_output   (SegGraph *self);
guint       seg_graph_get_n_nodes  (SegGraph *self);
const char *seg_graph_get_node_name  (SegGraph *self, guint node);
SegLayer   *seg_graph_get_node_layer (SegGraph *self, guint node);

G_END_DECLS
