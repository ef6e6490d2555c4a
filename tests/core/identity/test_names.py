"""Names: what counts as one name, with the source of each rule."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.core.identity import letters, names
from hub.core.identity.levels import given as given_level
from hub.core.identity.levels import is_reading
from hub.core.identity.levels import surname as surname_level
from hub.core.identity.names import PLAIN, Name, parse, syllables
from hub.core.identity.romanized import spelled
from hub.schemas.canonical import PersonClaim
from tests.core.identity.memory import features

SAME_SOUND = [
    ("정해수", "정혜수", "ㅐ and ㅖ, jinju sample SB-2611-02"),
    ("김세희", "김새희", "ㅔ and ㅐ, Standard Pronunciation art. 4"),
    ("김쇠돌", "김쇄돌", "ㅚ and ㅙ, Standard Pronunciation art. 4, remark 2"),
    ("류관순", "유관순", "initial-sound rule, Orthography art. 11; Supreme Court rule of 2007 lets 류 be written"),
    ("림꺽정", "임꺽정", "Orthography art. 11"),
    ("량기탁", "양기탁", "Orthography art. 11"),
    ("라운규", "나운규", "Orthography art. 12"),
    ("로무현", "노무현", "Orthography art. 12"),
    ("김녀옥", "김여옥", "Orthography art. 10"),
    ("김선렬", "김선열", "Orthography art. 11, remark 1: 렬 and 률 behind a vowel or ㄴ"),
    ("박 순 자", "박순자", "spaces are no part of a name"),
    (unicodedata.normalize("NFD", "박순자"), "박순자", "NFD file systems"),
    ("박순자 할머니", "박순자", "domain.md: citizens report titles"),
    ("박순자님", "박순자", "titles"),
    ("김영수씨", "김영수", "titles"),
    ("박순자 (모친)", "박순자", "remarks in brackets"),
]
OTHER_SOUND = [
    ("이말순", "이말숙"), ("김라희", "김나희"), ("김영수", "김영호"), ("정해수", "장해수"),
    ("김소라", "김세라"), ("김희수", "김히수"),
]  # fmt: skip

#: Rule, source, two that are one name, two that are not.
RULES = [
    ("ae_e", "Standard Pronunciation art. 4; identity.md", ("김애란", "김에란"), ("김애란", "김아란")),
    ("ye_e", "Standard Pronunciation art. 5, proviso 2", ("김혜란", "김헤란"), ("김혜란", "김하란")),
    ("yae_ye", "identity.md; as ㅐ and ㅔ", ("김얘지", "김예지"), ("김얘지", "김야지")),
    ("oe_wae_we", "Standard Pronunciation art. 4, remark 2", ("김왜지", "김웨지"), ("김외지", "김위지")),
    ("initial_n", "Orthography art. 10", ("김뉴리", "김유리"), ("김누리", "김우리")),
    ("initial_r_iotized", "Orthography art. 11", ("김련희", "김연희"), ("김란희", "김안희")),
    (
        "initial_r_surname",
        "Orthography art. 11; Supreme Court rule of 2007",
        ("려운형", "여운형"),
        ("려운형", "나운형"),
    ),
    ("initial_r_to_n", "Orthography art. 12, surnames only", ("뢰영희", "뇌영희"), ("김로아", "김노아")),
    ("ryeol_ryul", "Orthography art. 11, appendix 1", ("김선률", "김선율"), ("김선력", "김선역")),
    ("one_letter_given", "Orthography art. 11, appendix 2", ("최린", "최인"), ("최리나", "최이나")),
    ("behind_the_first", "Orthography art. 11: only the first letter", ("김련수", "김연수"), ("김수련", "김수연")),
    (
        "letters_apart",
        "Unicode, Hangul Compatibility Jamo",
        ("ㅂㅏㄱㅅㅜㄴㅈㅏ", "박순자"),
        ("ㅂㅏㄱㅅㅜㄴㅈㅏ", "박수자"),
    ),
    ("half_width", "Unicode, Halfwidth and Fullwidth Forms", ("ﾲￂﾡﾵￓﾤﾸￂ", "박순자"), ("ﾲￂﾡﾵￓﾸￂ", "박순자")),
    (
        "full_width",
        "Unicode, Halfwidth and Fullwidth Forms",
        ("Ｐａｒｋ　Ｓｏｏｎｊａ", "Park Soonja"),
        ("Ｐａｒｋ", "Bark"),
    ),
    ("zero_width", "Unicode, Format characters", ("박\u200b순\u2060자", "박순자"), ("박\u200b순", "박순자")),
    ("filler", "Unicode, Hangul fillers", ("박\u3164순\u1160자\uffa0", "박순자"), ("박\u3164순", "박순자")),
    ("spaces", "names are written together, Orthography art. 48", ("남궁 민", "남궁민"), ("남궁 민", "남궁 민수")),
    ("title_behind", "welfare forms", ("박순자 환자님", "박순자"), ("박순자 환", "박순자")),
    (
        "nim_is_a_name",
        "님 ends given names, too: 김별님",
        ("김하늘님", "김하늘"),
        ("김별님", "김별"),
    ),
    ("ssi", "no given name ends in 씨", ("김영씨", "김영"), ("김영시", "김영")),
    ("gun_yang_apart", "welfare forms", ("김영수 군", "김영수"), ("김수양", "김수")),
    ("brackets", "welfare forms: (본인), (모친)", ("박순자(본인)", "박순자"), ("박순자(본인)", "본인")),
    ("hanja", "Supreme Court list for names", ("柳順禮", "유순례"), ("柳順禮", "유순애")),
    ("hanja_surname", "2015 census: 남궁 is 南宮", ("南宮玉", "남궁옥"), ("南宮玉", "남옥")),
    ("hanja_beside_hangul", "Supreme Court list for names", ("박 順子", "박순자"), ("박 順子", "박순영")),
    (
        "hanja_compatibility",
        "Unicode, CJK Compatibility Ideographs",
        ("\uf9e1順子", "李順子"),
        ("\uf90a順子", "李順子"),
    ),
]
READINGS = [
    ("朴順子", "박순자"),
    ("박순자(朴順子)", "朴順子"),
    ("Park Soon-Ja", "박순자"),
    ("SOONJA PARK", "박순자"),
    ("Pak, Sun Ja", "박순자"),
    ("Lee Young Hee", "이영희"),
    ("Yi Yeonghui", "이영희"),
    ("Rhee Younghee", "이영희"),
    ("Gim Yeongja", "김영자"),
    ("Lan Nguyen Thi", "Nguyen Thi Lan"),
    ("선우진", "선 우진"),
    ("金蘭姬", "김란희"),
    ("金蘭姬", "김난희"),
    ("김 Cheolsu", "김철수"),
    ("박순자 Park", "박순자"),
    ("Mrs Park Soonja", "박순자"),
    ("Dokgo Yeongjae", "독고영재"),
    ("Cheon Ryeowon", "천려원"),
    ("CHUN Soonja", "전순자"),
    ("CHUN Soonja", "천순자"),
    ("Ryu Gwansun", "류관순"),
    ("응우옌티란 (NGUYEN THI LAN)", "Nguyen Thi Lan"),
]
NOT_READINGS = [
    ("Park Soonja", "박선자"),
    ("Park Soonja", "이순자"),
    ("金蘭姬", "김안희"),
    ("김 Cheolsu", "이철수"),
    ("Chun Soonja", "정순자"),
    ("응우옌티란 (NGUYEN THI LAN)", "Tran Thi Lan"),
    ("Nguyen Van Lan", "Nguyen Thi Lan"),
]


def _same(a: str, b: str) -> bool:
    mine, other = parse(a), parse(b)
    return (mine.surname, mine.given) == (other.surname, other.given)


@pytest.mark.parametrize(("a", "b", "source"), SAME_SOUND)
def test_names_that_sound_alike_are_folded_to_one(a: str, b: str, source: str) -> None:
    assert _same(a, b), source


@pytest.mark.parametrize(("rule", "source", "one", "two"), RULES, ids=[rule[0] for rule in RULES])
def test_a_rule_folds_what_it_says_and_nothing_beside_it(
    rule: str, source: str, one: tuple[str, str], two: tuple[str, str]
) -> None:
    assert _same(*one), (rule, source)
    assert not _same(*two), (rule, source)


@pytest.mark.parametrize(("a", "b"), OTHER_SOUND)
def test_names_that_sound_different_stay_two(a: str, b: str) -> None:
    assert not _same(a, b)


@pytest.mark.parametrize(("a", "b"), READINGS)
def test_a_name_is_recognized_in_another_script_or_order(a: str, b: str) -> None:
    mine, other = features(PersonClaim(a)), features(PersonClaim(b))
    assert _same(a, b) or is_reading(mine, other)


@pytest.mark.parametrize(("a", "b"), NOT_READINGS)
def test_another_name_is_no_reading(a: str, b: str) -> None:
    mine, other = features(PersonClaim(a)), features(PersonClaim(b))
    assert not _same(a, b)
    assert not is_reading(mine, other)


@pytest.mark.parametrize(
    ("syllable", "roman"),
    [("박", "bak"), ("령", "ryeong"), ("국", "guk"), ("섭", "seop"), ("희", "hui"), ("왕", "wang"), ("율", "yul")],
)
def test_a_syllable_is_spelled_as_the_notice_of_2000_says(syllable: str, roman: str) -> None:
    assert spelled(syllable) == roman


@pytest.mark.parametrize(
    ("written", "surname", "given"),
    [
        ("박순자", "박", "순자"),
        ("남궁민", "남궁", "민"),
        ("황보관", "황보", "관"),
        ("제갈공명", "제갈", "공명"),
        ("선우용녀", "선우", "용녀"),
        ("독고영재", "독고", "영재"),
        ("사공일", "사공", "일"),
        ("서문탁", "서문", "탁"),
        ("서문", "서", "문"),
        ("사공", "사", "공"),
        ("황보 혜정", "황보", "혜정"),
        ("鮮于眞", "선우", "진"),
        ("팽현숙", "팽", "현숙"),
        ("김산", "김", "산"),
        ("응우옌 티 란", "응우옌", "티란"),
    ],
)
def test_the_surname_is_split_off(written: str, surname: str, given: str) -> None:
    name = parse(written)
    assert (name.written[: name.split], name.written[name.split :]) == (surname, given)


@pytest.mark.parametrize(
    "nobody",
    [
        "박순자 아기",
        "박순자아기2",
        "박순자의 딸",
        "최영희 신생아",
        "Baby of Park Soonja",
        "무명녀",
        "박아무개",
        "테스트2",
        "신원미상 남",
        "행려 3",
        "할머니",
        "TEST patient",
    ],
)
def test_who_is_named_as_somebodys_child_or_not_at_all_has_no_name(nobody: str) -> None:
    assert parse(nobody) == Name()


@pytest.mark.parametrize(
    "somebody", ["박아기", "남궁아기", "김의자", "홍길표", "무명희", "행려은", "이태스트", "모름지"]
)
def test_a_name_that_resembles_a_placeholder_is_one(somebody: str) -> None:
    assert parse(somebody).written == somebody


@pytest.mark.parametrize("nobody", ["홍길동", "홍 길동", "미상", "  ", "", "성명 미상", "Unknown", "아무개"])
def test_a_placeholder_is_no_name(nobody: str) -> None:
    assert parse(nobody) == Name()


@pytest.mark.parametrize("masked", ["김○○", "김**", "김OO", "김XX", "김0수", "김ㅇ수", "김 씨", "김"])
def test_a_masked_name_keeps_its_surname_only(masked: str) -> None:
    assert (syllables(parse(masked).surname), parse(masked).given) == ("김", "")


@pytest.mark.parametrize(
    ("a", "b", "level"),
    [
        ("이말순", "이말순", "exact"),
        ("정해수", "정혜수", "alike"),
        ("이말순", "이말숙", "final"),
        ("이말순", "이말수", "final"),
        ("박순자", "박순저", "near"),
        ("박도윤", "박도현", "syllable"),
        ("박순자", "박영희", "different"),
        ("박순자", "김○○", ""),
        ("박순자", "Nguyen Thi Lan", ""),
    ],
)
def test_given_names_have_levels(a: str, b: str, level: str) -> None:
    mine, other = features(PersonClaim(a)), features(PersonClaim(b))
    assert given_level(mine, other) == given_level(other, mine) == level


def test_a_spelling_of_the_surname_is_alike_not_exact() -> None:
    assert surname_level(features(PersonClaim("류관순")), features(PersonClaim("유관순"))) == "alike"


@given(st.text(max_size=12))
def test_no_text_is_refused(text: str) -> None:
    name = parse(text)
    assert 0 <= name.split <= len(name.written)


@given(st.text(alphabet="김이박남궁황보선우순자영희류렬", min_size=1, max_size=4))
def test_reading_a_name_twice_changes_nothing(text: str) -> None:
    assert parse(parse(text).written) == parse(text)


@given(st.text(alphabet="박순자남궁선우김영희여사환자아기의딸무명미상녀씨님 ", min_size=2, max_size=3))
def test_the_short_way_of_a_plain_name_is_the_long_way(text: str) -> None:
    if PLAIN.fullmatch(text) and text not in letters.NO_NAMES:
        assert not letters.is_nobody(text)
        assert not letters.is_unnamed_kin(text)
        assert names.untitled(text) == text


@given(st.integers(0xAC00, 0xD7A3))
def test_every_syllable_is_put_together_from_its_letters(code: int) -> None:
    apart = unicodedata.normalize("NFD", chr(code))
    initials, vowels = "ㄱㄲㄴㄷㄸㄹㅁㅂㅃㅅㅆㅇㅈㅉㅊㅋㅌㅍㅎ", "ㅏㅐㅑㅒㅓㅔㅕㅖㅗㅘㅙㅚㅛㅜㅝㅞㅟㅠㅡㅢㅣ"
    finals = "ㄱㄲㄳㄴㄵㄶㄷㄹㄺㄻㄼㄽㄾㄿㅀㅁㅂㅄㅅㅆㅇㅈㅊㅋㅌㅍㅎ"
    typed = initials[ord(apart[0]) - 0x1100] + vowels[ord(apart[1]) - 0x1161]
    typed += finals[ord(apart[2]) - 0x11A8] if len(apart) > 2 else ""
    assert letters.whole(typed) == letters.whole(apart) == chr(code)


@given(st.text(max_size=12))
def test_making_text_whole_twice_changes_nothing(text: str) -> None:
    assert letters.whole(letters.whole(text)) == letters.whole(text)
