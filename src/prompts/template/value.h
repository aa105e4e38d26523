// What expressions evaluate to. A value is 16 bytes and is copied freely; what it points to lives in the render's
// arena, in the program's constants or in the caller's variables, and is never freed before the render ends.
#pragma once
#include <cstdint>
#include <string_view>

namespace fairlead::prompts::jinja {

struct List;
struct Dict;
struct Range;
struct Namespace;
struct Loop;
struct Macro;
struct Bound;
struct Missing;

enum class Tag : std::uint8_t {
  kAbsent,     // an argument not given, a slot not set; no expression has this value
  kError,      // the render has failed; Context holds why
  kUndefined,  // what was looked up does not exist: using it is an error, asking whether it is defined is not
  kNone,
  kBool,
  kInt,
  kFloat,
  kString,
  kList,  // lists and tuples
  kDict,
  kRange,
  kNamespace,
  kLoop,   // the `loop` of a for
  kMacro,  // a macro, or the caller of a call block
  kBound,  // a method of a value, or a global function
};

struct Value {
  Tag tag = Tag::kAbsent;
  bool lenient = false;    // of an undefined: prints as nothing, is false (an inline if without else)
  std::uint32_t size = 0;  // of a string, in bytes
  union {
    std::int64_t integer = 0;
    bool boolean;
    double number;
    const char* characters;
    const List* list;
    Dict* dict;
    const Range* range;
    Namespace* space;
    Loop* loop;
    const Macro* macro;
    const Bound* bound;
    const Missing* missing;
  };

  static Value none() { return with(Tag::kNone); }
  static Value error() { return with(Tag::kError); }
  static Value of(bool boolean) {
    Value value = with(Tag::kBool);
    value.boolean = boolean;
    return value;
  }
  static Value of(std::int64_t integer) {
    Value value = with(Tag::kInt);
    value.integer = integer;
    return value;
  }
  static Value of(double number) {
    Value value = with(Tag::kFloat);
    value.number = number;
    return value;
  }
  // A view: the text must live as long as the render.
  static Value of(std::string_view text) {
    Value value = with(Tag::kString);
    value.size = static_cast<std::uint32_t>(text.size());
    value.characters = text.data();
    return value;
  }
  static Value of(const char* text) { return of(std::string_view(text)); }
  static Value of(const List* list) {
    Value value = with(Tag::kList);
    value.list = list;
    return value;
  }
  static Value of(Dict* dict) {
    Value value = with(Tag::kDict);
    value.dict = dict;
    return value;
  }

  bool is(Tag other) const { return tag == other; }
  bool absent() const { return tag == Tag::kAbsent; }
  bool failed() const { return tag == Tag::kError; }
  bool is_string() const { return tag == Tag::kString; }
  bool is_list() const { return tag == Tag::kList; }
  // Booleans are numbers, as in Python.
  bool is_integral() const { return tag == Tag::kInt || tag == Tag::kBool; }
  bool is_number() const { return is_integral() || tag == Tag::kFloat; }

  std::string_view text() const { return {characters, size}; }
  std::int64_t as_integer() const { return tag == Tag::kBool ? boolean : integer; }
  double as_double() const { return tag == Tag::kFloat ? number : static_cast<double>(as_integer()); }

 private:
  static Value with(Tag tag) {
    Value value;
    value.tag = tag;
    return value;
  }
};
static_assert(sizeof(Value) == 16);

// Immutable once made.
struct List {
  enum class Form : std::uint8_t { kList, kTuple, kGroup };  // kGroup: a tuple with .grouper and .list
  const Value* items;
  std::uint32_t size;
  Form form;
  const Value* begin() const { return items; }
  const Value* end() const { return items + size; }
};

struct Entry {
  Value key, value;
};

// In the order of insertion. Changed only while it is made.
struct Dict {
  Entry* entries = nullptr;
  std::uint32_t size = 0, capacity = 0;
  std::uint32_t* index =
      nullptr;  // open addressing over entries, once there are more than a few; 0 is free, else place + 1
  std::uint32_t index_size = 0;  // a power of two
  const Entry* begin() const { return entries; }
  const Entry* end() const { return entries + size; }
};

struct Range {
  std::int64_t start, step, size;
  std::int64_t at(std::int64_t place) const { return start + place * step; }
};

// The one thing that a template can change: `{% set ns.found = true %}`.
struct Namespace {
  Dict* members;
};

struct Loop {
  Value items;  // a list or a range
  std::int64_t place = 0, size = 0;
  Value changed;  // what loop.changed() saw last: a list, or absent
};

// Why there is nothing: for the message.
struct Missing {
  std::string_view name;
  Value of;           // what lacks it; absent for a variable
  bool item = false;  // looked up by subscript
};

}  // namespace fairlead::prompts::jinja
