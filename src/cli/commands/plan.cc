#include <filesystem>
#include <fstream>
#include <sstream>

#include "cli/internal/command.h"

namespace fairlead::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::uintmax_t kLargestFile = 1 << 20;
constexpr std::uintmax_t kLargestProject = 9 << 20;  // the server's body limit less what JSON adds

bool is_text_file(const fs::path& path) {
  const std::string extension = path.extension().string();
  for (const char* one : {".yaml", ".yml", ".md", ".txt", ".j2", ".json", ".jsonl"})
    if (extension == one) return true;
  return false;
}

Result<boost::json::object> read_project(const std::string& folder) {
  std::error_code error;
  if (!fs::is_directory(folder, error))
    return fail(ErrorKind::kInvalid, "no_such_folder",
                folder + " is not a folder. Give the folder that holds the project's files.");
  boost::json::object files;
  std::uintmax_t total = 0;
  for (fs::recursive_directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    const std::string name = it->path().filename().string();
    if (name.starts_with(".")) {
      if (it->is_directory(error)) it.disable_recursion_pending();
      continue;
    }
    if (!it->is_regular_file(error) || !is_text_file(it->path())) continue;
    const std::uintmax_t size = it->file_size(error);
    if (error || size > kLargestFile)
      return fail(ErrorKind::kInvalid, "file_too_large",
                  it->path().string() + " is over 1 MiB; a project holds text that people wrote.");
    if ((total += size) > kLargestProject)
      return fail(ErrorKind::kInvalid, "project_too_large",
                  folder + " holds more than 9 MiB of text; is it the right folder?");
    std::ifstream in(it->path(), std::ios::binary);
    std::ostringstream text;
    text << in.rdbuf();
    if (!in) return fail(ErrorKind::kInvalid, "unreadable_file", it->path().string() + " cannot be read.");
    files[fs::relative(it->path(), folder).generic_string()] = text.str();
  }
  if (error) return fail(ErrorKind::kInvalid, "unreadable_folder", folder + ": " + error.message());
  if (files.empty()) return fail(ErrorKind::kInvalid, "empty_project", folder + " holds no YAML file.");
  return files;
}

void send(Context& context, const std::string& verb, const std::string& folder, const std::string& message) {
  auto files = read_project(folder);
  if (!files) return context.fail_with(files.error());
  boost::json::object body{{"files", std::move(*files)}};
  if (!message.empty()) body["message"] = message;
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
}

}  // namespace

void add_plan_and_apply(CLI::App& app, Context& context) {
  struct Words {
    std::string folder, message;
  };
  const auto words = std::make_shared<Words>();
  CLI::App* const plan = command(app, context, "plan", "Show what apply would change", "fairlead plan support-bot");
  plan->add_option("folder", words->folder, "The project's folder")->required();
  plan->callback([&context, words] { send(context, "plan", words->folder, ""); });

  CLI::App* const apply = command(app, context, "apply", "Make a folder's resources the project's newest versions",
                                  "fairlead apply support-bot -m \"No promises before the claim is checked\"");
  apply->add_option("folder", words->folder, "The project's folder")->required();
  apply->add_option("-m,--message", words->message, "Why; kept with every version that this makes");
  apply->callback([&context, words] { send(context, "apply", words->folder, words->message); });
}

}  // namespace fairlead::cli
