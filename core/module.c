/* A module file opened, and found to be a plugin for this version of the interface. */
#include <string.h>

#include "elf-check.h"
#include "module.h"
#include "text.h"

/* All that it says of itself is there, and can be shown as it is. */
static gboolean
seg_module_check_strings (const SegPluginDescriptor *descriptor, GError **error)
{
  const struct
  {
    const char *name, *text;
  } strings[] = {
    { "name", descriptor->name },
    { "description", descriptor->description },
    { "licence", descriptor->licence },
  };

  for (guint i = 0; i < G_N_ELEMENTS (strings); i++)
    if (strings[i].text == NULL || !_seg_text_is_name (strings[i].text))
      {
        g_set_error (error, SEG_ERROR, SEG_ERROR_PLUGIN,
                     "its descriptor has no %s of one line and at most %d bytes", strings[i].name,
                     SEG_TEXT_MAX_NAME);
        return FALSE;
      }
  return TRUE;
}

static gboolean
seg_module_check (const SegPluginDescriptor *descriptor, GError **error)
{
  if (descriptor->abi_major != SEG_ABI_MAJOR || descriptor->abi_minor != SEG_ABI_MINOR)
    g_set_error (error, SEG_ERROR, SEG_ERROR_PLUGIN,
                 "made for plugin interface %u.%u, this is %d.%d", descriptor->abi_major,
                 descriptor->abi_minor, SEG_ABI_MAJOR, SEG_ABI_MINOR);
  else if (descriptor->size != sizeof *descriptor)
    g_set_error (error, SEG_ERROR, SEG_ERROR_PLUGIN,
                 "its descriptor has %" G_GSIZE_FORMAT " bytes, not %" G_GSIZE_FORMAT,
                 descriptor->size, sizeof *descriptor);
  else if (descriptor->register_features == NULL)
    g_set_error (error, SEG_ERROR, SEG_ERROR_PLUGIN, "its descriptor has no register_features");
  else
    return seg_module_check_strings (descriptor, error);
  return FALSE;
}

/* The linker's message begins with the path, and may quote anything that it found in the file. */
static void
seg_module_set_linker_error (const char *path, GError **error)
{
  const char *message = g_module_error ();
  g_autofree char *text = NULL;

  if (g_str_has_prefix (message, path) && g_str_has_prefix (message + strlen (path), ": "))
    message += strlen (path) + 2;
  text = _seg_text_escape_path (message);
  g_set_error_literal (error, SEG_ERROR, SEG_ERROR_PLUGIN, text);
}

/* Bound at once and locally: a symbol that is missing is found out now, not when it is called.
 * Nothing is registered yet. Messages do not name the file. */
GModule *
_seg_module_open (const char *path, const SegPluginDescriptor **descriptor, GError **error)
{
  GModule *module;
  gpointer symbol;

  if (!_seg_elf_check (path, error))
    return NULL;
  if ((module = g_module_open (path, G_MODULE_BIND_LOCAL)) == NULL)
    {
      seg_module_set_linker_error (path, error);
      return NULL;
    }
  if (!g_module_symbol (module, "seg_plugin_descriptor", &symbol))
    g_set_error (error, SEG_ERROR, SEG_ERROR_PLUGIN,
                 "not a plugin: it has no seg_plugin_descriptor");
  else if (seg_module_check (symbol, error))
    {
      *descriptor = symbol;
      return module;
    }
  g_module_close (module);
  return NULL;
}
