// Trains the tagger and measures it: see tools/train-names.
//
//   pii_train train CORPUS LISTS MODEL
//   pii_train score MODEL CORPUS [--errors]
//
// Integers only, in an order that a fixed seed decides: the same bits wherever it runs.
#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "safety/pii/names/internal/tagger.h"
#include "safety/pii/names/training/examples.h"
#include "safety/pii/names/training/lists.h"

namespace {

using namespace fairlead::pii::names;

constexpr std::uint32_t kRows = 65'536;
constexpr std::uint8_t kLeastSeen = 4;  // a feature that is seen less often says nothing
constexpr int kEpochs = 6;
constexpr std::int32_t kMissCost = 60, kFalseCost = 40, kTypeCost = 30;  // what a wrong label is worth while training
constexpr std::int64_t kRarity = 2;      // names are that much rarer in real texts than in the corpus
constexpr std::uint32_t kTakenOut = 18;  // words in 100 that features may not know

struct Random {
  std::uint64_t state;
  std::uint32_t operator()() {
    state = state * 6364136223846793005ULL + 1442695040888963407ULL;
    return static_cast<std::uint32_t>(state >> 33);
  }
};

// An averaged perceptron (Collins 2002) over the sequence, with costs added to wrong labels while training.
class Trainer {
 public:
  explicit Trainer(const Lists& lists) : lists_(lists) {
    bytes_.resize(sizeof(ModelHead) + (sizeof(Row) * kRows) + lists.slots.size() * 2 + 64);
    base_ = bytes_.data() + (64 - reinterpret_cast<std::uintptr_t>(bytes_.data()) % 64) % 64;
    write_model(1);
  }

  // With or without what is set aside.
  void train(const std::vector<Example>& examples, bool whole) {
    std::vector<std::uint32_t> order;
    for (std::uint32_t i = 0; i < examples.size(); ++i)
      if (whole || !examples[i].aside) order.push_back(i);
    Random random{20'240'611};
    std::size_t ignored = 0;
    counting_ = true;
    for (const std::uint32_t i : order) learn(examples[i], random, ignored, ignored);
    counting_ = false;
    for (int epoch = 0; epoch < kEpochs; ++epoch) {
      for (std::size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[random() % i]);
      std::size_t wrong = 0, all = 0;
      for (const std::uint32_t i : order) learn(examples[i], random, wrong, all);
      std::printf("round %d: %zu of %zu tokens wrong\n", epoch + 1, wrong, all);
      std::fflush(stdout);
    }
    quantise();
  }

  std::string_view file() const { return {base_, sizeof(ModelHead) + (sizeof(Row) * kRows) + lists_.slots.size() * 2}; }
  ModelHead& head() { return *reinterpret_cast<ModelHead*>(base_); }

 private:
  using Wide = std::array<std::int32_t, kLanes>;

  void learn(const Example& example, Random& random, std::size_t& wrong, std::size_t& all) {
    const Model model = *Model::read(file());
    std::size_t at = 0;
    while (at < example.text.size()) {
      std::size_t count = 0;
      Token* const tokens = work_->first();
      at = read_tokens(example.text, at, tokens, kLongestSequence, count);
      if (count == 0) continue;
      prepare(model, *work_, count);
      gold_labels(example, tokens, count, gold_);
      for (std::size_t i = 0; i < count; ++i) {
        if (tokens[i].kind == kMark || random() % 100 >= kTakenOut) continue;
        tokens[i].list = 0;
        tokens[i].word = 0;
      }
      learn_sequence(count, wrong, all);
    }
  }

  void learn_sequence(std::size_t count, std::size_t& wrong, std::size_t& all) {
    const Token* const tokens = work_->first();
    const Case letters = case_of(tokens, count);
    rows_.clear();
    std::size_t starts[kLongestSequence + 1];
    for (std::size_t i = 0; i < count; ++i) {
      starts[i] = rows_.size();
      Wide sum{};
      features_of<true>(tokens + i, letters, [&](std::uint32_t hash) {
        std::uint8_t& seen = seen_[hash >> 8];
        if (counting_) {
          if (seen < 255) ++seen;
          return;
        }
        if (seen < kLeastSeen) return;
        const std::uint32_t row = row_of(hash, kRows);
        rows_.push_back(row);
        for (std::size_t l = 0; l < kLanes; ++l) sum[l] += weights_[row][l];
      });
      for (std::uint8_t l = 0; l < kLabels; ++l) {
        if (l == gold_[i]) continue;
        if (gold_[i] == kOutside)
          sum[l] += kFalseCost;
        else if (l == kOutside)
          sum[l] += kMissCost;
        else
          sum[l] += entity_of(static_cast<Label>(l)) == entity_of(gold_[i]) ? kTypeCost / 2 : kTypeCost;
      }
      emissions_[i] = sum;
    }
    if (counting_) return;
    starts[count] = rows_.size();
    decode(count);
    ++step_;
    bool differs = false;
    for (std::size_t i = 0; i < count; ++i) differs |= found_[i] != gold_[i], wrong += found_[i] != gold_[i] ? 1 : 0;
    all += count;
    if (!differs) return;
    for (std::size_t i = 0; i < count; ++i) {
      const Label right = gold_[i], got = found_[i];
      if (right != got)
        for (std::size_t f = starts[i]; f < starts[i + 1]; ++f) {
          change(rows_[f], right, 1);
          change(rows_[f], got, -1);
        }
      const Label before_right = i == 0 ? kLabels : gold_[i - 1], before_got = i == 0 ? kLabels : found_[i - 1];
      if (right == got && before_right == before_got) continue;
      change_transition(before_right, right, 1);
      change_transition(before_got, got, -1);
    }
  }

  void change(std::uint32_t row, Label label, std::int32_t by) {
    weights_[row][label] += by;
    sums_[row][label] += by * step_;
  }
  void change_transition(std::size_t before, Label label, std::int32_t by) {
    follows_[before][label] += by;
    follow_sums_[before][label] += by * step_;
  }

  void decode(std::size_t count) {
    constexpr std::int32_t kNever = -100'000'000;
    std::array<std::array<std::uint8_t, kLanes>, kLongestSequence>& from = from_;
    Wide best{};
    for (std::uint8_t l = 0; l < kLabels; ++l)
      best[l] = is_inside(static_cast<Label>(l)) ? kNever : emissions_[0][l] + follows_[kLabels][l];
    for (std::size_t i = 1; i < count; ++i) {
      Wide next;
      next.fill(kNever);
      for (std::uint8_t before = 0; before < kLabels; ++before)
        for (std::uint8_t l = 0; l < kLabels; ++l) {
          if (forbidden_[before][l]) continue;
          const std::int32_t one = best[before] + follows_[before][l];
          if (one > next[l]) next[l] = one, from[i][l] = before;
        }
      for (std::uint8_t l = 0; l < kLabels; ++l) best[l] = next[l] + emissions_[i][l];
    }
    std::uint8_t label = 0;
    for (std::uint8_t l = 1; l < kLabels; ++l)
      if (best[l] > best[label]) label = l;
    for (std::size_t i = count; i-- > 0;) {
      found_[i] = static_cast<Label>(label);
      if (i > 0) label = from[i][label];
    }
  }

  // Averages, so that one weight in a thousand is cut off at the ends of a byte.
  void quantise() {
    std::vector<std::int64_t> sizes;
    const auto average = [&](std::int64_t weight, std::int64_t sum) { return weight * step_ - sum; };
    for (std::size_t r = 0; r < weights_.size(); ++r)
      for (std::size_t l = 0; l < kLabels; ++l)
        if (const std::int64_t one = average(weights_[r][l], sums_[r][l]); one != 0) sizes.push_back(std::abs(one));
    const std::size_t nth = sizes.size() - sizes.size() / 1'000 - 1;
    std::nth_element(sizes.begin(), sizes.begin() + static_cast<std::ptrdiff_t>(nth), sizes.end());
    const std::int64_t unit = std::max<std::int64_t>(1, sizes[nth] / 127);
    std::printf("%zu weights, a unit is %.3f\n", sizes.size(), static_cast<double>(unit) / static_cast<double>(step_));
    write_model(unit);
  }

  static std::int64_t divided(std::int64_t a, std::int64_t b) { return (a >= 0 ? a + b / 2 : a - b / 2) / b; }

  void write_model(std::int64_t unit) {
    ModelHead& out = head();
    out = {};
    std::memcpy(out.mark, "FLNAMES1", 8);
    out.rows = kRows;
    out.bucket_bits = kBucketBits;
    out.points = 2;
    out.calibration[0] = {0, 0};
    out.calibration[1] = {1'000, 1'000};
    const auto fit = [&](std::int64_t weight, std::int64_t sum, std::int64_t most) {
      return std::clamp(divided(weight * step_ - sum, unit), -most, most);
    };
    for (std::uint8_t a = 0; a < kLanes; ++a)
      for (std::uint8_t b = 0; b < kLanes; ++b)
        out.follows[a][b] = a >= kLabels || b >= kLabels || !may_follow(static_cast<Label>(a), static_cast<Label>(b))
                                ? kForbidden
                                : static_cast<std::int16_t>(fit(follows_[a][b], follow_sums_[a][b], kMostTransition));
    for (std::uint8_t b = 0; b < kLanes; ++b)
      out.starts[b] =
          b >= kLabels || is_inside(static_cast<Label>(b))
              ? kForbidden
              : static_cast<std::int16_t>(fit(follows_[kLabels][b], follow_sums_[kLabels][b], kMostTransition));
    std::copy(lists_.kinds.begin(), lists_.kinds.end(), out.kinds_of_list);
    Row* const rows = reinterpret_cast<Row*>(base_ + sizeof(ModelHead));
    for (std::size_t r = 0; r < weights_.size(); ++r)
      for (std::size_t l = 0; l < kLabels; ++l)
        rows[r][l] = static_cast<std::int8_t>(fit(weights_[r][l], sums_[r][l], 127));
    std::memcpy(base_ + sizeof(ModelHead) + (sizeof(Row) * kRows), lists_.slots.data(), lists_.slots.size() * 2);
  }

  const Lists& lists_;
  bool counting_ = false;
  std::vector<std::uint8_t> seen_ = std::vector<std::uint8_t>(1U << 24);  // by the upper bits of a feature's hash
  std::vector<char> bytes_;
  char* base_ = nullptr;
  std::int64_t step_ = 1;
  std::vector<Wide> weights_ = std::vector<Wide>(kRows);
  std::vector<std::array<std::int64_t, kLanes>> sums_ = std::vector<std::array<std::int64_t, kLanes>>(kRows);
  std::array<std::array<std::int32_t, kLanes>, kLanes> follows_{};  // [kLabels]: at the start
  std::array<std::array<std::int64_t, kLanes>, kLanes> follow_sums_{};
  std::array<std::array<bool, kLanes>, kLanes> forbidden_ = [] {
    std::array<std::array<bool, kLanes>, kLanes> out{};
    for (std::uint8_t a = 0; a < kLabels; ++a)
      for (std::uint8_t b = 0; b < kLabels; ++b) out[a][b] = !may_follow(static_cast<Label>(a), static_cast<Label>(b));
    return out;
  }();
  std::unique_ptr<Workplace> work_ = std::make_unique<Workplace>();
  std::vector<std::uint32_t> rows_;
  std::array<Wide, kLongestSequence> emissions_;
  std::array<std::array<std::uint8_t, kLanes>, kLongestSequence> from_;
  Label gold_[kLongestSequence], found_[kLongestSequence];
};

struct Found {
  std::size_t start, end;
  Label label;
  int margin;
  bool right;  // some token of it is of some entity
};

// The tokens of a text with what they are and what they were taken for.
template <typename Each>
void tag(const Model& model, const Example& example, Workplace& work, Each&& each) {
  Label gold[kLongestSequence];
  std::int32_t margins[kLongestSequence];
  std::size_t at = 0;
  while (at < example.text.size()) {
    std::size_t count = 0;
    Token* const tokens = work.first();
    at = read_tokens(example.text, at, tokens, kLongestSequence, count);
    if (count == 0) continue;
    prepare(model, work, count);
    gold_labels(example, tokens, count, gold);
    emit(model, work, count, case_of(tokens, count));
    decode(model.head(), work, count);
    margins_of(model.head(), work, count, margins);
    for (std::size_t i = 0; i < count; ++i) each(tokens[i], gold[i], work.labels[i], margins[i], i == 0);
  }
}

// Which share of the spans of about a margin are entities, in texts that are set aside: pool-adjacent-violators, and at
// most sixteen groups.
void calibrate(Trainer& trainer, const std::vector<Example>& examples) {
  const Model model = *Model::read(trainer.file());
  auto work = std::make_unique<Workplace>();
  std::vector<std::pair<int, bool>> spans;
  for (const Example& one : examples) {
    if (!one.aside) continue;
    int sum = 0, words = 0;
    bool right = false;
    const auto close = [&] {
      if (words > 0) spans.emplace_back(sum / words, right);
      sum = words = 0;
    };
    tag(model, one, *work, [&](const Token& token, Label gold, Label found, int margin, bool first) {
      if (first || !is_inside(found)) close();
      if (found == kOutside || token.kind == kMark) return;
      right = (words == 0 || right) && gold != kOutside;
      sum += margin, ++words;
    });
    close();
  }
  std::ranges::sort(spans);
  struct Group {
    std::int64_t margins = 0, spans = 0, right = 0, all = 0;
  };
  std::vector<Group> groups;
  constexpr std::size_t kPoints = std::size(ModelHead{}.calibration);
  const std::size_t each = spans.size() / 1'000 + 1;
  for (std::size_t i = 0; i < spans.size();) {
    Group one;
    // Small groups at the lower end, where it matters; half of all spans in the last.
    const std::size_t size = std::max<std::size_t>(each, std::min(i / 2, spans.size()));
    for (std::size_t n = 0; n < size && i < spans.size(); ++n, ++i)
      one.margins += spans[i].first, ++one.spans, one.right += spans[i].second ? 1 : 0,
          one.all += spans[i].second ? 1 : kRarity;
    groups.push_back(one);
    while (groups.size() > 1) {
      const Group &a = groups[groups.size() - 2], &b = groups.back();
      if (a.right * b.all < b.right * a.all && groups.size() <= kPoints) break;
      Group both{a.margins + b.margins, a.spans + b.spans, a.right + b.right, a.all + b.all};
      groups.pop_back();
      groups.back() = both;
    }
  }
  ModelHead& head = trainer.head();
  head.points = 0;
  for (const Group& one : groups) {
    const auto margin = static_cast<std::int16_t>(std::min<std::int64_t>(one.margins / one.spans, 30'000));
    if (head.points > 0 && margin <= head.calibration[head.points - 1].margin) continue;
    head.calibration[head.points++] = {margin, static_cast<std::uint16_t>(one.right * 1'000 / one.all)};
  }
  if (head.points < 2) head.points = 2, head.calibration[0] = {0, 0}, head.calibration[1] = {1'000, 1'000};
  for (std::uint32_t i = 0; i < head.points; ++i)
    std::printf("margin %d: %.3f\n", head.calibration[i].margin, head.calibration[i].score / 1000.0);
}

struct Count {
  std::size_t right = 0, wrong = 0, missed = 0;
  void print(const std::string& name) const {
    const double p = right + wrong == 0 ? 1 : static_cast<double>(right) / static_cast<double>(right + wrong);
    const double r = right + missed == 0 ? 1 : static_cast<double>(right) / static_cast<double>(right + missed);
    std::printf("%-16s %7zu %7zu %7zu  P %.3f  R %.3f  F2 %.3f\n", name.c_str(), right, wrong, missed, p, r,
                p + r == 0 ? 0 : 5 * p * r / (4 * p + r));
  }
};

int score(const Model& model, const std::vector<Example>& examples, bool errors) {
  std::map<std::string, Count> counts;
  Count any, all;
  auto work = std::make_unique<Workplace>();
  for (const Example& one : examples) {
    std::string wrongs;
    tag(model, one, *work, [&](const Token& token, Label gold, Label found, int margin, bool) {
      if (token.kind == kMark) return;
      if (found != kOutside && model.score_of(margin) < 0.5) found = kOutside;
      const std::string wanted(entity_of(gold)), got(entity_of(found));
      if (!wanted.empty()) ++(got == wanted ? counts[wanted].right : counts[wanted].missed);
      if (!got.empty() && got != wanted) ++counts[got].wrong;
      if (!wanted.empty()) ++(got == wanted ? all.right : all.missed), ++(got.empty() ? any.missed : any.right);
      if (!got.empty() && got != wanted) ++all.wrong;
      if (!got.empty() && wanted.empty()) ++any.wrong;
      if (got != wanted)
        wrongs += " " + one.text.substr(token.start, token.end - token.start) + "[" + wanted + "->" + got + " " +
                  std::to_string(margin) + "]";
    });
    if (errors && !wrongs.empty()) std::printf("%s\n   %s\n", wrongs.c_str(), one.text.c_str());
  }
  for (const auto& [name, count] : counts) count.print(name);
  all.print("of the right kind");
  any.print("any");
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string what = argc > 1 ? argv[1] : "";
  if (what == "train" && argc == 5) {
    const Lists lists(argv[3]);
    std::vector<Example> all = read_corpus(argv[2]);
    auto first = std::make_unique<Trainer>(lists), trainer = std::make_unique<Trainer>(lists);
    first->train(all, false);
    calibrate(*first, all);
    trainer->train(all, true);
    trainer->head().points = first->head().points;
    std::ranges::copy(first->head().calibration, trainer->head().calibration);
    std::ofstream out(argv[4], std::ios::binary);
    out.write(trainer->file().data(), static_cast<std::streamsize>(trainer->file().size()));
    return out ? 0 : 1;
  }
  if (what == "score" && argc >= 4) {
    std::ifstream file(argv[2], std::ios::binary);
    const std::string bytes(std::istreambuf_iterator<char>(file), {});
    std::vector<char> room(bytes.size() + 64);
    char* const at = room.data() + (64 - reinterpret_cast<std::uintptr_t>(room.data()) % 64) % 64;
    std::memcpy(at, bytes.data(), bytes.size());
    const auto model = Model::read({at, bytes.size()});
    if (!model) return std::fprintf(stderr, "%s\n", model.error().message.c_str()), 2;
    return score(*model, read_corpus(argv[3]), argc > 4);
  }
  std::fprintf(stderr, "pii_train train CORPUS LISTS MODEL | score MODEL CORPUS [--errors]\n");
  return 2;
}
