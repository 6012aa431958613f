/* What ResNet's two kinds of unit share: the order of things around their convolutions. */
#include "resnet.h"

/* Adds `<prefix><number>`, a layer at its defaults. */
static SegValue
seg_resnet_add_numbered (SegGraph *graph, const char *prefix, guint number, const char *feature,
                         SegValue x)
{
  g_autofree char *name = g_strdup_printf ("%s%u", prefix, number);

  return seg_graph_add (graph, name, feature, SEG_IN (x), NULL);
}

static gboolean
seg_resnet_has_norm (const char *norm)
{
  return g_strcmp0 (norm, "none") != 0;
}

/* `bn<number>`, whichever normalisation it is, or nothing. */
static SegValue
seg_resnet_add_norm (SegGraph *graph, guint number, const char *norm, SegValue x)
{
  g_autofree char *feature = g_strdup_printf ("%s-norm", norm);

  return seg_resnet_has_norm (norm) ? seg_resnet_add_numbered (graph, "bn", number, feature, x) : x;
}

/* `bn<number>` and `relu<number>`: what comes before a convolution in the pre-activation order. */
SegValue
_seg_resnet_activate (SegGraph *graph, guint number, const char *norm, SegValue x)
{
  return seg_resnet_add_numbered (graph, "relu", number, "relu",
                                  seg_resnet_add_norm (graph, number, norm, x));
}

/* The 1×1 convolution that gives the shortcut the size and channels of the sum. Only after it
 * comes a normalisation, and only where one comes after every convolution: in the pre-activation
 * order nothing lies between a convolution and the sum. */
static SegValue
seg_resnet_project (SegGraph *graph, const SegResidualUnit *unit, gint channels, gint stride,
                    SegValue x)
{
  g_autofree char *norm = g_strdup_printf ("%s-norm", unit->norm);

  seg_graph_push (graph, "downsample");
  x = seg_graph_add (graph, "0", "conv2d", SEG_IN (x), "channels", channels, "kernel-size", 1,
                     "stride", stride, "bias", !seg_resnet_has_norm (unit->norm), NULL);
  if (seg_resnet_has_norm (unit->norm) && !unit->pre_activation)
    x = seg_graph_add (graph, "1", norm, SEG_IN (x), NULL);
  seg_graph_pop (graph);
  return x;
}

void
_seg_resnet_build_unit (SegGraph *graph, const SegResidualUnit *unit, const SegFeatures *in,
                        SegFeatures *out)
{
  SegValue x = in->values[0], shortcut = x;
  guint n = unit->n_convs;
  gint channels = unit->convs[n - 1].channels, stride = 1;
  gboolean projects;

  for (guint i = 0; i < n; i++)
    stride *= unit->convs[i].stride;
  projects = stride != 1 || seg_graph_get_channels (graph, x) != channels;

  for (guint i = 0; i < n; i++)
    {
      g_autofree char *name = g_strdup_printf ("conv%u", i + 1);

      if (unit->pre_activation)
        x = _seg_resnet_activate (graph, i + 1, unit->norm, x);
      if (i == 0 && projects)
        shortcut = x;
      x = seg_graph_add (graph, name, "conv2d", SEG_IN (x), "channels", unit->convs[i].channels,
                         "kernel-size", unit->convs[i].kernel, "stride", unit->convs[i].stride,
                         "padding", unit->convs[i].kernel / 2, "groups", unit->convs[i].groups,
                         "bias", !seg_resnet_has_norm (unit->norm), NULL);
      if (!unit->pre_activation && i < n - 1)
        x = _seg_resnet_activate (graph, i + 1, unit->norm, x);
    }
  if (!unit->pre_activation)
    x = seg_resnet_add_norm (graph, n, unit->norm, x);

  if (projects)
    shortcut = seg_resnet_project (graph, unit, channels, stride, shortcut);
  x = seg_graph_add (graph, "add", "add", SEG_IN (x, shortcut), NULL);
  if (!unit->pre_activation)
    x = seg_resnet_add_numbered (graph, "relu", n, "relu", x);
  *out = (SegFeatures){ .n = 1, .values = { x }, .strides = { in->strides[0] * stride } };
}
