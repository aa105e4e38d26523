// Reading what a client sent, field by field, so that an error names the field; and writing JSON text.
#pragma once
#include <simdjson.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace fairlead::gateway::internal {

using Element = simdjson::dom::element;
using Object = simdjson::dom::object;
using Array = simdjson::dom::array;

// All are of kind kInvalid, as OpenAI words them.
std::unexpected<Error> missing(std::string_view param);
std::unexpected<Error> wrong_type(std::string_view param, std::string_view expected, Element got);
std::unexpected<Error> invalid_value(std::string_view param, std::string_view why);
// kUnsupported: a chat cannot express it. `why` completes "'param' cannot be passed on to this model: …".
std::unexpected<Error> unsupported_parameter(std::string_view param, std::string_view why);
std::unexpected<Error> unsupported_value(std::string_view param, std::string_view why);

// The value, or invalid_type.
Result<std::string_view> text_of(std::string_view param, Element value);
Result<Object> object_of(std::string_view param, Element value);
Result<Array> array_of(std::string_view param, Element value);
Result<bool> flag_of(std::string_view param, Element value);
Result<std::int64_t> integer_of(std::string_view param, Element value, std::int64_t low, std::int64_t high);
// A member; null counts as absent.
std::optional<Element> find(Object object, std::string_view name);
// A member that is a string, or missing_required_parameter, or invalid_type.
Result<std::string_view> required_text(std::string_view param, Object object, std::string_view name);
// A member's text; empty if it is absent or of another type.
std::string_view text_at(Object object, std::string_view name);

// One value that a parser has already accepted, parsed again by itself.
class Document {
 public:
  static Result<Document> parse(std::string_view json);
  Element root() const { return root_; }

 private:
  std::unique_ptr<simdjson::dom::parser> parser_ = std::make_unique<simdjson::dom::parser>();  // elements point into it
  Element root_;
};

// A JSON object in the making, at the end of a text.
class ObjectWriter {
 public:
  explicit ObjectWriter(std::string& out) : out_(out) { out_ += '{'; }
  std::string& member(std::string_view name);  // the caller appends the value
  void text(std::string_view name, std::string_view value);
  void raw(std::string_view name, std::string_view json) { member(name) += json; }
  void number(std::string_view name, std::int64_t value) { member(name) += std::to_string(value); }
  void end() { out_ += '}'; }

 private:
  std::string& out_;
  bool first_ = true;
};

}  // namespace fairlead::gateway::internal
