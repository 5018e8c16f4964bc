"""Images as the models' own processors prepare them, in Pillow and NumPy.

The steps and their arithmetic are those of transformers' slow image processors (CLIPImageProcessor, BitImageProcessor,
ViTImageProcessor, ConvNextImageProcessor): to RGB, resize, crop to the centre, rescale, normalise. A key that is
absent means what it means there.
"""

import io
import math

import numpy as np
from PIL import Image

CENTRED = ("CLIPImageProcessor", "CLIPFeatureExtractor", "BitImageProcessor")
CONVNEXT = ("ConvNextImageProcessor", "ConvNextFeatureExtractor")
PLAIN = ("ViTImageProcessor", "ViTFeatureExtractor")


def pixels(content, about):
    """float32 [3, height, width] of the first frame in these bytes."""
    kind = about.get("image_processor_type") or about.get("feature_extractor_type") or CENTRED[0]
    with Image.open(io.BytesIO(content)) as opened:
        picture = opened.convert("RGB")
    if kind in CONVNEXT:
        picture = convnext(picture, about)
    elif kind in CENTRED + PLAIN:
        picture = centred(picture, about, crops=kind in CENTRED)
    else:
        raise ValueError(f"no such processor: {kind}")
    x = np.asarray(picture, np.float64)
    if about.get("do_rescale", True):
        x = x * about.get("rescale_factor", 1 / 255)
    if about.get("do_normalize", True):
        x = (x - np.array(about["image_mean"])) / np.array(about["image_std"])
    return np.ascontiguousarray(x.transpose(2, 0, 1).astype(np.float32))


def centred(picture, about, crops):
    size = about.get("size", 224)
    if about.get("do_resize", True):
        if isinstance(size, int):
            size = {"shortest_edge": size} if crops else {"height": size, "width": size}
        resample = about.get("resample", Image.Resampling.BICUBIC if crops else Image.Resampling.BILINEAR)
        if "shortest_edge" in size:
            picture = shortest_edge(picture, size["shortest_edge"], resample)
        else:
            picture = resized(picture, (size["width"], size["height"]), resample)
    if about.get("do_center_crop", crops):
        crop = about.get("crop_size", 224)
        width, height = (crop, crop) if isinstance(crop, int) else (crop["width"], crop["height"])
        picture = centre(picture, width, height)
    return picture


def convnext(picture, about):
    if not about.get("do_resize", True):
        return picture
    size = about["size"] if isinstance(about["size"], int) else about["size"]["shortest_edge"]
    resample = about.get("resample", Image.Resampling.BILINEAR)
    if size >= 384:
        return resized(picture, (size, size), resample)
    return centre(shortest_edge(picture, int(size / about.get("crop_pct", 224 / 256)), resample), size, size)


def shortest_edge(picture, edge, resample):
    short, long = sorted(picture.size)
    other = int(edge * long / short)
    return resized(picture, (edge, other) if picture.width <= picture.height else (other, edge), resample)


def resized(picture, size, resample):
    # Pillow's bicubic is Catmull-Rom and widens with the scale when it shrinks.
    return picture if picture.size == size else picture.resize(size, resample=resample)


def centre(picture, width, height):
    """The middle of the picture; black around it where the picture is smaller.

    Of an odd rest the larger half is above and left of a smaller picture (fastembed 7.5.0 has it below and right), and
    below and right of what is cut from a larger one.
    """
    left = (picture.width - width) // 2
    top = (picture.height - height) // 2
    if left < 0 or top < 0:
        wide, high = max(width, picture.width), max(height, picture.height)
        canvas = Image.new("RGB", (wide, high))
        at = math.ceil((wide - picture.width) / 2), math.ceil((high - picture.height) / 2)
        canvas.paste(picture, at)
        return centre_within(canvas, left + at[0], top + at[1], width, height)
    return centre_within(picture, left, top, width, height)


def centre_within(picture, left, top, width, height):
    left, top = max(0, left), max(0, top)
    return picture.crop((left, top, left + width, top + height))
