// Byte-pair encoding by the ranks that OpenAI publishes (tiktoken).
#pragma once
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace fairlead::llm {

// A view of tables in the program's read-only data: immutable, made for nothing, shared by all threads. Text with
// special tokens written out ("<|endoftext|>") is plain text here, as it is in what a user sends. Bytes that are no
// UTF-8 are characters of no class.
class Bpe {
 public:
  static const Bpe& cl100k_base();
  static const Bpe& o200k_base();

  // O(n log n) in the longest piece that the pattern does not divide, O(n) otherwise. Allocates for pieces longer than
  // 64 bytes alone: 16 bytes for each of theirs.
  std::int64_t count(std::string_view text) const;
  // The tokens' ranks, which are their ids.
  std::vector<std::uint32_t> encode(std::string_view text) const;

  std::string_view name() const { return name_; }
  // The bytes of a token; empty if there is none of that rank.
  std::string_view token(std::uint32_t rank) const;

 private:
  enum class Pattern : std::uint8_t { kCl100k, kO200k };
  Bpe(std::string_view name, const char* table, Pattern pattern);

  std::uint32_t rank_of(std::string_view bytes) const;
  template <class Sink>
  void encode_with(std::string_view text, Sink& sink) const;
  template <class Sink>
  void merge_short(std::string_view piece, Sink& sink) const;
  template <class Sink>
  void merge_long(std::string_view piece, Sink& sink) const;

  std::string_view name_;
  std::span<const std::uint32_t> slots_;
  const std::uint32_t* pairs_;
  const std::uint32_t* begins_;
  const char* bytes_;
  std::uint32_t count_, longest_;
  Pattern pattern_;
};

}  // namespace fairlead::llm
