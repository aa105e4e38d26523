#include <filesystem>
#include <fstream>
#include <sstream>

#include "cli/internal/command.h"

namespace fairlead::cli {
namespace {

namespace fs = std::filesystem;

std::string content(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

// A path that the server gave must stay below the folder.
bool is_safe(const fs::path& path) {
  if (path.empty() || path.is_absolute()) return false;
  for (const fs::path& part : path)
    if (part == "..") return false;
  return true;
}

Result<void> write(const fs::path& path, const std::string& text) {
  std::error_code error;
  fs::create_directories(path.parent_path(), error);
  const fs::path part = path.string() + ".part";
  {
    std::ofstream out(part, std::ios::binary | std::ios::trunc);
    out << text;
    if (!out.flush()) return fail(ErrorKind::kInternal, "write_failed", path.string() + " cannot be written.");
  }
  fs::rename(part, path, error);
  if (error) return fail(ErrorKind::kInternal, "write_failed", path.string() + ": " + error.message());
  return {};
}

void pull(Context& context, const std::string& folder, bool yes) {
  auto reply = context.call(http::Method::kGet, "/api/v1/pull");
  if (!reply) return context.fail_with(reply.error());
  if (context.as_json) {
    std::fputs((json::to_pretty_text(*reply) + "\n").c_str(), stdout);
    return;
  }
  std::vector<std::pair<fs::path, std::string>> changed;
  bool overwrites = false;
  int same = 0;
  for (const auto& [name, text] : reply->at("files").as_object()) {
    const fs::path relative{std::string(name)};
    if (!is_safe(relative))
      return context.fail_with(Error{ErrorKind::kUpstream, "unsafe_path",
                                     "The server named a file outside of the folder: " + std::string(name)});
    const fs::path path = folder / relative;
    std::string wanted(text.as_string());
    std::error_code error;
    const bool exists = fs::exists(path, error);
    if (exists && content(path) == wanted) {
      ++same;
      continue;
    }
    overwrites |= exists;
    std::printf("  %s %s\n", exists ? "~" : "+", path.string().c_str());
    changed.emplace_back(path, std::move(wanted));
  }
  if (overwrites && !yes)
    return context.fail_with(
        Error{ErrorKind::kInvalid, "would_overwrite",
              "Files marked ~ differ from the server's; nothing was written. Pass --yes to overwrite them."});
  for (const auto& [path, text] : changed)
    if (auto written = write(path, text); !written) return context.fail_with(written.error());
  std::printf("  %zu written, %d as they are.\n", changed.size(), same);
}

}  // namespace

void add_pull(CLI::App& app, Context& context) {
  struct Words {
    std::string folder;
    bool yes = false;
  };
  const auto words = std::make_shared<Words>();
  CLI::App* const out =
      command(app, context, "pull", "Write the project's newest versions into a folder", "fairlead pull support-bot");
  out->add_option("folder", words->folder, "The project's folder; made if it is not there")->required();
  out->add_flag("--yes", words->yes, "Overwrite files that differ");
  out->callback([&context, words] { pull(context, words->folder, words->yes); });
}

}  // namespace fairlead::cli
