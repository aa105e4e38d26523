#include "resources/diff.h"

#include <algorithm>
#include <boost/json/object.hpp>
#include <cctype>

#include "platform/json/text.h"

namespace fairlead::resources {
namespace {

namespace bj = boost::json;

// The way to where the walk is, and what it found.
class Walk {
 public:
  void objects(const std::string& path, const bj::object& from, const bj::object& to) {
    for (const auto& [name, before] : from) {
      const std::string at = member(path, name);
      if (const bj::value* after = to.if_contains(name)) {
        values(at, before, *after);
      } else {
        found.push_back({at, before, std::nullopt});
      }
    }
    for (const auto& [name, after] : to) {
      if (!from.contains(name)) found.push_back({member(path, name), std::nullopt, after});
    }
  }

  std::vector<Change> found;

 private:
  static std::string member(const std::string& path, std::string_view name) {
    const bool plain = !name.empty() && std::all_of(name.begin(), name.end(), [](unsigned char c) {
      return std::isalnum(c) != 0 || c == '_' || c == '-' || c >= 0x80;
    });
    if (!plain) return path + "[" + json::quoted(name) + "]";
    return path.empty() ? std::string(name) : path + "." + std::string(name);
  }

  static std::string element(const std::string& path, std::size_t index) {
    return path + "[" + std::to_string(index) + "]";
  }

  void values(const std::string& path, const bj::value& from, const bj::value& to) {
    if (from == to) return;
    if (from.is_object() && to.is_object()) return objects(path, from.get_object(), to.get_object());
    if (from.is_array() && to.is_array()) return arrays(path, from.get_array(), to.get_array());
    found.push_back({path, from, to});
  }

  // One element put in or taken out is one change, not one for every element after it.
  void arrays(const std::string& path, const bj::array& from, const bj::array& to) {
    const std::size_t shorter = std::min(from.size(), to.size());
    std::size_t head = 0, tail = 0;
    if (from.size() != to.size()) {
      while (head < shorter && from[head] == to[head]) ++head;
      while (tail < shorter - head && from[from.size() - 1 - tail] == to[to.size() - 1 - tail]) ++tail;
    }
    const std::size_t from_end = from.size() - tail, to_end = to.size() - tail;
    for (std::size_t i = head; i < std::max(from_end, to_end); ++i) {
      if (i < from_end && i < to_end) {
        values(element(path, i), from[i], to[i]);
      } else if (i < from_end) {
        found.push_back({element(path, i), from[i], std::nullopt});
      } else {
        found.push_back({element(path, i), std::nullopt, to[i]});
      }
    }
  }
};

}  // namespace

std::vector<Change> diff(const bj::object& from, const bj::object& to) {
  Walk walk;
  walk.objects("", from, to);
  return std::move(walk.found);
}

}  // namespace fairlead::resources
