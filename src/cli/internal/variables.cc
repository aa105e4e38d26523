#include "cli/internal/variables.h"

#include <fstream>
#include <sstream>

#include "platform/json/text.h"

namespace fairlead::cli {

Result<boost::json::object> read_variables(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  if (in) text << in.rdbuf();
  if (!in) return fail(ErrorKind::kInvalid, "no_such_file", path + " cannot be read.");
  auto parsed = json::parse(text.str());
  if (!parsed) return fail(with_context(std::move(parsed).error(), path));
  if (!parsed->is_object())
    return fail(ErrorKind::kInvalid, "invalid_variables", path + " has to hold a JSON object: {\"locale\": \"ru\"}.");
  return std::move(parsed->as_object());
}

}  // namespace fairlead::cli
