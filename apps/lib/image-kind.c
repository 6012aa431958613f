/* The many kinds of image there are, made one of three: samples of 8 bits, of 16, or floats, in
 * grey, in red, green and blue, or in bands without a meaning. data/docs/images.md says it for
 * users.
 *
 * - Colours of print (CMYK) and of colour science (Lab) have no red, green and blue of their own,
 *   so that they are converted to sRGB. What CMYK looks like only a profile says: the one in the
 *   file, or where there is none libvips' own.
 * - Integers that are signed or of 32 bits become floats, divided by the largest that there is;
 *   doubles become floats.
 *
 * Each of these looks at one pixel alone, so that it gives the same whatever rectangle is read. */
#include <segkit/error.h>

#include "image-kind.h"
#include "vips-error.h"

static gboolean
seg_image_kind_is_known (VipsInterpretation interpretation)
{
  switch (interpretation)
    {
    case VIPS_INTERPRETATION_MULTIBAND:
    case VIPS_INTERPRETATION_B_W:
    case VIPS_INTERPRETATION_GREY16:
    case VIPS_INTERPRETATION_sRGB:
    case VIPS_INTERPRETATION_RGB:
    case VIPS_INTERPRETATION_RGB16:
    case VIPS_INTERPRETATION_scRGB:
      return TRUE;
    default:
      return FALSE;
    }
}

static gboolean
seg_image_kind_is_convertible (VipsInterpretation interpretation)
{
  switch (interpretation)
    {
    case VIPS_INTERPRETATION_CMYK:
    case VIPS_INTERPRETATION_LAB:
    case VIPS_INTERPRETATION_LABS:
    case VIPS_INTERPRETATION_LABQ:
      return TRUE;
    default:
      return FALSE;
    }
}

/* Of a type's largest value; 0 where the samples are taken as they are. */
static double
seg_image_kind_get_largest (VipsBandFormat format)
{
  switch (format)
    {
    case VIPS_FORMAT_CHAR:
      return G_MAXINT8;
    case VIPS_FORMAT_SHORT:
      return G_MAXINT16;
    case VIPS_FORMAT_INT:
      return G_MAXINT32;
    case VIPS_FORMAT_UINT:
      return G_MAXUINT32;
    default:
      return 0;
    }
}

/* Packed Lab is unpacked first: from the packed form libvips would go to sRGB with the rounding
 * error of one pixel carried to the next, which depends on where a rectangle begins. */
static int
seg_image_kind_convert_colours (VipsImage *in, VipsImage **out)
{
  VipsImage *unpacked = NULL;
  int result;

  if (seg_image_kind_is_known (in->Type))
    return vips_copy (in, out, NULL);
  if (in->Coding != VIPS_CODING_LABQ)
    return vips_colourspace (in, out, VIPS_INTERPRETATION_sRGB, NULL);
  result = vips_LabQ2Lab (in, &unpacked, NULL);
  if (result == 0)
    result = vips_colourspace (unpacked, out, VIPS_INTERPRETATION_sRGB, NULL);
  g_clear_object (&unpacked);
  return result;
}

static int
seg_image_kind_convert_samples (VipsImage *in, VipsImage **out)
{
  double largest = seg_image_kind_get_largest (in->BandFmt);

  if (largest > 0)
    return vips_linear1 (in, out, 1 / largest, 0, NULL);
  if (in->BandFmt == VIPS_FORMAT_DOUBLE)
    return vips_cast (in, out, VIPS_FORMAT_FLOAT, NULL);
  return vips_copy (in, out, NULL);
}

/**
 * seg_image_kind_convert: (skip)
 * @name: of the file
 * @image: as libvips has read it
 * @error: return location
 *
 * Errors: `SEG_ERROR_UNSUPPORTED` for complex numbers and colour spaces without a conversion.
 *
 * Returns: (transfer full): an image of 8-bit, 16-bit or float samples
 */
VipsImage *
seg_image_kind_convert (const char *name, VipsImage *image, GError **error)
{
  VipsImage *coloured = NULL, *converted = NULL;

  if (!seg_image_kind_is_known (image->Type) && !seg_image_kind_is_convertible (image->Type))
    g_set_error (error, SEG_ERROR, SEG_ERROR_UNSUPPORTED,
                 "%s: is a %s image; grey, RGB, CMYK and Lab are read", name,
                 vips_enum_nick (VIPS_TYPE_INTERPRETATION, image->Type));
  else if (vips_band_format_iscomplex (image->BandFmt))
    g_set_error (error, SEG_ERROR, SEG_ERROR_UNSUPPORTED,
                 "%s: has complex samples (%s); integers and floats are read", name,
                 vips_enum_nick (VIPS_TYPE_BAND_FORMAT, image->BandFmt));
  else if (seg_image_kind_convert_colours (image, &coloured) != 0
           || seg_image_kind_convert_samples (coloured, &converted) != 0)
    seg_vips_error (error, name, SEG_ERROR, SEG_ERROR_FORMAT);
  g_clear_object (&coloured);
  return converted;
}
