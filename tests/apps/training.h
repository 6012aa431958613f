/* segtrain on a folder of discs, as tests run it: what is to be learnt, runs of a second, and what
 * they leave. */
#pragma once

#include "samples.h"
#include "tool.h"

#define TRAINING_SIDE 64
#define TRAINING_IMAGES 8

/* A network and a training of a second. */
#define SMALL                                                                                      \
  "--set", "model.encoder.channels=4", "--set", "model.encoder.depth=2", "--set", "train.rate=0.02"
#define STEPS "--steps", "24"
#define MODEL "m.safetensors"

enum { OK, FAILED, USAGE, INPUT, IO, LIMIT, NUMERIC, PLUGIN, IN_USE };

void     training_save_discs                    (Tool *tool, guint i);
void     training_setup                         (Tool *tool, gconstpointer data);
void     training_teardown                      (Tool *tool, gconstpointer data);
char    *training_read_text                     (Tool *tool, const char *name);
gboolean training_exists                        (Tool *tool, const char *name);
char    *training_hash                          (Tool *tool, const char *name);
void     training_assert_same_file              (Tool *tool, const char *name, const char *expected);
char    *training_read_log                      (Tool *tool, const char *name);
void     training_assert_no_temporary_file      (Tool *tool, const char *folder);
GPid     training_start                         (Tool *tool, const char *n_steps);
int      training_stop                          (GPid pid, int number);
void     training_wait_for                      (Tool *tool, const char *name);
void     training_run                           (Tool *tool);
