/* A descriptor that does not say what to call. */
#include "bad.h"

SEG_PLUGIN_DEFINE (no_function, "Registers nothing", "CC0-1.0", NULL)
