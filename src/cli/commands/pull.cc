#include <fmt/format.h>

#include <filesystem>

#include "cli/internal/command.h"
#include "cli/internal/folder.h"

namespace fairlead::cli {
namespace {

namespace fs = std::filesystem;

// A path that the server gave must stay below the folder.
bool is_safe(const fs::path& path) {
  if (path.empty() || path.is_absolute()) return false;
  for (const fs::path& part : path)
    if (part == "..") return false;
  return true;
}

// What became of each resource that differs.
std::string shown(const boost::json::value& written) {
  std::string out;
  for (const boost::json::value& one : written.as_array()) {
    const std::string how = text_of(one, "how");
    const bool kept = how == "kept";
    out += fmt::format("  {} {}/{}   v{}   {}",
                       kept           ? "!"
                       : how == "new" ? "+"
                                      : "~",
                       text_of(one, "kind"), text_of(one, "name"), integer_of(one, "version"), text_of(one, "file"));
    if (kept) out += "   has edits that the server does not know: left as it is";
    if (how == "rewritten") out += "   written anew: its comments are gone";
    out += "\n";
  }
  return out;
}

void pull(Context& context, const std::string& folder, bool yes) {
  std::error_code error;
  boost::json::object body{{"files", boost::json::object()}, {"overwrite", yes}};
  if (fs::exists(folder, error)) {
    auto files = read_folder(folder);
    if (files) {
      body["files"] = *std::move(files);
    } else if (files.error().code != "empty_project") {
      return context.fail_with(files.error());
    }
  }
  const boost::json::value value = std::move(body);
  auto reply = context.call(http::Method::kPost, "/api/v1/pull", &value);
  if (!reply) return context.fail_with(reply.error());
  const boost::json::object& files = reply->at("files").as_object();
  for (const auto& [name, text] : files)
    if (!is_safe(fs::path(std::string(name))))
      return context.fail_with(Error{ErrorKind::kUpstream, "unsafe_path",
                                     "The server named a file outside of the folder: " + std::string(name)});
  for (const auto& [name, text] : files)
    if (auto done = write_file(folder / fs::path(std::string(name)), std::string(text.as_string())); !done)
      return context.fail_with(done.error());
  if (auto done = write_lock(folder, reply->at("known").as_object()); !done) return context.fail_with(done.error());
  if (context.as_json) {
    std::fputs((json::to_pretty_text(*reply) + "\n").c_str(), stdout);
    return;
  }
  std::fputs(shown(reply->at("written")).c_str(), stdout);
  const std::int64_t kept = integer_of(*reply, "kept");
  std::printf("  %zu files written, %lld resources as they are.\n", files.size(),
              static_cast<long long>(integer_of(*reply, "same")));
  if (kept == 0) return;
  std::fprintf(stderr, "Resources marked ! were not written. Apply them, or pass --yes to lose those edits.\n");
  context.exit_status = kFailed;
}

}  // namespace

void add_pull(CLI::App& app, Context& context) {
  struct PullWords {
    std::string folder;
    bool yes = false;
  };
  const auto words = std::make_shared<PullWords>();
  CLI::App* const out =
      command(app, context, "pull", "Write the project's newest versions into a folder", "fairlead pull support-bot");
  out->add_option("folder", words->folder, "The project's folder; made if it is not there")->required();
  out->add_flag("--yes", words->yes, "Write over edits that the server does not know");
  out->callback([&context, words] { pull(context, words->folder, words->yes); });
}

}  // namespace fairlead::cli
