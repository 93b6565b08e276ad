// Made by tools/charset_tables multi_byte from a MySQL 9.7.4, whose CONVERT it repeats.
#include "schema/multi_byte_tables.h"

namespace binbus::schema {
namespace {

const MultiByteTable kTables[] = {
    {"big5",
     "windows-950-2000",
     false,
     {{0xa145, u"•；：？！︰…‥﹐､"},
      {0xa1c2, u"‾"},
      {0xa1e3, u"∼"},
      {0xa1f2, u"♁☉"},
      {0xa241, u"／＼＄¥〒¢£"},
      {0xc6a1,
       u"ヾゝゞ々ぁあぃいぅうぇえぉおかがきぎくぐけげこごさざしじすずせぜそぞただちぢっつづてでとど"
       u"なにぬねのはばぱひびぴふぶぷへべぺほぼぽまみむめもゃやゅゆょよらりるれろゎわゐゑをんァアィ"
       u"イゥウェエォオカガキギクグケゲコゴサザシジスズセゼソゾタダチヂッツヅテデトドナニヌネノハバ"
       u"パヒビピフブプヘベペホボポマミムメモャヤュユョヨラリルレロヮワヰヱヲンヴヵヶДЕЁЖЗИЙКЛМУФХЦ"
       u"ЧШЩЪЫЬЭЮЯабвгдеёжзийклмнопрстуфхцчшщъыьэюя①②③④⑤⑥⑦⑧⑨⑩⑴⑵⑶⑷⑸⑹⑺⑻⑼⑽"}},
     {{0xa15a, 0xa15a},
      {0xa1c3, 0xa1c3},
      {0xa1c5, 0xa1c5},
      {0xa1fe, 0xa240},
      {0xa2cc, 0xa2cc},
      {0xa2ce, 0xa2ce},
      {0xa3e1, 0xa3e1},
      {0xf9dd, 0xf9fe}}},
    {"cp932", "ibm-943_P15A-2003", true, {}, {}},
    {"eucjpms",
     "ibm-954_P101-2007",
     true,
     {{0x8fa2c3, u"￤"},
      {0x8ff3f3,
       u"ⅰⅱⅲⅳⅴⅵⅶⅷⅸⅹⅠⅡⅢⅣⅤⅥⅦⅧⅨⅩ＇＂㈱№℡炻仼僴凬匇匤﨎咊坙﨏\ufa10增寬峵嵓﨑德悅愠敎昻晥\ufa12\uf929栁"
       u"﨓﨔橫櫢淸淲瀨\ufa15\ufa16甁皂皞\ufa17礰\ufa18\ufa19\ufa1a\ufa1b竧\ufa1c\ufa1d綠緖\ufa1e荢"
       u"﨟薰\ufa20﨡蠇\ufa22譿賴赶﨣﨤\ufa25郞\ufa26鄕﨧﨨閒\uf9dc﨩霻靍靑\ufa2a\ufa2b\ufa2c馞髙魲"
       u"\ufa2d黑"},
      {0xa1bd, u"―‐／＼～∥"},
      {0xa1dd, u"－"},
      {0xada1, u"①②③④⑤⑥⑦⑧⑨⑩⑪⑫⑬⑭⑮⑯⑰⑱⑲⑳ⅠⅡⅢⅣⅤⅥⅦⅧⅨⅩ"},
      {0xadc0, u"㍉㌔㌢㍍㌘㌧㌃㌶㍑㍗㌍㌦㌣㌫㍊㌻㎜㎝㎞㎎㎏㏄㎡"},
      {0xaddf, u"㍻〝〟№㏍℡㊤㊥㊦㊧㊨㈱㈲㈹㍾㍽㍼≒≡∫∮∑√⊥∠∟⊿∵∩∪"}},
     {{0x8ff3a1, 0x8ff3b9}}},
    {"euckr", "windows-949-2000", false, {}, {}},
    {"gb18030", "gb18030", true, {}, {}},
    {"gb2312", "ibm-1383_P110-1999", false, {{0xa3a7, u"＇"}}, {}},
    {"gbk", "windows-936-2000", false, {}, {}},
    {"sjis",
     "ibm-943_P15A-2003",
     false,
     {{0x815f, u"\\〜‖"}, {0x817c, u"−"}, {0x8191, u"¢£"}, {0x81ca, u"¬"}},
     {{0x8740, 0x879c}, {0xed40, 0xfc4b}}},
    {"ujis",
     "ibm-954_P101-2007",
     true,
     {{0x8fa2b7, u"~"}, {0xa1bd, u"―‐／\\"}, {0xa1f1, u"¢£"}, {0xa2cc, u"¬"}},
     {{0x8ff3a1, 0x8ff4f8}}},
};

}  // namespace

std::span<const MultiByteTable> multi_byte_tables() { return kTables; }

}  // namespace binbus::schema
