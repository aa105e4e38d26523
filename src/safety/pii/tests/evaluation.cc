// How good detection is on labelled text (scoring.h):
//   pii_eval FILE [report|tune|all] [--patterns] [--errors] [--spans FILE]
//
// `report`: the part of a public set that no training or tuning has seen (the default; all of a .tsv). --patterns:
// only what patterns can find, without names. --spans: what another program found, lines `{"id", "spans"}` with the
// number of the text in the file as id, instead of ours.
#include <cstdio>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include "platform/json/text.h"
#include "safety/pii/entities.h"
#include "safety/pii/scanner.h"
#include "safety/pii/tests/scoring.h"

namespace {

using namespace fairlead;

// The sets have one name for dates.
std::string mapped(std::string_view entity) {
  return std::string(entity == "DATE_OF_BIRTH" ? "DATE_TIME" : entity);
}

std::map<std::size_t, std::vector<pii::Label>> read_spans(const std::string& path) {
  std::map<std::size_t, std::vector<pii::Label>> out;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    const auto row = json::parse(line);
    if (!row) continue;
    std::vector<pii::Label>& labels = out[row->at("id").to_number<std::size_t>()];
    for (const boost::json::value& one : row->at("spans").as_array())
      labels.push_back({one.at("start").to_number<std::size_t>(), one.at("end").to_number<std::size_t>(),
                        std::string(one.at("entity").as_string())});
  }
  return out;
}

struct Asked {
  std::string path, part = "report", spans;
  bool errors = false, patterns = false;
};

int evaluate(const Asked& asked) {
  auto texts = pii::read_labelled(asked.path);
  if (!texts) return std::fprintf(stderr, "%s cannot be read\n", asked.path.c_str()), 2;
  std::vector<std::size_t> numbers;
  std::vector<pii::LabelledText> chosen;
  const bool all = asked.part == "all" || asked.path.ends_with(".tsv");
  for (std::size_t i = 0; i < texts->size(); ++i)
    if (all || pii::is_reported((*texts)[i].text) == (asked.part == "report"))
      numbers.push_back(i), chosen.push_back((*texts)[i]);
  pii::ScannerOptions options;
  if (asked.patterns)
    for (const pii::EntityInfo& one : pii::entities())
      if (!pii::is_of_names(one.name)) options.entities.emplace_back(one.name);
  const auto scanner = pii::Scanner::create(options);
  if (!scanner) return std::fprintf(stderr, "%s\n", scanner.error().message.c_str()), 1;
  const auto others = asked.spans.empty() ? std::map<std::size_t, std::vector<pii::Label>>() : read_spans(asked.spans);

  const auto find = [&](std::size_t i, const std::string& text) {
    if (!asked.spans.empty()) {
      const auto found = others.find(numbers[i]);
      return found == others.end() ? std::vector<pii::Label>() : found->second;
    }
    std::vector<pii::Label> out;
    for (const pii::Span& one : (*scanner)->scan(text))
      out.push_back({one.start_character, one.end_character, mapped(one.entity)});
    return out;
  };
  const auto counted = [&](std::string_view entity) {
    return pii::is_entity(entity) && !(asked.patterns && pii::is_of_names(entity));
  };
  std::map<std::string, std::map<std::size_t, std::size_t>> errors;  // by kind: tokens of each text
  const auto note = [&](const std::string& kind, std::size_t text) { ++errors[kind][text]; };
  const pii::Tally tally = pii::tally(chosen, find, counted, note);
  std::printf("%zu texts (%s)\n%-20s %7s %7s %7s %9s %9s %7s\n", chosen.size(), all ? "all" : asked.part.c_str(),
              "entity", "right", "wrong", "missed", "precision", "recall", "F2");
  const auto line = [](const std::string& name, const pii::Count& one) {
    std::printf("%-20s %7zu %7zu %7zu %9.3f %9.3f %7.3f\n", name.c_str(), one.right, one.wrong, one.missed,
                one.precision(), one.recall(), one.f2());
  };
  for (const auto& [name, count] : tally.by_entity) line(name, count);
  line("of the right kind", tally.right_kind);
  line("any of them", tally.any);
  for (const auto& [kind, of] : errors) {
    if (!asked.errors) break;
    std::size_t tokens = 0;
    for (const auto& [text, count] : of) tokens += count;
    std::printf("\n%s: %zu tokens\n", kind.c_str(), tokens);
    for (const auto& [text, count] : of) std::printf("%5zu  %s\n", count, json::quoted(chosen[text].text).c_str());
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  Asked asked;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if (word == "--errors")
      asked.errors = true;
    else if (word == "--patterns")
      asked.patterns = true;
    else if (word == "--spans" && i + 1 < argc)
      asked.spans = argv[++i];
    else if (word == "report" || word == "tune" || word == "all")
      asked.part = word;
    else
      asked.path = word;
  }
  if (asked.path.empty())
    return std::fprintf(stderr, "pii_eval FILE [report|tune|all] [--patterns] [--errors] [--spans FILE]\n"), 2;
  return evaluate(asked);
}
