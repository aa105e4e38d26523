#include "resources/project.h"

#include <charconv>
#include <vector>

#include "base/suggest.h"

namespace fairlead::resources {
namespace {

bool is_number(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

}  // namespace

bool is_name(std::string_view text) {
  const auto plain = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
  if (text.empty() || text.size() > 63 || !plain(text[0])) return false;
  for (const char c : text) {
    if (!plain(c) && c != '.' && c != '_' && c != '-') return false;
  }
  return true;
}

int Resource::in_force() const {
  const auto production = labels.find(kProduction);
  return production != labels.end() ? production->second : labels.find(kLatest)->second;
}

Result<int> Resource::resolve(std::string_view ref) const {
  if (ref.empty()) return in_force();
  if (const auto label = labels.find(ref); label != labels.end()) return label->second;
  const std::string subject = kind + " `" + name + "`";
  if (is_number(ref)) {
    int number = 0;
    const auto parsed = std::from_chars(ref.data(), ref.data() + ref.size(), number);
    if (parsed.ec == std::errc() && versions.contains(number)) return number;
    return fail(ErrorKind::kNotFound, "version_not_found",
                "Version " + std::string(ref.substr(0, 20)) + " of " + subject + " does not exist; the newest is " +
                    std::to_string(versions.rbegin()->first) + ".");
  }
  std::vector<std::string> known;
  std::string list;
  for (const auto& [label, version] : labels) {
    known.push_back(label);
    list += (list.empty() ? "" : ", ") + label;
  }
  return fail(ErrorKind::kNotFound, "label_not_found",
              "Label `" + std::string(ref.substr(0, 63)) + "` of " + subject + " does not exist." +
                  did_you_mean(ref, known) + " Its labels: " + list + ".");
}

const Resource* Project::find(std::string_view kind, std::string_view name) const {
  const auto found = resources.find(std::pair(std::string(kind), std::string(name)));
  return found == resources.end() ? nullptr : &found->second;
}

Result<const Version*> Project::at(std::string_view kind, std::string_view name, std::string_view ref) const {
  const Resource* const resource = find(kind, name);
  if (resource == nullptr) {
    std::vector<std::string> names;
    for (const auto& [key, one] : resources)
      if (key.first == kind) names.push_back(key.second);
    return fail(
        ErrorKind::kNotFound, "resource_not_found",
        std::string(kind) + " `" + std::string(name.substr(0, 63)) + "` does not exist." + did_you_mean(name, names));
  }
  FAIRLEAD_TRY(const int number, resource->resolve(ref));
  return resource->versions.at(number).get();
}

}  // namespace fairlead::resources
