#include <fmt/format.h>

#include "cli/internal/command.h"
#include "cli/internal/named.h"

namespace fairlead::cli {
namespace {

namespace bj = boost::json;

struct LabelsWords {
  std::string label, what, check, url, note, limit = "100";
  std::vector<std::string> checks;
  bool no_approval = false, passed = false, failed = false, all = false;
};

std::string listed(const bj::value& list, std::string_view member = {}) {
  std::string out;
  for (const bj::value& one : list.as_array()) {
    out += out.empty() ? "" : ", ";
    out += member.empty() ? std::string_view(one.as_string()) : std::string_view(one.at(member).as_string());
  }
  return out;
}

std::string takes(const bj::value& protection) {
  const std::string checks = listed(protection.at("checks"));
  std::string out = checks.empty() ? "" : "checks " + checks;
  if (protection.at("approval").as_bool())
    out += (out.empty() ? "" : "; ") + std::string("approval by a second person");
  return out;
}

std::string version_or_none(const bj::value& reply, std::string_view member) {
  const std::int64_t version = integer_of(reply, member);
  return version == 0 ? "none" : "v" + std::to_string(version);
}

void add_labels(CLI::App& app, Context& context, const std::shared_ptr<LabelsWords>& words) {
  CLI::App* const labels = app.add_subcommand("labels", "Which labels move only after checks and with approval");
  labels->require_subcommand(1);
  CLI::App* const list = command(*labels, context, "list", "List the protected labels", "fairlead labels list");
  list->callback([&context] {
    answer(context, http::Method::kGet, "/api/v1/labels", nullptr, [&](const bj::value& reply) {
      std::vector<std::vector<std::string>> rows;
      for (const bj::value& one : reply.at("data").as_array())
        rows.push_back({text_of(one, "label"), takes(one), text_of(one, "set_by"), local_time(text_of(one, "set_at"))});
      return table({"label", "takes", "set by", "when"}, rows, context.colours());
    });
  });
  CLI::App* const protect = command(*labels, context, "protect", "Let a label move only after checks and with approval",
                                    "fairlead labels protect production --checks evals,smoke");
  protect->add_option("label", words->label, "The label")->required();
  protect->add_option("--checks", words->checks, "Checks that a version must have passed")->delimiter(',');
  protect->add_flag("--no-approval", words->no_approval, "Ask for the checks alone");
  protect->callback([&context, words] {
    const bj::value body = bj::object{{"approval", !words->no_approval},
                                      {"checks", bj::array(words->checks.begin(), words->checks.end())}};
    answer(context, http::Method::kPut, "/api/v1/labels/" + segment(words->label), &body, [&](const bj::value& reply) {
      return fmt::format("  {} is protected: {}   audit #{}\n", words->label, takes(reply), integer_of(reply, "audit"));
    });
  });
  CLI::App* const unprotect =
      command(*labels, context, "unprotect", "Let a label move as before", "fairlead labels unprotect production");
  unprotect->add_option("label", words->label, "The label")->required();
  unprotect->callback([&context, words] {
    answer(context, http::Method::kDelete, "/api/v1/labels/" + segment(words->label), nullptr,
           [&](const bj::value& reply) {
             return fmt::format("  {} is not protected any more   audit #{}\n", words->label,
                                integer_of(reply, "audit"));
           });
  });
}

void add_checks(CLI::App& app, Context& context, const std::shared_ptr<LabelsWords>& words) {
  CLI::App* const checks = app.add_subcommand("checks", "How versions did in checks");
  checks->require_subcommand(1);
  CLI::App* const add = command(*checks, context, "add", "Say how a version did in a check",
                                "fairlead checks add support-reply@4 evals --passed --url https://ci.example/runs/77");
  add->add_option("what", words->what, "NAME@REF, with KIND/ in front if the name is not unique")->required();
  add->add_option("check", words->check, "The check's name")->required();
  auto* const passed = add->add_flag("--passed", words->passed, "It passed");
  add->add_flag("--failed", words->failed, "It failed")->excludes(passed);
  add->add_option("--url", words->url, "Where to read more");
  add->add_option("--note", words->note, "What to know of it");
  add->callback([&context, words] {
    Named named = Named::of(words->what);
    if (named.ref.empty() || words->passed == words->failed)
      return context.fail_with(Error{ErrorKind::kInvalid, "invalid_value",
                                     "Write NAME@VERSION, and one of --passed and --failed: fairlead checks add " +
                                         named.name + "@4 " + words->check + " --passed"});
    if (auto found = find_kind(context, named); !found) return context.fail_with(found.error());
    const bj::value body = bj::object{{"ref", named.ref},
                                      {"name", words->check},
                                      {"passed", words->passed},
                                      {"url", words->url},
                                      {"note", words->note}};
    answer(context, http::Method::kPost, path_of(named) + "/checks", &body, [&](const bj::value& reply) {
      return fmt::format("  {}@{}: {} {}\n", named.name, integer_of(reply, "version"), words->check,
                         words->passed ? "passed" : "failed");
    });
  });
  CLI::App* const list =
      command(*checks, context, "list", "List the checks of a version", "fairlead checks list support-reply@4");
  list->add_option("what", words->what, "NAME@REF; without REF the version in force")->required();
  list->callback([&context, words] {
    Named named = Named::of(words->what);
    if (auto found = find_kind(context, named); !found) return context.fail_with(found.error());
    answer(context, http::Method::kGet, path_of(named) + "/checks" + query_string({{"ref", named.ref}}), nullptr,
           [&](const bj::value& reply) {
             std::vector<std::vector<std::string>> rows;
             for (const bj::value& one : reply.at("data").as_array())
               rows.push_back({text_of(one, "check"), one.at("passed").as_bool() ? "passed" : "failed",
                               text_of(one, "author"), local_time(text_of(one, "at")), text_of(one, "url"),
                               text_of(one, "note")});
             return table({"check", "result", "by", "when", "url", "note"}, rows, context.colours());
           });
  });
}

void decide(Context& context, const LabelsWords& words, const std::string& verb) {
  const bj::value body = bj::object{{"note", words.note}};
  answer(context, http::Method::kPost, "/api/v1/approvals/" + segment(words.what) + "/" + verb, &body,
         [&](const bj::value& reply) {
           if (verb != "approve")
             return fmt::format("  {}@{} → {}: {}\n", text_of(reply, "name"), integer_of(reply, "to"),
                                text_of(reply, "label"), text_of(reply, "state"));
           const std::string label = text_of(reply, "label");
           return moved_label(reply, "fairlead rollback " + text_of(reply, "name") +
                                         (label == "production" ? "" : " --label " + label));
         });
}

void add_deciding(CLI::App& app, Context& context, const std::shared_ptr<LabelsWords>& words) {
  CLI::App* const approvals = app.add_subcommand("approvals", "Promotions that wait for a second person");
  approvals->require_subcommand(1);
  CLI::App* const list = command(*approvals, context, "list", "List them", "fairlead approvals list");
  list->add_flag("--all", words->all, "Those that were decided, too");
  list->add_option("--limit", words->limit, "At most this many")->capture_default_str();
  list->callback([&context, words] {
    const std::string target =
        "/api/v1/approvals" + query_string({{"all", words->all ? "true" : ""}, {"limit", words->limit}});
    answer(context, http::Method::kGet, target, nullptr, [&](const bj::value& reply) {
      std::vector<std::vector<std::string>> rows;
      for (const bj::value& one : reply.at("data").as_array())
        rows.push_back(
            {text_of(one, "id"), text_of(one, "kind") + "/" + text_of(one, "name"),
             text_of(one, "label") + ": " + version_or_none(one, "from") + " → " + version_or_none(one, "to"),
             text_of(one, "state"), text_of(one, "asked_by"), local_time(text_of(one, "asked_at")),
             text_of(one, "message"), text_of(one, "decided_by"), text_of(one, "note")});
      return table({"id", "resource", "move", "state", "asked by", "when", "message", "decided by", "note"}, rows,
                   context.colours());
    });
  });
  const std::pair<const char*, const char*> kVerbs[] = {
      {"approve", "Approve a promotion that waits, and move the label"},
      {"reject", "Reject a promotion that waits"},
      {"withdraw", "Take back a promotion that waits, and that you asked for"}};
  for (const auto& [verb, what] : kVerbs) {
    const std::string name = verb;
    CLI::App* const one =
        command(app, context, name, what, "fairlead " + name + " 01JD4N --note \"read it with Olga\"");
    one->add_option("id", words->what, "The request, or the beginning of its id that is unique")->required();
    one->add_option("--note", words->note, "Why; kept with the decision");
    one->callback([&context, words, name] { decide(context, *words, name); });
  }
}

}  // namespace

void add_label_commands(CLI::App& app, Context& context) {
  const auto words = std::make_shared<LabelsWords>();
  add_labels(app, context, words);
  add_checks(app, context, words);
  add_deciding(app, context, words);
}

}  // namespace fairlead::cli
