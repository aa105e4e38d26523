#include "safety/pii/internal/phones.h"

#include <algorithm>

#include "safety/pii/entities.h"
#include "safety/pii/internal/checks.h"
#include "safety/pii/internal/numbers.h"
#include "safety/pii/internal/phone_plans.h"

namespace fairlead::pii {
namespace {

constexpr std::size_t kLeastDigits = 7, kMostDigits = 15;
constexpr Scores kInternational{0.9, 0.97}, kNational{0.4, 0.9}, kNationalShape{0.6, 0.92}, kLikePhone{0, 0.6};

// How people group the numbers of a country, by the sizes of the groups.
bool is_phone_shape(const Number& number, std::size_t first, std::size_t last) {
  constexpr std::string_view kShapes[] = {"334", "1334", "13322", "3322",  "2224", "22222", "1333", "433",  "443",
                                          "343", "3333", "522",   "43322", "1433", "434",   "1343", "3332", "33222"};
  if (last - first > 5 || last == first) return false;
  char sizes[6];
  std::size_t count = 0;
  for (std::size_t i = first; i <= last; ++i) sizes[count++] = static_cast<char>('0' + number.groups[i].size());
  return std::ranges::find(kShapes, std::string_view(sizes, count)) != std::end(kShapes);
}

bool is_ascii_word_at(std::string_view text, std::size_t at) {
  return at < text.size() && (is_digit(text[at]) || is_letter(text[at]));
}

}  // namespace

Result<Phones> Phones::create(std::vector<std::string> regions) {
  for (const std::string& one : regions)
    if (!PhonePlans::instance().knows(one))
      return fail(
          ErrorKind::kInvalid, "invalid_value",
          "`" + one.substr(0, 20) + "` is no region of phone numbers: write two capital letters such as `US` or `RU`.",
          "regions");
  return Phones(std::move(regions));
}

bool Phones::valid(std::string_view digits, bool international) const {
  const PhonePlans& plans = PhonePlans::instance();
  if (international) return plans.valid_international(digits);
  return std::ranges::any_of(regions_, [&](const std::string& region) { return plans.valid_national(digits, region); });
}

void Phones::recognise_international(const Reading& reading, const Number& number, std::size_t first) const {
  std::size_t last = first;
  while (last + 1 < number.count && number.size(first, last + 1) <= kMostDigits) ++last;
  const std::size_t plus = number.groups[first].start - 1;
  for (int tries = 0; tries < 4; ++tries, --last) {
    const std::string_view digits = number.digits_of(first, last);
    if (digits.size() < kLeastDigits) return;
    const std::size_t end = number.groups[last].end;
    const Near near = reading.near(plus, end, Topic::kPhone);
    if (valid(digits, true))
      return reading.add(plus, end, kPhoneNumber, score_of(kInternational, near) - reading.taken_off(plus, end, near),
                         "valid international number", near);
    if (tries == 0 && !near.word.empty() && digits.size() <= kMostDigits && digits.size() >= 9)
      reading.add(plus, end, kPhoneNumber, score_of(kLikePhone, near), "written like an international number", near);
    if (last == first) return;
  }
}

bool Phones::recognise_national(const Reading& reading, const Number& number, std::size_t first,
                                std::size_t last) const {
  const std::string_view digits = number.digits_of(first, last);
  if (digits.size() < kLeastDigits || digits.size() > kMostDigits) return false;
  std::size_t start = number.groups[first].start;
  const std::size_t end = number.groups[last].end;
  if (reading.before(start) == '(') --start;
  const Near near = reading.near(start, end, Topic::kPhone);
  if (!near.adjacent && (reading.word_before(start) || reading.word_behind(end))) return false;
  const char before = reading.before(start);
  if ((before == '-' || before == '/' || before == '.' || before == ',') && start > 1 &&
      is_ascii_word_at(reading.text, start - 2))
    return false;
  if (reading.at(end) == ',' && is_digit(reading.at(end + 1))) return false;
  const bool bracket = reading.text.substr(start, end - start).find(')') != std::string_view::npos;
  const bool shape = is_phone_shape(number, first, last) || (bracket && last > first);
  const bool grouped = last > first;
  if (near.word.empty() && !shape) return false;
  const double off = reading.taken_off(start, end, near);
  if (valid(digits, false)) {
    reading.add(start, end, kPhoneNumber, score_of(shape ? kNationalShape : kNational, near) - off,
                "valid number of a default region", near);
    return true;
  }
  const bool dialled = digits.front() == '0' || grouped;
  if (near.word.empty() || !dialled) return false;
  reading.add(start, end, kPhoneNumber, score_of(kLikePhone, near) - off, "written like a number that is dialled",
              near);
  return true;
}

void Phones::recognise(const Reading& reading, const Number& number) const {
  for (std::size_t i = 0; i < number.count; ++i) {
    const std::size_t start = number.groups[i].start;
    if (reading.before(start) == '+' && !reading.word_before(start - 1))
      return recognise_international(reading, number, i);
  }
  if (number.count == 1 || number.digit_count <= kMostDigits) {
    if (recognise_national(reading, number, 0, number.count - 1)) return;
  }
  // A part of it whose groups are those of a phone number.
  for (std::size_t first = 0; first < number.count; ++first)
    for (std::size_t last = std::min(first + 5, number.count) - 1; last > first; --last)
      if (!(first == 0 && last + 1 == number.count) && is_phone_shape(number, first, last) &&
          recognise_national(reading, number, first, last)) {
        first = last;
        break;
      }
}

}  // namespace fairlead::pii
