#pragma once

#include <jansson.h>
#include <segkit/safetensors.h>

G_BEGIN_DECLS

#define SEG_SAFETENSORS_METADATA "__metadata__"

struct _SegSafetensors
{
  GObject parent_instance;
  GPtrArray *names; /* in the order added */
  GTree *tensors;   /* by name; not a hash table: GLib's is slow at will of who chooses names */
  json_t *metadata;

  /* an open file of which only the header has been read */
  char *path;
  int fd;         /* or -1 */
  GArray *places; /* of guint64: where in the file the bytes of each tensor begin; none any more
                     when all have been read */
};

G_END_DECLS
