// The policies of a project in force, and which of them apply to what.
#pragma once
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/result.h"
#include "llm/provider.h"
#include "safety/policy/guard.h"

namespace fairlead::policy {

// Used by one thread at a time; what it gives is shared. Kept over compilations as long as no policy changes, so that
// what it gives stays the same.
class Book {
 public:
  // `stamp` tells one set of policies from another.
  Book(std::string project, std::string stamp, std::vector<Definition> definitions, GuardParts parts)
      : project_(std::move(project)), stamp_(std::move(stamp)), definitions_(std::move(definitions)), parts_(parts) {}

  const std::string& stamp() const { return stamp_; }
  bool empty() const { return definitions_.empty(); }
  // For calls of a prompt (empty: of none) that may go to these models, their fallbacks and providers. Null: no policy
  // applies. May block: it makes detectors. Errors: those of Rules::create() and make_plugged().
  Result<std::shared_ptr<const Guard>> guard(const std::string& prompt,
                                             const std::vector<std::shared_ptr<const llm::Model>>& models);
  // All policies as one, whatever they apply to. Null: there are none.
  Result<std::shared_ptr<const Guard>> guard_of_all();

 private:
  Result<std::shared_ptr<const Guard>> make(std::vector<std::size_t> applying);

  const std::string project_, stamp_;
  const std::vector<Definition> definitions_;
  const GuardParts parts_;
  std::map<std::vector<std::size_t>, std::shared_ptr<const Guard>> made_;  // by the policies that apply
};

}  // namespace fairlead::policy
