// Which files of a project's folder are text that people wrote (docs/reference/resources.md, "Files").
#pragma once
#include <algorithm>
#include <array>
#include <string_view>

namespace fairlead::config {

// What a resource may name as `{file: …}`.
inline bool is_named_text(std::string_view path) {
  constexpr std::array<std::string_view, 5> kEndings = {".md", ".txt", ".j2", ".json", ".jsonl"};
  return std::ranges::any_of(kEndings, [&](std::string_view ending) { return path.ends_with(ending); });
}

// What is read of a folder: these, and the resources themselves.
inline bool is_project_text(std::string_view path) {
  return path.ends_with(".yaml") || path.ends_with(".yml") || is_named_text(path);
}

}  // namespace fairlead::config
