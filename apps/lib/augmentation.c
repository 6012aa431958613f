/* What is drawn for each sample. Every property draws from a stream of its own name, at the
 * sample's place in it: so that turning one on changes nothing of the others. */
#include <math.h>

#include <segkit/error.h>
#include <segkit/property.h>
#include <segkit/random.h>

#include "augmentation.h"

struct _SegAugmentation
{
  GObject parent_instance;
  gboolean flip_horizontal, flip_vertical, right_angles;
  gfloat rotation, scale_min, scale_max, elastic;
  gfloat brightness, contrast, gamma, noise, blur;
  gfloat rotation_probability, scale_probability, elastic_probability;
  gfloat brightness_probability, contrast_probability, gamma_probability;
  gfloat noise_probability, blur_probability;
  gfloat foreground;
  gboolean ignore_outside;
};

G_DEFINE_FINAL_TYPE (SegAugmentation, seg_augmentation, G_TYPE_OBJECT)

/* Numbers that a sample takes of each stream. */
#define SEG_AUGMENTATION_DRAWS 4

static void
seg_augmentation_draw_uniform (guint64 seed, const char *name, guint64 counter, float *uniform)
{
  seg_random_uniform (seed, seg_random_name_hash (name), counter * SEG_AUGMENTATION_DRAWS,
                      SEG_AUGMENTATION_DRAWS, uniform);
}

/* Whether it happens to this sample; and if so, a number in [0, 1). */
static gboolean
seg_augmentation_draw_event (guint64 seed, const char *name, guint64 counter, float probability,
                             float *value)
{
  float uniform[SEG_AUGMENTATION_DRAWS];

  seg_augmentation_draw_uniform (seed, name, counter, uniform);
  *value = uniform[1];
  return uniform[0] < probability;
}

static void
seg_augmentation_draw_geometry (SegAugmentation *self, guint64 seed, guint64 counter,
                                SegAugmentationDraw *draw)
{
  float u[SEG_AUGMENTATION_DRAWS], value;

  seg_augmentation_draw_uniform (seed, "augmentation.flips", counter, u);
  draw->flip_horizontal = self->flip_horizontal && u[0] < 0.5f;
  draw->flip_vertical = self->flip_vertical && u[1] < 0.5f;
  draw->n_turns = self->right_angles ? (guint) (u[2] * 4) : 0;
  if (self->rotation > 0
      && seg_augmentation_draw_event (seed, "augmentation.rotation", counter,
                                      self->rotation_probability, &value))
    draw->angle = (2 * (double) value - 1) * (double) self->rotation * G_PI / 180;
  if ((self->scale_min != 1 || self->scale_max != 1)
      && seg_augmentation_draw_event (seed, "augmentation.scale", counter, self->scale_probability,
                                      &value))
    draw->scale = (double) self->scale_min
                  * pow ((double) self->scale_max / (double) self->scale_min, (double) value);
  if (self->elastic > 0
      && seg_augmentation_draw_event (seed, "augmentation.elastic", counter,
                                      self->elastic_probability, &value))
    {
      float *grid = &draw->grid[0][0][0];

      draw->is_elastic = TRUE;
      seg_random_normal (seed, seg_random_name_hash ("augmentation.elastic.grid"), counter * 18, 18,
                         grid);
      for (guint i = 0; i < 18; i++)
        grid[i] *= self->elastic;
    }
}

static void
seg_augmentation_draw_values (SegAugmentation *self, guint64 seed, guint64 counter,
                              SegAugmentationDraw *draw)
{
  float value;

  if (seg_augmentation_draw_event (seed, "augmentation.brightness", counter,
                                   self->brightness_probability, &value))
    draw->brightness = (2 * value - 1) * self->brightness;
  if (seg_augmentation_draw_event (seed, "augmentation.contrast", counter,
                                   self->contrast_probability, &value))
    draw->contrast = 1 + (2 * value - 1) * self->contrast;
  if (seg_augmentation_draw_event (seed, "augmentation.gamma", counter, self->gamma_probability,
                                   &value))
    draw->gamma = powf (self->gamma, 2 * value - 1);
  if (seg_augmentation_draw_event (seed, "augmentation.noise", counter, self->noise_probability,
                                   &value))
    draw->noise = value * self->noise;
  if (seg_augmentation_draw_event (seed, "augmentation.blur", counter, self->blur_probability,
                                   &value))
    draw->blur = value * self->blur;
}

/**
 * seg_augmentation_check:
 * @self: an augmentation
 * @error: return location
 *
 * Errors: `SEG_ERROR_PARAM` for properties that contradict each other.
 */
gboolean
seg_augmentation_check (SegAugmentation *self, GError **error)
{
  if (self->scale_min <= self->scale_max)
    return TRUE;
  g_set_error (error, SEG_ERROR, SEG_ERROR_PARAM,
               "[train.augmentation] scale-min: %g is more than scale-max, which is %g",
               (double) self->scale_min, (double) self->scale_max);
  return FALSE;
}

/**
 * seg_augmentation_draw:
 * @self: (nullable): %NULL: nothing is changed
 * @seed: key
 * @counter: number of the sample since training began
 * @draw: (out caller-allocates): what is to be done to it
 *
 * Depends on its arguments alone.
 * Threads: any.
 */
void
seg_augmentation_draw (SegAugmentation *self, guint64 seed, guint64 counter,
                       SegAugmentationDraw *draw)
{
  float value;

  *draw = (SegAugmentationDraw){ .scale = 1, .contrast = 1, .gamma = 1 };
  if (self == NULL)
    return;
  draw->outside_ignored = self->ignore_outside;
  draw->needs_class = seg_augmentation_draw_event (seed, "augmentation.foreground", counter,
                                                   self->foreground, &value);
  seg_augmentation_draw_geometry (self, seed, counter, draw);
  seg_augmentation_draw_values (self, seed, counter, draw);
}

static void
seg_augmentation_add_probability (gpointer klass, const char *name, gsize offset)
{
  seg_class_add_float (klass, name, offset, 0, 1, 1, "Share of samples that this happens to");
}

#define SEG_AUGMENTATION_OFFSET(field) G_STRUCT_OFFSET (SegAugmentation, field)

static void
seg_augmentation_class_init (SegAugmentationClass *klass)
{
  seg_class_add_boolean (klass, "flip-horizontal", SEG_AUGMENTATION_OFFSET (flip_horizontal), FALSE,
                         "Half of the samples with left and right exchanged");
  seg_class_add_boolean (klass, "flip-vertical", SEG_AUGMENTATION_OFFSET (flip_vertical), FALSE,
                         "Half of the samples with top and bottom exchanged");
  seg_class_add_boolean (klass, "right-angles", SEG_AUGMENTATION_OFFSET (right_angles), FALSE,
                         "Turned by 0, 90, 180 or 270 degrees");
  seg_class_add_float (klass, "rotation", SEG_AUGMENTATION_OFFSET (rotation), 0, 180, 0,
                       "Turned by up to as many degrees, either way");
  seg_class_add_float (klass, "scale-min", SEG_AUGMENTATION_OFFSET (scale_min), 0.1f, 10, 1,
                       "Smallest factor on the size of things");
  seg_class_add_float (klass, "scale-max", SEG_AUGMENTATION_OFFSET (scale_max), 0.1f, 10, 1,
                       "Largest factor on the size of things");
  seg_class_add_float (klass, "elastic", SEG_AUGMENTATION_OFFSET (elastic), 0, 1000, 0,
                       "Deviation in pixels of the displacements of a 3×3 grid over the crop; the "
                       "U-Net paper has 10");
  seg_class_add_float (klass, "brightness", SEG_AUGMENTATION_OFFSET (brightness), 0, 1, 0,
                       "At most as much is added or subtracted");
  seg_class_add_float (klass, "contrast", SEG_AUGMENTATION_OFFSET (contrast), 0, 1, 0,
                       "The distance from a band's mean changes by at most this share");
  seg_class_add_float (klass, "gamma", SEG_AUGMENTATION_OFFSET (gamma), 1, 10, 1,
                       "Largest exponent of values between a band's least and largest; its "
                       "reciprocal is the smallest");
  seg_class_add_float (klass, "noise", SEG_AUGMENTATION_OFFSET (noise), 0, 1, 0,
                       "Largest deviation of Gaussian noise");
  seg_class_add_float (klass, "blur", SEG_AUGMENTATION_OFFSET (blur), 0, 10, 0,
                       "Largest deviation of a Gaussian blur, in pixels");
  seg_augmentation_add_probability (klass, "rotation-probability",
                                    SEG_AUGMENTATION_OFFSET (rotation_probability));
  seg_augmentation_add_probability (klass, "scale-probability",
                                    SEG_AUGMENTATION_OFFSET (scale_probability));
  seg_augmentation_add_probability (klass, "elastic-probability",
                                    SEG_AUGMENTATION_OFFSET (elastic_probability));
  seg_augmentation_add_probability (klass, "brightness-probability",
                                    SEG_AUGMENTATION_OFFSET (brightness_probability));
  seg_augmentation_add_probability (klass, "contrast-probability",
                                    SEG_AUGMENTATION_OFFSET (contrast_probability));
  seg_augmentation_add_probability (klass, "gamma-probability",
                                    SEG_AUGMENTATION_OFFSET (gamma_probability));
  seg_augmentation_add_probability (klass, "noise-probability",
                                    SEG_AUGMENTATION_OFFSET (noise_probability));
  seg_augmentation_add_probability (klass, "blur-probability",
                                    SEG_AUGMENTATION_OFFSET (blur_probability));
  seg_class_add_float (klass, "foreground", SEG_AUGMENTATION_OFFSET (foreground), 0, 1, 0,
                       "Share of crops that are laid around a pixel of a class, rare ones more "
                       "often");
  seg_class_add_boolean (
      klass, "ignore-outside", SEG_AUGMENTATION_OFFSET (ignore_outside), FALSE,
      "What lies outside of the image, where it is mirrored, counts for nothing");
}

static void
seg_augmentation_init (SegAugmentation *self)
{
  (void) self;
}
