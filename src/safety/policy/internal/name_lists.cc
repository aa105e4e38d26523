#include "safety/policy/internal/name_lists.h"

#include <algorithm>

namespace fairlead::policy {
namespace {

constexpr Spare kMen[] = {
    {"антон", Declension::kConsonant},
    {"богдан", Declension::kConsonant},
    {"вадим", Declension::kConsonant},
    {"герман", Declension::kConsonant},
    {"глеб", Declension::kConsonant},
    {"давид", Declension::kConsonant},
    {"денис", Declension::kConsonant},
    {"егор", Declension::kConsonant},
    {"захар", Declension::kConsonant},
    {"игнат", Declension::kConsonant},
    {"кирилл", Declension::kConsonant},
    {"леонид", Declension::kConsonant},
    {"макар", Declension::kConsonant},
    {"максим", Declension::kConsonant},
    {"мирон", Declension::kConsonant},
    {"назар", Declension::kConsonant},
    {"олег", Declension::kConsonant},
    {"платон", Declension::kConsonant},
    {"родион", Declension::kConsonant},
    {"роман", Declension::kConsonant},
    {"руслан", Declension::kConsonant},
    {"семен", Declension::kConsonant},
    {"степан", Declension::kConsonant},
    {"тарас", Declension::kConsonant},
    {"тимур", Declension::kConsonant},
    {"трофим", Declension::kConsonant},
    {"федор", Declension::kConsonant},
    {"филипп", Declension::kConsonant},
    {"харитон", Declension::kConsonant},
    {"эдуард", Declension::kConsonant},
    {"иван", Declension::kConsonant},
    {"артем", Declension::kConsonant},
    {"александр", Declension::kConsonant},
    {"борис", Declension::kConsonant},
    {"виктор", Declension::kConsonant},
    {"владимир", Declension::kConsonant},
    {"владислав", Declension::kConsonant},
    {"михаил", Declension::kConsonant},
    {"константин", Declension::kConsonant},
    {"ярослав", Declension::kConsonant},
    {"станислав", Declension::kConsonant},
    {"вячеслав", Declension::kConsonant},
    {"альберт", Declension::kConsonant},
    {"ростислав", Declension::kConsonant},
    {"петр", Declension::kConsonant},
    {"серге", Declension::kShort},
    {"алексе", Declension::kShort},
    {"андре", Declension::kShort},
    {"матве", Declension::kShort},
    {"тимофе", Declension::kShort},
    {"елисе", Declension::kShort},
    {"никола", Declension::kShort},
    {"фадде", Declension::kShort},
    {"ерофе", Declension::kShort},
    {"арсени", Declension::kShortI},
    {"васили", Declension::kShortI},
    {"геннади", Declension::kShortI},
    {"григори", Declension::kShortI},
    {"дмитри", Declension::kShortI},
    {"юри", Declension::kShortI},
    {"аркади", Declension::kShortI},
    {"анатоли", Declension::kShortI},
    {"витали", Declension::kShortI},
    {"валери", Declension::kShortI},
    {"евгени", Declension::kShortI},
    {"игор", Declension::kSoft},
    {"лазар", Declension::kSoft},
    {"никит", Declension::kHardA},
    {"савв", Declension::kHardA},
    {"кузьм", Declension::kHardA},
    {"фом", Declension::kHardA},
    {"иль", Declension::kYa},
};
constexpr Spare kWomen[] = {
    {"алин", Declension::kHardA},
    {"варвар", Declension::kHardA},
    {"галин", Declension::kHardA},
    {"диан", Declension::kHardA},
    {"елен", Declension::kHardA},
    {"жанн", Declension::kHardA},
    {"зинаид", Declension::kHardA},
    {"инн", Declension::kHardA},
    {"ирин", Declension::kHardA},
    {"карин", Declension::kHardA},
    {"кир", Declension::kHardA},
    {"клар", Declension::kHardA},
    {"ларис", Declension::kHardA},
    {"марин", Declension::kHardA},
    {"нин", Declension::kHardA},
    {"оксан", Declension::kHardA},
    {"полин", Declension::kHardA},
    {"раис", Declension::kHardA},
    {"светлан", Declension::kHardA},
    {"тамар", Declension::kHardA},
    {"ульян", Declension::kHardA},
    {"эльвир", Declension::kHardA},
    {"регин", Declension::kHardA},
    {"снежан", Declension::kHardA},
    {"анн", Declension::kHardA},
    {"екатерин", Declension::kHardA},
    {"татьян", Declension::kHardA},
    {"кристин", Declension::kHardA},
    {"людмил", Declension::kHardA},
    {"валентин", Declension::kHardA},
    {"антонин", Declension::kHardA},
    {"элин", Declension::kHardA},
    {"ольг", Declension::kVelarA},
    {"анжелик", Declension::kVelarA},
    {"вероник", Declension::kVelarA},
    {"моник", Declension::kVelarA},
    {"мари", Declension::kIya},
    {"анастаси", Declension::kIya},
    {"виктори", Declension::kIya},
    {"ксени", Declension::kIya},
    {"лиди", Declension::kIya},
    {"юли", Declension::kIya},
    {"евгени", Declension::kIya},
    {"валери", Declension::kIya},
    {"таиси", Declension::kIya},
    {"эмили", Declension::kIya},
    {"евдоки", Declension::kIya},
    {"аврели", Declension::kIya},
    {"наталь", Declension::kYa},
    {"дарь", Declension::kYa},
    {"софь", Declension::kYa},
    {"олес", Declension::kYa},
    {"ма", Declension::kYa},
    {"зо", Declension::kYa},
    {"любов", Declension::kSoftFemale},
    {"нинел", Declension::kSoftFemale},
    {"айгул", Declension::kSoftFemale},
    {"рахил", Declension::kSoftFemale},
};
// Names that are words are known, and nobody is given them: "надежда" in an answer would be taken for a person.
constexpr std::string_view kWordsToo[] = {"любов", "ма", "роман", "кир", "петр", "макар", "мари", "марин"};

constexpr Spare kFathers[] = {
    {"антонович", Declension::kFather},   {"борисович", Declension::kFather},  {"вадимович", Declension::kFather},
    {"викторович", Declension::kFather},  {"германович", Declension::kFather}, {"денисович", Declension::kFather},
    {"егорович", Declension::kFather},    {"захарович", Declension::kFather},  {"кириллович", Declension::kFather},
    {"леонидович", Declension::kFather},  {"максимович", Declension::kFather}, {"олегович", Declension::kFather},
    {"романович", Declension::kFather},   {"русланович", Declension::kFather}, {"семенович", Declension::kFather},
    {"степанович", Declension::kFather},  {"тарасович", Declension::kFather},  {"тимурович", Declension::kFather},
    {"федорович", Declension::kFather},   {"эдуардович", Declension::kFather}, {"андреевич", Declension::kFather},
    {"алексеевич", Declension::kFather},  {"сергеевич", Declension::kFather},  {"николаевич", Declension::kFather},
    {"анатольевич", Declension::kFather}, {"васильевич", Declension::kFather}, {"геннадьевич", Declension::kFather},
    {"григорьевич", Declension::kFather}, {"юрьевич", Declension::kFather},    {"аркадьевич", Declension::kFather},
};
constexpr Spare kDaughters[] = {
    {"антоновн", Declension::kHardA},   {"борисовн", Declension::kHardA},  {"вадимовн", Declension::kHardA},
    {"викторовн", Declension::kHardA},  {"германовн", Declension::kHardA}, {"денисовн", Declension::kHardA},
    {"егоровн", Declension::kHardA},    {"захаровн", Declension::kHardA},  {"кирилловн", Declension::kHardA},
    {"леонидовн", Declension::kHardA},  {"максимовн", Declension::kHardA}, {"олеговн", Declension::kHardA},
    {"романовн", Declension::kHardA},   {"руслановн", Declension::kHardA}, {"семеновн", Declension::kHardA},
    {"степановн", Declension::kHardA},  {"тарасовн", Declension::kHardA},  {"тимуровн", Declension::kHardA},
    {"федоровн", Declension::kHardA},   {"эдуардовн", Declension::kHardA}, {"андреевн", Declension::kHardA},
    {"алексеевн", Declension::kHardA},  {"сергеевн", Declension::kHardA},  {"николаевн", Declension::kHardA},
    {"анатольевн", Declension::kHardA}, {"васильевн", Declension::kHardA}, {"геннадьевн", Declension::kHardA},
    {"григорьевн", Declension::kHardA}, {"юрьевн", Declension::kHardA},    {"аркадьевн", Declension::kHardA},
};
constexpr Spare kSurnames[] = {
    {"абрамов", Declension::kSurname},     {"авдеев", Declension::kSurname},      {"беликов", Declension::kSurname},
    {"богданов", Declension::kSurname},    {"власов", Declension::kSurname},      {"воронин", Declension::kSurname},
    {"гаврилов", Declension::kSurname},    {"голубев", Declension::kSurname},     {"гордеев", Declension::kSurname},
    {"данилов", Declension::kSurname},     {"дорофеев", Declension::kSurname},    {"ермолаев", Declension::kSurname},
    {"ефимов", Declension::kSurname},      {"жданов", Declension::kSurname},      {"зайцев", Declension::kSurname},
    {"зиновьев", Declension::kSurname},    {"игнатов", Declension::kSurname},     {"исаев", Declension::kSurname},
    {"калашников", Declension::kSurname},  {"капустин", Declension::kSurname},    {"комаров", Declension::kSurname},
    {"королев", Declension::kSurname},     {"кудрявцев", Declension::kSurname},   {"лазарев", Declension::kSurname},
    {"логинов", Declension::kSurname},     {"макаров", Declension::kSurname},     {"мельников", Declension::kSurname},
    {"мухин", Declension::kSurname},       {"назаров", Declension::kSurname},     {"наумов", Declension::kSurname},
    {"носков", Declension::kSurname},      {"овчинников", Declension::kSurname},  {"осипов", Declension::kSurname},
    {"панфилов", Declension::kSurname},    {"пахомов", Declension::kSurname},     {"рогов", Declension::kSurname},
    {"рябинин", Declension::kSurname},     {"савельев", Declension::kSurname},    {"самойлов", Declension::kSurname},
    {"селезнев", Declension::kSurname},    {"тарасов", Declension::kSurname},     {"терентьев", Declension::kSurname},
    {"трифонов", Declension::kSurname},    {"уваров", Declension::kSurname},      {"фомин", Declension::kSurname},
    {"харитонов", Declension::kSurname},   {"цветков", Declension::kSurname},     {"чернов", Declension::kSurname},
    {"шаповалов", Declension::kSurname},   {"щербаков", Declension::kSurname},    {"юдин", Declension::kSurname},
    {"яшин", Declension::kSurname},        {"заболоцк", Declension::kSky},        {"вишневск", Declension::kSky},
    {"городецк", Declension::kSky},        {"дубровск", Declension::kSky},        {"каменск", Declension::kSky},
    {"лебединск", Declension::kSky},       {"островск", Declension::kSky},        {"полянск", Declension::kSky},
    {"соколовск", Declension::kSky},       {"тарновск", Declension::kSky},        {"яворск", Declension::kSky},
    {"залесск", Declension::kSky},         {"бондаренко", Declension::kNone},     {"гриценко", Declension::kNone},
    {"данченко", Declension::kNone},       {"зинченко", Declension::kNone},       {"кириленко", Declension::kNone},
    {"лысенко", Declension::kNone},        {"мироненко", Declension::kNone},      {"остапенко", Declension::kNone},
    {"радченко", Declension::kNone},       {"савченко", Declension::kNone},       {"тищенко", Declension::kNone},
    {"юрченко", Declension::kNone},        {"бергман", Declension::kConsonant},   {"вайнер", Declension::kConsonant},
    {"гринберг", Declension::kConsonant},  {"ковальчук", Declension::kConsonant}, {"майзель", Declension::kNone},
    {"мельничук", Declension::kConsonant}, {"полищук", Declension::kConsonant},   {"романюк", Declension::kConsonant},
    {"савчук", Declension::kConsonant},    {"тимощук", Declension::kConsonant},   {"фишман", Declension::kConsonant},
    {"бабинец", Declension::kNone},        {"коваль", Declension::kNone},         {"лобод", Declension::kHardA},
    {"сапег", Declension::kVelarA},        {"щерб", Declension::kHardA},          {"мазех", Declension::kVelarA},
};
constexpr Spare kTowns[] = {
    {"архангельск", Declension::kConsonant},
    {"барнаул", Declension::kConsonant},
    {"белгород", Declension::kConsonant},
    {"брянск", Declension::kConsonant},
    {"екатеринбург", Declension::kConsonant},
    {"ижевск", Declension::kConsonant},
    {"иркутск", Declension::kConsonant},
    {"краснодар", Declension::kConsonant},
    {"липецк", Declension::kConsonant},
    {"магадан", Declension::kConsonant},
    {"мурманск", Declension::kConsonant},
    {"новосибирск", Declension::kConsonant},
    {"омск", Declension::kConsonant},
    {"псков", Declension::kConsonant},
    {"саранск", Declension::kConsonant},
    {"саратов", Declension::kConsonant},
    {"смоленск", Declension::kConsonant},
    {"томск", Declension::kConsonant},
    {"челябинск", Declension::kConsonant},
    {"якутск", Declension::kConsonant},
    {"самар", Declension::kHardA},
    {"костром", Declension::kHardA},
    {"уф", Declension::kHardA},
    {"чит", Declension::kHardA},
    {"пенз", Declension::kHardA},
    {"алушт", Declension::kHardA},
    {"вологд", Declension::kHardA},
    {"калуг", Declension::kVelarA},
    {"анап", Declension::kHardA},
    {"ялт", Declension::kHardA},
    {"казан", Declension::kSoftFemale},
    {"перм", Declension::kSoftFemale},
    {"твер", Declension::kSoftFemale},
    {"рязан", Declension::kSoftFemale},
    {"астрахан", Declension::kSoftFemale},
    {"сызран", Declension::kSoftFemale},
    {"сочи", Declension::kNone},
    {"тольятти", Declension::kNone},
    {"кемерово", Declension::kNone},
    {"одинцово", Declension::kNone},
};

constexpr std::string_view kLatinMen[] = {
    "adrian",  "albert", "alfred",  "arthur",  "barry",   "bernard", "bruce",  "calvin",  "clifford",
    "curtis",  "dennis", "derek",   "douglas", "edgar",   "eugene",  "felix",  "gerald",  "gilbert",
    "gordon",  "harold", "howard",  "hubert",  "ivor",    "julian",  "keith",  "kenneth", "lawrence",
    "leonard", "lionel", "malcolm", "martin",  "maurice", "nigel",   "norman", "oscar",   "patrick",
    "philip",  "ralph",  "raymond", "rupert",  "stanley", "stuart",  "trevor", "vincent", "walter"};
constexpr std::string_view kLatinWomen[] = {
    "abigail",   "agnes",     "amelia",    "audrey",   "beatrice", "bernice",  "bridget", "caroline", "cecilia",
    "charlotte", "clara",     "deborah",   "doris",    "edith",    "eleanor",  "esther",  "eunice",   "florence",
    "frances",   "geraldine", "gwendolyn", "harriet",  "helena",   "imogen",   "irene",   "isabel",   "joanna",
    "josephine", "judith",    "lorraine",  "louise",   "lydia",    "marjorie", "matilda", "miriam",   "muriel",
    "nadine",    "phoebe",    "priscilla", "rosalind", "sylvia",   "theresa",  "ursula",  "vivian",   "winifred"};
constexpr std::string_view kLatinSurnames[] = {
    "abernathy", "ainsworth", "alderton",   "ashcroft",   "barlow",     "beckwith",  "blackwood", "bradshaw",
    "brennan",   "calloway",  "carmichael", "chadwick",   "colbert",    "crawford",  "dalton",    "davenport",
    "dunmore",   "ellsworth", "fairbanks",  "farnsworth", "fletcher",   "gallagher", "garfield",  "granger",
    "hargrove",  "hartley",   "hathaway",   "holbrook",   "huxley",     "ingram",    "jennings",  "kendrick",
    "kingsley",  "langford",  "lockwood",   "maddox",     "mansfield",  "mercer",    "middleton", "norwood",
    "oakley",    "osborne",   "pemberton",  "prescott",   "quinlan",    "radcliffe", "redmond",   "rutherford",
    "sheffield", "sinclair",  "stanton",    "sutherland", "tattersall", "thornton",  "underhill", "vaughn",
    "wakefield", "wentworth", "whitaker",   "winslow",    "woodruff",   "yardley"};
// Known, so that who has such a name is given one of the same kind.
constexpr std::string_view kOtherMen[] = {
    "james",   "john",    "robert",   "michael",  "william", "david",     "richard", "joseph", "thomas",
    "charles", "daniel",  "matthew",  "anthony",  "mark",    "donald",    "steven",  "paul",   "andrew",
    "joshua",  "kevin",   "brian",    "george",   "edward",  "ronald",    "timothy", "jason",  "jeffrey",
    "ryan",    "jacob",   "gary",     "nicholas", "eric",    "jonathan",  "stephen", "larry",  "justin",
    "scott",   "brandon", "benjamin", "samuel",   "frank",   "alexander", "jack",    "henry",  "peter",
    "ivan",    "adam",    "carl",     "simon",    "oliver",  "harry",     "luke",    "max",    "tom",
    "bob",     "bill",    "mike",     "dave",     "jim",     "joe",       "ben",     "sam",    "alex"};
constexpr std::string_view kOtherWomen[] = {
    "mary",   "patricia",  "jennifer", "linda",     "elizabeth", "barbara",   "susan",   "jessica",  "sarah",
    "karen",  "lisa",      "nancy",    "betty",     "sandra",    "margaret",  "ashley",  "kimberly", "emily",
    "donna",  "michelle",  "carol",    "amanda",    "melissa",   "stephanie", "rebecca", "laura",    "helen",
    "sharon", "cynthia",   "kathleen", "amy",       "angela",    "anna",      "ruth",    "brenda",   "pamela",
    "nicole", "catherine", "samantha", "christine", "emma",      "olivia",    "sophia",  "maria",    "julia",
    "grace",  "alice",     "jane",     "kate",      "lucy",      "eva",       "diana",   "natalie",  "victoria",
    "rachel", "hannah",    "anne",     "claire"};
constexpr std::string_view kLatinTowns[] = {
    "Ashbourne",  "Barnsley",  "Bridgeport",  "Brookhaven", "Carrollton", "Chesterfield", "Clarksville", "Dunfield",
    "Eastbourne", "Fairhaven", "Glenwood",    "Greenville", "Harrogate",  "Hartford",     "Kingsport",   "Lakewood",
    "Lancaster",  "Lynchburg", "Marlborough", "Middlebury", "Newbury",    "Northfield",   "Oakdale",     "Plainfield",
    "Ridgewood",  "Rockford",  "Salisbury",   "Southport",  "Springdale", "Stratford",    "Tewksbury",   "Waterbury",
    "Westbrook",  "Whitby",    "Woodstock",   "Yorkville"};
constexpr std::string_view kLatinCompanies[] = {"Brightwater", "Oakridge",  "Silverline", "Northgate",    "Bluefield",
                                                "Stonebridge", "Clearview", "Westmark",   "Redwood Hill", "Summit Lane",
                                                "Ironwood",    "Lakeshore", "Goldleaf",   "Harborview",   "Pinecrest",
                                                "Riverstone",  "Eastfield", "Copperton",  "Highmoor",     "Greystone"};
constexpr std::string_view kCompanies[] = {
    "Северный Ветер", "Полярсвет",    "Янтарьтрейд", "Орионмаш",   "Вертикальсервис", "Лазуритпром",   "Палладаинвест",
    "Кварцтех",       "Эталонстрой",  "Сириусгрупп", "Байкалторг", "Гранитинвест",    "Фрегатсервис",  "Изумрудтехно",
    "Антаресмаш",     "Меридианторг", "Авроратех",   "Атлантснаб", "Континентсбыт",   "Горизонтмонтаж"};
constexpr std::string_view kLatinStreets[] = {"Maple Avenue",  "Cedar Street",    "Willow Lane",   "Elm Street",
                                              "Chestnut Road", "Birch Avenue",    "Linden Street", "Hawthorn Road",
                                              "Juniper Lane",  "Sycamore Street", "Poplar Avenue", "Hazel Road"};
constexpr std::string_view kStreets[] = {"Садовая", "Полевая",   "Лесная",    "Школьная", "Заречная", "Луговая",
                                         "Озёрная", "Цветочная", "Берёзовая", "Сосновая", "Вишнёвая", "Рябиновая"};

}  // namespace

std::span<const Spare> men() {
  return kMen;
}
std::span<const Spare> women() {
  return kWomen;
}
std::span<const Spare> fathers() {
  return kFathers;
}
std::span<const Spare> daughters() {
  return kDaughters;
}
std::span<const Spare> surnames() {
  return kSurnames;
}
bool is_a_word_too(std::string_view stem) {
  return std::ranges::find(kWordsToo, stem) != std::end(kWordsToo);
}

std::span<const Spare> towns() {
  return kTowns;
}

LatinPart latin_part(std::string_view word) {
  const auto in = [word](auto const& names) { return std::ranges::find(names, word) != std::end(names); };
  if (in(kLatinMen) || in(kOtherMen)) return LatinPart::kMan;
  if (in(kLatinWomen) || in(kOtherWomen)) return LatinPart::kWoman;
  return LatinPart::kSurname;
}

std::span<const std::string_view> latin_spares(LatinPart part) {
  if (part == LatinPart::kMan) return kLatinMen;
  if (part == LatinPart::kWoman) return kLatinWomen;
  return kLatinSurnames;
}

std::span<const std::string_view> latin_towns() {
  return kLatinTowns;
}
std::span<const std::string_view> companies(bool cyrillic) {
  return cyrillic ? std::span<const std::string_view>(kCompanies) : std::span<const std::string_view>(kLatinCompanies);
}
std::span<const std::string_view> streets(bool cyrillic) {
  return cyrillic ? std::span<const std::string_view>(kStreets) : std::span<const std::string_view>(kLatinStreets);
}

}  // namespace fairlead::policy
