#include "cli/internal/command.h"
#include "cli/internal/folder.h"

namespace fairlead::cli {
namespace {

struct PlanWords {
  std::string folder, message;
  bool overwrite = false;
};

// Where each resource of the folder stands now.
boost::json::object known_from(const boost::json::value& reply) {
  boost::json::object known;
  for (const boost::json::value& change : reply.at("changes").as_array())
    known[text_of(change, "kind") + "/" + text_of(change, "name")] = text_of(change, "digest");
  return known;
}

void send(Context& context, const std::string& verb, const PlanWords& words) {
  auto files = read_folder(words.folder);
  if (!files) return context.fail_with(files.error());
  boost::json::object body{{"files", std::move(*files)}, {"folder", true}};
  if (words.overwrite) body["overwrite"] = true;
  if (!words.message.empty()) body["message"] = words.message;
  const boost::json::value value = std::move(body);
  auto reply = context.call(http::Method::kPost, "/api/v1/" + verb, &value);
  if (!reply) {
    if (reply.error().code == "invalid_resources") {  // its faults have been printed
      if (verb == "apply") std::fputs("nothing was applied\n", stderr);
      context.exit_status = kUsage;
      return;
    }
    return context.fail_with(reply.error());
  }
  const std::string text =
      context.as_json ? json::to_pretty_text(*reply) + "\n" : change_set(*reply, context.colours());
  std::fputs(text.c_str(), stdout);
  if (verb != "apply") return;
  if (!context.as_json && integer_of(reply->at("summary"), "changed") > 0)
    std::fputs(("  (undo: fairlead apply " + words.folder + ", with its files as they were)\n").c_str(), stdout);
  // A pipeline may have no right to write here; its versions are known by its name.
  if (auto written = write_lock(words.folder, known_from(*reply)); !written)
    std::fprintf(stderr, "applied, but %s\n", written.error().message.c_str());
}

}  // namespace

void add_plan_and_apply(CLI::App& app, Context& context) {
  const auto words = std::make_shared<PlanWords>();
  CLI::App* const plan = command(app, context, "plan", "Show what apply would change", "fairlead plan support-bot");
  plan->add_option("folder", words->folder, "The project's folder")->required();
  plan->callback([&context, words] { send(context, "plan", *words); });

  CLI::App* const apply = command(app, context, "apply", "Make a folder's resources the project's newest versions",
                                  "fairlead apply support-bot -m \"No promises before the claim is checked\"");
  apply->add_option("folder", words->folder, "The project's folder")->required();
  apply->add_option("-m,--message", words->message, "Why; kept with every version that this makes");
  apply->add_flag("--overwrite", words->overwrite, "Go over versions that the folder is not made from");
  apply->callback([&context, words] { send(context, "apply", *words); });
}

}  // namespace fairlead::cli
