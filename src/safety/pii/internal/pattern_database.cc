#include "safety/pii/internal/pattern_database.h"

#include <hs/hs.h>

#include <algorithm>
#include <atomic>
#include <new>

namespace fairlead::pii {
namespace {

unsigned flags_of(const Pattern& pattern) {
  unsigned flags = HS_FLAG_DOTALL;
  if (pattern.any_case) flags |= HS_FLAG_CASELESS;
  if (pattern.starts) flags |= HS_FLAG_SOM_LEFTMOST;
  if (pattern.unicode) flags |= HS_FLAG_UTF8;  // with HS_FLAG_UCP there would be no \b
  return flags;
}

Error error_of(hs_compile_error_t* error) {
  Error out{ErrorKind::kInvalid, "invalid_pattern", error->message};
  if (error->expression >= 0) out.param = std::to_string(error->expression);
  hs_free_compile_error(error);
  return out;
}

// A thread's scratch space, which serves every database that it has been grown for.
struct Scratch {
  hs_scratch_t* space = nullptr;
  std::vector<std::uint64_t> grown_for;
  Scratch() = default;
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  ~Scratch() { hs_free_scratch(space); }

  bool serves(const hs_database* database, std::uint64_t number) {
    if (std::ranges::find(grown_for, number) != grown_for.end()) return true;
    if (hs_alloc_scratch(database, &space) != HS_SUCCESS) return false;
    if (grown_for.size() >= 64) grown_for.clear();  // asking again costs little
    grown_for.push_back(number);
    return true;
  }
};

}  // namespace

Result<PatternDatabase> PatternDatabase::compile(const std::vector<Pattern>& patterns) {
  std::vector<const char*> expressions;
  std::vector<unsigned> flags, ids;
  for (const Pattern& one : patterns) {
    expressions.push_back(one.expression.c_str());
    flags.push_back(flags_of(one));
    ids.push_back(static_cast<unsigned>(ids.size()));
  }
  hs_database_t* database = nullptr;
  hs_compile_error_t* error = nullptr;
  if (hs_compile_multi(expressions.data(), flags.data(), ids.data(), static_cast<unsigned>(ids.size()), HS_MODE_BLOCK,
                       nullptr, &database, &error) != HS_SUCCESS)
    return fail(error_of(error));
  static std::atomic<std::uint64_t> numbers{0};
  PatternDatabase out;
  out.database_ = std::shared_ptr<const hs_database>(
      database, [](const hs_database* one) { hs_free_database(const_cast<hs_database*>(one)); });
  out.number_ = ++numbers;
  return out;
}

Result<PatternDatabase::Width> PatternDatabase::width(const Pattern& pattern) {
  hs_expr_info_t* info = nullptr;
  hs_compile_error_t* error = nullptr;
  if (hs_expression_info(pattern.expression.c_str(), flags_of(pattern), &info, &error) != HS_SUCCESS)
    return fail(error_of(error));
  const Width out{info->min_width, info->max_width};
  free(info);
  return out;
}

void PatternDatabase::scan_with(std::string_view text, void* context, Callback callback) const {
  thread_local Scratch scratch;
  if (text.empty()) return;
  if (!scratch.serves(database_.get(), number_)) throw std::bad_alloc();
  hs_scan(database_.get(), text.data(), static_cast<unsigned>(text.size()), 0, scratch.space, callback, context);
}

}  // namespace fairlead::pii
