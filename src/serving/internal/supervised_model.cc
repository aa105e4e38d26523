#include "serving/internal/supervised_model.h"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "serving/internal/logger.h"
#include "serving/worker.h"

namespace fairlead::serving {
namespace {

constexpr std::chrono::milliseconds kFirstBackoff{100};
constexpr std::chrono::milliseconds kLastBackoff{10'000};
constexpr std::chrono::seconds kWell{60};  // ready for so long: earlier deaths are forgotten
constexpr std::chrono::seconds kLook{1};   // between looks for a file that was missing or bad
constexpr int kLoadAttempts = 3;           // deaths while loading, before the file is held to be at fault

}  // namespace

DigestCheck::DigestCheck(const LocalModelsOptions& options, std::string path, std::function<void()> on_done)
    : thread_([this, digest = options.digest, path = std::move(path), on_done = std::move(on_done)] {
        Result<std::string> made = digest(path, cancelled_);
        {
          const std::lock_guard lock(mutex_);
          result_ = std::move(made);
        }
        on_done();
      }) {}

DigestCheck::~DigestCheck() {
  cancelled_ = true;
  thread_.join();
}

std::optional<Result<std::string>> DigestCheck::result() const {
  const std::lock_guard lock(mutex_);
  return result_;
}

SupervisedModel::SupervisedModel(const LocalModelsOptions& options, WantedModel wanted, std::string socket,
                                 std::function<void()> wake)
    : options_(options), wanted_(std::move(wanted)), socket_(std::move(socket)), wake_(std::move(wake)) {
  status_.file = wanted_.file;
  if (auto origin = http::Origin::parse("unix:" + socket_))
    origin_ = std::make_shared<const http::Origin>(*std::move(origin));
}

void SupervisedModel::become(ModelState state, std::string message) {
  if (state != status_.state) {
    if (state == ModelState::kReady) {
      kLog.info("model is ready", {{"file", wanted_.file}});
    } else if (state == ModelState::kFailed) {
      kLog.error("model cannot be served", {{"file", wanted_.file}, {"reason", message}});
    } else if (state == ModelState::kRestarting) {
      kLog.warning("model is restarted", {{"file", wanted_.file}, {"reason", message}});
    }
  }
  status_.state = state;
  status_.message = std::move(message);
  status_.origin = state == ModelState::kReady ? origin_ : nullptr;
  if (state == ModelState::kReady) status_.progress = 1;
}

void SupervisedModel::want(const WantedModel& wanted) {
  if (wanted.sha256 == wanted_.sha256) return;
  wanted_ = wanted;
  located_ = false;  // looked at anew: another digest may be what a failed one was not
  if (status_.state == ModelState::kFailed) next_start_ = {};
  if (process_) check_digest();
}

void SupervisedModel::refuse(std::string message) {
  if (process_) process_->signal(SIGKILL);
  check_.reset();
  worker_ready_ = false;
  become(ModelState::kFailed, std::move(message));
}

bool SupervisedModel::file_changed() const {
  const auto path = options_.locate(wanted_.file);
  struct stat now {};
  if (!path || stat(path->c_str(), &now) != 0) return false;
  return !located_ || *path != path_ || now.st_size != file_.st_size || now.st_ino != file_.st_ino ||
         now.st_mtim.tv_sec != file_.st_mtim.tv_sec || now.st_mtim.tv_nsec != file_.st_mtim.tv_nsec;
}

void SupervisedModel::start(SteadyTime now) {
  auto path = options_.locate(wanted_.file);
  if (!path) {
    located_ = false;
    next_start_ = now + kLook;
    return refuse(path.error().message);
  }
  path_ = *std::move(path);
  located_ = stat(path_.c_str(), &file_) == 0;
  WorkerOptions worker;
  worker.model = path_;
  worker.name = wanted_.file;
  worker.socket = socket_;
  worker.threads = options_.threads;
  worker.slots = options_.slots;
  worker.context = options_.context;
  worker.queue = options_.queue;
  worker.status_fd = 3;
  worker.parent = getpid();
  std::vector<std::string> command = options_.worker_command;
  const auto arguments = worker_arguments(worker);
  command.insert(command.end(), arguments.begin(), arguments.end());
  auto process = WorkerProcess::start(command);
  if (!process) {
    next_start_ = now + kLastBackoff;
    return become(ModelState::kRestarting, process.error().message);
  }
  process_.emplace(*std::move(process));
  reports_ = {};
  errors_ = {};
  failure_.clear();
  worker_ready_ = false;
  ++attempts_;
  status_.progress = 0;
  kLog.info("model is loading", {{"file", wanted_.file}, {"pid", process_->pid()}});
  become(ModelState::kLoading);
  check_digest();
}

// The file is read for its digest while the worker loads it; the model answers when both are done.
void SupervisedModel::check_digest() {
  if (!process_ || status_.state == ModelState::kFailed) return;
  if (wanted_.sha256.empty()) {
    if (worker_ready_) become(ModelState::kReady);
    return;
  }
  if (!check_) check_ = std::make_unique<DigestCheck>(options_, path_, wake_);
  const auto digest = check_->result();
  if (!digest) return;
  if (!*digest) return refuse(digest->error().message);
  for (const std::string& wanted : wanted_.sha256) {
    if (wanted != **digest) {
      return refuse("The file `" + wanted_.file + "` has SHA-256 " + **digest + ", not " + wanted +
                    " as its model says. It is not served.");
    }
  }
  if (worker_ready_) become(ModelState::kReady);
}

void SupervisedModel::hear(const std::string& report) {
  const auto space = report.find(' ');
  const std::string word = report.substr(0, space);
  const std::string rest = space == std::string::npos ? std::string() : report.substr(space + 1);
  if (word == "loading") {
    status_.progress = std::clamp(std::strtod(rest.c_str(), nullptr), 0.0, 1.0);
  } else if (word == "ready") {
    worker_ready_ = true;
    status_.context = std::strtoll(rest.c_str(), nullptr, 10);
    ready_since_ = std::chrono::steady_clock::now();
  } else if (word == "failed") {
    failure_ = rest;
  }
}

void SupervisedModel::read_worker() {
  std::vector<std::string> lines;
  errors_.read(process_->error_fd(), lines);
  for (const std::string& line : lines) kLog.info("worker", {{"file", wanted_.file}, {"says", line}});
  lines.clear();
  reports_.read(process_->report_fd(), lines);
  for (const std::string& line : lines) hear(line);
}

void SupervisedModel::worker_ended(const ProcessEnd& end, SteadyTime now) {
  read_worker();
  process_.reset();
  unlink(socket_.c_str());
  const bool was_ready = std::exchange(worker_ready_, false);
  check_.reset();
  if (stopping_ || status_.state == ModelState::kFailed) return;
  if (!failure_.empty()) return refuse("The file `" + wanted_.file + "` cannot be loaded. " + failure_);
  if (was_ready && now - ready_since_ > kWell) attempts_ = 0;
  if (!was_ready && attempts_ >= kLoadAttempts) {
    return refuse("The worker ended while loading `" + wanted_.file + "`, " + std::to_string(attempts_) +
                  " times: " + end.text() + ".");
  }
  const auto backoff = std::min<std::chrono::milliseconds>(
      kFirstBackoff * (1 << std::min(std::max(attempts_ - 1, 0), 10)), kLastBackoff);
  next_start_ = now + backoff;
  become(ModelState::kRestarting,
         "The worker of `" + wanted_.file + "` ended (" + end.text() + ") and is being restarted.");
}

SteadyTime SupervisedModel::step(SteadyTime now) {
  if (process_) {
    read_worker();
    if (const auto end = process_->ended()) {
      worker_ended(*end, now);
    } else if (!stopping_) {
      check_digest();
    }
  }
  if (process_) {
    if (now >= kill_at_) process_->signal(SIGKILL);
    return stopping_ ? std::max(kill_at_, now + std::chrono::milliseconds(20)) : SteadyTime::max();
  }
  if (stopping_) return SteadyTime::max();
  if (status_.state == ModelState::kFailed) {
    if (now < next_start_) return next_start_;
    if (!file_changed()) return next_start_ = now + kLook;
    attempts_ = 0;
  }
  if (now >= next_start_) start(now);
  return process_ ? SteadyTime::max() : std::max(next_start_, now + kFirstBackoff);
}

void SupervisedModel::stop(SteadyTime now, std::chrono::milliseconds patience) {
  if (stopping_) return;
  stopping_ = true;
  check_.reset();
  kill_at_ = now + patience;
  if (process_) process_->signal(SIGTERM);
}

void SupervisedModel::add_descriptors(std::vector<int>& out) const {
  if (!process_) return;
  out.push_back(process_->end_fd());
  out.push_back(process_->report_fd());
  out.push_back(process_->error_fd());
}

}  // namespace fairlead::serving
