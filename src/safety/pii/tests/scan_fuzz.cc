// pii_fuzz [SECONDS [SEED [SUBJECT]]]: throws mutated texts at normalisation, at decoding, at the checks and at a scan;
// 1 and the text if one breaks a promise. Subjects: normalise, decode, checks, scan, custom, names, trained.
#include <algorithm>
#include <array>
#include <memory>
#include <string>
#include <vector>

#include "base/tests/fuzz.h"
#include "base/tests/mutations.h"
#include "platform/json/text.h"
#include "safety/pii/entities.h"
#include "safety/pii/internal/checks.h"
#include "safety/pii/internal/encoded.h"
#include "safety/pii/internal/normalise.h"
#include "safety/pii/internal/phone_plans.h"
#include "safety/pii/names/detector.h"
#include "safety/pii/scanner.h"
#include "safety/pii/tests/entity_cases.h"
#include "safety/pii/validity.h"

namespace {

using namespace fairlead;
using namespace fairlead::pii;

constexpr std::string_view kPieces[] = {" ",          "\n",
                                        ".",          "-",
                                        "/",          "+",
                                        "(",          "@",
                                        "://",        "%40",
                                        "%",          "=",
                                        "\u200B",     "\u0301",
                                        "\uFF14",     "\U000E0034",
                                        "А",          "\xFF",
                                        "0",          "99",
                                        "eyJ",        "sk-",
                                        "password: ", "паспорт ",
                                        "ИНН ",       "-----BEGIN PRIVATE KEY-----",
                                        "0x",         "NDExMTExMTExMTExMTExMQ==",
                                        "34313131",   "1.2.3.4",
                                        "::",         "May ",
                                        "GB29",       "\0"};

class Texts {
 public:
  explicit Texts(std::uint64_t seed) : random_{seed} {}
  std::string next() {
    std::string text;
    for (std::size_t parts = 1 + random_.below(4); parts > 0; --parts) {
      const EntityCase& one = entity_cases()[random_.below(entity_cases().size())];
      text += std::string(one.before) + std::string(one.value) + std::string(one.behind) +
              (random_.below(2) == 0 ? " " : "");
    }
    for (std::size_t slips = random_.below(12); slips > 0; --slips)
      slip(text, kPieces, entity_cases()[random_.below(entity_cases().size())].value, random_);
    return text;
  }
  SlipRandom& random() { return random_; }

 private:
  SlipRandom random_;
};

// A text in memory of its own size, so that a sanitiser sees a step beyond it.
class Tight {
 public:
  explicit Tight(std::string_view text) : bytes_(new char[text.size()]), size_(text.size()) {
    std::copy(text.begin(), text.end(), bytes_.get());
  }
  std::string_view view() const { return {bytes_.get(), size_}; }

 private:
  std::unique_ptr<char[]> bytes_;
  std::size_t size_;
};

std::string look_at_spans(const std::vector<Span>& spans, std::string_view text) {
  std::size_t end = 0, end_character = 0;
  for (const Span& one : spans) {
    if (one.start < end || one.end <= one.start || one.end > text.size())
      return "spans overlap, are empty, or go beyond the text";
    if (one.start_character < end_character || one.end_character <= one.start_character ||
        one.start_character > one.start)
      return "offsets in characters";
    if (one.score < 0.5 || one.score > 1 || one.why.empty() || one.entity.empty()) return "score, reason or name";
    end = one.end, end_character = one.end_character;
  }
  return "";
}

std::string normalise_round(Texts& texts, std::string& text) {
  text = texts.next();
  View view;
  const Tight tight(text);
  normalise(tight.view(), view);
  const bool ascii = json::count_characters(text) == text.size() && json::valid_utf8_prefix(text) == text.size();
  if (!ascii && json::valid_utf8_prefix(view.text) != view.text.size()) return "not UTF-8";
  std::size_t last = 0;
  for (std::size_t at = 0; at < view.text.size(); ++at) {
    const auto [start, end] = view.original(at, at + 1);
    if (start > end || end > text.size() || start < last) return "places that go back or beyond";
    if (end == start) return "a byte that stands for nothing";
    last = start;
  }
  if (!view.text.empty()) {
    const auto [start, end] = view.original(0, view.text.size());
    if (start > end || end > text.size()) return "the whole is not within the whole";
  }
  return "";
}

std::string decode_round(Texts& texts, std::string& text) {
  text = texts.next();
  if (text.empty()) return "";
  const std::size_t at = texts.random().below(text.size());
  for (const EncodedRun& run : {run_around(text, at, at + 1, 0), percent_run_around(text, at, 0)}) {
    if (run.start > run.end || run.end > text.size()) return "a run beyond the text";
    const auto decoded = decode(text, run);
    if (!decoded || decoded->form != Form::kPercent) continue;
    for (std::size_t i = 0; i < decoded->text.size(); ++i) {
      const auto [start, end] = decoded->map.original(i, i + 1);
      if (start < run.start || end > run.end || start >= end) return "a decoded byte from outside the run";
    }
  }
  return "";
}

std::string checks_round(Texts& texts, std::string& text) {
  constexpr std::string_view kCharacters = "0123456789ABCXYZabcdefmoO";
  text.clear();
  if (texts.random().below(2) == 0) text = entity_cases()[texts.random().below(entity_cases().size())].value;
  for (std::size_t left = texts.random().below(text.empty() ? 64 : 4); left > 0; --left)
    text.insert(texts.random().below(text.size() + 1), 1, kCharacters[texts.random().below(kCharacters.size())]);
  if (texts.random().below(3) == 0) text.resize(texts.random().below(text.size() + 1));
  const Tight tight(text);
  const std::string_view all = tight.view();
  // Who asks for an entity by name may ask about any text.
  for (const EntityInfo& one : entities()) (void)could_be(one.name, all);
  bool any = iban(all) || base58check(all) || bech32(all) || eip55(all) || uk_nino(all) || fr_nir(all) || es_dni(all) ||
             es_nie(all) || it_fiscal_code(all);
  std::string digits;
  for (const char c : text)
    if (is_digit(c) && digits.size() < 19) digits += c;
  const auto of = [&](std::size_t size, bool (*check)(std::string_view)) {
    if (digits.size() >= size) any |= check(Tight(std::string_view(digits).substr(0, size)).view());
  };
  of(9, us_ssn), of(9, us_itin), of(9, us_aba), of(10, uk_nhs), of(11, de_tax_id), of(11, pl_pesel), of(9, nl_bsn),
      of(10, ru_inn), of(12, ru_inn);
  of(11, ru_snils), of(13, ru_ogrn), of(15, ru_ogrnip), of(9, ru_kpp), of(9, ru_bik), of(10, ru_passport),
      of(16, ru_oms);
  const Tight number(digits);
  if (!digits.empty()) any |= luhn(number.view()) || !card_scheme(number.view()).empty();
  const PhonePlans& plans = PhonePlans::instance();
  any |= plans.valid_international(number.view()) || plans.valid_national(number.view(), "RU");
  return any && text.empty() ? "an empty text passed a check" : "";
}

std::string scan_round(const Scanner& scanner, Texts& texts, std::string& text) {
  text = texts.next();
  const Tight tight(text);
  const auto spans = scanner.scan(tight.view());
  if (std::string fault = look_at_spans(spans, text); !fault.empty()) return fault;
  return scanner.scan(text).size() == spans.size() ? "" : "a second scan finds something else";
}

std::string names_round(const Detector& detector, Texts& texts, std::string& text) {
  text = texts.next();
  while (texts.random().below(3) == 0) text += text.substr(0, 4'000);  // more than one sequence
  View view;
  normalise(text, view);
  std::vector<Finding> found, again;
  detector.find(view.text, found);
  detector.find(view.text, again);
  if (found.size() != again.size()) return "a second look finds something else";
  std::size_t last = 0;
  const auto inside = [&](std::size_t at) {
    return at < view.text.size() && (static_cast<unsigned char>(view.text[at]) & 0xC0) == 0x80;
  };
  for (const Finding& one : found) {
    if (one.start < last || one.end <= one.start || one.end > view.text.size()) return "findings overlap or go beyond";
    if (one.end - one.start > detector.longest()) return "longer than the longest";
    if (inside(one.start) || inside(one.end)) return "a part of a character";
    if (!(one.score >= 0 && one.score <= 1) || one.why.empty() || one.entity.empty()) return "score, reason or name";
    last = one.end;
  }
  return "";
}

// A trained file with some bytes changed is refused, or used without harm.
std::string trained_round(Texts& texts, std::string& text) {
  static std::string file(names::built_in_file().size() + 64, ' ');
  char* const at = file.data() + (64 - reinterpret_cast<std::uintptr_t>(file.data()) % 64) % 64;
  std::size_t size = names::built_in_file().size();
  std::copy_n(names::built_in_file().data(), size, at);
  for (std::size_t slips = 1 + texts.random().below(8); slips > 0; --slips)
    at[texts.random().below(texts.random().below(2) == 0 ? 900 : size)] = static_cast<char>(texts.random().below(256));
  if (texts.random().below(4) == 0) size -= texts.random().below(size);
  text = texts.next();
  View view;
  normalise(text, view);
  const auto made = names::detector_of({at, size});
  std::vector<Finding> found;
  if (made) (*made)->find(view.text, found);
  for (const Finding& one : found)
    if (one.end <= one.start || one.end > view.text.size()) return "a finding beyond the text";
  return "";
}

std::vector<FuzzSubject> subjects_of(std::uint64_t seed) {
  const auto texts = std::make_shared<Texts>(seed);
  const auto scanner = *Scanner::create({});
  ScannerOptions with_custom;
  with_custom.custom.push_back({.name = "X",
                                .patterns = {"\\d{3}[a-zа-я]{1,9}", "(?i)k.{1,5}y"},
                                .words = {"слово", "pass"},
                                .context = {"инн"}});
  const auto custom = *Scanner::create(std::move(with_custom));
  return {
      {"normalise", [texts](std::string& text) { return normalise_round(*texts, text); }},
      {"decode", [texts](std::string& text) { return decode_round(*texts, text); }},
      {"checks", [texts](std::string& text) { return checks_round(*texts, text); }},
      {"scan", [texts, scanner](std::string& text) { return scan_round(*scanner, *texts, text); }},
      {"custom", [texts, custom](std::string& text) { return scan_round(*custom, *texts, text); }},
      {"names", [texts, names = *names::detector()](std::string& text) { return names_round(*names, *texts, text); }},
      {"trained", [texts](std::string& text) { return trained_round(*texts, text); }}};
}

}  // namespace

int main(int argc, char** argv) {
  return fuzz(argc, argv, subjects_of);
}
