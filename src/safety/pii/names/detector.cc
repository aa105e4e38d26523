#include "safety/pii/names/detector.h"

#include <algorithm>
#include <string>
#include <utility>

#include "safety/pii/names/internal/cues.h"
#include "safety/pii/names/internal/tagger.h"

namespace fairlead::pii::names {
namespace {

// Where a sequence that is full may end: behind a mark that ends a sentence or a line, in its last quarter; else
// anywhere.
std::size_t good_end(const Token* tokens, std::size_t count) {
  for (std::size_t i = count; i > count - count / 4; --i)
    if (tokens[i - 1].kind == kMark && tokens[i - 1].shape == 1) return i;
  return count;
}

class Tagged : public Detector {
 public:
  explicit Tagged(const Model& model) : model_(model) {}

  std::size_t longest() const override { return kLongestName; }

  void find(std::string_view text, std::vector<Finding>& out) const override {
    thread_local const std::unique_ptr<Workplace> work = std::make_unique<Workplace>();
    std::size_t at = 0;
    while (at < text.size()) {
      std::size_t count = 0;
      const std::size_t next = read_tokens(text, at, work->first(), kLongestSequence, count);
      if (count == kLongestSequence) {
        count = good_end(work->first(), count);
        at = work->first()[count - 1].end;
      } else {
        at = next;
      }
      if (count > 0) look(*work, count, out);
    }
  }

 private:
  void look(Workplace& work, std::size_t count, std::vector<Finding>& out) const {
    Token* const tokens = work.first();
    prepare(model_, work, count);
    emit(model_, work, count, case_of(tokens, count));
    decode(model_.head(), work, count);
    if (std::all_of(work.labels, work.labels + count, [](Label label) { return label == kOutside; })) return;
    std::int32_t margins[kLongestSequence];
    margins_of(model_.head(), work, count, margins);
    for (std::size_t i = 0; i < count;) {
      std::size_t end = i + 1;
      if (work.labels[i] != kOutside) {
        while (end < count && is_inside(work.labels[end])) ++end;
        add(work, count, i, end, margins, out);
      }
      i = end;
    }
  }

  void add(const Workplace& work, std::size_t count, std::size_t start, std::size_t end, const std::int32_t* margins,
           std::vector<Finding>& out) const {
    const Token* const tokens = work.tokens + kPadding;
    const Label label = work.labels[start];
    const auto joins = [](const Token& token) {  // rather than belongs
      constexpr std::u32string_view kJoining = U"\n,;:-/|>";
      return token.kind == kMark && kJoining.find(token.mark) != kJoining.npos;
    };
    while (start < end && joins(tokens[start])) ++start;
    while (start < end && joins(tokens[end - 1])) --end;
    // The stop behind a name ends the sentence, but for initials and what is usually cut short (Inc., Mr., St.).
    if (end > start + 1 && tokens[end - 1].mark == '.' && tokens[end - 2].kind != kLetter &&
        (label == kBeginPlace || label == kBeginPerson || label == kNationality || label == kAge || label == kBeginZip))
      --end;
    if (start == end || tokens[end - 1].end - tokens[start].start > kLongestName) return;
    std::int32_t sum = 0, words = 0;
    for (std::size_t i = start; i < end; ++i)
      if (tokens[i].kind != kMark) sum += margins[i], ++words;
    if (words == 0) return;
    std::string why = "name model";
    if (const std::string_view cue = cue_near(tokens, count, start, end); !cue.empty())
      why.append("; near `").append(cue).append("`");
    out.push_back(
        {tokens[start].start, tokens[end - 1].end, entity_of(label), model_.score_of(sum / words), std::move(why)});
  }

  Model model_;
};

}  // namespace

Result<std::shared_ptr<const Detector>> detector_of(std::string_view file) {
  FAIRLEAD_TRY(const Model model, Model::read(file));
  return std::make_shared<const Tagged>(model);
}

Result<std::shared_ptr<const Detector>> detector() {
  static const Result<std::shared_ptr<const Detector>> instance = detector_of(built_in_file());
  return instance;
}

}  // namespace fairlead::pii::names
