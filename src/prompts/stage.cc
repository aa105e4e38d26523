#include "prompts/stage.h"

#include <algorithm>
#include <boost/json/object.hpp>

#include "platform/json/text.h"
#include "prompts/internal/explanation.h"
#include "prompts/internal/renderer.h"

namespace fairlead::prompts {
namespace {

namespace bj = boost::json;

// A version that was asked for while a prompt was read, and what the answer was.
struct Lookup {
  std::string name, ref;
  int version = 0;
  std::string digest;
};

}  // namespace

class ReadPrompt {
 public:
  ReadPrompt(const resources::Version& version, internal::Specification specification, std::vector<Lookup> lookups)
      : version_(version.version),
        renderer_(version.name, std::move(specification)),
        name_(version.name),
        lookups_(std::move(lookups)) {}

  const std::string& name() const { return name_; }
  int version() const { return version_; }
  const internal::Renderer& renderer() const { return renderer_; }
  const std::vector<Lookup>& lookups() const { return lookups_; }

 private:
  int version_;
  internal::Renderer renderer_;
  std::string name_;
  std::vector<Lookup> lookups_;
};

namespace {

class PromptStage final : public Prompt {
 public:
  PromptStage(std::shared_ptr<const ReadPrompt> prompt, std::vector<std::shared_ptr<const llm::Model>> models,
              const Clock& clock)
      : read_(std::move(prompt)),
        prompt_(read_->name()),
        version_(read_->version()),
        renderer_(read_->renderer()),
        models_(std::move(models)),
        clock_(clock) {}

  std::string_view name() const override { return "prompt"; }

  async::Task<Result<void>> run(llm::Call& call) override { co_return apply(call); }

  Result<bj::object> explain(const llm::Call& call, std::int64_t now_us) const override {
    FAIRLEAD_TRY(internal::Variables variables, read_variables(call.options.variables));
    const internal::Situation situation = situation_of(call, now_us);
    const internal::Specification& specification = renderer_.specification();
    const internal::Form& form = specification.forms[renderer_.choose(variables, situation).form];
    FAIRLEAD_TRY(internal::Rendered own, renderer_.render(form, variables.values, call.request));
    append_messages(own, call.request.messages, call.request.message_count);
    bj::object out{{"prompt", prompt_}, {"version", version_}, {"model", form.model}};
    out["variant"] = form.variant.empty() ? bj::value(nullptr) : bj::value(form.variant);
    out["conditions"] = internal::to_json(specification.conditions.explain(variables, situation));
    out["language"] = specification.conditions.language(variables, situation);
    out["now"] = iso8601(now_us);
    out["variables"] = std::move(variables.values);
    FAIRLEAD_TRY(out["messages"], json::parse(own.messages));
    bj::object parameters;
    for (const internal::Parameter& one : form.parameters) {
      FAIRLEAD_TRY(parameters[one.name], json::parse(one.json));
    }
    out["parameters"] = std::move(parameters);
    out["includes"] = bj::array(form.messages->includes.begin(), form.messages->includes.end());
    return out;
  }

  std::vector<std::string> includes() const override {
    std::vector<std::string> out;
    for (const internal::Form& form : renderer_.specification().forms)
      out.insert(out.end(), form.messages->includes.begin(), form.messages->includes.end());
    return out;
  }

  const std::vector<std::shared_ptr<const llm::Model>>& models() const override { return models_; }

 private:
  Result<void> apply(llm::Call& call) const {
    FAIRLEAD_TRY(const internal::Variables variables, read_variables(call.options.variables));
    const std::size_t place = choose(call, variables);
    const internal::Form& form = renderer_.specification().forms[place];
    FAIRLEAD_TRY(internal::Rendered own, renderer_.render(form, variables.values, call.request));
    const std::size_t count = own.count + call.request.message_count;
    if (count == 0) {
      return fail(ErrorKind::kInvalid, "missing_required_parameter",
                  "Prompt `" + prompt_ + "` has no messages of its own, so `messages` must hold one at least.",
                  "messages");
    }
    append_messages(own, call.request.messages, call.request.message_count);
    call.request.messages = call.own(std::move(own.messages));
    call.request.message_count = count;
    call.request.set("messages", call.request.messages);
    add_parameters(form, call);
    call.model = models_[place];
    call.includes = form.messages->includes;
    call.fit = form.fit;
    return {};
  }

  static internal::Situation situation_of(const llm::Call& call, std::int64_t now_us) {
    return {.user = call.options.user,
            .session = call.options.session,
            .tags = call.options.tags,
            .now_us = now_us,
            .request = &call.request};
  }

  std::size_t choose(llm::Call& call, const internal::Variables& variables) const {
    if (renderer_.specification().conditions.empty()) return 0;
    internal::Chosen chosen = renderer_.choose(variables, situation_of(call, clock_.unix_micros()));
    call.variant = renderer_.specification().forms[chosen.form].variant;
    call.variant_error = std::move(chosen.error);
    return chosen.form;
  }

  Result<internal::Variables> read_variables(std::string_view text) const {
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
  static void append_messages(internal::Rendered& own, std::string_view theirs, std::size_t count) {
    if (count > 0) {
      const std::size_t open = theirs.find('['), close = theirs.rfind(']');
      if (own.count > 0) own.messages += ',';
      own.messages += theirs.substr(open + 1, close - open - 1);
    }
    own.messages += ']';
  }

  static void add_parameters(const internal::Form& form, llm::Call& call) {
    llm::ChatRequest& request = call.request;
    // Two names for one thing: whichever the client sent counts.
    const bool has_limit = request.member("max_tokens") || request.member("max_completion_tokens");
    for (const internal::Parameter& parameter : form.parameters) {
      const bool is_limit = parameter.name == "max_tokens" || parameter.name == "max_completion_tokens";
      if (is_limit ? has_limit : request.member(parameter.name) != nullptr) continue;
      request.set(parameter.name, parameter.json);
      if (parameter.name == "response_format") call.output = form.output;
      if (parameter.name == "n") request.n = std::atoi(parameter.json.c_str());
    }
  }

  std::shared_ptr<const ReadPrompt> read_;
  const std::string& prompt_;
  int version_;
  const internal::Renderer& renderer_;
  std::vector<std::shared_ptr<const llm::Model>> models_;  // of its forms
  const Clock& clock_;
};

}  // namespace

Result<std::shared_ptr<const ReadPrompt>> read_prompt(const resources::Version& version,
                                                      const FindVersion& find_version) {
  std::vector<resources::SpecError> faults;
  std::vector<Lookup> lookups;
  const FindVersion noted = [&](std::string_view name, std::string_view ref) {
    auto found = find_version(name, ref);
    if (found) lookups.push_back({std::string(name), std::string(ref), (*found)->version, (*found)->digest});
    return found;
  };
  internal::Specification specification = internal::read_specification(version.name, version.spec, noted, faults);
  if (!faults.empty()) {
    const std::string& at = faults.front().pointer;
    const bool is_include = at.find("/messages/") != at.npos && at.ends_with("/prompt");
    return fail(ErrorKind::kInvalid, is_include ? "invalid_include" : "invalid_resource",
                "Prompt `" + version.name + "` v" + std::to_string(version.version) + ", " + faults.front().pointer +
                    ": " + faults.front().message);
  }
  return std::make_shared<const ReadPrompt>(version, std::move(specification), std::move(lookups));
}

bool is_as_read(const ReadPrompt& prompt, const FindVersion& find_version) {
  return std::ranges::all_of(prompt.lookups(), [&](const Lookup& one) {
    const auto found = find_version(one.name, one.ref);
    return found && (*found)->version == one.version && (*found)->digest == one.digest;
  });
}

Result<std::shared_ptr<Prompt>> compile_prompt(std::shared_ptr<const ReadPrompt> prompt, const FindModel& find_model,
                                               const Clock& clock) {
  std::vector<std::shared_ptr<const llm::Model>> models;
  for (const internal::Form& form : prompt->renderer().specification().forms) {
    auto model = find_model(form.model);
    if (!model) {
      return fail(ErrorKind::kUnavailable, "model_unavailable",
                  "Prompt `" + prompt->name() + "` names the model `" + form.model + "`, which cannot be used now.");
    }
    models.push_back(std::move(model));
  }
  return std::make_shared<PromptStage>(std::move(prompt), std::move(models), clock);
}

Result<std::shared_ptr<Prompt>> compile_prompt(const resources::Version& version, const FindModel& find_model,
                                               const FindVersion& find_version, const Clock& clock) {
  FAIRLEAD_TRY(auto prompt, read_prompt(version, find_version));
  return compile_prompt(std::move(prompt), find_model, clock);
}

}  // namespace fairlead::prompts
