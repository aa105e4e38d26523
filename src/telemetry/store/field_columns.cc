#include "telemetry/store/field_columns.h"

namespace fairlead::telemetry {

lake::ColumnType column_type(FieldType type) {
  switch (type) {
    case FieldType::kText:
      return lake::ColumnType::kText;
    case FieldType::kTime:
      return lake::ColumnType::kTime;
    case FieldType::kMillis:
    case FieldType::kReal:
      return lake::ColumnType::kReal;
    case FieldType::kNumber:
      return lake::ColumnType::kNumber;
    case FieldType::kCount:
      return lake::ColumnType::kInteger;
    case FieldType::kBoolean:
      return lake::ColumnType::kBoolean;
    case FieldType::kTexts:
      return lake::ColumnType::kTexts;
  }
  return lake::ColumnType::kText;
}

}  // namespace fairlead::telemetry
