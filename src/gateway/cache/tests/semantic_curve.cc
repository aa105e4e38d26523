// How good answers to other words would be: semantic_curve [FOLDER of banking77_train.csv and banking77_test.csv].
// The cache holds the training questions; each test question asks it. A hit is right if the nearest question that is
// kept has the same intent. Prints, for each threshold, how many ask with a hit and how many of those are right.
//
// semantic_curve --choose [FOLDER] is how weights and threshold came about, on the training questions alone: every
// fourth of them asks all the others. For each choice of weights, the lowest threshold at which 97 of 100 hits are
// right, and how many of those who ask are then answered rightly; the most wins. With 98 of 100 too few hits are left
// to choose by. Takes some minutes.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "llm/words.h"

namespace {

using fairlead::llm::Embedding;
using fairlead::llm::WordWeights;

constexpr double kPrecision = 0.97;
constexpr std::size_t kFewestHits = 50;  // else a precision says nothing

struct Question {
  std::string text, intent;
};

// CSV of two columns (RFC 4180), with a head.
std::vector<Question> read(const std::string& path) {
  std::ifstream in(path);
  const std::string all((std::istreambuf_iterator<char>(in)), {});
  std::vector<Question> out;
  std::vector<std::string> row(1);
  bool quoted = false;
  for (std::size_t i = 0; i < all.size(); ++i) {
    const char c = all[i];
    if (quoted && c == '"' && i + 1 < all.size() && all[i + 1] == '"') {
      row.back() += all[++i];
    } else if (c == '"') {
      quoted = !quoted;
    } else if (!quoted && c == ',') {
      row.emplace_back();
    } else if (!quoted && c == '\n') {
      if (row.size() == 2) out.push_back({row[0], row[1]});
      row.assign(1, "");
    } else if (quoted || c != '\r') {
      row.back() += c;
    }
  }
  if (!out.empty()) out.erase(out.begin());
  return out;
}

struct Kept {
  Embedding embedding;
  const Question* question;
};

// Of each who asks, how near the nearest is that is kept, and whether it is right.
using Nearest = std::vector<std::pair<float, bool>>;

// Every `step`th of those who ask. One that is kept itself is not its own neighbour.
Nearest nearest_of(std::span<const Question> kept, std::span<const Question> asked, std::size_t step,
                   WordWeights weights) {
  std::map<std::string, std::vector<Kept>> groups;
  for (const Question& one : kept)
    groups[fairlead::llm::marks_of(one.text)].push_back({fairlead::llm::embed_by_words(one.text, weights), &one});
  Nearest out;
  for (std::size_t i = 0; i < asked.size(); i += step) {
    const Question& one = asked[i];
    const Embedding embedding = fairlead::llm::embed_by_words(one.text, weights);
    std::pair<float, bool> best{-1, false};
    for (const Kept& other : groups[fairlead::llm::marks_of(one.text)]) {
      if (other.question == &one) continue;
      const float alike = fairlead::llm::similarity(embedding.data(), other.embedding.data(), embedding.size());
      if (alike > best.first) best = {alike, other.question->intent == one.intent};
    }
    out.push_back(best);
  }
  return out;
}

struct Point {
  std::size_t hits = 0, right = 0;
  double precision() const { return hits == 0 ? 0 : static_cast<double>(right) / static_cast<double>(hits); }
};

Point at(const Nearest& nearest, int percent) {
  Point out;
  for (const auto& [alike, is_right] : nearest) {
    if (alike < static_cast<float>(percent) / 100) continue;
    ++out.hits;
    out.right += is_right ? 1 : 0;
  }
  return out;
}

double share(std::size_t part, const Nearest& of) {
  return static_cast<double>(part) / static_cast<double>(of.size());
}

// The range of the precision that so many hits are compatible with (Wilson's, 95 of 100).
std::pair<double, double> range(const Point& point) {
  const double n = static_cast<double>(point.hits), p = point.precision(), z = 1.96;
  if (point.hits == 0) return {0, 1};
  const double middle = (p + z * z / (2 * n)) / (1 + z * z / n);
  const double half = z / (1 + z * z / n) * std::sqrt(p * (1 - p) / n + z * z / (4 * n * n));
  return {middle - half, middle + half};
}

void print_curve(std::span<const Question> kept, std::span<const Question> asked) {
  const Nearest nearest = nearest_of(kept, asked, 1, {});
  fmt::print("{} questions kept, {} asked\n", kept.size(), asked.size());
  fmt::print("{:>9}  {:>9}  {:>9}  {:>13}  {:>12}\n", "threshold", "with hit", "of them", "between", "right of all");
  for (const int percent : {60, 65, 70, 75, 80, 85, 87, 88, 89, 90, 91, 92, 93, 94, 95, 96, 97, 98, 99}) {
    const Point point = at(nearest, percent);
    const auto [least, most] = range(point);
    fmt::print("{:>9.2f}  {:>9.3f}  {:>9.3f}  {:>5.3f} … {:>5.3f}  {:>12.3f}\n", percent / 100.0,
               share(point.hits, nearest), point.precision(), least, most, share(point.right, nearest));
  }
}

void choose(std::span<const Question> questions) {
  fmt::print("{} questions, every fourth asks the others\n", questions.size());
  fmt::print("{:>5}  {:>7}  {:>6}  {:>9}  {:>9}  {:>12}\n", "pair", "letters", "little", "threshold", "of hits",
             "right of all");
  for (const float pair : {0.0F, 0.2F, 0.4F})
    for (const float letters : {0.4F, 0.8F, 1.2F, 1.6F})
      for (const float little : {0.1F, 0.2F, 0.4F}) {
        const WordWeights weights{.pair = pair, .letters = letters, .little_word = little};
        const Nearest nearest = nearest_of(questions, questions, 4, weights);
        int lowest = 50;
        const auto keeps = [&nearest](int percent) {
          const Point point = at(nearest, percent);
          return point.hits < kFewestHits || point.precision() >= kPrecision;
        };
        while (!keeps(lowest)) ++lowest;
        const Point point = at(nearest, lowest);
        fmt::print("{:>5.2f}  {:>7.2f}  {:>6.2f}  {:>9.2f}  {:>9.3f}  {:>12.4f}\n", pair, letters, little,
                   lowest / 100.0, point.precision(), share(point.right, nearest));
        std::fflush(stdout);
      }
}

}  // namespace

int main(int argc, char** argv) {
  std::span<char*> arguments(argv + 1, argv + argc);
  const bool chooses = !arguments.empty() && std::string_view(arguments[0]) == "--choose";
  if (chooses) arguments = arguments.subspan(1);
  const std::string folder = arguments.empty() ? "../shared/data/support" : arguments[0];
  const std::vector<Question> train = read(folder + "/banking77_train.csv"),
                              test = read(folder + "/banking77_test.csv");
  if (train.empty() || test.empty()) {
    fmt::print(stderr, "There is no banking77 in {}.\n", folder);
    return 2;
  }
  if (chooses)
    choose(train);
  else
    print_curve(train, test);
}
