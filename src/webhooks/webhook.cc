#include "webhooks/webhook.h"

#include <algorithm>

namespace fairlead::webhooks {
namespace {

std::set<std::string, std::less<>> words_of(const boost::json::object& spec, std::string_view member) {
  std::set<std::string, std::less<>> out;
  if (const boost::json::value* const list = spec.if_contains(member))
    for (const boost::json::value& one : list->as_array()) out.emplace(one.as_string());
  return out;
}

}  // namespace

std::shared_ptr<const Webhook> Webhook::of(const std::string& project, const std::string& name, int version,
                                           const boost::json::object& spec, std::vector<resources::SpecError>& faults) {
  auto out = std::make_shared<Webhook>();
  out->project = project;
  out->name = name;
  out->version = version;
  if (const boost::json::value* const text = spec.if_contains("description")) out->description = text->as_string();
  out->url = spec.at("url").as_string();
  const std::size_t authority = out->url.find("://");
  const std::size_t path = authority == std::string::npos ? authority : out->url.find_first_of("/?#", authority + 3);
  out->target = path == std::string::npos ? "/" : out->url.substr(path);
  if (out->target.front() == '?') out->target.insert(0, "/");
  auto origin = http::Origin::parse(std::string_view(out->url).substr(0, path));
  const bool is_plain = std::ranges::all_of(out->target, [](unsigned char c) { return c > 0x20 && c < 0x7f; });
  if (!origin || !origin->unix_path.empty() || !is_plain || out->target.find('#') != std::string::npos) {
    faults.push_back({"/url", origin ? "this is no URL that can be asked: write https://HOST/PATH, without a fragment."
                                     : origin.error().message});
    return nullptr;
  }
  out->origin = std::move(*origin);
  out->secret = spec.at("secret").as_string();
  out->events = words_of(spec, "events");
  out->chains = words_of(spec, "chains");
  return out;
}

bool Webhook::wants(const Event& event) const {
  if (!events.empty() && !events.contains(event.type)) return false;
  if (event.chain.empty()) return true;
  return chains.empty() ? !event.is_part : chains.contains(event.chain);
}

}  // namespace fairlead::webhooks
