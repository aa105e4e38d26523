// Broken and odd documents by the thousand: parsing ends, positions are in the file, and what was read is written and
// read back the same.
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "platform/config/yaml.h"
#include "platform/json/text.h"

namespace fairlead::config {
namespace {

namespace bj = boost::json;

constexpr std::string_view kSeeds[] = {
    "kind: prompt\nname: support-reply\ninput:\n  question: {type: string, maxLength: 4000}\n  locale: {enum: [en, "
    "ru], default: en}\n"
    "messages:\n  - system: |\n      Be brief.\n\n        indented\n      end\n  - user: \"{{ question }}\\n\"\n",
    "a: &x [1, -2.5e3, 0x1f, ~, 'it''s', \"\\u20ac\\t\"]\nb: *x\n---\n? c\n: - - 1\n    - {d: e, f: [g, h]}\n  - >-\n  "
    "  folded\n    text\n",
    "# comment\n\"a/b~c\": 'Да'\non: yes # trailing\nlist:\n- x\n-\n- {}\n- []\nempty:\ntext: |+\n  "
    "keep\n\n...\n---\n- plain multi\n  line\n",
};
constexpr std::string_view kPieces[] = {
    "\n", "  ", "- ",   ": ", ":", "{", "}",    "[",     "]",     ",",   "&a ",   "*a",
    "!",  "|",  ">",    "\"", "'", "#", "?",    "---\n", "...\n", "\t",  "%",     "@",
    "`",  "\\", "<<: ", "~",  "0", "é", "\xff", "\r\n",  "null",  "\\x", "|2-\n", "\xef\xbb\xbf"};

TEST(YamlMutations, EndAndComeBackAsTheyWere) {
  std::mt19937 random(20261124);
  const auto below = [&](std::size_t n) { return std::uniform_int_distribution<std::size_t>(0, n - 1)(random); };
  std::size_t read = 0;
  for (int round = 0; round < 6'000; ++round) {
    std::string text(kSeeds[below(std::size(kSeeds))]);
    for (std::size_t n = 1 + below(4); n > 0; --n) {
      const std::size_t at = below(text.size() + 1);
      switch (below(4)) {
        case 0:
          text.insert(at, kPieces[below(std::size(kPieces))]);
          break;
        case 1:
          text.erase(at, 1 + below(8));
          break;
        case 2:
          text.insert(at, text.substr(below(text.size() + 1), below(40)));
          break;
        default:
          text.resize(std::max<std::size_t>(at, 1));
          break;
      }
      if (text.empty()) text = "x";
    }
    const auto lines = static_cast<int>(std::ranges::count(text, '\n')) + 1;
    const auto documents = parse_yaml(text);
    if (!documents) {
      EXPECT_LE(documents.error().position.line, lines) << text;
      EXPECT_FALSE(documents.error().message.empty()) << text;
      continue;
    }
    ++read;
    for (const Document& document : *documents) {
      for (const auto& [pointer, place] : document.places) {
        EXPECT_TRUE(place.key.line >= 1 && place.value.line <= lines && place.key.line <= place.value.line)
            << pointer << "\n"
            << text;
      }
      const std::string yaml = to_yaml(document.value);
      const auto again = parse_yaml(yaml);
      ASSERT_TRUE(again) << again.error().message << "\n--- from\n" << text << "\n--- written\n" << yaml;
      if (document.value.is_null()) continue;
      ASSERT_EQ(again->size(), 1u) << text << "\n--- written\n" << yaml;
      ASSERT_EQ(json::to_text(again->front().value), json::to_text(document.value)) << text << "\n--- written\n"
                                                                                    << yaml;
    }
  }
  EXPECT_GT(read, 1'000u);
}

bj::value random_value(std::mt19937& random, int depth) {
  static constexpr std::string_view kTexts[] = {"a",    " ",    "\n",       "\t", ":", "#",   "-",  "é", "😀",    "'",
                                                "\"",   "\\",   "{",        "]",  "0", "1",   ".",  "e", "null", "true",
                                                "|",    ">",    "%",        "&",  "*", "!",   "?",  ",", "~",    "\r",
                                                "\x01", "\x7f", "\xc2\x85", "<<", "=", "---", "..."};
  const auto below = [&](std::size_t n) { return std::uniform_int_distribution<std::size_t>(0, n - 1)(random); };
  const auto text = [&] {
    std::string out;
    for (std::size_t n = below(6); n > 0; --n) out += kTexts[below(std::size(kTexts))];
    return out;
  };
  switch (below(depth > 0 ? 8 : 6)) {
    case 0:
      return nullptr;
    case 1:
      return below(2) == 0;
    case 2:
      return static_cast<std::int64_t>(below(2'000'000)) - 1'000'000;
    case 3:
      return static_cast<double>(static_cast<std::int64_t>(below(1'000'000)) - 500'000) / 1024;
    case 6: {
      bj::array out;
      for (std::size_t n = below(4); n > 0; --n) out.push_back(random_value(random, depth - 1));
      return out;
    }
    case 7: {
      bj::object out;
      for (std::size_t n = below(4); n > 0; --n) out[text()] = random_value(random, depth - 1);
      return out;
    }
    default:
      return bj::value(text());
  }
}

TEST(YamlWriter, WritesAnyValueSoThatItIsReadBack) {
  std::mt19937 random(1);
  for (int round = 0; round < 20'000; ++round) {
    const bj::value value = random_value(random, 4);
    if (value.is_null()) continue;
    const std::string yaml = to_yaml(value);
    const auto read = parse_yaml(yaml);
    ASSERT_TRUE(read) << read.error().message << "\n" << json::to_text(value) << "\n" << yaml;
    ASSERT_EQ(read->size(), 1u) << json::to_text(value) << "\n" << yaml;
    ASSERT_EQ(json::to_text(read->front().value), json::to_text(value)) << yaml;
  }
}

}  // namespace
}  // namespace fairlead::config
