// What the tests of this room share.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "telemetry/internal/spool.h"
#include "telemetry/record.h"

namespace fairlead::telemetry {

class TempFolder {
 public:
  TempFolder();
  ~TempFolder();
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

// A record with every field set to something of its own.
CallRecord full_record();
// A small one.
CallRecord record_of(std::string project, std::string id);

// What an encoding holds; nothing if it is none.
std::optional<CallRecord> decode(std::string_view bytes);

// The ids in a spool folder, in their order.
std::vector<std::string> ids_in_spool(const std::string& folder);
inline constexpr SpoolPosition kEverything{INT64_MAX, 0};

// This program again as a child that does `role` until it is killed (tests/main.cc). Returns its process id; what it
// writes to its standard output can be read from `output`.
int start_child(const std::string& role, const std::vector<std::string>& arguments, int& output);

}  // namespace fairlead::telemetry
