// One budget in force, and all of a project's.
#pragma once
#include <atomic>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "budgets/definition.h"
#include "budgets/ledger.h"
#include "budgets/meter.h"

namespace fairlead::budgets {

// Who calls what. Empty: not said.
struct Caller {
  std::string_view key{}, user{}, model{}, prompt{};
  std::span<const std::string> tags{};
};

// Immutable but for what it keeps of the calendar. Thread-safe. The ledger outlives it.
class Budget {
 public:
  Budget(Definition definition, Ledger& ledger);
  ~Budget();
  Budget(const Budget&) = delete;
  Budget& operator=(const Budget&) = delete;

  const Definition& definition() const { return definition_; }
  std::uint64_t id() const { return id_; }
  Ledger& ledger() const { return ledger_; }
  Counters& counters() const { return *counters_; }

  bool covers(const Caller& caller) const;
  // The one that all calls share; null with `each`, or where the ledger had no room for it.
  Account* shared() const { return shared_; }
  // How a limit stands at that moment.
  Bound bound(const Definition::Limit& limit, std::int64_t now_us) const;
  // What the ledger knows of earlier versions is what this one goes on with. When it comes into force.
  void adopt(std::int64_t now_us) const;
  // Tells people of shares that were reached. Gives the number of those that are told now for the first time.
  int alert(const Definition::Limit& limit, Account& account, std::int64_t now_us) const;

 private:
  const Definition definition_;
  Ledger& ledger_;
  const std::uint64_t id_;
  const std::shared_ptr<Counters> counters_;
  Account* shared_ = nullptr;
  mutable std::atomic<std::uint32_t> window_end_{0};
};

// The budgets of a project. Immutable, part of the configuration snapshot.
class Book {
 public:
  Book(std::string project, std::vector<Definition> definitions, Ledger& ledger);
  const std::string& project() const { return project_; }
  const std::vector<std::unique_ptr<const Budget>>& budgets() const { return budgets_; }
  const Budget* find(std::string_view name) const;
  // That several nodes count in together; null: this one is alone.
  SharedLedger* shared() const { return shared_; }
  void adopt(std::int64_t now_us) const;

 private:
  std::string project_;
  SharedLedger* shared_;
  std::vector<std::unique_ptr<const Budget>> budgets_;  // by name
};

// "199.40", "1500000": an amount as people read it.
std::string amount_text(Metric metric, std::int64_t amount);
// "USD", "tokens", "input tokens", …
std::string_view unit_text(Metric metric);

}  // namespace fairlead::budgets
