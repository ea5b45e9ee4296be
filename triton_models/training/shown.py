# SPDX-License-Identifier: Apache-2.0
"""What a model is shown of labelled products: all of it, or less, or something that misleads."""

from __future__ import annotations

from enum import StrEnum


class Inputs(StrEnum):
    """What the model is shown of each product."""

    ALL = "all"
    """As served: both where there are both, else the one that is there."""
    PHOTOS_ONLY = "photos-only"
    TITLES_ONLY = "titles-only"
    BLANK_TITLES = "blank-titles"
    """The served path for events with an empty title."""
    BARE_TITLES = "bare-titles"
    """Products with a photo, as served, but without the words of the title that name a colour, a gender or a type."""
    USELESS_TITLES = "useless-titles"
    """Products with a photo, as served, but the title is the brand, or for every second one a stock number."""
    FOREIGN_TITLES = "foreign-titles"
    """Products with a photo, as served, but with another product's title."""
    SEVERAL_PHOTOS = "several-photos"
    """No title, and three pictures: the photo encoded anew, and two crops of it."""
    STRANGE_PHOTO = "strange-photo"
    """No title, and three pictures: two made of the photo, and one of another product."""

    @property
    def has_photos(self) -> bool:
        """Whether photos are shown."""
        return self is not Inputs.TITLES_ONLY

    @property
    def has_titles(self) -> bool:
        """Whether some title is."""
        return self not in {Inputs.PHOTOS_ONLY, Inputs.BLANK_TITLES, Inputs.SEVERAL_PHOTOS, Inputs.STRANGE_PHOTO}

    @property
    def needs_photo(self) -> bool:
        """Whether products without one are left out: the question is what such a title does to what a photo says."""
        return self in {Inputs.BARE_TITLES, Inputs.USELESS_TITLES, Inputs.FOREIGN_TITLES}
