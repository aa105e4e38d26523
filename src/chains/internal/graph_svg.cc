// The layered drawing of a chain.
#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "chains/internal/graph.h"

namespace fairlead::chains::internal {
namespace {

constexpr double kLine = 17, kPad = 12, kCharacter = 7.1, kGapX = 36, kGapY = 46, kMargin = 24, kThin = 14;

// A node, or a point of an edge that goes over several layers.
struct Place {
  std::optional<std::size_t> node;
  std::size_t layer = 0;
  double x = 0, y = 0, width = kThin, height = 0;  // x: of its middle
  std::vector<std::size_t> above, below;           // places
};

std::size_t characters(const std::string& text) {
  return static_cast<std::size_t>(
      std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

class Layout {
 public:
  explicit Layout(const Graph& graph) : graph_(graph) {
    make_places();
    for (int sweep = 0; sweep < 8; ++sweep) sort_layers(sweep % 2 == 0);
    place_layers();
    for (int sweep = 0; sweep < 24; ++sweep) straighten(sweep % 2 == 0);
    move_to_corner();
  }

  std::string draw() const {
    double width = 0, height = 0;
    for (const Place& place : places_) {
      width = std::max(width, place.x + place.width / 2);
      height = std::max(height, place.y + place.height);
    }
    width += kMargin;
    height += kMargin;
    std::string out = fmt::format(
        R"(<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {0:.0f} {1:.0f}" width="{0:.0f}" height="{1:.0f}" font-family="system-ui, 'DejaVu Sans', sans-serif" font-size="12">)"
        "\n",
        width, height);
    out +=
        R"(<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path d="M0 0 8 4 0 8z" fill="#7a8594"/></marker></defs>)"
        "\n";
    out += fmt::format(R"(<rect width="{:.0f}" height="{:.0f}" fill="#ffffff"/>)", width, height) + "\n";
    for (const auto& way : ways_) out += edge(way);
    for (const Place& place : places_)
      if (place.node) out += box(place, graph_.nodes[*place.node]);
    return out + "</svg>\n";
  }

 private:
  // Nodes by the longest way to them; edges over several layers get a place in each.
  void make_places() {
    std::vector<std::size_t> layer(graph_.nodes.size(), 0);
    for (bool grew = true; grew;) {
      grew = false;
      for (const auto& [from, to] : graph_.edges) {
        if (layer[to] > layer[from]) continue;
        layer[to] = layer[from] + 1;
        grew = true;
      }
    }
    const std::size_t depth = *std::ranges::max_element(layer);
    layer.back() = std::max(layer.back(), depth);  // the output is at the bottom
    layers_.resize(layer.back() + 1);
    for (std::size_t i = 0; i < graph_.nodes.size(); ++i) {
      const GraphNode& node = graph_.nodes[i];
      std::size_t longest = characters(node.name);
      for (const std::string& line : node.what) longest = std::max(longest, characters(line));
      Place place{.node = i, .layer = layer[i], .above = {}, .below = {}};
      place.width = std::max(90.0, static_cast<double>(longest) * kCharacter + 2 * kPad);
      place.height = static_cast<double>(1 + node.what.size()) * kLine + 2 * kPad - 5;
      add(std::move(place));
    }
    for (const auto& [from, to] : graph_.edges) {
      std::vector<std::size_t> way{from};
      for (std::size_t at = layer[from] + 1; at < layer[to]; ++at)
        way.push_back(add({.node = {}, .layer = at, .above = {}, .below = {}}));
      way.push_back(to);
      for (std::size_t i = 0; i + 1 < way.size(); ++i) {
        places_[way[i]].below.push_back(way[i + 1]);
        places_[way[i + 1]].above.push_back(way[i]);
      }
      ways_.push_back(std::move(way));
    }
  }

  std::size_t add(Place place) {
    layers_[place.layer].push_back(places_.size());
    places_.push_back(std::move(place));
    return places_.size() - 1;
  }

  void sort_layers(bool downwards) {
    std::vector<double> rank(places_.size());
    const auto number = [&] {
      for (const auto& layer : layers_)
        for (std::size_t i = 0; i < layer.size(); ++i) rank[layer[i]] = static_cast<double>(i);
    };
    number();
    const auto sort = [&](std::vector<std::size_t>& layer) {
      std::vector<double> wanted(places_.size());
      for (const std::size_t one : layer) {
        const auto& others = downwards ? places_[one].above : places_[one].below;
        double sum = 0;
        for (const std::size_t other : others) sum += rank[other];
        wanted[one] = others.empty() ? rank[one] : sum / static_cast<double>(others.size());
      }
      std::ranges::stable_sort(layer, {}, [&](std::size_t one) { return wanted[one]; });
      for (std::size_t i = 0; i < layer.size(); ++i) rank[layer[i]] = static_cast<double>(i);
    };
    if (downwards)
      for (auto& layer : layers_) sort(layer);
    else
      for (auto layer = layers_.rbegin(); layer != layers_.rend(); ++layer) sort(*layer);
  }

  double gap(std::size_t left, std::size_t right) const {
    return places_[left].width / 2 + places_[right].width / 2 +
           kGapX * (places_[left].node && places_[right].node ? 1 : 0.6);
  }

  void place_layers() {
    double y = kMargin;
    for (const auto& layer : layers_) {
      double height = 0, x = 0;
      for (const std::size_t one : layer) height = std::max(height, places_[one].height);
      for (std::size_t i = 0; i < layer.size(); ++i) {
        if (i > 0) x += gap(layer[i - 1], layer[i]);
        places_[layer[i]].x = x;
        places_[layer[i]].y = y + (places_[layer[i]].node ? (height - places_[layer[i]].height) / 2 : 0);
        if (!places_[layer[i]].node) places_[layer[i]].height = height;
      }
      for (const std::size_t one : layer) places_[one].x -= x / 2;  // in the middle
      y += height + kGapY;
    }
  }

  // Moves each place towards the middle of its neighbours, as far as those beside it leave room.
  void straighten(bool downwards) {
    const auto move = [&](const std::vector<std::size_t>& layer) {
      std::vector<double> wanted;
      for (const std::size_t one : layer) {
        std::vector<double> xs;
        for (const std::size_t other : downwards ? places_[one].above : places_[one].below)
          xs.push_back(places_[other].x);
        if (xs.empty()) {
          wanted.push_back(places_[one].x);
          continue;
        }
        std::ranges::sort(xs);
        const std::size_t middle = xs.size() / 2;
        wanted.push_back(xs.size() % 2 == 1 ? xs[middle] : (xs[middle - 1] + xs[middle]) / 2);
      }
      // From the left as close as the gaps allow, from the right likewise, and between the two.
      std::vector<double> left = wanted, right = wanted;
      for (std::size_t i = 1; i < layer.size(); ++i)
        left[i] = std::max(left[i], left[i - 1] + gap(layer[i - 1], layer[i]));
      for (std::size_t i = layer.size(); i-- > 1;)
        right[i - 1] = std::min(right[i - 1], right[i] - gap(layer[i - 1], layer[i]));
      for (std::size_t i = 0; i < layer.size(); ++i) places_[layer[i]].x = (left[i] + right[i]) / 2;
    };
    if (downwards)
      for (const auto& layer : layers_) move(layer);
    else
      for (auto layer = layers_.rbegin(); layer != layers_.rend(); ++layer) move(*layer);
  }

  void move_to_corner() {
    double smallest = places_.front().x;
    for (const Place& place : places_) smallest = std::min(smallest, place.x - place.width / 2);
    for (Place& place : places_) place.x += kMargin - smallest;
  }

  std::string edge(const std::vector<std::size_t>& way) const {
    const Place& first = places_[way.front()];
    std::string path = fmt::format("M{:.1f} {:.1f}", first.x, first.y + first.height);
    double x = first.x, y = first.y + first.height;
    for (std::size_t i = 1; i < way.size(); ++i) {
      const Place& next = places_[way[i]];
      const double end = next.y - (i + 1 == way.size() ? 1 : 0), bend = (end - y) / 2;
      path += fmt::format(" C{:.1f} {:.1f} {:.1f} {:.1f} {:.1f} {:.1f}", x, y + bend, next.x, end - bend, next.x, end);
      x = next.x;
      y = end;
      if (!next.node) {
        y += next.height;
        path += fmt::format(" L{:.1f} {:.1f}", x, y);
      }
    }
    return fmt::format(R"svg(<path d="{}" fill="none" stroke="#7a8594" stroke-width="1.3" marker-end="url(#tip)"/>)svg",
                       path) +
           "\n";
  }

  static std::string escaped_xml(const std::string& text) {
    std::string out;
    for (const char c : text) {
      if (c == '&')
        out += "&amp;";
      else if (c == '<')
        out += "&lt;";
      else if (c == '>')
        out += "&gt;";
      else if (static_cast<unsigned char>(c) >= 0x20)
        out += c;
    }
    return out;
  }

  static std::string_view colour_of_kind(const std::string& kind) {
    if (kind == "input" || kind == "output") return "#5b6675";
    if (kind == "prompt" || kind == "model" || kind == "agent") return "#3461c9";
    if (kind == "approve" || kind == "wait") return "#b7791f";
    if (kind == "http" || kind == "task") return "#2f855a";
    if (kind == "chain" || kind == "switch") return "#7e4fbf";
    return "#718096";
  }

  static std::string box(const Place& place, const GraphNode& node) {
    const bool is_end = node.kind == "input" || node.kind == "output";
    const std::string_view colour = colour_of_kind(node.kind);
    const double left = place.x - place.width / 2;
    std::string out = fmt::format(
        R"(<rect x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}" rx="{}" fill="{}" stroke="{}" stroke-width="1.3"{}/>)",
        left, place.y, place.width, place.height, is_end ? 16 : 5, is_end ? "#f1f4f8" : "#ffffff", colour,
        node.conditional ? R"( stroke-dasharray="5 4")" : "");
    if (!is_end)
      out += fmt::format(R"(<rect x="{:.1f}" y="{:.1f}" width="4" height="{:.1f}" rx="2" fill="{}"/>)", left, place.y,
                         place.height, colour);
    double y = place.y + kPad + 9;
    out += fmt::format(R"(<text x="{:.1f}" y="{:.1f}" text-anchor="middle" font-weight="600" fill="#1a202c">{}</text>)",
                       place.x, y, escaped_xml(node.name));
    for (const std::string& line : node.what)
      out += fmt::format(R"(<text x="{:.1f}" y="{:.1f}" text-anchor="middle" fill="#4a5568">{}</text>)", place.x,
                         y += kLine, escaped_xml(line));
    return out + "\n";
  }

  const Graph& graph_;
  std::vector<Place> places_;  // the nodes first, in their order
  std::vector<std::vector<std::size_t>> layers_;
  std::vector<std::vector<std::size_t>> ways_;  // of the edges, place by place
};

}  // namespace

std::string to_svg(const Graph& graph) {
  return Layout(graph).draw();
}

}  // namespace fairlead::chains::internal
