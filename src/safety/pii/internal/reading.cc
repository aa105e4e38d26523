#include "safety/pii/internal/reading.h"

#include <algorithm>

#include "safety/pii/internal/look_alikes.h"
#include "safety/pii/internal/normalise.h"

namespace fairlead::pii {
namespace {

constexpr double kTakenOff = 0.4, kTakenOffWeak = 0.5, kLostAtTheEdge = 0.1, kNearEnough = 0.55;

bool is_word(char32_t code) {
  if (code < 0x80) return is_ascii_word(static_cast<unsigned char>(code)) || code == '_';
  return code != 0xFFFD && is_other_letter(code);
}

}  // namespace

bool Reading::word_before(std::size_t start) const {
  if (start == 0) return false;
  std::size_t at = start - 1;
  while (at > 0 && start - at < 4 && (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80) --at;
  return is_word(character_at(text, at).code);
}

bool Reading::word_behind(std::size_t end) const {
  return end < text.size() && is_word(character_at(text, end).code);
}

double Reading::taken_off(std::size_t start, std::size_t end, const Near& topic) const {
  const Near other = near(start, end, Topic::kOther);
  if (other.word.empty() || other.nearness < kNearEnough) return 0;
  if (topic.weak) return kTakenOffWeak;
  return topic.word.empty() || other.nearness > topic.nearness ? kTakenOff : 0;
}

void Reading::add(std::size_t start, std::size_t end, std::string_view entity, double score, std::string_view what,
                  const Near& near, bool container) const {
  score = std::clamp(score, 0.0, 1.0);
  if (score < least || start >= end) return;
  Finding one{start, end, entity, score, std::string(what), container};
  if (!near.word.empty()) one.why.append("; near `").append(near.word).append("`");
  out.push_back(std::move(one));
}

double score_of(Scores scores, const Near& near) {
  if (near.word.empty()) return scores.alone;
  return std::max(scores.alone, scores.near - kLostAtTheEdge * (1 - near.nearness));
}

}  // namespace fairlead::pii
