#include "platform/journal/definition.h"

namespace fairlead::journal {

std::vector<Limit> Definition::limits(const Run&) const {
  return {};
}

std::string Definition::user_of(const Run&) const {
  return {};
}

std::vector<std::string> Definition::failed(const Run&, std::span<const Event> history) {
  return failed_steps(story_of(history));
}

Result<void> Definition::agrees(const Run& run, std::span<const Event>, const std::string&) {
  return fail(ErrorKind::kConflict, "move_disagrees", "Runs of kind `" + run.asked.kind + "` are not moved.");
}

}  // namespace fairlead::journal
