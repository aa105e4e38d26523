#include <algorithm>
#include <cassert>

#include "platform/http/internal/router_table.h"

namespace fairlead::http {
namespace {

// The first segment of "a/b/c", and what follows its slash in `rest`; false in `more` if nothing does.
std::string_view take_segment(std::string_view& rest, bool& more) {
  const std::size_t slash = rest.find('/');
  const std::string_view segment = rest.substr(0, slash);
  more = slash != std::string_view::npos;
  rest.remove_prefix(more ? slash + 1 : rest.size());
  return segment;
}

bool descend(const RouteNode& node, std::string_view rest, bool more, RouteMatch& match) {
  if (!more) {
    if (!node.has_routes()) return false;
    match.node = &node;
    return true;
  }
  std::string_view after = rest;
  bool more_after = false;
  const std::string_view segment = take_segment(after, more_after);
  const bool encoded = segment.find('%') != std::string_view::npos;
  const std::string decoded = encoded ? percent_decode(segment) : std::string();
  const std::string_view literal = encoded ? std::string_view(decoded) : segment;
  for (const auto& [text, child] : node.literals)
    if (text == literal && descend(*child, after, more_after, match)) return true;
  const std::size_t bound = match.values.size();
  if (node.parameter && !segment.empty()) {
    match.values.push_back(segment);
    if (descend(*node.parameter, after, more_after, match)) return true;
    match.values.resize(bound);
  }
  if (node.rest) {
    match.values.push_back(rest);
    if (descend(*node.rest, {}, false, match)) return true;
    match.values.resize(bound);
  }
  return false;
}

}  // namespace

bool RouteNode::has_routes() const {
  return std::any_of(routes.begin(), routes.end(), [](const auto& route) { return route != nullptr; });
}

bool Router::Table::find(std::string_view path, RouteMatch& match) const {
  match.node = nullptr;
  match.values.clear();
  if (path.empty() || path.front() != '/') return false;
  return descend(root, path.substr(1), true, match);
}

const Route* route_for(const RouteNode& node, Method method) {
  if (method == Method::kOther) return nullptr;
  const Route* const route = node.routes[static_cast<std::size_t>(method)].get();
  if (!route && method == Method::kHead) return node.routes[static_cast<std::size_t>(Method::kGet)].get();
  return route;
}

std::string allowed_methods(const RouteNode& node) {
  std::string text;
  for (std::size_t i = 0; i < node.routes.size(); ++i) {
    const auto method = static_cast<Method>(i);
    if (!route_for(node, method) && method != Method::kOptions) continue;  // which the server itself answers
    if (!text.empty()) text += ", ";
    text += to_string(method);
  }
  return text;
}

Router::Router() : table_(std::make_unique<Table>()) {}
Router::~Router() = default;
Router::Router(Router&&) noexcept = default;
Router& Router::operator=(Router&&) noexcept = default;

void Router::add(Method method, std::string_view pattern, Handler handler) {
  assert(pattern.starts_with('/') && method != Method::kOther);
  auto route = std::make_unique<Route>();
  route->handler = std::move(handler);
  RouteNode* node = &table_->root;
  std::string_view rest = pattern.substr(1);
  for (bool more = true; more;) {
    std::string_view segment = take_segment(rest, more);
    if (segment.starts_with('{') && segment.ends_with('}')) {
      std::string_view name = segment.substr(1, segment.size() - 2);
      const bool takes_rest = name.ends_with("...");
      assert(!takes_rest || !more);
      if (takes_rest) name.remove_suffix(3);
      auto& child = takes_rest ? node->rest : node->parameter;
      if (!child) child = std::make_unique<RouteNode>();
      route->parameters.emplace_back(name);
      node = child.get();
      continue;
    }
    const auto known = std::find_if(node->literals.begin(), node->literals.end(),
                                    [&](const auto& literal) { return literal.first == segment; });
    if (known == node->literals.end()) {
      node->literals.emplace_back(std::string(segment), std::make_unique<RouteNode>());
      node = node->literals.back().second.get();
    } else {
      node = known->second.get();
    }
  }
  auto& slot = node->routes[static_cast<std::size_t>(method)];
  assert(!slot && "the same method and pattern twice");
  slot = std::move(route);
}

void Router::set_fallback(Fallback fallback) {
  table_->fallback = std::move(fallback);
}

}  // namespace fairlead::http
