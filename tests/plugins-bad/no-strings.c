/* Does not say of itself what a list of plugins shows. */
#include "bad.h"

/* For BAD_DESCRIPTION. */
#define BAD_TWO_LINES "A line\nand another"

static void
register_features (SegRegistry *registry)
{
  (void) registry;
}

SEG_PLUGIN_DEFINE (no_strings, BAD_DESCRIPTION, BAD_LICENCE, register_features)
