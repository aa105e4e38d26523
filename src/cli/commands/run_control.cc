// runs retry, fork, move and cancel: one run, or many.
#include <fmt/format.h>

#include <functional>
#include <map>
#include <memory>

#include "base/clock.h"
#include "cli/internal/command.h"
#include "cli/internal/named.h"
#include "cli/internal/variables.h"
#include "platform/config/settings.h"

namespace fairlead::cli {
namespace {

namespace bj = boost::json;

// Which runs: one by its id, or those that match.
struct Which {
  std::string run, since, until, to, deadline;
  std::vector<std::string> where;
  std::int64_t limit = 0;
  bool dry_run = false;
};

Error wrong(std::string message) {
  return {ErrorKind::kInvalid, "invalid_value", std::move(message)};
}

// "2d" ago, or a time as it is.
std::string time_of(const std::string& text) {
  const auto ago = config::parse_duration(text);
  return ago ? iso8601(SystemClock().unix_micros() - Micros(*ago).count()) : text;
}

Result<bj::object> filter_of(Context& context, const Which& which) {
  std::map<std::string, std::string> filter;
  for (const std::string& pair : which.where) {
    const std::size_t equals = pair.find('=');
    if (equals == pair.npos || equals == 0) return fail(wrong("`" + pair + "` is not NAME=VALUE: state=failed."));
    filter[pair.substr(0, equals)] = pair.substr(equals + 1);
  }
  if (!which.since.empty()) filter["since"] = time_of(which.since);
  if (!which.until.empty()) filter["until"] = time_of(which.until);
  FAIRLEAD_CHECK(complete_id(context, filter, "parent", "/api/v1/runs/"));
  bj::object out;
  for (const auto& [name, value] : filter) out[name] = value;
  return out;
}

std::string bulk_page(const bj::value& reply, bool dry_run) {
  const std::string action = text_of(reply, "action");
  const std::string did = action == "cancel" ? "asked to stop" : action == "retry" ? "retried" : "moved";
  std::string out = fmt::format("  {} runs match; {} {}{}\n", text_of(reply, "matched"), text_of(reply, "done"),
                                dry_run ? "would be " : "were ", did);
  constexpr int kShown = 20;
  int shown = 0;
  for (const bj::value& run : reply.at("data").as_array()) {
    const bool ok = run.at("ok").as_bool();
    if (ok && ++shown > kShown) continue;
    out += fmt::format("  {}  {} v{}", text_of(run, "id"), text_of(run, "chain"), text_of(run, "version"));
    out += ok ? "\n" : fmt::format("  refused: {}  {}\n", text_of(run, "code"), text_of(run, "message"));
  }
  if (shown > kShown) out += fmt::format("  … and {} more\n", shown - kShown);
  if (reply.at("more").as_bool()) out += "  There are more that match: ask again when these are done.\n";
  return out;
}

void act_on_many(Context& context, const std::string& action, const Which& which) {
  auto filter = filter_of(context, which);
  if (!filter) return context.fail_with(filter.error());
  bj::object body{{"action", action}, {"filter", std::move(*filter)}, {"dry_run", which.dry_run}};
  if (!which.to.empty()) body["to"] = which.to;
  if (!which.deadline.empty()) body["deadline"] = which.deadline;
  if (which.limit > 0) body["limit"] = which.limit;
  const bj::value value = std::move(body);
  answer(context, http::Method::kPost, "/api/v1/runs/bulk", &value,
         [&](const bj::value& reply) { return bulk_page(reply, which.dry_run); });
}

std::string run_line(const bj::value& run) {
  return fmt::format("  {}  {} v{}  {}\n", text_of(run, "id"), text_of(run, "chain"), text_of(run, "version"),
                     text_of(run, "state"));
}

// A command for one run or many. `body`: what is sent for one; `told`: what is said then.
CLI::App* add_action(CLI::App& runs, Context& context, const std::string& action, const std::string& what,
                     const std::string& example, const std::shared_ptr<Which>& which,
                     const std::function<bj::object(const Which&)>& body,
                     const std::function<std::string(const bj::value&)>& told) {
  CLI::App* const out = command(runs, context, action, what, example);
  out->add_option("run", which->run, "The run's id, or as much of it as is unique");
  out->add_option("--where", which->where, "Many: state=failed, chain=digest, parent=ID, state=all; may be repeated");
  out->add_option("--since", which->since, "Many: started then or later: 2d, 2026-12-01T00:00:00Z");
  out->add_option("--until", which->until, "Many: started before then");
  out->add_option("--limit", which->limit, "Many: at most so many; else 1000");
  out->add_flag("--dry-run", which->dry_run, "Many: say what would be done, and do nothing");
  out->callback([&context, action, which, body, told] {
    const bool many = !which->where.empty() || !which->since.empty() || !which->until.empty();
    if (many == !which->run.empty())
      return context.fail_with(wrong(many ? "Either a run, or --where, --since and --until: not both."
                                          : "Which run? Its id, or many: --where state=failed."));
    if (many) return act_on_many(context, action, *which);
    if (which->dry_run || which->limit > 0)
      return context.fail_with(wrong("--dry-run and --limit go with --where, --since and --until."));
    const bj::value value = body(*which);
    answer(context, http::Method::kPost, "/api/v1/runs/" + segment(which->run) + "/" + action, &value, told);
  });
  return out;
}

void add_fork(CLI::App& runs, Context& context) {
  struct Asked {
    std::string run, from, input, chain, key, deadline;
  };
  const auto asked = std::make_shared<Asked>();
  CLI::App* const fork = command(runs, context, "fork", "Start a run with the results of another up to a step",
                                 "fairlead runs fork 01JDF3 --from merge --input new.json");
  fork->add_option("run", asked->run, "The run's id, or as much of it as is unique")->required();
  fork->add_option("--from", asked->from, "The step that is done anew, with all that depends on it")->required();
  fork->add_option("--input", asked->input, "File with fields that replace those of the run's input, a JSON object")
      ->type_name("PATH");
  fork->add_option("--chain", asked->chain, "Another version: digest@5, @5");
  fork->add_option("--key", asked->key, "Idempotency key: the same key and input give the same run");
  fork->add_option("--deadline", asked->deadline, "When it has to have ended: 2026-12-01T00:00:00Z");
  fork->callback([&context, asked] {
    bj::object body{{"from", asked->from}};
    if (!asked->input.empty()) {
      auto read = read_variables(asked->input);
      if (!read) return context.fail_with(read.error());
      body["input"] = std::move(*read);
    }
    if (!asked->chain.empty()) body["chain"] = asked->chain;
    if (!asked->key.empty()) body["key"] = asked->key;
    if (!asked->deadline.empty()) body["deadline"] = asked->deadline;
    const bj::value value = std::move(body);
    answer(context, http::Method::kPost, "/api/v1/runs/" + segment(asked->run) + "/fork", &value,
           [](const bj::value& run) {
             std::string out = run_line(run);
             const bj::value* const copied = run.as_object().if_contains("copied");
             if (copied == nullptr) return out;
             std::string names;
             for (const bj::value& step : copied->as_array()) (names += names.empty() ? "" : ", ") += step.as_string();
             return out + (names.empty() ? "  nothing is taken over\n" : "  taken over: " + names + "\n");
           });
  });
}

}  // namespace

void add_run_control(CLI::App& runs, Context& context) {
  const auto cancelled = std::make_shared<Which>();
  add_action(
      runs, context, "cancel", "Stop a run and the runs that it started, or many", "fairlead runs cancel 01JDF3",
      cancelled, [](const Which&) { return bj::object(); },
      [](const bj::value& reply) {
        return std::string(reply.at("accepted").as_bool() ? "  asked to stop: its history says when it has\n"
                                                          : "  it has ended already: there is nothing to stop\n");
      });

  const auto retried = std::make_shared<Which>();
  CLI::App* const retry = add_action(
      runs, context, "retry", "Go on with a run that failed, from the steps that have no result; or with many",
      "fairlead runs retry --where state=failed --where chain=digest --since 2d --dry-run", retried,
      [](const Which& which) {
        return which.deadline.empty() ? bj::object() : bj::object{{"deadline", which.deadline}};
      },
      run_line);
  retry->add_option("--deadline", retried->deadline, "A new deadline: 2026-12-01T00:00:00Z");

  const auto moved = std::make_shared<Which>();
  CLI::App* const move = add_action(
      runs, context, "move", "Go on with a run, or many, on another version of its chain",
      "fairlead runs move 01JDF3 --to digest@5", moved,
      [](const Which& which) {
        return bj::object{{"to", which.to}};
      },
      [](const bj::value& run) {
        const bool moving = run.as_object().contains("moving");
        return run_line(run) + (moving ? "  is moved when what is under way has ended: see its history\n" : "");
      });
  move->add_option("--to", moved->to, "The version: digest@5, digest@staging")->required();

  add_fork(runs, context);
}

}  // namespace fairlead::cli
