// What the tests of the vendors with words of their own have in common.
#pragma once
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "platform/json/text.h"
#include "providers/internal/http_provider.h"
#include "providers/tests/fake_client.h"

namespace fairlead::providers {

inline const std::string kVendorKey = "key-0123456789abcdef";
constexpr std::string_view kVendorChat = R"({"model":"m","messages":[{"role":"user","content":"hi"}]})";
constexpr std::string_view kStreamUsage =
    R"({"model":"m","messages":[{"role":"user","content":"hi"}],"stream":true,"stream_options":{"include_usage":true}})";

inline internal::ProviderParts parts_for(FakeClient& client, std::string base_url) {
  static ManualClock clock(1'700'000'000'000'000);
  internal::ProviderParts parts;
  parts.endpoint.name = "up";
  parts.endpoint.base_url = std::move(base_url);
  parts.endpoint.api_key = kVendorKey;
  parts.endpoint.secrets = std::make_shared<const std::vector<std::string>>(std::vector{kVendorKey});
  parts.client = [&client](async::Loop&) -> http::Client& { return client; };
  parts.clock = &clock;
  return parts;
}

using Translate = std::function<Result<std::string>(const llm::ChatRequest&)>;

struct SameInOtherWords {
  const char* what;
  const char* sent;
  const char* expected;
};

inline void expect_same(std::span<const SameInOtherWords> cases, const Translate& translate) {
  for (const auto& one : cases) {
    const Body body(one.sent);
    ASSERT_FALSE(body.request.model.empty()) << one.what;
    const auto said = translate(body.request);
    ASSERT_TRUE(said) << one.what << ": " << said.error().message;
    const auto value = json::parse(*said);
    ASSERT_TRUE(value) << *said;
    EXPECT_EQ(json::canonical(*value), json::canonical(json::parse(one.expected).value())) << one.what;
  }
}

struct Refusal {
  const char* members;
  const char* param;
};

inline void expect_refused(std::span<const Refusal> cases, const Translate& translate) {
  for (const auto& one : cases) {
    const Body body(R"({"model":"m","messages":[{"role":"user","content":"x"}],)" + std::string(one.members) + "}");
    ASSERT_FALSE(body.request.model.empty()) << one.members;
    const auto said = translate(body.request);
    ASSERT_FALSE(said) << one.members << *said;
    EXPECT_EQ(said.error().kind, ErrorKind::kUnsupported) << one.members;
    EXPECT_EQ(said.error().param, one.param) << one.members;
  }
}

// What the chunks of a stream come to.
struct Told {
  std::string text, reasoning, tools, finish_reason;  // tools: "id name arguments; " for each
  bool usage_last = false;
};

inline Told told_by(const std::string& wire) {
  Told told;
  std::vector<std::string> tools;
  for (std::size_t at = 0; at < wire.size();) {
    const std::size_t end = wire.find("\n\n", at);
    EXPECT_EQ(wire.substr(at, 6), "data: ");
    const auto chunk = json::parse(wire.substr(at + 6, end - at - 6)).value();
    at = end + 2;
    const auto& choices = chunk.at("choices").as_array();
    told.usage_last = choices.empty() && chunk.as_object().contains("usage");
    if (choices.empty()) continue;
    const auto& delta = choices[0].at("delta").as_object();
    if (delta.contains("content")) told.text += std::string_view(delta.at("content").as_string());
    if (delta.contains("reasoning_content"))
      told.reasoning += std::string_view(delta.at("reasoning_content").as_string());
    if (delta.contains("tool_calls")) {
      const auto& call = delta.at("tool_calls").as_array()[0].as_object();
      const auto index = static_cast<std::size_t>(call.at("index").as_int64());
      if (tools.size() <= index) tools.resize(index + 1);
      const auto& function = call.at("function").as_object();
      if (call.contains("id"))
        tools[index] =
            std::string(call.at("id").as_string()) + " " + std::string(function.at("name").as_string()) + " ";
      tools[index] += std::string_view(function.at("arguments").as_string());
    }
    if (choices[0].at("finish_reason").is_string()) told.finish_reason = choices[0].at("finish_reason").as_string();
  }
  for (const std::string& one : tools) told.tools += one + "; ";
  return told;
}

struct BrokenStream {
  std::string sent;
  const char* code;
};

inline void expect_broken(std::span<const BrokenStream> cases,
                          const std::function<std::shared_ptr<llm::Provider>(FakeClient&)>& make) {
  for (const auto& one : cases) {
    FakeClient client({.reads = {one.sent}});
    const Answered answered = call(*make(client), kStreamUsage);
    ASSERT_TRUE(answered.error) << one.sent << answered.wire;
    EXPECT_EQ(answered.error->code, one.code) << one.sent;
  }
}

}  // namespace fairlead::providers
