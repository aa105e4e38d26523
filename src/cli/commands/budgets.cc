#include <fmt/format.h>

#include <cmath>

#include "cli/internal/command.h"

namespace fairlead::cli {
namespace {

// "200.00 USD", "1500000 tokens"
std::string amount(const std::string& limit, double value) {
  return limit == "cost" ? fmt::format("{:.2f}", value) : fmt::format("{:.0f}", value);
}

std::string unit(const std::string& limit) {
  if (limit == "cost") return "USD";
  if (limit == "input_tokens") return "input tokens";
  if (limit == "output_tokens") return "output tokens";
  return limit == "concurrency" ? "calls at a time" : limit;
}

std::string percent(double share) {
  return fmt::format("{:.0f}%", std::floor(share * 100));
}

std::string who(const boost::json::value& budget) {
  std::string out;
  for (const auto& [scope, words] : budget.at("for").as_object())
    for (const boost::json::value& word : words.as_array())
      out +=
          fmt::format("{}{} {}", out.empty() ? "" : ", ", std::string_view(scope), std::string_view(word.as_string()));
  if (const std::string each = text_of(budget, "each"); !each.empty())
    out += fmt::format("{}each {}", out.empty() ? "" : ", ", each);
  return out.empty() ? "all calls" : out;
}

// A row for each limit that is in `limits`: of a budget, or of one of its subjects.
void add_rows(std::vector<std::vector<std::string>>& rows, const boost::json::value& budget,
              const boost::json::value& limits, const std::string& first) {
  bool again = false;
  for (const boost::json::value& one : limits.as_array()) {
    const std::string limit = text_of(one, "limit"), per = text_of(budget, "per");
    const double spent = number_of(one, "spent"), whole = number_of(one, "amount");
    std::string of = fmt::format("{} {}", amount(limit, whole), unit(limit));
    if (limit != "concurrency") of += " per " + per;
    const bool known = one.as_object().contains("left");
    rows.push_back({again ? "" : first, again ? "" : who(budget), of, known ? amount(limit, spent) : "-",
                    known ? amount(limit, number_of(one, "reserved")) : "-",
                    known ? amount(limit, number_of(one, "left")) : "-",
                    known ? percent((spent + number_of(one, "reserved")) / whole) : percent(number_of(budget, "share")),
                    local_time(text_of(one, "resets_at")), budget.at("hard").as_bool() ? "hard" : "soft"});
    again = true;
  }
}

const std::vector<std::string>& columns() {
  static const std::vector<std::string> kColumns = {"budget", "for",  "limit",  "spent", "held",
                                                    "left",   "used", "resets", ""};
  return kColumns;
}

}  // namespace

void add_budgets(CLI::App& app, Context& context) {
  CLI::App* const budgets = app.add_subcommand("budgets", "Budgets: what calls may use, and what they have used");
  budgets->require_subcommand(1);

  CLI::App* const list =
      command(*budgets, context, "list", "List budgets and what is left of them", "fairlead budgets list");
  list->callback([&context] {
    answer(context, http::Method::kGet, "/api/v1/budgets", nullptr, [&context](const boost::json::value& reply) {
      std::vector<std::vector<std::string>> rows;
      for (const boost::json::value& one : reply.at("data").as_array())
        add_rows(rows, one, one.at("limits"), text_of(one, "name"));
      return table(columns(), rows, context.colours());
    });
  });

  struct BudgetsWords {
    std::string name;
    int limit = 20;
  };
  const auto words = std::make_shared<BudgetsWords>();
  CLI::App* const show = command(*budgets, context, "show", "Show a budget; of one for each user, who has used most",
                                 "fairlead budgets show per-user --limit 50");
  show->add_option("name", words->name, "The budget")->required();
  show->add_option("--limit", words->limit, "How many users, keys or tags to show");
  show->callback([&context, words] {
    const std::string target = "/api/v1/budgets/" + segment(words->name) + "?limit=" + std::to_string(words->limit);
    answer(context, http::Method::kGet, target, nullptr, [&context](const boost::json::value& reply) {
      std::vector<std::vector<std::string>> rows;
      const boost::json::value* const subjects = reply.as_object().if_contains("subjects");
      if (subjects == nullptr) {
        add_rows(rows, reply, reply.at("limits"), text_of(reply, "name"));
      } else {
        for (const boost::json::value& one : subjects->as_array()) {
          const std::string name = text_of(one, "subject");
          add_rows(rows, reply, one.at("limits"), name.empty() ? "(none)" : name);
        }
      }
      std::string out = table(columns(), rows, context.colours());
      if (subjects != nullptr && rows.empty()) out = "  Nobody has used anything of it yet.\n";
      return out + fmt::format("  {} refused since the server started\n", text_of(reply, "refused"));
    });
  });
}

}  // namespace fairlead::cli
