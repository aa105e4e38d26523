#include "safety/pii/internal/phone_plans.h"

#include <phonenumbers/phonemetadata.pb.h>

#include <algorithm>
#include <bit>

#include "safety/pii/internal/checks.h"

// Not in a header of the package, but exported by the library: its own data, a serialised PhoneMetadataCollection.
namespace i18n::phonenumbers {
const void* metadata_get();
int metadata_size();
}  // namespace i18n::phonenumbers

namespace fairlead::pii {
namespace {

constexpr std::size_t kMostDigits = 17;
constexpr std::uint16_t kAnyDigit = 0x3FF;

}  // namespace

class DigitExpression::Parser {
 public:
  Parser(std::string_view text, std::vector<Node>& nodes) : text_(text), nodes_(nodes) {}

  bool parse(std::uint16_t& root) { return either(root) && at_ == text_.size(); }

 private:
  char next() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  std::uint16_t put(Node node) {
    nodes_.push_back(std::move(node));
    return static_cast<std::uint16_t>(nodes_.size() - 1);
  }

  bool either(std::uint16_t& out) {
    Node node{Node::Kind::kEither};
    do {
      std::uint16_t one = 0;
      if (!sequence(one)) return false;
      node.parts.push_back(one);
    } while (next() == '|' && ++at_ > 0);
    out = node.parts.size() == 1 ? node.parts[0] : put(std::move(node));
    return true;
  }

  bool sequence(std::uint16_t& out) {
    Node node{Node::Kind::kSequence};
    while (at_ < text_.size() && next() != '|' && next() != ')') {
      std::uint16_t one = 0;
      if (!atom(one) || !repeat(one)) return false;
      node.parts.push_back(one);
    }
    out = put(std::move(node));
    return true;
  }

  bool atom(std::uint16_t& out) {
    const char c = text_[at_++];
    if (is_digit(c)) return out = put({Node::Kind::kClass, static_cast<std::uint16_t>(1U << digit(c))}), true;
    if (c == '\\' && next() == 'd') return ++at_, out = put({Node::Kind::kClass, kAnyDigit}), true;
    if (c == '[') return digit_class(out);
    if (c != '(') return false;
    if (text_.substr(at_).starts_with("?:")) at_ += 2;
    std::uint16_t inner = 0;
    if (!either(inner) || next() != ')') return false;
    ++at_;
    out = put({Node::Kind::kSequence, 0, 1, 1, {inner}});
    return true;
  }

  bool digit_class(std::uint16_t& out) {
    std::uint16_t digits = 0;
    while (at_ < text_.size() && next() != ']') {
      const char first = text_[at_++];
      char last = first;
      if (next() == '-' && at_ + 1 < text_.size()) last = text_[at_ + 1], at_ += 2;
      if (!is_digit(first) || !is_digit(last)) return false;
      for (int d = digit(first); d <= digit(last); ++d) digits |= static_cast<std::uint16_t>(1U << d);
    }
    if (next() != ']') return false;
    ++at_;
    out = put({Node::Kind::kClass, digits});
    return true;
  }

  bool repeat(std::uint16_t node) {
    if (next() == '?') return ++at_, nodes_[node].least = 0, true;
    if (next() != '{') return next() != '*' && next() != '+';
    const std::size_t end = text_.find('}', at_);
    if (end == std::string_view::npos) return false;
    const std::string_view inside = text_.substr(at_ + 1, end - at_ - 1);
    const std::size_t comma = inside.find(',');
    const std::string_view least = inside.substr(0, comma),
                           most = comma == std::string_view::npos ? least : inside.substr(comma + 1);
    if (least.empty() || most.empty()) return false;
    nodes_[node].least = static_cast<std::uint8_t>(number_of(least));
    nodes_[node].most = static_cast<std::uint8_t>(number_of(most));
    at_ = end + 1;
    return true;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::vector<Node>& nodes_;
};

bool DigitExpression::parse(std::string_view expression) {
  nodes_.clear();
  const bool known = Parser(expression, nodes_).parse(root_);
  if (!known) nodes_.clear();
  nodes_.shrink_to_fit();  // there are thousands of these
  return known;
}

// Sets of places, as bits: from where the node may begin to where it may end.
std::uint32_t DigitExpression::step_once(const Node& node, std::string_view digits, std::uint32_t at) const {
  if (node.kind == Node::Kind::kClass) {
    std::uint32_t out = 0;
    for (std::uint32_t left = at; left != 0; left &= left - 1) {
      const auto place = static_cast<std::size_t>(std::countr_zero(left));
      if (place < digits.size() && ((node.digits >> digit(digits[place])) & 1) != 0) out |= 2U << place;
    }
    return out;
  }
  if (node.kind == Node::Kind::kSequence) {
    for (const std::uint16_t part : node.parts) {
      if (at == 0) return 0;
      at = step(nodes_[part], digits, at);
    }
    return at;
  }
  std::uint32_t out = 0;
  for (const std::uint16_t part : node.parts) out |= step(nodes_[part], digits, at);
  return out;
}

std::uint32_t DigitExpression::step(const Node& node, std::string_view digits, std::uint32_t at) const {
  std::uint32_t out = node.least == 0 ? at : 0;
  for (unsigned times = 1; times <= node.most && at != 0; ++times) {
    at = step_once(node, digits, at);
    if (times >= node.least) out |= at;
  }
  return out;
}

bool DigitExpression::matches(std::string_view digits) const {
  return !nodes_.empty() && digits.size() <= kMostDigits &&
         ((step(nodes_[root_], digits, 1) >> digits.size()) & 1) != 0;
}

std::size_t DigitExpression::prefix(std::string_view digits) const {
  if (nodes_.empty() || digits.size() > kMostDigits) return 0;
  const std::uint32_t ends = step(nodes_[root_], digits, 1);
  return ends == 0 ? 0 : static_cast<std::size_t>(31 - std::countl_zero(ends));
}

const PhonePlans& PhonePlans::instance() {
  static const PhonePlans plans;
  return plans;
}

PhonePlans::PhonePlans() {
  namespace source = i18n::phonenumbers;
  source::PhoneMetadataCollection all;
  if (!all.ParseFromArray(source::metadata_get(), source::metadata_size())) return;
  for (const source::PhoneMetadata& one : all.metadata()) {
    Plan plan;
    plan.region = one.id();
    plan.code = std::to_string(one.country_code());
    plan.national_prefix = one.national_prefix();
    plan.general.parse(one.general_desc().national_number_pattern());
    // Where the prefix is more than a prefix (it is made into something else), only its plain form is taken off.
    plan.has_prefix = one.has_national_prefix_for_parsing() && !one.has_national_prefix_transform_rule() &&
                      plan.prefix.parse(one.national_prefix_for_parsing());
    for (const source::PhoneNumberDesc* const kind :
         {&one.fixed_line(), &one.mobile(), &one.toll_free(), &one.premium_rate(), &one.shared_cost(),
          &one.personal_number(), &one.voip(), &one.pager(), &one.uan(), &one.voicemail()}) {
      Plan::Kind out;
      if (kind->national_number_pattern().empty() || !out.pattern.parse(kind->national_number_pattern())) continue;
      // A kind without lengths of its own has those of the plan.
      const auto& lengths =
          kind->possible_length_size() > 0 ? kind->possible_length() : one.general_desc().possible_length();
      for (const int length : lengths)
        if (length > 0 && length < 32) out.lengths |= 1U << length;
      plan.kinds.push_back(std::move(out));
    }
    std::vector<std::size_t>& same_code = by_code_[plan.code];
    same_code.insert(one.main_country_for_code() ? same_code.begin() : same_code.end(), plans_.size());
    if (plan.region != "001") by_region_.emplace(plan.region, plans_.size());
    plans_.push_back(std::move(plan));
  }
}

bool PhonePlans::valid(std::string_view national, std::string_view code) const {
  const auto plans = by_code_.find(code);
  if (plans == by_code_.end()) return false;
  const std::uint32_t length = 1U << std::min<std::size_t>(national.size(), 31);
  return std::ranges::any_of(plans->second, [&](std::size_t index) {
    const Plan& plan = plans_[index];
    return plan.general.matches(national) && std::ranges::any_of(plan.kinds, [&](const Plan::Kind& kind) {
             return (kind.lengths & length) != 0 && kind.pattern.matches(national);
           });
  });
}

std::string_view PhonePlans::without_prefix(std::string_view national, const Plan& plan) const {
  std::size_t size = plan.has_prefix ? plan.prefix.prefix(national) : 0;
  if (!plan.has_prefix && !plan.national_prefix.empty() && national.starts_with(plan.national_prefix))
    size = plan.national_prefix.size();
  if (size == 0) return national;
  const std::string_view rest = national.substr(size);
  return plan.general.matches(national) && !plan.general.matches(rest) ? national : rest;
}

bool PhonePlans::valid_international(std::string_view digits) const {
  for (std::size_t size = 1; size <= 3 && size < digits.size(); ++size) {
    const auto plans = by_code_.find(digits.substr(0, size));
    if (plans == by_code_.end()) continue;
    const std::string_view national = digits.substr(size);
    return valid(without_prefix(national, plans_[plans->second.front()]), plans->first) ||
           valid(national, plans->first);
  }
  return false;
}

bool PhonePlans::valid_national(std::string_view digits, std::string_view region) const {
  const auto found = by_region_.find(region);
  if (found == by_region_.end()) return false;
  const Plan& plan = plans_[found->second];
  // The country's code without a plus.
  if (digits.starts_with(plan.code) && !plan.general.matches(digits)) {
    const std::string_view rest = without_prefix(digits.substr(plan.code.size()), plan);
    if (plan.general.matches(rest)) return valid(rest, plan.code);
  }
  return valid(without_prefix(digits, plan), plan.code);
}

}  // namespace fairlead::pii
