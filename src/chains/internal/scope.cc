#include "chains/internal/scope.h"

namespace fairlead::chains::internal {

bool variable_of(std::string_view name, const Scope& scope, const OfRun& run, expr::Value& out) {
  if (name == "input") {
    out = expr::Value::json(run.input);
  } else if (name == "item" && scope.item != nullptr) {
    out = expr::Value::json(*scope.item);
  } else if (name == "index") {
    out = expr::Value::integer(scope.index);
  } else if (name == "turn") {
    out = expr::Value::integer(scope.turn);
  } else if (name == "output") {
    out = scope.output != nullptr ? expr::Value::json(*scope.output) : expr::Value();
  } else if (name == "arguments" && scope.arguments != nullptr) {
    out = expr::Value::json(*scope.arguments);
  } else if (name == "run.id") {
    out = expr::Value::string(run.id);
  } else if (name == "run.started") {
    out = expr::Value::timestamp(run.created_at / 1'000'000,
                                 static_cast<std::uint32_t>(run.created_at % 1'000'000 * 1'000));
  } else {
    return false;
  }
  return true;
}

}  // namespace fairlead::chains::internal
