// Result<T>: a value or an Error. Functions that can fail return one; nothing of the project throws.
#pragma once
#include <expected>
#include <utility>

#include "base/error.h"

namespace fairlead {

template <class T = void>
using Result = std::expected<T, Error>;

// `return fail(ErrorKind::kNotFound, "model_not_found", "Model `x` does not exist.", "model");`
inline std::unexpected<Error> fail(ErrorKind kind, std::string code, std::string message, std::string param = {}) {
  return std::unexpected(Error{kind, std::move(code), std::move(message), std::move(param), nullptr, 0});
}
inline std::unexpected<Error> fail(Error error) {
  return std::unexpected(std::move(error));
}

}  // namespace fairlead

#define FAIRLEAD_JOIN_(a, b) a##b
#define FAIRLEAD_JOIN(a, b) FAIRLEAD_JOIN_(a, b)

// FAIRLEAD_TRY(auto x, f()): x is the value of f(), or the function returns its error. CO_ for coroutines.
#define FAIRLEAD_TRY_IMPL_(tmp, ret, decl, ...)          \
  auto tmp = (__VA_ARGS__);                              \
  if (!tmp) ret std::unexpected(std::move(tmp).error()); \
  decl = *std::move(tmp)
#define FAIRLEAD_TRY(decl, ...) FAIRLEAD_TRY_IMPL_(FAIRLEAD_JOIN(fairlead_result_, __LINE__), return, decl, __VA_ARGS__)
#define FAIRLEAD_CO_TRY(decl, ...) \
  FAIRLEAD_TRY_IMPL_(FAIRLEAD_JOIN(fairlead_result_, __LINE__), co_return, decl, __VA_ARGS__)

// The same for a Result<void>.
#define FAIRLEAD_CHECK(...)                                        \
  do {                                                             \
    if (auto fairlead_result_ = (__VA_ARGS__); !fairlead_result_)  \
      return std::unexpected(std::move(fairlead_result_).error()); \
  } while (false)
#define FAIRLEAD_CO_CHECK(...)                                                             \
  do {                                                                                     \
    auto fairlead_result_ = (__VA_ARGS__);                                                 \
    if (!fairlead_result_) co_return std::unexpected(std::move(fairlead_result_).error()); \
  } while (false)
