#include "platform/http/internal/chunk_decoder.h"

#include <algorithm>
#include <cstring>

#include "platform/http/internal/head_parser.h"

namespace fairlead::http {
namespace {

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool is_text(char c) {
  return c == '\t' || (static_cast<unsigned char>(c) >= 0x20 && c != 0x7f);
}

}  // namespace

ChunkDecoder::Step ChunkDecoder::decode(char* data, std::size_t size) {
  Step step;
  while (step.consumed < size && state_ != State::kDone && state_ != State::kFailed) {
    if (state_ != State::kData) {
      control(data[step.consumed++]);
      continue;
    }
    const std::size_t bytes = static_cast<std::size_t>(std::min<std::uint64_t>(remaining_, size - step.consumed));
    if (step.payload != step.consumed) std::memmove(data + step.payload, data + step.consumed, bytes);
    step.payload += bytes;
    step.consumed += bytes;
    remaining_ -= bytes;
    if (remaining_ == 0) state_ = State::kDataReturn;
  }
  return step;
}

void ChunkDecoder::control(char c) {
  switch (state_) {
    case State::kSize:
      if (const int value = hex_value(c); value >= 0) {
        if (++digits_ > kSizeDigits) return fail("A chunk size has too many digits.");
        remaining_ = remaining_ * 16 + static_cast<std::uint64_t>(value);
        return;
      }
      if (digits_ == 0) return fail("A chunk size is not a hexadecimal number.");
      [[fallthrough]];
    case State::kSpace:
      if (c == '\r' && state_ == State::kSize) {
        state_ = State::kSizeEnd;
      } else if (c == ';') {
        state_ = State::kExtension;
      } else if ((c == ' ' || c == '\t') && ++extension_bytes_ <= kExtensionBytes) {
        state_ = State::kSpace;  // only an extension may follow
      } else {
        fail("A chunk size is not followed by CR LF.");
      }
      return;
    case State::kExtension:
      if (c == '\r') {
        state_ = State::kSizeEnd;
      } else if (!is_text(c)) {
        fail("A chunk extension holds a control character.");
      } else if (++extension_bytes_ > kExtensionBytes) {
        fail("The chunk extensions are too long.");
      }
      return;
    case State::kSizeEnd:
      if (c != '\n') return fail("A chunk size is not followed by CR LF.");
      digits_ = 0;
      state_ = remaining_ > 0 ? State::kData : State::kTrailer;
      return;
    case State::kDataReturn:
      if (c != '\r') return fail("A chunk is longer than its size.");
      state_ = State::kDataEnd;
      return;
    case State::kDataEnd:
      if (c != '\n') return fail("A chunk is longer than its size.");
      state_ = State::kSize;
      return;
    case State::kTrailer:
      if (c == '\r') {
        state_ = State::kTrailerEnd;
      } else if (!is_text(c)) {
        fail("A trailer holds a control character.");
      } else if (++trailer_bytes_ > kTrailerBytes) {
        fail("The trailers are too long.");
      } else {
        trailer_line_ += c;
      }
      return;
    case State::kTrailerEnd:
      if (c != '\n') return fail("A trailer does not end with CR LF.");
      return end_of_trailer_line();
    case State::kData:
    case State::kDone:
    case State::kFailed:
      return;
  }
}

void ChunkDecoder::end_of_trailer_line() {
  if (trailer_line_.empty()) {
    state_ = State::kDone;
    return;
  }
  Header ignored;
  if (!parse_field_line(trailer_line_, ignored)) return fail("A trailer is not `name: value`.");
  trailer_bytes_ += 32;  // so that many short ones count too
  trailer_line_.clear();
  state_ = State::kTrailer;
}

}  // namespace fairlead::http
