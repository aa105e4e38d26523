#include "platform/json/schema.h"

#include "platform/json/internal/schema_compile.h"
#include "platform/json/internal/schema_validate.h"
#include "platform/json/text.h"

namespace fairlead::json {

Schema::Schema(std::unique_ptr<const internal::SchemaDocument> document) : document_(std::move(document)) {}
Schema::Schema(Schema&&) noexcept = default;
Schema& Schema::operator=(Schema&&) noexcept = default;
Schema::~Schema() = default;

Result<Schema> Schema::compile(const boost::json::value& schema, std::span<const NamedSchema> others) {
  FAIRLEAD_TRY(auto document, internal::compile_schema(schema, others));
  return Schema(std::move(document));
}

Result<Schema> Schema::parse(std::string_view text) {
  FAIRLEAD_TRY(const boost::json::value schema, json::parse(text));
  return compile(schema);
}

std::vector<SchemaError> Schema::validate(const boost::json::value& instance, std::size_t limit) const {
  return internal::validate_schema(*document_, instance, limit);
}

}  // namespace fairlead::json
