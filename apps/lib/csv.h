#pragma once

#include <glib.h>

G_BEGIN_DECLS

void   seg_csv_append_field  (GString *csv, const char *text);
void   seg_csv_append_number (GString *csv, double value);
GStrv  seg_csv_split         (const char *line);

G_END_DECLS
