"""Image towers: pixels, float32 [batch, 3, 224, 224], → one vector an image.

Each filter weighs the three channels on its own, and nothing before the first convolution evens them out: the order of
the channels, the mean and the deviation each move every vector.
"""

import numpy as np
from graph import FLOAT, SMALL, Graph, layer_norm, linear, transformer

SIDE = 224
HIDDEN = SMALL.hidden
INPUT = (FLOAT, ["batch", 3, "height", "width"])


def patches(graph, pixels, patch, hidden):
    """[batch, 3, 224, 224] → [batch, 1 + patches, hidden]: a class token, then the patches, each with its place."""
    count = (SIDE // patch) ** 2
    filters = graph.random("patch.weight", (hidden, 3, patch, patch), 1 / patch)
    # Random filters sum to nearly nothing over a plain patch; a share of plain colour makes them see it.
    colour = graph.random("patch.colour", (hidden, 3, 1, 1), 1.0 / patch**2)
    filters = graph.add("Add", [filters, colour], "patch/filters")
    x = graph.add("Conv", [pixels, filters], "patch/conv", strides=[patch, patch], kernel_shape=[patch, patch])
    x = graph.add("Reshape", [x, graph.constant("patch_rows", [0, hidden, count])], "patch/rows")
    x = graph.add("Transpose", [x], "patch/sequence", perm=[0, 2, 1])
    batch = graph.add("Shape", [pixels], "patch/batch", start=0, end=1)
    shape = graph.add("Concat", [batch, graph.constant("one_row", [1, hidden])], "patch/class/shape", axis=0)
    first = graph.add("Expand", [graph.random("patch.class", (1, 1, hidden), 0.5), shape], "patch/class")
    x = graph.add("Concat", [first, x], "patch/all", axis=1)
    return graph.add("Add", [x, graph.random("patch.place", (count + 1, hidden), 0.3)], "patch/placed")


def vit(graph, pixels, patch, size=SMALL):
    """[batch, 1 + patches, hidden]."""
    x = layer_norm(graph, patches(graph, pixels, patch, size.hidden), size.hidden, "patch.norm")
    return transformer(graph, x, size)


def first(graph, x):
    return graph.add("Gather", [x, graph.constant("zero", 0)], "head/first", axis=1)


def clip(seed, name, size, patch, tower=SMALL):
    """Outputs image_embeds [batch, size], last_hidden_state [batch, 1 + patches, hidden]."""
    graph, hidden = Graph(seed, name), tower.hidden
    x = graph.add("Identity", [vit(graph, "pixel_values", patch, tower)], "last_hidden_state")
    w = graph.random("visual_projection", (hidden, size), hidden**-0.5)
    graph.add("MatMul", [first(graph, x), w], "image_embeds")
    rows = (SIDE // patch) ** 2 + 1
    outputs = {"image_embeds": (FLOAT, ["batch", size]), "last_hidden_state": (FLOAT, ["batch", rows, hidden])}
    return graph.model({"pixel_values": INPUT}, outputs)


def unicom(seed, name, size, patch):
    """One output, [batch, size]. Input and output have names of their own, which only the graph tells."""
    graph = Graph(seed, name)
    x = linear(graph, first(graph, vit(graph, "input", patch)), HIDDEN, size, "feature")
    graph.add("Identity", [x], "output")
    return graph.model({"input": INPUT}, {"output": (FLOAT, ["batch", size])})


def nomic(seed, name, size, patch):
    """One output, last_hidden_state [batch, 1 + patches, size]; the first row is the image's."""
    graph = Graph(seed, name)
    x = linear(graph, vit(graph, "pixel_values", patch), HIDDEN, size, "widen")
    layer_norm(graph, x, size, "widen.norm", "last_hidden_state")
    rows = (SIDE // patch) ** 2 + 1
    return graph.model({"pixel_values": INPUT}, {"last_hidden_state": (FLOAT, ["batch", rows, size])})


def resnet(seed, name, size):
    """One output, image_embeds [batch, size]: the mean over the last feature map, not below zero."""
    graph = Graph(seed, name)

    def conv(x, inner, outer, side, stride, at, gain=1.6, bias=0.2):
        w = graph.random(f"{at}.weight", (outer, inner, side, side), gain / np.sqrt(inner * side * side))
        if inner > 3:
            # What goes in is nowhere below zero. Without its mean over the channels, which all images share.
            mean = graph.add("ReduceMean", [x], f"{at}/mean", axes=[1], keepdims=1)
            x = graph.add("Sub", [x, mean], f"{at}/centred")
        b = graph.random(f"{at}.bias", (outer,), bias)
        shape = {"kernel_shape": [side] * 2, "strides": [stride] * 2, "pads": [side // 2] * 4}
        return graph.add("Conv", [x, w, b], f"{at}/conv", **shape)

    def relu(x, at):
        return graph.add("Relu", [x], f"{at}/relu")

    def block(x, inner, outer, at):
        short = conv(x, inner, outer, 1, 2, f"{at}.short")
        y = relu(conv(x, inner, outer, 3, 2, f"{at}.0"), f"{at}.0")
        y = conv(y, outer, outer, 3, 1, f"{at}.1")
        return relu(graph.add("Add", [short, y], f"{at}/sum"), at)

    x = relu(conv("pixel_values", 3, 16, 7, 2, "stem"), "stem")
    x = graph.add("MaxPool", [x], "stem/pool", kernel_shape=[3, 3], strides=[2, 2], pads=[1] * 4)
    x = block(x, 16, 32, "stage.0")
    x = block(x, 32, 32, "stage.1")
    x = relu(conv(x, 32, size, 1, 2, "last", gain=2.0), "last")
    x = graph.add("GlobalAveragePool", [x], "last/pooled")
    graph.add("Flatten", [x], "image_embeds", axis=1)
    return graph.model({"pixel_values": INPUT}, {"image_embeds": (FLOAT, ["batch", size])})


CLIP_MEAN, CLIP_DEVIATION = [0.48145466, 0.4578275, 0.40821073], [0.26862954, 0.26130258, 0.27577711]
IMAGENET_MEAN, IMAGENET_DEVIATION = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
COMMON = {"do_normalize": True, "do_rescale": True, "do_resize": True, "resample": 3, "rescale_factor": 1 / 255}


def clip_preprocessor():
    """preprocessor_config.json of CLIP, Unicom and Nomic: shortest edge to 224, then the centre."""
    return {
        "image_processor_type": "CLIPImageProcessor",
        **COMMON,
        "do_convert_rgb": True,
        "size": {"shortest_edge": SIDE},
        "do_center_crop": True,
        "crop_size": {"height": SIDE, "width": SIDE},
        "image_mean": CLIP_MEAN,
        "image_std": CLIP_DEVIATION,
    }


def resnet_preprocessor():
    """Of ResNet: shortest edge to 224 / 0.875 = 256, then the centre."""
    return {
        "image_processor_type": "ConvNextFeatureExtractor",
        **COMMON,
        "size": {"shortest_edge": SIDE},
        "crop_pct": 0.875,
        "image_mean": IMAGENET_MEAN,
        "image_std": IMAGENET_DEVIATION,
    }
