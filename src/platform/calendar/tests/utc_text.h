// Instants as tests write them: "2026-03-29T01:30:00Z".
#pragma once
#include <gtest/gtest.h>

#include <cstdint>
#include <ctime>
#include <string>

namespace fairlead::calendar {

inline std::int64_t at(const char* text) {
  std::tm parts{};
  EXPECT_NE(strptime(text, "%Y-%m-%dT%H:%M:%SZ", &parts), nullptr) << text;
  return timegm(&parts);
}

inline std::string text(std::int64_t unix_s) {
  const std::time_t when = unix_s;
  std::tm parts{};
  gmtime_r(&when, &parts);
  char out[32];
  strftime(out, sizeof out, "%Y-%m-%dT%H:%M:%SZ", &parts);
  return out;
}

}  // namespace fairlead::calendar
