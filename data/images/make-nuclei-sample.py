#!/usr/bin/env python3
"""Draws nuclei-sample.png: a field of cell nuclei as a fluorescence microscope
shows it, so that the demonstration needs nobody's photograph.

usage: make-nuclei-sample.py [IMAGE.png [MASK.png]]

MASK gets what was drawn as nucleus (0 or 255).  Needs numpy only; the same
seed draws the same picture.
"""

import pathlib
import struct
import sys
import zlib

import numpy as np

WIDTH, HEIGHT, NUCLEI = 1024, 768, 180
rnd = np.random.default_rng(2018)


def write_png(path, grey):
    def chunk(kind, data):
        return (struct.pack(">I", len(data)) + kind + data
                + struct.pack(">I", zlib.crc32(kind + data)))

    height, width = grey.shape
    # filter 0 before each row: no prediction pays on noise
    rows = np.pad(grey, ((0, 0), (1, 0))).tobytes()
    pathlib.Path(path).write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">2I5B", width, height, 8, 0, 0, 0, 0))
        + chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b""))


def blur(field, sigma):
    """Gaussian blur by FFT; it wraps around, which noise fields may and the
    picture, padded below, does not notice."""
    fy, fx = np.fft.fftfreq(field.shape[0]), np.fft.rfftfreq(field.shape[1])
    gauss = np.exp(-2 * (np.pi * sigma) ** 2 * (fy[:, None] ** 2 + fx ** 2))
    return np.fft.irfft2(np.fft.rfft2(field) * gauss, field.shape)


def smooth_noise(shape, sigma):
    """A random field of unit variance with grains of about sigma pixels."""
    field = blur(rnd.standard_normal(shape), sigma)
    return field / field.std()


class Outline:
    """An ellipse bent by a few harmonics: radius as a function of the angle."""

    def __init__(self, radius, irregularity):
        self.stretch = rnd.uniform(1.0, 1.32)
        self.angle = rnd.uniform(0, np.pi)
        self.radius = radius
        self.reach = radius * self.stretch * 1.4
        orders = np.arange(2, 6)
        self.amplitude = irregularity * rnd.standard_normal(4) / orders ** 1.2
        self.phase = rnd.uniform(0, 2 * np.pi, 4)

    def depth(self, y, x):
        """How far inside (in pixels, positive) or outside a point lies."""
        c, s = np.cos(self.angle), np.sin(self.angle)
        u, v = (c * x + s * y) / self.stretch, (c * y - s * x) * self.stretch
        theta = np.arctan2(v, u)[..., None]
        waves = np.cos(np.arange(2, 6) * theta + self.phase) @ self.amplitude
        return self.radius * (1 + waves) - np.hypot(u, v)


def place(n):
    """Centres and outlines: mostly apart, but every third cell is a neighbour
    that touches an earlier one, since dividing cells stay together."""
    cells = []
    while len(cells) < n:
        outline = Outline(rnd.normal(15, 2.2), rnd.uniform(0.05, 0.22))
        if cells and rnd.random() < 0.35:
            y0, x0, other = cells[rnd.integers(len(cells))]
            distance = 0.97 * (outline.radius + other.radius)
            angle = rnd.uniform(0, 2 * np.pi)
            y, x = y0 + distance * np.sin(angle), x0 + distance * np.cos(angle)
            gap = 0.9
        else:
            y, x = rnd.uniform(0, HEIGHT), rnd.uniform(0, WIDTH)
            gap = 1.3
        if not (0 <= y < HEIGHT and 0 <= x < WIDTH):
            continue
        if all(np.hypot(y - b, x - a) > gap * (outline.radius + o.radius)
               for b, a, o in cells):
            cells.append((y, x, outline))
    return cells


def chromatin(window, inside, outline):
    """Brightness within one nucleus: a shallow dome, grains at two scales, and
    the dark holes where nucleoli take no stain."""
    shape = inside.shape
    light = np.clip(inside / outline.radius, 0, 1) ** 0.25
    light *= 1 + 0.15 * coarse[window] + 0.10 * fine[window]
    ys, xs = np.nonzero(inside > 0.35 * outline.radius)
    for _ in range(rnd.integers(0, 4)):
        k = rnd.integers(len(ys))
        yy, xx = np.ogrid[:shape[0], :shape[1]]
        spot = (yy - ys[k]) ** 2 + (xx - xs[k]) ** 2
        light *= 1 - 0.35 * np.exp(-spot / (2 * rnd.uniform(1.5, 2.8) ** 2))
    return light


MARGIN = 64     # drawn around the field: neighbours shine in, blur may wrap
canvas = (HEIGHT + 2 * MARGIN, WIDTH + 2 * MARGIN)
coarse, fine = smooth_noise(canvas, 3.5), smooth_noise(canvas, 1.3)
sharp, soft = np.zeros(canvas), np.zeros(canvas)
mask = np.zeros(canvas, bool)

for y, x, outline in place(NUCLEI):
    # one in fourteen is condensed for division: small, ragged, very bright
    dividing = rnd.random() < 0.07
    brightness = rnd.lognormal(np.log(78), 0.3)
    if dividing:
        outline = Outline(rnd.uniform(8, 10), 0.25)
        outline.stretch, outline.reach = 1.3, 24
        brightness = rnd.uniform(150, 200)
    top, left = int(y + MARGIN - outline.reach), int(x + MARGIN - outline.reach)
    side = int(2 * outline.reach) + 2
    window = np.s_[max(top, 0):top + side, max(left, 0):left + side]
    yy, xx = np.mgrid[window]
    inside = outline.depth(yy - MARGIN - y, xx - MARGIN - x)
    light = brightness * chromatin(window, inside, outline) * np.clip(inside + 0.5, 0, 1)
    # a few lie off the focal plane
    plane = soft if rnd.random() < 0.15 else sharp
    plane[window] = np.maximum(plane[window], light)
    mask[window] |= inside > 0

picture = blur(sharp, 1.1) + blur(soft, 2.4)
# the objective's wide skirts: a close halo, and haze over crowded places
picture += 0.07 * blur(picture, 9) + 0.10 * blur(picture, 40)

# the lamp is brightest a little off the middle
yy, xx = np.mgrid[:canvas[0], :canvas[1]] - MARGIN
fall = np.hypot((yy - 0.42 * HEIGHT) / HEIGHT, (xx - 0.56 * WIDTH) / WIDTH)
picture = (picture + 7) * (1.08 - 0.55 * fall ** 2)

# photons are counted, then the camera adds its offset and read noise
photons_per_grey = 4.0
picture = rnd.poisson(picture * photons_per_grey) / photons_per_grey
picture += 5 + rnd.normal(0, 0.7, canvas)

field = np.s_[MARGIN:-MARGIN, MARGIN:-MARGIN]
here = pathlib.Path(__file__).parent
if sys.argv[1:2] in (["-h"], ["--help"]):
    sys.exit(__doc__)
outputs = sys.argv[1:] or [here / "nuclei-sample.png"]
write_png(outputs[0], np.clip(np.rint(picture[field]), 0, 255).astype(np.uint8))
if len(outputs) > 1:
    write_png(outputs[1], np.uint8(255) * mask[field])
