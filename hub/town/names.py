"""Korean names: surnames by census share, given names by cohort and sex, siblings with a syllable in common.

Owns the name material. Surname shares: Statistics Korea, Population and Housing Census 2015 (percent, rounded to the
tenth), the rest spread over the tail. Given-name syllables follow the cohorts' popular names (Supreme Court name
statistics, from memory); their shares are assumed.
"""

from __future__ import annotations

from bisect import bisect
from itertools import accumulate
from random import Random
from typing import Final

SURNAMES: Final = {
    "김": 21.5, "이": 14.7, "박": 8.4, "최": 4.7, "정": 4.3, "강": 2.4, "조": 2.1, "윤": 2.1, "장": 2.0, "임": 1.7,
    "한": 1.5, "오": 1.5, "서": 1.5, "신": 1.5, "권": 1.4, "황": 1.4, "안": 1.4, "송": 1.4, "전": 1.1, "홍": 1.1,
    "유": 1.0, "고": 0.9, "문": 0.9, "양": 0.9, "손": 0.9, "배": 0.8, "백": 0.8, "허": 0.7, "남": 0.6, "심": 0.6,
    "노": 0.5, "하": 0.5, "곽": 0.4, "성": 0.4, "차": 0.4, "주": 0.4, "우": 0.4, "구": 0.4, "류": 0.6, "나": 0.3,
    "민": 0.3, "진": 0.3, "지": 0.3, "엄": 0.3, "채": 0.3, "원": 0.3, "천": 0.2, "방": 0.2, "공": 0.2, "현": 0.2,
    "함": 0.2, "변": 0.2, "염": 0.2, "여": 0.2, "추": 0.1, "도": 0.1, "소": 0.1, "석": 0.1, "선": 0.1, "설": 0.1,
    "마": 0.1, "길": 0.1, "연": 0.1, "위": 0.1, "표": 0.1, "명": 0.1, "기": 0.1, "남궁": 0.1, "황보": 0.1, "제갈": 0.1,
}  # fmt: skip
_SURNAMES: Final = tuple(SURNAMES)
_HEAP: Final = tuple(accumulate(SURNAMES.values()))

#: First year after the cohort, then (first syllables, second syllables) for men and for women, frequent ones first.
COHORTS: Final = (
    (1950, ("영상병종정재성용광순만판기명삼복덕화동진수춘", "수호식철길남봉환근만규석태구용복덕갑출섭술"),
           ("순영정말옥금복봉춘점분덕막명경필달귀숙끝화", "자순숙희옥남례임녀분이연덕금점선애심년조")),
    (1970, ("영성정상종재경병광동용기승창태명진홍원춘규", "수호철식진훈환석근규태일배섭길남복현민곤만"),
           ("영정미경순은명숙현혜옥금선복춘진희성말연인", "숙희자순옥미애란경화선영남임례주연심정분덕")),
    (1990, ("성정상재지동영승진현종민경준용기태병석광형", "훈호진현수민우석철환규욱준영식혁일범섭태근"),
           ("지은미정혜현수영선유경희진윤소민보아성주나", "영정희은경연미선진숙현주아라혜란윤애지림나")),
    (2010, ("민지준현동성승재우진도태상정건영주윤찬시형", "준우민현호훈진혁영재석환규수빈성원욱태기서"),
           ("지수유예민서은현채다윤하소가혜주나연정시희", "은진연현원빈영지아림서윤경희주나린정민예솔")),
    (2100, ("도서하시주이지은준우건연선로유현민태윤재승", "준우윤호진현율후원빈민찬안온겸혁훈결성재아"),
           ("서지하아이채윤다예수유은소나시연가리주로민", "아윤은우린서연원인율나유하현진솔빈봄온비희")),
)  # fmt: skip
_RISE: Final = tuple(accumulate(1 / (n + 4) for n in range(30)))
_FOREIGN: Final = (
    ("NGUYEN THI", "TRAN THI", "LE THI", "PHAM THI", "WANG", "LI", "ZHANG", "SANTOS", "REYES", "SOK"),
    ("LAN", "HOA", "HUONG", "THAO", "MAI", "NGA", "XIULAN", "MEILING", "MARIA", "ROSE", "SREYNEANG", "LINH", "HANH"),
)


def surname(rng: Random) -> str:
    """A surname, by census share."""
    return _SURNAMES[bisect(_HEAP, rng.random() * _HEAP[-1])]


def given(rng: Random, sex: str, year: int, shared: str = "", *, first: bool = True) -> str:
    """A given name of the cohort. shared: the generation's syllable, and whether it stands first."""
    man, woman = next((cohort[1], cohort[2]) for cohort in COHORTS if year < cohort[0])
    firsts, seconds = man if sex == "M" else woman
    one = shared if shared and first else _drawn(rng, firsts)
    two = shared if shared and not first else _drawn(rng, seconds)
    while one == two:  # 순순 and the like are not given
        one, two = (one, _drawn(rng, seconds)) if first else (_drawn(rng, firsts), two)
    return one if rng.random() < 0.01 and not shared else one + two  # noqa: PLR2004 - names of one syllable, assumed


def foreign(rng: Random) -> str:
    """A name as on an alien registration card."""
    return f"{rng.choice(_FOREIGN[0])} {rng.choice(_FOREIGN[1])}"


def _drawn(rng: Random, syllables: str) -> str:
    """One syllable, earlier ones more often."""
    return syllables[bisect(_RISE, rng.random() * _RISE[len(syllables) - 1], 0, len(syllables) - 1)]
