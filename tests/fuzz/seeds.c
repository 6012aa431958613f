/* What fuzzing begins with: seeds FOLDER writes inputs of each target into a folder of its name.
 * Small models of all parts that a recipe can name, and the ways in which files are malformed. */
#include <errno.h>
#include <string.h>

#include <gio/gio.h>
#include <glib/gstdio.h>
#include <segkit/segkit.h>

#define HEAD "[segkit]\nformat=1\n[input]\nchannels=1\n[classes]\nnames=a;b\n"

/* Each is also made a model with values, so that they have few. */
static const struct
{
  const char *name, *recipe;
} small[] = {
  { "unet", HEAD "[model]\ntype=unet\nclasses=2\nhead-kernel-size=1\n"
                 "[model.encoder]\ntype=unet-encoder\nchannels=1\ndepth=1\n"
                 "[model.decoder]\ntype=unet-decoder\n" },
  { "unet-valid", HEAD "[model]\ntype=unet\nclasses=1\nmirror=true\n"
                       "[model.encoder]\ntype=unet-encoder\nchannels=1\ndepth=1\npadding=valid\n"
                       "[model.decoder]\ntype=unet-decoder\nup=bilinear\npadding=valid\n" },
  { "unet-inner", HEAD "[model]\ntype=unet\n"
                       "[model.encoder]\ntype=unet-encoder\nchannels=2\ndepth=1\n"
                       "[model.encoder.inner]\ntype=residual\nnorm=none\n"
                       "[model.decoder]\ntype=unet-decoder\nup=nearest\n"
                       "[model.decoder.inner]\ntype=dense\nlayers=2\nexpansion=0\n" },
  { "nnunet", HEAD "[model]\ntype=nnunet\nclasses=2\nauxiliary-heads=0\n"
                   "[model.encoder]\ntype=nnunet-encoder\nchannels=1\nmax-channels=2\nstages=2\n"
                   "repeats=1\n[model.decoder]\ntype=nnunet-decoder\nrepeats=1\n" },
};

/* Only built. */
static const struct
{
  const char *name, *recipe;
} large[] = {
  { "resnet", "[segkit]\nformat=1\n# c\n[input]\nchannels=3\nmean=0.5;0;1e-2\nstd=0.25;1;2\n"
              "[classes]\nnames=a;b;\\s\ncolors=#000000;#e8306a;#ffffff\n"
              "[model]\ntype=unet\nclasses=3\n[model.encoder]\ntype=resnet-encoder\ndepth=18\n"
              "[model.decoder]\ntype=unet-smp-decoder\nchannels=16;8;4;2;1\nattention=scse\n"
              "interpolation=bilinear\n" },
  { "resnext",
    HEAD "[model]\ntype=unet\n[model.encoder]\ntype=resnet-encoder\ndepth=50\ngroups=32\n"
         "width-per-group=4\npre-activation=true\n"
         "[model.decoder]\ntype=unet-decoder\n" },
  { "densenet", HEAD "[model]\ntype=unet\n[model.encoder]\ntype=densenet-encoder\ndepth=121\n"
                     "[model.decoder]\ntype=unet-smp-decoder\n" },
  { "fc-densenet", HEAD "[model]\ntype=fc-densenet\ndepth=56\nclasses=2\ndropout=0.1\n" },
  { "fc-densenet-parts",
    HEAD "[model]\ntype=unet\n[model.encoder]\ntype=fc-densenet-encoder\nlayers=1;2;3\ngrowth=2\n"
         "channels=4\n[model.decoder]\ntype=fc-densenet-decoder\nlayers=2;1\ngrowth=2\n" },
  { "bottleneck", HEAD "[model]\ntype=unet\n[model.encoder]\ntype=unet-encoder\n"
                       "[model.encoder.inner]\ntype=bottleneck\ngroups=2\nstride=1\n"
                       "[model.decoder]\ntype=unet-decoder\n" },
  { "nnunet-residual", HEAD "[model]\ntype=nnunet\n[model.encoder]\ntype=nnunet-encoder\n"
                            "stages=3\nrepeats=1;2;3\nresidual=true\n" },
};

/* The header's text, changed in one place. */
static const struct
{
  const char *from, *to;
} changes[] = {
  { "\"F32\"", "\"F16\"" },
  { "\"F32\"", "\"BF16\"" },
  { "\"F32\"", "\"F99\"" },
  { "\"F32\"", "7" },
  { "[1,", "[-1," },
  { "[1,", "[1.0," },
  { "[1,", "[1e0," },
  { "[1,", "[\"1\"," },
  { "[1,", "[01," },
  { "[1,", "[0,9223372036854775807," },
  { "[1,", "[4294967296,4294967296," },
  { "[1,", "[1,1,1,1,1,1," },
  { "[0,", "[1," },
  { "[0,", "[-4," },
  { "[0,", "[9223372036854775808," },
  { "\"data_offsets\":[0,", "\"data_offsets\":[" },
  { "\"data_offsets\"", "\"offsets\"" },
  { "\"dtype\"", "\"dtype\":\"F32\",\"dtype\"" },
  { "{\"dtype\"", "null,\"x\":{\"dtype\"" },
  { "{\"__metadata__\":{", " {\"__metadata__\":{" },
  { "{\"__metadata__\":{", "{\"__metadata__\":{\"a\":1," },
  { "{\"__metadata__\":{", "{\"__metadata__\":{\"a\":\"\\u0000\"," },
  { "{\"__metadata__\":{", "{\"__metadata__\":{\"a\":\"1\",\"a\":\"2\"," },
  { "{\"__metadata__\":{", "{\"a\":[[[[[[[[]]]]]]]],\"__metadata__\":{" },
  { "{\"__metadata__\":{", "[{\"__metadata__\":{" },
  { "encoder", "encoder\\u202e" },
  { "encoder", "encoder\\u0000" },
  { "encoder", "encoder\xff" },
  { "encoder", "" },
  { "segkit.recipe", "segkit.rezept" },
  { "format=1", "format=2" },
  { "channels=1", "channels=1000000000" },
  { "channels=1", "channels=0" },
  { "depth=1", "depth=8" },
  { "}}", "}}}" },
  { "}}", "}" },
  { "}}", "},}" },
};

#define UNET "{\"_model_class\": \"Unet\""
#define ALL_KEYS                                                                                   \
  UNET ", \"activation\": null, \"aux_params\": null, \"classes\": 2, "                            \
       "\"decoder_attention_type\": \"scse\", \"decoder_channels\": [8, 8, 8], "                   \
       "\"decoder_interpolation\": \"nearest\", \"decoder_use_norm\": {\"type\": \"batchnorm\"}, " \
       "\"encoder_depth\": 3, \"encoder_name\": \"resnet18\", \"encoder_weights\": \"imagenet\", " \
       "\"in_channels\": 3}"
#define OTHER_VALUES                                                                               \
  UNET ", \"decoder_use_batchnorm\": false, \"activation\": \"sigmoid\", "                         \
       "\"encoder_name\": \"densenet121\", \"decoder_interpolation\": \"bilinear\"}"

static const char *const configs[] = { UNET "}", ALL_KEYS, OTHER_VALUES };

static const char notes[] =
    "{\"mean\": [0, 0.5, 1e-2], \"std\": [1, 1, 1], \"class_names\": [\"a;b\", \" c\"], "
    "\"class_colors\": [\"#000000\", \"#ffffff\"]}";

static void
write_seed (const char *folder, const char *target, const char *name, const void *bytes, gsize n)
{
  g_autofree char *below = g_build_filename (folder, target, NULL);
  g_autofree char *path = g_build_filename (below, name, NULL);
  g_autoptr (GError) error = NULL;

  g_mkdir_with_parents (below, 0777);
  g_file_set_contents (path, bytes, (gssize) n, &error);
  g_assert_no_error (error);
}

/* A model of values by chance, and the ways in which its file may be wrong. */
static void
write_model (const char *folder, const char *name, const char *recipe)
{
  g_autofree char *path = g_build_filename (folder, "model", name, NULL), *bytes = NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (SegModel) model = seg_model_new_from_recipe (recipe, 1, &error);
  guint64 n_header;
  gsize n;

  g_assert_no_error (error);
  write_seed (folder, "model", name, "", 0);
  seg_model_save (model, path, &error);
  g_assert_no_error (error);
  g_assert_true (g_file_get_contents (path, &bytes, &n, NULL));
  memcpy (&n_header, bytes, sizeof n_header);

  for (guint i = 0; i < G_N_ELEMENTS (changes); i++)
    {
      g_autofree char *changed = g_strdup_printf ("%s-%u", name, i);
      g_autoptr (GString) text = g_string_new_len (bytes, (gssize) n);
      const char *place = g_strstr_len (bytes + 8, (gssize) n_header, changes[i].from);
      guint64 n_changed = n_header + strlen (changes[i].to) - strlen (changes[i].from);

      if (place == NULL)
        continue;
      g_string_erase (text, place - bytes, (gssize) strlen (changes[i].from));
      g_string_insert (text, place - bytes, changes[i].to);
      memcpy (text->str, &n_changed, sizeof n_changed);
      write_seed (folder, "model", changed, text->str, text->len);
    }
}

int
main (int argc, char **argv)
{
  if (argc != 2)
    {
      g_printerr ("usage: seeds FOLDER\n");
      return 2;
    }
  seg_registry_load_default (seg_registry_get_default (), NULL);
  for (guint i = 0; i < G_N_ELEMENTS (small); i++)
    {
      write_seed (argv[1], "recipe", small[i].name, small[i].recipe, strlen (small[i].recipe));
      write_model (argv[1], small[i].name, small[i].recipe);
    }
  for (guint i = 0; i < G_N_ELEMENTS (large); i++)
    write_seed (argv[1], "recipe", large[i].name, large[i].recipe, strlen (large[i].recipe));
  for (guint i = 0; i < G_N_ELEMENTS (configs); i++)
    {
      g_autofree char *name = g_strdup_printf ("config-%u", i);
      g_autoptr (GString) both = g_string_new (configs[i]);

      write_seed (argv[1], "smp", name, both->str, both->len);
      g_string_append_len (both, "\0", 1);
      g_string_append (both, notes);
      g_string_append_c (both, ' ');
      write_seed (argv[1], "smp", configs[i] == configs[0] ? "notes" : name, both->str, both->len);
    }
  return 0;
}
