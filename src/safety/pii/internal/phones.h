// Phone numbers, judged by libphonenumber's data.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "safety/pii/internal/reading.h"

namespace fairlead::pii {

struct Number;

class Phones {
 public:
  // `regions`: where a number without a country's code may be from, in the order in which they are tried ("US", "RU").
  // Error: invalid_value for one that libphonenumber does not know.
  static Result<Phones> create(std::vector<std::string> regions);
  void recognise(const Reading& reading, const Number& number) const;

  // A number as it may be dialled: digits, with a plus if `international`.
  bool valid(std::string_view digits, bool international) const;

 private:
  explicit Phones(std::vector<std::string> regions) : regions_(std::move(regions)) {}
  void recognise_international(const Reading& reading, const Number& number, std::size_t first) const;
  bool recognise_national(const Reading& reading, const Number& number, std::size_t first, std::size_t last) const;

  std::vector<std::string> regions_;
};

}  // namespace fairlead::pii
