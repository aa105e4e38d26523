#include <fmt/format.h>

#include <memory>

#include "cli/internal/command.h"

namespace fairlead::cli {
namespace {

namespace bj = boost::json;

struct SchedulesWords {
  std::string name, from, to, id;
  std::int64_t at_once = 1;
};

std::string path_of(const SchedulesWords& words, const std::string& what = {}) {
  return "/api/v1/schedules/" + segment(words.name) + what;
}

// "0 3 * * 1-5 Europe/Berlin", "every 15m"
std::string when(const bj::value& schedule) {
  if (const std::string every = text_of(schedule, "every"); !every.empty()) return "every " + every;
  const std::string zone = text_of(schedule, "zone");
  return text_of(schedule, "cron") + " " + (zone.empty() ? "UTC" : zone);
}

bool is_paused(const bj::value& schedule) {
  return schedule.at("paused").as_bool();
}

std::string next_of(const bj::value& schedule) {
  const bj::array& next = schedule.at("next").as_array();
  return next.empty() ? std::string() : local_time(std::string(next[0].as_string()));
}

std::string schedules_page(const bj::value& reply, bool colours) {
  std::vector<std::vector<std::string>> rows;
  for (const bj::value& one : reply.at("data").as_array()) {
    std::string state = is_paused(one) ? painted("paused", Colour::kYellow, colours) : "";
    if (!text_of(one, "error").empty()) state += painted(" failed", Colour::kRed, colours);
    rows.push_back(
        {text_of(one, "name"), when(one), text_of(one, "chain"), next_of(one), text_of(one, "started"), state});
  }
  if (rows.empty()) return "  There are no schedules.\n";
  return table({"name", "when", "chain", "next", "ticks run", ""}, rows, colours);
}

std::string backfill_line(const bj::value& one, bool colours) {
  const std::string state = text_of(one, "state");
  const std::int64_t settled = integer_of(one, "started") + integer_of(one, "had_run") + integer_of(one, "failed");
  std::string out = fmt::format("  {}  {}  {} to {}  {} of {} ticks", text_of(one, "id"),
                                painted(state, state == "done" ? Colour::kGreen : Colour::kYellow, colours),
                                text_of(one, "from"), text_of(one, "to"), settled, integer_of(one, "ticks"));
  for (const auto& [member, word] :
       {std::pair("had_run", "had run before"), std::pair("failed", "failed"), std::pair("running", "under way")})
    if (const std::int64_t count = integer_of(one, member); count > 0) out += fmt::format(", {} {}", count, word);
  return out + "\n";
}

std::string page(const bj::value& one, bool colours) {
  std::string out = fmt::format("  {} v{}  {}  chain {}{}\n", text_of(one, "name"), text_of(one, "version"), when(one),
                                text_of(one, "chain"), is_paused(one) ? "  paused" : "");
  if (const std::string until = text_of(one, "handled_until"); !until.empty()) {
    const std::string run = text_of(one, "last_run");
    out += fmt::format("  handled until {}; {} ticks came to a run{}\n", local_time(until), text_of(one, "started"),
                       run.empty() ? "" : ", the last to " + run);
  }
  if (const std::string error = text_of(one, "error"); !error.empty())
    out += "  " + painted("the last tick failed", Colour::kRed, colours) + ": " + error + "\n";
  for (const bj::value& tick : one.at("next").as_array())
    out += "  next " + local_time(std::string(tick.as_string())) + "\n";
  for (const bj::value& backfill : one.at("backfills").as_array()) out += backfill_line(backfill, colours);
  return out;
}

void backfill(Context& context, const SchedulesWords& words) {
  const bj::value body = bj::object{{"from", words.from}, {"to", words.to}, {"at_once", words.at_once}};
  answer(context, http::Method::kPost, path_of(words, "/backfills"), &body,
         [&context](const bj::value& reply) { return backfill_line(reply, context.colours()); });
}

}  // namespace

void add_schedules(CLI::App& app, Context& context) {
  const auto words = std::make_shared<SchedulesWords>();
  CLI::App* const noun = app.add_subcommand("schedules", "What starts chains at its time");
  noun->require_subcommand(1);
  CLI::App* const list = command(*noun, context, "list", "List schedules", "fairlead schedules list");
  list->callback([&context] {
    answer(context, http::Method::kGet, "/api/v1/schedules", nullptr,
           [&context](const bj::value& reply) { return schedules_page(reply, context.colours()); });
  });
  CLI::App* const show = command(*noun, context, "show", "Show a schedule, its next times and its backfills",
                                 "fairlead schedules show nightly");
  show->add_option("name", words->name, "The schedule")->required();
  show->callback([&context, words] {
    answer(context, http::Method::kGet, path_of(*words), nullptr,
           [&context](const bj::value& reply) { return page(reply, context.colours()); });
  });
  CLI::App* const run =
      command(*noun, context, "run", "Start a run now, beside its times", "fairlead schedules run nightly");
  run->add_option("name", words->name, "The schedule")->required();
  run->callback([&context, words] {
    answer(context, http::Method::kPost, path_of(*words, "/run"), nullptr, [](const bj::value& reply) {
      return fmt::format("  {} {}  {}\n", text_of(reply, "id"), text_of(reply, "chain"), text_of(reply, "state"));
    });
  });
  CLI::App* const back =
      command(*noun, context, "backfill", "Run the ticks of a range that is over, oldest first",
              "fairlead schedules backfill nightly --from 2026-10-01T00:00:00Z --to 2026-10-31T00:00:00Z --at-once 2");
  back->add_option("name", words->name, "The schedule")->required();
  back->add_option("--from", words->from, "The first moment: 2026-10-01T00:00:00Z")->required();
  back->add_option("--to", words->to, "The last moment, in the past")->required();
  back->add_option("--at-once", words->at_once, "How many runs at once (1)");
  back->callback([&context, words] { backfill(context, *words); });
  CLI::App* const cancel = command(*noun, context, "cancel-backfill", "Start no further tick of a backfill",
                                   "fairlead schedules cancel-backfill 01JDF3");
  cancel->add_option("id", words->id, "The backfill's id, or as much of it as is unique")->required();
  cancel->callback([&context, words] {
    answer(context, http::Method::kPost, "/api/v1/backfills/" + segment(words->id) + "/cancel", nullptr,
           [&context](const bj::value& reply) { return backfill_line(reply, context.colours()); });
  });
}

}  // namespace fairlead::cli
