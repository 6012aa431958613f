/* U-Nets: encoders, decoders and the models that join them. */
#pragma once

#include <segkit/seg-plugin.h>

G_BEGIN_DECLS

#define SEG_TYPE_DOUBLE_CONV (seg_double_conv_get_type ())
G_DECLARE_FINAL_TYPE (SegDoubleConv, seg_double_conv, SEG, DOUBLE_CONV, SegBlock)

#define SEG_TYPE_NNUNET (seg_nnunet_get_type ())
G_DECLARE_FINAL_TYPE (SegNnunet, seg_nnunet, SEG, NNUNET, SegBlock)

#define SEG_TYPE_NNUNET_DECODER (seg_nnunet_decoder_get_type ())
G_DECLARE_FINAL_TYPE (SegNnunetDecoder, seg_nnunet_decoder, SEG, NNUNET_DECODER, SegBlock)

#define SEG_TYPE_NNUNET_ENCODER (seg_nnunet_encoder_get_type ())
G_DECLARE_FINAL_TYPE (SegNnunetEncoder, seg_nnunet_encoder, SEG, NNUNET_ENCODER, SegBlock)

#define SEG_TYPE_RESIDUAL_D (seg_residual_d_get_type ())
G_DECLARE_FINAL_TYPE (SegResidualD, seg_residual_d, SEG, RESIDUAL_D, SegBlock)

#define SEG_TYPE_SCSE (seg_scse_get_type ())
G_DECLARE_FINAL_TYPE (SegScse, seg_scse, SEG, SCSE, SegBlock)

#define SEG_TYPE_STACKED_CONVS (seg_stacked_convs_get_type ())
G_DECLARE_FINAL_TYPE (SegStackedConvs, seg_stacked_convs, SEG, STACKED_CONVS, SegBlock)

#define SEG_TYPE_UNET (seg_unet_get_type ())
G_DECLARE_FINAL_TYPE (SegUnet, seg_unet, SEG, UNET, SegBlock)

#define SEG_TYPE_UNET_ENCODER (seg_unet_encoder_get_type ())
G_DECLARE_FINAL_TYPE (SegUnetEncoder, seg_unet_encoder, SEG, UNET_ENCODER, SegBlock)

#define SEG_TYPE_UNET_DECODER (seg_unet_decoder_get_type ())
G_DECLARE_FINAL_TYPE (SegUnetDecoder, seg_unet_decoder, SEG, UNET_DECODER, SegBlock)

#define SEG_TYPE_UNET_SMP_DECODER (seg_unet_smp_decoder_get_type ())
G_DECLARE_FINAL_TYPE (SegUnetSmpDecoder, seg_unet_smp_decoder, SEG, UNET_SMP_DECODER, SegBlock)

/* The most channels a level may have: 32 times the widest published. */
#define SEG_UNET_MAX_CHANNELS 65536

/* What 3×3 convolutions do at the border: zeros around it, or a smaller map. */
typedef enum
{
  SEG_UNET_SAME,
  SEG_UNET_VALID,
} SegUnetPadding;

#define SEG_TYPE_UNET_PADDING (seg_unet_padding_get_type ())
GType seg_unet_padding_get_type (void);

/* ---- inner.c: what encoders and decoders put at each level ------------------------------

   Nodes of their own lie in scopes beside the blocks' ones: an inner block may call its nodes what
   it likes. */

/* Parts of an instance, and the functions that install the properties stored there. */
typedef struct
{
  const char *norm, *activation;
} SegUnetNames;

typedef struct
{
  SegBlock *pattern;
  SegUnetNames names;
  SegUnetPadding padding;
} SegUnetInner;

void      _seg_unet_class_add_names   (gpointer klass, gsize offset, const char *norm,
                                       const char *activation);
void      _seg_unet_class_add_inner   (gpointer klass, gsize offset);
void      _seg_unet_class_add_padding (gpointer klass, gsize offset);
SegBlock *_seg_unet_new_inner         (SegGraph *graph, const SegUnetInner *inner, gint64 channels,
                                       gint64 mid_channels);
gboolean  _seg_unet_has_norm          (const char *norm);
SegValue  _seg_unet_add_norm          (SegGraph *graph, const char *name, const char *norm,
                                       SegValue x);
SegValue  _seg_unet_add_activation    (SegGraph *graph, const char *name, const char *activation,
                                       SegValue x);
SegValue  _seg_unet_add_attention     (SegGraph *graph, const char *name, const char *attention,
                                       SegValue x);
SegValue  _seg_unet_add_resize        (SegGraph *graph, const char *name, const char *mode,
                                       gboolean align_corners, const SegValue *inputs,
                                       guint n_inputs);

/* ---- fit.c: image sizes and network sizes ------------------------------------------------ */

/* The sizes a network is at its best with: @remainder more than a multiple of @multiple; its
 * result is @margin smaller. */
typedef struct
{
  gint64 multiple, remainder, margin;
} SegUnetFit;

gboolean _seg_unet_derive_fit (SegGraph *graph, SegValue result, gint64 stride, SegUnetFit *fit);
SegValue _seg_unet_add_fit    (SegGraph *graph, const SegUnetFit *fit, const char *mode,
                               SegValue image);
SegBlock *_seg_unet_get_part  (SegGraph *graph, SegBlock *given, const char *name,
                               SegBlockKind kind);

/* ---- heads.c: logits of a decoder's coarser maps, for training ------------------------------ */

void     _seg_unet_class_add_heads (gpointer klass, gsize offset);
SegValue _seg_unet_add_heads       (SegGraph *graph, guint n_heads, SegBlock *decoder,
                                    const SegFeatures *maps, SegValue logits);

/* ---- nnunet-convs.c ------------------------------------------------------------------------ */

typedef struct
{
  gint channels, kernel, stride;
  gboolean bias;
  const char *norm, *activation; /* NULL: no activation */
} SegNnunetConv;

SegValue _seg_nnunet_add_conv (SegGraph *graph, const char *name, const SegNnunetConv *conv,
                               SegValue x);
gint     _seg_nnunet_get_repeat (const gint *numbers, guint n, guint stage);

G_END_DECLS
