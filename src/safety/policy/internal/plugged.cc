#include "safety/policy/internal/plugged.h"

#include <algorithm>
#include <array>
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/wait_traits.hpp>
#include <chrono>
#include <cstring>
#include <list>
#include <unordered_map>

#include "base/digest.h"
#include "base/log.h"
#include "platform/async/task_group.h"
#include "safety/policy/detectors.h"

namespace fairlead::policy {
namespace {

constexpr log::Logger kDetectorLog{"policy"};

constexpr std::size_t kAtATime = 8;            // questions of one call
constexpr std::size_t kMostRemembered = 4096;  // texts a loop
constexpr std::chrono::minutes kRemembered{10};

using DeadlineTimer =
    boost::asio::basic_waitable_timer<std::chrono::steady_clock, boost::asio::wait_traits<std::chrono::steady_clock>,
                                      async::Executor>;

// What one loop knows of the texts that it asked about, the latest first.
class KeptAnswers {
 public:
  using Key = std::array<std::uint8_t, 16>;

  static Key key_of(std::string_view text) {
    const Sha256 digest = sha256(text);
    Key out;
    std::copy_n(digest.begin(), out.size(), out.begin());
    return out;
  }
  // Valid until the next call; null: nothing, or it was too long ago.
  const std::vector<Found>* find(const Key& key) {
    const auto known = by_key_.find(key);
    if (known == by_key_.end()) return nullptr;
    if (std::chrono::steady_clock::now() - known->second->at > kRemembered) {
      kept_.erase(known->second);
      by_key_.erase(known);
      return nullptr;
    }
    kept_.splice(kept_.begin(), kept_, known->second);
    return &known->second->found;
  }
  void keep(const Key& key, const std::vector<Found>& found) {
    if (by_key_.contains(key)) return;
    kept_.push_front({key, std::chrono::steady_clock::now(), found});
    by_key_.emplace(key, kept_.begin());
    if (kept_.size() <= kMostRemembered) return;
    by_key_.erase(kept_.back().key);
    kept_.pop_back();
  }

 private:
  struct Kept {
    Key key;
    std::chrono::steady_clock::time_point at;
    std::vector<Found> found;
  };
  struct HashOfKey {
    std::size_t operator()(const Key& key) const {
      std::size_t out = 0;
      std::memcpy(&out, key.data(), sizeof out);
      return out;
    }
  };
  std::list<Kept> kept_;
  std::unordered_map<Key, std::list<Kept>::iterator, HashOfKey> by_key_;
};

bool is_late(const Asking& asking) {
  return asking.cancellation.requested() && asking.cancellation.reason() == ErrorKind::kTimeout;
}

// By who called.
bool was_cancelled(const Asking& asking) {
  return asking.cancellation.requested() && !is_late(asking);
}

class Remembering final : public Plugged {
 public:
  Remembering(std::shared_ptr<Plugged> detector, int loops)
      : detector_(std::move(detector)), by_loop_(static_cast<std::size_t>(loops)) {}
  const DetectorSpec& spec() const override { return detector_->spec(); }

  async::Task<Result<std::vector<Found>>> find(std::string_view text, const Asking& asking) override {
    OfLoop& mine = by_loop_[static_cast<std::size_t>(asking.loop.index())];
    const KeptAnswers::Key key = KeptAnswers::key_of(text);
    if (const std::vector<Found>* const known = mine.kept.find(key)) co_return *known;
    auto found = co_await detector_->find(text, asking);
    if (found) mine.kept.keep(key, *found);
    if (found || !was_cancelled(asking)) tell(mine, found ? nullptr : &found.error());
    co_return found;
  }

 private:
  struct OfLoop {
    KeptAnswers kept;
    bool is_failing = false;
  };

  // Not each time: it may fail for all calls. Nor what an error says: it may quote the text.
  void tell(OfLoop& mine, const Error* error) const {
    if (mine.is_failing == (error != nullptr)) return;
    mine.is_failing = error != nullptr;
    if (error == nullptr)
      kDetectorLog.info("detector answers again", {{"detector", spec().title()}});
    else
      kDetectorLog.warning("detector gives no answer", {{"detector", spec().title()}, {"reason", error->code}});
  }

  const std::shared_ptr<Plugged> detector_;
  std::vector<OfLoop> by_loop_;
};

void cancel_questions(void* token) {
  static_cast<async::Cancellation*>(token)->request();
}

// The questions of one call. Lives on the frame of ask_all().
class Inquiry {
 public:
  Inquiry(std::span<const std::shared_ptr<Plugged>> detectors, std::span<TextJob* const> jobs, const Asking& asking)
      : detectors_(detectors), jobs_(jobs), asking_(asking) {
    answers.found.resize(jobs.size());
    failed_.resize(detectors.size());
  }

  // Takes questions until there is none.
  async::Task<void> work() {
    while (next_ < detectors_.size() * jobs_.size()) {
      const std::size_t question = next_++;
      const std::size_t index = question / jobs_.size();
      Plugged& detector = *detectors_[index];
      const TextJob& job = *jobs_[question % jobs_.size()];
      if (job.is_name || job.text.find_first_not_of(" \t\r\n") == std::string_view::npos) continue;
      if (failed_[index]) continue;  // it is enough that it failed once
      auto found = co_await detector.find(job.text, asking_);
      if (!found) {
        failed_[index] = true;
        answers.unanswered.emplace(detector.spec().title(), is_late(asking_) ? "time_limit" : found.error().code);
        continue;
      }
      std::vector<Found>& all = answers.found[question % jobs_.size()];
      all.insert(all.end(), std::make_move_iterator(found->begin()), std::make_move_iterator(found->end()));
    }
  }

  Answers answers;

 private:
  const std::span<const std::shared_ptr<Plugged>> detectors_;
  const std::span<TextJob* const> jobs_;
  const Asking& asking_;
  std::vector<bool> failed_;  // by detector
  std::size_t next_ = 0;
};

}  // namespace

std::shared_ptr<Plugged> remembering(std::shared_ptr<Plugged> detector, int loops) {
  return std::make_shared<Remembering>(std::move(detector), loops);
}

async::Task<Answers> ask_all(std::span<const std::shared_ptr<Plugged>> detectors, std::span<TextJob* const> jobs,
                             Asking asking) {
  // The timer's handler may come after this is over.
  const auto token = std::make_shared<async::Cancellation>();
  const async::Cancellation::Registration on_cancel(asking.cancellation, cancel_questions, token.get());
  DeadlineTimer timer(asking.loop.executor());
  if (asking.deadline != SteadyTime::max()) {
    timer.expires_at(asking.deadline);
    timer.async_wait([token](const boost::system::error_code& error) {
      if (!error) token->request(ErrorKind::kTimeout);
    });
  }
  const Asking within{asking.loop, *token, asking.deadline, asking.key_id, asking.key_name};
  Inquiry inquiry(detectors, jobs, within);
  async::TaskGroup workers(asking.loop.executor());
  const std::size_t count = std::min(kAtATime, detectors.size() * jobs.size());
  for (std::size_t i = 0; i < count; ++i) workers.spawn(inquiry.work());
  co_await workers.join();
  timer.cancel();
  co_return std::move(inquiry.answers);
}

Result<std::shared_ptr<Plugged>> make_plugged(const std::string& project, const std::string& policy,
                                              const DetectorSpec& spec, const DetectorParts& parts) {
  if (!spec.model.empty()) return remembering(make_model(spec, project, parts.models), parts.loops);
  FAIRLEAD_TRY(http::Origin origin, http::Origin::parse(spec.url));
  const std::string whose = "The detector `" + spec.title() + "` of policy `" + policy + "`";
  FAIRLEAD_TRY(access::HeaderLines lines, access::read_headers(whose, spec.headers, parts.credentials(project)));
  return remembering(make_service(spec, std::move(origin), std::move(lines.text), parts.client), parts.loops);
}

}  // namespace fairlead::policy
