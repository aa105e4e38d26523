#include "resources/internal/inline_files.h"

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <optional>
#include <string_view>

#include "base/suggest.h"
#include "platform/config/project_text.h"
#include "platform/json/member.h"
#include "platform/json/text.h"

namespace fairlead::resources {
namespace {

namespace bj = boost::json;

// The path from the root, or nothing if it leaves it.
std::optional<std::string> resolve(std::string_view yaml_file, std::string_view path) {
  if (path.starts_with('/')) return std::nullopt;
  std::vector<std::string_view> parts;
  const auto walk = [&](std::string_view text) {
    while (!text.empty()) {
      const std::size_t end = std::min(text.find('/'), text.size());
      const std::string_view part = text.substr(0, end);
      text.remove_prefix(std::min(end + 1, text.size()));
      if (part.empty() || part == ".") continue;
      if (part != "..") {
        parts.push_back(part);
      } else if (parts.empty()) {
        return false;
      } else {
        parts.pop_back();
      }
    }
    return true;
  };
  const std::size_t folder = yaml_file.find_last_of('/');
  if (!walk(folder == std::string_view::npos ? "" : yaml_file.substr(0, folder)) || !walk(path)) return std::nullopt;
  std::string joined;
  for (const std::string_view part : parts) joined += (joined.empty() ? "" : "/") + std::string(part);
  return joined;
}

struct Inliner {
  const std::string& yaml_file;
  const Files& files;
  std::vector<InlineFault> faults{};

  void walk(bj::value& value, const std::string& pointer) {
    if (value.is_array()) {
      std::size_t index = 0;
      for (bj::value& element : value.get_array()) walk(element, pointer + "/" + std::to_string(index++));
    } else if (value.is_object()) {
      bj::object& object = value.get_object();
      const bj::value* file = object.size() == 1 ? object.if_contains("file") : nullptr;
      if (file != nullptr && file->is_string() && config::is_named_text(file->get_string())) {
        const std::string path(file->get_string());
        if (const std::string* text = find(path, pointer)) value = *text;
        return;
      }
      for (auto& member : object) walk(member.value(), pointer + "/" + json::pointer_token(member.key()));
    }
  }

  const std::string* find(const std::string& path, const std::string& pointer) {
    const auto resolved = resolve(yaml_file, path);
    if (!resolved) {
      faults.push_back({pointer, "`" + path + "` is outside the folder",
                        "paths are relative to " + yaml_file + " and stay inside the folder"});
      return nullptr;
    }
    if (const auto found = files.find(*resolved); found != files.end()) return &found->second;
    std::vector<std::string> texts;
    for (const auto& [name, text] : files) {
      if (config::is_named_text(name)) texts.push_back(name);
    }
    const std::string_view near = nearest(*resolved, texts);
    faults.push_back({pointer, "there is no file `" + *resolved + "`",
                      near.empty() ? "" : "did you mean `" + std::string(near) + "`?"});
    return nullptr;
  }
};

}  // namespace

std::optional<std::string> named_file(const bj::value& value, std::string_view yaml_file) {
  const bj::object* const object = value.if_object();
  const bj::value* const file = object != nullptr && object->size() == 1 ? object->if_contains("file") : nullptr;
  if (file == nullptr || !file->is_string() || !config::is_named_text(file->get_string())) return std::nullopt;
  return resolve(yaml_file, file->get_string());
}

std::vector<InlineFault> inline_files(bj::value& value, const std::string& yaml_file, const Files& files) {
  Inliner inliner{yaml_file, files};
  inliner.walk(value, "");
  return std::move(inliner.faults);
}

}  // namespace fairlead::resources
