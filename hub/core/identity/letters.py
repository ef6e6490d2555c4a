"""Tables of letters and names: what sounds alike, which surnames exist, how they are romanized or written in hanja.

Owns plain data for `names`. Never decides anything. The tables are small on purpose: a reading that is not here only
lowers evidence, it never refuses a person.

Sources: surnames of the 2015 census of Statistics Korea (those above some 5,000 people); spellings collected by the
National Institute of Korean Language for passports; name hanja: the commonest of the Supreme Court's list for names.
"""

from __future__ import annotations

SURNAMES = frozenset(
    "김이박최정강조윤장임한오서신권황안송전홍유고문양손배백허남심노하곽성차주우구민진류나지엄채원천방공현함변염여"
    "추도소석선설마길연위표명기반왕금옥육인맹제모탁국어은편용예경봉사부황목형두감태계피빈동온복음간승시좌갈판"
    "단견당범화창라림리량려로뢰렴륙노독",
)
DOUBLE_SURNAMES = frozenset(
    ("남궁", "황보", "제갈", "선우", "독고", "사공", "서문", "동방", "망절", "어금", "소봉", "장곡", "강전", "부여"),
)

# Passport spellings, lower case. One spelling can stand for several surnames (yu: 유; im: 임; no: 노).
ROMAN_SURNAMES: dict[str, tuple[str, ...]] = {
    roman: tuple(hangul.split())
    for hangul, romans in (
        ("김", "kim gim"),
        ("이", "lee yi rhee i rhie yee"),
        ("박", "park bak pak"),
        ("최", "choi choe chwe"),
        ("정", "jung jeong chung cheong joung"),
        ("강", "kang gang"),
        ("조", "cho jo joe"),
        ("윤", "yoon yun youn"),
        ("장", "jang chang"),
        ("임", "lim im rim yim"),
        ("한", "han hahn"),
        ("오", "oh o"),
        ("서", "seo suh"),
        ("신", "shin sin"),
        ("권", "kwon gwon kweon"),
        ("황", "hwang whang"),
        ("안", "ahn an"),
        ("송", "song"),
        ("전", "jeon jun chun"),
        ("홍", "hong"),
        ("유", "yoo yu you ryu"),
        ("고", "ko go koh"),
        ("문", "moon mun"),
        ("양", "yang"),
        ("손", "son sohn"),
        ("배", "bae pae"),
        ("백", "baek paik baik"),
        ("허", "heo huh hur"),
        ("남", "nam"),
        ("심", "shim sim"),
        ("노", "noh roh no"),
        ("하", "ha"),
        ("곽", "kwak gwak"),
        ("성", "sung seong"),
        ("차", "cha"),
        ("주", "joo ju"),
        ("우", "woo"),
        ("구", "koo gu ku"),
        ("민", "min"),
        ("진", "jin chin"),
        ("나", "na ra"),
        ("지", "ji chi jee"),
        ("엄", "eom um uhm"),
        ("남궁", "namgung namkoong namgoong"),
        ("황보", "hwangbo"),
        ("제갈", "jegal"),
        ("선우", "sunwoo seonwoo"),
    )
    for roman in romans.split()
}

# Syllables of given names as passports spell them, each with the readings it can have, commonest first.
ROMAN_SYLLABLES: dict[str, str] = {
    roman: readings
    for readings, romans in (
        ("영", "young yeong yung"),
        ("수", "soo su"),
        ("자", "ja"),
        ("순", "soon sun"),
        ("선", "sun seon"),
        ("숙", "sook suk"),
        ("희", "hee hui hi"),
        ("정", "jung jeong"),
        ("중", "joong"),
        ("미", "mi mee"),
        ("경", "kyung gyeong kyeong kyoung"),
        ("은", "eun"),
        ("주", "joo ju"),
        ("지", "ji jee"),
        ("현", "hyun hyeon"),
        ("혜", "hye"),
        ("해", "hae"),
        ("진", "jin"),
        ("훈", "hoon hun"),
        ("성", "sung seong"),
        ("승", "seung"),
        ("호", "ho"),
        ("식", "sik shik"),
        ("철", "chul cheol"),
        ("민", "min"),
        ("준", "jun joon"),
        ("서", "seo"),
        ("연", "yeon youn"),
        ("윤", "yoon yun"),
        ("유", "yu yoo"),
        ("우", "woo u"),
        ("원", "won"),
        ("동", "dong"),
        ("도", "do"),
        ("상", "sang"),
        ("재", "jae"),
        ("기", "ki gi"),
        ("광", "kwang gwang"),
        ("명", "myung myeong"),
        ("말", "mal"),
        ("춘", "chun choon"),
        ("옥", "ok"),
        ("화", "hwa"),
        ("인", "in"),
        ("일", "il"),
        ("석", "seok suk"),
        ("길", "gil kil"),
        ("남", "nam"),
        ("태", "tae"),
        ("하", "ha"),
        ("나", "na"),
        ("아", "a ah"),
        ("예", "ye"),
        ("빈", "bin"),
        ("가", "ga"),
        ("용", "yong"),
        ("종", "jong"),
        ("병", "byung byeong"),
        ("창", "chang"),
        ("규", "kyu gyu"),
        ("란", "ran"),
        ("애", "ae"),
        ("분", "boon bun"),
        ("복", "bok"),
        ("금", "keum geum"),
        ("건", "gun geon"),
    )
    for roman in romans.split()
}
ROMAN_AMBIGUOUS: dict[str, str] = {"sun": "선순", "suk": "숙석", "jung": "정중", "chun": "춘천", "youn": "연윤"}

# Hanja of surnames and of common given names with their reading.
HANJA: dict[str, str] = dict(
    zip(
        "金李朴崔鄭姜趙尹張林韓吳徐申權黃安宋全洪柳高文梁孫裵白許南沈盧河郭成車朱禹具閔陳羅池嚴"
        "順子英淑貞熙喜玉美京敬慶恩珠周智知賢鉉玄惠海眞珍勳成聖承昊浩植哲敏民俊書姸延允潤裕宇元東道相在宰基光明"
        "末春花華仁寅一日碩錫吉泰夏娜雅藝禮彬家佳龍鍾鐘炳昌圭蘭愛分福錦建洙秀壽永榮姬烈福女",
        "김이박최정강조윤장임한오서신권황안송전홍유고문양손배백허남심노하곽성차주우구민진나지엄"
        "순자영숙정희희옥미경경경은주주지지현현현혜해진진훈성성승호호식철민민준서연연윤윤유우원동도상재재기광명"
        "말춘화화인인일일석석길태하나아예예빈가가용종종병창규란애분복금건수수수영영희열복녀",
        strict=True,
    ),
)

PLACEHOLDER_NAMES = frozenset(
    (
        *("홍길동", "홍길순", "홍길자", "아무개", "김아무개", "무명", "무명씨", "미상", "불상", "성명미상", "성명불상"),
        *("신원미상", "신원불상", "이름없음", "없음", "모름", "테스트", "비공개", "익명", "해당없음", "본인", "환자"),
        *("test", "unknown", "anonymous", "none", "na", "null", "johndoe", "janedoe"),
    ),
)
# Stripped behind a name. The first always, the second only after a space or behind three or more letters.
TITLES = ("할머니", "할아버지", "어르신", "선생님", "사모님", "여사님", "여사", "환자분", "이장님", "씨")
SHORT_TITLES = ("님", "군", "양", "옹", "환자", "아동", "학생", "모친", "부친")
MASKS = frozenset("○〇●*＊◯□☆xXoO0ㅇ?")
