#include "chains/http/graph_routes.h"

#include <utility>

#include "access/control_plane.h"
#include "chains/internal/graph.h"
#include "chains/kind.h"
#include "platform/json/schema.h"

namespace fairlead::chains {
namespace {

namespace bj = boost::json;
using access::Principal;

async::Task<void> answer_graph(http::Exchange& exchange, Result<internal::Graph> graph, std::string format) {
  if (graph && !format.empty() && format != "svg" && format != "mermaid" && format != "json")
    graph = fail(ErrorKind::kInvalid, "invalid_value", "`format` is svg, mermaid or json.", "format");
  if (!graph) {
    co_await access::refuse(exchange, std::move(graph).error());
    co_return;
  }
  if (format == "svg") {
    const std::string svg = internal::to_svg(*graph);
    co_await exchange.respond(200, "image/svg+xml", svg);
  } else if (format == "mermaid") {
    const std::string text = internal::to_mermaid(*graph);
    co_await exchange.respond(200, "text/plain; charset=utf-8", text);
  } else {
    bj::object answer = internal::to_json(*graph);
    co_await access::respond_json(exchange, 200, std::move(answer));
  }
}

async::Task<void> show_graph(http::Exchange& exchange, const Chains& chains, std::string project) {
  std::string reference(exchange.path_parameter("name"));
  if (const std::string ref = access::parameter_of(exchange, "ref"); !ref.empty()) reference += "@" + ref;
  const auto plan = chains.plan(project, reference);
  Result<internal::Graph> graph = plan ? Result<internal::Graph>(internal::graph_of(**plan)) : fail(plan.error());
  std::string format = access::parameter_of(exchange, "format");
  co_await answer_graph(exchange, std::move(graph), std::move(format));
}

Result<internal::Graph> graph_of_spec(const bj::object& body) {
  FAIRLEAD_CHECK(access::only_members(body, {"name", "spec", "format"}));
  FAIRLEAD_CHECK(access::optional_string(body, "name"));
  const bj::value* const spec = body.if_contains("spec");
  if (spec == nullptr || !spec->is_object())
    return fail(ErrorKind::kInvalid, "missing_required_parameter", "`spec` is a chain's, an object.", "spec");
  static const json::Schema kSchema = json::Schema::parse(chain_kind().schema).value();
  if (const auto faults = kSchema.validate(*spec, 1); !faults.empty())
    return fail(ErrorKind::kInvalid, "invalid_resources", faults[0].pointer + ": " + faults[0].message, "spec");
  internal::Faults faults;
  const internal::Plan plan = internal::read_plan(spec->get_object(), {}, faults);
  if (!faults.empty())
    return fail(ErrorKind::kInvalid, "invalid_resources", faults[0].pointer + ": " + faults[0].message, "spec");
  return internal::graph_of(plan);
}

async::Task<void> draw_graph(http::Exchange& exchange) {
  auto body = co_await access::read_object(exchange);
  if (!body) {
    co_await access::refuse(exchange, std::move(body).error());
    co_return;
  }
  auto format = access::optional_string(*body, "format");
  Result<internal::Graph> graph = format ? graph_of_spec(*body) : fail(format.error());
  std::string word = format ? format->value_or("") : std::string();
  co_await answer_graph(exchange, std::move(graph), std::move(word));
}

}  // namespace

void add_graph_routes(http::Router& router, const access::Guard& guard, const Chains& chains) {
  using access::Scope;
  router.add(http::Method::kGet, "/api/v1/chains/{name}/graph",
             guard.protect(Scope::kRead, [&chains](http::Exchange& exchange, const Principal& principal) {
               return show_graph(exchange, chains, principal.project);
             }));
  router.add(
      http::Method::kPost, "/api/v1/chains/graph",
      guard.protect(Scope::kRead, [](http::Exchange& exchange, const Principal&) { return draw_graph(exchange); }));
}

}  // namespace fairlead::chains
