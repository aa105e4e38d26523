#include "safety/pii/names/training/examples.h"

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string_view>

namespace fairlead::pii::names {
namespace {

std::string plain(std::string_view escaped) {
  std::string out;
  for (std::size_t i = 0; i < escaped.size(); ++i) {
    if (escaped[i] != '\\' || i + 1 == escaped.size()) {
      out += escaped[i];
      continue;
    }
    const char next = escaped[++i];
    out += next == 'n' ? '\n' : next == 't' ? '\t' : next;
  }
  return out;
}

Label begin_of(std::string_view entity) {
  for (std::uint8_t i = 1; i < kLabels; ++i)
    if (entity_of(static_cast<Label>(i)) == entity) return static_cast<Label>(i);
  return kOutside;
}

}  // namespace

std::vector<Example> read_corpus(const std::string& path) {
  std::ifstream file(path);
  if (!file) std::fprintf(stderr, "%s cannot be read\n", path.c_str()), std::exit(2);
  std::vector<Example> out;
  for (std::string line; std::getline(file, line);) {
    const std::size_t tab = line.find('\t');
    if (tab == line.npos) std::fprintf(stderr, "%s: a line without a tab\n", path.c_str()), std::exit(2);
    Example one{plain(std::string_view(line).substr(0, tab)), {}, line.ends_with("\taside")};
    if (one.aside) line.resize(line.size() - 6);
    std::size_t at = tab + 1;
    while (at < line.size()) {
      std::size_t end = line.find(';', at);
      if (end == line.npos) end = line.size();
      unsigned long from = 0, to = 0;
      char entity[64] = {};
      if (std::sscanf(line.substr(at, end - at).c_str(), "%lu %lu %63s", &from, &to, entity) == 3)
        one.spans.push_back({from, to, entity});
      at = end + 1;
    }
    out.push_back(std::move(one));
  }
  return out;
}

void gold_labels(const Example& example, const Token* tokens, std::size_t count, Label* out) {
  const Labelled* before = nullptr;
  for (std::size_t i = 0; i < count; ++i) {
    const Labelled* of = nullptr;
    for (const Labelled& one : example.spans)
      if (one.start < tokens[i].end && tokens[i].start < one.end && begin_of(one.entity) != kOutside) of = &one;
    out[i] = of == nullptr ? kOutside : begin_of(of->entity);
    const auto inside = static_cast<Label>(out[i] + 1);
    if (of != nullptr && of == before && inside < kLabels && is_inside(inside)) out[i] = inside;
    if (of != nullptr && tokens[i].mark == '\n' && before != of) out[i] = kOutside, of = nullptr;
    before = of;
  }
}

}  // namespace fairlead::pii::names
