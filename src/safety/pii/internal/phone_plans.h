// The numbering plans of countries, taken from libphonenumber's metadata once, so that a number is judged in less than
// a microsecond and without the locks that libphonenumber takes.
#pragma once
#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace fairlead::pii {

// An expression over digits as the metadata have them: digits, \d, [], (), |, ?, {n}, {n,m}.
class DigitExpression {
 public:
  // False if it uses anything else: then it matches nothing.
  bool parse(std::string_view expression);
  bool matches(std::string_view digits) const;        // all of them
  std::size_t prefix(std::string_view digits) const;  // the longest that it matches from the start; 0: none

 private:
  struct Node {
    enum class Kind : std::uint8_t { kClass, kSequence, kEither } kind;
    std::uint16_t digits = 0;            // kClass: bit d for digit d
    std::uint8_t least = 1, most = 1;    // how often
    std::vector<std::uint16_t> parts{};  // indices of nodes
  };
  class Parser;
  std::uint32_t step(const Node& node, std::string_view digits, std::uint32_t at) const;
  std::uint32_t step_once(const Node& node, std::string_view digits, std::uint32_t at) const;
  std::vector<Node> nodes_;
  std::uint16_t root_ = 0;
};

class PhonePlans {
 public:
  static const PhonePlans& instance();  // made on first use, some milliseconds
  bool knows(std::string_view region) const { return by_region_.contains(region); }
  bool valid_international(std::string_view digits) const;  // with the country's code in front
  bool valid_national(std::string_view digits, std::string_view region) const;

 private:
  struct Plan {
    std::string region, code, national_prefix;
    DigitExpression general, prefix;
    bool has_prefix = false;
    struct Kind {
      std::uint32_t lengths = 0;  // bit n for n digits
      DigitExpression pattern;
    };
    std::vector<Kind> kinds;  // fixed, mobile, …
  };
  PhonePlans();
  bool valid(std::string_view national, std::string_view code) const;
  std::string_view without_prefix(std::string_view national, const Plan& plan) const;

  std::vector<Plan> plans_;
  std::map<std::string, std::vector<std::size_t>, std::less<>> by_code_;  // the main country first
  std::map<std::string, std::size_t, std::less<>> by_region_;
};

}  // namespace fairlead::pii
