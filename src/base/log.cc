#include "base/log.h"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <atomic>

namespace fairlead::log {
namespace {

std::atomic<Format> format{Format::kText};

spdlog::logger& sink() {
  static const auto logger = [] {
    auto made = std::make_shared<spdlog::logger>("fairlead", std::make_shared<spdlog::sinks::stderr_sink_mt>());
    made->set_pattern("%Y-%m-%dT%H:%M:%S.%e %-5l %v");
    made->set_level(spdlog::level::info);
    return made;
  }();
  return *logger;
}

void append_quoted(std::string& out, std::string_view text) {
  out.push_back('"');
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out.push_back('\\');
      out.push_back(c);
    } else if (static_cast<unsigned char>(c) < 0x20) {
      fmt::format_to(std::back_inserter(out), "\\u{:04x}", static_cast<unsigned char>(c));
    } else {
      out.push_back(c);
    }
  }
  out.push_back('"');
}

bool needs_quotes(std::string_view text) {
  if (text.empty()) return true;
  for (const char c : text)
    if (static_cast<unsigned char>(c) <= 0x20 || c == '"' || c == '=') return true;
  return false;
}

void write(spdlog::level::level_enum level, std::string_view room, std::string_view event,
           std::initializer_list<Field> fields) {
  spdlog::logger& logger = sink();
  if (!logger.should_log(level)) return;
  std::string line;
  if (format.load(std::memory_order_relaxed) == Format::kJson) {
    line += "\"room\":";
    append_quoted(line, room);
    line += ",\"event\":";
    append_quoted(line, event);
    for (const Field& field : fields) {
      line.push_back(',');
      append_quoted(line, field.key);
      line.push_back(':');
      append_quoted(line, field.value);
    }
  } else {
    fmt::format_to(std::back_inserter(line), "{:<10} {}", room, event);
    for (const Field& field : fields) {
      fmt::format_to(std::back_inserter(line), "  {}=", field.key);
      if (needs_quotes(field.value))
        append_quoted(line, field.value);
      else
        line += field.value;
    }
  }
  logger.log(level, "{}", line);
}

}  // namespace

void Logger::debug(std::string_view event, std::initializer_list<Field> fields) const {
  write(spdlog::level::debug, room, event, fields);
}
void Logger::info(std::string_view event, std::initializer_list<Field> fields) const {
  write(spdlog::level::info, room, event, fields);
}
void Logger::warning(std::string_view event, std::initializer_list<Field> fields) const {
  write(spdlog::level::warn, room, event, fields);
}
void Logger::error(std::string_view event, std::initializer_list<Field> fields) const {
  write(spdlog::level::err, room, event, fields);
}

void configure(Level level, Format wanted) {
  static constexpr spdlog::level::level_enum kLevels[] = {spdlog::level::debug, spdlog::level::info,
                                                          spdlog::level::warn, spdlog::level::err};
  format = wanted;
  spdlog::logger& logger = sink();
  logger.set_level(kLevels[static_cast<int>(level)]);
  logger.set_pattern(wanted == Format::kJson ? R"({"time":"%Y-%m-%dT%H:%M:%S.%e%z","level":"%l",%v})"
                                             : "%Y-%m-%dT%H:%M:%S.%e %-7l %v");
}

}  // namespace fairlead::log
