#include "telemetry/internal/codec.h"

#include <bit>
#include <cstring>
#include <iterator>
#include <type_traits>
#include <utility>

#include "base/append.h"
#include "telemetry/internal/crc32c.h"
#include "telemetry/internal/fields.h"

namespace fairlead::telemetry {
namespace {

// Wire types of Protocol Buffers (https://protobuf.dev/programming-guides/encoding/).
constexpr std::uint64_t kVarint = 0, kFixed64 = 1, kBytes = 2;

constexpr std::size_t kLongestVarint = 10, kLongestHead = 2 * kLongestVarint;

constexpr char* put_varint(char* at, std::uint64_t value) {
  while (value >= 0x80) {
    *at++ = static_cast<char>(value | 0x80);
    value >>= 7;
  }
  *at++ = static_cast<char>(value);
  return at;
}

constexpr char* put_tag(char* at, int field, std::uint64_t wire) {
  return put_varint(at, static_cast<std::uint64_t>(field) << 3 | wire);
}

char* put_bytes(char* at, int field, std::string_view bytes) {
  at = put_varint(put_tag(at, field, kBytes), bytes.size());
  std::memcpy(at, bytes.data(), bytes.size());
  return at + bytes.size();
}

std::uint64_t zigzag(std::int64_t value) {
  return (static_cast<std::uint64_t>(value) << 1) ^ static_cast<std::uint64_t>(value >> 63);
}
std::int64_t unzigzag(std::uint64_t value) {
  return static_cast<std::int64_t>(value >> 1) ^ -static_cast<std::int64_t>(value & 1);
}

template <class T>
[[gnu::always_inline]] inline char* put_value(char* at, int number, const T& value, const T& unset) {
  if constexpr (std::is_same_v<T, std::string>) {
    // Every text of a new record but one is empty.
    if (value.empty() ? unset.empty() : value == unset) return at;
    return put_bytes(at, number, value);
  } else if constexpr (std::is_same_v<T, std::vector<std::string>>) {
    for (const auto& text : value) at = put_bytes(at, number, text);
    return at;
  } else if constexpr (std::is_same_v<T, double>) {
    if (value == unset) return at;
    at = put_tag(at, number, kFixed64);
    std::memcpy(at, &value, 8);
    return at + 8;
  } else {
    if (value == unset) return at;
    return put_varint(put_tag(at, number, kVarint), zigzag(static_cast<std::int64_t>(value)));
  }
}

// At least as many bytes as put_value() writes.
template <class T>
std::size_t room_for(const T& value) {
  if constexpr (std::is_same_v<T, std::string>) {
    return kLongestHead + value.size();
  } else if constexpr (std::is_same_v<T, std::vector<std::string>>) {
    std::size_t all = 0;
    for (const auto& text : value) all += kLongestHead + text.size();
    return all;
  } else {
    return kLongestHead;
  }
}

template <FieldType kType>
using ValueOf = std::conditional_t<
    kType == FieldType::kText, std::string,
    std::conditional_t<
        kType == FieldType::kTexts, std::vector<std::string>,
        std::conditional_t<kType == FieldType::kReal, double,
                           std::conditional_t<kType == FieldType::kBoolean, bool,
                                              std::conditional_t<kType == FieldType::kNumber, int, std::int64_t>>>>>;

template <const auto& kFields, std::size_t kAt, class Record>
const auto& value_in(const Record& record) {
  const FieldRef ref = kFields[kAt].ref(const_cast<Record&>(record));  // refs are only read here
  return **std::get_if<ValueOf<kFields[kAt].type>*>(&ref);
}

// Every field of the table, unrolled: this is on the path of each call, and at run time the table's indirections cost
// three times as much as the work.
template <const auto& kFields, class Record>
char* put_fields(char* at, const Record& record) {
  static const Record unset;
  [&]<std::size_t... kIndex>(std::index_sequence<kIndex...>) {
    ((at = put_value(at, kFields[kIndex].number, value_in<kFields, kIndex>(record), value_in<kFields, kIndex>(unset))),
     ...);
  }
  (std::make_index_sequence<std::size(kFields)>());
  return at;
}

template <const auto& kFields, class Record>
std::size_t room_for_fields(const Record& record) {
  return [&]<std::size_t... kIndex>(std::index_sequence<kIndex...>) {
    return (room_for(value_in<kFields, kIndex>(record)) + ...);
  }
  (std::make_index_sequence<std::size(kFields)>());
}

// A record within a record.
template <const auto& kFields, class Record>
char* put_record(char* at, int field, const Record& record) {
  char* const body = at + kLongestHead;
  const auto size = static_cast<std::size_t>(put_fields<kFields>(body, record) - body);
  at = put_varint(put_tag(at, field, kBytes), size);
  std::memmove(at, body, size);
  return at + size;
}

class Reader {
 public:
  explicit Reader(std::string_view bytes) : bytes_(bytes) {}
  bool at_end() const { return bytes_.empty(); }
  bool varint(std::uint64_t& value) {
    value = 0;
    for (int shift = 0; shift < 64 && !bytes_.empty(); shift += 7) {
      const auto byte = static_cast<std::uint8_t>(bytes_.front());
      bytes_.remove_prefix(1);
      value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
      if (byte < 0x80) return true;
    }
    return false;
  }
  bool bytes(std::string_view& value) {
    std::uint64_t size = 0;
    if (!varint(size) || size > bytes_.size()) return false;
    value = bytes_.substr(0, size);
    bytes_.remove_prefix(size);
    return true;
  }
  bool fixed64(std::uint64_t& value) {
    if (bytes_.size() < 8) return false;
    std::memcpy(&value, bytes_.data(), 8);
    bytes_.remove_prefix(8);
    return true;
  }

 private:
  std::string_view bytes_;
};

// The value of one field, of whatever wire type; false if the bytes end first.
struct Value {
  std::uint64_t wire = 0, number = 0;
  std::string_view bytes;
  bool read(Reader& reader, std::uint64_t wire_type) {
    wire = wire_type;
    if (wire == kVarint) return reader.varint(number);
    if (wire == kFixed64) return reader.fixed64(number);
    if (wire == kBytes) return reader.bytes(bytes);
    return false;
  }
};

}  // namespace

void encode(std::string& out, const CallRecord& record) {
  std::size_t room = room_for_fields<kCallFields>(record);
  for (const auto& attempt : record.attempts) room += kLongestHead + room_for_fields<kAttemptFields>(attempt);
  append_written(out, room, [&](char* at) {
    at = put_fields<kCallFields>(at, record);
    for (const auto& attempt : record.attempts) at = put_record<kAttemptFields>(at, kAttemptsNumber, attempt);
    return at;
  });
}

void encode(std::string& out, const Feedback& feedback) {
  append_written(out, kLongestHead + room_for_fields<kFeedbackFields>(feedback),
                 [&](char* at) { return put_record<kFeedbackFields>(at, kFeedbackNumber, feedback); });
}

template <const auto& kFields, class Record>
const EncodedFields& EncodedFields::unset() {
  static const EncodedFields fields = [] {
    static Record record;
    EncodedFields made;
    for (const auto& field : kFields) {
      std::visit(
          [&](const auto* value) {
            using T = std::decay_t<decltype(*value)>;
            if constexpr (std::is_same_v<T, std::string>) {
              made.texts_[index(field.number)] = *value;
            } else if constexpr (std::is_same_v<T, double>) {
              made.integers_[index(field.number)] = std::bit_cast<std::int64_t>(*value);
            } else if constexpr (!std::is_same_v<T, std::vector<std::string>>) {
              made.integers_[index(field.number)] = static_cast<std::int64_t>(*value);
            }
          },
          field.ref(record));
    }
    return made;
  }();
  return fields;
}

template <const auto& kFields, class Record>
void EncodedFields::clear() {
  present_ = 0;
  unset_ = &unset<kFields, Record>();
  elements_.clear();
}

// One that has another wire type than it should is passed over.
template <const auto& kFields>
void EncodedFields::take(std::uint64_t number, std::uint64_t wire, std::uint64_t value, std::string_view bytes) {
  struct Expected {
    FieldType type = FieldType::kText;
    std::uint64_t wire = ~std::uint64_t{0};
  };
  static constexpr auto kExpected = [] {
    std::array<Expected, kNumbers> expected;
    for (const auto& field : kFields) {
      const bool text = field.type == FieldType::kText || field.type == FieldType::kTexts;
      const std::uint64_t kind = text ? kBytes : field.type == FieldType::kReal ? kFixed64 : kVarint;
      expected[static_cast<std::size_t>(field.number)] = {field.type, kind};
    }
    return expected;
  }();
  if (number >= kNumbers || kExpected[number].wire != wire) return;
  const FieldType type = kExpected[number].type;
  if (type == FieldType::kTexts) {
    elements_.emplace_back(static_cast<int>(number), bytes);
    return;
  }
  present_ |= std::uint64_t{1} << number;
  if (type == FieldType::kText) {
    texts_[number] = bytes;
  } else {
    integers_[number] = type == FieldType::kReal ? static_cast<std::int64_t>(value) : unzigzag(value);
  }
}

double EncodedFields::real(int number) const {
  return std::bit_cast<double>(integer(number));
}

// The fields of a part of a record.
template <const auto& kFields, class Record>
bool EncodedFields::parse(std::string_view bytes) {
  clear<kFields, Record>();
  std::uint64_t tag = 0;
  Value value;
  for (Reader reader(bytes); !reader.at_end();) {
    if (!reader.varint(tag) || !value.read(reader, tag & 7)) return false;
    take<kFields>(tag >> 3, value.wire, value.number, value.bytes);
  }
  return true;
}

bool EncodedRecord::parse(std::string_view bytes) {
  call_.clear<kCallFields, CallRecord>();
  attempt_count_ = 0;
  is_feedback_ = false;
  std::uint64_t tag = 0;
  Value value;
  for (Reader reader(bytes); !reader.at_end();) {
    if (!reader.varint(tag) || !value.read(reader, tag & 7)) return false;
    if (tag >> 3 == kAttemptsNumber && value.wire == kBytes) {
      if (attempt_count_ == attempts_.size()) attempts_.emplace_back();
      if (!attempts_[attempt_count_++].parse<kAttemptFields, Attempt>(value.bytes)) return false;
    } else if (tag >> 3 == kFeedbackNumber && value.wire == kBytes) {
      if (!feedback_.parse<kFeedbackFields, Feedback>(value.bytes)) return false;
      is_feedback_ = true;
    } else {
      call_.take<kCallFields>(tag >> 3, value.wire, value.number, value.bytes);
    }
  }
  return true;
}

namespace {

template <class Record>
void append_framed(std::string& out, const Record& record) {
  const std::size_t start = out.size();
  out.append(kFrameHead, '\0');
  encode(out, record);
  const std::string_view payload = std::string_view(out).substr(start + kFrameHead);
  const auto length = static_cast<std::uint32_t>(payload.size());
  std::memcpy(out.data() + start, &length, 4);
  const std::uint32_t crc = crc32c(payload, crc32c({out.data() + start, 4}));
  std::memcpy(out.data() + start + 4, &crc, 4);
}

}  // namespace

void append_frame(std::string& out, const CallRecord& record) {
  append_framed(out, record);
}
void append_frame(std::string& out, const Feedback& feedback) {
  append_framed(out, feedback);
}

std::optional<std::string_view> read_frame(std::string_view bytes) {
  static_assert(std::endian::native == std::endian::little);
  if (bytes.size() < kFrameHead) return std::nullopt;
  std::uint32_t length = 0, crc = 0;
  std::memcpy(&length, bytes.data(), 4);
  std::memcpy(&crc, bytes.data() + 4, 4);
  if (length > kFrameLimit || bytes.size() - kFrameHead < length) return std::nullopt;
  const std::string_view payload = bytes.substr(kFrameHead, length);
  if (crc32c(payload, crc32c(bytes.substr(0, 4))) != crc) return std::nullopt;
  return payload;
}

}  // namespace fairlead::telemetry
