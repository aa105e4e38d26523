// Result<T>: a value or an Error. Functions that can fail return one; nothing of the project throws.
#pragma once
#include <expected>
#include <string_view>
#include <type_traits>
#include <utility>

#include "base/error.h"

namespace fairlead {

template <class T = void>
using Result = std::expected<T, Error>;

// `return fail(ErrorKind::kNotFound, "model_not_found", "Model `x` does not exist.", "model");`
// Cold: what leads to it stands apart from the code of calls that go well, which fits the processor's cache better so.
[[gnu::cold]] std::unexpected<Error> fail(ErrorKind kind, std::string_view code, std::string_view message,
                                          std::string_view param = {});
[[gnu::cold]] std::unexpected<Error> fail(Error error);
// What the macros below return.
template <class E>
[[gnu::cold, gnu::noinline]] std::unexpected<std::remove_cvref_t<E>> pass_on(E&& error) {
  return std::unexpected(std::forward<E>(error));
}

}  // namespace fairlead

#define FAIRLEAD_JOIN_(a, b) a##b
#define FAIRLEAD_JOIN(a, b) FAIRLEAD_JOIN_(a, b)

// FAIRLEAD_TRY(auto x, f()): x is the value of f(), or the function returns its error. CO_ for coroutines.
#define FAIRLEAD_TRY_IMPL_(tmp, ret, decl, ...)              \
  auto tmp = (__VA_ARGS__);                                  \
  if (!tmp) ret ::fairlead::pass_on(std::move(tmp).error()); \
  decl = *std::move(tmp)
#define FAIRLEAD_TRY(decl, ...) FAIRLEAD_TRY_IMPL_(FAIRLEAD_JOIN(fairlead_result_, __LINE__), return, decl, __VA_ARGS__)
#define FAIRLEAD_CO_TRY(decl, ...) \
  FAIRLEAD_TRY_IMPL_(FAIRLEAD_JOIN(fairlead_result_, __LINE__), co_return, decl, __VA_ARGS__)

// The same for a Result<void>.
#define FAIRLEAD_CHECK(...)                                            \
  do {                                                                 \
    if (auto fairlead_result_ = (__VA_ARGS__); !fairlead_result_)      \
      return ::fairlead::pass_on(std::move(fairlead_result_).error()); \
  } while (false)
#define FAIRLEAD_CO_CHECK(...)                                                                 \
  do {                                                                                         \
    auto fairlead_result_ = (__VA_ARGS__);                                                     \
    if (!fairlead_result_) co_return ::fairlead::pass_on(std::move(fairlead_result_).error()); \
  } while (false)
