#include <fmt/format.h>

#include <memory>

#include "cli/internal/command.h"

namespace fairlead::cli {
namespace {

namespace bj = boost::json;

struct WebhooksWords {
  std::string name, state, before, id;
  std::int64_t limit = 50;
};

std::string joined(const bj::value& one, const char* member) {
  const bj::value* const list = one.as_object().if_contains(member);
  if (list == nullptr) return "all";
  std::string out;
  for (const bj::value& word : list->as_array()) out += (out.empty() ? "" : ", ") + std::string(word.as_string());
  return out;
}

std::string webhooks_page(const bj::value& reply, bool colours) {
  std::vector<std::vector<std::string>> rows;
  for (const bj::value& one : reply.at("data").as_array())
    rows.push_back({text_of(one, "name"), text_of(one, "url"), joined(one, "events"), joined(one, "chains"),
                    text_of(one, "pending")});
  if (rows.empty()) return "  There are no webhooks.\n";
  return table({"name", "url", "events", "chains", "pending"}, rows, colours);
}

std::string state_of_delivery(const bj::value& one, bool colours) {
  const std::string state = text_of(one, "state");
  return painted(state,
                 state == "delivered" ? Colour::kGreen
                 : state == "failed"  ? Colour::kRed
                                      : Colour::kYellow,
                 colours);
}

std::string deliveries_page(const bj::value& reply, bool colours) {
  std::vector<std::vector<std::string>> rows;
  for (const bj::value& one : reply.at("data").as_array()) {
    const std::string next = text_of(one, "next_attempt_at");
    rows.push_back({text_of(one, "id"), text_of(one, "event"), text_of(one, "subject"), state_of_delivery(one, colours),
                    text_of(one, "attempts"), text_of(one, "status"), next.empty() ? "" : local_time(next),
                    text_of(one, "error")});
  }
  if (rows.empty()) return "  Nothing has been sent to it.\n";
  return table({"id", "event", "of", "state", "attempts", "status", "next", "error"}, rows, colours);
}

}  // namespace

void add_webhooks(CLI::App& app, Context& context) {
  const auto words = std::make_shared<WebhooksWords>();
  CLI::App* const noun = app.add_subcommand("webhooks", "Servers of yours that are told when runs end");
  noun->require_subcommand(1);
  CLI::App* const list = command(*noun, context, "list", "List webhooks", "fairlead webhooks list");
  list->callback([&context] {
    answer(context, http::Method::kGet, "/api/v1/webhooks", nullptr,
           [&context](const bj::value& reply) { return webhooks_page(reply, context.colours()); });
  });
  CLI::App* const sent = command(*noun, context, "deliveries", "List what a webhook was sent, the latest first",
                                 "fairlead webhooks deliveries desk --state failed");
  sent->add_option("name", words->name, "The webhook")->required();
  sent->add_option("--state", words->state, "pending, delivered or failed; without it, all");
  sent->add_option("--before", words->before, "Those before this id");
  sent->add_option("--limit", words->limit, "How many (50)");
  sent->callback([&context, words] {
    std::string target =
        "/api/v1/webhooks/" + segment(words->name) + "/deliveries?limit=" + std::to_string(words->limit);
    if (!words->state.empty()) target += "&state=" + segment(words->state);
    if (!words->before.empty()) target += "&before=" + segment(words->before);
    answer(context, http::Method::kGet, target, nullptr,
           [&context](const bj::value& reply) { return deliveries_page(reply, context.colours()); });
  });
  CLI::App* const again = command(*noun, context, "redeliver", "Send it again now, under the same webhook-id",
                                  "fairlead webhooks redeliver wh_01JDF3");
  again->add_option("id", words->id, "The delivery's id, or as much of it as is unique")->required();
  again->callback([&context, words] {
    answer(context, http::Method::kPost, "/api/v1/deliveries/" + segment(words->id) + "/redeliver", nullptr,
           [&context](const bj::value& reply) {
             return fmt::format("  {}  {}  {}\n", text_of(reply, "id"), text_of(reply, "event"),
                                state_of_delivery(reply, context.colours()));
           });
  });
}

}  // namespace fairlead::cli
