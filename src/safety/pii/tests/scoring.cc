#include "safety/pii/tests/scoring.h"

#include <cstdio>
#include <fstream>
#include <iterator>

#include "base/digest.h"
#include "platform/json/text.h"
#include "safety/pii/internal/look_alikes.h"
#include "safety/pii/internal/normalise.h"

namespace fairlead::pii {
namespace {

struct TokenRange {
  std::size_t start, end;
};

std::vector<TokenRange> tokens_in(const std::string& text) {
  std::vector<TokenRange> out;
  std::size_t character = 0;
  bool inside = false;
  for (std::size_t at = 0; at < text.size(); ++character) {
    const Character one = character_at(text, at);
    const bool word = one.code < 0x80 ? is_ascii_word(static_cast<unsigned char>(one.code)) : is_other_letter(one.code);
    if (word && !inside) out.push_back({character, character});
    if (word) out.back().end = character + 1;
    inside = word;
    at += one.size;
  }
  return out;
}

std::string entity_at(const std::vector<Label>& labels, const TokenRange& token) {
  for (const Label& one : labels)
    if (one.start < token.end && token.start < one.end) return one.entity;
  return {};
}

std::size_t characters_before(const std::string& text, std::size_t byte) {
  std::size_t out = 0;
  for (std::size_t at = 0; at < byte && at < text.size(); ++out) at += character_at(text, at).size;
  return out;
}

LabelledText of_line(const std::string& line) {
  LabelledText out;
  const std::size_t tab = line.find('\t');
  for (std::size_t i = 0; i < tab && i < line.size(); ++i) {
    if (line[i] != '\\' || i + 1 == tab) {
      out.text += line[i];
      continue;
    }
    const char next = line[++i];
    out.text += next == 'n' ? '\n' : next == 't' ? '\t' : next;
  }
  for (std::size_t at = tab; at != line.npos && at + 1 < line.size(); at = line.find(';', at + 1)) {
    unsigned long start = 0, end = 0;
    char entity[64] = {};
    if (std::sscanf(line.c_str() + at + 1, "%lu %lu %63[A-Z_]", &start, &end, entity) == 3)
      out.labels.push_back({characters_before(out.text, start), characters_before(out.text, end), entity});
  }
  return out;
}

}  // namespace

std::optional<std::vector<LabelledText>> read_labelled(const std::string& path) {
  std::ifstream file(path);
  if (!file) return std::nullopt;
  std::vector<LabelledText> out;
  if (path.ends_with(".tsv")) {
    for (std::string line; std::getline(file, line);) out.push_back(of_line(line));
    return out;
  }
  const std::string text(std::istreambuf_iterator<char>(file), {});
  const auto rows = json::parse(text);
  if (!rows || !rows->is_array()) return std::nullopt;
  for (const boost::json::value& row : rows->get_array()) {
    LabelledText one{std::string(row.at("full_text").as_string()), {}};
    for (const boost::json::value& span : row.at("spans").as_array())
      one.labels.push_back({span.at("start_position").to_number<std::size_t>(),
                            span.at("end_position").to_number<std::size_t>(),
                            std::string(span.at("entity_type").as_string())});
    out.push_back(std::move(one));
  }
  return out;
}

bool is_reported(const std::string& text) {
  const Sha256 digest = sha256(text);
  const std::uint32_t number =
      (std::uint32_t{digest[0]} << 24) | (std::uint32_t{digest[1]} << 16) | (std::uint32_t{digest[2]} << 8) | digest[3];
  return number % 100 < 40;
}

double Count::precision() const {
  return right + wrong == 0 ? 1 : static_cast<double>(right) / static_cast<double>(right + wrong);
}
double Count::recall() const {
  return right + missed == 0 ? 1 : static_cast<double>(right) / static_cast<double>(right + missed);
}
double Count::f2() const {
  return precision() + recall() == 0 ? 0 : 5 * precision() * recall() / (4 * precision() + recall());
}

Tally tally(const std::vector<LabelledText>& texts,
            const std::function<std::vector<Label>(std::size_t, const std::string&)>& find,
            const std::function<bool(std::string_view)>& counted,
            const std::function<void(const std::string& kind, std::size_t text)>& report) {
  Tally out;
  for (std::size_t i = 0; i < texts.size(); ++i) {
    const std::vector<Label> found = find(i, texts[i].text);
    for (const TokenRange& token : tokens_in(texts[i].text)) {
      const std::string wanted = entity_at(texts[i].labels, token), got = entity_at(found, token);
      const bool counts = !wanted.empty() && counted(wanted);
      if (counts && got == wanted) ++out.by_entity[wanted].right, ++out.right_kind.right;
      if (counts && got != wanted) ++out.by_entity[wanted].missed, ++out.right_kind.missed;
      if (counts) ++(got.empty() ? out.any.missed : out.any.right);
      if (!got.empty() && got != wanted) ++out.by_entity[got].wrong, ++out.right_kind.wrong;
      if (!got.empty() && wanted.empty()) ++out.any.wrong;
      if (report && counts && got.empty()) report("missed " + wanted, i);
      if (report && !got.empty() && got != wanted) report(got + " for " + (wanted.empty() ? "nothing" : wanted), i);
    }
  }
  return out;
}

}  // namespace fairlead::pii
