#include "resources/tests/test_kinds.h"

#include "access/key_service.h"
#include "base/suggest.h"

namespace fairlead::resources {
namespace {

std::vector<SpecError> refers(const Catalogue& others, const std::string& kind, const boost::json::object& spec,
                              const std::string& pointer) {
  const std::string name(spec.at(kind).as_string());
  if (others.find(kind, name) != nullptr) return {};
  return {{pointer, "unknown " + kind + " `" + name + "`." + did_you_mean(name, others.names(kind))}};
}

}  // namespace

std::vector<Kind> test_kinds() {
  Kind provider;
  provider.name = "provider";
  provider.schema =
      R"({"type":"object","properties":{"type":{"enum":["openai","anthropic"]},"api_key":{"type":"string"}},
    "required":["type"],"additionalProperties":false})";
  provider.secrets = [](const boost::json::object& spec) {
    std::vector<SecretReference> named;
    const boost::json::value* const key = spec.if_contains("api_key");
    if (key && key->is_string() && std::string_view(key->get_string()).starts_with("secret:"))
      named.push_back({"/api_key", std::string(std::string_view(key->get_string()).substr(7))});
    return named;
  };
  Kind model;
  model.name = "model";
  model.schema =
      R"({"type":"object","properties":{"provider":{"type":"string"},"timeout":{"type":"integer","minimum":1}},
    "required":["provider"],"additionalProperties":false})";
  model.normalise = [](boost::json::object& spec) {
    if (!spec.contains("timeout")) spec["timeout"] = 60;
  };
  model.check = [](std::string_view, const boost::json::object& spec, const Catalogue& others) {
    return refers(others, "provider", spec, "/provider");
  };
  model.addressable = true;
  Kind prompt;
  prompt.name = "prompt";
  prompt.schema = R"({"type":"object","properties":{"description":{"type":"string"},"model":{"type":"string"},
    "messages":{"type":"array","minItems":1,"items":{"type":"object","additionalProperties":false,
      "properties":{"system":{"type":"string"},"user":{"type":"string"}}}}},
    "required":["messages"],"additionalProperties":false})";
  prompt.check = [](std::string_view, const boost::json::object& spec, const Catalogue& others) {
    return spec.contains("model") ? refers(others, "model", spec, "/model") : std::vector<SpecError>{};
  };
  prompt.addressable = true;
  return {provider, model, prompt};
}

std::string provider_yaml(const std::string& name) {
  return "kind: provider\nname: " + name + "\ntype: openai\n";
}

std::string model_yaml(const std::string& name, const std::string& provider) {
  return "kind: model\nname: " + name + "\nprovider: " + provider + "\n";
}

std::string prompt_yaml(const std::string& name, const std::string& text, const std::string& header) {
  return "kind: prompt\nname: " + name + "\n" + header + "messages:\n  - system: " + text + "\n";
}

std::vector<store::Migration> all_migrations() {
  std::vector<store::Migration> migrations = access::KeyService::migrations();
  for (store::Migration& one : ResourceService::migrations()) migrations.push_back(std::move(one));
  return migrations;
}

TestService::TestService()
    : database(store::open_sqlite(folder.path("fairlead.db"), pool, all_migrations()).value()),
      service(ResourceService::create(*database, clock, test_kinds()).value()) {}

ChangeSet TestService::apply(const Files& files, const std::string& message) {
  return service->apply_blocking("bank", files, access::Actor{"maria", "key_1"}, message).value();
}

std::string TestService::faults(const Files& files) {
  std::string text;
  for (const Fault& fault : apply(files).faults) text += (text.empty() ? "" : "\n") + to_text(fault);
  return text;
}

}  // namespace fairlead::resources
