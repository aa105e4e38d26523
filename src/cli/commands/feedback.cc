#include <fmt/format.h>

#include "cli/internal/command.h"
#include "cli/internal/named.h"

namespace fairlead::cli {
namespace {

// "call 01KB0…", "user u-17"
std::string about(const boost::json::value& one) {
  for (const char* kind : {"call", "session", "user"}) {
    const std::string id = text_of(one, std::string(kind) + "_id");
    if (!id.empty()) return std::string(kind) + " " + id;
  }
  return {};
}

// A text on one line, cut where a table would be torn.
std::string short_text(const std::string& text) {
  constexpr std::size_t kMost = 60;
  std::string out;
  std::size_t characters = 0;
  for (const char c : text) {
    if ((static_cast<unsigned char>(c) & 0xc0) != 0x80 && ++characters > kMost) return out + "…";
    out += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
  }
  return out;
}

void add_option(CLI::App& to, const std::shared_ptr<std::map<std::string, std::string>>& into, const std::string& name,
                const std::string& what) {
  to.add_option_function<std::string>(
      "--" + name, [into, name](const std::string& value) { (*into)[name] = value; }, what);
}

void add_feedback_list(CLI::App& feedback, Context& context) {
  CLI::App* const list = command(feedback, context, "list", "List feedback, newest first",
                                 "fairlead feedback list --target support-reply --name helpful");
  const auto filters = std::make_shared<std::map<std::string, std::string>>();
  add_option(*list, filters, "target", "Only on calls of this prompt or model: support-reply, support-reply@4");
  add_option(*list, filters, "call", "Only on this call");
  add_option(*list, filters, "session", "Only on this session");
  add_option(*list, filters, "user", "Only on this user");
  add_option(*list, filters, "name", "Only under this name");
  add_option(*list, filters, "author", "Only by this author");
  add_option(*list, filters, "limit", "At most this many; else 50");
  add_option(*list, filters, "before", "Older than the feedback with this id: the next page");
  list->add_flag_callback(
      "--history", [filters] { (*filters)["history"] = "true"; }, "Also what was changed or withdrawn since");
  list->callback([&context, filters] {
    if (auto whole = complete_id(context, *filters, "call", "/api/v1/calls/"); !whole)
      return context.fail_with(whole.error());
    answer(context, http::Method::kGet, "/api/v1/feedback" + query_string(*filters), nullptr,
           [&context](const boost::json::value& reply) {
             std::vector<std::vector<std::string>> rows;
             const boost::json::array& data = reply.at("data").as_array();
             for (const boost::json::value& one : data) {
               rows.push_back({local_time(text_of(one, "at")), about(one), text_of(one, "name"), text_of(one, "author"),
                               opinion(one), short_text(text_of(one, "comment"))});
             }
             std::string out = table({"when", "about", "name", "author", "says", "comment"}, rows, context.colours());
             if (reply.at("has_more").as_bool() && !data.empty())
               out += "  more: fairlead feedback list --before " + text_of(data.back(), "id") + "\n";
             return out;
           });
  });
}

void add_feedback_add(CLI::App& feedback, Context& context) {
  CLI::App* const add = command(feedback, context, "add", "Say what a call's answer was like",
                                "fairlead feedback add 01KB0Z2N8V6Q4X3T5R7W9Y1A2C --vote no --comment \"Wrong fee\"");
  const auto texts = std::make_shared<std::map<std::string, std::string>>();
  const auto vote = std::make_shared<std::string>();
  const auto score = std::make_shared<std::optional<double>>();
  const auto withdraw = std::make_shared<bool>(false);
  add->add_option_function<std::string>(
      "call", [texts](const std::string& value) { (*texts)["call"] = value; },
      "The call's id, or as much of it as is unique");
  add_option(*add, texts, "session", "A session instead of a call");
  add_option(*add, texts, "user", "A user instead of a call");
  add_option(*add, texts, "name", "What is judged; else `feedback`");
  add->add_option("--vote", *vote, "yes or no")->check(CLI::IsMember({"yes", "no"}));
  add->add_option("--score", *score, "A number");
  add_option(*add, texts, "category", "A word or a few");
  add_option(*add, texts, "comment", "Text");
  add_option(*add, texts, "correction", "The answer that would have been right");
  add_option(*add, texts, "author", "Who says so; else the key");
  add->add_flag("--withdraw", *withdraw, "Take back what this author said");
  add->callback([=, &context] {
    if (auto whole = complete_id(context, *texts, "call", "/api/v1/calls/"); !whole)
      return context.fail_with(whole.error());
    boost::json::object body;
    for (const auto& [name, value] : *texts) body[name] = value;
    if (!vote->empty()) body["vote"] = *vote == "yes";
    if (*score) body["score"] = **score;
    if (*withdraw) body["withdraw"] = true;
    const boost::json::value sent = std::move(body);
    answer(context, http::Method::kPost, "/v1/feedback", &sent, [](const boost::json::value& reply) {
      return "kept as " + text_of(reply, "id") + ", by " + text_of(reply, "author") + "\n";
    });
  });
}

}  // namespace

void add_feedback(CLI::App& app, Context& context) {
  CLI::App* const feedback = app.add_subcommand("feedback", "What was said of answers");
  feedback->require_subcommand(1);
  add_feedback_list(*feedback, context);
  add_feedback_add(*feedback, context);
}

}  // namespace fairlead::cli
