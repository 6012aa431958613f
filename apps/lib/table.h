#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * SegTable:
 *
 * Rows of text in columns for a terminal.
 */
typedef struct _SegTable SegTable;

SegTable *seg_table_new   (const char *columns);
void      seg_table_free  (SegTable *self);
void      seg_table_add   (SegTable *self, ...) G_GNUC_NULL_TERMINATED;
void      seg_table_print (SegTable *self, guint indent, GString *out);

void      seg_table_print_wrapped (const char *text, guint indent, guint width, GString *out);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (SegTable, seg_table_free)

G_END_DECLS
