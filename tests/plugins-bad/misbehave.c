/* A plugin with one feature, and something bad in one place, which meson.build fills in. */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "bad.h"

#ifndef BAD_IN_CONSTRUCTOR
#  define BAD_IN_CONSTRUCTOR (void) 0
#endif
#ifndef BAD_IN_REGISTER
#  define BAD_IN_REGISTER (void) 0
#endif
#ifndef BAD_IN_CLASS
#  define BAD_IN_CLASS (void) 0
#endif
#ifndef BAD_IN_INSTANCE
#  define BAD_IN_INSTANCE (void) 0
#endif
#ifndef BAD_IN_DESTRUCTOR
#  define BAD_IN_DESTRUCTOR (void) 0
#endif

/* For BAD_IN_…: waits without end. */
G_GNUC_UNUSED static void
bad_hang (void)
{
  for (;;)
    pause ();
}

/* For BAD_IN_…: says nothing more to who tries it out, and stays. */
G_GNUC_UNUSED static void
bad_close (void)
{
  for (int fd = 0; fd < 256; fd++)
    close (fd);
  bad_hang ();
}

/* For BAD_IN_…: where it is tried out, leaves a process behind that has all that was open. */
G_GNUC_UNUSED static void
bad_fork (void)
{
  if (g_str_equal (program_invocation_short_name, "segkit-probe-plugin") && fork () == 0)
    bad_hang ();
}

/* For BAD_IN_…: a complaint of GLib's with more than anybody reads. */
G_GNUC_UNUSED static void
bad_complain (void)
{
  g_autofree char *text = g_strnfill (20000, 'x');

  g_log ("GLib", G_LOG_LEVEL_CRITICAL, "%s", text);
}

/* For BAD_IN_…: only where the environment asks for it. */
G_GNUC_UNUSED static void
bad_crash_when_told (void)
{
  if (g_getenv ("BAD_CRASH") != NULL)
    raise (SIGSEGV);
}

typedef struct
{
  SegLayer parent_instance;
} BadMisbehaving;
typedef SegLayerClass BadMisbehavingClass;

GType bad_misbehaving_get_type (void);
G_DEFINE_FINAL_TYPE (BadMisbehaving, bad_misbehaving, SEG_TYPE_LAYER)

static void
bad_misbehaving_class_init (BadMisbehavingClass *klass)
{
  seg_layer_class_set_info (klass, "Nothing", "tests/plugins-bad");
  klass->forward = bad_forward;
  BAD_IN_CLASS;
}

static void
bad_misbehaving_init (BadMisbehaving *self)
{
  (void) self;
  BAD_IN_INSTANCE;
}

__attribute__ ((constructor)) static void
construct (void)
{
  BAD_IN_CONSTRUCTOR;
}

__attribute__ ((destructor)) static void
destruct (void)
{
  BAD_IN_DESTRUCTOR;
}

static void
register_features (SegRegistry *registry)
{
  BAD_IN_REGISTER;
  seg_registry_add (registry, "misbehaving", bad_misbehaving_get_type ());
}

SEG_PLUGIN_DEFINE (misbehave, "Does what no plugin should", "CC0-1.0", register_features)
