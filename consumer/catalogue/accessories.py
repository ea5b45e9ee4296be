# SPDX-License-Identifier: Apache-2.0
"""Drawings of shoes, bags and what goes with clothes. Coordinates: `outlines.py`."""

from __future__ import annotations

from consumer.catalogue.garments import FEMALE, MALE, UNISEX, Garment, Line, Part, dots

ACCESSORIES = (
    Garment(
        "casual_shoe",
        "x-casual-shoe",
        MALE,
        ("Casual Shoes", "Canvas Shoes", "Casual Sneakers"),
        (
            Part(
                "main",
                "M 34,256 Q 24,206 40,178 Q 62,160 104,160 Q 122,192 158,208 Q 226,222 262,240 Q 282,252 278,274 "
                "L 36,274",
            ),
            Part("deep", "M 42,180 Q 66,166 102,164 Q 110,182 118,188 Q 80,196 42,180"),
            Part("light", "M 104,162 Q 122,192 158,208 L 146,228 Q 112,212 92,176"),
            Part("deep", "M 232,230 Q 276,240 278,274 L 214,274 Q 214,244 232,230"),
            Part("sole", "M 32,268 L 280,268 Q 288,288 268,294 L 50,294 Q 30,292 32,268"),
            Line("seam", "M 34,282 L 284,282"),
            Line("white", "M 100,186 L 124,176", 4),
            Line("white", "M 112,202 L 138,190", 4),
            Line("white", "M 126,216 L 152,202", 4),
            Line("seam", "M 76,190 Q 88,240 84,268"),
            Line("seam", "M 146,228 Q 160,250 164,268"),
        ),
    ),
    Garment(
        "heels",
        "aa-8-10",
        FEMALE,
        ("Heels", "Stilettos", "Pumps"),
        (
            Part("deep", "M 62,182 Q 78,168 104,182 Q 130,218 186,240 Q 150,252 112,226 Q 80,206 62,182"),
            Part(
                "main",
                "M 56,176 Q 62,164 70,180 Q 92,226 146,238 Q 176,240 190,226 Q 236,240 262,262 Q 280,276 268,288 "
                "L 230,290 Q 160,284 118,246 Q 96,226 88,232 Q 70,236 60,220 Q 50,200 56,176",
            ),
            Part("main", "M 60,214 Q 76,236 96,226 Q 88,250 86,294 L 76,294 Q 76,252 60,214"),
            Line("sole", "M 94,230 Q 124,262 166,280 Q 200,290 268,290", 4),
        ),
    ),
    Garment(
        "flip_flop",
        "x-flip-flop",
        MALE,
        ("Flip Flops", "Beach Flip Flops", "Rubber Flip Flops"),
        (
            Part(
                "deep",
                "M 28,258 Q 36,226 96,226 Q 160,232 228,218 Q 280,216 284,246 Q 276,276 200,278 Q 90,300 44,284 "
                "Q 26,276 28,258",
            ),
            Part(
                "main",
                "M 30,250 Q 38,218 96,218 Q 160,224 228,210 Q 280,208 282,236 Q 274,264 200,268 Q 90,290 46,274 "
                "Q 28,268 30,250",
            ),
            Line("contrast", "M 226,232 Q 190,176 112,222", 10),
            Line("contrast", "M 226,232 Q 180,220 128,276", 10),
            Part("contrast", "E 226,231 7,5"),
        ),
        is_patterned=True,
    ),
    Garment(
        "handbag",
        "x-handbag",
        FEMALE,
        ("Handbag", "Tote Handbag", "Shoulder Bag"),
        (
            Line("deep", "M 96,188 Q 100,84 150,82 Q 200,84 204,188", 10),
            Part("main", "M 150,166 Q 196,168 234,178 Q 252,260 250,326 Q 206,340 150,340", sym=True),
            Part("deep", "M 150,318 Q 206,318 249,306 L 250,328 Q 206,342 150,342", sym=True),
            Line("metal", "M 76,184 Q 150,172 224,184", 3),
            Part("deep", "M 196,176 L 212,176 L 214,232 L 204,240 L 194,232", sym=True),
            Part("metal", "E 204,224 6,6"),
            Part("metal", "E 96,224 6,6"),
            Line("seam", "M 112,250 L 188,250 L 188,304 L 112,304 L 112,250"),
            Line("metal", "M 112,252 L 188,252", 2.5),
        ),
    ),
    Garment(
        "backpack",
        "x-backpack",
        UNISEX,
        ("Backpack", "Laptop Backpack", "School Backpack"),
        (
            Line("deep", "M 130,74 Q 132,44 150,44 Q 168,44 170,74", 9),
            Part("deep", "M 214,140 Q 256,200 244,330 L 226,334", sym=True),
            Part("main", "M 150,62 Q 216,62 226,150 L 234,336 Q 224,356 150,356", sym=True),
            Line("black", "M 92,160 Q 94,92 150,90 Q 206,92 208,160", 3),
            Part("deep", "M 150,218 L 208,218 Q 222,222 220,240 L 218,330 Q 200,342 150,342", sym=True),
            Line("black", "M 94,240 Q 150,230 206,240", 3.5),
            Part("light", "M 134,150 L 166,150 L 166,176 L 134,176"),
            Line("contrast", "M 222,180 L 206,214", 6, sym=True),
        ),
    ),
    Garment(
        "cap",
        "x-cap",
        UNISEX,
        ("Cap", "Baseball Cap", "Sports Cap"),
        (
            Part("main", "M 50,238 Q 48,136 136,128 Q 214,130 226,222 Q 140,206 50,238"),
            Line("seam", "M 136,128 Q 110,160 112,222", 1.8),
            Line("seam", "M 136,128 Q 176,160 182,214", 1.8),
            Part(
                "deep",
                "M 112,226 Q 180,200 226,218 Q 278,234 290,262 Q 284,272 266,266 Q 200,238 130,246 Q 106,244 112,226",
            ),
            Line("seam", "M 124,234 Q 200,218 280,258", 1.2),
            Part("deep", "E 137,128 8,5"),
            Part("contrast", "E 152,178 15,13"),
        ),
    ),
    Garment(
        "watch",
        "aa-6-11",
        MALE,
        ("Watch", "Analogue Watch", "Chronograph Watch"),
        (
            Part("main", "M 150,8 L 176,8 Q 182,80 192,150 L 150,150", sym=True),
            Part("main", "M 150,250 L 192,250 Q 182,320 174,392 L 150,392", sym=True),
            Line("deep", "M 184,70 L 150,70", 3, sym=True),
            Line("seam", "M 170,14 L 182,140", sym=True),
            Line("seam", "M 182,262 L 168,388", sym=True),
            *dots((150,), (300, 318, 336, 354), 3, "black"),
            Part("metal", "M 216,192 L 232,192 L 232,210 L 216,210"),
            Part("metal", "E 150,200 74,74"),
            Part("shadow_metal", "E 150,200 64,64"),
            Part("dial", "E 150,200 58,58"),
            *dots((150,), (152, 248), 3.2, "metal"),
            *dots((102, 198), (200,), 3.2, "metal"),
            *dots((126, 174), (159, 241), 2.2, "metal"),
            *dots((109, 191), (176, 224), 2.2, "metal"),
            Line("metal", "M 150,200 L 150,160", 4),
            Line("metal", "M 150,200 L 180,214", 4),
            Part("metal", "E 150,200 4,4"),
        ),
    ),
    Garment(
        "sunglasses",
        "aa-2-27",
        MALE,
        ("Sunglasses", "Wayfarer Sunglasses", "Aviator Sunglasses"),
        (
            Line("deep", "M 262,182 Q 282,186 288,216", 5, sym=True),
            Part(
                "main",
                "M 150,180 Q 190,164 274,174 L 272,188 Q 272,238 230,240 Q 178,240 166,204 Q 158,190 150,192",
                sym=True,
            ),
            Part("lens", "M 170,190 Q 212,176 260,186 Q 260,228 226,230 Q 186,228 176,204", sym=True),
            Part("glare", "M 188,192 Q 204,186 222,186 L 206,214 Q 192,210 188,192", sym=True),
        ),
    ),
    Garment(
        "belt",
        "aa-2-6",
        MALE,
        ("Belt", "Leather Belt", "Formal Belt"),
        (
            Part("deep", "M 26,196 Q 40,166 150,164 Q 260,166 274,196 L 268,214 Q 240,184 150,182 Q 60,184 32,214"),
            Part("main", "M 24,196 Q 46,222 150,226 Q 254,222 276,196 L 276,228 Q 250,258 150,262 Q 50,258 24,228"),
            Line("stitch", "M 30,206 Q 60,228 150,231 Q 240,228 270,206", 1.2),
            Line("stitch", "M 30,228 Q 60,252 150,256 Q 240,252 270,228", 1.2),
            *dots((196, 212, 228), (241,), 2.4, "black"),
            Part("metal", "M 112,218 L 172,218 L 172,270 L 112,270"),
            Part("main", "M 122,227 L 162,227 L 162,261 L 122,261"),
            Line("metal", "M 142,244 L 172,244", 5),
        ),
    ),
    Garment(
        "tie",
        "aa-2-23",
        MALE,
        ("Tie", "Silk Tie", "Necktie"),
        (
            Part("deep", "M 152,70 L 160,70 L 192,330 L 170,330"),
            Part("main", "M 150,62 L 162,62 Q 174,200 182,340 L 150,376", sym=True),
            Part("main", "M 150,24 L 170,24 L 163,64 L 150,66", sym=True),
            Line("seam", "M 138,64 L 162,64", 2),
        ),
        is_patterned=True,
    ),
    Garment(
        "socks",
        "aa-1-18",
        MALE,
        ("Socks", "Ankle Socks", "Crew Socks"),
        (
            Part(
                "deep",
                "M 120,50 L 180,44 L 190,210 Q 194,240 226,264 Q 262,290 242,318 Q 222,336 184,312 L 140,270 "
                "Q 120,250 124,210",
            ),
            Part(
                "main",
                "M 70,60 L 132,58 L 136,226 Q 138,252 170,276 Q 206,304 186,330 Q 166,348 128,324 L 84,284 "
                "Q 64,262 70,220",
            ),
            Part("deep", "M 69,58 L 133,55 L 134,92 L 69,94"),
            Part("deep", "M 172,278 Q 206,304 186,330 Q 168,346 140,332 Q 146,292 172,278"),
            Part("deep", "M 68,236 Q 92,236 104,300 L 84,284 Q 64,262 68,236"),
        ),
        is_patterned=True,
    ),
)
