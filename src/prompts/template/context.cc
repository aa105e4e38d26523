#include "prompts/template/context.h"

#include <algorithm>
#include <cstring>

#include "prompts/template/describe.h"

namespace fairlead::prompts::jinja {

bool Context::charge(std::size_t bytes) {
  if (!spend_on(bytes)) return false;
  if (bytes > limits_.memory_bytes || used_ > limits_.memory_bytes - bytes) {
    fail(Fault::kLimit, "the template needs more memory than the " + std::to_string(limits_.memory_bytes) +
                            " bytes that a render may use.");
    return false;
  }
  used_ += bytes;
  return true;
}

bool Context::out_of_steps() {
  fuel_ = 0;
  fail(Fault::kLimit, "the template takes more than the " + std::to_string(limits_.steps) +
                          " steps that a render may take: look for a loop that runs too long.");
  return false;
}

bool Context::too_deep() {
  fail(Fault::kLimit, "nested too deeply: look for a macro that calls itself without end.");
  return false;
}

Value Context::fail(Fault fault, std::string message) {
  if (!failed_) {
    failed_ = true;
    fault_ = fault;
    message_ = std::move(message);
  }
  return Value::error();
}

void* Context::allocate(std::size_t bytes) {
  bytes = (bytes + 15) & ~std::size_t{15};
  if (bytes > left_) {
    const std::size_t block = std::max(bytes, next_block_);
    next_block_ = std::min<std::size_t>(next_block_ * 2, 1024 * 1024);
    blocks_.push_back(std::make_unique_for_overwrite<std::byte[]>(block));
    free_ = blocks_.back().get();
    left_ = block;
  }
  void* memory = free_;
  free_ += bytes;
  left_ -= bytes;
  return memory;
}

Value Context::copy(std::string_view text) {
  if (text.empty()) return Value::of("");
  if (!charge(text.size())) return Value::error();
  char* memory = static_cast<char*>(allocate(text.size()));
  std::memcpy(memory, text.data(), text.size());
  return Value::of(std::string_view(memory, text.size()));
}

Value Context::list(std::span<const Value> items, List::Form form) {
  if (!charge(items.size_bytes() + sizeof(List))) return Value::error();
  auto* memory = static_cast<Value*>(allocate(std::max<std::size_t>(items.size_bytes(), 1)));
  std::uninitialized_copy(items.begin(), items.end(), memory);
  return Value::of(static_cast<const List*>(make(List{memory, static_cast<std::uint32_t>(items.size()), form})));
}

Value Context::pair(Value first, Value second, List::Form form) {
  const Value items[] = {first, second};
  return list(items, form);
}

Value Context::undefined(std::string_view name, Value of, bool item) {
  Value value;
  value.tag = Tag::kUndefined;
  value.missing = make(Missing{name, of, item});
  return value;
}

Value Context::lenient_undefined() {
  Value value = undefined({});
  value.lenient = true;
  return value;
}

Value Context::fail_undefined(Value value) {
  const Missing& missing = *value.missing;
  const std::string name(missing.name);
  if (value.lenient)
    return fail(Fault::kUndefined, "an inline `if` was false and has no `else`, so there is no value here.");
  if (missing.of.absent()) return fail(Fault::kUndefined, "`" + name + "` is undefined.");
  return fail(Fault::kUndefined, std::string(type_name(missing.of)) + " has no " +
                                     (missing.item ? "item" : "attribute") + " `" + name + "`." +
                                     suggestion_for(missing.of, missing.name));
}

bool Text::append(std::size_t count, std::string_view piece) {
  if (piece.empty()) return true;
  if (count > context_.limits().memory_bytes / piece.size()) return context_.charge(context_.limits().memory_bytes + 1);
  if (!context_.charge(count * piece.size())) return false;
  buffer_.reserve(buffer_.size() + count * piece.size());
  for (std::size_t i = 0; i < count; ++i) buffer_.append(piece);
  return true;
}

bool Items::push(Value value) {
  if (value.failed() || !context_.spend(1)) return false;
  if (items_.size() == items_.capacity()) {
    const std::size_t more = std::max<std::size_t>(items_.capacity(), 8);
    if (!context_.charge(more * sizeof(Value))) return false;
    items_.reserve(items_.capacity() + more);
  }
  items_.push_back(value);
  return true;
}

}  // namespace fairlead::prompts::jinja
