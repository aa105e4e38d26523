// Records to bytes and back, and the frames that hold them in the spool (docs/reference/records.md).
#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "telemetry/internal/feedback.h"
#include "telemetry/record.h"

namespace fairlead::telemetry {

// Appends the record's fields. Those that are as in a new record are left out.
void encode(std::string& out, const CallRecord& record);
void encode(std::string& out, const Feedback& feedback);

// The fields of an encoded record, or of an attempt of one, by their numbers and where they lie: texts are not copied.
// A field that was left out has the value that it has in a new record.
class EncodedFields {
 public:
  std::string_view text(int number) const { return source(number).texts_[index(number)]; }
  std::int64_t integer(int number) const { return source(number).integers_[index(number)]; }
  double real(int number) const;
  bool boolean(int number) const { return integer(number) != 0; }
  // The elements of all lists, each with the number of its field.
  std::span<const std::pair<int, std::string_view>> elements() const { return elements_; }

 private:
  friend class EncodedRecord;
  static constexpr std::size_t kNumbers = 64;
  static std::size_t index(int number) { return static_cast<std::size_t>(number); }
  const EncodedFields& source(int number) const { return (present_ >> number & 1) != 0 ? *this : *unset_; }
  template <const auto& kFields, class Record>
  static const EncodedFields& unset();
  template <const auto& kFields, class Record>
  void clear();
  template <const auto& kFields, class Record>
  bool parse(std::string_view bytes);
  template <const auto& kFields>
  void take(std::uint64_t number, std::uint64_t wire, std::uint64_t value, std::string_view bytes);

  std::uint64_t present_ = 0;  // a bit a number
  const EncodedFields* unset_ = nullptr;
  std::array<std::int64_t, kNumbers> integers_{};  // and the bits of reals
  std::array<std::string_view, kNumbers> texts_{};
  std::vector<std::pair<int, std::string_view>> elements_;
};

// Made to be used again and again: then parsing allocates next to nothing.
class EncodedRecord {
 public:
  // False if `bytes` are no encoding; then it is not to be looked at. Fields that are not known are skipped. It refers
  // to `bytes`.
  bool parse(std::string_view bytes);
  // Which of the two it is; the other one then is not to be looked at.
  bool is_feedback() const { return is_feedback_; }
  const EncodedFields& feedback() const { return feedback_; }
  const EncodedFields& call() const { return call_; }
  std::span<const EncodedFields> attempts() const { return {attempts_.data(), attempt_count_}; }

 private:
  EncodedFields call_, feedback_;
  bool is_feedback_ = false;
  std::vector<EncodedFields> attempts_;
  std::size_t attempt_count_ = 0;
};

inline constexpr std::size_t kFrameHead = 8;                  // length, CRC
inline constexpr std::size_t kFrameLimit = 64 * 1024 * 1024;  // a longer one is taken for damage

// Appends a frame that holds the record.
void append_frame(std::string& out, const CallRecord& record);
void append_frame(std::string& out, const Feedback& feedback);

// The payload of the frame at the start of `bytes`, which is then kFrameHead + payload long; nothing if it is cut off
// or damaged.
std::optional<std::string_view> read_frame(std::string_view bytes);

}  // namespace fairlead::telemetry
