#include "serving/local_models.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <condition_variable>
#include <cstring>
#include <filesystem>
#include <mutex>
#include <thread>

#include "base/digest.h"
#include "serving/internal/supervised_model.h"

namespace fairlead::serving {
namespace {

using Directory = std::map<std::string, std::shared_ptr<const ModelStatus>>;

constexpr std::size_t kSocketPathLimit = 100;  // sun_path holds 108 bytes

// The folder for sockets. A data folder with a long name has no room for them: then one under /tmp, which ends with the
// process.
Result<std::string> make_run_folder(const std::string& wanted, bool& temporary) {
  temporary = wanted.size() + 24 > kSocketPathLimit;
  if (temporary) {
    char name[] = "/tmp/fairlead-XXXXXX";
    if (mkdtemp(name) != nullptr) return std::string(name);
  } else {
    std::error_code error;
    std::filesystem::create_directories(wanted, error);
    if (!error && chmod(wanted.c_str(), 0700) == 0) return wanted;
  }
  return fail(ErrorKind::kUnavailable, "run_folder",
              "The folder for local models' sockets, " + wanted + ", cannot be made: " + std::strerror(errno) + ".");
}

bool differs(const ModelStatus& a, const ModelStatus& b) {
  return a.state != b.state || a.progress != b.progress || a.message != b.message || a.origin != b.origin;
}

}  // namespace

std::string_view to_string(ModelState state) {
  static constexpr std::string_view kNames[] = {"loading", "ready", "restarting", "failed"};
  return kNames[static_cast<int>(state)];
}

// One thread that waits for every worker at once.
class LocalModels::Supervisor {
 public:
  Supervisor(LocalModelsOptions options, bool temporary_folder, int wake_fd)
      : options_(std::move(options)),
        temporary_folder_(temporary_folder),
        wake_fd_(wake_fd),
        thread_([this] { run(); }) {}
  ~Supervisor() {
    if (temporary_folder_) rmdir(options_.run_folder.c_str());
  }

  void want(std::vector<WantedModel> models) {
    {
      const std::lock_guard lock(mutex_);
      wanted_ = std::move(models);
      wanted_changed_ = true;
      // Seen by calls and by /readyz from now on, before the thread gets to it.
      auto next = std::make_shared<Directory>();
      const auto now = directory_.load();
      for (const WantedModel& model : wanted_) {
        const auto known = now->find(model.file);
        auto fresh = std::make_shared<ModelStatus>();
        fresh->file = model.file;
        (*next)[model.file] = known == now->end() ? std::move(fresh) : known->second;
      }
      directory_ = std::move(next);
    }
    wake();
  }

  std::shared_ptr<const Directory> directory() const { return directory_.load(); }

  void stop(std::chrono::milliseconds patience) {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
      patience_ = patience;
    }
    wake();
    if (thread_.joinable()) thread_.join();
  }

 private:
  void wake() {
    const std::uint64_t one = 1;
    // The counter can only be full if the thread has a wake-up to see already.
    (void)!write(wake_fd_.get(), &one, sizeof one);
  }

  void run();
  void take_wanted(SteadyTime now);
  void publish();
  void wait(SteadyTime until);
  std::string socket_of(const std::string& file) const {
    return options_.run_folder + "/" + sha256_hex(file).substr(0, 12) + ".sock";
  }

  LocalModelsOptions options_;
  bool temporary_folder_;
  Descriptor wake_fd_;
  std::mutex mutex_;
  std::vector<WantedModel> wanted_;
  bool wanted_changed_ = false;
  bool stopping_ = false;
  std::chrono::milliseconds patience_{0};
  std::atomic<std::shared_ptr<const Directory>> directory_{std::make_shared<const Directory>()};
  // The thread's own.
  std::map<std::string, std::unique_ptr<SupervisedModel>> models_;
  std::vector<std::unique_ptr<SupervisedModel>> leaving_;
  std::thread thread_;
};

void LocalModels::Supervisor::take_wanted(SteadyTime now) {
  std::vector<WantedModel> wanted;
  std::chrono::milliseconds patience{6'000};
  {
    const std::lock_guard lock(mutex_);
    if (stopping_) {
      patience = patience_;
    } else if (!std::exchange(wanted_changed_, false)) {
      return;
    } else {
      wanted = wanted_;
    }
  }
  std::map<std::string, std::unique_ptr<SupervisedModel>> next;
  for (const WantedModel& model : wanted) {
    auto known = models_.find(model.file);
    if (known != models_.end()) {
      known->second->want(model);
      next[model.file] = std::move(known->second);
      models_.erase(known);
    } else if (!next.contains(model.file)) {
      next[model.file] = std::make_unique<SupervisedModel>(options_, model, socket_of(model.file), [this] { wake(); });
    }
  }
  for (auto& [file, model] : models_) {
    model->stop(now, patience);
    leaving_.push_back(std::move(model));
  }
  models_ = std::move(next);
}

void LocalModels::Supervisor::publish() {
  const std::lock_guard lock(mutex_);
  if (wanted_changed_) return;  // want() has published what is to come
  const auto before = directory_.load();
  auto next = std::make_shared<Directory>();
  bool changed = before->size() != models_.size();
  for (const auto& [file, model] : models_) {
    const auto known = before->find(file);
    if (known != before->end() && !differs(*known->second, model->status())) {
      (*next)[file] = known->second;
    } else {
      (*next)[file] = std::make_shared<const ModelStatus>(model->status());
      changed = true;
    }
  }
  if (changed) directory_ = std::move(next);
}

void LocalModels::Supervisor::wait(SteadyTime until) {
  std::vector<int> descriptors{wake_fd_.get()};
  for (const auto& [file, model] : models_) model->add_descriptors(descriptors);
  for (const auto& model : leaving_) model->add_descriptors(descriptors);
  std::vector<pollfd> polled;
  for (const int fd : descriptors) polled.push_back({fd, POLLIN, 0});
  int timeout = -1;
  if (until != SteadyTime::max()) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
    timeout = static_cast<int>(std::clamp<std::int64_t>(left.count(), 0, 60'000));
  }
  poll(polled.data(), polled.size(), timeout);
  if ((polled.front().revents & POLLIN) != 0) {
    std::uint64_t count = 0;
    (void)!read(wake_fd_.get(), &count, sizeof count);
  }
}

void LocalModels::Supervisor::run() {
  for (;;) {
    const auto now = std::chrono::steady_clock::now();
    take_wanted(now);
    SteadyTime next = SteadyTime::max();
    for (const auto& [file, model] : models_) next = std::min(next, model->step(now));
    for (const auto& model : leaving_) next = std::min(next, model->step(now));
    std::erase_if(leaving_, [](const auto& model) { return model->stopped(); });
    publish();
    {
      const std::lock_guard lock(mutex_);
      if (stopping_ && models_.empty() && leaving_.empty()) return;
    }
    wait(next);
  }
}

Result<std::unique_ptr<LocalModels>> LocalModels::start(LocalModelsOptions options) {
  bool temporary = false;
  FAIRLEAD_TRY(options.run_folder, make_run_folder(options.run_folder, temporary));
  const int wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (wake_fd < 0)
    return fail(ErrorKind::kUnavailable, "run_folder", std::string("No event could be made: ") + std::strerror(errno));
  return std::unique_ptr<LocalModels>(
      new LocalModels(std::make_unique<Supervisor>(std::move(options), temporary, wake_fd)));
}

LocalModels::LocalModels(std::unique_ptr<Supervisor> supervisor) : supervisor_(std::move(supervisor)) {}
LocalModels::~LocalModels() {
  stop();
}

void LocalModels::want(std::vector<WantedModel> models) {
  supervisor_->want(std::move(models));
}
void LocalModels::stop(std::chrono::milliseconds patience) {
  supervisor_->stop(patience);
}

std::shared_ptr<const ModelStatus> LocalModels::find(const std::string& file) const {
  const auto directory = supervisor_->directory();
  const auto found = directory->find(file);
  return found == directory->end() ? nullptr : found->second;
}

std::vector<PartState> LocalModels::states() const {
  std::vector<PartState> out;
  const auto directory = supervisor_->directory();  // named: a temporary would end before the loop
  for (const auto& [file, status] : *directory) {
    out.push_back({"model " + file, status->state == ModelState::kReady, std::string(to_string(status->state)),
                   status->progress, status->message});
  }
  return out;
}

}  // namespace fairlead::serving
