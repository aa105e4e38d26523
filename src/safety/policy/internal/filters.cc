#include "safety/policy/internal/filters.h"

#include <fmt/format.h>

#include <algorithm>

#include "platform/json/text.h"
#include "safety/pii/scanner.h"
#include "safety/policy/internal/text.h"

namespace fairlead::policy {
namespace {

constexpr std::size_t kContext = 96;  // of what has gone out, for the words near
constexpr std::size_t kMostHeld = pii::kLongestSpan + Watcher::kWindow;

std::string escaped(std::string_view text) {
  const std::string quoted = json::quoted(text);
  return quoted.substr(1, quoted.size() - 2);
}

std::string with_code_units(std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const Character one = character_at(text, at);
    at += std::max<std::size_t>(one.size, 1);
    if (one.value < 0x80)
      out += static_cast<char>(one.value);
    else if (one.value < 0x10000)
      out += fmt::format("\\u{:04x}", static_cast<unsigned>(one.value));
    else
      out += fmt::format("\\u{:04x}\\u{:04x}", 0xD800U + ((one.value - 0x10000U) >> 10U),
                         0xDC00U + ((one.value - 0x10000U) & 0x3FFU));
  }
  return out;
}

}  // namespace

std::shared_ptr<const Matcher> with_escapes(const Matcher& forms) {
  auto out = std::make_shared<Matcher>(forms);
  for (const Form& form : forms.forms()) {
    const std::string written = with_code_units(form.seen);
    if (written == form.seen) continue;
    Form other = form;
    other.seen = written;
    out->add(std::move(other));
    // And in capitals, which are other code units.
    if (std::string capitals = with_code_units(upper(form.seen)); capitals != written) {
      other = form;
      other.seen = std::move(capitals);
      other.gives = upper(form.gives);
      out->add(std::move(other));
    }
  }
  return out;
}

Result<void> Restorer::push(std::string_view text, bool final, std::string& out) {
  std::string joined;
  if (!held_.empty()) {
    joined = std::move(held_);
    held_.clear();
    joined += text;
    text = joined;
  }
  std::size_t at = 0;
  const std::size_t safe = pseudonyms_->find_in_piece(text, after_word_, final, is_json_, [&](const Match& match) {
    out += text.substr(at, match.start - at);
    std::string gives =
        in_case_of(text.substr(match.start, match.end - match.start), match.form->seen, match.form->gives);
    out += is_json_ ? escaped(gives) : gives;
    at = match.end;
  });
  out += text.substr(at, safe - at);
  std::string rest(text.substr(safe));
  held_ = std::move(rest);
  return {};
}

// How far everything that begins there also ends within what is known.
std::size_t Watcher::safe_end(bool final) const {
  if (final) return held_.size();
  if (held_.size() <= kWindow) return 0;
  const std::size_t most = at_character(held_, held_.size() - kWindow);
  if (held_.size() > kMostHeld) return most;
  std::size_t end = most;
  while (end > 0 && held_[end - 1] != ' ' && held_[end - 1] != '\n' && held_[end - 1] != '\t') --end;
  const std::size_t key = held_.rfind("-----BEGIN", end);
  if (key != std::string::npos && key < end && held_.find("-----END", key) == std::string::npos) return key;
  return end;
}

Result<void> Watcher::push(std::string_view text, bool final, std::string& out) {
  held_ += text;
  std::size_t end = safe_end(final);
  if (end == 0) return {};
  const std::string seen = context_ + held_;
  const std::size_t before = context_.size();
  TextJob job{.text = seen};
  if (!find(treater_.rules, job, clock_, SteadyTime::max())) return {};
  std::vector<std::pair<std::size_t, std::size_t>> own;
  if (pseudonyms_)
    pseudonyms_->find(seen, 0, true, [&own](const Match& match) { own.emplace_back(match.start, match.end); });
  std::erase_if(job.found, [&](const Found& one) {
    return one.end <= before || std::ranges::any_of(own, [&one](const auto& span) {
             return span.first < one.end && one.start < span.second;
           });
  });
  for (const Found& one : job.found)
    if (one.start < before + end && one.end > before + end) end = std::max(one.start, before) - before;
  if (end == 0) return {};
  TextJob part{.text = std::string_view(held_).substr(0, end)};
  for (Found& one : job.found) {
    if (one.start >= before + end) continue;
    one.start = std::max(one.start, before) - before;
    one.end -= before;
    part.found.push_back(std::move(one));
  }
  treater_.treat(part, outcome_);
  if (!outcome_.blocked.empty())
    return fail(ErrorKind::kPermissionDenied, "privacy_blocked",
                "The model's answer holds something of the class " + outcome_.blocked +
                    ", which the privacy policy lets nobody see.");
  out += part.changed ? std::string_view(part.instead) : part.text;
  const std::size_t keep = std::min(kContext, before + end);
  std::string context = seen.substr(before + end - keep, keep);
  std::size_t cut = 0;
  while (cut < context.size() && (static_cast<unsigned char>(context[cut]) & 0xC0U) == 0x80U) ++cut;
  context_ = context.substr(cut);
  held_.erase(0, end);
  return {};
}

}  // namespace fairlead::policy
