#include <gtest/gtest.h>

#include "platform/http/internal/router_table.h"

namespace fairlead::http {
namespace {

// The values that a pattern's parameters took, or what went wrong.
std::string find(const Router& router, Method method, std::string_view path) {
  RouteMatch match;
  if (!router.table().find(path, match)) return "404";
  const Route* const route = route_for(*match.node, method);
  if (!route) return "405 " + allowed_methods(*match.node);
  std::string text = "ok";
  for (std::size_t i = 0; i < route->parameters.size(); ++i)
    text += " " + route->parameters[i] + "=" + std::string(match.values[i]);
  return text;
}

TEST(Router, PrefersLiteralsAndKnowsMethods) {
  const Handler handler = [](Exchange&) -> async::Task<void> { return {}; };
  Router router;
  router.add(Method::kGet, "/", handler);
  router.add(Method::kGet, "/v1/models", handler);
  router.add(Method::kGet, "/v1/models/{id}", handler);
  router.add(Method::kPost, "/v1/models/{name}", handler);
  router.add(Method::kDelete, "/v1/models/special", handler);
  router.add(Method::kGet, "/v1/{kind}/special/rest", handler);
  router.add(Method::kGet, "/a/{x}/c", handler);
  router.add(Method::kGet, "/a/b/d", handler);
  router.add(Method::kGet, "/files/{path...}", handler);
  router.add(Method::kGet, "/files/index", handler);

  const std::tuple<Method, const char*, const char*> expected[] = {
      {Method::kGet, "/", "ok"},
      {Method::kGet, "", "404"},
      {Method::kGet, "*", "404"},
      {Method::kGet, "/v1", "404"},
      {Method::kGet, "/v1/models", "ok"},
      {Method::kHead, "/v1/models", "ok"},
      {Method::kPost, "/v1/models", "405 GET, HEAD, OPTIONS"},
      {Method::kGet, "/v1/models/", "404"},
      {Method::kGet, "/v1/models/x", "ok id=x"},
      {Method::kPost, "/v1/models/x", "ok name=x"},
      {Method::kPut, "/v1/models/x", "405 GET, HEAD, POST, OPTIONS"},
      {Method::kGet, "/v1/models/special", "405 DELETE, OPTIONS"},
      {Method::kGet, "/v1/models/special/rest", "ok kind=models"},
      {Method::kGet, "/a/b/c", "ok x=b"},
      {Method::kGet, "/a/b/d", "ok"},
      {Method::kGet, "/a/z/d", "404"},
      {Method::kGet, "//a/b/d", "404"},
      {Method::kGet, "/files", "404"},
      {Method::kGet, "/files/", "ok path="},
      {Method::kGet, "/files/a/b/", "ok path=a/b/"},
      {Method::kGet, "/files/index", "ok"},
      {Method::kGet, "/files/index/x", "ok path=index/x"},
      {Method::kGet, "/v1/m%6fdels/x%2Fy", "ok id=x%2Fy"},
      {Method::kOther, "/v1/models", "405 GET, HEAD, OPTIONS"},
  };
  for (const auto& [method, path, result] : expected) EXPECT_EQ(find(router, method, path), result) << path;
}

TEST(Message, DecodesAndEncodesPercents) {
  EXPECT_EQ(percent_decode("a%20b%2fc%"), "a b/c%");
  EXPECT_EQ(percent_decode("%4"), "%4");
  EXPECT_EQ(percent_decode("%zz+"), "%zz+");
  EXPECT_EQ(percent_encode("a b/ü~"), "a%20b%2F%C3%BC~");
  EXPECT_EQ(query_parameter("a=1&b=x%20y+z&c&a=2", "b"), "x y z");
  EXPECT_EQ(query_parameter("a=1&b=x%20y+z&c&a=2", "a"), "1");
  EXPECT_EQ(query_parameter("a=1&b=x%20y+z&c&a=2", "c"), "");
  EXPECT_EQ(query_parameter("a=1", "d"), std::nullopt);
  EXPECT_EQ(query_parameter("%61=1", "a"), "1");
}

}  // namespace
}  // namespace fairlead::http
