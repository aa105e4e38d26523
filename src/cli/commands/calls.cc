#include <fmt/format.h>

#include <chrono>
#include <thread>

#include "cli/internal/command.h"
#include "cli/internal/named.h"

namespace fairlead::cli {
namespace {

std::string milliseconds(const boost::json::value& call, std::string_view member) {
  return text_of(call, member).empty() ? "-" : std::to_string(integer_of(call, member)) + " ms";
}

// What became of a try: "local timed out after 2 s".
std::string fate(const boost::json::value& attempt) {
  const std::string provider = text_of(attempt, "provider"), code = text_of(attempt, "error_code");
  if (code.ends_with("timeout")) {
    const auto ms = static_cast<double>(integer_of(attempt, "duration_ms"));
    return provider + " timed out after " +
           (ms < 1'000 ? fmt::format("{} ms", ms) : fmt::format("{:.2g} s", ms / 1'000));
  }
  if (code == "hedge_lost") return provider + " was slow";
  if (code == "rate_limit_exceeded") return provider + " was over its rate limit";
  if (code == "upstream_unreachable") return provider + " could not be reached";
  return provider + " " + code;
}

// Why a call needed more than one try.
std::string detour(const boost::json::array& attempts) {
  if (attempts.size() < 2 || text_of(attempts.front(), "error_code").empty()) return {};
  const bool only_repeated = text_of(attempts.front(), "provider") == text_of(attempts.back(), "provider") &&
                             text_of(attempts.back(), "reason") == "retry";
  return (only_repeated ? "   tried again: " : "   fell back: ") + fate(attempts.front());
}

// 14:02:19  support-reply v4  small→local  200  412 ms  ttft 61 ms  311→87 tok  0.0000 $  error
std::string call_line(const boost::json::value& call, bool colours) {
  std::string target = text_of(call, "target");
  if (target.empty())
    target = text_of(call, "requested_model");
  else
    target += " v" + text_of(call, "target_version");
  if (const std::string variant = text_of(call, "variant"); !variant.empty()) target += "/" + variant;
  std::string route = text_of(call, "model");
  if (const std::string provider = text_of(call, "provider"); !provider.empty()) route += "→" + provider;
  const std::int64_t status = integer_of(call, "status");
  const boost::json::object& object = call.as_object();
  const boost::json::value* const cost = object.if_contains("cost_usd");
  std::string out = fmt::format(
      "{}  {:<24} {:<16} {}  {:>9}  ttft {:>8}  {}→{} tok  {:.4f} $", local_time(text_of(call, "started_at")), target,
      route, painted(std::to_string(status), status < 400 ? Colour::kGreen : Colour::kRed, colours),
      milliseconds(call, "duration_ms"), milliseconds(call, "first_token_ms"), integer_of(call, "input_tokens"),
      integer_of(call, "output_tokens"), cost && cost->is_number() ? cost->to_number<double>() : 0.0);
  if (const std::string error = text_of(call, "error_code"); !error.empty())
    out += "   " + painted(error, Colour::kRed, colours);
  if (const boost::json::value* attempts = object.if_contains("attempts"); attempts && attempts->is_array())
    out += detour(attempts->get_array());
  if (const std::string champion = text_of(call, "shadow_of"); !champion.empty()) out += "   shadow of " + champion;
  return out + "\n";
}

// "retry after 180 ms: ", or nothing for a first try.
std::string why(const boost::json::value& attempt) {
  std::string out = text_of(attempt, "reason");
  if (out.empty()) return out;
  if (const std::int64_t waited = integer_of(attempt, "waited_ms"); waited > 0)
    out += fmt::format(" after {} ms", waited);
  if (const std::string model = text_of(attempt, "model"); !model.empty()) out += " to model " + model;
  return out + ": ";
}

std::string call_page(const boost::json::value& call) {
  std::string out;
  for (const auto& [name, value] : call.as_object()) {
    if (value.is_null() || name == "attempts" || name == "feedback") continue;
    out += fmt::format("  {:<20} {}\n", std::string_view(name),
                       value.is_string() ? std::string(value.get_string()) : json::to_text(value));
  }
  if (const boost::json::value* attempts = call.as_object().if_contains("attempts"); attempts && attempts->is_array()) {
    for (const boost::json::value& one : attempts->get_array())
      out += fmt::format("  attempt {}            {}{} {}  {} ms  {} {}\n", text_of(one, "number"), why(one),
                         text_of(one, "provider"), text_of(one, "upstream_model"), integer_of(one, "duration_ms"),
                         text_of(one, "error_code"), text_of(one, "error_message"));
  }
  if (const boost::json::value* said = call.as_object().if_contains("feedback"); said && said->is_array()) {
    for (const boost::json::value& one : said->get_array())
      out += fmt::format("  {:<20} {} by {}  {}  {}\n", "feedback", text_of(one, "name"), text_of(one, "author"),
                         opinion(one), text_of(one, "comment"));
  }
  return out;
}

void print_line(Context& context, const boost::json::value& call) {
  const std::string line = context.as_json ? json::to_text(call) + "\n" : call_line(call, context.colours());
  std::fputs(line.c_str(), stdout);
}

void tail(Context& context, std::map<std::string, std::string> filters) {
  if (auto whole = complete_id(context, filters, "shadow_of", "/api/v1/calls/"); !whole)
    return context.fail_with(whole.error());
  filters["limit"] = "10";
  auto reply = context.call(http::Method::kGet, "/api/v1/calls" + query_string(filters));
  if (!reply) return context.fail_with(reply.error());
  const boost::json::array first = reply->at("data").as_array();
  std::string after = "00000000000000000000000000";
  for (auto call = first.rbegin(); call != first.rend(); ++call) {
    print_line(context, *call);
    after = text_of(*call, "id");
  }
  filters["limit"] = "1000";
  for (;;) {
    std::fflush(stdout);
    std::this_thread::sleep_for(std::chrono::milliseconds(500));
    filters["after"] = after;
    reply = context.call(http::Method::kGet, "/api/v1/calls" + query_string(filters));
    if (!reply) return context.fail_with(reply.error());
    for (const boost::json::value& call : reply->at("data").as_array()) {
      print_line(context, call);
      after = text_of(call, "id");
    }
  }
}

}  // namespace

void add_calls(CLI::App& app, Context& context) {
  CLI::App* const calls = app.add_subcommand("calls", "What was called, how it went and what it cost");
  calls->require_subcommand(1);
  const auto filters = std::make_shared<std::map<std::string, std::string>>();
  const auto id = std::make_shared<std::string>();
  const auto add_filters = [filters](CLI::App& to) {
    const auto add = [&](const char* name, const char* what) {
      to.add_option_function<std::string>(
          std::string("--") + name, [filters, name](const std::string& value) { (*filters)[name] = value; }, what);
    };
    add("target", "Only calls of this prompt or model: support-reply, support-reply@4");
    add("model", "Only calls that this model resource answered");
    add("status", "Only this status: 200, 5xx");
    add("error", "Only calls with this error code; any: with one");
    add("user", "Only calls for this user");
    add("session", "Only calls of this session");
    add("key", "Only calls with this key's id");
    add("tag", "Only calls with this tag");
    to.add_option_function<std::string>(
        "--shadow-of", [filters](const std::string& value) { (*filters)["shadow_of"] = value; },
        "Only shadows of this call; any: only shadows; none: none of them");
  };

  CLI::App* const list = command(*calls, context, "list", "List calls, newest first",
                                 "fairlead calls list --target support-reply --error any");
  add_filters(*list);
  list->add_option_function<std::string>(
      "--limit", [filters](const std::string& value) { (*filters)["limit"] = value; }, "At most this many; else 50");
  list->add_option_function<std::string>(
      "--before", [filters](const std::string& value) { (*filters)["before"] = value; },
      "Older than this call's id: the next page");
  list->callback([&context, filters] {
    if (auto whole = complete_id(context, *filters, "shadow_of", "/api/v1/calls/"); !whole)
      return context.fail_with(whole.error());
    answer(context, http::Method::kGet, "/api/v1/calls" + query_string(*filters), nullptr,
           [&context](const boost::json::value& reply) {
             std::string out;
             const boost::json::array& data = reply.at("data").as_array();
             for (const boost::json::value& call : data)
               out += text_of(call, "id") + "  " + call_line(call, context.colours());
             if (reply.at("has_more").as_bool() && !data.empty())
               out += "  more: fairlead calls list --before " + text_of(data.back(), "id") + "\n";
             return out;
           });
  });

  CLI::App* const show =
      command(*calls, context, "show", "Show the whole record of a call", "fairlead calls show 01JD8");
  show->add_option("id", *id, "The call's id, or as much of it as is unique")->required();
  show->callback(
      [&context, id] { answer(context, http::Method::kGet, "/api/v1/calls/" + segment(*id), nullptr, call_page); });

  CLI::App* const follow =
      command(*calls, context, "tail", "Show calls as they end, until Ctrl-C", "fairlead calls tail --error any");
  add_filters(*follow);
  follow->callback([&context, filters] { tail(context, *filters); });
}

}  // namespace fairlead::cli
