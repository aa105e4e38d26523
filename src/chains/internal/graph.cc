#include "chains/internal/graph.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "platform/json/text.h"

namespace fairlead::chains::internal {
namespace {

namespace bj = boost::json;

std::string_view word_of(Does does) {
  switch (does) {
    case Does::kPrompt:
      return "prompt";
    case Does::kModel:
      return "model";
    case Does::kTransform:
      return "transform";
    case Does::kChain:
      return "chain";
    case Does::kHttp:
      return "http";
    case Does::kApprove:
      return "approve";
    case Does::kSleep:
    case Does::kReceive:
      return "wait";
    case Does::kTask:
      return "task";
    case Does::kAgent:
      return "agent";
    case Does::kSwitch:
      return "switch";
  }
  return "";
}

std::string clipped(std::string text) {
  constexpr std::size_t kMost = 44;
  if (text.size() <= kMost) return text;
  const std::string_view head = std::string_view(text).substr(0, kMost);
  return text.substr(0, json::valid_utf8_prefix(head)) + "…";
}

std::string names_of_tools(const StepPlan& step) {
  std::string out;
  for (const Tool& tool : step.tools) (out += out.empty() ? "" : ", ") += tool.name;
  return out;
}

std::vector<std::string> lines_of(const StepPlan& step) {
  std::vector<std::string> out;
  const std::string word(word_of(step.does));
  out.push_back(clipped(step.target.empty() ? word : word + " " + step.target));
  if (step.does == Does::kAgent) {
    const StepPlan& asks = step.bodies.front();
    out.back() = clipped(fmt::format("agent, {} {}", word_of(asks.does), asks.target));
    out.push_back(clipped("uses " + names_of_tools(step)));
  }
  for (const StepPlan& body : step.bodies) {
    if (step.does != Does::kSwitch) break;
    const std::string what = std::string(word_of(body.does)) + (body.target.empty() ? "" : " " + body.target);
    out.push_back(clipped((body.when ? body.when->source() + " → " : "else ") + what));
  }
  if (step.map) out.push_back(fmt::format("each of a list, {} at once", step.at_once));
  if (step.until) out.push_back(clipped("until " + step.until->source()));
  if (step.when) out.push_back(clipped("when " + step.when->source()));
  return out;
}

}  // namespace

Graph graph_of(const Plan& plan) {
  Graph out;
  GraphNode input{.name = "input", .kind = "input", .what = {}};
  for (const Field& field : plan.input) input.what.push_back(field.name + (field.fallback ? " (optional)" : ""));
  out.nodes.push_back(std::move(input));
  for (const StepPlan& step : plan.steps)
    out.nodes.push_back({step.name, std::string(word_of(step.does)), lines_of(step), step.when != nullptr});
  const std::size_t last = out.nodes.size();
  out.nodes.push_back({.name = "output", .kind = "output", .what = {}});
  std::set<std::size_t> used;
  for (std::size_t i = 0; i < plan.steps.size(); ++i) {
    if (plan.steps[i].waits.empty()) out.edges.emplace_back(0, i + 1);
    for (const std::size_t one : plan.steps[i].waits) out.edges.emplace_back(one + 1, i + 1);
  }
  std::set<std::string> names;
  if (plan.output) plan.output->add_variables(names);
  for (std::size_t i = 0; i < plan.steps.size(); ++i) {
    const bool is_last = !plan.output && i + 1 == plan.steps.size();
    if (is_last || names.contains("steps." + plan.steps[i].name + ".output")) used.insert(i);
  }
  if (used.empty()) out.edges.emplace_back(0, last);
  for (const std::size_t one : used) out.edges.emplace_back(one + 1, last);
  return out;
}

bj::object to_json(const Graph& graph) {
  bj::array nodes, edges;
  for (const GraphNode& node : graph.nodes) {
    bj::array what;
    for (const std::string& line : node.what) what.emplace_back(line);
    nodes.push_back(
        {{"name", node.name}, {"kind", node.kind}, {"what", std::move(what)}, {"conditional", node.conditional}});
  }
  for (const auto& [from, to] : graph.edges)
    edges.push_back({{"from", graph.nodes[from].name}, {"to", graph.nodes[to].name}});
  return {{"nodes", std::move(nodes)}, {"edges", std::move(edges)}};
}

std::string to_mermaid(const Graph& graph) {
  const auto escaped = [](const std::string& text) {
    std::string out;
    for (const char c : text) {
      if (c == '"' || c == '#' || c == '<' || c == '>' || c == '&' || c == ';')
        out += fmt::format("#{};", static_cast<int>(c));
      else
        out += c;
    }
    return out;
  };
  std::string out = "flowchart TD\n";
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    const GraphNode& node = graph.nodes[i];
    const bool is_end = node.kind == "input" || node.kind == "output";
    std::string label = escaped(node.name);
    for (const std::string& line : node.what) label += "<br/>" + escaped(line);
    out += fmt::format("  n{}{}\"{}\"{}\n", i, is_end ? "([" : "[", label, is_end ? "])" : "]");
    if (node.conditional) out += fmt::format("  style n{} stroke-dasharray: 5 4\n", i);
  }
  for (const auto& [from, to] : graph.edges) out += fmt::format("  n{} --> n{}\n", from, to);
  return out;
}

}  // namespace fairlead::chains::internal
