// Structured log lines to standard error: `14:02:19.123 info  http  listening  address=127.0.0.1:8484`.
#pragma once
#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

namespace fairlead::log {

enum class Level : std::uint8_t { kDebug, kInfo, kWarning, kError };
enum class Format : std::uint8_t { kText, kJson };

// One key and its value. Never a secret, never a person's data: no prompt, no answer, no key, no header value of a
// client.
struct Field {
  std::string_view key;
  std::string value;
  Field(std::string_view k, std::string_view v) : key(k), value(v) {}
  Field(std::string_view k, std::integral auto v) : key(k), value(std::to_string(v)) {}
};

// A room's logger: `constexpr log::Logger kLog{"http"};`. Thread-safe; may block on standard error, so not for each
// call.
struct Logger {
  std::string_view room;
  void debug(std::string_view event, std::initializer_list<Field> fields = {}) const;
  void info(std::string_view event, std::initializer_list<Field> fields = {}) const;
  void warning(std::string_view event, std::initializer_list<Field> fields = {}) const;
  void error(std::string_view event, std::initializer_list<Field> fields = {}) const;
};

// Once, at start; before it, text at level info.
void configure(Level level, Format format);

}  // namespace fairlead::log
