// A chain as a graph, and drawings of it.
#pragma once
#include <boost/json/object.hpp>
#include <string>
#include <utility>
#include <vector>

#include "chains/internal/plan.h"

namespace fairlead::chains::internal {

struct GraphNode {
  std::string name;
  std::string kind;               // "prompt", …; "input" and "output" for what goes in and comes out
  std::vector<std::string> what;  // lines for people: "prompt summarise-part", "each of a list, 4 at once"
  bool conditional = false;       // it may be skipped
};

struct Graph {
  std::vector<GraphNode> nodes;                            // the input, the steps in the order of the file, the output
  std::vector<std::pair<std::size_t, std::size_t>> edges;  // from, to; there is no circle
};

Graph graph_of(const Plan& plan);

boost::json::object to_json(const Graph& graph);
std::string to_mermaid(const Graph& graph);
// A layered drawing (Sugiyama, Tagawa and Toda 1981: layers by the longest path, order within them by barycentres).
std::string to_svg(const Graph& graph);

}  // namespace fairlead::chains::internal
