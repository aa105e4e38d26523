#include "platform/config/settings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

namespace fairlead::config {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

std::string error_of(const Sources& sources) {
  const auto loaded = load(sources);
  return loaded ? "loaded" : loaded.error().message;
}

TEST(Settings, HaveDefaultsWithinTheirBounds) {
  const auto settings = load({});
  ASSERT_TRUE(settings) << settings.error().message;
  EXPECT_EQ(settings->data, "./fairlead-data");
  EXPECT_EQ(settings->http.body_bytes, 10u * 1024 * 1024);
  EXPECT_EQ(settings->http.head_timeout, 10s);
  EXPECT_EQ(settings->telemetry.durability, "fast");
  for (const Setting& setting : table()) {
    if (setting.default_text.empty()) continue;
    EXPECT_EQ(error_of({.flags = {{std::string(setting.name), std::string(setting.default_text)}}}), "loaded")
        << setting.name;
  }
}

TEST(Settings, ComeFromFileThenEnvironmentThenFlags) {
  Sources sources{
      .file_name = "/etc/fairlead/fairlead.yaml",
      .file_text = "http:\n  body_bytes: 1MiB\n  head_bytes: 32KiB\n  connections: 7\nlog.level: debug\ndata: kept\n",
      .environment = {{"FAIRLEAD_HTTP_BODY_BYTES", "2MiB"}, {"FAIRLEAD_HTTP_HEAD_BYTES", "16KiB"}, {"PATH", "/bin"}},
      .flags = {{"http.body_bytes", "3MiB"}}};
  const auto settings = load(sources);
  ASSERT_TRUE(settings) << settings.error().message;
  EXPECT_EQ(settings->http.body_bytes, 3u << 20);
  EXPECT_EQ(settings->http.head_bytes, 16u << 10);
  EXPECT_EQ(settings->http.connections, 7u);
  EXPECT_EQ(settings->log.level, "debug");
  EXPECT_EQ(settings->data, "/etc/fairlead/kept");  // paths in a file start at the file
}

TEST(Settings, SayWhereAndWhatIsWrong) {
  const auto file = [](std::string text) {
    return error_of({.file_name = "fairlead.yaml", .file_text = std::move(text)});
  };
  EXPECT_EQ(file("http:\n  body_byte: 1MiB\n"),
            "fairlead.yaml:2:3: there is no setting `http.body_byte`. Did you mean `http.body_bytes`?");
  EXPECT_EQ(file("http:\n  body_bytes: 1\n"), "fairlead.yaml:2:3: `http.body_bytes` must be from 1KiB to 1GiB.");
  EXPECT_EQ(file("http: {head_timeout: 10}"), "fairlead.yaml:1:8: `http.head_timeout` wants a unit, like 10s or 50ms.");
  EXPECT_EQ(file("log: {level: inof}"),
            "fairlead.yaml:1:7: `log.level` must be one of debug, info, warning, error. Did you mean `info`?");
  EXPECT_EQ(file("http: {connections: [1]}"), "fairlead.yaml:1:8: `http.connections` must be a single value.");
  EXPECT_EQ(file("zzz: 1"), "fairlead.yaml:1:1: there is no setting `zzz`. `fairlead config reference` lists them.");
  EXPECT_THAT(file("a: b: c"), HasSubstr("fairlead.yaml:1:5: "));
  EXPECT_THAT(file("- 1"), HasSubstr("is a mapping"));
  EXPECT_THAT(file("log.level: info\n---\nlog.level: debug\n"), HasSubstr("one document"));
  EXPECT_EQ(file("http:\n"), "loaded");
  EXPECT_EQ(file(""), "loaded");
  EXPECT_EQ(error_of({.environment = {{"FAIRLEAD_THREADS", "many"}}}),
            "environment variable FAIRLEAD_THREADS: `threads` must be a whole number, 0 or more.");
  EXPECT_EQ(error_of({.environment = {{"FAIRLEAD_HTTP_BODY_BYTE", "1"}}}),
            "environment: there is no setting for `FAIRLEAD_HTTP_BODY_BYTE`. Did you mean `FAIRLEAD_HTTP_BODY_BYTES`?");
  EXPECT_EQ(error_of({.environment = {{"FAIRLEAD_URL", "http://x"},
                                      {"FAIRLEAD_KEY", "fl-x"},
                                      {"FAIRLEAD_KEY_FILE", "x"},
                                      {"FAIRLEAD_CACHE", "/c"},
                                      {"FAIRLEAD_TEST_MODEL", "m"},
                                      {"FAIRLEAD_HOME", "/h"}}}),
            "loaded");
  EXPECT_EQ(error_of({.flags = {{"http.body_bytes", "-1"}}}),
            "flag --http.body_bytes: `http.body_bytes` must be like 10MiB.");
}

TEST(Settings, AreParsedFromFlags) {
  const auto flags = parse_flags(std::vector<std::string>{"--data=x=y", "--threads", "3", "--project="});
  ASSERT_TRUE(flags);
  EXPECT_EQ(*flags, (std::vector<NameValue>{{"data", "x=y"}, {"threads", "3"}, {"project", ""}}));
  EXPECT_THAT(parse_flags(std::vector<std::string>{"x"}).error().message, HasSubstr("is not a flag"));
  EXPECT_THAT(parse_flags(std::vector<std::string>{"--threads"}).error().message, HasSubstr("wants a value"));
}

TEST(Units, AreReadAsPeopleWriteThem) {
  EXPECT_EQ(*parse_bytes("512"), 512u);
  EXPECT_EQ(*parse_bytes("1.5KiB"), 1536u);
  EXPECT_EQ(*parse_bytes("2 MB"), 2'000'000u);
  for (const char* text : {"", "KiB", "-1", "1e3", "1Q", "nan", "inf", "99999999999TiB", "0x10"})
    EXPECT_FALSE(parse_bytes(text)) << text;
  EXPECT_EQ(*parse_duration("50ms"), 50ms);
  EXPECT_EQ(*parse_duration("1.5h"), 90min);
  EXPECT_EQ(*parse_duration("30d"), 720h);
  EXPECT_EQ(*parse_duration("0"), 0ms);
  for (const char* text : {"", "10", "10 parsecs", "-5s"}) EXPECT_FALSE(parse_duration(text)) << text;
}

TEST(Listen, IsHostAndPort) {
  const auto parsed = [](std::string_view text) {
    const auto address = parse_listen(text);
    return address ? address->address + " " + std::to_string(address->port) : "error";
  };
  EXPECT_EQ(parsed("127.0.0.1:8484"), "127.0.0.1 8484");
  EXPECT_EQ(parsed("[::1]:0"), "::1 0");
  EXPECT_EQ(parsed(":80"), "0.0.0.0 80");
  EXPECT_EQ(parsed("unix:/run/f.sock"), "unix:/run/f.sock 0");
  for (const char* text : {"", "localhost", "8484", "a:b", "a:70000", "::1:80", "unix:", "a:"})
    EXPECT_EQ(parsed(text), "error") << text;
}

TEST(Reference, IsTheDocumentationPage) {
  std::ifstream in(FAIRLEAD_SOURCE_DIR "/docs/reference/settings.md");
  const std::string page(std::istreambuf_iterator<char>(in), {});
  EXPECT_EQ(page, reference()) << "write it anew: fairlead config reference > docs/reference/settings.md";
}

}  // namespace
}  // namespace fairlead::config
