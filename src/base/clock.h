// Time, injected: code that asks for it takes a Clock, tests give a ManualClock.
#pragma once
#include <atomic>
#include <chrono>
#include <cstdint>
#include <string>

namespace fairlead {

using SteadyTime = std::chrono::steady_clock::time_point;
using Micros = std::chrono::microseconds;
using Millis = std::chrono::milliseconds;

// Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual std::int64_t unix_micros() const = 0;  // wall time, µs since 1970 UTC
  virtual SteadyTime steady() const = 0;         // for intervals
};

class SystemClock final : public Clock {
 public:
  std::int64_t unix_micros() const override;
  SteadyTime steady() const override;
};

class ManualClock final : public Clock {
 public:
  explicit ManualClock(std::int64_t unix_micros = 1'700'000'000'000'000) : unix_micros_(unix_micros) {}
  std::int64_t unix_micros() const override { return unix_micros_.load(); }
  SteadyTime steady() const override { return SteadyTime(Micros(unix_micros_.load())); }
  void advance(Micros by) { unix_micros_ += by.count(); }

 private:
  std::atomic<std::int64_t> unix_micros_;
};

// "2026-11-24T14:02:19.123456Z"
std::string iso8601(std::int64_t unix_micros);

}  // namespace fairlead
