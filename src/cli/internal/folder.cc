#include "cli/internal/folder.h"

#include <fstream>
#include <map>
#include <sstream>

#include "platform/config/project_text.h"
#include "platform/json/text.h"

namespace fairlead::cli {

namespace fs = std::filesystem;

namespace {

constexpr std::uintmax_t kLargestFile = 1 << 20;
constexpr std::uintmax_t kLargestProject = 9 << 20;  // the server's body limit less what JSON adds

}  // namespace

Result<boost::json::object> read_folder(const std::string& folder) {
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
    if (!it->is_regular_file(error) || !config::is_project_text(name)) continue;
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

std::string content_of(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

Result<void> write_file(const fs::path& path, const std::string& text) {
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

Result<void> write_lock(const fs::path& folder, const boost::json::object& known) {
  const fs::path path = folder / kLockFile;
  std::map<std::string, boost::json::value> digests;
  const std::string before = content_of(path);
  if (const auto parsed = json::parse(before); parsed && parsed->is_object())
    for (const auto& [name, digest] : parsed->get_object()) digests[name] = digest;
  for (const auto& [name, digest] : known) digests[name] = digest;
  std::string text = "{";  // one a line, so that two branches merge
  for (const auto& [name, digest] : digests)
    text += (text.size() > 1 ? ",\n  " : "\n  ") + json::quoted(name) + ": " + json::to_text(digest);
  text += digests.empty() ? "}\n" : "\n}\n";
  return text == before ? Result<void>{} : write_file(path, text);
}

}  // namespace fairlead::cli
