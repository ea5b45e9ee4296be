# SPDX-License-Identifier: Apache-2.0
"""Drawings of clothes, and of what is seen of a person who wears them. Coordinates: `outlines.py`."""

from __future__ import annotations

from consumer.catalogue.garments import FEMALE, MALE, Garment, Line, Part, dots

_HEAD = (
    Part("hair", "M 150,-20 Q 196,-20 186,26 L 150,26", sym=True),
    Part("skin", "M 150,-8 Q 178,-8 176,20 Q 172,46 150,50", sym=True),
    Part("skin", "M 150,34 L 166,34 L 168,58 L 188,66 L 184,104 L 150,114", sym=True),
)
_LONG_HAIR = Part("hair", "M 150,-24 Q 204,-20 196,60 Q 186,92 170,90 L 150,60", sym=True)
_ARMS = Part(
    "skin", "M 234,70 Q 256,80 262,130 Q 276,200 272,290 Q 268,316 256,312 Q 250,300 254,260 L 238,150", sym=True
)
_SLIM_ARMS = Part("skin", "M 196,66 Q 226,76 234,130 Q 246,200 244,270 Q 240,290 232,284 L 222,190 L 204,110", sym=True)
_LEGS_BELOW = Part("dark", "M 150,300 L 222,300 L 226,420 L 156,420 L 150,360", sym=True)
_BARE_LEGS = Part("skin", "M 152,280 L 204,280 Q 204,340 196,420 L 166,420 Q 162,340 152,300", sym=True)
_CALVES = Part("skin", "M 158,180 L 214,180 Q 212,280 200,330 L 202,392 L 176,392 Q 170,300 158,220", sym=True)
_TORSO = Part("light_top", "M 150,-40 L 204,-40 L 208,52 L 150,52", sym=True)
_FOREARMS = Part("skin", "M 234,196 L 256,192 Q 268,250 264,300 Q 260,322 250,316 Q 246,304 246,270", sym=True)
_SHOES = Part("black", "M 164,384 L 204,384 Q 212,394 210,400 L 164,400", sym=True)
_WAIST = Part("skin", "M 150,20 L 196,20 L 204,80 L 150,80", sym=True)

CLOTHING = (
    Garment(
        "tee",
        "aa-1-13-8",
        MALE,
        ("T-shirt", "Round Neck T-shirt", "Tshirt"),
        (
            Part(
                "main",
                "M 150,72 Q 172,70 182,52 L 214,62 Q 238,68 248,88 L 276,156 L 240,174 L 224,140 "
                "Q 222,240 228,330 Q 190,340 150,340",
                sym=True,
            ),
            Line("seam", "M 216,64 Q 220,110 224,142", sym=True),
            Line("deep", "M 150,76 Q 174,74 185,54", 6, sym=True),
            Line("seam", "M 150,330 Q 190,330 227,320", sym=True),
            Line("seam", "M 236,164 L 270,147", sym=True),
        ),
        is_patterned=True,
        behind=(_LEGS_BELOW, _ARMS, *_HEAD),
    ),
    Garment(
        "fitted_tee",
        "aa-1-13-8",
        FEMALE,
        ("T-shirt", "Scoop Neck T-shirt", "Fitted T-shirt"),
        (
            Part(
                "main",
                "M 150,106 Q 178,104 186,60 L 206,66 Q 222,72 230,92 L 246,136 L 216,150 L 206,132 "
                "Q 192,200 208,300 Q 180,310 150,310",
                sym=True,
            ),
            Line("seam", "M 206,68 Q 206,100 206,132", sym=True),
            Line("deep", "M 150,110 Q 181,106 188,62", 5, sym=True),
            Line("seam", "M 150,302 Q 180,300 207,292", sym=True),
        ),
        is_patterned=True,
        behind=(_LONG_HAIR, _LEGS_BELOW, _SLIM_ARMS, *_HEAD),
    ),
    Garment(
        "shirt",
        "aa-1-13-7",
        MALE,
        ("Shirt", "Casual Shirt", "Slim Fit Shirt"),
        (
            Part("white", "M 150,96 L 150,60 L 172,52 L 178,62", sym=True),
            Part(
                "main",
                "M 150,100 L 174,54 L 208,64 Q 230,70 240,92 L 262,176 L 256,196 L 232,200 L 220,140 "
                "Q 216,250 222,322 Q 190,346 150,340",
                sym=True,
            ),
            Line("seam", "M 210,66 Q 216,104 220,140", sym=True),
            Line("seam", "M 143,100 L 143,338", 1.4),
            Line("seam", "M 157,100 L 157,338", 1.4),
            Part("light", "M 150,104 L 158,70 L 172,44 L 190,60 L 176,92", sym=True),
            Line("seam", "M 151,104 L 176,92 L 190,60", 1.8, sym=True),
            Line("seam", "M 174,140 L 208,140 L 208,176 L 191,186 L 174,176 L 174,140"),
            Line("seam", "M 232,190 L 258,184", 1.8, sym=True),
            *dots((150,), (118, 152, 186, 220, 254, 288, 322), 3, "button"),
        ),
        is_patterned=True,
        behind=(_LEGS_BELOW, _FOREARMS, *_HEAD),
    ),
    Garment(
        "jacket",
        "aa-1-10-2",
        MALE,
        ("Jacket", "Padded Jacket", "Bomber Jacket"),
        (
            Part(
                "main",
                "M 150,70 L 174,46 L 212,58 Q 246,66 256,98 L 286,310 L 248,318 L 230,160 L 232,330 L 150,330",
                sym=True,
            ),
            Part("deep", "M 150,328 L 233,328 L 231,350 L 150,350", sym=True),
            Part("deep", "M 247,312 L 286,304 L 288,322 L 250,330", sym=True),
            Part("deep", "M 150,84 L 150,62 L 172,38 L 186,52 L 166,84", sym=True),
            Line("seam", "M 216,60 Q 224,110 230,164", 2, sym=True),
            Line("metal", "M 150,82 L 150,350", 3.5),
            Line("deep", "M 182,240 L 206,280", 4, sym=True),
            Line("seam", "M 150,150 L 229,150", 1.5, sym=True),
        ),
        behind=(_LEGS_BELOW, *_HEAD, Part("skin", "M 252,326 L 284,320 L 278,348 L 260,350", sym=True)),
    ),
    Garment(
        "dress",
        "aa-1-4",
        FEMALE,
        ("Dress", "Skater Dress", "Summer Dress"),
        (
            Part(
                "main",
                "M 150,92 Q 172,88 178,52 L 194,54 Q 192,86 208,104 Q 200,140 190,168 Q 226,250 240,318 "
                "Q 196,334 150,334",
                sym=True,
            ),
            Part("deep", "M 150,164 L 191,162 L 190,176 L 150,178", sym=True),
            Line("seam", "M 166,180 Q 182,250 190,330", sym=True),
            Line("seam", "M 150,180 L 150,332"),
        ),
        is_patterned=True,
        behind=(_LONG_HAIR, _BARE_LEGS, _SLIM_ARMS, *_HEAD),
    ),
    Garment(
        "skirt",
        "aa-1-15",
        FEMALE,
        ("Skirt", "A-Line Skirt", "Flared Skirt"),
        (
            Part("main", "M 150,56 L 190,56 Q 206,100 214,160 Q 226,240 232,308 Q 196,324 150,322", sym=True),
            Part("deep", "M 150,48 L 188,48 L 192,62 L 150,64", sym=True),
            Line("seam", "M 166,68 Q 174,200 180,320", sym=True),
            Line("fold", "M 184,68 Q 200,200 208,312", 4, sym=True),
        ),
        is_patterned=True,
        behind=(_CALVES, _WAIST, _TORSO),
    ),
    Garment(
        "jeans",
        "aa-1-12-4",
        MALE,
        ("Jeans", "Slim Fit Jeans", "Regular Fit Jeans"),
        (
            Part(
                "main",
                "M 150,28 L 196,28 Q 208,90 206,170 Q 204,290 200,386 L 164,386 Q 158,220 154,120 L 150,112",
                sym=True,
            ),
            Part("wash", "M 170,100 Q 188,96 194,150 L 188,250 L 172,250 Q 162,170 170,100", sym=True),
            Part("deep", "M 150,22 L 195,22 L 198,36 L 150,36", sym=True),
            Line("stitch", "M 150,38 L 198,38", sym=True),
            Line("stitch", "M 178,38 Q 180,66 204,70", sym=True),
            Line("stitch", "M 157,38 L 157,84 Q 155,98 150,102"),
            Line("seam", "M 150,38 L 150,114", 2),
            Line("stitch", "M 164,376 L 200,376", sym=True),
            Part("metal", "E 150,30 3.5,3.5"),
        ),
        colours=("Blue", "Navy Blue", "Black", "Grey", "Charcoal"),
        behind=(_WAIST, _TORSO, _SHOES),
    ),
    Garment(
        "trousers",
        "aa-1-12-11",
        MALE,
        ("Trousers", "Formal Trousers", "Chinos"),
        (
            Part("main", "M 150,34 L 200,34 Q 214,110 214,180 L 212,386 L 170,386 L 155,142 L 150,130", sym=True),
            Part("deep", "M 150,28 L 199,28 L 202,44 L 150,44", sym=True),
            Line("seam", "M 190,46 L 206,92", 2, sym=True),
            Line("fold", "M 184,60 Q 188,220 190,384", 2.5, sym=True),
            Line("seam", "M 150,46 L 150,130"),
            Line("black", "M 170,28 L 170,44", 3, sym=True),
        ),
        is_patterned=True,
        behind=(_WAIST, _TORSO, _SHOES),
    ),
    Garment(
        "shorts",
        "aa-1-14",
        MALE,
        ("Shorts", "Running Shorts", "Cotton Shorts"),
        (
            Part("main", "M 150,90 L 210,90 Q 228,160 240,270 L 166,282 L 150,196", sym=True),
            Part("deep", "M 150,82 L 208,82 L 212,102 L 150,102", sym=True),
            Line("seam", "M 150,102 L 150,196"),
            Line("seam", "M 200,104 L 224,160", 2, sym=True),
            Line("light", "M 144,98 Q 140,124 146,138", 2.5, sym=True),
            Line("seam", "M 166,272 L 238,260", sym=True),
        ),
        is_patterned=True,
        behind=(
            Part("skin", "M 166,240 L 230,240 Q 226,320 216,400 L 182,400 Q 176,320 166,260", sym=True),
            _TORSO,
            _WAIST,
        ),
    ),
)
