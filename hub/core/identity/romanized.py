"""Korean names in Latin letters: which surname or syllable a spelling can stand for.

Owns the tables and their making. Never chooses between readings (`names` keeps them as alternatives).

Sources: 국어의 로마자 표기법 (Ministry of Culture, notice 2000-8: section 2, letters; names are written syllable by
syllable, without sound changes, section 3 article 4); passport spellings outside it: surveys of the National Institute
of Korean Language. The notice leaves surnames to custom, so those are a list.
"""

from __future__ import annotations

# One spelling can stand for several surnames (yu: 유, 류) and a surname has several spellings.
_SURNAMES = (
    *(
        "김 kim gim",
        "이 lee yi rhee i rhie yee",
        "박 park bak pak",
        "최 choi choe chwe",
        "강 kang gang",
        "조 cho jo joe",
    ),
    *("정 jung jeong chung cheong joung", "윤 yoon yun youn", "장 jang chang", "임 lim im rim yim", "한 han hahn"),
    *("오 oh o", "서 seo suh", "신 shin sin", "권 kwon gwon kweon", "황 hwang whang", "안 ahn an", "송 song"),
    *("전 jeon jun chun", "홍 hong", "유 yoo yu you ryu", "고 ko go koh", "문 moon mun", "양 yang", "손 son sohn"),
    *("배 bae pae", "백 baek paik baik", "허 heo huh hur", "남 nam", "심 shim sim", "노 noh roh no", "하 ha"),
    *("곽 kwak gwak", "성 sung seong", "차 cha", "주 joo ju", "우 woo u", "구 koo gu ku", "민 min", "진 jin chin"),
    *("나 na ra", "지 ji chi jee", "엄 eom um uhm", "채 chae", "원 won", "천 cheon chun", "방 bang pang"),
    *("공 gong kong", "현 hyun hyeon", "함 ham hahm", "변 byun byeon", "염 yeom yum", "여 yeo", "추 chu choo"),
    *("도 do doh", "소 so soh", "석 seok suk", "선 sun seon", "설 seol sul", "마 ma", "길 gil kil", "연 yeon youn"),
    *("위 wi", "표 pyo", "명 myung myeong", "기 ki gi", "반 ban", "왕 wang", "금 keum geum", "옥 ok", "육 yuk yook"),
    *("맹 maeng", "제 je", "모 mo", "탁 tak", "국 kook guk kuk", "어 eo", "은 eun", "편 pyun pyeon", "용 yong"),
    *("남궁 namgung namkoong namgoong", "황보 hwangbo", "제갈 jegal", "선우 sunwoo seonwoo", "독고 dokgo dokko"),
    *("사공 sagong sakong", "서문 seomun seomoon"),
)

# Syllables of given names as passports spell them, likeliest reading first.
_SYLLABLES = (
    *("영 young yeong yung", "수 soo su", "자 ja", "순 soon sun", "선 sun seon", "숙 sook suk", "희 hee hui hi"),
    *(
        "정 jung jeong",
        "중 joong jung",
        "미 mi mee",
        "경 kyung gyeong kyeong kyoung",
        "은 eun",
        "주 joo ju",
        "지 ji jee",
    ),
    *(
        "현 hyun hyeon",
        "혜 hye",
        "해 hae",
        "진 jin",
        "훈 hoon hun",
        "성 sung seong",
        "승 seung",
        "호 ho",
        "식 sik shik",
    ),
    *("철 chul cheol", "민 min", "준 jun joon", "서 seo", "연 yeon youn", "윤 yoon yun youn", "유 yu yoo", "우 woo u"),
    *("원 won", "동 dong", "도 do", "상 sang", "재 jae", "기 ki gi", "광 kwang gwang", "명 myung myeong", "말 mal"),
    *("춘 chun choon", "천 chun cheon", "옥 ok", "화 hwa", "인 in", "일 il", "석 seok suk", "길 gil kil", "남 nam"),
    *("태 tae", "하 ha", "나 na", "아 a ah", "예 ye", "빈 bin", "가 ga", "용 yong", "종 jong", "병 byung byeong"),
    *("창 chang", "규 kyu gyu", "란 ran", "애 ae", "분 boon bun", "복 bok", "금 keum geum", "건 gun geon", "구 koo"),
    *("균 kyun", "근 keun kun", "덕 duk", "무 moo", "문 moon", "범 bum", "봉 bong", "섭 sup sub", "신 shin", "심 shim"),
    *("운 woon", "욱 wook uk", "웅 woong", "전 jun", "조 cho", "필 phil", "헌 hun", "혁 hyuk", "형 hyung", "효 hyo"),
    *("두 doo", "루 roo", "율 yul", "열 yul", "림 lim", "린 lin", "라 la", "희 heui"),
)
# Syllables that occur in given names, in the spelling of the notice.
_NOTICE = (
    "강건겸경계고곤공관광교구국군권귀규균근금기길나난남녀년노다단달담대덕도동두라락란람랑래량려련렬례로록룡루류률리린림"
    "마만말매면명모목무묵문미민배백범별병보복봉분비빈사산삼상새샘서석선설섭성세소솔송수숙순술슬승시식신실심아안애양언엽"
    "영예오옥온완요용우욱운웅원월위유윤율은을의이익인일임자장재전절점정제조종주준중지직진찬창채천철청초추춘출충치태택"
    "필하학한해행향헌혁현형혜호홍화환회효후훈휘흥희"
)
_INITIALS = ("g", "kk", "n", "d", "tt", "r", "m", "b", "pp", "s", "ss", "", "j", "jj", "ch", "k", "t", "p", "h")
_VOWELS = (
    *("a", "ae", "ya", "yae", "eo", "e", "yeo", "ye", "o", "wa", "wae", "oe", "yo", "u", "wo", "we", "wi", "yu", "eu"),
    *("ui", "i"),
)
#: None, ㄱ, ㄴ, ㄹ, ㅁ, ㅂ, ㅅ, ㅇ and so on, by their place among the 28 of Unicode (section 3.12).
_FINALS = {0: "", 1: "k", 4: "n", 7: "t", 8: "l", 16: "m", 17: "p", 19: "t", 21: "ng"}
_FIRST, _PER_INITIAL, _PER_VOWEL = 0xAC00, 588, 28


def spelled(syllable: str) -> str:
    """One Hangul syllable in the letters of the notice, without sound changes: 령 is ryeong, 국 is guk."""
    initial, rest = divmod(ord(syllable) - _FIRST, _PER_INITIAL)
    vowel, final = divmod(rest, _PER_VOWEL)
    return _INITIALS[initial] + _VOWELS[vowel] + _FINALS[final]


def _table(rows: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    """Spelling → what it can stand for, in the order of the rows."""
    found: dict[str, tuple[str, ...]] = {}
    for hangul, *spellings in map(str.split, rows):
        for spelling in spellings:
            if hangul not in found.get(spelling, ()):
                found[spelling] = (*found.get(spelling, ()), hangul)
    return found


SURNAMES = _table(_SURNAMES)
SYLLABLES = _table(_SYLLABLES + tuple(f"{syllable} {spelled(syllable)}" for syllable in _NOTICE))
LONGEST = max(map(len, SYLLABLES))
