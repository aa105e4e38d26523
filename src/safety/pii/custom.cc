#include "safety/pii/custom.h"

#include <algorithm>
#include <climits>

#include "platform/json/text.h"
#include "safety/pii/entities.h"
#include "safety/pii/internal/checks.h"
#include "safety/pii/internal/context.h"
#include "safety/pii/internal/pattern_database.h"
#include "safety/pii/internal/reading.h"

namespace fairlead::pii {
namespace {

constexpr std::size_t kMostEntities = 200, kMostWords = 10'000, kLongestWord = 200, kLongestName = 60;

std::unexpected<Error> refuse(std::string code, std::string message, std::string param) {
  return fail(ErrorKind::kInvalid, std::move(code), std::move(message), std::move(param));
}

bool mod97(std::string_view text) {
  unsigned rest = 0;
  for (const char c : text) {
    if (is_digit(c)) rest = (rest * 10 + static_cast<unsigned>(digit(c))) % 97;
    if (is_letter(c)) rest = (rest * 100 + static_cast<unsigned>(upper(c) - 'A' + 10)) % 97;
  }
  return rest == 1;
}

bool holds(Checksum checksum, std::string_view text) {
  if (checksum == Checksum::kNone) return true;
  if (checksum == Checksum::kMod97) return mod97(text);
  std::string digits;
  std::ranges::copy_if(text, std::back_inserter(digits), is_digit);
  return !digits.empty() && luhn(digits);
}

// A word as an expression that matches it whole, in any case.
Pattern whole_word(std::string_view word) {
  std::string expression;
  for (const char c : word) {
    if (std::string_view(R"(\.^$|()[]{}*+?#/-)").find(c) != std::string_view::npos) expression += '\\';
    expression += c;
  }
  return {.expression = std::move(expression), .any_case = true, .starts = true, .unicode = true};
}

struct Rule {
  std::string name;
  Checksum checksum;
  Scores scores;
};

struct Meaning {
  enum class Kind : std::uint8_t { kPattern, kWord, kContext } kind;
  std::size_t rule;
};

struct Hit {
  std::size_t start, end;
  std::size_t rule;
};

class CustomDetector : public Detector {
 public:
  CustomDetector(std::vector<Rule> rules, std::vector<Meaning> meanings, PatternDatabase database, std::size_t longest)
      : rules_(std::move(rules)), meanings_(std::move(meanings)), database_(std::move(database)), longest_(longest) {}

  void find(std::string_view text, std::vector<Finding>& out) const override {
    std::vector<Hit> found, near;
    std::vector<std::size_t> last(meanings_.size(), SIZE_MAX);  // of each pattern, in `found`
    const Context none;
    const Reading reading{text, none, 0, out};
    const auto hit = [&](unsigned id, std::size_t start, std::size_t end) {
      const Meaning& meaning = meanings_[id];
      if (meaning.kind != Meaning::Kind::kPattern && (reading.word_before(start) || reading.word_behind(end))) return;
      if (meaning.kind == Meaning::Kind::kContext) return near.push_back({start, end, meaning.rule});
      if (last[id] != SIZE_MAX && found[last[id]].start == start) {
        found[last[id]].end = end;  // the longest of those that start here
        return;
      }
      last[id] = found.size();
      found.push_back({start, end, meaning.rule});
    };
    database_.scan(text, hit);
    for (const Hit& one : found) {
      const Rule& rule = rules_[one.rule];
      if (!holds(rule.checksum, text.substr(one.start, one.end - one.start))) continue;
      const bool helped = is_near(text, near, one);
      std::string why = rule.checksum == Checksum::kNone ? "custom entity" : "custom entity, checksum";
      if (helped) why += "; near a word of its context";
      out.push_back({one.start, one.end, rule.name,
                     helped ? std::max(rule.scores.alone, rule.scores.near) : rule.scores.alone, std::move(why)});
    }
  }

  std::size_t longest() const override { return longest_; }

 private:
  static bool is_near(std::string_view text, const std::vector<Hit>& words, const Hit& one) {
    // Words come in the order of their ends. Characters are counted as at most four bytes, then exactly.
    const std::size_t from = one.start > 4 * kCharactersBefore ? one.start - 4 * kCharactersBefore : 0;
    for (auto word = std::ranges::lower_bound(words, from, {}, &Hit::end);
         word != words.end() && word->end < one.end + 4 * kCharactersBehind; ++word) {
      if (word->rule != one.rule) continue;
      if (word->end <= one.start && characters(text, word->end, one.start) <= kCharactersBefore) return true;
      if (word->start >= one.end && characters(text, one.end, word->start) <= kCharactersBehind) return true;
    }
    return false;
  }
  static std::size_t characters(std::string_view text, std::size_t from, std::size_t to) {
    return json::count_characters(text.substr(from, to - from));
  }

  const std::vector<Rule> rules_;
  const std::vector<Meaning> meanings_;
  const PatternDatabase database_;
  const std::size_t longest_;
};

bool is_name(std::string_view name) {
  const auto fits = [](char c) { return (c >= 'A' && c <= 'Z') || is_digit(c) || c == '_'; };
  return !name.empty() && name.size() <= kLongestName && !is_digit(name[0]) && std::ranges::all_of(name, fits);
}

// Refuses what would blow up when it is compiled, or match without a bound.
Result<Pattern> checked_pattern(const std::string& expression, const std::string& param, std::size_t& longest) {
  if (expression.empty() || expression.size() > kLongestPattern)
    return refuse("invalid_pattern", "A pattern has 1 to " + std::to_string(kLongestPattern) + " bytes.", param);
  if (json::valid_utf8_prefix(expression) != expression.size() || expression.find('\0') != std::string::npos)
    return refuse("invalid_pattern", "A pattern is text in UTF-8 without NUL.", param);
  Pattern out{.expression = expression, .any_case = false, .starts = true, .unicode = true};
  const auto width = PatternDatabase::width(out);
  if (!width)
    return refuse("invalid_pattern", "The pattern `" + expression + "` cannot be used: " + width.error().message,
                  param);
  if (width->least == 0)
    return refuse("invalid_pattern",
                  "The pattern `" + expression + "` matches where there is nothing. Make a part of it be required.",
                  param);
  if (width->most == UINT_MAX || width->most > kLongestMatch)
    return refuse(
        "invalid_pattern",
        "The pattern `" + expression + "` may match " +
            (width->most == UINT_MAX ? "text of any length" : "up to " + std::to_string(width->most) + " bytes") +
            "; at most " + std::to_string(kLongestMatch) +
            " are allowed. Write {1,40} in place of + and {0,40} in place of *.",
        param);
  longest = std::max<std::size_t>(longest, width->most);
  return out;
}

Result<void> check_words(const std::vector<std::string>& words, const std::string& param) {
  for (std::size_t i = 0; i < words.size(); ++i)
    if (words[i].empty() || words[i].size() > kLongestWord || json::valid_utf8_prefix(words[i]) != words[i].size() ||
        words[i].find('\0') != std::string::npos)
      return refuse("invalid_value", "A word has 1 to " + std::to_string(kLongestWord) + " bytes of UTF-8.",
                    param + "[" + std::to_string(i) + "]");
  return {};
}

struct Maker {
  std::vector<Rule> rules;
  std::vector<Meaning> meanings;
  std::vector<Pattern> patterns;
  std::vector<std::string> params;  // of each pattern
  std::size_t longest = 0;

  void add(Meaning::Kind kind, std::size_t rule, Pattern pattern, std::string param) {
    meanings.push_back({kind, rule});
    patterns.push_back(std::move(pattern));
    params.push_back(std::move(param));
  }

  Result<void> add(const CustomEntity& entity, const std::string& param) {
    if (!is_name(entity.name) || is_entity(entity.name))
      return refuse(
          "invalid_value",
          is_entity(entity.name)
              ? "`" + entity.name + "` is an entity that is there already. Choose another name."
              : "The name of an entity is capitals, digits and underscores, at most 60, such as `CONTRACT_ID`.",
          param + ".name");
    if (std::ranges::find(rules, entity.name, &Rule::name) != rules.end())
      return refuse("invalid_value", "`" + entity.name + "` is there twice.", param + ".name");
    if (entity.patterns.empty() && entity.words.empty())
      return refuse("invalid_value", "`" + entity.name + "` has neither `patterns` nor `words`.", param);
    if (!(entity.score >= 0 && entity.score <= 1 && entity.score_near >= 0 && entity.score_near <= 1))
      return refuse("invalid_value", "A score is a number from 0 to 1.", param + ".score");
    const std::size_t rule = rules.size();
    for (std::size_t i = 0; i < entity.patterns.size(); ++i) {
      const std::string where = param + ".patterns[" + std::to_string(i) + "]";
      FAIRLEAD_TRY(Pattern pattern, checked_pattern(entity.patterns[i], where, longest));
      // Alone, so that the message is about this one.
      if (auto alone = PatternDatabase::compile({pattern}); !alone)
        return refuse("invalid_pattern",
                      "The pattern `" + entity.patterns[i] + "` cannot be used: " + alone.error().message, where);
      add(Meaning::Kind::kPattern, rule, std::move(pattern), where);
    }
    FAIRLEAD_CHECK(check_words(entity.words, param + ".words"));
    FAIRLEAD_CHECK(check_words(entity.context, param + ".context"));
    for (const std::string& word : entity.words) {
      longest = std::max(longest, 3 * word.size());  // the other case of a letter may be longer
      add(Meaning::Kind::kWord, rule, whole_word(word), param + ".words");
    }
    for (const std::string& word : entity.context)
      add(Meaning::Kind::kContext, rule, whole_word(word), param + ".context");
    if (meanings.size() > kMostWords)
      return refuse("invalid_value",
                    "Custom entities have more than " + std::to_string(kMostWords) + " patterns and words.", param);
    rules.push_back({entity.name, entity.checksum, {entity.score, entity.score_near}});
    return {};
  }
};

}  // namespace

Result<std::unique_ptr<const Detector>> make_custom_detector(const std::vector<CustomEntity>& entities) {
  if (entities.size() > kMostEntities)
    return refuse("invalid_value", "There are more than " + std::to_string(kMostEntities) + " custom entities.",
                  "custom");
  Maker maker;
  for (std::size_t i = 0; i < entities.size(); ++i)
    FAIRLEAD_CHECK(maker.add(entities[i], "custom[" + std::to_string(i) + "]"));
  auto database = PatternDatabase::compile(maker.patterns);
  if (!database)
    return refuse("invalid_pattern", "The custom entities cannot be used together: " + database.error().message,
                  "custom");
  return std::make_unique<const CustomDetector>(std::move(maker.rules), std::move(maker.meanings), *std::move(database),
                                                maker.longest);
}

}  // namespace fairlead::pii
