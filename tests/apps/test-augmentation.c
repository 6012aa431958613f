/* What happens to a crop: where its pixels come from, and what becomes of their values. */
#include <math.h>
#include <string.h>

#include <segkit/loss.h>
#include <segkit/random.h>

#include "../../apps/lib/border-weights.h"
#include "../../apps/lib/intensity.h"
#include "../../apps/lib/warp.h"

#define IMAGE_W 40
#define IMAGE_H 30

/* Three planes: the column of each pixel, its row, and noise; and as classes the columns. */
typedef struct
{
  float planes[3][IMAGE_H * IMAGE_W];
  guint16 columns[IMAGE_H * IMAGE_W];
} Picture;

static void
make_picture (Picture *picture)
{
  for (int y = 0; y < IMAGE_H; y++)
    for (int x = 0; x < IMAGE_W; x++)
      {
        int i = y * IMAGE_W + x;

        picture->planes[0][i] = (float) x;
        picture->planes[1][i] = (float) y;
        picture->columns[i] = (guint16) x;
      }
  seg_random_uniform (1, 2, 0, IMAGE_H * IMAGE_W, picture->planes[2]);
}

static void
warp (const SegAugmentationDraw *draw, const Picture *picture, int h, int w, double x, double y,
      float *planes, guint16 *columns)
{
  g_auto (SegWarp) self = { 0 };
  g_autoptr (GError) error = NULL;

  g_assert_true (seg_warp_init (&self, draw, h, w, IMAGE_H, IMAGE_W, x, y, &error));
  g_assert_true (seg_warp_image (&self, picture->planes[0], 3, planes, &error));
  seg_warp_target (&self, picture->columns, FALSE, columns);
}

/* All eight ways of turning a crop copy pixels of the image, and are what they are called. */
static void
test_exact (void)
{
  enum { H = 4, W = 6 };
  Picture picture;

  make_picture (&picture);
  for (guint way = 0; way < 16; way++)
    {
      SegAugmentationDraw draw = { .scale = 1,
                                   .flip_horizontal = way & 1,
                                   .flip_vertical = way >> 1 & 1,
                                   .n_turns = way >> 2 };
      float planes[3][H * W];
      guint16 columns[H * W];
      double extent_w, extent_h;
      int left = 7, top = 5;

      seg_warp_get_extent (&draw, H, W, &extent_w, &extent_h);
      g_assert_cmpfloat (extent_w, ==, way >> 2 & 1 ? H : W);
      warp (&draw, &picture, H, W, left + extent_w / 2, top + extent_h / 2, planes[0], columns);
      for (int i = 0; i < H * W; i++)
        {
          /* without the flips, then without each quarter turn to the right */
          int x = way & 1 ? W - 1 - i % W : i % W, y = way >> 1 & 1 ? H - 1 - i / W : i / W;
          int w = W, h = H;

          for (guint turn = 0; turn < draw.n_turns; turn++)
            {
              int before = x, width = w;

              x = y, y = w - 1 - before;
              w = h, h = width;
            }
          g_assert_cmpfloat (planes[0][i], ==, left + x);
          g_assert_cmpfloat (planes[1][i], ==, top + y);
          g_assert_cmpfloat (planes[2][i], ==, picture.planes[2][(top + y) * IMAGE_W + left + x]);
          g_assert_cmpuint (columns[i], ==, left + x);
        }
    }
}

/* Where the image ends it is mirrored, and its classes are; or they count for nothing. */
static void
test_mirror (void)
{
  enum { H = 3, W = 100 };
  SegAugmentationDraw draw = { .scale = 1 };
  Picture picture;
  float planes[3][H * W];
  guint16 columns[H * W], ignored[H * W];
  g_auto (SegWarp) self = { 0 };
  g_autoptr (GError) error = NULL;

  make_picture (&picture);
  warp (&draw, &picture, H, W, 20, 15, planes[0], columns); /* columns −30 to 69 */
  g_assert_true (seg_warp_init (&self, &draw, H, W, IMAGE_H, IMAGE_W, 20, 15, &error));
  seg_warp_target (&self, picture.columns, TRUE, ignored);
  for (int x = 0; x < W; x++)
    {
      int column = x - 30;
      int inside = column < 0 ? -column : column > 39 ? 78 - column : column;

      g_assert_cmpfloat (planes[0][x], ==, inside);
      g_assert_cmpuint (columns[x], ==, inside);
      g_assert_cmpuint (ignored[x], ==, inside == column ? inside : SEG_TARGET_IGNORE);
    }
}

/* Bilinear sampling gives back coordinates: so the map is seen, and classes follow it. */
static void
test_rotation (void)
{
  enum { H = 11, W = 13 };
  SegAugmentationDraw draw = { .scale = 1.25, .angle = G_PI / 6 };
  Picture picture;
  float planes[3][H * W];
  guint16 columns[H * W];

  make_picture (&picture);
  warp (&draw, &picture, H, W, 20.3, 14.8, planes[0], columns);
  for (int y = 0; y < H; y++)
    for (int x = 0; x < W; x++)
      {
        double u = (x + 0.5 - W / 2.) / 1.25, v = (y + 0.5 - H / 2.) / 1.25;
        double image_x = 19.8 + u * cos (G_PI / 6) + v * sin (G_PI / 6);
        double image_y = 14.3 - u * sin (G_PI / 6) + v * cos (G_PI / 6);

        g_assert_cmpfloat_with_epsilon (planes[0][y * W + x], image_x, 1e-5);
        g_assert_cmpfloat_with_epsilon (planes[1][y * W + x], image_y, 1e-5);
        g_assert_cmpfloat (fabs (columns[y * W + x] - image_x), <=, 0.5 + 1e-5);
      }
}

/* The displacements of the grid are met at its points, and change smoothly between. */
static void
test_elastic (void)
{
  enum { H = 9, W = 9 };
  SegAugmentationDraw draw = { .scale = 1, .is_elastic = TRUE };
  Picture picture;
  float planes[3][H * W];
  guint16 columns[H * W];

  make_picture (&picture);
  draw.grid[0][1][1] = 3;
  draw.grid[1][1][1] = -2;
  warp (&draw, &picture, H, W, 20.5, 15.5, planes[0], columns);
  g_assert_cmpfloat_with_epsilon (planes[0][4 * W + 4], 20 + 3, 1e-5);
  g_assert_cmpfloat_with_epsilon (planes[1][4 * W + 4], 15 - 2, 1e-5);
  for (int x = 0; x < W; x++)
    {
      /* Keys' kernel, twice the distance from the middle in units of the crop */
      double d = fabs (x - 4.) * 2 / W, cubic = 1.5 * d * d * d - 2.5 * d * d + 1;

      g_assert_cmpfloat_with_epsilon (planes[0][4 * W + x], 16 + x + 3 * cubic, 1e-5);
    }
  for (guint i = 0; i < 9; i++)
    draw.grid[0][i / 3][i % 3] = 2.5f;
  memset (draw.grid[1], 0, sizeof draw.grid[1]);
  warp (&draw, &picture, H, W, 20.5, 15.5, planes[0], columns);
  for (int i = 0; i < H * W; i++)
    g_assert_cmpfloat_with_epsilon (planes[0][i], 16 + i % W + 2.5, 1e-5);
}

/* Made three times smaller, each pixel is the mean of nine: these lie side by side if the middle of
 * the crop is between two of them. */
static void
test_shrink (void)
{
  enum { H = 4, W = 6 };
  SegAugmentationDraw draw = { .scale = 1 / 3. };
  Picture picture;
  float planes[3][H * W];
  guint16 columns[H * W];

  make_picture (&picture);
  warp (&draw, &picture, H, W, 21, 15, planes[0], columns);
  for (int y = 0; y < H; y++)
    for (int x = 0; x < W; x++)
      {
        double mean = 0;

        for (int k = 0; k < 9; k++)
          mean += picture.planes[2][(9 + 3 * y + k / 3) * IMAGE_W + 12 + 3 * x + k % 3] / 9.;
        g_assert_cmpfloat_with_epsilon (planes[0][y * W + x], 13 + 3 * x, 1e-4);
        g_assert_cmpfloat_with_epsilon (planes[2][y * W + x], mean, 1e-5);
        g_assert_cmpuint (columns[y * W + x], ==, 13 + 3 * x);
      }
}

static SegAugmentation *
make_all (void)
{
  return g_object_new (SEG_TYPE_AUGMENTATION, "flip-horizontal", TRUE, "flip-vertical", TRUE,
                       "right-angles", TRUE, "rotation", 20.f, "scale-min", 0.5f, "scale-max", 2.f,
                       "elastic", 10.f, "brightness", 0.2f, "contrast", 0.3f, "gamma", 1.5f, "noise",
                       0.1f, "blur", 2.f, "blur-probability", 0.25f, "foreground", 0.4f, NULL);
}

/* Each share is what was asked for, each number in its range, and a draw depends on its number. */
static void
test_draws (void)
{
  enum { N = 2000 };
  g_autoptr (SegAugmentation) all = make_all ();
  double n_horizontal = 0, n_blurred = 0, n_classes = 0, turns[4] = { 0 }, squares = 0, scale = 0;

  for (guint64 i = 0; i < N; i++)
    {
      SegAugmentationDraw draw, again, other;

      seg_augmentation_draw (all, 5, i, &draw);
      seg_augmentation_draw (all, 5, i, &again);
      seg_augmentation_draw (all, 6, i, &other);
      g_assert_cmpmem (&draw, sizeof draw, &again, sizeof again);
      g_assert_true (memcmp (&draw, &other, sizeof draw) != 0);
      n_horizontal += draw.flip_horizontal;
      n_blurred += draw.blur > 0;
      n_classes += draw.needs_class;
      turns[draw.n_turns]++;
      scale += log (draw.scale);
      for (guint k = 0; k < 18; k++)
        squares += (double) (&draw.grid[0][0][0])[k] * (&draw.grid[0][0][0])[k];
      g_assert_cmpfloat (fabs (draw.angle), <=, 20 * G_PI / 180);
      g_assert_true (draw.scale >= 0.5 && draw.scale <= 2);
      g_assert_true (fabsf (draw.brightness) <= 0.2f && fabsf (draw.contrast - 1) <= 0.3001f);
      g_assert_true (draw.gamma >= 0.666f && draw.gamma <= 1.5f && draw.noise <= 0.1f);
    }
  /* within four deviations of what is expected */
  g_assert_cmpfloat (fabs (n_horizontal / N - 0.5), <, 0.045);
  g_assert_cmpfloat (fabs (n_blurred / N - 0.25), <, 0.04);
  g_assert_cmpfloat (fabs (n_classes / N - 0.4), <, 0.045);
  for (guint k = 0; k < 4; k++)
    g_assert_cmpfloat (fabs (turns[k] / N - 0.25), <, 0.04);
  g_assert_cmpfloat (fabs (scale / N), <, 0.04);
  g_assert_cmpfloat (fabs (sqrt (squares / (18 * N)) - 10), <, 0.2);
}

/* What is on says nothing about what the others draw. */
static void
test_draws_apart (void)
{
  g_autoptr (SegAugmentation) all = make_all ();
  g_autoptr (SegAugmentation) few
      = g_object_new (SEG_TYPE_AUGMENTATION, "rotation", 20.f, "brightness", 0.2f, NULL);

  for (guint64 i = 0; i < 20; i++)
    {
      SegAugmentationDraw draw, part, none;

      seg_augmentation_draw (all, 5, i, &draw);
      seg_augmentation_draw (few, 5, i, &part);
      seg_augmentation_draw (NULL, 5, i, &none);
      g_assert_cmpfloat (draw.angle, ==, part.angle);
      g_assert_cmpfloat (draw.brightness, ==, part.brightness);
      g_assert_true (part.scale == 1 && part.gamma == 1 && !part.is_elastic && !part.flip_vertical);
      g_assert_true (none.angle == 0 && none.brightness == 0 && none.scale == 1);
    }
}

static void
apply (const SegAugmentationDraw *draw, float *planes, int c, int h, int w)
{
  g_autoptr (GError) error = NULL;

  g_assert_true (seg_intensity_apply (draw, 3, 4, planes, c, h, w, &error));
}

static void
test_values (void)
{
  float values[4] = { 0.25f, 0.75f, 0.5f, 0.5f };

  apply (&(SegAugmentationDraw){ .contrast = 1.5f, .gamma = 1, .brightness = 0.1f }, values, 1, 2, 2);
  g_assert_cmpfloat_with_epsilon (values[0], 0.225, 1e-6);
  g_assert_cmpfloat_with_epsilon (values[1], 0.975, 1e-6);
  g_assert_cmpfloat_with_epsilon (values[2], 0.6, 1e-6);

  values[0] = 1, values[1] = 3, values[2] = 2, values[3] = 1.5f;
  apply (&(SegAugmentationDraw){ .contrast = 1, .gamma = 2 }, values, 1, 2, 2);
  g_assert_cmpfloat_with_epsilon (values[0], 1, 1e-6);
  g_assert_cmpfloat_with_epsilon (values[1], 3, 1e-6);
  g_assert_cmpfloat_with_epsilon (values[2], 1.5, 1e-6);
  g_assert_cmpfloat_with_epsilon (values[3], 1.125, 1e-6);

  for (guint i = 0; i < 4; i++)
    values[i] = 0.5f; /* a constant image has no range */
  apply (&(SegAugmentationDraw){ .contrast = 1, .gamma = 2 }, values, 1, 2, 2);
  g_assert_cmpfloat (values[3], ==, 0.5f);
}

/* A point becomes a Gaussian, and nothing is lost; sums at the edges stay, too. */
static void
test_blur (void)
{
  enum { N = 21 };
  float plane[N * N] = { 0 }, flat[N * 3];
  double sum = 0;

  plane[10 * N + 10] = 1;
  apply (&(SegAugmentationDraw){ .contrast = 1, .gamma = 1, .blur = 1.5f }, plane, 1, N, N);
  for (guint i = 0; i < N * N; i++)
    sum += plane[i];
  g_assert_cmpfloat_with_epsilon (sum, 1, 1e-5);
  g_assert_cmpfloat_with_epsilon (plane[10 * N + 12] / plane[10 * N + 10], exp (-2 / 2.25), 1e-5);
  g_assert_cmpfloat (plane[10 * N + 12], ==, plane[12 * N + 10]);

  for (guint i = 0; i < G_N_ELEMENTS (flat); i++)
    flat[i] = 0.7f;
  apply (&(SegAugmentationDraw){ .contrast = 1, .gamma = 1, .blur = 4 }, flat, 1, 3, N);
  for (guint i = 0; i < G_N_ELEMENTS (flat); i++)
    g_assert_cmpfloat_with_epsilon (flat[i], 0.7, 1e-6);
}

static void
test_noise (void)
{
  enum { N = 100 };
  g_autofree float *planes = g_new0 (float, 2 * N * N);
  double squares = 0, product = 0;

  apply (&(SegAugmentationDraw){ .contrast = 1, .gamma = 1, .noise = 0.05f }, planes, 2, N, N);
  for (guint i = 0; i < N * N; i++)
    {
      squares += (double) planes[i] * planes[i];
      product += (double) planes[i] * planes[N * N + i];
    }
  g_assert_cmpfloat (fabs (sqrt (squares / (N * N)) - 0.05), <, 0.002);
  g_assert_cmpfloat (fabs (product / squares), <, 0.05); /* bands have noise of their own */
}

/* Beside a search through all pixels. */
static void
test_border (void)
{
  enum { H = 23, W = 37 };
  guint16 objects[H * W] = { 0 };
  float weights[H * W];
  g_autoptr (GError) error = NULL;
  const int boxes[][5] = { { 3, 2, 6, 5, 1 }, { 11, 3, 4, 9, 2 }, { 5, 12, 7, 5, 3 },
                           { 30, 18, 5, 3, 40000 } };

  for (guint b = 0; b < G_N_ELEMENTS (boxes); b++)
    for (int y = 0; y < boxes[b][3]; y++)
      for (int x = 0; x < boxes[b][2]; x++)
        objects[(boxes[b][1] + y) * W + boxes[b][0] + x] = (guint16) boxes[b][4];
  g_assert_true (seg_border_weights_compute (objects, H, W, 10, 3, weights, &error));
  for (int i = 0; i < H * W; i++)
    {
      double nearest[G_N_ELEMENTS (boxes)], d1, d2, expected;

      for (guint b = 0; b < G_N_ELEMENTS (boxes); b++)
        nearest[b] = 1e9;
      for (int j = 0; j < H * W; j++)
        for (guint b = 0; b < G_N_ELEMENTS (boxes); b++)
          if (objects[j] == boxes[b][4])
            nearest[b] = MIN (nearest[b], hypot (i % W - j % W, i / W - j / W));
      d1 = d2 = 1e9;
      for (guint b = 0; b < G_N_ELEMENTS (boxes); b++)
        {
          d2 = MIN (d2, MAX (d1, nearest[b]));
          d1 = MIN (d1, nearest[b]);
        }
      expected = objects[i] != 0 ? 0 : 10 * exp (-(d1 + d2) * (d1 + d2) / 18);
      g_assert_cmpfloat_with_epsilon (weights[i], expected, 1e-5);
    }
  g_assert_cmpfloat (weights[5 * W + 10], >, 4); /* between the first two */
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/augmentation/warp/exact", test_exact);
  g_test_add_func ("/augmentation/warp/mirror", test_mirror);
  g_test_add_func ("/augmentation/warp/rotation", test_rotation);
  g_test_add_func ("/augmentation/warp/elastic", test_elastic);
  g_test_add_func ("/augmentation/warp/shrink", test_shrink);
  g_test_add_func ("/augmentation/draws", test_draws);
  g_test_add_func ("/augmentation/draws/apart", test_draws_apart);
  g_test_add_func ("/augmentation/values", test_values);
  g_test_add_func ("/augmentation/blur", test_blur);
  g_test_add_func ("/augmentation/noise", test_noise);
  g_test_add_func ("/augmentation/border", test_border);
  return g_test_run ();
}
