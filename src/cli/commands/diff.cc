#include <fmt/format.h>

#include "cli/internal/command.h"
#include "cli/internal/named.h"
#include "cli/internal/variables.h"

namespace fairlead::cli {
namespace {

struct DiffWords {
  std::string from, to, variables;
  bool rendered = false;
};

std::string shown(const Named& named, const boost::json::value& reply, bool colours) {
  std::string out =
      fmt::format("  {}/{}   v{} → v{}\n", named.kind, named.name, integer_of(reply, "from"), integer_of(reply, "to"));
  out += changes(reply.at("changes"), colours);
  const boost::json::value* const rendered = reply.as_object().if_contains("rendered");
  if (rendered == nullptr) return out;
  int same = 0;
  for (const boost::json::value& one : rendered->as_array()) {
    if (one.at("changes").as_array().empty()) {
      ++same;
      continue;
    }
    const std::string test = text_of(one, "test");
    out += "    rendered with " + (test.empty() ? std::string("these variables") : test) + "\n";
    out += changes(one.at("changes"), colours);
  }
  const std::size_t all = rendered->as_array().size();
  if (all == 0) {
    out += "  It has no tests to render with; give variables: --vars FILE.\n";
  } else if (same > 0) {
    out += fmt::format("  {} of {} rendered alike.\n", same, all);
  }
  return out;
}

void diff(Context& context, const DiffWords& words) {
  Named named = Named::of(words.from);
  std::string from = named.ref, to;
  if (!words.to.empty()) {
    const Named other = Named::of(words.to);
    if (!other.name.empty() && other.name != named.name)
      return context.fail_with(Error{ErrorKind::kInvalid, "two_resources",
                                     "`" + named.name + "` and `" + other.name +
                                         "` are two resources; versions of one can be compared: " + named.name +
                                         "@3 @4."});
    to = other.ref;
  } else {
    std::swap(from, to);  // what changed with this version
  }
  if (auto found = find_kind(context, named); !found) return context.fail_with(found.error());
  const std::string path = path_of(named) + "/diff";
  const auto show = [&](const boost::json::value& reply) { return shown(named, reply, context.colours()); };
  if (words.variables.empty() && !words.rendered)
    return answer(context, http::Method::kGet, path + query_string({{"from", from}, {"to", to}}), nullptr, show);
  boost::json::object body{{"from", from}, {"to", to}};
  if (!words.variables.empty()) {
    auto given = read_variables(words.variables);
    if (!given) return context.fail_with(given.error());
    body["given"] = *std::move(given);
  }
  const boost::json::value value = std::move(body);
  answer(context, http::Method::kPost, path, &value, show);
}

}  // namespace

void add_diff(CLI::App& app, Context& context) {
  const auto words = std::make_shared<DiffWords>();
  CLI::App* const command = cli::command(app, context, "diff", "Show what changed between two versions",
                                         "fairlead diff support-reply@production @staging");
  command->add_option("from", words->from, "NAME@REF, with KIND/ in front if the name is not unique")->required();
  command->add_option("to", words->to, "@REF or NAME@REF; without it, FROM is compared with the version before it");
  command->add_option("--vars", words->variables, "Also show what these variables make of both: a JSON file")
      ->type_name("FILE");
  command->add_flag("--rendered", words->rendered, "Also show what the variables of its tests make of both");
  command->callback([&context, words] { diff(context, *words); });
}

}  // namespace fairlead::cli
