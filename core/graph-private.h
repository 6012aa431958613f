#pragma once

#include <segkit/graph.h>

G_BEGIN_DECLS

typedef struct
{
  char *suffix;
  SegRole role;
  SegDtype dtype;
  SegInit init;
  guint rank;
  gint64 dims[8];
} SegParamSpec;

struct _SegParamSet
{
  GArray *specs; /* of SegParamSpec */
};

typedef struct
{
  char *name;
  SegLayer *layer;
  SegValue *inputs;
  guint n_inputs;
  SegValue output;
  SegParamSet params;
} SegNode;

/* Channels of a value do not depend on the image; its other sizes here are nominal. */
typedef struct
{
  SegShape shape;
  gint node; /* that computes it, or -1: an input */
} SegGraphValue;

/* The image size with which shapes are checked while a graph is built: larger than the margin of
 * any U-Net, and a multiple of any stride. */
#define SEG_GRAPH_NOMINAL_SIZE 4096

/* Several times what any network has: a recipe of a few lines could ask for any number. What tools
 * ask about each layer takes their product, and seconds. */
#define SEG_GRAPH_MAX_NODES 8192
#define SEG_GRAPH_MAX_INPUTS 65536 /* of all nodes together */

guint                _seg_graph_get_n_values (SegGraph *self);
const SegGraphValue *_seg_graph_get_value   (SegGraph *self, SegValue value);
const SegNode       *_seg_graph_get_node    (SegGraph *self, guint node);
SegValue             _seg_graph_get_input   (SegGraph *self);

G_END_DECLS
