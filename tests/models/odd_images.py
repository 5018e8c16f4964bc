"""Images that are seldom or hostile: modes that few files have, animations, bombs, and files that are cut off."""

import io
import struct
import zlib

import numpy as np
from images import encoded, paint
from PIL import Image

BOMB = 256 << 20
HUGE = 60_000


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width, height, bits, colour, lines, extra=b""):
    """A PNG by hand: lines are the bytes of the picture, each line with its filter before it."""
    header = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        (chunk(b"IHDR", header), extra, chunk(b"IDAT", zlib.compress(lines)), chunk(b"IEND", b""))
    )


def deep(seed, colour, channels):
    """16 bits a channel; the picture is in the upper eight, and the lower eight round to it."""
    picture = paint(seed, f"deep/{colour}", 60, 50)
    levels = np.dstack([picture, picture[..., :1]])[..., :channels] if channels != 1 else picture[..., :1]
    words = levels.astype(">u2") * 257
    lines = b"".join(b"\0" + line.tobytes() for line in words)
    return png(60, 50, 16, colour, lines)


def rgb(content):
    """uint8 [height, width, 3], by Pillow; of 16 bits a channel, which Pillow's versions read differently, by hand."""
    with Image.open(io.BytesIO(content)) as opened:
        if opened.mode == "I;16":
            return np.dstack([np.asarray(opened, np.uint16) // 257] * 3).astype(np.uint8)
        if opened.mode == "P":
            # Alpha is dropped, and Pillow asks to be told so twice.
            opened = opened.convert("RGBA")
        return np.asarray(opened.convert("RGB"))


def whole(seed):
    """name → bytes of what can be decoded."""

    def image(index, width=120, height=90):
        return Image.fromarray(paint(seed, f"odd/{index}", width, height))

    grey_alpha = Image.merge("LA", [image(0).convert("L"), image(1).convert("L")])
    clear = image(2).quantize(16)
    frames = {"save_all": True, "append_images": [image(4), image(5)], "duration": 100}
    tiff = {"compression": "tiff_lzw"}
    return {
        "deep_grey.png": deep(seed, 0, 1),
        "deep_rgb.png": deep(seed, 2, 3),
        "deep_alpha.png": deep(seed, 6, 4),
        "bits.png": encoded(image(6).convert("1"), "PNG"),
        "grey_alpha.png": encoded(grey_alpha, "PNG"),
        "clear.png": encoded(clear, "PNG", transparency=bytes(range(0, 256, 16))),
        "frames.png": encoded(image(3), "PNG", **frames),
        "frames.webp": encoded(image(3), "WEBP", lossless=True, **frames),
        "cmyk.jpeg": encoded(image(7).convert("CMYK"), "JPEG", quality=95, subsampling=0),
        "progressive.jpeg": encoded(image(8), "JPEG", quality=95, subsampling=0, progressive=True),
        "subsampled.jpeg": encoded(image(9), "JPEG", quality=90, subsampling=2),
        "lossy.webp": encoded(image(10), "WEBP", quality=95),
        "palette.bmp": encoded(image(11).quantize(64), "BMP"),
        "grey.tiff": encoded(image(12).convert("L"), "TIFF", **tiff),
        "alpha.tiff": encoded(image(13).convert("RGBA"), "TIFF", **tiff),
        "widest.png": png(65_535, 2, 16, 6, 2 * (b"\0" + bytes(8 * 65_535))),
        "thin.png": encoded(image(14, 3000, 1), "PNG"),
        "pixel.png": encoded(image(15, 1, 1), "PNG"),
    }


def bombs():
    """name → (bytes, the same image without what would cost so much)."""
    text = zlib.compress(bytes(BOMB), 9)
    colour = Image.new("P", (2000, 2000))
    colour.putpalette([10, 20, 30, 40, 50, 60, 70, 80, 90])
    others = [Image.new("P", (2000, 2000), i % 2 + 1) for i in range(40)]
    plain = png(2, 2, 8, 0, bytes(6))
    return {
        "text_bomb.png": (png(2, 2, 8, 0, bytes(6), chunk(b"zTXt", b"Comment\0\0" + text)), plain),
        "profile_bomb.png": (png(2, 2, 8, 0, bytes(6), chunk(b"iCCP", b"profile\0\0" + text)), plain),
        "animated_bomb.gif": (encoded(colour, "GIF", save_all=True, append_images=others), encoded(colour, "GIF")),
    }


def large():
    """name → bytes of four megapixels, in the modes that take most memory."""
    picture = Image.linear_gradient("L").resize((2000, 2000))
    colour = Image.merge("RGB", [picture, picture.rotate(90), picture.rotate(180)])
    alpha = colour.convert("RGBA")
    frames = {"save_all": True, "append_images": [alpha], "duration": 100}
    return {
        "large.png": encoded(alpha, "PNG", compress_level=1),
        "large_deep.png": png(2000, 2000, 16, 6, 2000 * (b"\0" + bytes(16_000))),
        "large.jpeg": encoded(colour, "JPEG"),
        "large_progressive.jpeg": encoded(colour.convert("CMYK"), "JPEG", progressive=True),
        "large.webp": encoded(alpha, "WEBP", lossless=True, method=0),
        "large_lossy.webp": encoded(alpha, "WEBP", method=0),
        "large_frames.webp": encoded(colour, "WEBP", method=0, **frames),
        "large.gif": encoded(picture, "GIF"),
        "large.bmp": encoded(colour, "BMP"),
        "large.tiff": encoded(alpha, "TIFF", compression="tiff_lzw"),
    }


def huge(content, *places):
    """The same bytes with other sides at (offset, format)."""
    changed = bytearray(content)
    for at, form in places:
        struct.pack_into(form, changed, at, HUGE)
    return bytes(changed)


def refused(seed):
    """name → (bytes, code of the refusal)."""
    small = Image.fromarray(paint(seed, "refused", 90, 70))
    jpeg = encoded(small, "JPEG")
    frame = jpeg.index(b"\xff\xc0")
    webp = encoded(small, "WEBP", lossless=True)
    tiff = encoded(small, "TIFF")
    order = "<"
    (first,) = struct.unpack_from(order + "I", tiff, 4)
    sides = []
    for i in range(struct.unpack_from(order + "H", tiff, first)[0]):
        tag, kind = struct.unpack_from(order + "HH", tiff, first + 2 + 12 * i)
        # The rows of a strip too, or the header contradicts itself.
        if tag in (256, 257, 278):
            sides.append((first + 10 + 12 * i, order + ("H" if kind == 3 else "I")))
    # A lossless one has 14 bits for each side less one, behind its signature.
    side = 16_382
    sides_of_webp = struct.unpack_from("<I", webp, 21)[0] >> 28 << 28 | side << 14 | side
    assert webp[12:16] == b"VP8L"
    huge_webp = webp[:21] + struct.pack("<I", sides_of_webp) + webp[25:]
    # 16 bits and alpha: 49 megapixels of it are 392 MB, and what they become comes on top.
    deep = png(7000, 7000, 16, 6, b"")
    formats = {
        "png": encoded(small, "PNG"), "jpeg": jpeg, "webp": webp, "gif": encoded(small.quantize(64), "GIF"),
        "bmp": encoded(small, "BMP"), "tiff": tiff, "lossy.webp": encoded(small, "WEBP"),
        "progressive.jpeg": encoded(small, "JPEG", progressive=True),
    }
    names = {f"half.{name}": (content[: len(content) // 2], 400) for name, content in formats.items()}
    names |= {f"start.{name}": (content[:16], 400) for name, content in formats.items()}
    return names | {
        "empty": (b"", 400),
        "text": (b"a text is no image", 400),
        "vector.svg": (b"<svg xmlns='http://www.w3.org/2000/svg'/>", 400),
        "icon.ico": (encoded(small, "ICO"), 400),
        "huge.png": (png(HUGE, HUGE, 8, 2, b""), 413),
        "huge.jpeg": (huge(jpeg, (frame + 5, ">H"), (frame + 7, ">H")), 413),
        "huge.gif": (huge(formats["gif"], (6, "<H"), (8, "<H")), 413),
        "huge.bmp": (huge(formats["bmp"], (18, "<i"), (22, "<i")), 413),
        "huge.tiff": (huge(tiff, *sides), 413),
        "huge.webp": (huge_webp, 413),
        "deep.png": (deep, 413),
    }
