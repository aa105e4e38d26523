#include "telemetry/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <regex>
#include <set>
#include <sstream>
#include <thread>

#include "telemetry/tests/support.h"

namespace fairlead::telemetry {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

// Sample lines by their name and labels. Fails what is not the text format.
std::map<std::string, double> parse(const std::string& text) {
  static const std::regex sample(
      R"rx(([a-zA-Z_:][a-zA-Z0-9_:]*)(\{(?:[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\["\\n])*",?)*\})? ([0-9eE.+-]+|NaN|\+Inf|-Inf))rx");
  std::map<std::string, double> samples;
  std::map<std::string, std::string> types;
  std::set<std::string> ended;
  std::string family;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("# HELP ")) continue;
    if (line.starts_with("# TYPE ")) {
      std::istringstream words(line.substr(7));
      ended.insert(family);
      std::string type;
      words >> family >> type;
      EXPECT_FALSE(ended.contains(family)) << family << " comes twice";
      types[family] = type;
      continue;
    }
    std::smatch match;
    if (!std::regex_match(line, match, sample)) {
      ADD_FAILURE() << "not a sample: " << line;
      continue;
    }
    EXPECT_TRUE(match[1].str().starts_with(family)) << line << " is not of " << family;
    EXPECT_TRUE(samples.emplace(match[1].str() + match[2].str(), std::stod(match[3].str())).second) << line;
  }
  return samples;
}

TEST(Metrics, CountsCalls) {
  const ManualClock clock;
  Metrics metrics(2, clock);
  CallRecord bad = full_record();
  bad.shadow_of.clear();
  metrics.observe(0, bad);
  metrics.observe(1, bad);
  CallRecord good = bad;
  good.status = 200;
  good.error_code.clear();
  good.first_token_us = -1;
  good.cache = "hit";
  metrics.observe(1, good);
  const auto samples = parse(metrics.text(std::nullopt));
  const std::string route = R"(project="bank",target="support-reply",model="small",provider="local")";
  EXPECT_EQ(samples.at("fairlead_calls_total{" + route + R"(,status="503",error="upstream_timeout"})"), 2);
  EXPECT_EQ(samples.at("fairlead_calls_total{" + route + R"(,status="200",error=""})"), 1);
  EXPECT_EQ(samples.at("fairlead_tokens_total{" + route + R"(,type="input"})"), 933);
  EXPECT_EQ(samples.at("fairlead_tokens_total{" + route + R"(,type="reasoning"})"), 21);
  EXPECT_DOUBLE_EQ(samples.at("fairlead_cost_usd_total{" + route + "}"), 3 * 0.000425);
  EXPECT_EQ(samples.at("fairlead_cache_calls_total{" + route + R"(,result="miss"})"), 2);
  EXPECT_EQ(samples.at("fairlead_cache_calls_total{" + route + R"(,result="hit"})"), 1);
  EXPECT_FALSE(samples.contains("fairlead_cache_calls_total{" + route + R"(,result="shared"})"));
  EXPECT_EQ(samples.at("fairlead_call_duration_seconds_bucket{" + route + R"(,le="0.32"})"), 0);
  EXPECT_EQ(samples.at("fairlead_call_duration_seconds_bucket{" + route + R"(,le="0.64"})"), 3);
  EXPECT_EQ(samples.at("fairlead_call_duration_seconds_bucket{" + route + R"(,le="+Inf"})"), 3);
  EXPECT_DOUBLE_EQ(samples.at("fairlead_call_duration_seconds_sum{" + route + "}"), 3 * 0.4125);
  EXPECT_EQ(samples.at("fairlead_call_duration_seconds_count{" + route + "}"), 3);
  EXPECT_EQ(samples.at("fairlead_first_token_seconds_count{" + route + "}"), 2);
  EXPECT_EQ(samples.at(R"(fairlead_gateway_seconds_bucket{le="0.00025"})"), 3);
}

TEST(Metrics, CountsShadowsApart) {
  const ManualClock clock;
  Metrics metrics(1, clock);
  metrics.observe(0, record_of("bank", "x"));
  EXPECT_THAT(metrics.text(std::nullopt), Not(HasSubstr("fairlead_shadow_calls_total")));
  CallRecord shadow = record_of("bank", "y");
  shadow.shadow_of = "x";
  shadow.cost_usd = 2;
  metrics.observe(0, shadow);
  metrics.observe(0, shadow);
  const auto samples = parse(metrics.text(std::nullopt));
  const std::string route = R"({project="bank",target="support-reply",model="small",provider="local")";
  EXPECT_EQ(samples.at("fairlead_calls_total" + route + R"(,status="200",error=""})"), 1);
  EXPECT_EQ(samples.at("fairlead_shadow_calls_total" + route + R"(,status="200",error=""})"), 2);
  EXPECT_EQ(samples.at("fairlead_shadow_cost_usd_total" + route + "}"), 4);
  EXPECT_EQ(samples.at("fairlead_call_duration_seconds_count" + route + "}"), 1);
}

TEST(Metrics, CountsABoundIntoItsBucket) {
  const ManualClock clock;
  Metrics metrics(1, clock);
  CallRecord record = record_of("bank", "x");
  record.duration_us = 10'000;
  metrics.observe(0, record);
  record.duration_us = 10'001;
  metrics.observe(0, record);
  record.duration_us = 1'000'000'000;
  metrics.observe(0, record);
  const auto samples = parse(metrics.text(std::nullopt));
  const std::string route = R"({project="bank",target="support-reply",model="small",provider="local",le=)";
  EXPECT_EQ(samples.at("fairlead_call_duration_seconds_bucket" + route + R"("0.01"})"), 1);
  EXPECT_EQ(samples.at("fairlead_call_duration_seconds_bucket" + route + R"("0.02"})"), 2);
  EXPECT_EQ(samples.at("fairlead_call_duration_seconds_bucket" + route + R"("81.92"})"), 2);
  EXPECT_EQ(samples.at("fairlead_call_duration_seconds_bucket" + route + R"("+Inf"})"), 3);
}

TEST(Metrics, ShowsAProjectItsOwnCalls) {
  const ManualClock clock;
  Metrics metrics(1, clock);
  metrics.observe(0, record_of("bank", "x"));
  metrics.observe(0, record_of("shop", "y"));
  EXPECT_THAT(metrics.text("bank"), HasSubstr("bank"));
  EXPECT_THAT(metrics.text("bank"), Not(HasSubstr("shop")));
  EXPECT_EQ(parse(metrics.text("bank")).at(R"(fairlead_gateway_seconds_count)"), 1);
}

TEST(Metrics, BoundsTheLabelSets) {
  const ManualClock clock;
  Metrics metrics(1, clock, 10);
  for (int i = 0; i < 1000; ++i) {
    CallRecord record = record_of("bank", "x");
    record.target_name = "target-" + std::to_string(i);
    metrics.observe(0, record);
  }
  for (int i = 0; i < 1000; ++i) {
    CallRecord record = record_of("project-" + std::to_string(i), "x");
    metrics.observe(0, record);
  }
  double calls = 0;
  std::size_t sets = 0;
  for (const auto& [name, value] : parse(metrics.text(std::nullopt))) {
    if (!name.starts_with("fairlead_calls_total")) continue;
    calls += value;
    ++sets;
  }
  EXPECT_EQ(calls, 2000);
  EXPECT_LE(sets, 10u + 200u);
}

TEST(Metrics, EscapesLabels) {
  const ManualClock clock;
  Metrics metrics(1, clock);
  CallRecord record = record_of("bank", "x");
  record.target_name = "a\"b\\c\nd";
  metrics.observe(0, record);
  EXPECT_THAT(metrics.text(std::nullopt), HasSubstr(R"(target="a\"b\\c\nd")"));
  parse(metrics.text(std::nullopt));
}

TEST(Metrics, AsksItsSources) {
  ManualClock clock;
  Metrics metrics(1, clock);
  double connections = 3;
  metrics.add("fairlead_connections_open", Metrics::Type::kGauge, "Open connections.", [&] { return connections; });
  EXPECT_EQ(parse(metrics.text(std::nullopt)).at("fairlead_connections_open"), 3);
  connections = 4;
  clock.advance(std::chrono::seconds(90));
  const auto samples = parse(metrics.text(std::nullopt));
  EXPECT_EQ(samples.at("fairlead_connections_open"), 4);
  EXPECT_EQ(samples.at("fairlead_uptime_seconds"), 90);
  EXPECT_GT(samples.at("process_resident_memory_bytes"), 1'000'000);
  EXPECT_GT(samples.at("process_open_fds"), 2);
  EXPECT_GE(samples.at("process_cpu_seconds_total"), 0);
}

TEST(Metrics, IsScrapedWhileLoopsCount) {
  const ManualClock clock;
  Metrics metrics(4, clock);
  {
    std::vector<std::jthread> loops;
    for (int loop = 0; loop < 4; ++loop) {
      loops.emplace_back([&, loop] {
        for (int i = 0; i < 20'000; ++i) {
          CallRecord record = record_of("bank", "x");
          record.target_name = "target-" + std::to_string(i % 200);
          metrics.observe(loop, record);
        }
      });
    }
    for (int i = 0; i < 10; ++i) parse(metrics.text(std::nullopt));
  }
  EXPECT_EQ(parse(metrics.text(std::nullopt)).at("fairlead_gateway_seconds_count"), 80'000);
}

}  // namespace
}  // namespace fairlead::telemetry
