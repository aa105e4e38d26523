#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <memory>

#include "cli/internal/command.h"
#include "cli/internal/interrupted.h"
#include "cli/internal/live_steps.h"
#include "cli/internal/named.h"
#include "cli/internal/variables.h"

namespace fairlead::cli {
namespace {

namespace bj = boost::json;

Colour colour_of(const std::string& state) {
  if (state == "succeeded" || state == "done") return Colour::kGreen;
  if (state == "failed" || state == "cancelled") return Colour::kRed;
  if (state == "waiting") return Colour::kYellow;
  return Colour::kNone;
}

std::string dollars(double usd) {
  return usd > 0 ? fmt::format("{:.4f} $", usd) : std::string();
}

std::string runs_page(const bj::value& reply, bool colours) {
  std::vector<std::vector<std::string>> rows;
  for (const bj::value& run : reply.at("data").as_array()) {
    rows.push_back({text_of(run, "id"), text_of(run, "chain") + " v" + text_of(run, "version"),
                    painted(text_of(run, "state"), colour_of(text_of(run, "state")), colours),
                    local_time(text_of(run, "created_at")), dollars(number_of(run, "cost_usd")), text_of(run, "by"),
                    text_of(run, "key")});
  }
  if (rows.empty()) return "  There are no runs.\n";
  return table({"id", "chain", "state", "started", "cost", "by", "key"}, rows, colours);
}

std::string seconds(std::int64_t ms) {
  return fmt::format("{:.1f} s", static_cast<double>(ms) / 1000);
}

// "", or " for summarise": the steps that it waits for and that are not done.
std::string pending_for(const bj::value& step, const bj::array& all) {
  const bj::value* const after = step.as_object().if_contains("after");
  std::string out;
  if (after == nullptr) return out;
  for (const bj::value& name : after->as_array()) {
    const auto other = std::ranges::find_if(
        all, [&](const bj::value& one) { return text_of(one, "name") == std::string_view(name.as_string()); });
    if (other != all.end() && text_of(*other, "state") == "done") continue;
    (out += out.empty() ? " for " : ", ") += name.as_string();
  }
  return out;
}

// "summarise   ✓ 4.1 s   0.0012 $", "editor      · waits for approval: Publish it?", "check       · waits for
// summarise"
std::string step_line(const bj::value& step, const bj::array& all, bool is_over, bool colours) {
  const std::string state = text_of(step, "state"), name = text_of(step, "name"), of = text_of(step, "of");
  std::string out = fmt::format("  {:<14} ", name), done = text_of(step, "done");
  const std::string waits = state == "pending" && !is_over ? pending_for(step, all) : "";
  if (state == "done" || state == "failed") {
    out += painted(state == "done" ? "✓" : "✗", state == "done" ? Colour::kGreen : Colour::kRed, colours);
    out += " " + seconds(integer_of(step, "duration_ms"));
  } else if (state == "waiting") {
    const std::string wait = waiting(name, text_of(step, "waits_for"), text_of(step, "ask"), text_of(step, "until"));
    out += painted("· " + wait, Colour::kYellow, colours);
  } else if (!waits.empty()) {
    out += "· waits" + waits;
  } else if (state == "running" && !of.empty()) {
    out += progress_bar(static_cast<std::size_t>(integer_of(step, "done")),
                        static_cast<std::size_t>(integer_of(step, "of")));
    done.clear();
  } else {
    out += painted(state, colour_of(state), colours);
  }
  if (!done.empty()) out += "   " + done + (of.empty() || of == done ? " done" : " of " + of + " done");
  if (const std::string failed = text_of(step, "failed"); !failed.empty()) out += ", " + failed + " failed";
  if (const std::string retries = text_of(step, "retries"); !retries.empty()) out += "   " + retries + " retried";
  if (const std::string reused = text_of(step, "reused"); !reused.empty()) out += "   reused " + reused;
  if (const std::string cost = dollars(number_of(step, "cost_usd")); !cost.empty()) out += "   " + cost;
  const bj::value* const error = step.as_object().if_contains("error");
  if (error != nullptr && state == "failed")
    out += "   " + painted(text_of(*error, "code"), Colour::kRed, colours) + ": " + text_of(*error, "message");
  return out + "\n";
}

std::string run_page(const bj::value& run, bool colours) {
  const std::string state = text_of(run, "state");
  const std::string held_by = text_of(run, "held_by");
  std::string out =
      fmt::format("  {}  {} v{}  {}  {}\n", text_of(run, "id"), text_of(run, "chain"), text_of(run, "version"),
                  painted(state, colour_of(state), colours), dollars(number_of(run, "cost_usd")));
  if (!held_by.empty())
    out += "  " + painted("held back", Colour::kYellow, colours) + " by the limit of " + held_by + "\n";
  const bool is_over = run.as_object().contains("finished_at");
  if (const bj::value* const steps = run.as_object().if_contains("steps"))
    for (const bj::value& step : steps->as_array()) out += step_line(step, steps->as_array(), is_over, colours);
  if (const bj::value* const error = run.as_object().if_contains("error")) {
    const std::string step = text_of(*error, "step");
    out += "  " + painted("failed", Colour::kRed, colours) + (step.empty() ? "" : " at " + step) + ": " +
           text_of(*error, "message") + "\n";
  }
  if (const bj::value* const compensated = run.as_object().if_contains("compensated"))
    out += compensated->as_bool() ? "  what it had done has been undone\n"
                                  : "  not all that it had done could be undone: fairlead runs retry tries again\n";
  if (const bj::value* const fork = run.as_object().if_contains("fork"))
    out += "  forked from " + text_of(*fork, "of") + " at " + text_of(*fork, "from") + "\n";
  if (const bj::value* const late = run.as_object().if_contains("late"))
    out += "  " + painted("late", Colour::kYellow, colours) + ": would end " + local_time(text_of(*late, "predicted")) +
           ", its deadline is " + local_time(text_of(*late, "deadline")) + "\n";
  if (const bj::value* const output = run.as_object().if_contains("output"))
    out += (output->is_string() ? std::string(output->get_string()) : json::to_pretty_text(*output)) + "\n";
  return out;
}

std::string event_line(const bj::value& event) {
  std::string data = json::to_text(event.at("data"));
  constexpr std::size_t kShown = 160;
  if (data.size() > kShown) data = data.substr(0, json::valid_utf8_prefix(data.substr(0, kShown))) + "…";
  return fmt::format("  {:>4}  {}  {:<9} {:<16} {}\n", text_of(event, "sequence"), local_time(text_of(event, "at")),
                     text_of(event, "event"), text_of(event, "step"), data == "null" ? "" : data);
}

std::string path_of(const std::string& run, const std::string& what = {}) {
  return "/api/v1/runs/" + segment(run) + what;
}

// A run's steps, drawn over and over on a terminal.
class LivePage {
 public:
  explicit LivePage(std::vector<std::string> steps) : steps_(std::move(steps)) {}
  ~LivePage() { wipe(); }
  LivePage(const LivePage&) = delete;
  LivePage& operator=(const LivePage&) = delete;
  LiveSteps& steps() { return steps_; }
  void draw() {
    winsize size{};
    const bool known = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
    const std::string page = steps_.page(known ? size.ws_col : 80, true);
    wipe();
    std::fputs(page.c_str(), stdout);
    std::fflush(stdout);
    lines_ = steps_.size();
  }

 private:
  void wipe() {
    if (lines_ > 0) std::fputs(fmt::format("\x1b[{}A\x1b[J", lines_).c_str(), stdout);
    lines_ = 0;
  }
  LiveSteps steps_;
  std::size_t lines_ = 0;
};

std::unique_ptr<LivePage> live_page(Context& context, const std::string& run) {
  if (context.as_json || !context.colours()) return nullptr;
  const auto found = context.call(http::Method::kGet, path_of(run));
  if (!found || !found->is_object() || !found->get_object().contains("steps")) return nullptr;
  std::vector<std::string> steps;
  for (const bj::value& step : found->at("steps").as_array()) steps.push_back(text_of(step, "name"));
  auto page = std::make_unique<LivePage>(std::move(steps));
  page->steps().know(found->at("steps"));
  return page;
}

// On a terminal a line for each step, drawn anew as it goes on; else a line for each event. When the run has ended, the
// run.
void follow(Context& context, const std::string& run) {
  std::string buffer;
  const SaidWhenInterrupted said("The run goes on: fairlead runs tail " + run +
                                 " shows the rest, fairlead runs cancel " + run + " stops it.");
  auto live = live_page(context, run);
  const auto on_bytes = [&](std::string_view bytes) {
    buffer += bytes;
    for (std::size_t end = buffer.find("\n\n"); end != buffer.npos; end = buffer.find("\n\n")) {
      const std::string block = buffer.substr(0, end);
      buffer.erase(0, end + 2);
      const std::size_t data = block.find("data: ");
      if (data == block.npos) continue;
      const auto event = json::parse(block.substr(data + 6));
      if (!event || text_of(*event, "event") == "taken" || text_of(*event, "event") == "finished") continue;
      if (live) {
        live->steps().take(*event);
        continue;
      }
      const std::string line = context.as_json ? json::to_text(*event) + "\n" : event_line(*event);
      std::fputs(line.c_str(), stdout);
      std::fflush(stdout);
    }
    if (!live) return;
    if (live->steps().wants_to_know()) {
      const auto now = context.call(http::Method::kGet, path_of(run));
      if (now && now->is_object() && now->get_object().contains("steps")) live->steps().know(now->at("steps"));
    }
    live->draw();
  };
  if (live) live->draw();
  auto reply = context.stream(http::Method::kGet, path_of(run, "/events"), {}, on_bytes);
  live.reset();
  if (!reply) return context.fail_with(reply.error());
  if (reply->status >= 400) {  // says what is wrong
    const auto refused = context.call(http::Method::kGet, path_of(run));
    return context.fail_with(refused ? Error{ErrorKind::kInternal, "server_error", "The server does not tell of it."}
                                     : refused.error());
  }
  auto ended = context.call(http::Method::kGet, path_of(run));
  if (!ended) return context.fail_with(ended.error());
  const std::string page = context.as_json ? json::to_pretty_text(*ended) + "\n" : run_page(*ended, context.colours());
  std::fputs(page.c_str(), stdout);
  if (text_of(*ended, "state") != "succeeded") context.exit_status = kFailed;
}

struct RunsWords {
  std::string chain, input, key, queue, deadline, session, user;
  std::vector<std::string> fields;
  std::int64_t priority = 0;
  bool follow = false;
};

void start(Context& context, const RunsWords& words) {
  bj::object body{{"chain", words.chain}};
  bj::object input;
  if (!words.input.empty()) {
    auto read = read_variables(words.input);
    if (!read) return context.fail_with(read.error());
    input = std::move(*read);
  }
  for (const std::string& field : words.fields) {
    const std::size_t equals = field.find('=');
    if (equals == field.npos || equals == 0)
      return context.fail_with({ErrorKind::kInvalid, "invalid_value", "`" + field + "` is not NAME=VALUE."});
    input[field.substr(0, equals)] = field.substr(equals + 1);
  }
  body["input"] = std::move(input);
  const auto add = [&body](const char* name, const std::string& value) {
    if (!value.empty()) body[name] = value;
  };
  add("key", words.key);
  add("queue", words.queue);
  add("deadline", words.deadline);
  add("session", words.session);
  add("user", words.user);
  if (words.priority != 0) body["priority"] = words.priority;
  const bj::value value = std::move(body);
  auto reply = context.call(http::Method::kPost, "/api/v1/runs", &value);
  if (!reply) return context.fail_with(reply.error());
  const std::string page = context.as_json
                               ? json::to_pretty_text(*reply) + "\n"
                               : fmt::format("  {} {} v{}  {}\n", text_of(*reply, "id"), text_of(*reply, "chain"),
                                             text_of(*reply, "version"), text_of(*reply, "state"));
  std::fputs(page.c_str(), stdout);
  std::fflush(stdout);
  if (words.follow) follow(context, text_of(*reply, "id"));
}

// A body, sent; what it came to in a line.
void tell(Context& context, const std::string& target, bj::object body, const std::string& done) {
  const bj::value value = std::move(body);
  answer(context, http::Method::kPost, target, &value, [&done](const bj::value&) { return "  " + done + "\n"; });
}

void add_run(CLI::App& app, Context& context) {
  const auto words = std::make_shared<RunsWords>();
  CLI::App* const run =
      command(app, context, "run", "Start a run of a chain", "fairlead run chain:digest --input article.json --follow");
  run->add_option("chain", words->chain, "The chain: digest, digest@staging, digest@3")->required();
  run->add_option("--input", words->input, "File with the input, a JSON object")->type_name("PATH");
  run->add_option("--field", words->fields, "A field of the input that is a text: NAME=VALUE; may be repeated");
  run->add_option("--key", words->key, "Idempotency key: the same key and input give the same run");
  run->add_option("--queue", words->queue, "The queue whose limits it counts against");
  run->add_option("--priority", words->priority, "Higher goes first; -100 to 100");
  run->add_option("--deadline", words->deadline, "When it has to have ended: 2026-12-01T00:00:00Z");
  run->add_option("--session", words->session, "The session that its calls are for");
  run->add_option("--user", words->user, "The user that its calls are for");
  run->add_flag("--follow", words->follow, "Show its steps until it has ended");
  run->callback([&context, words] { start(context, *words); });
}

void add_lists(CLI::App& runs, Context& context) {
  const auto filters = std::make_shared<std::map<std::string, std::string>>();
  CLI::App* const list =
      command(runs, context, "list", "List runs, the latest first", "fairlead runs list --state waiting");
  const auto add = [&](const char* name, const char* what) {
    list->add_option_function<std::string>(
        std::string("--") + name, [filters, name](const std::string& value) { (*filters)[name] = value; }, what);
  };
  add("state", "Only these: queued, running, waiting, succeeded, failed, cancelled");
  add("chain", "Only runs of this chain");
  add("parent", "Only runs that this run started");
  add("limit", "At most so many; else 50");
  add("before", "Older than this run's id: the next page");
  list->callback([&context, filters] {
    if (auto whole = complete_id(context, *filters, "parent", "/api/v1/runs/"); !whole)
      return context.fail_with(whole.error());
    answer(context, http::Method::kGet, "/api/v1/runs" + query_string(*filters), nullptr,
           [&context](const bj::value& reply) { return runs_page(reply, context.colours()); });
  });

  struct Show {
    std::string run;
    bool history = false;
  };
  const auto shown = std::make_shared<Show>();
  CLI::App* const show =
      command(runs, context, "show", "Show a run, step by step", "fairlead runs show 01JDF3 --history");
  show->add_option("run", shown->run, "The run's id, or as much of it as is unique")->required();
  show->add_flag("--history", shown->history, "Every event of it");
  show->callback([&context, shown] {
    const std::string target = path_of(shown->run, shown->history ? "/events" : "");
    answer(context, http::Method::kGet, target, nullptr, [&](const bj::value& reply) {
      if (!shown->history) return run_page(reply, context.colours());
      std::string out;
      for (const bj::value& event : reply.at("data").as_array()) out += event_line(event);
      return out;
    });
  });

  const auto followed = std::make_shared<std::string>();
  CLI::App* const tail = command(runs, context, "tail", "Show a run's history as it grows, until it has ended",
                                 "fairlead runs tail 01JDF3");
  tail->add_option("run", *followed, "The run's id, or as much of it as is unique")->required();
  tail->callback([&context, followed] { follow(context, *followed); });
}

void add_decisions(CLI::App& runs, Context& context) {
  struct Said {
    std::string run, step, comment, data, id, output;
    bool refuse = false, retry = false, fail = false;
  };
  const auto said = std::make_shared<Said>();
  const auto add_run_to = [said](CLI::App& to) {
    to.add_option("run", said->run, "The run's id, or as much of it as is unique")->required();
  };
  CLI::App* const approve = command(runs, context, "approve", "Answer a step that asks for approval",
                                    "fairlead runs approve 01JDF3 editor --comment \"fine\"");
  add_run_to(*approve);
  approve->add_option("step", said->step, "The step that asks")->required();
  approve->add_option("--comment", said->comment, "Kept with the answer");
  approve->add_flag("--refuse", said->refuse, "The answer is no");
  approve->callback([&context, said] {
    tell(context, path_of(said->run, "/approvals"),
         {{"step", said->step}, {"approved", !said->refuse}, {"comment", said->comment}},
         said->step + (said->refuse ? " is refused" : " is approved"));
  });

  CLI::App* const signal = command(runs, context, "signal", "Send a run the signal that a step waits for",
                                   "fairlead runs signal 01JDF3 proofs-ready --data '{\"pages\": 3}'");
  add_run_to(*signal);
  signal->add_option("name", said->step, "The signal's name")->required();
  signal->add_option("--data", said->data, "What it carries, JSON");
  signal->add_option("--id", said->id, "The same id twice is one signal");
  signal->callback([&context, said] {
    bj::object body{{"name", said->step}};
    if (!said->id.empty()) body["id"] = said->id;
    if (!said->data.empty()) {
      auto data = json::parse(said->data);
      if (!data) return context.fail_with(data.error());
      body["data"] = std::move(*data);
    }
    tell(context, path_of(said->run, "/signals"), std::move(body), said->step + " is sent");
  });

  CLI::App* const resolve = command(runs, context, "resolve", "Say what became of an attempt that a crash cut off",
                                    "fairlead runs resolve 01JDF3 publish --retry");
  add_run_to(*resolve);
  resolve->add_option("step", said->step, "The step that asks")->required();
  CLI::Option_group* const what = resolve->add_option_group("what became of it");
  what->add_flag("--retry", said->retry, "It did not take place: do it again");
  what->add_option("--done", said->output, "It took place, with this output, JSON");
  what->add_flag("--fail", said->fail, "The step has failed");
  what->require_option(1);
  resolve->callback([&context, said] {
    bj::object body{{"step", said->step}, {"then", said->retry ? "retry" : said->fail ? "fail" : "done"}};
    if (!said->retry && !said->fail) {
      auto output = json::parse(said->output);
      if (!output) return context.fail_with(output.error());
      body["output"] = std::move(*output);
    }
    tell(context, path_of(said->run, "/resolutions"), std::move(body), said->step + " is resolved");
  });
}

void add_queues(CLI::App& app, Context& context) {
  CLI::App* const queues = app.add_subcommand("queues", "Limits that runs share by the queue that they name");
  queues->require_subcommand(1);
  CLI::App* const list = command(*queues, context, "list", "List queues that have been set", "fairlead queues list");
  list->callback([&context] {
    answer(context, http::Method::kGet, "/api/v1/queues", nullptr, [&context](const bj::value& reply) {
      std::vector<std::vector<std::string>> rows;
      for (const bj::value& queue : reply.at("data").as_array()) {
        const std::string most = text_of(queue, "concurrency");
        const bool is_paused = queue.at("paused").as_bool(), drains = queue.as_object().contains("draining");
        rows.push_back({text_of(queue, "name"), most == "0" ? "any" : most, text_of(queue, "rate"),
                        text_of(queue, "per"), text_of(queue, "running"), text_of(queue, "due"),
                        is_paused ? "paused"
                        : drains  ? "draining"
                                  : ""});
      }
      if (rows.empty()) return std::string("  No queue has been set.\n");
      return table({"queue", "at once", "rate", "per", "running", "due", ""}, rows, context.colours());
    });
  });

  struct Limits {
    std::string name, rate, per;
    std::int64_t concurrency = 0;
    bool paused = false, draining = false;
  };
  const auto limits = std::make_shared<Limits>();
  CLI::App* const set = command(*queues, context, "set", "Set how many of a queue's runs go on at once, or pause it",
                                "fairlead queues set nightly --concurrency 4");
  set->add_option("queue", limits->name, "The queue, as runs name it")->required();
  set->add_option("--concurrency", limits->concurrency, "At most so many at once, over all nodes; 0: any number");
  set->add_option("--rate", limits->rate, "At most so many begin within a time: 30/1m");
  set->add_option("--per", limits->per, "Both are of each: key, user or chain; without it, of all the queue's runs");
  set->add_flag("--paused", limits->paused, "None is taken up; those that run go on");
  set->add_flag("--draining", limits->draining, "None begins; those that have begun go on to their end");
  set->callback([&context, limits] {
    bj::object fields{{"concurrency", limits->concurrency}, {"paused", limits->paused}};
    if (limits->draining) fields["draining"] = true;
    if (!limits->rate.empty()) fields["rate"] = limits->rate;
    if (!limits->per.empty()) fields["per"] = limits->per;
    const bj::value body = std::move(fields);
    answer(context, http::Method::kPut, "/api/v1/queues/" + segment(limits->name), &body,
           [limits](const bj::value&) { return "  " + limits->name + " is set\n"; });
  });
}

void add_tasks(CLI::App& app, Context& context) {
  CLI::App* const tasks = app.add_subcommand("tasks", "Work that chains put out for programs of yours");
  tasks->require_subcommand(1);
  const auto filters = std::make_shared<std::map<std::string, std::string>>();
  CLI::App* const list = command(*tasks, context, "list", "List tasks that are not done, the oldest first",
                                 "fairlead tasks list --task resize");
  const auto add = [&](const char* name, const char* what) {
    list->add_option_function<std::string>(
        std::string("--") + name, [filters, name](const std::string& value) { (*filters)[name] = value; }, what);
  };
  add("task", "Only tasks of this kind");
  add("run", "Only tasks of this run");
  add("limit", "At most so many; else 50");
  list->callback([&context, filters] {
    if (auto whole = complete_id(context, *filters, "run", "/api/v1/runs/"); !whole)
      return context.fail_with(whole.error());
    answer(
        context, http::Method::kGet, "/api/v1/tasks" + query_string(*filters), nullptr,
        [&context](const bj::value& reply) {
          std::vector<std::vector<std::string>> rows;
          for (const bj::value& task : reply.at("data").as_array()) {
            const bj::value* const progress = task.as_object().if_contains("progress");
            rows.push_back({text_of(task, "task"), text_of(task, "run"), text_of(task, "step"), text_of(task, "state"),
                            text_of(task, "worker"), text_of(task, "attempt"), local_time(text_of(task, "posted_at")),
                            progress != nullptr ? json::to_text(*progress) : std::string()});
          }
          if (rows.empty()) return std::string("  No task waits to be done.\n");
          return table({"task", "run", "step", "state", "worker", "attempt", "since", "progress"}, rows,
                       context.colours());
        });
  });
}

}  // namespace

void add_runs(CLI::App& app, Context& context) {
  add_run(app, context);
  CLI::App* const runs = app.add_subcommand("runs", "Runs of chains: how far they are, and what they wait for");
  runs->require_subcommand(1);
  add_lists(*runs, context);
  add_decisions(*runs, context);
  add_run_control(*runs, context);
  add_queues(app, context);
  add_tasks(app, context);
}

}  // namespace fairlead::cli
