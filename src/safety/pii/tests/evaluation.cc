// How good the patterns are on labelled text: pii_eval presidio_synth_en.json [report|tune] [--errors].
//
// The file is that of presidio-research: [{full_text, spans: [{entity_type, start_position, end_position}]}], offsets
// in characters. The split is by a fixed hash: a text is reported if the first four bytes of its SHA-256 are, as a
// number, under 40 modulo 100; the others are there to look at. A token is a run of letters and digits; it counts as an
// entity's if a span touches it. Only entities that patterns can find are counted: names, places, organisations,
// titles, ages, nationalities and postal codes are not. F2 = 5PR / (4P + R).
#include <algorithm>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/digest.h"
#include "platform/json/text.h"
#include "safety/pii/internal/look_alikes.h"
#include "safety/pii/internal/normalise.h"
#include "safety/pii/scanner.h"

namespace {

using namespace fairlead;

const std::set<std::string_view> kCovered = {"CREDIT_CARD", "PHONE_NUMBER",      "EMAIL_ADDRESS",
                                             "DOMAIN_NAME", "IBAN_CODE",         "US_SSN",
                                             "IP_ADDRESS",  "US_DRIVER_LICENSE", "DATE_TIME"};

struct Label {
  std::size_t start, end;  // characters
  std::string entity;
};
struct Token {
  std::size_t start, end;
};
struct Count {
  std::size_t right = 0, wrong = 0, missed = 0;
  double precision() const {
    return right + wrong == 0 ? 1 : static_cast<double>(right) / static_cast<double>(right + wrong);
  }
  double recall() const {
    return right + missed == 0 ? 1 : static_cast<double>(right) / static_cast<double>(right + missed);
  }
  double f2() const {
    return precision() + recall() == 0 ? 0 : 5 * precision() * recall() / (4 * precision() + recall());
  }
};

bool is_reported(const std::string& text) {
  const Sha256 digest = sha256(text);
  const std::uint32_t number =
      (std::uint32_t{digest[0]} << 24) | (std::uint32_t{digest[1]} << 16) | (std::uint32_t{digest[2]} << 8) | digest[3];
  return number % 100 < 40;
}

std::vector<Token> tokens_of(const std::string& text) {
  std::vector<Token> out;
  std::size_t character = 0;
  bool inside = false;
  for (std::size_t at = 0; at < text.size(); ++character) {
    const pii::Character one = pii::character_at(text, at);
    const bool word =
        one.code < 0x80 ? pii::is_ascii_word(static_cast<unsigned char>(one.code)) : pii::is_other_letter(one.code);
    if (word && !inside) out.push_back({character, character});
    if (word) out.back().end = character + 1;
    inside = word;
    at += one.size;
  }
  return out;
}

std::string entity_at(const std::vector<Label>& labels, const Token& token) {
  for (const Label& one : labels)
    if (one.start < token.end && token.start < one.end) return one.entity;
  return {};
}

std::string mapped(std::string_view entity) {
  return std::string(entity == "DATE_OF_BIRTH" ? "DATE_TIME" : entity);
}

std::vector<Label> found_in(const pii::Scanner& scanner, const std::string& text) {
  std::vector<Label> out;
  for (const pii::Span& one : scanner.scan(text))
    out.push_back({one.start_character, one.end_character, mapped(one.entity)});
  return out;
}

std::vector<Label> labels_of(const boost::json::object& row) {
  std::vector<Label> out;
  for (const boost::json::value& one : row.at("spans").as_array())
    out.push_back({one.at("start_position").to_number<std::size_t>(), one.at("end_position").to_number<std::size_t>(),
                   std::string(one.at("entity_type").as_string())});
  return out;
}

}  // namespace

int main(int argc, char** argv) {
  std::string path, part = "report";
  bool errors = false;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if (word == "--errors")
      errors = true;
    else if (word == "report" || word == "tune")
      part = word;
    else
      path = word;
  }
  std::ifstream file(path);
  const std::string text(std::istreambuf_iterator<char>(file), {});
  const auto rows = json::parse(text);
  if (!rows || !rows->is_array()) return std::fprintf(stderr, "pii_eval FILE [report|tune] [--errors]\n"), 2;
  const auto scanner = pii::Scanner::create({});
  if (!scanner) return std::fprintf(stderr, "%s\n", scanner.error().message.c_str()), 1;

  std::map<std::string, Count> counts;
  Count all;
  std::size_t texts = 0;
  for (const boost::json::value& row : rows->get_array()) {
    const std::string full(row.at("full_text").as_string());
    if (is_reported(full) != (part == "report")) continue;
    ++texts;
    const std::vector<Label> labels = labels_of(row.as_object()), found = found_in(**scanner, full);
    std::set<std::string> kinds_of_error;
    for (const Token& token : tokens_of(full)) {
      const std::string wanted = entity_at(labels, token), got = entity_at(found, token);
      const bool counts_wanted = kCovered.contains(wanted);
      if (counts_wanted && got == wanted) ++counts[wanted].right;
      if (counts_wanted && got != wanted) ++counts[wanted].missed, kinds_of_error.insert("missed " + wanted);
      if (!got.empty() && got != wanted)
        ++counts[got].wrong, kinds_of_error.insert("wrong " + got + " for " + (wanted.empty() ? "nothing" : wanted));
      if (counts_wanted) ++(got.empty() ? all.missed : all.right);
      if (!got.empty() && wanted.empty()) ++all.wrong;
    }
    if (errors)
      for (const std::string& kind : kinds_of_error)
        std::printf("%-40s %s\n", kind.c_str(), json::quoted(full).c_str());
  }
  std::printf("%zu texts (%s)\n%-20s %7s %7s %7s %9s %9s %7s\n", texts, part.c_str(), "entity", "right", "wrong",
              "missed", "precision", "recall", "F2");
  const auto line = [](const std::string& name, const Count& one) {
    std::printf("%-20s %7zu %7zu %7zu %9.3f %9.3f %7.3f\n", name.c_str(), one.right, one.wrong, one.missed,
                one.precision(), one.recall(), one.f2());
  };
  for (const auto& [name, count] : counts) line(name, count);
  line("any of them", all);
  return 0;
}
