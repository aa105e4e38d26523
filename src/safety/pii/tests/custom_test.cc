#include "safety/pii/custom.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "safety/pii/json.h"

namespace fairlead::pii {
namespace {

CustomEntity contract() {
  CustomEntity out;
  out.name = "CONTRACT";
  out.patterns = {"\\bC-\\d{4,6}\\b"};
  out.context = {"contract", "договор"};
  out.score = 0.4;
  out.score_near = 0.9;
  return out;
}

std::shared_ptr<const Scanner> scanner_of(CustomEntity entity) {
  ScannerOptions options;
  options.custom.push_back(std::move(entity));
  auto made = Scanner::create(std::move(options));
  EXPECT_TRUE(made) << made.error().message;
  return *made;
}

std::string refusal_of(CustomEntity entity) {
  auto made = make_custom_detector({std::move(entity)});
  return made ? "none" : made.error().param + ": " + made.error().message;
}

TEST(Custom, FindsAPatternNearItsWords) {
  const auto scanner = scanner_of(contract());
  EXPECT_TRUE(scanner->scan("see C-12345").empty());
  const std::string_view text = "Договор C-12345 подписан";
  const auto spans = scanner->scan(text);
  ASSERT_EQ(spans.size(), 1U);
  EXPECT_EQ(spans[0].entity, "CONTRACT");
  EXPECT_EQ(text.substr(spans[0].start, spans[0].end - spans[0].start), "C-12345");
  EXPECT_EQ(spans[0].score, 0.9);
}

TEST(Custom, FindsWholeWordsInAnyCase) {
  CustomEntity entity;
  entity.name = "PROJECT";
  entity.words = {"проект Заря", "Blue+Moon"};
  const auto scanner = scanner_of(entity);
  const auto spans = scanner->scan("ПРОЕКТ ЗАРЯ начат, blue+moon too");
  EXPECT_EQ(std::ranges::count(spans, "PROJECT", &Span::entity), 2);
  EXPECT_TRUE(scanner->scan("проект Заряд").empty());
}

TEST(Custom, AsksForTheChecksum) {
  CustomEntity entity;
  entity.name = "MEMBER";
  entity.patterns = {"M\\d{8}"};
  entity.checksum = Checksum::kLuhn;
  const auto scanner = scanner_of(entity);
  EXPECT_EQ(scanner->scan("M12345674").size(), 1U);
  EXPECT_TRUE(scanner->scan("M12345675").empty());
}

TEST(Custom, IsSeenThroughEncodings) {
  CustomEntity entity = contract();
  entity.score = 0.8;
  const auto scanner = scanner_of(entity);
  EXPECT_EQ(scanner->scan("Ｃ-１２３４５").size(), 1U);
  EXPECT_EQ(scanner->scan("C%2D12345").size(), 1U);
}

TEST(Custom, RefusesPatternsThatWouldBlowUp) {
  const auto with = [](std::string pattern) {
    CustomEntity entity = contract();
    entity.patterns = {std::move(pattern)};
    return refusal_of(entity);
  };
  EXPECT_NE(with("(a+)+$").find("custom[0].patterns[0]: The pattern `(a+)+$` may match text of any length"),
            std::string::npos)
      << with("(a+)+$");
  EXPECT_NE(with("a*").find("matches where there is nothing"), std::string::npos);
  EXPECT_NE(with("\\w{1,900}x{1,900}").find("up to 1800 bytes; at most 1000"), std::string::npos)
      << with("\\w{1,900}x{1,900}");
  EXPECT_NE(with("(?:\\w{1,900}x){1,900}").find("repeat is too large"), std::string::npos);
  EXPECT_NE(with("(").find("cannot be used"), std::string::npos);
  EXPECT_NE(with("(a)\\1").find("cannot be used"), std::string::npos) << with("(a)\\1");
  EXPECT_NE(with(std::string(2'000, 'a')).find("1 to 1000 bytes"), std::string::npos);
  EXPECT_NE(with("\xFF").find("UTF-8"), std::string::npos);
}

TEST(Custom, RefusesNamesAndNumbersThatMakeNoSense) {
  CustomEntity entity = contract();
  entity.name = "contract";
  EXPECT_NE(refusal_of(entity).find("custom[0].name"), std::string::npos);
  entity.name = "CREDIT_CARD";
  EXPECT_NE(refusal_of(entity).find("there already"), std::string::npos);
  entity = contract(), entity.score = 2;
  EXPECT_NE(refusal_of(entity).find("custom[0].score"), std::string::npos);
  entity = contract(), entity.patterns.clear();
  EXPECT_NE(refusal_of(entity).find("neither"), std::string::npos);
  entity = contract(), entity.words = {""};
  EXPECT_NE(refusal_of(entity).find("custom[0].words[0]"), std::string::npos);
}

TEST(Options, AreReadFromJson) {
  const auto options =
      options_of({{"threshold", 0.7},
                  {"entities", {"RU_INN"}},
                  {"thresholds", {{"RU_INN", 0.2}}},
                  {"regions", {"DE"}},
                  {"custom", {{{"name", "X_1"}, {"words", {"a"}}, {"checksum", "mod97"}, {"score", 1}}}}});
  ASSERT_TRUE(options) << options.error().message;
  EXPECT_EQ(options->threshold, 0.7);
  EXPECT_EQ(options->thresholds.at("RU_INN"), 0.2);
  EXPECT_EQ(options->custom[0].checksum, Checksum::kMod97);
  const auto param = [](boost::json::object object) {
    const auto read = options_of(object);
    return read ? std::string("none") : read.error().param;
  };
  EXPECT_EQ(param({{"treshold", 0.7}}), "treshold");
  EXPECT_EQ(param({{"threshold", "high"}}), "threshold");
  EXPECT_EQ(param({{"thresholds", {{"RU_INN", "x"}}}}), "thresholds.RU_INN");
  EXPECT_EQ(param({{"entities", "RU_INN"}}), "entities");
  EXPECT_EQ(param({{"custom", {1}}}), "custom[0]");
  EXPECT_EQ(param({{"custom", {{{"name", 1}}}}}), "custom[0].name");
  EXPECT_EQ(param({{"custom", {{{"checksum", "crc"}}}}}), "custom[0].checksum");
}

}  // namespace
}  // namespace fairlead::pii
