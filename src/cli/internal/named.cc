#include "cli/internal/named.h"

#include <vector>

#include "base/id.h"
#include "platform/http/message.h"

namespace fairlead::cli {

Named Named::of(std::string_view text) {
  Named out;
  if (const auto slash = text.find_first_of("/:"); slash != text.npos) {
    out.kind = text.substr(0, slash);
    text.remove_prefix(slash + 1);
  }
  if (const auto at = text.find('@'); at != text.npos) {
    out.ref = text.substr(at + 1);
    text = text.substr(0, at);
  }
  out.name = text;
  return out;
}

Result<void> find_kind(Context& context, Named& named) {
  if (!named.kind.empty()) return {};
  FAIRLEAD_TRY(const boost::json::value reply,
               context.call(http::Method::kGet, "/api/v1/resources" + query_string({{"name", named.name}})));
  std::vector<std::string> kinds;
  for (const boost::json::value& one : reply.at("data").as_array()) {
    kinds.push_back(text_of(one, "kind"));
    if (kinds.back() == "prompt" || kinds.back() == "model") named.kind = kinds.back();
  }
  if (kinds.size() == 1) named.kind = kinds.front();
  if (!named.kind.empty()) return {};
  if (kinds.empty())
    return fail(ErrorKind::kNotFound, "resource_not_found",
                "There is no resource `" + named.name + "`. `fairlead list` shows those that are there.");
  return fail(ErrorKind::kInvalid, "ambiguous_name",
              "`" + named.name + "` is the name of several resources. Write KIND/" + named.name + ", as in " +
                  kinds.front() + "/" + named.name + ".");
}

std::string path_of(const Named& named) {
  return "/api/v1/resources/" + http::percent_encode(named.kind) + "/" + http::percent_encode(named.name);
}

Result<void> complete_id(Context& context, std::map<std::string, std::string>& parameters, const std::string& name,
                         const std::string& path) {
  constexpr std::size_t kWhole = 26;
  const auto given = parameters.find(name);
  if (given == parameters.end() || given->second.empty() || given->second.size() >= kWhole) return {};
  if (!is_id(given->second + std::string(kWhole - given->second.size(), '0'))) return {};
  FAIRLEAD_TRY(const boost::json::value found,
               context.call(http::Method::kGet, path + http::percent_encode(given->second)));
  given->second = text_of(found, "id");
  return {};
}

}  // namespace fairlead::cli
