#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <fstream>

#include "cli/internal/command.h"

namespace fairlead::cli {
namespace {

namespace bj = boost::json;

// "3x", "3", "20%" (then in hundredths).
std::optional<double> number_of(std::string text, std::string_view unit) {
  if (text.ends_with(unit)) text.resize(text.size() - unit.size());
  double out = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return out;
}

double real(const bj::value& value) {
  return value.is_number() ? value.to_number<double>() : NAN;
}

// "412 ms", "2.13 s"; a time that is not there: too many calls get no answer.
std::string time_text(const bj::value& ms) {
  const double value = real(ms);
  if (std::isnan(value)) return "none";
  return value < 1'000 ? fmt::format("{:.0f} ms", value) : fmt::format("{:.2f} s", value / 1'000);
}

std::string percentiles(const bj::value& of) {
  return time_text(of.at("p50")) + " / " + time_text(of.at("p95")) + " / " + time_text(of.at("p99"));
}

std::string or_dash(const bj::value& number) {
  return number.is_null() ? "-" : json::to_text(number);
}

std::string times(const bj::value& load) {
  return fmt::format("{:g}x", std::round(real(load) * 100) / 100);
}

std::string loads_table(const bj::value& reply, bool colours) {
  std::vector<std::vector<std::string>> rows;
  for (const bj::value& one : reply.at("loads").as_array()) {
    const bj::value& low = one.at("interval_ms").as_array().at(0);
    const bj::value& high = one.at("interval_ms").as_array().at(1);
    rows.push_back({times(one.at("load")), fmt::format("{:.0f}", real(one.at("calls_per_minute"))),
                    percentiles(one.at("first_token_ms")), percentiles(one.at("duration_ms")),
                    fmt::format("{} to {}", time_text(low), time_text(high)),
                    fmt::format("{:.1f}%", 100 * real(one.at("turned_away"))),
                    one.at("meets").as_bool() ? "yes" : "no"});
  }
  return table({"load", "calls/min", "first token p50 / p95 / p99", "duration p50 / p95 / p99", "target's, 95% sure",
                "turned away", "holds"},
               rows, colours);
}

std::string models_table(const bj::value& reply, bool colours) {
  std::vector<std::vector<std::string>> rows;
  for (const bj::value& one : reply.at("models").as_array()) {
    bool first = true;
    for (const bj::value& route : one.at("routes").as_array()) {
      std::vector<std::string> row(4);
      if (first)
        row = {text_of(one, "model"), or_dash(one.at("concurrency")),
               one.at("concurrency_needed").is_null() ? "none will do" : or_dash(one.at("concurrency_needed")),
               or_dash(one.at("concurrency_advised"))};
      row.push_back(text_of(route, "provider") + " " + text_of(route, "upstream_model"));
      row.push_back(fmt::format("{} ({} at most)", text_of(route, "in_flight_p99"), text_of(route, "in_flight_most")));
      row.push_back(text_of(route, "recorded_in_flight_most") + " at most");
      row.push_back(fmt::format("{:.0f}", real(route.at("requests_per_minute"))));
      row.push_back(fmt::format("{:.0f}", real(route.at("tokens_per_minute"))));
      rows.push_back(std::move(row));
      first = false;
    }
  }
  return table({"model", "concurrency.max", "needed", "with headroom", "route", "in flight, 99% of the time",
                "recorded", "requests/min", "tokens/min"},
               rows, colours);
}

std::string use_cases_table(const bj::value& reply, bool colours) {
  std::vector<std::vector<std::string>> rows;
  const auto whole = [](const bj::value& value) { return fmt::format("{:.0f}", real(value)); };
  for (const bj::value& one : reply.at("use_cases").as_array())
    rows.push_back({text_of(one, "use_case"), whole(one.at("requests_per_minute")),
                    whole(one.at("advised_requests_per_minute")), whole(one.at("tokens_per_minute")),
                    whole(one.at("advised_tokens_per_minute"))});
  return table({text_of(reply, "by"), "requests/min", "with headroom", "tokens/min", "with headroom"}, rows, colours);
}

std::string budgets_table(const bj::value& reply, bool colours) {
  std::vector<std::vector<std::string>> rows;
  for (const bj::value& one : reply.at("budgets").as_array()) {
    const double amount = real(one.at("amount")), expected = real(one.at("expected"));
    const std::string unit = text_of(one, "limit") == "cost" ? "USD" : text_of(one, "limit");
    rows.push_back({text_of(one, "budget"), fmt::format("{:.6g} {} per {}", amount, unit, text_of(one, "per")),
                    fmt::format("{:.6g}", expected), fmt::format("{:.0f}%", 100 * expected / amount)});
  }
  return rows.empty() ? "" : "\n" + table({"budget", "allows", "would use", "share"}, rows, colours);
}

std::string rendered(const bj::value& reply, bool colours) {
  const bj::value& recorded = reply.at("recorded");
  std::string out = fmt::format("{}, at {} the recorded peak: {} calls from {} ({:.0f} a minute)\n\n",
                                text_of(reply, "target"), times(reply.at("load")), text_of(recorded, "calls"),
                                local_time(text_of(recorded, "from")), real(recorded.at("calls_per_minute")));
  out += loads_table(reply, colours);
  if (reply.at("holds_beyond").as_bool())
    out += fmt::format("  Holds to {} and perhaps beyond.\n", times(reply.at("holds_to")));
  else
    out += reply.at("holds_to").is_null() ? "  Does not hold.\n"
                                          : fmt::format("  Holds to {}.\n", times(reply.at("holds_to")));
  if (reply.as_object().contains("limit")) out += "  What limits it: " + text_of(reply, "limit") + ".\n";
  out += fmt::format("\nNeeded at {}:\n", times(reply.at("load"))) + models_table(reply, colours) + "\n" +
         use_cases_table(reply, colours) + budgets_table(reply, colours);
  for (const bj::value& note : reply.at("notes").as_array())
    out += "\n  note: " + std::string(std::string_view(note.as_string()));
  if (!reply.at("notes").as_array().empty()) out += "\n";
  return out;
}

struct CapacityWords {
  std::string target, load = "1x", since, model, by, headroom = "20%", plot;
  std::int64_t seed = 1;
};

Result<bj::object> body_of(const CapacityWords& words) {
  const auto load = number_of(words.load, "x");
  if (!load)
    return fail(ErrorKind::kInvalid, "invalid_value",
                "--load must be a number of times, such as 3x, not `" + words.load + "`.");
  const auto headroom = number_of(words.headroom, "%");
  if (!headroom)
    return fail(ErrorKind::kInvalid, "invalid_value", "--headroom must be such as 20%, not `" + words.headroom + "`.");
  bj::object out{{"target", words.target}, {"load", *load}, {"headroom", *headroom / 100}, {"seed", words.seed}};
  if (!words.since.empty()) out["since"] = words.since;
  if (!words.model.empty()) out["model"] = words.model;
  if (!words.by.empty()) out["by"] = words.by;
  if (!words.plot.empty()) out["plot"] = true;
  return out;
}

void plan_capacity(Context& context, const CapacityWords& words) {
  auto made = body_of(words);
  if (!made) return context.fail_with(made.error());
  const bj::value body = *std::move(made);
  if (context.error_colours())
    std::fputs("Simulating; that takes some seconds to a minute. Ctrl-C does no harm.\n", stderr);
  auto reply = context.call(http::Method::kPost, "/api/v1/capacity", &body);
  if (!reply) return context.fail_with(reply.error());
  if (!words.plot.empty()) {
    std::ofstream file(words.plot, std::ios::binary);
    file << std::string_view(reply->at("plot").as_string());
    file.close();
    if (!file)
      return context.fail_with(
          {ErrorKind::kUnavailable, "plot_unwritable",
           "The plot cannot be written to " + words.plot + ". Name a file in a folder that is there."});
    reply->as_object().erase("plot");
  }
  std::string text = context.as_json ? json::to_pretty_text(*reply) + "\n" : rendered(*reply, context.colours());
  if (!words.plot.empty() && !context.as_json) text += "  The plot is in " + words.plot + ".\n";
  std::fputs(text.c_str(), stdout);
}

}  // namespace

void add_plan_capacity(CLI::App& app, Context& context) {
  const auto words = std::make_shared<CapacityWords>();
  CLI::App* const plan =
      command(app, context, "plan-capacity", "What must be allowed so that calls stay fast under more load",
              "fairlead plan-capacity --target 'p95 first_token <= 800ms' --load 3x --plot plan.svg");
  plan->add_option("--target", words->target, "pNN first_token|duration <= TIME")->required();
  plan->add_option("--load", words->load, "How many times the recorded peak; else 1x")->type_name("Nx");
  plan->add_option("--since", words->since, "How far back the peak is looked for, such as 7d; else 1d")
      ->type_name("TIME");
  plan->add_option("--model", words->model, "The model whose calls are to meet the target; else all calls");
  plan->add_option("--by", words->by, "What a use case is: target, key, tag or user; else target");
  plan->add_option("--headroom", words->headroom, "Put on top of what is needed; else 20%")->type_name("N%");
  plan->add_option("--seed", words->seed, "Of what is drawn by chance; else 1");
  plan->add_option("--plot", words->plot, "File for the plot, SVG")->type_name("FILE");
  plan->callback([&context, words] { plan_capacity(context, *words); });
}

}  // namespace fairlead::cli
