#include "app/paths.h"

#include <sys/stat.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "platform/config/project_text.h"

namespace fairlead::app {
namespace fs = std::filesystem;

Result<void> make_private_folder(const std::string& path) {
  std::error_code error;
  const fs::path parent = fs::absolute(path, error).parent_path();
  if (!fs::exists(path, error)) {
    fs::create_directories(parent, error);
    if (error || mkdir(path.c_str(), 0700) != 0)
      return fail(ErrorKind::kInvalid, "data_folder",
                  "The data folder " + path + " cannot be made: " + (error ? error.message() : std::strerror(errno)) +
                      ". Give another with --data.");
  }
  if (!fs::is_directory(path, error))
    return fail(ErrorKind::kInvalid, "data_folder", path + " is not a folder. Give another with --data.");
  return {};
}

Result<resources::Files> read_project_folder(const std::string& folder) {
  std::error_code error;
  if (!fs::is_directory(folder, error))
    return fail(ErrorKind::kInvalid, "project_folder", "The project " + folder + " is not a folder.");
  resources::Files files;
  for (fs::recursive_directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    if (it->path().filename().string().starts_with(".")) {
      if (it->is_directory(error)) it.disable_recursion_pending();
      continue;
    }
    if (!config::is_project_text(it->path().native()) || !it->is_regular_file(error)) continue;
    std::ifstream in(it->path(), std::ios::binary);
    std::ostringstream content;
    content << in.rdbuf();
    if (!in) return fail(ErrorKind::kInvalid, "project_folder", it->path().string() + " cannot be read.");
    files[fs::relative(it->path(), folder).generic_string()] = content.str();
  }
  if (error) return fail(ErrorKind::kInvalid, "project_folder", folder + ": " + error.message());
  return files;
}

std::vector<std::string> bundled_model_folders() {
  std::string cache;
  if (const char* const named = std::getenv("FAIRLEAD_CACHE"))
    cache = named;
  else if (const char* const xdg = std::getenv("XDG_CACHE_HOME"))
    cache = std::string(xdg) + "/fairlead";
  else if (const char* const home = std::getenv("HOME"))
    cache = std::string(home) + "/.cache/fairlead";
  if (cache.empty()) return {};
  return {cache + "/deps/smollm2"};
}

async::Task<void> answer_health(http::Exchange& exchange) {
  co_await exchange.respond(200, "text/plain", "ok\n");
}

}  // namespace fairlead::app
