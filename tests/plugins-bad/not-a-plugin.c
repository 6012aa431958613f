/* A loadable module, but not one of ours. */
#include <gmodule.h>

G_MODULE_EXPORT int answer (void);
G_MODULE_EXPORT int
answer (void)
{
  return 42;
}
