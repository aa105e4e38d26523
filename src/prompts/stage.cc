#include "prompts/stage.h"

#include <boost/json/object.hpp>

#include "platform/json/text.h"
#include "prompts/internal/renderer.h"

namespace fairlead::prompts {
namespace {

namespace bj = boost::json;

class PromptStage final : public llm::Stage {
 public:
  PromptStage(std::string prompt, internal::Specification specification, std::shared_ptr<const llm::Model> model)
      : prompt_(prompt), renderer_(std::move(prompt), std::move(specification)), model_(std::move(model)) {}

  std::string_view name() const override { return "prompt"; }

  async::Task<Result<void>> run(llm::Call& call) override { co_return apply(call); }

 private:
  Result<void> apply(llm::Call& call) const {
    FAIRLEAD_TRY(const bj::object variables, read_variables(call.options.variables));
    FAIRLEAD_TRY(std::string messages, renderer_.render(variables));
    const std::size_t count = renderer_.specification().message_count + call.request.message_count;
    if (count == 0) {
      return fail(ErrorKind::kInvalid, "missing_required_parameter",
                  "Prompt `" + prompt_ + "` has no messages of its own, so `messages` must hold one at least.",
                  "messages");
    }
    append_messages(messages, call.request.messages, call.request.message_count);
    call.request.messages = call.own(std::move(messages));
    call.request.message_count = count;
    call.request.set("messages", call.request.messages);
    add_parameters(call);
    call.fit = renderer_.specification().fit;
    call.model = model_;
    return {};
  }

  Result<bj::object> read_variables(std::string_view text) const {
    bj::object variables;
    if (!text.empty()) {
      auto parsed = json::parse(text);
      if (!parsed)
        return fail(ErrorKind::kInvalid, "invalid_json", "`fairlead.variables`: " + parsed.error().message,
                    "fairlead.variables");
      if (!parsed->is_object())
        return fail(ErrorKind::kInvalid, "invalid_type", "`fairlead.variables` must be an object.",
                    "fairlead.variables");
      variables = std::move(parsed->get_object());
    }
    return renderer_.complete(std::move(variables));
  }

  // Adds the elements of the client's array, spliced as they were sent, and the end of the array.
  void append_messages(std::string& out, std::string_view theirs, std::size_t count) const {
    if (count > 0) {
      const std::size_t open = theirs.find('['), close = theirs.rfind(']');
      if (renderer_.specification().message_count > 0) out += ',';
      out += theirs.substr(open + 1, close - open - 1);
    }
    out += ']';
  }

  void add_parameters(llm::Call& call) const {
    llm::ChatRequest& request = call.request;
    // Two names for one thing: whichever the client sent counts.
    const bool has_limit = request.member("max_tokens") || request.member("max_completion_tokens");
    for (const internal::Parameter& parameter : renderer_.specification().parameters) {
      const bool is_limit = parameter.name == "max_tokens" || parameter.name == "max_completion_tokens";
      if (is_limit ? has_limit : request.member(parameter.name) != nullptr) continue;
      request.set(parameter.name, parameter.json);
      if (parameter.name == "response_format") call.output = renderer_.specification().output;
      if (parameter.name == "n") request.n = std::atoi(parameter.json.c_str());
    }
  }

  std::string prompt_;
  internal::Renderer renderer_;
  std::shared_ptr<const llm::Model> model_;
};

}  // namespace

Result<std::shared_ptr<llm::Stage>> compile_prompt(const resources::Version& version, const FindModel& find_model) {
  std::vector<resources::SpecError> faults;
  internal::Specification specification = internal::read_specification(version.name, version.spec, faults);
  if (!faults.empty()) {
    return fail(ErrorKind::kInvalid, "invalid_resource",
                "Prompt `" + version.name + "`, " + faults.front().pointer + ": " + faults.front().message);
  }
  auto model = find_model(specification.model);
  if (!model) {
    return fail(
        ErrorKind::kUnavailable, "model_unavailable",
        "Prompt `" + version.name + "` names the model `" + specification.model + "`, which cannot be used now.");
  }
  return std::make_shared<PromptStage>(version.name, std::move(specification), std::move(model));
}

}  // namespace fairlead::prompts
