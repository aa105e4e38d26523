// The routes of a server as a tree of path segments.
#pragma once
#include <array>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "platform/http/server.h"

namespace fairlead::http {

struct Route {
  Handler handler;
  std::vector<std::string> parameters;  // names, in the order of the pattern
};

struct RouteNode {
  std::vector<std::pair<std::string, std::unique_ptr<RouteNode>>> literals;
  std::unique_ptr<RouteNode> parameter;          // {name}
  std::unique_ptr<RouteNode> rest;               // {name...}
  std::array<std::unique_ptr<Route>, 7> routes;  // by Method, kOther excluded
  bool has_routes() const;
};

// Where a path leads. `values` are as sent, percent-encoded, one for each parameter of the pattern.
struct RouteMatch {
  const RouteNode* node = nullptr;
  std::vector<std::string_view> values;
};

struct Router::Table {
  RouteNode root;
  Fallback fallback;

  // False if no pattern matches the path. `match` is reused from call to call.
  bool find(std::string_view path, RouteMatch& match) const;
};

// The route for the method, GET's for HEAD; null if there is none.
const Route* route_for(const RouteNode& node, Method method);
std::string allowed_methods(const RouteNode& node);  // "GET, HEAD, POST, OPTIONS"

}  // namespace fairlead::http
