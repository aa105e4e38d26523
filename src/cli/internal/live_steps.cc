#include "cli/internal/live_steps.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/clock.h"
#include "base/iso_time.h"
#include "cli/internal/context.h"
#include "cli/internal/show.h"

namespace fairlead::cli {
namespace {

namespace bj = boost::json;

std::size_t characters(const std::string& text) {
  return static_cast<std::size_t>(std::ranges::count_if(text, [](char c) { return (c & 0xc0) != 0x80; }));
}

std::string cut_to(const std::string& text, std::size_t width) {
  std::size_t characters = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if ((static_cast<unsigned char>(text[i]) & 0xc0) == 0x80) continue;
    if (++characters > width) return text.substr(0, i);
  }
  return text;
}

double seconds_between(const std::string& from, const std::string& to) {
  const auto a = parse_iso_time(from), b = parse_iso_time(to);
  return a && b ? static_cast<double>(*b - *a) / 1e6 : 0;
}

}  // namespace

void LiveSteps::take(const bj::value& event) {
  const std::string part = text_of(event, "step"), what = text_of(event, "event");
  if (what == "retried") return begin_anew(event.at("data"));
  if (part.empty() || what == "signal") return;
  const std::string name = part.substr(0, part.find_first_of("[#"));
  if (std::ranges::find(order_, name) == order_.end()) order_.push_back(name);
  Step& step = steps_[name];
  Part& state = step.parts[part];
  if (step.began.empty()) step.began = text_of(event, "at");
  step.ended = text_of(event, "at");
  if (Known& known = known_[name]; part.starts_with(name + "[") && known.elements == 0 && !known.asked)
    known.asked = wants_to_know_ = true;
  if (what == "intent") {
    step.retries += integer_of(event, "attempt") > 1 ? 1 : 0;
    state = Part::kRunning;
  } else if (what == "result" || what == "reused") {
    state = Part::kDone;
  } else if (what == "copied") {
    state = event.at("data").as_object().contains("failure") ? Part::kFailed : Part::kDone;
  } else if (what == "withdrawn") {
    state = Part::kPending;
  } else if (what == "wait" || what == "held") {
    state = Part::kWaiting;
    const bj::value& data = event.at("data");
    const std::int64_t until = integer_of(data, "until");
    step.wait = waiting(name, text_of(data, what == "held" ? "by" : "for"), text_of(data, "ask"),
                        until > 0 ? iso8601(until) : std::string());
  } else if (what == "failure") {
    const bj::value& data = event.at("data");
    const bool comes_again = data.is_object() && data.get_object().contains("retry_at");
    state = comes_again ? Part::kBetween : Part::kFailed;
    step.why = text_of(data, "code");
    std::ranges::replace(step.why, '_', ' ');
    const auto at = parse_iso_time(step.ended);
    step.pause_s = at ? static_cast<double>(integer_of(data, "retry_at") - *at) / 1e6 : 0;
  }
}

// The steps that a retry names; what they came to before is over.
void LiveSteps::begin_anew(const bj::value& retried) {
  const bj::value* const steps = retried.is_object() ? retried.get_object().if_contains("steps") : nullptr;
  if (steps == nullptr || !steps->is_array()) return;
  for (const bj::value& one : steps->get_array()) {
    const std::string part(one.is_string() ? std::string_view(one.get_string()) : std::string_view());
    const auto found = steps_.find(part.substr(0, part.find_first_of("[#")));
    if (found != steps_.end()) found->second.parts[part] = Part::kPending;
  }
}

void LiveSteps::know(const bj::value& steps) {
  if (!steps.is_array()) return;
  for (const bj::value& step : steps.get_array()) {
    Known& known = known_[text_of(step, "name")];
    known.elements = static_cast<std::size_t>(std::max<std::int64_t>(integer_of(step, "of"), 0));
    known.after.clear();
    const bj::value* const after = step.is_object() ? step.get_object().if_contains("after") : nullptr;
    if (after == nullptr || !after->is_array()) continue;
    for (const bj::value& one : after->get_array())
      if (one.is_string()) known.after.emplace_back(one.get_string());
  }
}

std::size_t LiveSteps::elements_of(const std::string& name) const {
  const auto known = known_.find(name);
  return known == known_.end() ? 0 : known->second.elements;
}

bool LiveSteps::is_over(const std::string& name) const {
  const auto found = steps_.find(name);
  if (found == steps_.end() || found->second.parts.size() < elements_of(name)) return false;
  return std::ranges::all_of(found->second.parts,
                             [](const auto& one) { return one.second == Part::kDone || one.second == Part::kFailed; });
}

// "·", or "· waits for summarise".
std::string LiveSteps::pending(const std::string& name) const {
  std::string out;
  const auto known = known_.find(name);
  if (known == known_.end()) return "·";
  for (const std::string& other : known->second.after) {
    if (is_over(other)) continue;
    out += (out.empty() ? "· waits for " : ", ") + other;
  }
  return out.empty() ? "·" : out;
}

std::string LiveSteps::line(const std::string& name, std::size_t width, bool colours) const {
  const auto found = steps_.find(name);
  const std::string head = fmt::format("  {:<14} ", name);
  if (found == steps_.end()) return cut_to(head + pending(name), width);
  const Step& step = found->second;
  const auto count = [&](Part state) {
    return static_cast<std::size_t>(
        std::ranges::count_if(step.parts, [state](const auto& one) { return one.second == state; }));
  };
  const std::size_t done = count(Part::kDone), running = count(Part::kRunning), between = count(Part::kBetween);
  const std::size_t failed = count(Part::kFailed), waiting = count(Part::kWaiting);
  const std::size_t elements = elements_of(name);
  const bool ended = is_over(name);
  std::string mark, rest;
  if (ended) {
    const auto whole = step.parts.find(name);
    const bool has_failed = whole != step.parts.end() && whole->second == Part::kFailed;
    mark = has_failed || (failed > 0 && done == 0) ? "✗" : "✓";
    rest = fmt::format(" {:.1f} s", seconds_between(step.began, step.ended));
  } else if (elements > 0) {
    constexpr std::size_t kRoom = 60;  // for a bar
    mark = width < kRoom ? fmt::format("{}/{}", done, elements) : progress_bar(done, elements);
  } else {
    mark = running > 0 ? "…" : "·";
  }
  bool first = true;
  const auto add = [&](std::size_t number, const std::string& word) {
    if (number > 0) rest += fmt::format("{} {} {}", std::exchange(first, false) ? "  " : ",", number, word);
  };
  if (step.parts.size() > 1 || step.parts.begin()->first != name) {
    if (ended || elements == 0) add(done, "done");
    add(running, "running");
    add(failed, "failed");
  } else if (running > 0) {
    rest += " running";
  }
  if (const std::size_t retried = step.retries + between; retried > 0) {
    add(retried, "retried");
    rest += " (" + (step.why.empty() ? "cut off" : step.why);
    rest += between > 0 && step.pause_s > 0 ? fmt::format(", waits {:.1f} s)", step.pause_s) : ")";
  }
  if (waiting > 0) rest += (elements > 0 ? "   " : " ") + (step.wait.empty() ? "waits" : step.wait);
  const std::size_t taken = characters(head) + characters(mark);
  rest = cut_to(rest, width > taken ? width - taken : 0);
  const Colour colour = ended         ? (mark == "✓" ? Colour::kGreen : Colour::kRed)
                        : mark == "·" ? Colour::kYellow
                                      : Colour::kNone;
  return head + painted(mark, colour, colours) + rest;
}

std::string LiveSteps::page(std::size_t width, bool colours) const {
  std::string out;
  for (const std::string& name : order_) out += line(name, width, colours) + "\n";
  return out;
}

}  // namespace fairlead::cli
