#pragma once

#include <segkit/error.h>
#include <segkit/kernels.h>
#include <segkit/property.h>
#include <segkit/types.h>

G_BEGIN_DECLS

/**
 * SegRole:
 * @SEG_ROLE_WEIGHT: trained, and the only role that weight decay touches
 * @SEG_ROLE_BIAS: trained
 * @SEG_ROLE_NORM: scale or shift of a normalisation, trained
 * @SEG_ROLE_STATE: running statistics, not trained
 * @SEG_ROLE_COUNTER: a count of steps, 64-bit integer, not trained
 */
typedef enum
{
  SEG_ROLE_WEIGHT,
  SEG_ROLE_BIAS,
  SEG_ROLE_NORM,
  SEG_ROLE_STATE,
  SEG_ROLE_COUNTER,
} SegRole;

typedef enum
{
  SEG_INIT_CONSTANT,        /* value */
  SEG_INIT_UNIFORM,         /* in ±value */
  SEG_INIT_NORMAL,          /* deviation value */
  SEG_INIT_KAIMING_UNIFORM, /* in ±value·√(3 / fan), value = gain, He 2015 eq. 10 */
  SEG_INIT_KAIMING_NORMAL,  /* deviation value / √fan */
  SEG_INIT_XAVIER_UNIFORM,  /* in ±value·√(6 / (fan_in + fan_out)), Glorot 2010 eq. 16 */
} SegInitKind;

typedef struct
{
  SegInitKind kind;
  float value;
  gint64 fan_in, fan_out; /* Kaiming uses fan_in, or fan_out where that is the only one given */
} SegInit;

typedef struct _SegParamSet SegParamSet;
void seg_param_set_add (SegParamSet *self, const char *suffix, SegRole role, SegDtype dtype,
                        SegInit init, guint rank, ...);

/**
 * SegRun:
 * @kernels: the plan's kernels
 * @params: data of the parameters, in the order declared; a counter is a pointer to gint64
 * @stats: what finish() made of the sums, or %NULL
 * @scratch: this thread's own, 64-byte aligned, of the size declared
 * @shared: of all threads, 64-byte aligned, of the size declared; what prepare() put there
 * @seed: of the generator
 * @step: optimiser step, part of the generator's key
 * @stream: this node's stream of the generator
 * @sets: backward_input() of a step that can: the input's gradient holds nothing yet, so that it is to
 *   be set, not added to
 *
 * All that a running layer sees beside its views.
 */
typedef struct
{
  const SegKernels *kernels;
  gconstpointer const *params;
  const float *stats;
  gpointer scratch, shared;
  guint64 seed, step, stream;
  gboolean sets;

  /*< private >*/
  gpointer reserved[8];
} SegRun;

typedef enum
{
  SEG_PHASE_FORWARD,
  SEG_PHASE_BACKWARD,
} SegPhase;

/**
 * SegParamPiece:
 * @row0: first row of the output; rows of a batch are counted on from sample to sample
 * @row1: behind the last
 * @block: first channel block of the output
 * @n_blocks: how many channel blocks
 *
 * One thread's share of the gradients of the parameters: what these rows of these blocks give.
 */
typedef struct
{
  gint64 row0, row1;
  guint block, n_blocks;
} SegParamPiece;

/**
 * seg_param_piece_take: (skip)
 *
 * Takes off @rest its rows of the first sample in it, @y0…@y1-1. %FALSE: there are no more.
 */
static inline gboolean
seg_param_piece_take (SegParamPiece *rest, gint64 height, gint64 *sample, gint64 *y0, gint64 *y1)
{
  if (rest->row0 >= rest->row1)
    return FALSE;
  *sample = rest->row0 / height;
  *y0 = rest->row0 % height;
  *y1 = MIN (height, *y0 + rest->row1 - rest->row0);
  rest->row0 += *y1 - *y0;
  return TRUE;
}

/**
 * SegLayerFlags:
 * @SEG_LAYER_ALIAS: the output is its inputs' channels one after the other; core then does not run
 *   the layer, but in training if an input would be joined to itself
 * @SEG_LAYER_TRAINING_ONLY: in inference the output is the input, and core does not run the layer
 * @SEG_LAYER_SUM: the output is the sum of two inputs, and another step may compute it
 * @SEG_LAYER_WHOLE_MAP: any output needs statistics of the whole input in inference, too: all of
 *   it is computed first, and held. Exact in every way of running, at the price of that memory
 * @SEG_LAYER_DROPS_INPUT: going backward looks at no number of the inputs, so that training need not
 *   keep them for it
 * @SEG_LAYER_DROPS_OUTPUT: going backward looks at no number of the output
 * @SEG_LAYER_CHEAP: in training the output may be made again rather than kept
 */
typedef enum
{
  SEG_LAYER_ALIAS = 1 << 0,
  SEG_LAYER_SUM = 1 << 1,
  SEG_LAYER_WHOLE_MAP = 1 << 2,
  SEG_LAYER_TRAINING_ONLY = 1 << 3,
  SEG_LAYER_DROPS_INPUT = 1 << 4,
  SEG_LAYER_DROPS_OUTPUT = 1 << 5,
  SEG_LAYER_CHEAP = 1 << 6,
} SegLayerFlags;

typedef enum
{
  SEG_POST_AFFINE = 1 << 0,
  SEG_POST_ELEMENTWISE = 1 << 1,
  SEG_POST_ADD = 1 << 2,
} SegPostKind;

/**
 * SegLayout:
 * @SEG_LAYOUT_PLANAR: all inputs and the output in planes: blocks of one lane
 * @SEG_LAYOUT_ALIKE: blocks of any number of lanes, the same channels in each block of every input and
 *   of the output
 * @SEG_LAYOUT_FIRST: likewise, but of the inputs only the first counts: others may lie in blocks of
 *   their own, or only their shape is looked at
 * @SEG_LAYOUT_EACH: any number of lanes, each input and the output its own
 *
 * Which channel blocks a layer, or its step, takes and gives. A gradient lies as its value does.
 */
typedef enum
{
  SEG_LAYOUT_PLANAR,
  SEG_LAYOUT_ALIKE,
  SEG_LAYOUT_FIRST,
  SEG_LAYOUT_EACH,
} SegLayout;

/**
 * SegBlocking:
 * @lanes: of each block; 1: planar
 * @n_blocks: how many blocks hold the value's channels
 * @channels: (array length=n_blocks): channels in each block; %NULL: all are full, but for the last
 *
 * How a value lies in memory. Behind a concatenation not all blocks are full: a view says how many
 * channels each holds. (No room is reserved here: a new field raises SEG_ABI_MINOR.)
 */
typedef struct
{
  gint32 lanes;
  guint n_blocks;
  const gint32 *channels;
} SegBlocking;

#define SEG_TYPE_LAYER (seg_layer_get_type ())
G_DECLARE_DERIVABLE_TYPE (SegLayer, seg_layer, SEG, LAYER, GObject)

/**
 * SegPost:
 * @kind: which fields count
 * @layer: elementwise: applied to finished runs
 * @scale: affine: per output channel
 * @shift: affine: per output channel
 * @input: add: which of the step's inputs is added
 *
 * Work that a step takes over from its reader.
 */
typedef struct
{
  SegPostKind kind;
  SegLayer *layer;
  const float *scale, *shift;
  guint input;

  /*< private >*/
  gpointer reserved[4];
} SegPost;

/**
 * SegOffer:
 * @purpose: inference or training
 * @kernels: of the plan's instruction level
 * @in: shapes of the inputs; only n and c may be looked at, and n is 1 for inference
 * @n_in: inputs of the layer
 * @params: as in #SegRun
 * @after: posts the step must do, in this order; only kinds that the class said it absorbs
 * @n_after: how many
 * @before: posts that the step must do to the input before anything else, affine maps and a clamp
 *   at the end; only if the class says that it takes them
 * @n_before: how many
 * @in_blocking: (array length=n_in): how each input lies in memory
 * @out_blocking: how the output does, and what posts add
 * @stride: pixels of the image for one of the output's, along the longer axis
 * @asked: what readers ask of the output for a tile far from any border, in places of which only
 *   the remainders by powers of two up to 64 mean anything; empty if nobody knows. A step that works
 *   in cells of a grid makes readers wait least if a row of cells ends where this does
 *
 * What core offers a layer to compile. There is no image size, thread count or memory limit in
 * here: bits must not depend on them.
 */
typedef struct
{
  SegPurpose purpose;
  const SegKernels *kernels;
  const SegShape *in;
  guint n_in;
  gconstpointer const *params;
  const SegPost *after;
  guint n_after;
  const SegPost *before;
  guint n_before;
  const SegBlocking *in_blocking;
  SegBlocking out_blocking;
  gint64 stride;
  SegRect asked;

  /*< private >*/
  gpointer reserved[8];
} SegOffer;

/**
 * SegStep:
 * @grid_y: output rows are asked for in cells of this many (0 or 1: any), or up to the map's border
 * @grid_x: the same for columns
 * @phase_y: a row where a cell begins, less than grid_y: the first cell is smaller if it is not 0
 * @phase_x: the same for columns
 * @channel_grain: blocks of output channels may be split between threads at multiples of this; 0:
 *   never
 * @scratch_bytes: scratch of one thread
 * @kernel: how it computes, in a word or two, for people: "direct". Without compile() it is
 *   "plain"
 * @packed_bytes: memory that the step takes for weights in a form of its own. If there are any, an
 *   inference step no longer finds the parameters in #SegRun
 * @required: of this kernel, bits may depend on no pixel outside; %NULL: the layer's
 * @run: computes one piece; @in holds the layer's inputs, then those that posts add
 * @shared_bytes: training: memory of all threads together while the node runs
 * @n_prepare: training: tasks of prepare()
 * @back_grid: pieces of an input's gradient are whole cells of this many rows and columns, counted
 *   from 0 (0 or 1: any)
 * @back_channel_grain: blocks of an input's gradient may be split at multiples of this; 0: never
 * @flags: training: of the step, if it has taken over posts; otherwise those of the layer count
 * @prepare: training, before the pieces of each phase: writes to run->shared, such as packed
 *   weights; tasks run in parallel. May be %NULL
 * @sum_row: as the layer's, which it replaces, with a look at the output; %NULL: the layer's
 * @backward_input: as the layer's; %NULL: the layer's
 * @split_params: as the layer's
 * @backward_params: as the layer's
 * @sets_input: backward_input() does what run->sets says
 * @sets_params: backward_params() does not add: it sets all numbers of its range in the slot, which
 *   nobody has cleared
 * @free: frees the step
 *
 * A layer, and what it took over, compiled for one plan. Immutable, shared by threads. In training
 * parameters are those in #SegRun, which change from run to run. Implementations put it first in a
 * struct of their own, which begins as zeros.
 */
typedef struct _SegStep SegStep;
struct _SegStep
{
  SegLayer *layer; /* set by core */
  guint16 grid_y, grid_x, phase_y, phase_x;
  guint channel_grain;
  gsize scratch_bytes;
  const char *kernel; /* static */
  gsize packed_bytes;
  void (*required) (const SegStep *self, const SegShape *in, guint n_in, const SegRect *out,
                    guint input, SegRect *need);
  void (*run) (const SegStep *self, const SegRun *run, const SegView *in, guint n_in, SegView *out,
               const SegPiece *piece);
  gsize shared_bytes;
  guint n_prepare, back_grid, back_channel_grain;
  SegLayerFlags flags;
  void (*prepare) (const SegStep *self, const SegRun *run, SegPhase phase, guint task);
  void (*sum_row) (const SegStep *self, SegPhase phase, const SegRun *run, const SegView *in,
                   guint n_in, const SegView *out, const SegView *dout, gint64 sample, gint64 y,
                   double *sums);
  void (*backward_input) (const SegStep *self, const SegRun *run, const SegView *in, guint n_in,
                          const SegView *out, const SegView *dout, guint input, SegView *din,
                          const SegPiece *piece);
  void (*split_params) (const SegStep *self, const SegShape *in, guint n_in, const SegShape *out,
                        guint *n_slots, guint *grain);
  void (*backward_params) (const SegStep *self, const SegRun *run, const SegView *in, guint n_in,
                           const SegView *out, const SegView *dout, const SegParamPiece *piece,
                           float *const *dparams);
  gboolean sets_input, sets_params;
  void (*free) (SegStep *self);

  /*< private >*/
  gpointer reserved[8];
};

/**
 * SegLayerClass:
 * @min_inputs: fewest inputs, 1 by default
 * @max_inputs: most inputs, 1 by default
 * @flags: see #SegLayerFlags
 * @absorbs: kinds of #SegPost that compile() accepts after the layer
 * @absorbs_training: kinds that it accepts after the layer in training; elementwise are clamps then
 * @absorbs_before: kinds that it accepts before it, on a layer with one input: affine maps, and one
 *   elementwise layer at the end that is a clamp
 * @infer: the output's shape. Channels must not depend on h and w
 * @declare: adds the layer's parameters
 * @required: which rectangle of @input the arithmetic of output rectangle @out reads. May reach
 *   over the map's border (padding is the reader's); an empty rectangle: only the shape. By
 *   default the same rectangle
 * @multiply_adds: multiply-adds of computing @out of one sample; 0 by default
 * @scratch: bytes of scratch that forward and backward need per thread; 0 by default
 * @layout: which blocks the layer or its compiled step takes if there are @lanes lanes in a vector,
 *   in training backward, too; planes by default
 * @is_identity: whether the output is the first input as it is, for these shapes: padding by
 *   nothing. Then inference runs nothing, and copies nothing
 * @row_repeat: inference: how many rows of the output are the same, from each multiple of that on,
 *   whatever the input holds. Of steps without cells of rows core keeps one of them: row addresses of
 *   the output repeat, and a row may be set again, to the same. 1 by default
 * @forward: computes a piece of the output
 * @backward_input: ADDS to one input's gradient over @piece, a piece of that input: gather form,
 *   so that pieces are disjoint
 * @split_params: how the gradients of the parameters are worked out: the output's rows are cut into
 *   @n_slots slots, each of which sums into memory of its own unless it is the only one, and
 *   channel blocks into ranges of @grain (0: all in one), which write to different numbers. By
 *   default 8 slots and all blocks. By shapes only, since bits depend on it
 * @backward_params: ADDS the gradients of a piece of the output into one slot
 * @n_sums: doubles of whole-map sums the phase needs; %NULL: none, a local layer
 * @sum_row: adds one row of one sample to the sums
 * @n_stats: floats that finish() makes of them
 * @finish: sums to statistics
 * @update: running state after a training step: @share is that of the new batch, or 0 for the layer's
 *   own. A layer that has it must also run, forward and backward, without statistics (run->stats is
 *   %NULL): from its running state
 * @as_affine: inference: y = scale[c]·x + shift[c] for @n_channels channels. %FALSE: it is not
 * @compile: may give %NULL without an error where it has taken over nothing: then, and without it,
 *   core wraps forward() in a step
 *
 * Everything up to multiply_adds is a pure function of properties and shapes.
 */
struct _SegLayerClass
{
  GObjectClass parent_class;

  /*< private >*/
  const char *title, *source; /* seg_layer_class_set_info */

  /*< public >*/
  guint min_inputs, max_inputs;
  SegLayerFlags flags;
  guint absorbs, absorbs_training, absorbs_before;

  gboolean (*infer) (SegLayer *self, const SegShape *in, guint n_in, SegShape *out, GError **error);
  void (*declare) (SegLayer *self, const SegShape *in, guint n_in, SegParamSet *params);
  void (*required) (SegLayer *self, const SegShape *in, guint n_in, const SegRect *out, guint input,
                    SegRect *need);
  gint64 (*multiply_adds) (SegLayer *self, const SegShape *in, guint n_in, const SegRect *out);
  gsize (*scratch) (SegLayer *self, const SegShape *in, guint n_in);
  SegLayout (*layout) (SegLayer *self, SegPurpose purpose, const SegShape *in, guint n_in,
                       gint lanes);
  gboolean (*is_identity) (SegLayer *self, const SegShape *in, guint n_in);
  gint64 (*row_repeat) (SegLayer *self, const SegShape *in, guint n_in);

  void (*forward) (SegLayer *self, const SegRun *run, const SegView *in, guint n_in, SegView *out,
                   const SegPiece *piece);
  void (*backward_input) (SegLayer *self, const SegRun *run, const SegView *in, guint n_in,
                          const SegView *out, const SegView *dout, guint input, SegView *din,
                          const SegPiece *piece);
  void (*split_params) (SegLayer *self, const SegShape *in, guint n_in, const SegShape *out,
                        guint *n_slots, guint *grain);
  void (*backward_params) (SegLayer *self, const SegRun *run, const SegView *in, guint n_in,
                           const SegView *out, const SegView *dout, const SegParamPiece *piece,
                           float *const *dparams);

  gsize (*n_sums) (SegLayer *self, SegPhase phase, const SegShape *in, guint n_in);
  void (*sum_row) (SegLayer *self, SegPhase phase, const SegRun *run, const SegView *in, guint n_in,
                   const SegView *dout, gint64 sample, gint64 y, double *sums);
  gsize (*n_stats) (SegLayer *self, const SegShape *in, guint n_in);
  void (*finish) (SegLayer *self, SegPhase phase, const SegShape *in, guint n_in,
                  const double *sums, float *stats);
  void (*update) (SegLayer *self, const SegShape *in, guint n_in, const float *stats, double share,
                  gpointer const *params);

  gboolean (*as_affine) (SegLayer *self, gconstpointer const *params, gint64 n_channels,
                         float *scale, float *shift);
  SegStep *(*compile) (SegLayer *self, const SegOffer *offer, GError **error);

  /*< private >*/
  gpointer reserved[16];
};

void        seg_layer_class_set_info   (SegLayerClass *klass, const char *title, const char *source);
const char *seg_layer_get_title        (SegLayer *self);
const char *seg_layer_get_source       (SegLayer *self);
gboolean    seg_layer_infer            (SegLayer *self, const SegShape *in, guint n_in, SegShape *out,
                                        GError **error);
void        seg_layer_required         (SegLayer *self, const SegShape *in, guint n_in,
                                        const SegRect *out, guint input, SegRect *need);
gint64      seg_layer_get_multiply_adds (SegLayer *self, const SegShape *in, guint n_in,
                                         const SegRect *out);
gsize       seg_layer_get_scratch      (SegLayer *self, const SegShape *in, guint n_in);

/* For a class's layout(): SEG_LAYOUT_ALIKE and SEG_LAYOUT_FIRST, whatever the shapes. */
SegLayout   seg_layer_layout_alike     (SegLayer *self, SegPurpose purpose, const SegShape *in,
                                        guint n_in, gint lanes);
SegLayout   seg_layer_layout_first     (SegLayer *self, SegPurpose purpose, const SegShape *in,
                                        guint n_in, gint lanes);

/* For steps: does the posts on a run of finished pixels of one output channel, in place. */
void seg_posts_apply (const SegPost *posts, guint n_posts, const SegKernels *kernels,
                      const SegView *in, gint64 channel, gint64 sample, gint64 y, gint64 x, gsize n,
                      float *run);

/* The same for @n pixels of one block of as many output channels as the kernels have lanes. */
void seg_posts_apply_block (const SegPost *posts, guint n_posts, const SegKernels *kernels,
                            const SegView *in, guint block, gint64 sample, gint64 y, gint64 x,
                            gsize n, float *run);

/* ---- elementwise: y = f(x), the same for every number -------------------------------- */

#define SEG_TYPE_ELEMENTWISE (seg_elementwise_get_type ())
G_DECLARE_DERIVABLE_TYPE (SegElementwise, seg_elementwise, SEG, ELEMENTWISE, SegLayer)

/**
 * SegElementwiseClass:
 * @forward: y = f(x) over a run; y may be x
 * @backward: ADDS dy·f'(x) to dx; a skip connection may already have put gradient there
 * @as_clamp: (nullable): whether y = min (max (x, lo), hi), NaN staying NaN; a convolution then does
 *   it as it stores
 *
 * The same shape, no halo, no parameters.
 */
struct _SegElementwiseClass
{
  SegLayerClass parent_class;
  void (*forward) (SegLayer *self, const float *x, float *y, gsize n);
  void (*backward) (SegLayer *self, const float *x, const float *y, const float *dy, float *dx,
                    gsize n);
  gboolean (*as_clamp) (SegLayer *self, float *lo, float *hi);

  /*< private >*/
  gpointer reserved[4];
};

/* ---- windowed: kernel, stride, padding and dilation give shape and requirement -------- */

#define SEG_TYPE_WINDOWED (seg_windowed_get_type ())
G_DECLARE_DERIVABLE_TYPE (SegWindowed, seg_windowed, SEG, WINDOWED, SegLayer)

/**
 * SegWindow:
 * @kernel: size in pixels
 * @stride: of the output
 * @padding: on each side
 * @dilation: distance of taps
 *
 * One axis of a sliding window, named as in PyTorch.
 */
typedef struct
{
  gint kernel, stride, padding, dilation;
} SegWindow;

struct _SegWindowedClass
{
  SegLayerClass parent_class;

  /*< private >*/
  gpointer reserved[4];
};

void seg_windowed_get_windows (SegWindowed *self, SegWindow *vertical, SegWindow *horizontal);

G_END_DECLS
