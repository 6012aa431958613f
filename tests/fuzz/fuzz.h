/* What the fuzz targets share: the plugins loaded, memory bounded, and files without a disk. */
#pragma once

#include <stdint.h>

#include <segkit/segkit.h>

/* libFuzzer's interface, which it declares nowhere in C. */
int    LLVMFuzzerInitialize    (int *argc, char ***argv);
int    LLVMFuzzerTestOneInput  (const uint8_t *data, size_t n);
size_t LLVMFuzzerCustomMutator (uint8_t *data, size_t n, size_t max_n, unsigned int seed);
size_t LLVMFuzzerMutate        (uint8_t *data, size_t n, size_t max_n);

/* A file in memory, which has a path as long as the process lives. */
typedef struct
{
  int fd;
  char *path;
} FuzzFile;

void     fuzz_init        (void);
FuzzFile fuzz_file_new    (void);
void     fuzz_file_write  (const FuzzFile *file, const void *bytes, size_t n);
void     fuzz_check_error (const GError *error, const char *path);
void     fuzz_load_model  (const char *path);
