// Forms with files (multipart/form-data, RFC 7578 and RFC 2046 §5.1).
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace fairlead::http {

struct FormPart {
  std::string name;
  std::optional<std::string> filename;  // as the client named it; a path may be in it
  std::string_view content_type;        // empty: none was given
  std::string_view body;
};

// The parts of a form, as views into `body`, which is not copied. `content_type` is the request's header. At most 64
// parts with heads of at most 8 KiB. Errors: kInvalid, code invalid_content_type (it is no such form) or
// invalid_multipart, saying what is wrong.
Result<std::vector<FormPart>> parse_form(std::string_view content_type, std::string_view body);

}  // namespace fairlead::http
