#include <fmt/format.h>

#include <fstream>
#include <iostream>
#include <iterator>
#include <memory>

#include "cli/internal/command.h"
#include "cli/internal/variables.h"
#include "platform/json/text.h"

namespace fairlead::cli {
namespace {

namespace bj = boost::json;

constexpr std::size_t kLongestText = 1U << 30;

struct PrivacyWords {
  std::string file, options;
  bool lines = false;
  double threshold = -1;
  std::vector<std::string> entities, regions;
};

std::unexpected<Error> unreadable(const std::string& file) {
  return fail(ErrorKind::kInvalid, "no_such_file", (file == "-" ? "Standard input" : file) + " cannot be read.");
}

Result<bj::object> options_of(const PrivacyWords& words) {
  bj::object out;
  if (!words.options.empty()) {
    FAIRLEAD_TRY(out, read_variables(words.options));
  }
  if (words.threshold >= 0) out["threshold"] = words.threshold;
  if (!words.entities.empty()) out["entities"] = bj::array(words.entities.begin(), words.entities.end());
  if (!words.regions.empty()) out["regions"] = bj::array(words.regions.begin(), words.regions.end());
  return out;
}

// Where the characters of a text stand, asked from left to right: "3:14".
class Places {
 public:
  explicit Places(std::string_view text) : text_(text) {}
  std::string of(std::int64_t character) {
    for (; character_ < character && at_ < text_.size(); ++character_) {
      if (text_[at_] == '\n')
        ++line_, column_ = 1;
      else
        ++column_;
      for (++at_; at_ < text_.size() && (static_cast<unsigned char>(text_[at_]) & 0xC0) == 0x80;) ++at_;
    }
    return fmt::format("{}:{}", line_, column_);
  }

 private:
  std::string_view text_;
  std::size_t at_ = 0;
  std::int64_t character_ = 0, line_ = 1, column_ = 1;
};

std::string shown(const bj::array& spans, std::string_view text, bool colours) {
  if (spans.empty()) return "nothing was found\n";
  Places places(text);
  std::vector<std::vector<std::string>> rows;
  for (const bj::value& one : spans) {
    const std::int64_t start = integer_of(one, "start"), end = integer_of(one, "end");
    rows.push_back({places.of(start), std::to_string(end - start), text_of(one, "entity"),
                    fmt::format("{:.2f}", number_of(one, "score")), text_of(one, "why")});
  }
  return table({"at", "length", "entity", "score", "why"}, rows, colours);
}

// One line `{id, text}`; `{id, spans}`.
Result<std::string> scanned_line(const Hooks::PrivacyScan& scan, const std::string& line) {
  FAIRLEAD_TRY(const bj::value parsed, json::parse(line));
  const bj::object* const object = parsed.if_object();
  const bj::value* const text = object != nullptr ? object->if_contains("text") : nullptr;
  if (text == nullptr || !text->is_string())
    return fail(ErrorKind::kInvalid, "invalid_type", "a line is an object with `id` and `text`, a string.");
  bj::object out;
  if (const bj::value* const id = object->if_contains("id")) out["id"] = *id;
  out["spans"] = scan(text->get_string());
  return json::to_text(out);
}

void scan_lines(Context& context, const Hooks::PrivacyScan& scan, std::istream& in, const std::string& name) {
  std::string line;
  for (std::size_t number = 1; std::getline(in, line); ++number) {
    if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
    auto out = scanned_line(scan, line);
    if (!out) return context.fail_with(with_context(std::move(out).error(), fmt::format("{}:{}", name, number)));
    std::printf("%s\n", out->c_str());
  }
}

void scan(Context& context, const Hooks& hooks, const PrivacyWords& words) {
  const auto options = options_of(words);
  if (!options) return context.fail_with(options.error());
  const auto scan = hooks.privacy_scanner(*options);
  if (!scan) return context.fail_with(scan.error());
  std::ifstream file;
  if (words.file != "-") file.open(words.file, std::ios::binary);
  std::istream& in = words.file == "-" ? std::cin : file;
  if (!in) return context.fail_with(unreadable(words.file).error());
  if (words.lines) return scan_lines(context, *scan, in, words.file);
  const std::string text(std::istreambuf_iterator<char>(in), {});
  if (in.bad()) return context.fail_with(unreadable(words.file).error());
  if (text.size() > kLongestText)
    return context.fail_with({ErrorKind::kInvalid, "text_too_large",
                              words.file + " has more than 1 GiB. Scan it in parts, or line by line with --jsonl."});
  const bj::array spans = (*scan)(text);
  if (context.as_json)
    std::printf("%s\n", json::to_pretty_text(bj::object{{"spans", spans}}).c_str());
  else
    std::fputs(shown(spans, text, context.colours()).c_str(), stdout);
}

std::string explained_text(const bj::value& reply, bool colours) {
  std::string policies, tried;
  for (const bj::value& one : reply.at("policies").as_array())
    policies += (policies.empty() ? "" : ", ") + std::string(one.as_string());
  if (const bj::value* const shadow = reply.as_object().if_contains("shadow"))
    tried = "\n  only tried out, nothing of it is done:\n" + explained_text(*shadow, colours);
  if (policies.empty()) return "  No policy applies: the text goes as it is.\n" + tried;
  std::vector<std::vector<std::string>> rows;
  for (const bj::value& one : reply.at("spans").as_array())
    rows.push_back({std::to_string(integer_of(one, "start")),
                    std::to_string(integer_of(one, "end") - integer_of(one, "start")), text_of(one, "entity"),
                    fmt::format("{:.2f}", number_of(one, "score")), text_of(one, "do"), text_of(one, "with"),
                    text_of(one, "why")});
  std::string out = fmt::format("  {}\n", policies);
  if (rows.empty())
    out += "  nothing was found\n";
  else
    out += table({"from", "length", "entity", "score", "do", "with", "why"}, rows, colours);
  if (const std::string blocked = text_of(reply, "blocked"); !blocked.empty())
    out += fmt::format("\n  the call is refused, for {}\n", blocked);
  else
    out += fmt::format("\n{}\n", text_of(reply, "text"));
  if (const bj::value* const not_to = reply.as_object().if_contains("not_to")) {
    std::string names;
    for (const bj::value& one : not_to->as_array()) names += (names.empty() ? "" : ", ") + std::string(one.as_string());
    out += fmt::format("\n  not to {}\n", names);
  }
  if (const bj::value* const unanswered = reply.as_object().if_contains("unanswered"))
    for (const auto& [detector, why] : unanswered->as_object())
      out += fmt::format("\n  detector {} gave no answer: {}\n", std::string_view(detector),
                         std::string_view(why.as_string()));
  return out + tried;
}

Result<std::string> text_in(const std::string& file_name) {
  std::ifstream file;
  if (file_name != "-") file.open(file_name, std::ios::binary);
  std::istream& in = file_name == "-" ? std::cin : file;
  if (!in) return unreadable(file_name);
  return std::string(std::istreambuf_iterator<char>(in), {});
}

void decrypt_text(Context& context, const std::string& file_name) {
  const auto text = text_in(file_name);
  if (!text) return context.fail_with(text.error());
  const bj::value body = bj::object{{"text", *text}};
  answer(context, http::Method::kPost, "/api/v1/privacy/decrypt", &body,
         [](const bj::value& reply) { return text_of(reply, "text"); });
}

void explain_text(Context& context, const std::string& file_name, const std::string& model) {
  const auto text = text_in(file_name);
  if (!text) return context.fail_with(text.error());
  const bj::value body = bj::object{{"text", *text}, {"model", model}};
  answer(context, http::Method::kPost, "/api/v1/privacy/explain", &body,
         [&context](const bj::value& reply) { return explained_text(reply, context.colours()); });
}

void add_policies(CLI::App& noun, Context& context) {
  struct PolicyWords {
    std::string file, model, session;
  };
  const auto words = std::make_shared<PolicyWords>();
  CLI::App* const explaining =
      command(noun, context, "explain", "Show what the policies in force make of a text, and why",
              "fairlead privacy explain letter.txt --model support-reply");
  explaining->add_option("file", words->file, "The text; - for standard input")->required()->type_name("FILE");
  explaining->add_option("--model", words->model, "The prompt or model that it is sent to, as calls name it")
      ->required();
  explaining->callback([&context, words] { explain_text(context, words->file, words->model); });

  CLI::App* const opening = command(noun, context, "decrypt", "Open what a policy encrypted in a text",
                                    "fairlead privacy decrypt answer.txt");
  opening->add_option("file", words->file, "The text; - for standard input")->required()->type_name("FILE");
  opening->callback([&context, words] { decrypt_text(context, words->file); });

  CLI::App* const restoring =
      command(noun, context, "restore", "Give a text that was kept the originals of a session back",
              "fairlead privacy restore answer.txt --session s-4");
  restoring->add_option("file", words->file, "The text; - for standard input")->required()->type_name("FILE");
  restoring->add_option("--session", words->session, "The session, as records show it")->required();
  restoring->callback([&context, words] {
    const auto text = text_in(words->file);
    if (!text) return context.fail_with(text.error());
    const bj::value body = bj::object{{"session", words->session}, {"text", *text}};
    answer(context, http::Method::kPost, "/api/v1/privacy/restore", &body,
           [](const bj::value& reply) { return text_of(reply, "text"); });
  });

  CLI::App* const forgetting = destroying_command(
      noun, context, "forget", "Delete what stands behind the pseudonyms of a session", "fairlead privacy forget s-4");
  forgetting->add_option("session", words->session, "The session, as calls name it in `fairlead.session`")->required();
  forgetting->callback([&context, words] {
    if (!context.goes_on("Delete what stands behind the pseudonyms of session `" + words->session + "`?")) return;
    answer(context, http::Method::kDelete, "/api/v1/privacy/sessions/" + segment(words->session), nullptr,
           [words](const bj::value&) {
             return fmt::format("  what stood behind the pseudonyms of {} is deleted\n", words->session);
           });
  });
}

}  // namespace

void add_privacy(CLI::App& app, Context& context, const Hooks& hooks) {
  const auto words = std::make_shared<PrivacyWords>();
  CLI::App* const noun = app.add_subcommand("privacy", "Personal data in texts and calls");
  noun->require_subcommand(1);
  CLI::App* const verb = noun->add_subcommand("scan", "Find personal data and secrets in a text");
  verb->add_option("file", words->file, "The text; - for standard input")->required()->type_name("FILE");
  verb->add_flag("--jsonl", words->lines, "Lines of {id, text} in, {id, spans} out");
  verb->add_flag("--json", context.as_json, "Print JSON");
  verb->add_option("--threshold", words->threshold, "The least score that is shown (0.5)")->check(CLI::Range(0.0, 1.0));
  verb->add_option("--entities", words->entities, "Only these, with commas between")->delimiter(',')->type_name("A,B");
  verb->add_option("--regions", words->regions, "Where phone numbers without a country's code are from (US,GB,RU)")
      ->delimiter(',')
      ->type_name("A,B");
  verb->add_option("--options", words->options, "JSON file with what a scan request may say besides texts")
      ->type_name("FILE");
  verb->footer(
      "Nothing leaves this machine, and no server is needed.\nExample:\n  fairlead privacy scan letter.txt --entities "
      "CREDIT_CARD,RU_INN");
  verb->callback([&context, &hooks, words] { scan(context, hooks, *words); });
  add_policies(*noun, context);
}

}  // namespace fairlead::cli
