// One render: its memory, its fuel, its first error.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "prompts/template.h"
#include "prompts/template/value.h"

namespace fairlead::prompts::jinja {

enum class Fault : std::uint8_t { kUndefined, kType, kValue, kLimit };

struct Keyword {
  std::string_view name;
  Value value;
};

struct Arguments {
  std::span<const Value> positional;
  std::span<const Keyword> keywords;
};

// Functions that can fail return Value::error() or false after calling fail(); the first error stays. Belongs to one
// thread.
class Context {
 public:
  explicit Context(const Limits& limits) : limits_(limits), fuel_(limits.steps) {}
  virtual ~Context() = default;
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

  // Both false, with the error set, when there is no more: fuel for so many steps; memory for so many bytes, and the
  // steps that handling them takes. Whatever grows with the template's data asks first.
  bool spend(std::uint64_t steps) {
    if (steps > fuel_) return out_of_steps();
    fuel_ -= steps;
    return true;
  }
  bool spend_on(std::size_t bytes) { return spend(bytes / 64); }
  bool charge(std::size_t bytes);
  void release(std::size_t bytes) { used_ -= bytes; }

  Value fail(Fault fault, std::string message);
  bool failed() const { return failed_; }
  Fault fault() const { return fault_; }
  const std::string& message() const { return message_; }
  const Limits& limits() const { return limits_; }

  // Memory that lives as long as the render. Small sizes need no charge(): there is at most one such a step.
  void* allocate(std::size_t bytes);
  template <class T>
  T* make(T value) {
    return new (allocate(sizeof(T))) T(std::move(value));
  }
  Value copy(std::string_view text);
  Value list(std::span<const Value> items, List::Form form = List::Form::kList);
  Value pair(Value first, Value second, List::Form form = List::Form::kTuple);
  Value undefined(std::string_view name, Value of = {}, bool item = false);
  Value lenient_undefined();
  // The error of using an undefined value.
  Value fail_undefined(Value value);

  // Runs a macro, a method or a global function. Implemented by the evaluator, for filters that call.
  virtual Value call(Value callee, const Arguments& arguments) = 0;

  // Nesting of whatever walks values or nodes: `Deeper deeper(context); if (!deeper) return Value::error();`
  class Deeper {
   public:
    explicit Deeper(Context& context) : context_(context) { ++context_.depth_; }
    ~Deeper() { --context_.depth_; }
    Deeper(const Deeper&) = delete;
    Deeper& operator=(const Deeper&) = delete;
    explicit operator bool() const { return context_.depth_ <= context_.limits_.depth || context_.too_deep(); }

   private:
    Context& context_;
  };

 private:
  bool out_of_steps();
  bool too_deep();

  Limits limits_;
  std::uint64_t fuel_;
  std::size_t used_ = 0;
  int depth_ = 0;
  bool failed_ = false;
  Fault fault_ = Fault::kValue;
  std::string message_;

  std::vector<std::unique_ptr<std::byte[]>> blocks_;
  std::size_t next_block_ = 16 * 1024;
  alignas(16) std::byte first_[4096];
  std::byte* free_ = first_;
  std::size_t left_ = sizeof first_;
};

// Text in the making, charged as it grows.
class Text {
 public:
  explicit Text(Context& context) : context_(context) {}
  ~Text() { context_.release(buffer_.size()); }
  Text(const Text&) = delete;
  Text& operator=(const Text&) = delete;
  bool append(std::string_view piece) {
    if (!context_.charge(piece.size())) return false;
    buffer_.append(piece);
    return true;
  }
  bool append(std::size_t count, std::string_view piece);
  std::string_view view() const { return buffer_; }
  // Ends it; the text is no longer charged.
  std::string take() {
    context_.release(buffer_.size());
    return std::exchange(buffer_, {});
  }
  // The text so far as a value; or the error.
  Value finish() const { return context_.failed() ? Value::error() : context_.copy(buffer_); }

 private:
  Context& context_;
  std::string buffer_;
};

// A list in the making, charged as it grows. After a failed push, finish() is the error.
class Items {
 public:
  explicit Items(Context& context) : context_(context) {}
  ~Items() { context_.release(items_.capacity() * sizeof(Value)); }
  Items(const Items&) = delete;
  Items& operator=(const Items&) = delete;
  bool push(Value value);
  std::vector<Value>& values() { return items_; }
  Value finish(List::Form form = List::Form::kList) const {
    return context_.failed() ? Value::error() : context_.list(items_, form);
  }

 private:
  Context& context_;
  std::vector<Value> items_;
};

}  // namespace fairlead::prompts::jinja
