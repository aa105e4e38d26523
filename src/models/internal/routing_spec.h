// The part of a model's spec that says how its routes are used.
#pragma once
#include <boost/json/object.hpp>
#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "llm/provider.h"
#include "resources/kind.h"

namespace fairlead::models::internal {

// Members of the schemas of a model and of one of its routes: `"name": {…}, …`.
extern const std::string_view kRoutingMembers, kRouteMembers;
extern const std::string_view kPricesSchema;

// "1.5s", from 1 ms to 24 h. The schema has seen to the form.
std::optional<std::chrono::milliseconds> parse_duration(std::string_view text);
// Of `prices` in a spec.
llm::Prices prices_of(const boost::json::object& prices);

// What the schema cannot say.
void check_routing(std::string_view name, const boost::json::object& spec, const resources::Catalogue& others,
                   std::vector<resources::SpecError>& out);

llm::RoutingPolicy routing_of(const boost::json::object& spec);
// Conditions and weight of one route, and its own prices.
void read_route(const boost::json::object& from, llm::Route& to);
std::vector<std::string> fallbacks_of(const boost::json::object& spec);

}  // namespace fairlead::models::internal
