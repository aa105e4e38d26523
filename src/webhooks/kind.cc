#include "webhooks/kind.h"

#include "base/suggest.h"
#include "webhooks/event.h"
#include "webhooks/internal/signing.h"
#include "webhooks/webhook.h"

namespace fairlead::webhooks {
namespace {

namespace bj = boost::json;
using WebhookFaults = std::vector<resources::SpecError>;

constexpr const char* kWebhookSchema = R"json({
  "type": "object",
  "required": ["url", "secret"],
  "additionalProperties": false,
  "properties": {
    "description": {"type": "string", "maxLength": 2000},
    "url": {"type": "string", "minLength": 1, "maxLength": 2000},
    "secret": {"type": "string", "minLength": 1, "maxLength": 300},
    "events": {"type": "array", "minItems": 1, "items": {"type": "string"}},
    "chains": {"type": "array", "minItems": 1, "items": {"type": "string"}}
  }
})json";

const bj::array& list_of(const bj::object& spec, std::string_view member) {
  static const bj::array kNone;
  const bj::value* const value = spec.if_contains(member);
  return value != nullptr && value->is_array() ? value->get_array() : kNone;
}

WebhookFaults check_webhook(std::string_view name, const bj::object& spec, const resources::Catalogue& others) {
  WebhookFaults faults;
  Webhook::of({}, std::string(name), 0, spec, faults);
  const std::string secret(spec.at("secret").as_string());
  if (!internal::is_secret_reference(secret))
    faults.push_back(
        {"/secret",
         "write where the signing secret is found: secret:NAME for a secret of the project, or env:NAME "
         "for an environment variable. The secret itself has no place here: everyone who may read sees it."});
  const std::vector<std::string> known(kEventTypes.begin(), kEventTypes.end());
  std::size_t at = 0;
  for (const bj::value& one : list_of(spec, "events")) {
    const std::string type(one.as_string());
    if (std::ranges::find(known, type) == known.end())
      faults.push_back({"/events/" + std::to_string(at),
                        "there is no event `" + type + "`." + did_you_mean(type, known),
                        "The events are listed in docs/reference/webhooks.md."});
    ++at;
  }
  at = 0;
  for (const bj::value& one : list_of(spec, "chains")) {
    const std::string chain(one.as_string());
    if (others.find("chain", chain) == nullptr)
      faults.push_back({"/chains/" + std::to_string(at),
                        "unknown chain `" + chain + "`." + did_you_mean(chain, others.names("chain"))});
    ++at;
  }
  return faults;
}

std::vector<resources::SecretReference> webhook_secrets(const bj::object& spec) {
  const bj::value* const secret = spec.if_contains("secret");
  if (secret == nullptr || !secret->is_string()) return {};
  const std::string text(secret->get_string());
  const std::string_view name = internal::secret_name(text);
  if (name.empty()) return {};
  return {{"/secret", std::string(name)}};
}

}  // namespace

resources::Kind webhook_kind() {
  resources::Kind kind;
  kind.name = "webhook";
  kind.schema = kWebhookSchema;
  kind.check = check_webhook;
  kind.secrets = webhook_secrets;
  return kind;
}

}  // namespace fairlead::webhooks
