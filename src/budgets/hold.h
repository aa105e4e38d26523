// What one call has set aside, in all budgets that it falls under.
#pragma once
#include <boost/container/small_vector.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "budgets/budget.h"
#include "budgets/shared_ledger.h"

namespace fairlead::budgets {

// Of one call, on one thread at a time. Each step takes all that it needs or nothing. A hold that is destroyed without
// being settled has used what it had reserved, as far as anybody knows. The book outlives it.
class Hold {
 public:
  enum class Part : std::uint8_t {
    kAll,
    kAmounts,  // neither a request nor a call at a time: a shadow
  };
  Hold() = default;
  ~Hold();
  Hold(const Hold&) = delete;
  Hold& operator=(const Hold&) = delete;

  // First, once: finds the budgets that the call falls under, and takes a request and a place in each; the request is
  // spent as soon as nothing is left that could refuse it. `lane` is the calling thread's in the ledger. Errors are
  // kExhausted: budget_exceeded, rate_limit_exceeded, with retry_after_ms where it is known; kUnavailable:
  // budget_ledger_full. Nothing is held then but the knowledge of what refused it.
  Result<void> enter(const Book& book, const Caller& caller, Part part, int lane, std::int64_t now_us);

  // Where nodes share their budgets, and a hard one is among those of this call, what enter() and each reserve() took
  // of hard ones is but a wish until ask() has returned: it takes it in Redis and then here, or gives all the rest
  // back. Errors as those two have them; kUnavailable: budgets_unavailable, with retry_after_ms.
  bool asks() const { return asks_; }
  async::Task<Result<void>> ask(std::int64_t now_us);

  // Whether anything but requests and calls at a time is limited; whether tokens of output are by a hard budget, and
  // cost.
  bool counts_amounts() const { return amounts_; }
  bool bounds_output() const { return bounds_output_; }
  bool bounds_cost() const { return bounds_cost_; }

  // Sees to it that tokens and cost of `needed` are set aside, altogether; takes what is missing. Errors as enter(),
  // but not counted: the caller may come with less, and calls count_refusal() when it gives up.
  Result<void> reserve(const Amounts& needed, std::int64_t now_us);
  void count_refusal() const;

  // The end: what was used. A request was one, unless a budget refused it before it was made.
  void settle(const Amounts& used, std::int64_t now_us);

  struct Left {
    std::int64_t limit = 0, left = 0, resets_in_us = 0;
  };
  // Of the limits of requests, or else of tokens of any kind, the one of which the least is left.
  std::optional<Left> tightest(bool requests, std::int64_t now_us) const;
  // "team-a-monthly cost 83%", … of those above a share that people want to be told of.
  std::string alerts(std::int64_t now_us) const;
  std::vector<std::string> names() const;  // of the budgets

 private:
  struct Charge {
    const Budget* budget;
    Account* account;
  };
  struct Entry {
    std::uint16_t charge;
    std::uint16_t limit;  // of the budget's
    Taken taken;
    std::uint16_t step = kNoStep, place = 0;  // that Redis knows it by
    bool here = true;                         // it is in this node's ledger
  };
  static constexpr std::uint16_t kNoStep = 0xffff;

  Result<void> add(const Budget& budget, std::string_view subject, int lane);
  Result<void> take(std::size_t charge, std::size_t limit, std::int64_t amount, std::int64_t now_us);
  void give_back(std::size_t from, std::int64_t now_us);
  void take_here(Entry& entry);
  void count_request(std::int64_t now_us);
  void release();
  Error refusal(const Charge& charge, const Definition::Limit& limit, std::int64_t amount, const Meter::Use& use,
                std::int64_t retry_after_us) const;
  bool is_shared(const Entry& entry) const { return asks_ && charges_[entry.charge].budget->definition().hard; }
  SharedLimit shared_limit(const Entry& entry, std::int64_t amount, std::int64_t now_us) const;
  async::Task<Result<void>> ask_once(bool counts_requests, bool is_last, std::int64_t now_us);
  void settle_shared(std::span<const std::int64_t> truths, std::int64_t now_us);
  // By Redis's clock where nodes share it.
  std::int64_t time(std::int64_t now_us) const { return shared_ == nullptr ? now_us : shared_->now_us(); }

  boost::container::small_vector<Charge, 4> charges_;
  boost::container::small_vector<Entry, 8> entries_;
  Amounts set_aside_{};
  const Budget* refused_by_ = nullptr;  // last
  std::int64_t last_us_ = 0;            // when something was taken
  bool amounts_ = false, bounds_output_ = false, bounds_cost_ = false, reserved_any_ = false;
  // Where nodes share their budgets.
  SharedLedger* shared_ = nullptr;
  int lane_ = 0;
  bool asks_ = false, requests_open_ = false;
  boost::container::small_vector<std::uint64_t, 2> steps_;  // that Redis has granted
  struct Mark {                                             // before what has not been asked for
    std::size_t entries = 0;
    Amounts set_aside{};
    bool reserved_any = false;
  } mark_;
};

}  // namespace fairlead::budgets
