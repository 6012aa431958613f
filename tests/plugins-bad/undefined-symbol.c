/* Calls a function that nobody has: found out when it is loaded, not when it is called. */
#include "bad.h"

void seg_function_that_nobody_has (void);

static void
register_features (SegRegistry *registry)
{
  (void) registry;
  seg_function_that_nobody_has ();
}

SEG_PLUGIN_DEFINE (undefined_symbol, "Cannot be linked", "CC0-1.0", register_features)
