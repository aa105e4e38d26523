// Fields as columns of the lake.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "platform/lake/lake.h"
#include "telemetry/internal/codec.h"
#include "telemetry/internal/fields.h"

namespace fairlead::telemetry {

lake::ColumnType column_type(FieldType type);

// Appends the field's value, or null where it has none.
template <class Record>
void append_field(lake::Rows& rows, const Field<Record>& field, const EncodedFields& fields) {
  switch (field.type) {
    case FieldType::kText: {
      const std::string_view text = fields.text(field.number);
      return text.empty() ? rows.null() : rows.text(text);
    }
    case FieldType::kTime:
      return rows.time(fields.integer(field.number));
    case FieldType::kMillis: {
      const std::int64_t micros = fields.integer(field.number);
      return micros < 0 ? rows.null() : rows.real(static_cast<double>(micros) / 1000);
    }
    case FieldType::kNumber: {
      const std::int64_t number = fields.integer(field.number);
      return number == 0 ? rows.null() : rows.integer(number);
    }
    case FieldType::kCount:
      return rows.integer(fields.integer(field.number));
    case FieldType::kReal:
      return rows.real(fields.real(field.number));
    case FieldType::kBoolean:
      return rows.boolean(fields.boolean(field.number));
    case FieldType::kTexts: {
      std::vector<std::string_view> texts;
      for (const auto& [number, text] : fields.elements()) {
        if (number == field.number) texts.push_back(text);
      }
      return rows.texts(texts);
    }
  }
}

// "before" and the column's name of each field.
inline std::string joined(auto&& fields, std::string_view before, std::string_view between = ", ") {
  std::string out;
  for (const auto& field : fields) {
    if (!out.empty()) out += between;
    out.append(before).append(field.column);
  }
  return out;
}

}  // namespace fairlead::telemetry
