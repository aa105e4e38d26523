#include "resources/diff.h"

#include <algorithm>
#include <boost/json/object.hpp>
#include <cctype>
#include <span>
#include <utility>

#include "platform/json/text.h"

namespace fairlead::resources {
namespace {

namespace bj = boost::json;

using Elements = std::span<const bj::value>;

// Whether a reader takes one for the other, changed.
bool is_alike(const bj::value& a, const bj::value& b) {
  if (!a.is_object() || !b.is_object())
    return a.is_structured() == b.is_structured() && !a.is_object() && !b.is_object();
  const bj::value *const name = a.get_object().if_contains("name"), *const other = b.get_object().if_contains("name");
  if (name != nullptr || other != nullptr) return name != nullptr && other != nullptr && *name == *other;
  return std::ranges::any_of(a.get_object(), [&](const auto& one) { return b.get_object().contains(one.key()); });
}

// Places in two lists that belong together, in order: as many as can be that are the same, then as many as can be that
// are alike. Of long lists that have little in common, one after another.
std::vector<std::pair<std::size_t, std::size_t>> partners(Elements from, Elements to) {
  constexpr std::size_t kMostPairs = 100'000;
  constexpr int kSame = 100'000;
  std::vector<std::pair<std::size_t, std::size_t>> out;
  const std::size_t rows = from.size(), columns = to.size();
  if (rows * columns > kMostPairs) {
    for (std::size_t i = 0; i < std::min(rows, columns); ++i) out.emplace_back(i, i);
    return out;
  }
  // best[i, j]: what the elements from i and j on come to; pair[i, j]: what these two do.
  std::vector<int> best((rows + 1) * (columns + 1)), pair(rows * columns);
  const auto at = [&](std::size_t i, std::size_t j) -> int& { return best[i * (columns + 1) + j]; };
  for (std::size_t i = rows; i-- > 0;) {
    for (std::size_t j = columns; j-- > 0;) {
      int& together = pair[i * columns + j];
      together = from[i] == to[j] ? kSame : is_alike(from[i], to[j]) ? 1 : 0;
      at(i, j) = std::max({at(i + 1, j), at(i, j + 1), together > 0 ? at(i + 1, j + 1) + together : 0});
    }
  }
  for (std::size_t i = 0, j = 0; i < rows && j < columns;) {
    const int together = pair[i * columns + j];
    if (together > 0 && at(i, j) == at(i + 1, j + 1) + together)
      out.emplace_back(i++, j++);
    else
      ++(at(i, j) == at(i + 1, j) ? i : j);
  }
  return out;
}

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
    std::size_t head = 0, tail = 0;
    const std::size_t shorter = std::min(from.size(), to.size());
    while (head < shorter && from[head] == to[head]) ++head;
    while (tail < shorter - head && from[from.size() - 1 - tail] == to[to.size() - 1 - tail]) ++tail;
    const std::span before(from.begin() + head, from.end() - tail), after(to.begin() + head, to.end() - tail);
    std::size_t i = 0, j = 0;
    for (const auto& [in_before, in_after] : partners(before, after)) {
      only(path, before, i, in_before, head, Side::kFrom);
      only(path, after, j, in_after, head, Side::kTo);
      i = in_before + 1;
      j = in_after + 1;
      values(element(path, head + in_after), before[in_before], after[in_after]);
    }
    only(path, before, i, before.size(), head, Side::kFrom);
    only(path, after, j, after.size(), head, Side::kTo);
  }

  enum class Side : std::uint8_t { kFrom, kTo };
  void only(const std::string& path, Elements all, std::size_t begin, std::size_t end, std::size_t offset, Side side) {
    for (std::size_t i = begin; i < end; ++i) {
      Change change{element(path, offset + i), std::nullopt, std::nullopt};
      (side == Side::kFrom ? change.from : change.to) = all[i];
      found.push_back(std::move(change));
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
