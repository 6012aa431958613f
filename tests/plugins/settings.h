/* What a feature is tried with: its defaults, each property moved, and mixtures. */
#pragma once

#include <segkit/registry.h>

G_BEGIN_DECLS

typedef struct
{
  gpointer object; /* a layer or a block */
  char *what;      /* "conv2d stride=2" */
} Setting;

GPtrArray *settings_of (const char *feature);

/* Refused, and said why: one sentence, in our own domain. */
void assert_refused (const GError *error, const char *what);

G_END_DECLS
