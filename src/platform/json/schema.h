// JSON Schema, draft 2020-12 (https://json-schema.org/draft/2020-12). What is not supported is listed in the README.
#pragma once
#include <boost/json/value.hpp>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace fairlead::json {

namespace internal {
struct SchemaDocument;
}

struct SchemaError {
  std::string pointer;  // into the instance (RFC 6901): of the value at fault; of the object when a member is missing
  std::string keyword;  // "required", "enum", …
  std::string message;  // "must be one of en, ru", with a suggestion where a name or value is a slip
};

// A schema that others refer to by its URI.
struct NamedSchema {
  std::string uri;
  boost::json::value schema;
};

// A compiled schema. Immutable, thread-safe. Validation ends: depth, steps and regular expressions are bounded.
class Schema {
 public:
  // `others` are what `$ref` may name besides the schema itself; nothing is ever fetched. Error: invalid_schema with
  // the pointer into the schema as `param`.
  static Result<Schema> compile(const boost::json::value& schema, std::span<const NamedSchema> others = {});
  static Result<Schema> parse(std::string_view text);
  Schema(Schema&&) noexcept;
  Schema& operator=(Schema&&) noexcept;
  ~Schema();

  // Faults in the order of the instance, at most `limit`; empty: valid.
  std::vector<SchemaError> validate(const boost::json::value& instance, std::size_t limit = 20) const;

 private:
  explicit Schema(std::unique_ptr<const internal::SchemaDocument> document);
  std::unique_ptr<const internal::SchemaDocument> document_;
};

}  // namespace fairlead::json
