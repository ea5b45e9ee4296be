# SPDX-License-Identifier: Apache-2.0
"""The slow way to pixels: everything that is no plain JPEG, and JPEGs that the fast decoder refuses."""

from __future__ import annotations

import io
import warnings

import numpy as np
from PIL import Image, ImageCms, UnidentifiedImageError

from consumer.events import FetchReason
from consumer.images.sniff import SANDBOXED, ImageFormat, ImageHeader, read_orientation


def limit_pillow(max_pixels: int) -> None:
    """The second belt, for the whole process: Pillow itself refuses larger pictures."""
    Image.MAX_IMAGE_PIXELS = max_pixels
    warnings.filterwarnings("ignore", module=r"PIL\.")  # its remarks on a vendor's EXIF block are no log lines
    warnings.simplefilter("error", Image.DecompressionBombWarning)


def reason_of(error: Exception) -> FetchReason:
    """What an exception says of a file: `truncated` or `undecodable`. Pillow has no class for the first."""
    return FetchReason.TRUNCATED if "truncated" in str(error).lower() else FetchReason.UNDECODABLE


#: A PNG of as many chunks as it may have takes some 40,000, an ordinary file some ten.
_MAX_READS = 100_000


class _Pieces(io.BytesIO):
    """A file that may be read in a bounded number of pieces: Pillow goes over junk byte by byte, for seconds."""

    reads = 0

    def read(self, size: int | None = -1, /) -> bytes:
        """As of any file. Raises UnidentifiedImageError for one piece too many."""
        self.reads += 1
        if self.reads > _MAX_READS:
            raise UnidentifiedImageError("it has too many pieces")
        return super().read(size)


def open_with_pillow(body: bytes, header: ImageHeader) -> tuple[Image.Image, int]:
    """The first frame in RGB, not yet upright, and its EXIF orientation.

    Alpha is composited on white. Only the sniffed format's decoder is tried. Raises what Pillow raises, which is
    more than it documents.
    """
    with Image.open(_Pieces(body), formats=[header.format.value]) as image:
        # Pillow opens lazily: nothing is decoded before this line, and nothing larger than was judged after it.
        if not _is_of_judged_size(image, header):
            raise UnidentifiedImageError("the decoder reads another size")
        image.load()
        orientation = header.orientation
        if header.format is not ImageFormat.JPEG:
            orientation = read_orientation(image.info.get("exif") or b"")
        return _to_rgb(image), orientation


def _is_of_judged_size(image: Image.Image, header: ImageHeader) -> bool:
    judged = header.width, header.height
    if header.format in SANDBOXED:  # the largest item was judged: the picture may be another one, and lie on its side
        return all(side <= limit for side, limit in zip(sorted(image.size), sorted(judged), strict=True))
    return image.size == judged


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I;16"):  # convert() would clip almost everything to white
        return Image.fromarray((np.asarray(image) >> 8).astype(np.uint8)).convert("RGB")
    if image.mode == "CMYK":
        return _cmyk_to_rgb(image)
    if image.has_transparency_data:
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        white.alpha_composite(image)
        image = white
    return image.convert("RGB")


def _cmyk_to_rgb(image: Image.Image) -> Image.Image:
    """By the embedded profile; by plain subtraction where there is none that works."""
    if profile := image.info.get("icc_profile"):
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            converted = ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
        except (ImageCms.PyCMSError, OSError):
            return image.convert("RGB")
        if converted is not None:
            return converted
    return image.convert("RGB")
