"""Names in Chinese characters: how each character is read in a Korean name.

Owns the tables. A character that is not here leaves its name unread, which only lowers evidence.

Sources: the commonest characters of the Supreme Court's list for names (인명용 한자표, annex 1 of the rules on family
registration), read by the initial-sound rule (Orthography articles 10–12): 柳 is 유 in front and 류 behind.
"""

from __future__ import annotations

# Syllable, then the characters read so: of surnames, then of given names.
_READ = (
    "김金 이李異 박朴 최崔 정鄭丁程 강姜康 조趙曺曹 윤尹 장張章蔣 임林任 한韓 오吳 서徐西 신申辛愼 권權 황黃 안安 "
    "송宋 전全田錢 홍洪 유柳劉兪庾 고高 문文 양梁楊 손孫 배裵裴 백白 허許 남南 심沈 노盧魯 하河 곽郭 성成 차車 "
    "주朱周 우禹 구具丘 민閔 진陳秦晉 나羅 지池 엄嚴 채蔡 원元 천千 방方房 공孔 현玄 함咸 변卞邊 염廉 여呂余 "
    "추秋 도都 소蘇 석石昔 선宣鮮 설薛 마馬麻 길吉 연延 위魏韋 표表 명明 기奇 반潘班 왕王 금琴 옥玉 육陸 인印 "
    "맹孟 제諸 모牟毛 탁卓 국鞠國 어魚 은殷 편片 용龍 예芮 봉奉 사史司 궁宮弓 황皇 보甫 우于 갈葛 공公 문門 "
    "독獨 고孤 동東 "
    "순順純舜淳 자子慈 영英永榮泳映瑛 숙淑肅 정貞正靜晶 희熙喜姬希嬉 미美 경京敬慶景璟 은恩銀 주珠柱株 지智知芝志 "
    "현賢鉉顯炫 혜惠慧 해海 진眞珍鎭振 훈勳薰 성聖星盛 승承勝昇 호昊浩鎬虎 식植軾 철哲喆鐵 민敏民旻 준俊準峻 서書瑞 "
    "연姸娟 윤允潤 유裕有 우宇雨佑 원源媛 도道 상相尙 재在宰載 기基起 광光廣 말末 춘春 화華花和 인仁寅 일一日 "
    "석碩錫 태泰 하夏 나娜 아雅 예藝禮 빈彬 가佳家 종鍾鐘 병炳秉 창昌 규圭奎 난蘭 애愛 분分粉 복福 금錦今 건建健 "
    "수洙秀壽守 열烈 여女麗 근根 덕德 동童 무武 범範 봉鳳 선善仙 섭燮 세世 수洙 운雲 욱旭 웅雄 월月 점點 제濟 "
    "중重中 태太 필弼 학鶴 헌憲 혁赫 형亨炯 환煥 효孝 흥興 연蓮 영玲 용鎔勇 이利伊 임任 옥沃 심心 향香 귀貴 "
    "군君 만萬 명命 "
)
_BEHIND = "류柳劉 룡龍 림林 란蘭 렬烈 례禮 녀女 려麗 련蓮 령玲 라羅 로盧魯 량梁 리李利 금金"

READ = {letter: row[0] for row in _READ.split() for letter in row[1:]}
#: As READ, for a letter that does not stand first in its given name.
BEHIND = READ | {letter: row[0] for row in _BEHIND.split() for letter in row[1:]}
