#include "safety/pii/scanner.h"

#include <algorithm>
#include <map>
#include <optional>

#include "base/suggest.h"
#include "safety/pii/entities.h"
#include "safety/pii/internal/encoded.h"
#include "safety/pii/internal/normalise.h"
#include "safety/pii/internal/pattern_detector.h"
#include "safety/pii/names/detector.h"

namespace fairlead::pii {
namespace {

constexpr int kDeepest = 2;                             // texts within texts
constexpr std::size_t kLeastDecodedBudget = 64 * 1024;  // of decoded bytes, or twice the text

std::unexpected<Error> refuse(std::string message, std::string param) {
  return fail(ErrorKind::kInvalid, "invalid_value", std::move(message), std::move(param));
}

Result<void> check_entity(const ScannerOptions& options, std::string_view name, std::string param) {
  if (is_entity(name) || std::ranges::find(options.custom, name, &CustomEntity::name) != options.custom.end())
    return {};
  std::vector<std::string> known;
  for (const EntityInfo& one : entities()) known.emplace_back(one.name);
  for (const CustomEntity& one : options.custom) known.push_back(one.name);
  return refuse("There is no entity `" + std::string(name.substr(0, 60)) + "`." + did_you_mean(name, known),
                std::move(param));
}

Result<void> check(const ScannerOptions& options) {
  const auto in_range = [](double score) { return score >= 0 && score <= 1; };
  if (!in_range(options.threshold)) return refuse("`threshold` is a number from 0 to 1.", "threshold");
  for (const auto& [name, threshold] : options.thresholds) {
    FAIRLEAD_CHECK(check_entity(options, name, "thresholds"));
    if (!in_range(threshold)) return refuse("`thresholds." + name + "` is a number from 0 to 1.", "thresholds." + name);
  }
  for (std::size_t i = 0; i < options.entities.size(); ++i)
    FAIRLEAD_CHECK(check_entity(options, options.entities[i], "entities[" + std::to_string(i) + "]"));
  return {};
}

std::size_t rank(std::string_view entity) {
  const auto found = std::ranges::find(entities(), entity, &EntityInfo::name);
  return static_cast<std::size_t>(found - entities().begin());
}

struct Candidate {
  Span span;
  bool container = false;
  bool name = false;  // of the tagger's entities
  std::size_t size() const { return span.end - span.start; }
};

// Names last; else containers first, longer ones before shorter; then by score, length, the order of entities, place.
bool comes_before(const Candidate& a, const Candidate& b) {
  if (a.name != b.name) return b.name;
  if (a.container != b.container) return a.container;
  if (a.container && a.size() != b.size()) return a.size() > b.size();
  if (a.span.score != b.span.score) return a.span.score > b.span.score;
  if (a.size() != b.size()) return a.size() > b.size();
  if (a.span.entity != b.span.entity) return rank(a.span.entity) < rank(b.span.entity);
  return a.span.start < b.span.start;
}

// What a name has in common with what patterns found is taken off: the longest part that is left.
void cut(Span& name, const std::map<std::size_t, std::size_t>& taken, std::string_view text) {
  std::size_t at = name.start, start = name.start, end = name.start;
  auto next = taken.upper_bound(name.start);
  if (next != taken.begin()) at = std::max(at, std::prev(next)->second);
  for (;; ++next) {
    const std::size_t until = next == taken.end() ? name.end : std::min(next->first, name.end);
    if (until > at && until - at > end - start) start = at, end = until;
    if (until == name.end) break;
    at = next->second;
  }
  constexpr std::string_view kJoining = " \t\r\n,;:";
  while (start < end && kJoining.find(text[start]) != kJoining.npos) ++start;
  while (start < end && kJoining.find(text[end - 1]) != kJoining.npos) --end;
  name.start = start, name.end = end;
}

std::vector<Span> without_overlaps(std::vector<Candidate> candidates, std::string_view text) {
  std::vector<Span> out;
  if (candidates.empty()) return out;
  std::ranges::stable_sort(candidates, comes_before);
  std::map<std::size_t, std::size_t> taken;  // start to end
  for (Candidate& one : candidates) {
    const auto overlaps = [&] {
      const auto next = taken.lower_bound(one.span.start);
      if (next != taken.end() && next->first < one.span.end) return true;
      return next != taken.begin() && std::prev(next)->second > one.span.start;
    };
    if (one.name && overlaps()) cut(one.span, taken, text);
    if (one.span.start == one.span.end || overlaps()) continue;
    const auto next = taken.lower_bound(one.span.start);
    taken.emplace_hint(next, one.span.start, one.span.end);
    out.push_back(std::move(one.span));
  }
  std::ranges::sort(out, {}, &Span::start);
  return out;
}

void count_characters(std::string_view text, std::vector<Span>& spans) {
  std::size_t at = 0, characters = 0;
  const auto advance = [&](std::size_t to) {
    while (at < to) {
      at += character_at(text, at).size;
      ++characters;
    }
    return characters;
  };
  for (Span& one : spans) {
    one.start_character = advance(one.start);
    one.end_character = advance(one.end);
  }
}

}  // namespace

std::string_view name_of(Form form) {
  constexpr std::string_view kNames[] = {"plain", "normalised", "percent", "base64", "hex"};
  return kNames[static_cast<std::size_t>(form)];
}

struct Scanner::Parts {
  ScannerOptions options;
  std::unique_ptr<PatternDetector> patterns;
  std::vector<std::shared_ptr<const Detector>> others;

  double threshold(std::string_view entity) const {
    const auto own = options.thresholds.find(entity);
    return own != options.thresholds.end() ? own->second : options.threshold;
  }
  bool wants(const Finding& finding) const {
    if (finding.score < threshold(finding.entity)) return false;
    return options.entities.empty() || std::ranges::find(options.entities, finding.entity) != options.entities.end();
  }
};

// One text, and those within it.
class Scanner::Work {
 public:
  Work(const Parts& parts, std::size_t size) : parts_(parts), budget_(std::max(kLeastDecodedBudget, 2 * size)) {}

  // A text that stands for a part of another one.
  struct Place {
    const Place* outer = nullptr;
    const View* view = nullptr;        // of this text
    std::size_t start = 0, end = 0;    // the run, in the outer view
    const PositionMap* map = nullptr;  // if its characters stand for themselves
    Form form = Form::kPlain;
  };

  void look(std::string_view text, Place place, int depth) {
    View view;
    normalise(text, view);
    place.view = &view;
    std::vector<Finding> findings;
    std::vector<EncodedRun> runs;
    parts_.patterns->find(view.text, findings, runs);
    for (const auto& one : parts_.others) one->find(view.text, findings);
    for (Finding& one : findings)
      if (parts_.wants(one)) add(std::move(one), place);
    if (depth >= kDeepest) return;
    for (const EncodedRun& run : runs) look_into(view, run, place, depth);
  }

  std::vector<Candidate> take() { return std::move(candidates_); }

 private:
  void look_into(const View& view, const EncodedRun& run, const Place& place, int depth) {
    if (run.end - run.start > budget_) return;
    budget_ -= run.end - run.start;
    const auto decoded = decode(view.text, run);
    if (!decoded) return;
    look(
        decoded->text,
        {&place, nullptr, run.start, run.end, decoded->form == Form::kPercent ? &decoded->map : nullptr, decoded->form},
        depth + 1);
  }

  void add(Finding finding, const Place& place) {
    std::size_t start = finding.start, end = finding.end;
    Form form = place.form;
    for (const Place* one = &place; one != nullptr; one = one->outer) {
      if (one->view->changed()) {
        std::tie(start, end) = one->view->original(start, end);
        if (form == Form::kPlain) form = Form::kNormalised;
      }
      if (one->outer == nullptr) break;
      if (one->map != nullptr)
        std::tie(start, end) = one->map->original(start, end);
      else
        start = one->start, end = one->end;
    }
    if (form != Form::kPlain && form != Form::kNormalised) finding.why.append("; in ").append(name_of(form));
    Span span{start, end, 0, 0, finding.entity, finding.score, std::move(finding.why), form};
    candidates_.push_back({std::move(span), finding.container, is_of_names(finding.entity)});
  }

  const Parts& parts_;
  std::size_t budget_;
  std::vector<Candidate> candidates_;
};

Scanner::Scanner() = default;
Scanner::~Scanner() = default;

Result<std::shared_ptr<const Scanner>> Scanner::create(ScannerOptions options) {
  FAIRLEAD_CHECK(check(options));
  prepare_normalisation();
  auto parts = std::make_unique<Parts>();
  double least = options.threshold;
  for (const auto& [name, threshold] : options.thresholds) least = std::min(least, threshold);
  FAIRLEAD_TRY(parts->patterns, PatternDetector::create(options.phone_regions, least));
  parts->others = options.detectors;
  if (options.entities.empty() || std::ranges::any_of(options.entities, is_of_names)) {
    FAIRLEAD_TRY(std::shared_ptr<const Detector> of_names, names::detector());
    parts->others.push_back(std::move(of_names));
  }
  if (!options.custom.empty()) {
    FAIRLEAD_TRY(std::unique_ptr<const Detector> custom, make_custom_detector(options.custom));
    parts->others.push_back(std::move(custom));
  }
  parts->options = std::move(options);
  std::shared_ptr<Scanner> out(new Scanner);
  out->parts_ = std::move(parts);
  return out;
}

std::vector<Span> Scanner::scan(std::string_view text) const {
  Work work(*parts_, text.size());
  work.look(text, {}, 0);
  std::vector<Span> out = without_overlaps(work.take(), text);
  count_characters(text, out);
  return out;
}

}  // namespace fairlead::pii
