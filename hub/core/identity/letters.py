"""Tables of Korean letters and names: which surnames exist, what stands for no name, how typed letters are made whole.

Owns plain data for `names` and for `hub.core.normalize.placeholders`, and the composing of single letters. Never
decides who anybody is. The tables are small on purpose: a name that is not here only lowers evidence, it never refuses
a person. Latin spellings are in `romanized`, Chinese characters in `hanja`.

Sources: surnames of the 2015 census of Statistics Korea (Population and Housing Census, 성씨·본관); letters: Unicode,
Hangul Compatibility Jamo (U+3130) and Halfwidth and Fullwidth Forms (U+FF00), both fixed since Unicode 2.0.
"""

from __future__ import annotations

import re
import unicodedata

SURNAMES = frozenset(
    "김이박최정강조윤장임한오서신권황안송전홍유고문양손배백허남심노하곽성차주우구민진류나지엄채원천방공현함변염여"
    "추도소석선설마길연위표명기반왕금옥육인맹제모탁국어은편용예경봉사부황목형두감태계피빈동온복음간승시좌갈판"
    "단견당범화창팽빙궁평옹뇌라림리량려로뢰렴륙노독"
    "련룡",  # the initial-sound rule makes 연 and 용 of them (Orthography art. 11)
)
DOUBLE_SURNAMES = frozenset(
    ("남궁", "황보", "제갈", "선우", "독고", "사공", "서문", "동방", "망절", "어금", "소봉", "장곡", "강전", "부여"),
)

# Stripped behind a name. The first always, the second only behind three letters, the third only after a space:
# 김별님 and 박양 are names, and so is what ends in 학생 only when nothing sets it apart.
TITLES = (
    *("할머니", "할아버지", "할머님", "어르신", "선생님", "사모님", "여사님", "여사", "이장님", "통장님", "반장님"),
    *("대상자", "환자분", "환자", "수급자", "클라이언트"),
)
CLOSE_TITLES = ("님", "씨")
APART_TITLES = ("님", "씨", "군", "양", "옹", "아동", "학생", "어린이", "모친", "부친", "귀하", "선생")
# What stands for nobody, squeezed (no spaces or punctuation) and in lower case.
NO_NAMES = frozenset(
    (
        *TITLES,
        *("테스트", "무명", "무연고남", "무연고녀", "행려남", "행려녀"),
        *(word + end for word in ("미상", "불상", "불명", "무명") for end in ("남", "녀", "여", "자", "인", "씨")),
        *(
            "홍길동",
            "홍길순",
            "홍길자",
            "아무개",
            "이름없음",
            "성명없음",
            "이름모름",
            "성명모름",
            "없음",
            "모름",
            "알수없음",
        ),
        *(
            "익명",
            "비공개",
            "가명",
            "해당없음",
            "확인불가",
            "미확인",
            "미기재",
            "미상",
            "불상",
            "불명",
            "본인",
            "보호자",
        ),
        *(
            "가나다",
            "가나다라",
            "신생아",
            "아기",
            "외국인",
            "무연고",
            "무연고자",
            "행려",
            "행려자",
            "행려환자",
            "행려병자",
        ),
        *("unknown", "anonymous", "noname", "none", "null", "na", "nn", "nil", "johndoe", "janedoe", "baby", "newborn"),
    ),
)
# The same with an ending: 성명미상남, 무명녀, 박아무개, 테스트1, testpatient.
_NO_NAME = re.compile(
    r"(?:성명|이름|신원|인적사항)(?:미상|불상|불명|미확인|확인불가)(?:남|녀|여|자|인|남성|여성|남자|여자)?"
    r"|(?:미상|불상|불명|무명)(?:남성|여성|남자|여자)|(?:행려|무연고)\d{1,3}"
    r"|[가-힣]?아무개|테스트(?:환자|용|계정|이름)?\d*|test(?:er|patient|user|name)?\d*",
    re.ASCII,
)
# 박순자 아기, 박순자의 딸, Baby of Park Soonja: somebody whose own name is not told; two of them would be one
# by the same words. Never behind one letter: 박아기 and 김의자 are names.
_UNNAMED_KIN = re.compile(
    r"([가-힣]{2,5}?)의?(?:아기|애기|신생아|baby)(?:[0-9a-z]|[0-9]?아|첫째|둘째|셋째)?"
    r"|[가-힣]{3,5}의(?:자|녀|아들|딸|모|부|처|남편|배우자|손자|손녀|보호자)"
    r"|(?:baby(?:boy|girl)?of|newbornof|babyboy|babygirl).*"
)
MASKS = "○〇◯●◌□☐☆*＊?xXoO0ㅇ"

_HALF = "ﾡﾢﾣﾤﾥﾦﾧﾨﾩﾪﾫﾬﾭﾮﾯﾰﾱﾲﾳﾴﾵﾶﾷﾸﾹﾺﾻﾼﾽﾾￂￃￄￅￆￇￊￋￌￍￎￏￒￓￔￕￖￗￚￛￜ"
_FULL = "ㄱㄲㄳㄴㄵㄶㄷㄸㄹㄺㄻㄼㄽㄾㄿㅀㅁㅂㅃㅄㅅㅆㅇㅈㅉㅊㅋㅌㅍㅎㅏㅐㅑㅒㅓㅔㅕㅖㅗㅘㅙㅚㅛㅜㅝㅞㅟㅠㅡㅢㅣ"
# Full-width ASCII to ASCII; fillers (U+115F, U+1160, U+3164, U+FFA0) are what some keyboards leave, and show nothing.
_WIDTHS = (
    dict(zip(map(ord, _HALF), _FULL, strict=True))
    | {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}
    | dict.fromkeys((0x115F, 0x1160, 0x3164, 0xFFA0, 0x00AD, 0x034F, 0x061C, 0x180E, 0xFEFF))
    | dict.fromkeys((*range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x2060, 0x206A), *range(0xFE00, 0xFE10)))
    | {0x3000: " ", 0xFF61: "."}
)
_INITIALS, _VOWELS = "ㄱㄲㄴㄷㄸㄹㅁㅂㅃㅅㅆㅇㅈㅉㅊㅋㅌㅍㅎ", "ㅏㅐㅑㅒㅓㅔㅕㅖㅗㅘㅙㅚㅛㅜㅝㅞㅟㅠㅡㅢㅣ"
_FINALS = "ㄱㄲㄳㄴㄵㄶㄷㄹㄺㄻㄼㄽㄾㄿㅀㅁㅂㅄㅅㅆㅇㅈㅊㅋㅌㅍㅎ"
_LETTERS = re.compile(f"([{_INITIALS}])([{_VOWELS}])([{_FINALS}](?![{_VOWELS}]))?")
_FIRST_SYLLABLE, _PER_INITIAL, _PER_VOWEL = 0xAC00, 588, 28  # Unicode, section 3.12


def whole(text: str) -> str:
    """NFC, of one width, without fillers and invisible characters, letters typed one by one put together.

    ㅂㅏㄱㅅㅜㄴㅈㅏ and its half-width form are 박순자. A consonant alone stays: in 이ㅇ희 it masks a letter.
    """
    text = unicodedata.normalize("NFC", text.translate(_WIDTHS))
    return unicodedata.normalize("NFC", _LETTERS.sub(_syllable, text))


def _syllable(found: re.Match[str]) -> str:
    initial, vowel, final = found.groups()
    code = _INITIALS.index(initial) * _PER_INITIAL + _VOWELS.index(vowel) * _PER_VOWEL
    return chr(_FIRST_SYLLABLE + code + (_FINALS.index(final) + 1 if final else 0))


def is_nobody(squeezed: str) -> bool:
    """Whether this (no spaces or punctuation, lower case) stands for nobody in particular."""
    return squeezed in NO_NAMES or _NO_NAME.fullmatch(squeezed) is not None


def is_unnamed_kin(squeezed: str) -> bool:
    """Whether this names a person only as somebody's child or relative."""
    found = _UNNAMED_KIN.fullmatch(squeezed)
    return found is not None and found.group(1) not in DOUBLE_SURNAMES
