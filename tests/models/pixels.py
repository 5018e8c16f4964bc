"""Writes images, and what they should become, for tests of the worker's decoding and preprocessing.

usage: python tests/models/pixels.py <folder> [--seed N]

<folder>/images/          the images of images.py, and those of odd_images.py
<folder>/rgb/<name>       of each that can be decoded: Pillow's RGB, row-major
<folder>/<file>.json      a preprocessor_config.json
<folder>/<file>.f32       what preprocess.py makes of each picture with it, one after the other
<folder>/pixels.json      images: name → {width, height}; pictures: names in the order of the .f32 files;
                          large: names of four megapixels;
                          configurations: file → {width, height}; refused: name → code of the refusal
"""

import argparse
import json
import sys
from pathlib import Path

import image
import images
import numpy as np
import odd_images
import preprocess

MEAN, DEVIATION = [0.5, 0.4, 0.3], [0.2, 0.25, 0.3]
SCALED = {"image_mean": MEAN, "image_std": DEVIATION}


def square(side):
    return {"height": side, "width": side}


def configurations():
    """What the catalogue's models have, and each key in the forms that it comes in; small, as there are many."""
    bit, vit = {"image_processor_type": "BitImageProcessor"}, {"image_processor_type": "ViTImageProcessor"}
    convnext = {"image_processor_type": "ConvNextImageProcessor"}
    small = {"crop_size": 40, "size": 40}
    return {
        "clip": image.clip_preprocessor(),
        "resnet": image.resnet_preprocessor(),
        "only_what_has_no_default": SCALED,
        "numbers": {**SCALED, **small},
        "odd_sides": {**SCALED, "size": {"shortest_edge": 47}, "crop_size": {"height": 31, "width": 44}},
        "padded": {**SCALED, "size": {"shortest_edge": 33}, "crop_size": {"height": 48, "width": 61}},
        "not_resized": {**SCALED, "do_resize": False, "crop_size": {"height": 70, "width": 63}},
        "exact": {**SCALED, **bit, "size": {"height": 30, "width": 50}, "do_center_crop": False},
        "exact_and_cut": {**SCALED, "size": {"height": 50, "width": 60}, "crop_size": square(41)},
        "bilinear": {**SCALED, **small, "resample": 2},
        "lanczos": {**SCALED, **small, "resample": 1},
        "enlarged": {**SCALED, "size": 500, "crop_size": 60},
        "vit": {**SCALED, **vit, "size": square(38)},
        "vit_by_number": {**SCALED, **vit, "size": 38, "resample": 3},
        "older_name": {**SCALED, "feature_extractor_type": "ViTFeatureExtractor", "size": 38},
        "convnext": {**SCALED, **convnext, "size": {"shortest_edge": 51}, "crop_pct": 0.9},
        "convnext_by_default_share": {**SCALED, **convnext, "size": {"shortest_edge": 51}},
        "convnext_large": {**SCALED, **convnext, "size": {"shortest_edge": 384}},
        "not_rescaled": {**SCALED, **small, "do_rescale": False},
        "not_normalised": {**small, "do_normalize": False},
        "by_another_factor": {**SCALED, **small, "rescale_factor": 1 / 127.5},
    }


def main():
    parser = argparse.ArgumentParser(prog="tests/models/pixels.py", description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    folder = arguments.folder
    for name in ("images", "rgb"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    plain = images.fixtures(arguments.seed)
    whole = {name: (content, content) for name, content in (plain | odd_images.whole(arguments.seed)).items()}
    whole |= odd_images.bombs()
    refused = odd_images.refused(arguments.seed)
    large = odd_images.large()
    for name, content in large.items():
        (folder / "images" / name).write_bytes(content)
    about = {"images": {}, "large": list(large), "pictures": list(plain), "configurations": {}, "refused": {}}
    for name, (content, same) in whole.items():
        (folder / "images" / name).write_bytes(content)
        picture = odd_images.rgb(same)
        about["images"][name] = {"width": picture.shape[1], "height": picture.shape[0]}
        (folder / "rgb" / name).write_bytes(picture.tobytes())
    for name, (content, code) in refused.items():
        (folder / "images" / name).write_bytes(content)
        about["refused"][name] = code
    for name, config in configurations().items():
        (folder / f"{name}.json").write_text(json.dumps(config))
        pixels = np.stack([preprocess.pixels(content, config) for content in plain.values()])
        about["configurations"][name] = {"width": pixels.shape[3], "height": pixels.shape[2]}
        (folder / f"{name}.f32").write_bytes(np.ascontiguousarray(pixels, "<f4").tobytes())
    (folder / "pixels.json").write_text(json.dumps(about, indent=1))
    print(f"pixels: {len(whole) + len(refused)} images, {len(about['configurations'])} configurations in {folder}")


if __name__ == "__main__":
    sys.exit(main())
