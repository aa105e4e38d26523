// The settings of the process: one described table (settings_table.inc), typed values, and where each came from.
#pragma once
#include <chrono>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace fairlead::config {

enum class Type : std::uint8_t { kCount, kBytes, kDuration, kText, kPath, kChoice };

namespace types {
using Count = std::size_t;
using Bytes = std::size_t;
using Duration = std::chrono::milliseconds;
using Text = std::string;
using Path = std::string;    // from a file: relative to that file's folder
using Choice = std::string;  // one of the words of its row
}  // namespace types

// Typed values; made by load(), or by default_settings(). A plain value.
struct Settings {
#define SETTING(prefix, member, type, ...) types::type member{};
#define GROUP_BEGIN(type, name) struct type {
#define GROUP_END(name) \
  }                     \
  name;
#include "platform/config/settings_table.inc"
#undef SETTING
#undef GROUP_BEGIN
#undef GROUP_END
};

// A row of the table.
struct Setting {
  std::string_view name;  // "http.body_bytes"
  Type type;
  std::string_view default_text;  // as a person writes it: "10MiB"
  std::string_view least, most;   // or empty
  std::string_view choices;       // "fast|strict", or empty
  std::string_view help;          // a sentence or two
};
std::span<const Setting> table();

// "FAIRLEAD_HTTP_BODY_BYTES"
std::string environment_name(std::string_view setting);

using NameValue = std::pair<std::string, std::string>;

// Where settings come from; later members win.
struct Sources {
  std::string file_name;               // for messages and relative paths; empty: no file
  std::string file_text;               // YAML: `http: {body_bytes: 1MiB}` or `http.body_bytes: 1MiB`
  std::vector<NameValue> environment;  // names as they are there; those without FAIRLEAD_ are ignored
  std::vector<NameValue> flags;        // ("http.body_bytes", "1MiB"), from parse_flags()
};

// Error: invalid_setting, which says the source (file, line and column; variable; flag), what is wrong and what is
// near.
Result<Settings> load(const Sources& sources);
Settings default_settings();

// `--http.body_bytes=1MiB` or `--http.body_bytes 1MiB`. Error: invalid_setting.
Result<std::vector<NameValue>> parse_flags(std::span<const std::string> arguments);

// The variables of this process.
std::vector<NameValue> process_environment();

// The table in Markdown: what docs/reference/settings.md is.
std::string reference();

struct ListenAddress {
  std::string address;  // "127.0.0.1", "::1", "unix:/path"
  std::uint16_t port = 0;
};
// Of the setting `listen`. Error: invalid_setting.
Result<ListenAddress> parse_listen(std::string_view text);

// "10MiB", "1.5GB", "512"; "10s", "1.5h", "30d". Error: what is wrong, in words that follow the name of a setting.
Result<std::size_t> parse_bytes(std::string_view text);
Result<std::chrono::milliseconds> parse_duration(std::string_view text);

}  // namespace fairlead::config
