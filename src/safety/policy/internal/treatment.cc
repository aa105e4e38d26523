#include "safety/policy/internal/treatment.h"

#include <fmt/format.h>

#include <algorithm>

#include "platform/json/text.h"
#include "safety/pii/entities.h"
#include "safety/policy/internal/shape.h"
#include "safety/policy/internal/text.h"

namespace fairlead::policy {
namespace {

constexpr std::size_t kBlock = 64 * 1024;   // of a long text, scanned at a time
constexpr std::size_t kOverlap = 2 * 1024;  // of two such: no class of data but keys and encoded runs is longer
constexpr std::size_t kHashDigits = 12;

void scan_block(const Rules& rules, TextJob& job, std::size_t begin, std::size_t end, std::size_t take_before) {
  const bool with_context = begin == 0 && !job.context.empty();
  const std::string_view part = job.text.substr(begin, end - begin);
  const std::string joined = with_context ? job.context + std::string(part) : std::string();
  const std::size_t before = with_context ? job.context.size() : 0;
  for (pii::Span& span : rules.scanner->scan(with_context ? std::string_view(joined) : part)) {
    if (span.end <= before) continue;  // the member's name
    const std::size_t start = begin + std::max(span.start, before) - before, stop = begin + span.end - before;
    if (start >= take_before) continue;  // the next block sees all of it
    if (!job.found.empty() && start < job.found.back().end) continue;
    job.found.push_back({start, stop, span.entity, span.score, std::move(span.why)});
  }
}

std::string masked(std::string_view text, std::size_t keep, std::string_view sign) {
  std::vector<std::pair<std::string_view, bool>> characters;  // and whether it counts
  std::size_t count = 0;
  for (std::size_t at = 0; at < text.size();) {
    const Character one = character_at(text, at);
    const std::size_t size = std::max<std::size_t>(one.size, 1);
    const bool counts =
        is_word(one.value) || (one.value >= 0x80 && folded(one.value) != ' ' && folded(one.value) != '-');
    characters.emplace_back(text.substr(at, size), counts);
    count += counts ? 1 : 0;
    at += size;
  }
  keep = std::min(keep, count / 2);
  std::string out;
  std::size_t left = count - keep;
  for (const auto& [character, counts] : characters) {
    const bool hidden = left > 0 && counts;
    if (hidden) --left;
    out += hidden ? sign : character;
  }
  return out;
}

std::string generalised(const Rule& rule, std::string_view entity, std::string_view text) {
  if (entity == pii::kDateTime || entity == pii::kDateOfBirth) return less_exact_date(text, rule.year_alone);
  if (entity == pii::kEmailAddress) {
    const std::size_t at = text.rfind('@');
    return at == std::string_view::npos ? std::string() : std::string(text.substr(at + 1));
  }
  if (entity == pii::kIpAddress) {
    const std::string_view bare = text.substr(0, text.find('/'));
    const std::size_t dot = bare.rfind('.');
    if (dot != std::string_view::npos && bare.find(':') == std::string_view::npos)
      return std::string(bare.substr(0, dot)) + ".0/24";
    return {};
  }
  if (!text.empty() && text.size() <= 3 && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; })) {
    const int decade = std::stoi(std::string(text)) / 10 * 10;
    return fmt::format("{}–{}", decade, decade + 9);
  }
  return {};
}

std::string hashed(std::string_view entity, std::string_view text, std::string_view project, const KeyedDigest& key) {
  std::string bound = "hash";
  for (const std::string_view part : {project, entity}) {
    bound += '\0';
    bound += part;
  }
  bound += '\0';
  bound += folded_text(text);
  return to_hex(key.of(bound)).substr(0, kHashDigits);
}

// Keeps of what is no longer there by itself where it may not go.
void keep_residency(Found& in, Found& of, const Rules& rules) {
  if (!rules.rule(of.entity).not_to.empty()) in.also.push_back(of.entity);
  in.also.insert(in.also.end(), of.also.begin(), of.also.end());
}

// Adds what passes: beside what is hidden (`out`, by its beginnings, nothing overlaps), where that does not overlap it.
void add_passing(std::vector<Found>& out, std::vector<Found> passing, const Rules& rules) {
  const auto hidden = static_cast<std::ptrdiff_t>(out.size());
  for (Found& one : passing) {
    const auto behind = out.begin() + hidden;
    const auto next = std::partition_point(out.begin(), behind, [&](const Found& h) { return h.end <= one.start; });
    if (next != behind && next->start < one.end) {
      keep_residency(*next, one, rules);
    } else if (behind != out.end() && one.start < out.back().end) {
      Found& last = out.back();
      if (one.end - one.start > last.end - last.start) {
        std::swap(last.entity, one.entity);
        std::swap(last.score, one.score);
        std::swap(last.why, one.why);
      }
      keep_residency(last, one, rules);
      last.end = std::max(last.end, one.end);
    } else {
      out.push_back(std::move(one));
    }
  }
  std::ranges::inplace_merge(out, out.begin() + hidden, {}, &Found::start);
}

// What overlaps becomes one, of the class for which the strictest is done, or else of the longest. What passes takes no
// part in that, but where it may not go the whole may not.
std::vector<Found> joined(std::vector<Found> all, const Rules& rules, Side side) {
  const auto rank = [&](const Found& one) {
    const Rule& rule = rules.rule(one.entity);
    return std::pair(rule.is_of(side) ? rule.what : Operator::kPass, one.end - one.start);
  };
  std::ranges::stable_sort(all, {}, &Found::start);
  std::vector<Found> out, passing;
  std::pair<Operator, std::size_t> highest;  // of those that the last one is made of
  for (Found& one : all) {
    const auto own = rank(one);
    if (own.first == Operator::kPass) {
      passing.push_back(std::move(one));
      continue;
    }
    if (out.empty() || one.start >= out.back().end) {
      highest = own;
      out.push_back(std::move(one));
      continue;
    }
    Found& last = out.back();
    if (own > highest) {
      highest = own;
      std::swap(last.entity, one.entity);
      std::swap(last.score, one.score);
      std::swap(last.why, one.why);
    }
    keep_residency(last, one, rules);
    last.end = std::max(last.end, one.end);
  }
  if (!passing.empty()) add_passing(out, std::move(passing), rules);
  return out;
}

bool is_space(char32_t c) {
  return c < ' ' || folded(c) == ' ';
}

// The words and the spaces of a text. Each is walked through once, however often it is asked about.
class Runs {
 public:
  explicit Runs(std::string_view text) : text_(text) {}
  struct Run {
    std::size_t begin = 0, end = 0;
  };
  // All around `at` that `belongs`, as the character there does.
  Run around(std::size_t at, bool (*belongs)(char32_t)) {
    const auto next = known_.upper_bound(at);
    if (next != known_.begin() && std::prev(next)->second > at)
      return {std::prev(next)->first, std::prev(next)->second};
    Run out{at, at};
    while (out.begin > 0) {
      const std::size_t before = at_character(text_, out.begin - 1);
      if (!belongs(character_at(text_, before).value)) break;
      out.begin = before;
    }
    while (out.end < text_.size()) {
      const Character one = character_at(text_, out.end);
      if (!belongs(one.value)) break;
      out.end += one.size;
    }
    known_.emplace(out.begin, out.end);
    return out;
  }

 private:
  const std::string_view text_;
  std::map<std::size_t, std::size_t> known_;  // by the beginning
};

// Takes spaces off its ends, and marks that touch a word outside of it; adds what is missing of its first and last
// word. What stands for it has to stand by itself to be known again.
void fit_to_words(Found& one, std::string_view text, Runs& runs) {
  const auto at = [text](std::size_t place) { return character_at(text, place); };
  const auto before = [text](std::size_t place) { return at_character(text, place - 1); };
  one.start = at_character(text, one.start);
  while (one.end < text.size() && at_character(text, one.end) != one.end) ++one.end;
  if (one.start > 0 && one.start < one.end && is_word(at(before(one.start)).value) && !is_word(at(one.start).value))
    one.start += at(one.start).size;
  if (one.start < one.end && one.end < text.size() && is_word(at(one.end).value) && !is_word(at(before(one.end)).value))
    one.end = before(one.end);
  if (one.start < one.end && is_space(at(one.start).value)) one.start = runs.around(one.start, is_space).end;
  if (one.start < one.end && is_space(at(before(one.end)).value))
    one.end = runs.around(before(one.end), is_space).begin;
  if (one.start >= one.end) return;
  if (is_word(at(one.start).value)) one.start = runs.around(one.start, is_word).begin;
  if (is_word(at(before(one.end)).value)) one.end = runs.around(before(one.end), is_word).end;
}

// Whether somebody whom the session knows stands where nothing was found.
bool shows_known(const Session& session, const TextJob& job) {
  if (job.is_name) return false;
  bool out = false;
  auto next = job.found.begin();
  session.originals().find(job.text, 0, true, [&](const Match& match) {
    while (next != job.found.end() && next->end <= match.start) ++next;
    out = out || next == job.found.end() || match.start < next->start || match.end > next->end;
  });
  return out;
}

}  // namespace

std::string Tally::json() const {
  std::string out = "{";
  for (const auto& [entity, done] : counts_) {
    if (out.size() > 1) out += ',';
    json::append_string(out, entity);
    out += ":{";
    bool first = true;
    for (const auto& [what, count] : done) {
      if (!first) out += ',';
      first = false;
      json::append_string(out, what);
      out += ':' + std::to_string(count);
    }
    out += '}';
  }
  return out + "}";
}

bool find(const Rules& rules, TextJob& job, const Clock& clock, SteadyTime deadline) {
  if (!rules.scanner) return true;
  for (std::size_t begin = 0; begin < job.text.size();) {
    const bool last = job.text.size() - begin <= kBlock + kOverlap;
    const std::size_t end = last ? job.text.size() : at_character(job.text, begin + kBlock);
    const std::size_t next = last ? end : at_character(job.text, end - kOverlap);
    scan_block(rules, job, begin, end, next);
    if (clock.steady() > deadline) return false;
    if (last) break;
    begin = next;
  }
  return true;
}

void add_found(const Rules& rules, TextJob& job, std::vector<Found> plugged) {
  Runs runs(job.text);
  for (Found& one : plugged) fit_to_words(one, job.text, runs);
  std::erase_if(plugged, [&rules](const Found& one) {
    if (one.start >= one.end) return true;
    const Rule& rule = rules.rule(one.entity);
    return one.score < rule.threshold || !rule.does_something(Side::kInput);
  });
  if (plugged.empty()) return;
  job.found.insert(job.found.end(), std::make_move_iterator(plugged.begin()), std::make_move_iterator(plugged.end()));
  job.found = joined(std::move(job.found), rules, Side::kInput);
}

std::string written_for(const Rule& rule, std::string_view entity, std::string_view text, std::string_view project,
                        const Keys& key) {
  const std::string name = "<" + std::string(entity) + ">";
  switch (rule.what) {
    case Operator::kRedact:
    case Operator::kBlock:
      return {};
    case Operator::kReplace:
      return rule.with.value_or(name);
    case Operator::kHash:
      return "<" + std::string(entity) + ":" + hashed(entity, text, project, *key.digest()) + ">";
    case Operator::kEncrypt:
      return "<" + std::string(entity) + std::string(kEncryptedMark) + key.encrypt(project, entity, text) + ">";
    case Operator::kMask:
      return masked(text, rule.keep, rule.with.value_or("*"));
    case Operator::kGeneralise: {
      std::string out = generalised(rule, entity, text);
      return out.empty() ? name : out;
    }
    case Operator::kPass:
    case Operator::kPseudonymise:
      break;
  }
  return name;
}

void Treater::treat_all(std::span<TextJob* const> jobs, Outcome& outcome) const {
  const Outcome before = outcome;
  const std::size_t known = session == nullptr ? 0 : session->originals().size();
  Treater first = *this;
  first.told = nullptr;  // who is told is told once
  for (TextJob* const job : jobs) first.treat(*job, outcome);
  const auto shows_more = [this](const TextJob* job) { return shows_known(*session, *job); };
  const bool learned = session != nullptr && session->originals().size() > known;
  if (!told && !(learned && std::ranges::any_of(jobs, shows_more))) return;
  outcome = before;
  for (TextJob* const job : jobs) {
    job->instead.clear();
    job->changed = false;
    treat(*job, outcome);
  }
}

void Treater::treat(TextJob& job, Outcome& outcome) const {
  if (session != nullptr && !job.is_name && !session->originals().empty()) {
    // What is known is found again, and nothing that looks like a pseudonym stays as it is.
    std::vector<Found> all = std::move(job.found);
    const auto note = [&](const Match& match) {
      all.push_back({match.start, match.end, session->entity_of(*match.form), 1, "known in this session"});
    };
    session->originals().find(job.text, 0, true, note);
    session->made().find(job.text, 0, true, note);
    job.found = joined(std::move(all), rules, side);
  }
  std::size_t at = 0;
  for (const Found& one : job.found) {
    const Rule& rule = rules.rule(one.entity);
    if (side == Side::kInput) {
      outcome.not_to.insert(rule.not_to.begin(), rule.not_to.end());
      for (const std::string_view entity : one.also) {
        const std::vector<std::string>& places = rules.rule(entity).not_to;
        outcome.not_to.insert(places.begin(), places.end());
      }
    }
    if (!rule.is_of(side)) continue;
    const std::string_view text = job.text.substr(one.start, one.end - one.start);
    Rule done = rule;
    if (job.is_name && rule.what != Operator::kPass && rule.what != Operator::kBlock) done.what = Operator::kHash;
    if (rule.what != Operator::kPass || !rule.not_to.empty()) outcome.done.add(one.entity, done.what);
    if (rule.what == Operator::kPass) {
      if (told && !rule.not_to.empty()) told(one, Operator::kPass, text);
      continue;
    }
    if (done.what == Operator::kBlock && outcome.blocked.empty()) outcome.blocked = one.entity;
    std::string written;
    const bool in_time = clock == nullptr || deadline == SteadyTime::max() || clock->steady() <= deadline;
    if (done.what == Operator::kPseudonymise && session != nullptr && in_time)
      written = session->hide(one.entity, text, *haystack);
    if (done.what != Operator::kPseudonymise || written.empty())
      written = written_for(done, one.entity, text, project, key);
    if (job.is_name) std::erase_if(written, [](char c) { return c == '<' || c == '>'; });
    if (job.is_name) std::ranges::replace(written, ':', '-');
    if (told) told(one, done.what, written);
    job.instead += job.text.substr(at, one.start - at);
    job.instead += written;
    at = one.end;
    job.changed = true;
  }
  if (job.changed) job.instead += job.text.substr(at);
}

}  // namespace fairlead::policy
