#include "gateway/snapshot.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <latch>

#include "base/suggest.h"
#include "llm/reference.h"

namespace fairlead::gateway {
namespace {

std::string joined(std::string_view kind, std::string_view name) {
  std::string out(kind);
  out.push_back(':');
  out += name;
  return out;
}

// A control block of its own, so that loops do not contend for one reference count.
std::shared_ptr<const Snapshot> private_copy(const std::shared_ptr<const Snapshot>& shared) {
  return {shared.get(), [shared](const Snapshot*) {}};
}

}  // namespace

const Target* Addressable::in_force() const {
  if (versions.empty()) return nullptr;
  for (const char* const label : {"production", "latest"}) {
    const auto points = labels.find(label);
    if (points == labels.end()) continue;
    const auto found = versions.find(points->second);
    if (found != versions.end()) return found->second.get();
  }
  return versions.rbegin()->second.get();
}

Addressable& Project::add(std::string_view kind, std::string_view name) {
  kind_of_name_.emplace(name, kind);
  return by_kind_and_name_[joined(kind, name)];
}

std::string shown_reference(std::string_view reference) {
  constexpr std::string_view kHidden = "(not shown)";
  if (reference.size() > 96) return std::string(kHidden);
  for (const std::string_view prefix : {"sk-", "pk-", "rk-", "fl-", "gsk_", "xai-", "AIza", "ghp_", "key-", "Bearer"})
    if (reference.starts_with(prefix)) return std::string(kHidden);
  std::size_t run = 0;
  bool digits = false;
  for (const char c : reference) {
    if (std::isalnum(static_cast<unsigned char>(c))) {
      digits |= std::isdigit(static_cast<unsigned char>(c)) != 0;
      if (++run > 20 && digits) return std::string(kHidden);
    } else if (std::string_view("-_.:@/").contains(c)) {
      run = 0;
      digits = false;
    } else {
      return std::string(kHidden);
    }
  }
  return std::string(reference);
}

std::unexpected<Error> Project::not_found(std::string_view reference) const {
  const llm::Reference parts = llm::Reference::parse(reference);
  std::vector<std::string> names;
  for (const auto& [name, kind] : kind_of_name_) names.push_back(name);
  return fail(ErrorKind::kNotFound, "model_not_found",
              "Model `" + shown_reference(reference) + "` does not exist in project `" + name_ + "`." +
                  did_you_mean(parts.name, names),
              "model");
}

Result<Resolved> Project::resolve(std::string_view reference) const {
  FAIRLEAD_TRY(Resolved out, find(reference));
  if (!out.target->fault.empty()) return fail(ErrorKind::kUnavailable, "model_unavailable", out.target->fault, "model");
  return out;
}

Result<Resolved> Project::find(std::string_view reference) const {
  const llm::Reference parts = llm::Reference::parse(reference);
  std::string_view kind = parts.kind;
  if (kind.empty()) {
    const auto found = kind_of_name_.find(parts.name);
    if (found == kind_of_name_.end()) return not_found(reference);
    kind = found->second;
  }
  const auto found = by_kind_and_name_.find(joined(kind, parts.name));
  if (found == by_kind_and_name_.end()) return not_found(reference);
  const Addressable& addressable = found->second;

  Resolved out{nullptr, {}};
  if (parts.version.empty()) {
    if (reference.ends_with('@')) return not_found(reference);
    out.target = addressable.in_force();
    out.label = addressable.labels.contains("production") ? "production" : "latest";
  } else if (std::ranges::all_of(parts.version, [](unsigned char c) { return std::isdigit(c); })) {
    int number = 0;
    std::from_chars(parts.version.data(), parts.version.data() + parts.version.size(), number);
    const auto version = addressable.versions.find(number);
    if (version != addressable.versions.end()) out.target = version->second.get();
  } else if (const auto label = addressable.labels.find(parts.version); label != addressable.labels.end()) {
    const auto version = addressable.versions.find(label->second);
    if (version != addressable.versions.end()) out.target = version->second.get();
    out.label = label->first;
  }
  if (!out.target) {
    std::vector<std::string> labels;
    for (const auto& [label, version] : addressable.labels) labels.push_back(label);
    return fail(ErrorKind::kNotFound, "model_not_found",
                "`" + std::string(parts.name) + "` has no version or label `" + shown_reference(parts.version) + "`." +
                    did_you_mean(parts.version, labels),
                "model");
  }
  return out;
}

const Project* Snapshot::project(const std::string& name) const {
  const auto found = projects.find(name);
  return found == projects.end() ? nullptr : &found->second;
}

SnapshotHolder::SnapshotHolder(async::Runtime& runtime, std::shared_ptr<const Snapshot> first)
    : runtime_(runtime), of_loop_(static_cast<std::size_t>(runtime.size())) {
  for (OfLoop& one : of_loop_) one.now = private_copy(first);
}

const std::shared_ptr<const Snapshot>& SnapshotHolder::current(const async::Loop& loop) const {
  OfLoop& mine = of_loop_[static_cast<std::size_t>(loop.index())];
  if (mine.waits && turn_.load(std::memory_order_acquire) >= mine.from) {
    mine.now.swap(mine.other);
    mine.waits = false;
  }
  return mine.now;
}

void SnapshotHolder::publish_and_wait(std::shared_ptr<const Snapshot> next) {
  const std::uint64_t turn = turn_.load(std::memory_order_relaxed) + 1;
  const auto on_each = [this](auto work) {
    std::latch done(runtime_.size());
    for (int i = 0; i < runtime_.size(); ++i) {
      runtime_.loop(i).post([this, i, &done, &work] {
        work(of_loop_[static_cast<std::size_t>(i)], runtime_.loop(i));
        done.count_down();
      });
    }
    done.wait();
  };
  on_each([&](OfLoop& mine, const async::Loop&) { mine = {std::move(mine.now), private_copy(next), turn, true}; });
  turn_.store(turn, std::memory_order_release);
  // The one before goes here, and not on a call's way.
  on_each([this](OfLoop& mine, const async::Loop& loop) {
    (void)current(loop);
    mine.other.reset();
  });
}

}  // namespace fairlead::gateway
