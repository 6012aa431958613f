#include <glib-object.h>

#include "error-private.h"

G_DEFINE_QUARK (seg-error-quark, seg_error)

/* For after a plugin's function has failed: it may have forgotten to say why, and every caller
 * reads the message. */
void
_seg_error_complete (GError **error, gconstpointer object, const char *function)
{
  if (error != NULL && *error == NULL)
    g_set_error (error, SEG_ERROR, SEG_ERROR_PLUGIN, "%s: %s failed without saying why",
                 G_OBJECT_TYPE_NAME (object), function);
}
