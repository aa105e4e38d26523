// Policies at work on what comes in beside calls (docs/reference/policies.md).
#pragma once
#include <string>

#include "gateway/snapshot.h"
#include "llm/privacy.h"

namespace fairlead::app {

// Outlives the loops' work. By the policies in force when it is asked.
class Hiding final : public llm::Hiding {
 public:
  explicit Hiding(const gateway::SnapshotHolder& snapshots) : snapshots_(snapshots) {}
  bool applies(const async::Loop& loop, const std::string& project) const override;
  async::Task<Result<llm::Kept>> hide(async::Loop& loop, llm::Kept kept) const override;

 private:
  const gateway::SnapshotHolder& snapshots_;
};

}  // namespace fairlead::app
