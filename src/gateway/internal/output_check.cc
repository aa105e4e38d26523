#include "gateway/internal/output_check.h"

#include <algorithm>
#include <boost/json/object.hpp>

#include "llm/chat_answer.h"
#include "platform/json/text.h"

namespace fairlead::gateway::internal {
namespace {

constexpr std::size_t kMostFaults = 5;  // that are told at once
constexpr std::size_t kLongestPlace = 200;
constexpr std::size_t kLargestSchema = 256 * 1024;  // of a request

class Reading final : public llm::ChatAnswerSink {
 public:
  std::string text;
  std::string finish;
  bool is_other = false;  // than an answer in JSON

 private:
  void on_text(std::size_t choice, std::string_view piece) override {
    if (choice == 0) text += piece;
  }
  void on_refusal(std::size_t /*choice*/, std::string_view /*piece*/) override { is_other = true; }
  void on_tool_call(std::size_t /*choice*/, std::size_t /*call*/, std::string_view /*id*/,
                    std::string_view /*name*/) override {
    is_other = true;
  }
  void on_finish(std::size_t /*choice*/, std::string_view reason) override { finish = reason; }
};

Result<std::optional<json::Schema>> schema_in(const llm::Member* format) {
  if (format == nullptr) return std::nullopt;
  if (format->json.size() > kLargestSchema)
    return fail(ErrorKind::kInvalid, "invalid_value", "A schema that answers are checked for has at most 256 KiB.",
                "response_format");
  auto parsed = json::parse(format->json);
  if (!parsed) return fail(ErrorKind::kInvalid, "invalid_value", parsed.error().message, "response_format");
  const auto* const object = parsed->if_object();
  const auto* const inner = object != nullptr ? object->if_contains("json_schema") : nullptr;
  const auto* const schema =
      inner != nullptr && inner->is_object() ? inner->get_object().if_contains("schema") : nullptr;
  if (schema == nullptr) return std::nullopt;
  auto compiled = json::Schema::compile(*schema);
  if (!compiled)
    return fail(ErrorKind::kInvalid, "invalid_value",
                "Invalid schema at '" + compiled.error().param + "': " + compiled.error().message, "response_format");
  return std::optional(*std::move(compiled));
}

}  // namespace

Result<void> settle_output(llm::Call& call) {
  if (const std::optional<int> repairs = call.options.repair) {
    FAIRLEAD_TRY(auto schema, schema_in(call.request.member("response_format")));
    if (!schema)
      return fail(ErrorKind::kInvalid, "invalid_value",
                  "There is nothing to repair: the request asks for no JSON Schema (`response_format` of type "
                  "`json_schema`), and no prompt does.",
                  "fairlead.repair");
    call.output = std::make_shared<const llm::OutputRule>(*std::move(schema), *repairs);
  }
  if (call.output && call.request.n > 1)
    return fail(ErrorKind::kInvalid, "unsupported_value",
                "An answer that is checked for its schema is one: `n` must be 1.", "n");
  return {};
}

Result<std::optional<Unfit>> find_unfit(const llm::OutputRule& rule, std::string_view wire, bool stream) {
  Reading reading;
  llm::ChatAnswerReader reader(reading);
  FAIRLEAD_CHECK(stream ? reader.events(wire) : reader.whole(wire));
  if (reading.is_other || reading.finish == "content_filter") return std::nullopt;
  const auto value = json::parse(reading.text);
  Unfit unfit;
  if (!value) {
    unfit.first = "it is not JSON";
    unfit.faults = "- it is not JSON: " + value.error().message + "\n";
    if (reading.finish == "length") {
      unfit.first += ", as it was cut at its longest";
      unfit.faults += "- it was cut, because it became too long: be briefer\n";
    }
  } else {
    const auto errors = rule.schema.validate(*value, kMostFaults);
    if (errors.empty()) return std::nullopt;
    for (const json::SchemaError& error : errors)
      unfit.faults += "- at " + (error.pointer.empty() ? "the top" : error.pointer) + ": " + error.message + "\n";
    const std::string& pointer = errors.front().pointer;
    unfit.first =
        "`" + errors.front().keyword + "` does not hold at " +
        (pointer.empty() ? "the top" : pointer.substr(0, json::valid_utf8_prefix(pointer.substr(0, kLongestPlace))));
  }
  unfit.text = std::move(reading.text);
  return unfit;
}

std::string messages_to_repair(const llm::ChatRequest& request, const Unfit& unfit) {
  std::string out(request.messages.substr(0, request.messages.rfind(']')));
  if (request.message_count > 0) out += ',';
  out += R"({"role":"assistant","content":)";
  json::append_string(out, unfit.text);
  out += R"(},{"role":"user","content":)";
  json::append_string(out, "Your last answer does not fit the JSON Schema that was asked for:\n" + unfit.faults +
                               "Answer again: the whole corrected JSON and nothing else.");
  return out + "}]";
}

}  // namespace fairlead::gateway::internal
