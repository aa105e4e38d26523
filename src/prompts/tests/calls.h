// Calls of prompts, for the room's tests.
#pragma once
#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "platform/async/task.h"
#include "platform/json/schema.h"
#include "platform/json/text.h"
#include "prompts/kind.h"
#include "prompts/stage.h"

namespace fairlead::prompts {

// A call with its body, whose text the request views.
struct TestCall {
  std::string body;
  llm::Call call;

  explicit TestCall(std::string_view request, std::string_view variables = "{}") : body(request) {
    const std::size_t size = body.size();
    body.resize(size + 64);
    auto parsed = llm::ChatRequest::parse(std::span(body.data(), size));
    EXPECT_TRUE(parsed) << parsed.error().message;
    if (parsed) call.request = std::move(*parsed);
    call.options.variables = variables;
  }
};

inline std::shared_ptr<const llm::Model> find_test_model(std::string_view name) {
  if (name != "small" && name != "gold") return nullptr;
  auto model = std::make_shared<llm::Model>();
  model->name = name;
  return model;
}

inline Result<const resources::Version*> no_prompts(std::string_view name, std::string_view) {
  return fail(ErrorKind::kNotFound, "resource_not_found", "prompt `" + std::string(name) + "` does not exist.");
}

inline resources::Version test_version(std::string_view spec) {
  resources::Version version;
  version.kind = "prompt";
  version.name = "support-reply";
  version.version = 4;
  version.spec = json::parse(spec)->get_object();
  return version;
}

// Of a spec, as "pointer: message" and " | hint" where there is one: of the schema first, then of the check.
inline std::vector<std::string> faults_in(std::string_view spec, const resources::Catalogue& others) {
  const resources::Kind kind = prompt_kind();
  const auto value = json::parse(spec);
  if (!value) return {value.error().message};
  std::vector<std::string> out;
  for (const auto& error : json::Schema::parse(kind.schema)->validate(*value))
    out.push_back(error.pointer + ": " + error.message);
  for (const auto& error : kind.check("support-reply", value->get_object(), others))
    out.push_back(error.pointer + ": " + error.message + (error.hint.empty() ? "" : " | " + error.hint));
  return out;
}

inline Result<void> run(llm::Stage& stage, llm::Call& call) {
  async::IoContext context;
  std::optional<Result<void>> result;
  boost::asio::co_spawn(context, stage.run(call),
                        [&](std::exception_ptr, Result<void> got) { result = std::move(got); });
  context.run();
  return std::move(*result);
}

}  // namespace fairlead::prompts
