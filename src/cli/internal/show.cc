#include "cli/internal/show.h"

#include <fmt/format.h>

#include <algorithm>
#include <ctime>

#include "cli/internal/block.h"
#include "cli/internal/context.h"
#include "cli/internal/word_diff.h"
#include "platform/json/text.h"

namespace fairlead::cli {
namespace {

std::size_t width(std::string_view text) {
  return static_cast<std::size_t>(std::ranges::count_if(text, [](char c) { return (c & 0xc0) != 0x80; }));
}

std::string trimmed(std::string text) {
  while (!text.empty() && (text.back() == ' ' || text.back() == '\n' || text.back() == '\t')) text.pop_back();
  return text;
}

std::string shown(const boost::json::value& value) {
  return value.is_string() ? std::string(value.get_string()) : json::to_text(value);
}

bool is_short(const boost::json::value& value) {
  if (!value.is_string()) return !value.is_structured();
  const std::string_view text = value.get_string();
  return text.size() <= 40 && text.find_first_of(" \n\t") == text.npos;
}

// The lines of a value, each with a mark in front.
std::string marked(const boost::json::value& value, char mark, Colour colour, bool colours) {
  std::string out;
  for (const std::string& line : block(value))
    out += "        " + painted(trimmed(fmt::format("{} {}", mark, line)), colour, colours) + "\n";
  return out;
}

std::string one_change(const boost::json::value& change, bool colours) {
  const boost::json::object& members = change.as_object();
  const boost::json::value* const from = members.if_contains("from");
  const boost::json::value* const to = members.if_contains("to");
  std::string out = "      " + text_of(change, "path");
  if ((!from || is_short(*from)) && (!to || is_short(*to))) {
    if (!to) return out + "   " + painted("[-" + shown(*from) + "-]", Colour::kRed, colours) + "\n";
    if (!from) return out + "   " + painted("{+" + shown(*to) + "+}", Colour::kGreen, colours) + "\n";
    return out + "   " + painted(shown(*from), Colour::kRed, colours) + " → " +
           painted(shown(*to), Colour::kGreen, colours) + "\n";
  }
  out += "\n";
  if (from && to && from->is_string() && to->is_string())
    return out + "        " + word_diff(from->get_string(), to->get_string(), colours) + "\n";
  if (from) out += marked(*from, '-', Colour::kRed, colours);
  if (to) out += marked(*to, '+', Colour::kGreen, colours);
  return out;
}

// What the folder does not know of.
std::string drift(const boost::json::value& change, bool colours) {
  const boost::json::value* const drift = change.as_object().if_contains("drift");
  if (drift == nullptr) return "";
  const std::int64_t known = integer_of(*drift, "known");
  const std::string message = text_of(*drift, "message");
  const std::string line =
      fmt::format("      ! v{} is not in this folder, which knows {}: by {}, {}{}", integer_of(change, "from"),
                  known == 0 ? "none" : "v" + std::to_string(known), text_of(*drift, "author"),
                  local_time(text_of(*drift, "created_at")), message.empty() ? "" : ", \"" + message + "\"");
  return painted(line, Colour::kYellow, colours) + "\n";
}

}  // namespace

std::string painted(std::string_view text, Colour colour, bool colours) {
  if (!colours || colour == Colour::kNone || text.empty()) return std::string(text);
  static constexpr std::string_view kCodes[] = {"", "\x1b[31m", "\x1b[32m", "\x1b[33m", "\x1b[2m"};
  return fmt::format("{}{}\x1b[0m", kCodes[static_cast<int>(colour)], text);
}

std::string table(const std::vector<std::string>& header, const std::vector<std::vector<std::string>>& rows,
                  bool colours) {
  std::vector<std::size_t> widths;
  for (const std::string& cell : header) widths.push_back(width(cell));
  for (const auto& row : rows)
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], width(row[i]));
  std::string out;
  const auto line = [&](const std::vector<std::string>& cells, Colour colour) {
    std::string text;
    for (std::size_t i = 0; i < cells.size(); ++i) {
      text += cells[i];
      if (i + 1 < cells.size()) text.append(widths[i] - width(cells[i]) + 2, ' ');
    }
    out += painted(trimmed(std::move(text)), colour, colours) + "\n";
  };
  line(header, Colour::kDim);
  for (const auto& row : rows) line(row, Colour::kNone);
  return out;
}

std::string changes(const boost::json::value& list, bool colours) {
  std::string out;
  for (const boost::json::value& one : list.as_array()) out += one_change(one, colours);
  return out;
}

std::string change_set(const boost::json::value& answer, bool colours) {
  std::string out;
  const boost::json::object& object = answer.as_object();
  for (const boost::json::value& change : object.at("changes").as_array()) {
    const std::string action = text_of(change, "action");
    if (action == "same") continue;
    const std::string name = text_of(change, "kind") + "/" + text_of(change, "name");
    std::string labels;
    if (const boost::json::value* list = change.as_object().if_contains("labels"); list && list->is_array()) {
      for (const boost::json::value& label : list->get_array()) {
        labels += labels.empty() ? "label " : ", ";
        labels += label.as_string();
      }
      if (!labels.empty()) labels = "   (" + labels + (list->get_array().size() == 1 ? " moves here)" : " move here)");
    }
    if (action == "new") {
      out += fmt::format("  {} {:<24} v{}{}\n", painted("+", Colour::kGreen, colours), name, integer_of(change, "to"),
                         labels);
    } else {
      out += fmt::format("  {} {:<24} v{} → v{}{}\n", painted("~", Colour::kYellow, colours), name,
                         integer_of(change, "from"), integer_of(change, "to"), labels);
      out += drift(change, colours);
      out += cli::changes(change.as_object().at("changes"), colours);
    }
  }
  const boost::json::value& summary = object.at("summary");
  out += fmt::format("  {} changed, {} new, {} as they are.", integer_of(summary, "changed"),
                     integer_of(summary, "new"), integer_of(summary, "same"));
  if (const std::int64_t tests = integer_of(summary, "tests"); tests > 0)
    out += fmt::format(" {} test{}.", tests, tests == 1 ? " passes" : "s pass");
  if (const std::int64_t drifted = integer_of(summary, "drifted"); drifted > 0)
    out += fmt::format(
        "\n  {} newer on the server: `fairlead pull` writes {} into the folder, `apply --overwrite` goes over {}.",
        drifted, drifted == 1 ? "it" : "them", drifted == 1 ? "it" : "them");
  return out + "\n";
}

std::string moved_label(const boost::json::value& reply, const std::string& undo) {
  const std::int64_t from = integer_of(reply, "from");
  return fmt::format("  {}: {} → v{}   by {}, {}, audit #{}{}\n", text_of(reply, "label"),
                     from ? "v" + std::to_string(from) : std::string("none"), integer_of(reply, "to"),
                     text_of(reply, "by"), local_time(text_of(reply, "at")), integer_of(reply, "audit"),
                     from ? "   (undo: " + undo + ")" : "");
}

std::string local_time(std::string_view iso) {
  std::tm utc{};
  if (iso.size() < 19 || std::sscanf(std::string(iso).c_str(), "%4d-%2d-%2dT%2d:%2d:%2d", &utc.tm_year, &utc.tm_mon,
                                     &utc.tm_mday, &utc.tm_hour, &utc.tm_min, &utc.tm_sec) != 6)
    return std::string(iso);
  utc.tm_year -= 1900;
  utc.tm_mon -= 1;
  const std::time_t time = timegm(&utc);
  const std::time_t now = std::time(nullptr);
  std::tm local{}, today{};
  localtime_r(&time, &local);
  localtime_r(&now, &today);
  char text[32];
  const bool same_day = local.tm_year == today.tm_year && local.tm_yday == today.tm_yday;
  std::strftime(text, sizeof text, same_day ? "%H:%M:%S" : "%Y-%m-%d %H:%M", &local);
  return text;
}

std::string progress_bar(std::size_t done, std::size_t of) {
  constexpr std::size_t kWidth = 16;
  static constexpr std::string_view kEighths[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
  const std::size_t eighths = of == 0 ? 0 : (std::min(done, of) * kWidth * 8 + of / 2) / of;
  std::string out;
  for (std::size_t i = 0; i < eighths / 8; ++i) out += "█";
  out += kEighths[eighths % 8];
  out.append(kWidth - width(out), ' ');
  return fmt::format("{}   {}/{}", out, done, of);
}

std::string waiting(const std::string& step, const std::string& signal, const std::string& ask,
                    const std::string& until) {
  if (signal.empty() && !until.empty()) return "sleeps until " + local_time(until);
  std::string out = "waits";
  if (signal == "approve:" + step)
    out += " for approval";
  else if (signal.starts_with("approve:"))
    out += " for approval of " + signal.substr(8);
  else if (!signal.empty())
    out += " for " + signal;
  if (!ask.empty()) out += ": " + ask;
  if (!until.empty()) out += "   until " + local_time(until);
  return out;
}

std::string opinion(const boost::json::value& feedback) {
  const boost::json::object& object = feedback.as_object();
  std::string out;
  const auto add = [&out](std::string_view text) { out.append(out.empty() ? "" : ", ").append(text); };
  const auto find = [&object](std::string_view name) -> const boost::json::value* {
    const boost::json::value* const value = object.if_contains(name);
    return value == nullptr || value->is_null() ? nullptr : value;
  };
  if (const auto* vote = find("vote")) add(vote->as_bool() ? "yes" : "no");
  if (const auto* score = find("score")) add(fmt::format("{:g}", score->to_number<double>()));
  if (const auto* category = find("category")) add(category->as_string());
  if (find("correction") != nullptr) add("corrected");
  if (const auto* withdrawn = find("withdrawn"); withdrawn && withdrawn->as_bool()) add("withdrawn");
  return out;
}

std::string bytes(std::int64_t count) {
  static constexpr std::string_view kUnits[] = {"B", "kB", "MB", "GB", "TB"};
  double value = static_cast<double>(count);
  std::size_t unit = 0;
  while (value >= 1000 && unit + 1 < std::size(kUnits)) value /= 1000, ++unit;
  return unit == 0 ? fmt::format("{} B", count) : fmt::format("{:.1f} {}", value, kUnits[unit]);
}

}  // namespace fairlead::cli
