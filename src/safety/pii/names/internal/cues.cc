#include "safety/pii/names/internal/cues.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace fairlead::pii::names {
namespace {

constexpr std::string_view kCues[] = {
    "mr",        "mrs",       "ms",         "miss",      "dr",       "prof",     "professor", "sir",       "dear",
    "hi",        "hello",     "regards",    "sincerely", "name",     "named",    "surname",   "customer",  "patient",
    "contact",   "attn",      "ceo",        "president", "address",  "street",   "st",        "avenue",    "ave",
    "road",      "rd",        "lane",       "drive",     "suite",    "apt",      "box",       "city",      "country",
    "zip",       "postcode",  "postal",     "company",   "inc",      "ltd",      "llc",       "corp",      "gmbh",
    "group",     "bank",      "university", "years",     "old",      "turned",   "age",       "born",      "live",
    "lives",     "from",      "зовут",      "имя",       "фамилия",  "отчество", "фио",       "уважаемый", "уважаемая",
    "господин",  "госпожа",   "директор",   "директора", "менеджер", "клиент",   "пациент",   "доктор",    "врач",
    "президент", "гражданин", "уважением",  "г",         "гор",      "город",    "города",    "городе",    "область",
    "край",      "ул",        "улица",      "улице",     "улицы",    "проспект", "пр",        "переулок",  "пер",
    "шоссе",     "дом",       "д",          "кв",        "адрес",    "адресу",   "индекс",    "ооо",       "ао",
    "пао",       "оао",       "зао",        "ип",        "компания", "компании", "банк",      "фирма",     "завод",
    "магазин",   "лет",       "год",        "года",      "возрасте", "из"};

using Cue = std::pair<std::uint32_t, std::string_view>;

const std::vector<Cue>& cues() {
  static const std::vector<Cue> instance = [] {
    std::vector<Cue> out;
    for (const std::string_view word : kCues) out.emplace_back(token_of(word).word, word);
    std::ranges::sort(out);
    return out;
  }();
  return instance;
}

std::string_view cue_of(const Token& token) {
  if (token.kind == kMark || token.kind == kNumber) return {};
  const auto found = std::ranges::lower_bound(cues(), token.word, {}, &Cue::first);
  return found != cues().end() && found->first == token.word ? found->second : std::string_view();
}

}  // namespace

std::string_view cue_near(const Token* tokens, std::size_t count, std::size_t start, std::size_t end) {
  constexpr std::size_t kReach = 3;
  for (std::size_t i = start; i > 0 && i + kReach > start; --i)
    if (const std::string_view cue = cue_of(tokens[i - 1]); !cue.empty()) return cue;
  for (std::size_t i = start; i < end; ++i)
    if (const std::string_view cue = cue_of(tokens[i]); !cue.empty()) return cue;
  for (std::size_t i = end; i < count && i < end + kReach; ++i)
    if (const std::string_view cue = cue_of(tokens[i]); !cue.empty()) return cue;
  return {};
}

}  // namespace fairlead::pii::names
