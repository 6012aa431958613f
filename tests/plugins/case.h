/* One layer at work on maps of some shapes, with random parameters. */
#pragma once

#include "map.h"
#include "settings.h"

#include <segkit/segkit.h>

G_BEGIN_DECLS

#define CASE_CHANNELS 4
#define CASE_MAX_INPUTS 3
#define CASE_MAX_PARAMS 16

typedef struct
{
  SegLayer *layer;
  SegLayerClass *klass;
  const char *what; /* for messages */
  SegPurpose purpose;
  const SegKernels *kernels;
  SegShape in[CASE_MAX_INPUTS], out;
  MapBlocks in_blocks[CASE_MAX_INPUTS], out_blocks;
  guint n_in;
  Map *inputs[CASE_MAX_INPUTS]; /* whole */
  SegParameters *parameters;    /* in the order declared; NULL: none */
  gconstpointer params[CASE_MAX_PARAMS];
  guint n_params;
  SegStep *step; /* for layers without forward(); else NULL */
  gint64 stride; /* told to compile() */
  gpointer scratch, shared;
  guint64 training_step; /* for layers that draw random numbers */
  float *stats;          /* NULL: none, or those that training keeps are in the parameters */
} Case;

typedef void (*CaseFunc) (Case *self);

void case_for_each (const char *feature, gint64 height, gint64 width, SegPurpose purpose,
                    CaseFunc func);
void case_for_each_of (const char *feature, const SegKernels *kernels, gint64 channels,
                       gint64 height, gint64 width, SegPurpose purpose, CaseFunc func);

void case_lay (Case *self, const MapBlocks *in, MapBlocks out);
SegRect case_whole (const SegShape *shape);
SegRun case_get_run (const Case *self);
void case_get_views (const Case *self, Map *const *in, SegView *views);
SegRect case_get_required (const Case *self, const SegRect *out, guint input);
SegRect case_round (const Case *self, SegRect rect);
SegPiece case_get_first_share (const Case *self, const SegRect *rect, gint64 sample);
void case_run_piece (const Case *self, Map *const *in, Map *out, const SegPiece *piece);
Map *case_new_input (const Case *self, guint input, const SegRect *valid);
Map *case_new_output (const Case *self, const SegRect *valid);
void case_forward (const Case *self, Map *const *in, Map *out, const SegRect *rect);
void case_prepare (const Case *self, SegPhase phase);
void case_sum (Case *self, SegPhase phase, const Map *dout);

G_END_DECLS
