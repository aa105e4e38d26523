// The chunked transfer coding, strict (RFC 9112 section 7.1).
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace fairlead::http {

// Takes a body out of its chunks, in place, split anywhere. Extensions and trailers are checked, counted and dropped.
class ChunkDecoder {
 public:
  struct Step {
    std::size_t payload = 0;   // bytes of the body, now at the front of what was given
    std::size_t consumed = 0;  // bytes of the coding; fewer than were given only at the end
  };

  void reset() { *this = ChunkDecoder(); }
  Step decode(char* data, std::size_t size);
  bool done() const { return state_ == State::kDone; }
  bool failed() const { return state_ == State::kFailed; }
  std::string_view fault() const { return fault_; }  // static text
  // Bytes that the chunk in progress has announced and that have not come yet.
  std::uint64_t announced() const { return state_ == State::kData ? remaining_ : 0; }

 private:
  enum class State : std::uint8_t {
    kSize,
    kSpace,
    kExtension,
    kSizeEnd,
    kData,
    kDataReturn,
    kDataEnd,
    kTrailer,
    kTrailerEnd,
    kDone,
    kFailed
  };
  static constexpr std::size_t kSizeDigits = 15;        // 2^60: no sum of two overflows
  static constexpr std::size_t kExtensionBytes = 1024;  // of one whole body
  static constexpr std::size_t kTrailerBytes = 8 * 1024;

  void fail(std::string_view why) { state_ = State::kFailed, fault_ = why; }
  void control(char c);
  void end_of_trailer_line();

  State state_ = State::kSize;
  std::uint64_t remaining_ = 0;
  std::size_t digits_ = 0;
  std::size_t extension_bytes_ = 0;
  std::size_t trailer_bytes_ = 0;
  std::string trailer_line_;
  std::string_view fault_;
};

}  // namespace fairlead::http
