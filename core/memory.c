/* The data plane's allocator: any size that a file, an image or an option decides comes from
 * here. GLib's own allocator ends the process when memory runs out. */
#include <stdlib.h>
#include <sys/mman.h>

#include <segkit/error.h>
#include <segkit/memory.h>

/* Each allocation is preceded by its size, in a whole alignment unit. */
typedef union
{
  gsize bytes;
  char padding[SEG_MEMORY_ALIGNMENT];
} SegMemoryHeader;

/* Weights and maps are read from end to end, and looking small pages up was 3 to 6 % of a network's
 * time in a virtual machine. So large allocations begin where a large page may, and ask for them. */
#define SEG_MEMORY_LARGE_PAGE ((gsize) 2 << 20)

static gsize memory_limit = G_MAXSIZE;
static gsize memory_used, memory_peak;

static void
seg_memory_raise_peak (gsize used)
{
  gsize peak = __atomic_load_n (&memory_peak, __ATOMIC_RELAXED);

  while (used > peak
         && !__atomic_compare_exchange_n (&memory_peak, &peak, used, TRUE, __ATOMIC_RELAXED,
                                          __ATOMIC_RELAXED))
    ;
}

/* @bytes in whole alignment units. */
static gpointer
seg_memory_take (gsize bytes)
{
  gpointer memory;

  if (bytes < 2 * SEG_MEMORY_LARGE_PAGE)
    return aligned_alloc (SEG_MEMORY_ALIGNMENT, bytes);
  if (posix_memalign (&memory, SEG_MEMORY_LARGE_PAGE, bytes) != 0)
    return NULL;
#ifdef MADV_HUGEPAGE
  /* a wish: small pages serve as well. It outlives the memory where that goes back to the heap. */
  madvise (memory, bytes & ~(SEG_MEMORY_LARGE_PAGE - 1), MADV_HUGEPAGE);
#endif
  return memory;
}

/**
 * seg_alloc:
 * @n: elements
 * @element_size: bytes of one
 * @what: what it is for, for the message
 * @error: return location
 *
 * Allocates n × element_size bytes, aligned to %SEG_MEMORY_ALIGNMENT, not cleared.
 * Errors: `SEG_ERROR_MEMORY` when the product overflows, the limit is reached or the system
 * has no more.
 * Threads: any.
 *
 * Returns: (transfer full): free with seg_free(); never %NULL without @error set, also for 0 bytes
 */
gpointer
seg_alloc (gsize n, gsize element_size, const char *what, GError **error)
{
  gsize bytes, total, limit, used;
  SegMemoryHeader *header;

  if (__builtin_mul_overflow (n, element_size, &bytes)
      || __builtin_add_overflow (bytes, 2 * sizeof (SegMemoryHeader), &total))
    {
      g_set_error (error, SEG_ERROR, SEG_ERROR_MEMORY,
                   "%s: %" G_GSIZE_FORMAT " times %" G_GSIZE_FORMAT " bytes is too much to count",
                   what, n, element_size);
      return NULL;
    }
  total &= ~(gsize) (SEG_MEMORY_ALIGNMENT - 1);

  limit = __atomic_load_n (&memory_limit, __ATOMIC_RELAXED);
  used = __atomic_add_fetch (&memory_used, total, __ATOMIC_RELAXED);
  if (used > limit || used < total)
    {
      __atomic_sub_fetch (&memory_used, total, __ATOMIC_RELAXED);
      g_set_error (error, SEG_ERROR, SEG_ERROR_MEMORY,
                   "%s: %" G_GSIZE_FORMAT " bytes are needed beside %" G_GSIZE_FORMAT
                   " in use, but the limit is %" G_GSIZE_FORMAT,
                   what, bytes, used - total, limit);
      return NULL;
    }

  header = seg_memory_take (total);
  if (header == NULL)
    {
      __atomic_sub_fetch (&memory_used, total, __ATOMIC_RELAXED);
      g_set_error (error, SEG_ERROR, SEG_ERROR_MEMORY,
                   "%s: the system has not the %" G_GSIZE_FORMAT " bytes needed", what, bytes);
      return NULL;
    }

  header->bytes = total;
  seg_memory_raise_peak (used);
  return header + 1;
}

/**
 * seg_free:
 * @memory: (nullable): from seg_alloc()
 */
void
seg_free (gpointer memory)
{
  SegMemoryHeader *header = memory;

  if (memory == NULL)
    return;
  header--;
  __atomic_sub_fetch (&memory_used, header->bytes, __ATOMIC_RELAXED);
  free (header);
}

/**
 * seg_memory_set_limit:
 * @bytes: of all seg_alloc() memory together, or 0 for no limit
 */
void
seg_memory_set_limit (gsize bytes)
{
  __atomic_store_n (&memory_limit, bytes == 0 ? G_MAXSIZE : bytes, __ATOMIC_RELAXED);
}

/**
 * seg_memory_get_used:
 *
 * Returns: bytes that seg_alloc() has handed out and not got back
 */
gsize
seg_memory_get_used (void)
{
  return __atomic_load_n (&memory_used, __ATOMIC_RELAXED);
}

/**
 * seg_memory_get_peak:
 *
 * Returns: the most that seg_memory_get_used() has been
 */
gsize
seg_memory_get_peak (void)
{
  return __atomic_load_n (&memory_peak, __ATOMIC_RELAXED);
}
