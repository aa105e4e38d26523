// The functions of strings: the standard ones, and those of CEL's string extensions. Places are in code points.
#include <algorithm>
#include <cstring>

#include "platform/expr/internal/functions.h"
#include "platform/json/text.h"

namespace fairlead::expr::internal {

std::unique_ptr<const RE2> compile_pattern(std::string_view pattern, std::size_t memory_bytes, std::string& why) {
  if (pattern.size() > kMaxPatternBytes) {
    why = "it is longer than " + std::to_string(kMaxPatternBytes) + " bytes";
    return nullptr;
  }
  RE2::Options options;
  options.set_log_errors(false);
  options.set_max_mem(static_cast<std::int64_t>(memory_bytes));
  auto out = std::make_unique<const RE2>(re2::StringPiece(pattern.data(), pattern.size()), options);
  if (out->ok()) return out;
  why = out->error();
  return nullptr;
}

namespace {

using Arguments = std::span<const Value>;
constexpr std::size_t kNowhere = std::string_view::npos;

// memmem runs in linear time, which string_view::find does not promise.
std::size_t find(std::string_view text, std::string_view part, std::size_t from = 0) {
  if (part.empty()) return from;
  const void* const found = ::memmem(text.data() + from, text.size() - from, part.data(), part.size());
  return found == nullptr ? kNowhere : static_cast<std::size_t>(static_cast<const char*>(found) - text.data());
}

std::size_t width(char lead) {
  const auto byte = static_cast<unsigned char>(lead);
  return byte < 0x80 ? 1 : (byte < 0xe0 ? 2 : (byte < 0xf0 ? 3 : 4));
}

// Where the code point with that number starts, text.size() for the one after the last; nowhere beyond that.
std::size_t place_of(std::string_view text, std::int64_t number) {
  std::size_t at = 0;
  while (number > 0 && at < text.size()) at += width(text[at]), --number;
  return number == 0 ? at : kNowhere;
}

std::int64_t number_of(std::string_view text, std::size_t place) {
  return static_cast<std::int64_t>(json::count_characters(text.substr(0, place)));
}

Value bad_place(Machine& machine, Arguments arguments, std::size_t which = 1) {
  return machine.error(ErrorCode::kOutOfBounds, {}, arguments[which],
                       Value::integer(static_cast<std::int64_t>(json::count_characters(arguments[0].as_text()))));
}

Value contains(Machine& machine, Arguments arguments) {
  machine.spend_on(arguments[0].as_text().size());
  return Value::boolean(find(arguments[0].as_text(), arguments[1].as_text()) != kNowhere);
}
Value starts_with(Machine& machine, Arguments arguments) {
  machine.spend_on(arguments[1].as_text().size());
  return Value::boolean(arguments[0].as_text().starts_with(arguments[1].as_text()));
}
Value ends_with(Machine& machine, Arguments arguments) {
  machine.spend_on(arguments[1].as_text().size());
  return Value::boolean(arguments[0].as_text().ends_with(arguments[1].as_text()));
}

// A pattern that is not a literal is compiled each time: the steps are what that may take.
Value matches(Machine& machine, Arguments arguments) {
  const std::string_view subject = arguments[0].as_text();
  const std::string_view pattern = arguments[1].as_text();
  machine.spend(5000 + 20 * pattern.size());
  if (machine.stopped() != Machine::Stop::kNone) return {};
  std::string why;
  const auto compiled = compile_pattern(pattern, 128 * 1024, why);
  if (compiled == nullptr) return machine.error(ErrorCode::kInvalidArgument, "a regular expression", arguments[1]);
  return machine.matches(subject, *compiled);
}

Value char_at(Machine& machine, Arguments arguments) {
  const std::string_view text = arguments[0].as_text();
  machine.spend_on(text.size());
  const std::size_t place = arguments[1].as_int() < 0 ? kNowhere : place_of(text, arguments[1].as_int());
  if (place == kNowhere) return bad_place(machine, arguments);
  return Value::string(place == text.size() ? std::string_view() : text.substr(place, width(text[place])));
}

Value index_of(Machine& machine, Arguments arguments) {
  const std::string_view text = arguments[0].as_text();
  const std::string_view part = arguments[1].as_text();
  machine.spend_on(text.size());
  std::size_t from = 0;
  if (arguments.size() > 2) {
    from = arguments[2].as_int() < 0 ? kNowhere : place_of(text, arguments[2].as_int());
    if (from == kNowhere) return bad_place(machine, arguments, 2);
  }
  const std::size_t found = find(text, part, from);
  return Value::integer(found == kNowhere ? -1 : number_of(text, found));
}

Value last_index_of(Machine& machine, Arguments arguments) {
  const std::string_view text = arguments[0].as_text();
  const std::string_view part = arguments[1].as_text();
  machine.spend_on(text.size());
  std::size_t last = text.size();
  if (arguments.size() > 2) {
    last = arguments[2].as_int() < 0 ? kNowhere : place_of(text, arguments[2].as_int());
    if (last == kNowhere) return bad_place(machine, arguments, 2);
  }
  machine.spend(text.size() / 64 * (1 + part.size() / 8));  // rfind compares at each place
  if (machine.stopped() != Machine::Stop::kNone) return {};
  const std::size_t found = text.rfind(part, last);
  return Value::integer(found == kNowhere ? -1 : number_of(text, found));
}

Value substring(Machine& machine, Arguments arguments) {
  const std::string_view text = arguments[0].as_text();
  machine.spend_on(text.size());
  const std::int64_t first = arguments[1].as_int();
  const std::size_t from = first < 0 ? kNowhere : place_of(text, first);
  if (from == kNowhere) return bad_place(machine, arguments);
  if (arguments.size() < 3) return Value::string(text.substr(from));
  const std::int64_t last = arguments[2].as_int();
  const std::size_t to = last < first ? kNowhere : place_of(text.substr(from), last - first);
  return to == kNowhere ? bad_place(machine, arguments, 2) : Value::string(text.substr(from, to));
}

template <bool kUpper>
Value ascii_case(Machine& machine, Arguments arguments) {
  const std::string_view text = arguments[0].as_text();
  char* const out = machine.text(text.size());
  if (out == nullptr) return {};
  std::ranges::transform(text, out, [](char c) {
    if (kUpper) return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  });
  return Value::string({out, text.size()});
}

// How many bytes of white space start the text, as Unicode has it.
std::size_t white_space(std::string_view text) {
  const auto byte = [&](std::size_t place) {
    return place < text.size() ? static_cast<unsigned char>(text[place]) : static_cast<unsigned char>(0);
  };
  if (byte(0) == ' ' || (byte(0) >= 9 && byte(0) <= 13)) return 1;
  if (byte(0) == 0xc2 && (byte(1) == 0x85 || byte(1) == 0xa0)) return 2;
  if (byte(0) == 0xe1 && byte(1) == 0x9a && byte(2) == 0x80) return 3;
  if (byte(0) == 0xe2 && byte(1) == 0x80 &&
      ((byte(2) >= 0x80 && byte(2) <= 0x8a) || byte(2) == 0xa8 || byte(2) == 0xa9 || byte(2) == 0xaf))
    return 3;
  if (byte(0) == 0xe2 && byte(1) == 0x81 && byte(2) == 0x9f) return 3;
  return byte(0) == 0xe3 && byte(1) == 0x80 && byte(2) == 0x80 ? 3 : 0;
}

Value trim(Machine& machine, Arguments arguments) {
  std::string_view text = arguments[0].as_text();
  machine.spend_on(text.size());
  while (const std::size_t size = white_space(text)) text.remove_prefix(size);
  while (!text.empty()) {
    std::size_t last = text.size() - 1;
    while (last > 0 && (static_cast<unsigned char>(text[last]) & 0xc0) == 0x80) --last;
    if (white_space(text.substr(last)) != text.size() - last) break;
    text = text.substr(0, last);
  }
  return Value::string(text);
}

Value reverse(Machine& machine, Arguments arguments) {
  const std::string_view text = arguments[0].as_text();
  char* const out = machine.text(text.size());
  if (out == nullptr) return {};
  for (std::size_t at = 0; at < text.size(); at += width(text[at]))
    std::ranges::copy(text.substr(at, width(text[at])), out + text.size() - at - width(text[at]));
  return Value::string({out, text.size()});
}

Value join(Machine& machine, Arguments arguments) {
  const Value list = arguments[0];
  const std::string_view between = arguments.size() > 1 ? arguments[1].as_text() : std::string_view();
  const std::size_t count = list.size();
  machine.spend(count);
  std::size_t size = count > 1 ? between.size() * (count - 1) : 0;
  if (machine.stopped() != Machine::Stop::kNone) return {};
  for (std::size_t i = 0; i < count; ++i) {
    const Value item = list.item(i);
    if (!item.is(Kind::kString)) return machine.no_overload("join", list, item);
    size += item.as_text().size();
  }
  char* const out = machine.text(size);
  if (out == nullptr) return {};
  char* end = out;
  for (std::size_t i = 0; i < count; ++i) {
    if (i > 0) end = std::ranges::copy(between, end).out;
    end = std::ranges::copy(list.item(i).as_text(), end).out;
  }
  return Value::string({out, size});
}

// Calls `piece` with what stands between the first `most` separators (all if negative), and with the rest. An empty
// separator stands between all code points.
template <class Piece>
void split_at(std::string_view text, std::string_view separator, std::int64_t most, Piece piece) {
  while (most != 0 && !text.empty()) {
    std::size_t end = separator.empty() ? width(text[0]) : find(text, separator);
    if (end == kNowhere || (separator.empty() && end >= text.size())) break;
    piece(text.substr(0, end));
    text.remove_prefix(end + separator.size());
    if (most > 0) --most;
  }
  piece(text);
}

Value split(Machine& machine, Arguments arguments) {
  const std::string_view text = arguments[0].as_text();
  const std::string_view separator = arguments[1].as_text();
  const std::int64_t limit = arguments.size() > 2 ? arguments[2].as_int() : -1;
  if (limit == 0 || (text.empty() && separator.empty())) return Value::list({});
  machine.spend_on(2 * text.size());
  std::size_t count = 0;
  split_at(text, separator, limit < 0 ? -1 : limit - 1, [&](std::string_view) { ++count; });
  machine.spend(count);
  auto* const items = machine.array<Value>(count);
  if (items == nullptr || machine.stopped() != Machine::Stop::kNone) return {};
  std::size_t place = 0;
  split_at(text, separator, limit < 0 ? -1 : limit - 1,
           [&](std::string_view piece) { items[place++] = Value::string(piece); });
  return Value::list({items, count});
}

Value replace(Machine& machine, Arguments arguments) {
  const std::string_view text = arguments[0].as_text();
  const std::string_view before = arguments[1].as_text();
  const std::string_view after = arguments[2].as_text();
  const std::int64_t limit = arguments.size() > 3 ? arguments[3].as_int() : -1;
  if (limit == 0 || before == after) return arguments[0];
  machine.spend_on(2 * text.size());
  // An empty `before` stands before each code point and at the end.
  const auto each = [&](auto place) {
    std::int64_t left = limit;
    std::size_t at = 0;
    while (left != 0 && at <= text.size()) {
      const std::size_t found = before.empty() ? at : find(text, before, at);
      if (found == kNowhere) break;
      place(found);
      at = found + (before.empty() ? (found < text.size() ? width(text[found]) : 1) : before.size());
      if (left > 0) --left;
    }
  };
  std::size_t count = 0;
  each([&](std::size_t) { ++count; });
  machine.spend(count);
  if (machine.stopped() != Machine::Stop::kNone) return {};
  if (count > 0 && after.size() > Value::kMaxSize / count) {
    machine.text(Value::kMaxSize);
    return {};
  }
  const std::size_t size = text.size() - count * before.size() + count * after.size();
  char* const out = machine.text(size);
  if (out == nullptr) return {};
  char* end = out;
  std::size_t from = 0;
  each([&](std::size_t found) {
    end = std::ranges::copy(text.substr(from, found - from), end).out;
    end = std::ranges::copy(after, end).out;
    from = found + before.size();
  });
  std::ranges::copy(text.substr(from), end);
  return Value::string({out, size});
}

constexpr Overload kTextOverloads[] = {
    {"contains", true, "ss", 'b', contains},
    {"startsWith", true, "ss", 'b', starts_with},
    {"endsWith", true, "ss", 'b', ends_with},
    {"matches", true, "ss", 'b', matches},
    {"matches", false, "ss", 'b', matches},
    {"charAt", true, "si", 's', char_at},
    {"indexOf", true, "ss", 'i', index_of},
    {"indexOf", true, "ssi", 'i', index_of},
    {"lastIndexOf", true, "ss", 'i', last_index_of},
    {"lastIndexOf", true, "ssi", 'i', last_index_of},
    {"substring", true, "si", 's', substring},
    {"substring", true, "sii", 's', substring},
    {"lowerAscii", true, "s", 's', ascii_case<false>},
    {"upperAscii", true, "s", 's', ascii_case<true>},
    {"trim", true, "s", 's', trim},
    {"reverse", true, "s", 's', reverse},
    {"join", true, "S", 's', join},
    {"join", true, "Ss", 's', join},
    {"split", true, "ss", 'S', split},
    {"split", true, "ssi", 'S', split},
    {"replace", true, "sss", 's', replace},
    {"replace", true, "sssi", 's', replace},
};

}  // namespace

std::span<const Overload> text_overloads() {
  return kTextOverloads;
}

}  // namespace fairlead::expr::internal
