#include "models/kind.h"

#include <boost/json/array.hpp>
#include <boost/json/value.hpp>

#include "base/suggest.h"
#include "llm/cache.h"
#include "models/internal/routing_spec.h"
#include "models/price_list.h"

namespace fairlead::models {
namespace {

namespace bj = boost::json;
using resources::Catalogue;
using resources::SpecError;

std::string schema() {
  std::string out = R"({
    "type": "object",
    "required": ["routes"],
    "additionalProperties": false,
    "$defs": {
      "duration": {"type": "string", "pattern": "^[0-9]{1,9}(\\.[0-9]{1,3})?(ms|s|m|h)$"},
      "price": {"type": "number", "minimum": 0, "maximum": 1000000000},
      "prices": )";
  out += internal::kPricesSchema;
  out += R"(,
      "shadow": )";
  out += llm::kShadowSchema;
  out += R"(,
      "cache": )";
  out += llm::kCacheSchema;
  out += R"(
    },
    "properties": {
      "description": {"type": "string", "maxLength": 2000},
      "card": {
        "type": "object",
        "additionalProperties": false,
        "properties": {
          "size": {"type": "string", "maxLength": 100},
          "licence": {"type": "string", "maxLength": 200},
          "training_data": {"type": "string", "maxLength": 4000},
          "context_length": {"type": "integer", "minimum": 1, "maximum": 1000000000},
          "max_output_tokens": {"type": "integer", "minimum": 1, "maximum": 1000000000}
        }
      },
      "prices": {"$ref": "#/$defs/prices"},
      "timeout": {"$ref": "#/$defs/duration"},
      "routes": {
        "type": "array",
        "minItems": 1,
        "maxItems": 16,
        "items": {
          "type": "object",
          "required": ["provider"],
          "additionalProperties": false,
          "properties": {
            "provider": {"type": "string", "minLength": 1, "maxLength": 200},
            "model": {"type": "string", "minLength": 1, "maxLength": 500},
            "file": {"type": "string", "maxLength": 200, "pattern": "^[A-Za-z0-9][A-Za-z0-9._+-]*\\.gguf$"},
            "sha256": {"type": "string", "pattern": "^[0-9a-f]{64}$"},)";
  out += internal::kRouteMembers;
  out += R"(
          }
        }
      },)";
  out += internal::kRoutingMembers;
  return out + "\n    }\n  }";
}

std::string text_of(const bj::object& object, std::string_view name) {
  const bj::value* value = object.if_contains(name);
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string();
}

std::vector<const bj::object*> routes_of(const bj::object& spec) {
  std::vector<const bj::object*> out;
  const bj::value* routes = spec.if_contains("routes");
  if (routes == nullptr || !routes->is_array()) return out;
  for (const bj::value& route : routes->get_array()) {
    if (route.is_object()) out.push_back(&route.get_object());
  }
  return out;
}

void check_route(const bj::object& route, const std::string& at, const Catalogue& others, std::vector<SpecError>& out) {
  const std::string name = text_of(route, "provider");
  const bj::object* provider = others.find("provider", name);
  if (provider == nullptr) {
    out.push_back(
        {at + "/provider", "provider `" + name + "` does not exist." + did_you_mean(name, others.names("provider"))});
    return;
  }
  const bool local = text_of(*provider, "type") == "llama.cpp";
  const char* needed = local ? "file" : "model";
  const char* wrong = local ? "model" : "file";
  if (route.contains(wrong)) {
    out.push_back({at + "/" + wrong, "provider `" + name + "` is of type " + text_of(*provider, "type") +
                                         " and takes `" + needed + "`, not `" + wrong + "`"});
  } else if (!route.contains(needed)) {
    out.push_back({at, std::string("must have `") + needed +
                           "`: " + (local ? "the name of a GGUF file" : "the model's name at the provider")});
  }
  if (route.contains("sha256") && !route.contains("file")) {
    out.push_back({at + "/sha256", "has a meaning beside `file` only"});
  }
}

// One file has one content: two digests for it can never both be served.
void check_digests(std::string_view name, const bj::object& spec, const Catalogue& others,
                   std::vector<SpecError>& out) {
  const auto routes = routes_of(spec);
  for (std::size_t i = 0; i < routes.size(); ++i) {
    const std::string file = text_of(*routes[i], "file");
    const std::string digest = text_of(*routes[i], "sha256");
    if (file.empty() || digest.empty()) continue;
    for (const std::string& other : others.names("model")) {
      const bj::object* found = other == name ? &spec : others.find("model", other);
      if (found == nullptr) continue;
      for (const LocalFile& local : local_files(*found)) {
        if (local.file != file || local.sha256.empty() || local.sha256 == digest) continue;
        out.push_back({"/routes/" + std::to_string(i) + "/sha256",
                       "model `" + other + "` wants the same file with another digest, " + local.sha256});
        return;
      }
    }
  }
}

std::vector<SpecError> check(std::string_view name, const bj::object& spec, const Catalogue& others) {
  std::vector<SpecError> out;
  const auto routes = routes_of(spec);
  for (std::size_t i = 0; i < routes.size(); ++i) check_route(*routes[i], "/routes/" + std::to_string(i), others, out);
  check_digests(name, spec, others, out);
  internal::check_routing(name, spec, others, out);
  return out;
}

std::int64_t whole_number(const bj::value* value) {
  return value != nullptr && value->is_number() ? value->to_number<std::int64_t>() : 0;
}

// What the route itself does not say: the model does, or the price list, or it is a local one that costs nothing.
void complete(const bj::object& spec, llm::Route& route) {
  if (const bj::value* const card = spec.if_contains("card"); card != nullptr && card->is_object()) {
    route.context_length = whole_number(card->get_object().if_contains("context_length"));
    route.max_output_tokens = whole_number(card->get_object().if_contains("max_output_tokens"));
  }
  const ListedModel* const listed = PriceList::shipped().find(route.provider->type(), route.upstream_model);
  if (listed != nullptr) {
    if (route.context_length == 0) route.context_length = listed->context_length;
    if (route.max_output_tokens == 0) route.max_output_tokens = listed->max_output_tokens;
  }
  if (route.prices) return;
  if (const bj::value* const prices = spec.if_contains("prices"); prices != nullptr && prices->is_object()) {
    route.prices = internal::prices_of(prices->get_object());
    route.prices_from = llm::PricesFrom::kModel;
  } else if (route.provider->type() == "llama.cpp") {
    route.prices.emplace();
    route.prices_from = llm::PricesFrom::kLocal;
  } else if (listed != nullptr) {
    route.prices = listed->prices;
    route.prices_from = llm::PricesFrom::kFile;
    route.prices_as_of = PriceList::shipped().as_of();
  }
}

}  // namespace

resources::Kind model_kind() {
  return {
      .name = "model", .schema = schema(), .normalise = {}, .check = check, .addressable = true, .plural = "models"};
}

std::vector<LocalFile> local_files(const bj::object& spec) {
  std::vector<LocalFile> out;
  for (const bj::object* route : routes_of(spec)) {
    if (const std::string file = text_of(*route, "file"); !file.empty())
      out.push_back({file, text_of(*route, "sha256")});
  }
  return out;
}

Result<std::shared_ptr<llm::Model>> compile_model(const resources::Version& version, const ProviderLookup& providers,
                                                  const ModelLookup& models) {
  auto out = std::make_shared<llm::Model>();
  out->name = version.name;
  out->version = version.version;
  out->digest = version.digest;
  if (const auto timeout = internal::parse_duration(text_of(version.spec, "timeout"))) out->timeout = *timeout;
  out->routing = internal::routing_of(version.spec);
  out->shadow = llm::shadow_of(version.spec);
  for (const bj::object* route : routes_of(version.spec)) {
    const std::string name = text_of(*route, "provider");
    auto provider = providers(name);
    if (!provider) {
      return fail(ErrorKind::kNotFound, "provider_not_found",
                  "Model `" + version.name + "` names provider `" + name + "`, which does not exist.");
    }
    const std::string file = text_of(*route, "file");
    out->routes.push_back({std::move(provider), file.empty() ? text_of(*route, "model") : file});
    internal::read_route(*route, out->routes.back());
    complete(version.spec, out->routes.back());
  }
  for (const std::string& name : internal::fallbacks_of(version.spec)) {
    auto fallback = models ? models(name) : nullptr;
    if (!fallback) {
      return fail(ErrorKind::kNotFound, "model_not_found",
                  "Model `" + version.name + "` falls back to `" + name + "`, which cannot be used now.");
    }
    out->fallbacks.push_back(std::move(fallback));
  }
  if (out->routes.empty())
    return fail(ErrorKind::kInvalid, "invalid_resources", "Model `" + version.name + "` has no routes.");
  return out;
}

}  // namespace fairlead::models
