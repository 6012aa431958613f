#include <segkit/error.h>

G_DEFINE_QUARK (seg-error-quark, seg_error)
