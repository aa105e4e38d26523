#include "telemetry/internal/codec.h"

#include <bit>
#include <cstring>
#include <type_traits>

#include "telemetry/internal/crc32c.h"
#include "telemetry/internal/fields.h"

namespace fairlead::telemetry {
namespace {

// Wire types of Protocol Buffers (https://protobuf.dev/programming-guides/encoding/).
constexpr std::uint64_t kVarint = 0, kFixed64 = 1, kBytes = 2;

void put_varint(std::string& out, std::uint64_t value) {
  char buffer[10];
  int size = 0;
  while (value >= 0x80) {
    buffer[size++] = static_cast<char>(value | 0x80);
    value >>= 7;
  }
  buffer[size++] = static_cast<char>(value);
  out.append(buffer, static_cast<std::size_t>(size));
}

void put_tag(std::string& out, int number, std::uint64_t wire) {
  put_varint(out, static_cast<std::uint64_t>(number) << 3 | wire);
}

void put_bytes(std::string& out, int number, std::string_view bytes) {
  put_tag(out, number, kBytes);
  put_varint(out, bytes.size());
  out.append(bytes);
}

std::uint64_t zigzag(std::int64_t value) {
  return (static_cast<std::uint64_t>(value) << 1) ^ static_cast<std::uint64_t>(value >> 63);
}
std::int64_t unzigzag(std::uint64_t value) {
  return static_cast<std::int64_t>(value >> 1) ^ -static_cast<std::int64_t>(value & 1);
}

template <class Record>
void put_fields(std::string& out, std::span<const Field<Record>> fields, const Record& record) {
  static const Record unset;
  for (const auto& field : fields) {
    const FieldRef ref = field.ref(const_cast<Record&>(record));  // refs are only read here
    const FieldRef was = field.ref(const_cast<Record&>(unset));
    std::visit(
        [&](auto* value) {
          using T = std::remove_pointer_t<decltype(value)>;
          if (*value == **std::get_if<T*>(&was)) return;
          if constexpr (std::is_same_v<T, std::string>) {
            put_bytes(out, field.number, *value);
          } else if constexpr (std::is_same_v<T, std::vector<std::string>>) {
            for (const auto& text : *value) put_bytes(out, field.number, text);
          } else if constexpr (std::is_same_v<T, double>) {
            put_tag(out, field.number, kFixed64);
            const auto bits = std::bit_cast<std::uint64_t>(*value);
            out.append(reinterpret_cast<const char*>(&bits), 8);
          } else {
            put_tag(out, field.number, kVarint);
            put_varint(out, zigzag(static_cast<std::int64_t>(*value)));
          }
        },
        ref);
  }
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

template <class Record>
void take_value(std::span<const Field<Record>> fields, Record& record, std::uint64_t number, const Value& value) {
  for (const auto& field : fields) {
    if (static_cast<std::uint64_t>(field.number) != number) continue;
    std::visit(
        [&](auto* into) {
          using T = std::remove_pointer_t<decltype(into)>;
          if constexpr (std::is_same_v<T, std::string>) {
            if (value.wire == kBytes) into->assign(value.bytes);
          } else if constexpr (std::is_same_v<T, std::vector<std::string>>) {
            if (value.wire == kBytes) into->emplace_back(value.bytes);
          } else if constexpr (std::is_same_v<T, double>) {
            if (value.wire == kFixed64) *into = std::bit_cast<double>(value.number);
          } else {
            if (value.wire == kVarint) *into = static_cast<T>(unzigzag(value.number));
          }
        },
        field.ref(record));
    return;
  }
}

bool take_attempt(std::string_view bytes, Attempt& attempt) {
  Reader reader(bytes);
  while (!reader.at_end()) {
    std::uint64_t tag = 0;
    Value value;
    if (!reader.varint(tag) || !value.read(reader, tag & 7)) return false;
    take_value(attempt_fields(), attempt, tag >> 3, value);
  }
  return true;
}

}  // namespace

void encode(std::string& out, const CallRecord& record) {
  put_fields(out, call_fields(), record);
  std::string bytes;
  for (const auto& attempt : record.attempts) {
    bytes.clear();
    put_fields(bytes, attempt_fields(), attempt);
    put_bytes(out, kAttemptsNumber, bytes);
  }
}

std::optional<CallRecord> decode(std::string_view bytes) {
  CallRecord record;
  Reader reader(bytes);
  while (!reader.at_end()) {
    std::uint64_t tag = 0;
    Value value;
    if (!reader.varint(tag) || !value.read(reader, tag & 7)) return std::nullopt;
    if (tag >> 3 == kAttemptsNumber && value.wire == kBytes) {
      if (!take_attempt(value.bytes, record.attempts.emplace_back())) return std::nullopt;
    } else {
      take_value(call_fields(), record, tag >> 3, value);
    }
  }
  return record;
}

void append_frame(std::string& out, const CallRecord& record) {
  const std::size_t start = out.size();
  out.append(kFrameHead, '\0');
  encode(out, record);
  const std::string_view payload = std::string_view(out).substr(start + kFrameHead);
  const auto length = static_cast<std::uint32_t>(payload.size());
  std::memcpy(out.data() + start, &length, 4);
  const std::uint32_t crc = crc32c(payload, crc32c({out.data() + start, 4}));
  std::memcpy(out.data() + start + 4, &crc, 4);
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
