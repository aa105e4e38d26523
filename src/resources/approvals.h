// Labels that move only after checks and with a second person's approval (docs/reference/labels.md).
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace fairlead::resources {

// What moving a label takes, on every resource of a project.
struct Protection {
  std::string label;
  bool approval = true;             // by a second person
  std::vector<std::string> checks;  // that the version must have passed
  std::string set_by;
  std::int64_t set_at_us = 0;
};

// How a version did in a check, the last time.
struct Check {
  std::string kind, name;
  int version = 0;
  std::string check;
  bool passed = false;
  std::string url, note;
  std::string author;
  std::int64_t at_us = 0;
};

// A move of a protected label that was asked for.
struct Approval {
  std::string id;
  std::string kind, name, label;
  int from = 0;  // where the label stood; 0: nowhere
  int to = 0;
  std::string state;  // "waiting", "approved", "rejected", "withdrawn", "stale": the label has moved since
  std::string asked_by, asked_by_key, why;
  std::int64_t asked_at_us = 0;
  std::string decided_by, note;
  std::int64_t decided_at_us = 0;  // 0: not yet
};

struct LabelMove {
  std::string kind, name, label;
  int from = 0;  // 0: the label did not exist
  int to = 0;
  std::int64_t audit = 0;
  std::string by{};  // whose key moved it
  std::int64_t at_us = 0;
};

// What became of a promotion.
struct Promotion {
  LabelMove move;
  std::optional<Approval> waiting;  // nothing has moved yet
};

}  // namespace fairlead::resources
