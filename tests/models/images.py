"""Test images: painted from a seed, and encoded in every format that a request may carry.

They are smooth, within 16 and 239, and free of chroma subsampling. Decoders differ in how they bring chroma back, and
resizers in whether they clip what overshoots between their two passes: both by more than a mistake in preprocessing.
"""

import io

import numpy as np
from graph import uniform
from PIL import Image

SHAPES = 6


def paint(seed, index, width, height):
    """uint8 [height, width, 3]: a gradient between two colours, and ellipses and bars on it."""

    def numbers(name, *shape):
        return 0.5 + uniform(seed, f"image/{index}/{name}", shape, 0.5 / np.sqrt(3))

    y, x = np.mgrid[0:1 : height * 1j, 0:1 : width * 1j]
    slope = numbers("slope", 2) * 2 - 1
    along = np.clip(slope[0] * x + slope[1] * y + 0.5, 0, 1)[..., None]
    one, other = numbers("colours", 2, 3)
    picture = along * one + (1 - along) * other
    for i, (cx, cy, rx, ry, kind) in enumerate(numbers("shapes", SHAPES, 5)):
        away = np.maximum(abs(x - cx) / (0.05 + 0.3 * rx), abs(y - cy) / (0.05 + 0.3 * ry))
        if kind > 0.5:
            away = np.hypot((x - cx) / (0.05 + 0.3 * rx), (y - cy) / (0.05 + 0.3 * ry))
        # Soft edges, so that a pixel more or less changes little.
        cover = np.clip((1.1 - away) / 0.2, 0, 1)[..., None]
        picture = cover * numbers(f"colour/{i}", 3) + (1 - cover) * picture
    return np.rint(16 + picture * 223).astype(np.uint8)


def encoded(picture, kind, **options):
    out = io.BytesIO()
    picture.save(out, kind, **options)
    return out.getvalue()


def fixtures(seed):
    """name → bytes: each format, and shapes and modes that preprocessing treats apart."""

    def image(index, width, height):
        return Image.fromarray(paint(seed, index, width, height))

    alpha = image(1, 260, 220)
    alpha.putalpha(image(2, 260, 220).convert("L"))
    frames = [image(i, 224, 224).quantize(256) for i in (3, 4)]
    return {
        "square.png": encoded(image(5, 256, 256), "PNG"),
        "wide.png": encoded(image(6, 447, 225), "PNG"),
        "small.png": encoded(image(7, 64, 49), "PNG"),
        "grey.png": encoded(image(8, 300, 200).convert("L"), "PNG"),
        "alpha.png": encoded(alpha, "PNG"),
        "palette.png": encoded(image(9, 240, 230).quantize(64), "PNG"),
        "tall.jpeg": encoded(image(10, 480, 720), "JPEG", quality=95, subsampling=0),
        "grey.jpeg": encoded(image(11, 560, 460).convert("L"), "JPEG", quality=95),
        "lossless.webp": encoded(image(12, 300, 231), "WEBP", lossless=True),
        "frames.gif": encoded(frames[0], "GIF", save_all=True, append_images=frames[1:], duration=100),
        "plain.bmp": encoded(image(13, 250, 250), "BMP"),
        "plain.tiff": encoded(image(14, 320, 240), "TIFF"),
    }


def different(seed, count=20):
    """PNG images that share nothing but their maker."""
    return [encoded(Image.fromarray(paint(seed, f"different/{i}", 230, 230)), "PNG") for i in range(count)]
