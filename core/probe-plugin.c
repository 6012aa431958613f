/* segkit-probe-plugin: started by libsegkit to try out a plugin; of no use to anyone else. */
#include "probe.h"

int
main (int argc, char **argv)
{
  return seg_probe_serve (argc, argv);
}
