#include "models/model_files.h"

#include <sys/stat.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_future.hpp>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <map>
#include <mutex>
#include <optional>

#include "models/internal/digest_cache.h"
#include "models/internal/fetch.h"
#include "models/internal/log.h"
#include "models/internal/part_file.h"
#include "platform/async/runtime.h"
#include "platform/async/task_group.h"
#include "platform/http/message.h"

namespace fairlead::models {
namespace {

namespace fs = std::filesystem;
constexpr std::string_view kSuffix = ".gguf";

bool is_name(std::string_view name) {
  constexpr std::string_view kOthers = "._+-";
  if (name.size() > 200 || name.size() <= kSuffix.size() || !name.ends_with(kSuffix) || kOthers.contains(name.front()))
    return false;
  return std::ranges::all_of(name, [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || kOthers.contains(c);
  });
}

bool is_url(std::string_view source) {
  return source.starts_with("http://") || source.starts_with("https://");
}

std::string name_of(const std::string& source) {
  std::string path = source;
  if (is_url(source)) {
    path = path.substr(0, path.find_first_of("?#"));
    path = http::percent_decode(path.substr(path.find("://") + 3));
  }
  return path.substr(path.rfind('/') + 1);
}

Result<std::string> checked_digest(std::string text) {
  for (char& c : text) {
    if (c >= 'A' && c <= 'F') c = static_cast<char>(c - 'A' + 'a');
  }
  const bool hex = text.find_first_not_of("0123456789abcdef") == std::string::npos;
  if (!text.empty() && (text.size() != 64 || !hex)) {
    return fail(ErrorKind::kInvalid, "invalid_sha256", "`sha256` must be 64 hexadecimal digits.", "sha256");
  }
  return text;
}

}  // namespace

std::string_view to_string(FileState state) {
  static constexpr std::string_view kNames[] = {"ready", "fetching", "failed"};
  return kNames[static_cast<int>(state)];
}

class ModelFiles::Store {
 public:
  explicit Store(ModelFilesOptions options)
      : options_(std::move(options)), digests_(options_.folder + "/.digests.json") {}
  ~Store();

  Result<std::string> locate(const std::string& file) const;
  std::vector<ModelFile> list() const;
  Result<ModelFile> add(const std::string& source, const std::string& sha256, const std::string& name);
  DigestCache& digests() { return digests_; }

 private:
  struct Job {
    std::string file, source, wanted;
    std::string existing;  // path of a file of that name that is there already
    FetchProgress progress;
    FileState state = FileState::kFetching;
    std::string error;
    async::Cancellation cancellation;  // the fetching loop's
    ModelFile entry() const { return {file, progress.total, {}, state, progress.fetched, error}; }
  };
  // The thread that fetches, and those that copy and hash: made when something is first added.
  struct Engine {
    async::Runtime runtime{1};
    async::BlockingPool pool{2};
    async::TaskGroup tasks{runtime.loop(0).executor()};
    std::unique_ptr<http::Client> client;
  };

  std::string path_of(const std::string& file) const { return options_.folder + "/" + file; }
  Result<void> start_engine();
  async::Task<void> run(std::shared_ptr<Job> job);
  async::Task<Result<std::string>> fetch(std::shared_ptr<Job> job);
  Result<std::string> check_existing(const Job& job);
  void list_folder(const std::string& folder, std::map<std::string, ModelFile>& out) const;

  ModelFilesOptions options_;
  DigestCache digests_;
  mutable std::mutex mutex_;
  std::map<std::string, std::shared_ptr<Job>> jobs_;
  std::atomic<bool> cancelled_{false};
  std::unique_ptr<Engine> engine_;
};

ModelFiles::Store::~Store() {
  if (!engine_) return;
  cancelled_ = true;
  async::Loop& loop = engine_->runtime.loop(0);
  loop.post([this] {
    const std::lock_guard lock(mutex_);
    for (const auto& [file, job] : jobs_) job->cancellation.request();
  });
  boost::asio::co_spawn(loop.executor(), engine_->tasks.join(), boost::asio::use_future).wait();
  engine_->runtime.stop();
  engine_->client.reset();
}

Result<std::string> ModelFiles::Store::locate(const std::string& file) const {
  std::error_code error;
  if (is_name(file)) {
    if (fs::is_regular_file(path_of(file), error)) return path_of(file);
    for (const std::string& folder : options_.extra_folders) {
      if (fs::is_regular_file(folder + "/" + file, error)) return folder + "/" + file;
    }
  }
  return fail(
      ErrorKind::kNotFound, "model_file_not_found",
      "The model file `" + file + "` is not in " + options_.folder + ". Add it with: fairlead models add FILE-OR-URL");
}

void ModelFiles::Store::list_folder(const std::string& folder, std::map<std::string, ModelFile>& out) const {
  std::error_code error;
  for (fs::directory_iterator each(folder, error), end; !error && each != end; each.increment(error)) {
    std::string name = each->path().filename().string();
    std::error_code unreadable;
    const std::uint64_t bytes = each->file_size(unreadable);
    if (unreadable) continue;
    if (is_name(name)) {
      out.try_emplace(
          name,
          ModelFile{name, bytes, digests_.known(each->path().string()).value_or(""), FileState::kReady, bytes, {}});
    } else if (name.ends_with(".part") && is_name(name.substr(0, name.size() - 5)) && folder == options_.folder) {
      name.resize(name.size() - 5);
      out.try_emplace(name,
                      ModelFile{name, 0, {}, FileState::kFailed, bytes, "It was broken off. Add it again to go on."});
    }
  }
}

std::vector<ModelFile> ModelFiles::Store::list() const {
  std::map<std::string, ModelFile> found;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [file, job] : jobs_) found.emplace(file, job->entry());
  }
  list_folder(options_.folder, found);
  for (const std::string& folder : options_.extra_folders) list_folder(folder, found);
  std::vector<ModelFile> out;
  for (auto& [file, entry] : found) out.push_back(std::move(entry));
  return out;
}

Result<void> ModelFiles::Store::start_engine() {
  if (engine_) return {};
  auto engine = std::make_unique<Engine>();
  http::ClientOptions client;
  client.ca_file = options_.ca_file;
  FAIRLEAD_TRY(engine->client, http::Client::create(engine->runtime.loop(0), engine->pool, std::move(client)));
  engine->runtime.start();
  engine_ = std::move(engine);
  return {};
}

Result<ModelFile> ModelFiles::Store::add(const std::string& source, const std::string& sha256,
                                         const std::string& name) {
  if (!is_url(source) && !source.starts_with('/')) {
    return fail(ErrorKind::kInvalid, "invalid_source", "`source` must be an absolute path or an http(s) URL.",
                "source");
  }
  if (source.find_first_of("\r\n") != std::string::npos) {
    return fail(ErrorKind::kInvalid, "invalid_source", "`source` must be one line.", "source");
  }
  FAIRLEAD_TRY(const std::string wanted, checked_digest(sha256));
  const std::string file = name.empty() ? name_of(source) : name;
  if (!is_name(file)) {
    return fail(ErrorKind::kInvalid, "invalid_name",
                "A model file's name has letters, digits and . _ + -, at most 200 of them, and ends in .gguf; give one "
                "as `name`.",
                "name");
  }
  const auto existing = locate(file);
  const std::lock_guard lock(mutex_);
  if (const auto running = jobs_.find(file); running != jobs_.end() && running->second->state == FileState::kFetching) {
    if (running->second->source == source) return running->second->entry();
    return fail(ErrorKind::kConflict, "model_file_busy", "`" + file + "` is being fetched from another source.",
                "name");
  }
  if (existing) {
    const auto known = digests_.known(*existing);
    if (wanted.empty() || (known && *known != wanted)) {
      return fail(ErrorKind::kConflict, "model_file_exists",
                  "There is a model file `" + file + "` already" +
                      (known ? ", with SHA-256 " + *known : std::string()) + ". Give another `name`.",
                  "name");
    }
    if (known)
      return ModelFile{file, fs::file_size(*existing), *known, FileState::kReady, fs::file_size(*existing), {}};
  }
  FAIRLEAD_CHECK(start_engine());
  auto job = std::make_shared<Job>();
  job->file = file;
  job->source = source;
  job->wanted = wanted;
  job->existing = existing.value_or("");
  jobs_[file] = job;
  engine_->runtime.loop(0).post([this, job] { engine_->tasks.spawn(run(job)); });
  return job->entry();
}

// A file of that name is there, and its digest was not known when it was asked for.
Result<std::string> ModelFiles::Store::check_existing(const Job& job) {
  FAIRLEAD_TRY(std::string made, digests_.digest(job.existing, cancelled_));
  if (made == job.wanted) return made;
  return fail(ErrorKind::kConflict, "model_file_exists",
              "There is a model file `" + job.file + "` already, with SHA-256 " + made + ". Give another name.");
}

// GCC 12 destroys the captures of a lambda within a co_await expression twice: tasks are made first, and awaited then.
async::Task<Result<std::string>> ModelFiles::Store::fetch(std::shared_ptr<Job> job) {
  if (!job->existing.empty()) {
    auto checking = engine_->pool.run([this, job] { return check_existing(*job); });
    auto checked = co_await std::move(checking);
    co_return checked;
  }
  auto opened = PartFile::open(path_of(job->file), job->source);
  if (!opened) co_return fail(std::move(opened).error());
  auto part = std::make_shared<PartFile>(*std::move(opened));
  Result<void> filled;
  if (is_url(job->source)) {
    filled = co_await fetch_url(*engine_->client, job->source, *part, job->progress, job->cancellation);
  } else {
    auto copying =
        engine_->pool.run([this, job, part] { return copy_file(job->source, *part, job->progress, cancelled_); });
    filled = co_await std::move(copying);
  }
  if (!filled) co_return fail(std::move(filled).error());
  auto finishing = engine_->pool.run([this, job, part] {
    auto made = part->finish(job->wanted, cancelled_);
    if (made) digests_.remember(path_of(job->file), *made);
    return made;
  });
  auto finished = co_await std::move(finishing);
  co_return finished;
}

async::Task<void> ModelFiles::Store::run(std::shared_ptr<Job> job) {
  auto fetched = co_await fetch(job);
  const std::lock_guard lock(mutex_);
  if (fetched) {
    kLog.info("model file is there", {{"file", job->file}, {"sha256", *fetched}});
    jobs_.erase(job->file);
  } else if (!cancelled_) {
    kLog.warning("model file was not fetched", {{"file", job->file}, {"reason", fetched.error().message}});
    job->state = FileState::kFailed;
    job->error = fetched.error().message;
  }
}

Result<std::unique_ptr<ModelFiles>> ModelFiles::open(ModelFilesOptions options) {
  std::error_code error;
  fs::create_directories(options.folder, error);
  if (error || !fs::is_directory(options.folder, error)) {
    return fail(ErrorKind::kUnavailable, "model_folder",
                "The folder for model files, " + options.folder + ", cannot be made: " + error.message() + ".");
  }
  return std::unique_ptr<ModelFiles>(new ModelFiles(std::make_unique<Store>(std::move(options))));
}

ModelFiles::ModelFiles(std::unique_ptr<Store> store) : store_(std::move(store)) {}
ModelFiles::~ModelFiles() = default;

Result<std::string> ModelFiles::locate(const std::string& file) const {
  return store_->locate(file);
}
std::vector<ModelFile> ModelFiles::list() const {
  return store_->list();
}
Result<std::string> ModelFiles::digest(const std::string& path, const std::atomic<bool>& cancelled) {
  return store_->digests().digest(path, cancelled);
}
Result<ModelFile> ModelFiles::add(const std::string& source, const std::string& sha256, const std::string& name) {
  return store_->add(source, sha256, name);
}

}  // namespace fairlead::models
