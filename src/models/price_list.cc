#include "models/price_list.h"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <cstdlib>

#include "models/internal/log.h"
#include "models/internal/routing_spec.h"
#include "platform/json/text.h"

// FAIRLEAD_PRICES: the file.
asm(".pushsection .rodata\n"
    ".globl fairlead_prices\n.type fairlead_prices, @object\nfairlead_prices:\n.incbin \"" FAIRLEAD_PRICES
    "\"\n.byte 0\n.size fairlead_prices, . - fairlead_prices\n.popsection");
extern "C" const char fairlead_prices[];

namespace fairlead::models {
namespace {

namespace bj = boost::json;

std::string key_of(std::string_view type, std::string_view model) {
  std::string out(type);
  out += ' ';
  out += model;
  return out;
}

std::string text_in(const bj::object& from, std::string_view name) {
  const bj::value* const value = from.if_contains(name);
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string();
}

std::int64_t count_in(const bj::object& from, std::string_view name) {
  const bj::value* const value = from.if_contains(name);
  return value != nullptr && value->is_int64() ? value->get_int64() : 0;
}

std::unexpected<Error> invalid(std::string what) {
  return fail(ErrorKind::kInvalid, "invalid_prices", "The price list makes no sense: " + std::move(what) + ".");
}

}  // namespace

Result<PriceList> PriceList::parse(std::string_view text) {
  FAIRLEAD_TRY(const bj::value document, json::parse(text));
  if (!document.is_object()) return invalid("it is not one object");
  const bj::object& root = document.get_object();
  PriceList out;
  out.as_of_ = text_in(root, "as_of");
  if (out.as_of_.empty()) return invalid("it has no date");
  const bj::value* const vendors = root.if_contains("vendors");
  if (vendors == nullptr || !vendors->is_array()) return invalid("it has no vendors");
  for (const bj::value& one : vendors->get_array()) {
    if (!one.is_object()) return invalid("a vendor is no object");
    const bj::object& vendor = one.get_object();
    const std::string type = text_in(vendor, "type");
    const bj::value* const models = vendor.if_contains("models");
    if (type.empty() || models == nullptr || !models->is_object()) return invalid("a vendor has no type or no models");
    for (const auto& [name, value] : models->get_object()) {
      if (!value.is_object() || !value.get_object().contains("input"))
        return invalid(std::string(name) + " has no price");
      const bj::object& spec = value.get_object();
      ListedModel listed{.prices = internal::prices_of(spec),
                         .context_length = count_in(spec, "context_length"),
                         .max_output_tokens = count_in(spec, "max_output_tokens"),
                         .vendor = text_in(vendor, "vendor"),
                         .source = text_in(vendor, "source")};
      if (!out.models_.emplace(key_of(type, name), std::move(listed)).second)
        return invalid(std::string(name) + " is there twice");
    }
  }
  return out;
}

const PriceList& PriceList::shipped() {
  static const PriceList kShipped = [] {
    auto parsed = parse(fairlead_prices);
    if (parsed) return *std::move(parsed);
    kLog.error("the price list cannot be read", {{"reason", parsed.error().message}});  // a test sees to it that it can
    return PriceList();
  }();
  return kShipped;
}

const ListedModel* PriceList::find(std::string_view provider_type, std::string_view upstream_model) const {
  const auto found = models_.find(key_of(provider_type, upstream_model));
  return found == models_.end() ? nullptr : &found->second;
}

}  // namespace fairlead::models
