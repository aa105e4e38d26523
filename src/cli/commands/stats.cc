#include <fmt/format.h>

#include "cli/internal/command.h"

namespace fairlead::cli {
namespace {

std::string milliseconds(const boost::json::value& row, std::string_view member) {
  return text_of(row, member).empty() ? "-" : fmt::format("{:.0f} ms", number_of(row, member));
}

// "helpful: yes 87% of 120; tone: 0.62 of 40"
std::string judged(const boost::json::value& row) {
  std::string out;
  for (const boost::json::value& one : row.at("feedback").as_array()) {
    std::string says;
    const auto add = [&says](const std::string& text) { says += (says.empty() ? "" : ", ") + text; };
    if (const std::int64_t votes = integer_of(one, "votes"); votes > 0)
      add(fmt::format("yes {:.0f}% of {}", 100 * number_of(one, "yes") / static_cast<double>(votes), votes));
    if (const std::int64_t scores = integer_of(one, "scores"); scores > 0)
      add(fmt::format("{:.3g} of {}", number_of(one, "mean_score"), scores));
    if (const std::int64_t corrections = integer_of(one, "corrections"); corrections > 0)
      add(fmt::format("{} corrected", corrections));
    if (says.empty()) says = fmt::format("{} said", integer_of(one, "count"));
    out += (out.empty() ? "" : "; ") + text_of(one, "name") + ": " + says;
  }
  return out;
}

std::string stats_page(const boost::json::value& reply, bool one_target, bool by_variant, bool colours) {
  std::vector<std::vector<std::string>> rows;
  for (const boost::json::value& row : reply.at("data").as_array()) {
    const double calls = number_of(row, "calls");
    std::vector<std::string> cells;
    if (!one_target) cells.push_back(text_of(row, "target_kind") + ":" + text_of(row, "target"));
    cells.push_back(text_of(row, "target_version"));
    if (by_variant) cells.push_back(text_of(row, "variant").empty() ? "-" : text_of(row, "variant"));
    for (std::string cell :
         {fmt::format("{:.0f}", calls), fmt::format("{:.1f}%", 100 * number_of(row, "errors") / calls),
          fmt::format("{:.0f}→{:.0f}", number_of(row, "input_tokens") / calls, number_of(row, "output_tokens") / calls),
          fmt::format("{:.4f} $", number_of(row, "cost_usd") / calls), milliseconds(row, "p50_ms"),
          milliseconds(row, "p95_ms"), milliseconds(row, "first_token_p50_ms"), text_of(row, "schema_failures"),
          judged(row)})
      cells.push_back(std::move(cell));
    rows.push_back(std::move(cells));
  }
  if (rows.empty()) return "no calls in that time\n";
  std::vector<std::string> header = {"calls", "errors", "in→out", "cost", "p50", "p95", "first", "unfit", "feedback"};
  if (by_variant) header.insert(header.begin(), "variant");
  header.insert(header.begin(), "version");
  if (!one_target) header.insert(header.begin(), "name");
  return table(header, rows, colours);
}

}  // namespace

void add_stats(CLI::App& app, Context& context) {
  CLI::App* const stats =
      command(app, context, "stats", "How each version of a prompt or a model does, and each variant",
              "fairlead stats support-reply --since 7d");
  const auto filters = std::make_shared<std::map<std::string, std::string>>();
  stats->add_option_function<std::string>(
      "name", [filters](const std::string& value) { (*filters)["target"] = value; },
      "A prompt or a model: support-reply, prompt:support-reply@4; else all");
  stats->add_option_function<std::string>(
      "--since", [filters](const std::string& value) { (*filters)["since"] = value; },
      "From when on: 90m, 24h, 7d, 2026-11-24T14:02:19Z; else 7d");
  stats->add_option_function<std::string>(
      "--by", [filters](const std::string& value) { (*filters)["by"] = value; },
      "`variant`: each variant of a version by itself; else `version`");
  stats->callback([&context, filters] {
    answer(context, http::Method::kGet, "/api/v1/stats" + query_string(*filters), nullptr,
           [&context, filters](const boost::json::value& reply) {
             return stats_page(reply, filters->contains("target"), (*filters)["by"] == "variant", context.colours());
           });
  });
}

}  // namespace fairlead::cli
