// How good answers to other words would be: semantic_curve [FOLDER of banking77_train.csv and banking77_test.csv].
// The cache holds the training questions; each test question asks it. A hit is right if the nearest question that is
// kept has the same intent. Prints, for each threshold, how many ask with a hit and how many of those are right.
#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <map>
#include <string>
#include <vector>

#include "llm/words.h"

namespace {

using fairlead::gateway::cache::Embedding;

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
  fairlead::llm::Embedding embedding;
  const Question* question;
};

}  // namespace

int main(int argc, char** argv) {
  const std::string folder = argc > 1 ? argv[1] : "../shared/data/support";
  const std::vector<Question> train = read(folder + "/banking77_train.csv"),
                              test = read(folder + "/banking77_test.csv");
  if (train.empty() || test.empty()) {
    fmt::print(stderr, "There is no banking77 in {}.\n", folder);
    return 2;
  }
  for (const bool marks : {false, true}) {
    std::map<std::string, std::vector<Kept>> groups;
    const auto group_of = [marks](const Question& one) {
      return marks ? fairlead::gateway::cache::marks_of(one.text) : std::string();
    };
    for (const Question& one : train) groups[group_of(one)].push_back({fairlead::llm::embed_by_words(one.text), &one});
    std::vector<std::pair<float, bool>> nearest;
    for (const Question& one : test) {
      const fairlead::llm::Embedding asked = fairlead::llm::embed_by_words(one.text);
      std::pair<float, bool> best{-1, false};
      for (const Kept& kept : groups[group_of(one)]) {
        const float alike = fairlead::gateway::cache::similarity(asked.data(), kept.embedding.data(), asked.size());
        if (alike > best.first) best = {alike, kept.question->intent == one.intent};
      }
      nearest.push_back(best);
    }
    fmt::print("{} questions kept, {} asked, {}\n", train.size(), test.size(),
               marks ? "numbers and negation must be alike" : "by likeness alone");
    fmt::print("{:>9}  {:>9}  {:>9}  {:>9}\n", "threshold", "hits", "precision", "recall");
    for (int percent = 50; percent <= 98; percent += percent < 80 ? 10 : percent < 94 ? 5 : 1) {
      const float threshold = static_cast<float>(percent) / 100;
      std::size_t hits = 0, right = 0;
      for (const auto& [alike, is_right] : nearest) {
        if (alike < threshold) continue;
        ++hits;
        right += is_right ? 1 : 0;
      }
      const auto of = [](std::size_t part, std::size_t whole) {
        return whole == 0 ? 0.0 : static_cast<double>(part) / static_cast<double>(whole);
      };
      fmt::print("{:>9.2f}  {:>9.3f}  {:>9.3f}  {:>9.3f}\n", threshold, of(hits, test.size()), of(right, hits),
                 of(right, test.size()));
    }
  }
}
