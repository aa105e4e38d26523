#include "cli/internal/command.h"
#include "cli/internal/named.h"

namespace fairlead::cli {
namespace {

std::string labels_of(const boost::json::value& version) {
  std::string out;
  for (const auto& [label, number] : version.at("labels").as_object()) {
    out += out.empty() ? "" : " ";
    out += label;
  }
  return out;
}

std::string checks_of(const boost::json::value& version) {
  std::string out;
  const boost::json::value* const checks = version.as_object().if_contains("checks");
  if (checks == nullptr) return out;
  for (const boost::json::value& one : checks->as_array())
    out += (out.empty() ? "" : " ") + text_of(one, "check") + (one.at("passed").as_bool() ? " ✓" : " ✗");
  return out;
}

}  // namespace

void add_versions(CLI::App& app, Context& context) {
  const auto what = std::make_shared<std::string>();
  CLI::App* const versions =
      command(app, context, "versions", "List the versions of a resource", "fairlead versions support-reply");
  versions->add_option("name", *what, "NAME, with KIND/ in front if it is not unique")->required();
  versions->callback([&context, what] {
    Named named = Named::of(*what);
    if (auto found = find_kind(context, named); !found) return context.fail_with(found.error());
    answer(context, http::Method::kGet, path_of(named) + "/versions", nullptr, [&](const boost::json::value& reply) {
      std::vector<std::vector<std::string>> rows;
      for (const boost::json::value& one : reply.at("data").as_array())
        rows.push_back({"v" + text_of(one, "version"), labels_of(one), checks_of(one), text_of(one, "author"),
                        local_time(text_of(one, "created_at")), text_of(one, "message")});
      return table({"version", "labels", "checks", "author", "when", "message"}, rows, context.colours());
    });
  });
}

}  // namespace fairlead::cli
