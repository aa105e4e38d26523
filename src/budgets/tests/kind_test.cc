#include "budgets/kind.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json/parse.hpp>

#include "budgets/definition.h"
#include "platform/json/schema.h"

namespace fairlead::budgets {
namespace {

namespace bj = boost::json;
using testing::HasSubstr;

// A project with one model, `small`.
class OneModel final : public resources::Catalogue {
 public:
  const bj::object* find(std::string_view kind, std::string_view name) const override {
    return kind == "model" && name == "small" ? &spec_ : nullptr;
  }
  std::vector<std::string> names(std::string_view kind) const override {
    return kind == "model" ? std::vector<std::string>{"small"} : std::vector<std::string>{};
  }

 private:
  bj::object spec_;
};

bool fits_schema(std::string_view spec) {
  static const auto schema = json::Schema::parse(budget_kind().schema);
  return schema->validate(bj::parse(spec)).empty();
}

std::string faults(std::string_view spec) {
  std::string out;
  for (const auto& one : budget_kind().check("b", bj::parse(spec).as_object(), OneModel()))
    out += one.pointer + " " + one.message + "\n";
  return out;
}

TEST(BudgetKind, TakesWhatThePageDescribes) {
  for (const std::string_view spec :
       {R"({"cost": 200, "per": "month", "time_zone": "Europe/Berlin", "alert": 0.8, "for": {"tag": "team-a"}})",
        R"({"each": "user", "requests": 60, "tokens": 100000, "per": "1m"})",
        R"({"for": {"key": "nightly", "model": ["small"]}, "concurrency": 20})",
        R"({"input_tokens": 1, "output_tokens": 1, "per": "ever", "hard": false, "alert": [0.5, 1]})"}) {
    EXPECT_TRUE(fits_schema(spec)) << spec;
    EXPECT_EQ(faults(spec), "") << spec;
  }
}

TEST(BudgetKind, RefusesWhatHasNoMeaning) {
  for (const std::string_view spec :
       {R"({"cost": 0, "per": "day"})", R"({"cost": -1, "per": "day"})", R"({"cost": 20000000, "per": "day"})",
        R"({"requests": 1.5, "per": "day"})", R"({"requests": 1, "per": "day", "each": "team"})",
        R"({"requests": 1, "per": "day", "for": {"team": "a"}})", R"({"requests": 1, "per": "day", "for": {}})",
        R"({"requests": 1, "per": "day", "alert": 1.5})", R"({"requests": 1, "per": "day", "limit": 7})"})
    EXPECT_FALSE(fits_schema(spec)) << spec;
  EXPECT_THAT(faults("{}"), HasSubstr("limits nothing"));
  EXPECT_THAT(faults(R"({"cost": 1})"), HasSubstr("must have `per`"));
  EXPECT_THAT(faults(R"({"cost": 1, "per": "mnth"})"), HasSubstr("id you mean `month`?"));
  EXPECT_THAT(faults(R"({"cost": 1, "per": "25h"})"), HasSubstr("/per must be"));
  EXPECT_THAT(faults(R"({"cost": 1, "per": "0s"})"), HasSubstr("/per must be"));
  EXPECT_THAT(faults(R"({"cost": 1, "per": "1m", "time_zone": "UTC"})"), HasSubstr("/time_zone has a meaning beside"));
  EXPECT_THAT(faults(R"({"cost": 1, "per": "day", "time_zone": "Mars/Olympus"})"), HasSubstr("no time zone"));
  EXPECT_THAT(faults(R"({"cost": 1, "per": "day", "for": {"model": ["small", "smal"]}})"),
              HasSubstr("/for/model/1 model `smal` does not exist. Did you mean `small`?"));
  EXPECT_THAT(faults(R"({"cost": 1, "per": "day", "for": {"prompt": "x"}})"), HasSubstr("prompt `x` does not exist"));
}

TEST(BudgetKind, ReadsASpec) {
  const auto read = Definition::of(
      "bank", "b", 3,
      bj::parse(R"({"cost": 0.000123456, "tokens": 7, "per": "90s", "each": "tag", "alert": [0.9, 0.5], "hard": false,
                    "for": {"user": ["u-1", "u-2"]}})")
          .as_object());
  ASSERT_TRUE(read);
  EXPECT_EQ(read->limits.size(), 2u);
  EXPECT_EQ(read->limits[0].metric, Metric::kTokens);
  EXPECT_EQ(read->limits[1].amount, 123'456);
  EXPECT_EQ(read->period.refill_ns, 90'000'000'000);
  EXPECT_EQ(read->alerts, (std::vector<double>{0.5, 0.9}));
  EXPECT_EQ(read->each, Scope::kTag);
  EXPECT_EQ(read->conditions.at(0).any_of, (std::vector<std::string>{"u-1", "u-2"}));
  EXPECT_FALSE(read->hard);
}

}  // namespace
}  // namespace fairlead::budgets
