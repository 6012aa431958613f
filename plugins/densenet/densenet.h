/* Densely connected networks: DenseNet as an encoder, FC-DenseNet, and their blocks. */
#pragma once

#include <segkit/seg-plugin.h>

G_BEGIN_DECLS

#define SEG_TYPE_DENSE_LAYER (seg_dense_layer_get_type ())
G_DECLARE_FINAL_TYPE (SegDenseLayer, seg_dense_layer, SEG, DENSE_LAYER, SegBlock)

#define SEG_TYPE_DENSE (seg_dense_get_type ())
G_DECLARE_FINAL_TYPE (SegDense, seg_dense, SEG, DENSE, SegBlock)

#define SEG_TYPE_TRANSITION (seg_transition_get_type ())
G_DECLARE_FINAL_TYPE (SegTransition, seg_transition, SEG, TRANSITION, SegBlock)

#define SEG_TYPE_DENSENET_ENCODER (seg_densenet_encoder_get_type ())
G_DECLARE_FINAL_TYPE (SegDensenetEncoder, seg_densenet_encoder, SEG, DENSENET_ENCODER, SegBlock)

#define SEG_TYPE_FC_DENSENET (seg_fc_densenet_get_type ())
G_DECLARE_FINAL_TYPE (SegFcDensenet, seg_fc_densenet, SEG, FC_DENSENET, SegBlock)

#define SEG_TYPE_FC_DENSENET_ENCODER (seg_fc_densenet_encoder_get_type ())
G_DECLARE_FINAL_TYPE (SegFcDensenetEncoder, seg_fc_densenet_encoder, SEG, FC_DENSENET_ENCODER,
                      SegBlock)

#define SEG_TYPE_FC_DENSENET_DECODER (seg_fc_densenet_decoder_get_type ())
G_DECLARE_FINAL_TYPE (SegFcDensenetDecoder, seg_fc_densenet_decoder, SEG, FC_DENSENET_DECODER,
                      SegBlock)

/* What each layer of a dense block reads is one map of a concatenation, which takes this many. */
#define SEG_DENSE_MAX_LAYERS 255

/* Layers of which each reads the input and all earlier layers' maps. */
typedef struct
{
  gint n_layers, growth, expansion;
  gboolean bias;
  gfloat dropout;
} SegDenseForm;

SegValue _seg_dense_build_layers (SegGraph *graph, const SegDenseForm *form, gboolean only_new,
                                  SegValue x);
SegValue _seg_dense_activate     (SegGraph *graph, const char *norm, const char *relu, SegValue x);
SegValue _seg_dense_drop         (SegGraph *graph, const char *name, gfloat dropout, SegValue x);
SegValue _seg_dense_shrink       (SegGraph *graph, const char *conv, gint64 channels, gboolean bias,
                                  SegValue x);

G_END_DECLS
