/* The tests of one feature; @feature is its name. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

void test_layer_refuses (gconstpointer feature);
void test_layer_regions (gconstpointer feature);
void test_layer_layouts (gconstpointer feature);
void test_layer_claims (gconstpointer feature);
void test_layer_gradients (gconstpointer feature);
void test_layer_everywhere (gconstpointer feature);
void test_block_everywhere (gconstpointer feature);
void test_loss (gconstpointer feature);
void test_optimizer (gconstpointer feature);
void test_schedule (gconstpointer feature);

G_END_DECLS
