/* A generator without state: Philox4x32-10 (Salmon et al. 2011, "Parallel random numbers: as
 * easy as 1, 2, 3"). Element i of a stream is the same whoever asks for it, and when. */
#include <math.h>

#include <segkit/random.h>

static void
seg_random_philox (const guint32 counter[4], guint64 seed, guint32 out[4])
{
  guint32 c0 = counter[0], c1 = counter[1], c2 = counter[2], c3 = counter[3];
  guint32 k0 = (guint32) seed, k1 = (guint32) (seed >> 32);

  for (int round = 0; round < 10; round++)
    {
      guint64 p0 = (guint64) 0xD2511F53u * c0, p1 = (guint64) 0xCD9E8D57u * c2;
      guint32 n0 = (guint32) (p1 >> 32) ^ c1 ^ k0, n2 = (guint32) (p0 >> 32) ^ c3 ^ k1;

      c1 = (guint32) p1;
      c3 = (guint32) p0;
      c0 = n0;
      c2 = n2;
      k0 += 0x9E3779B9u;
      k1 += 0xBB67AE85u;
    }
  out[0] = c0, out[1] = c1, out[2] = c2, out[3] = c3;
}

/**
 * seg_random_name_hash:
 * @name: a full parameter or node name
 *
 * Returns: a stream number for it, FNV-1a of 64 bits
 */
guint64
seg_random_name_hash (const char *name)
{
  guint64 hash = G_GUINT64_CONSTANT (0xcbf29ce484222325);

  for (const guchar *p = (const guchar *) name; *p != '\0'; p++)
    hash = (hash ^ *p) * G_GUINT64_CONSTANT (0x100000001b3);
  return hash;
}

/**
 * seg_random_uniform:
 * @seed: key
 * @stream: which sequence
 * @first_element: where in the sequence
 * @n: how many
 * @uniform: (out caller-allocates) (array length=n): multiples of 2⁻²⁴ in [0, 1)
 *
 * Element i depends on (seed, stream, i) alone.
 */
void
seg_random_uniform (guint64 seed, guint64 stream, guint64 first_element, gsize n, float *uniform)
{
  guint32 words[4];
  guint64 cell = G_MAXUINT64;

  for (gsize i = 0; i < n; i++)
    {
      guint64 element = first_element + i;

      if (i == 0 || element / 4 != cell)
        {
          cell = element / 4;
          seg_random_philox ((guint32[4]){ (guint32) cell, (guint32) (cell >> 32),
                                           (guint32) stream, (guint32) (stream >> 32) },
                             seed, words);
        }
      uniform[i] = (float) (words[element % 4] >> 8) * 0x1p-24f;
    }
}

/**
 * seg_random_normal:
 * @seed: key
 * @stream: which sequence
 * @first_element: where in the sequence
 * @n: how many
 * @normal: (out caller-allocates) (array length=n): mean 0, deviation 1
 *
 * Box and Muller (1958): element i is made from uniform elements 2i and 2i + 1.
 */
void
seg_random_normal (guint64 seed, guint64 stream, guint64 first_element, gsize n, float *normal)
{
  for (gsize i = 0; i < n; i++)
    {
      float u[2];

      seg_random_uniform (seed, stream, 2 * (first_element + i), 2, u);
      normal[i] = (float) (sqrt (-2.0 * log (1.0 - u[0])) * cos (2.0 * G_PI * u[1]));
    }
}
