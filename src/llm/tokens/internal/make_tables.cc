// Makes the tables of tables.h when the program is built.
//   make_tables ranks FROM TO   FROM: a ranks file of js-tiktoken, {"bpe_ranks": "! FIRST_RANK BASE64 BASE64 …\n…"}
//   make_tables classes TO      by ICU's Unicode data
#include <unicode/uchar.h>

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

#include "llm/tokens/internal/tables.h"

namespace {

using namespace fairlead::llm::internal;

std::string read(const char* path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) throw std::runtime_error(std::string("cannot read ") + path);
  return {std::istreambuf_iterator<char>(in), {}};
}

void write(const char* path, std::string_view bytes) {
  std::ofstream out(path, std::ios::binary);
  out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  if (!out.flush()) throw std::runtime_error(std::string("cannot write ") + path);
}

std::string decoded(std::string_view base64) {
  constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  std::uint32_t bits = 0;
  int count = 0;
  for (const char c : base64) {
    if (c == '=') break;
    const std::size_t digit = kDigits.find(c);
    if (digit == std::string_view::npos) throw std::runtime_error("a token is no base64");
    bits = bits << 6 | static_cast<std::uint32_t>(digit);
    count += 6;
    if (count < 8) continue;
    count -= 8;
    out += static_cast<char>(bits >> count);
  }
  return out;
}

std::vector<std::string> tokens_by_rank(std::string_view text) {
  constexpr std::string_view kMember = "\"bpe_ranks\":\"";
  const std::size_t begin = text.find(kMember);
  if (begin == std::string_view::npos) throw std::runtime_error("there is no bpe_ranks");
  text.remove_prefix(begin + kMember.size());
  text = text.substr(0, text.find('"'));
  std::vector<std::string> out;
  std::size_t rank = 0;
  bool wants_rank = false;
  for (std::size_t at = 0; at < text.size();) {
    if (text.substr(at, 2) == "\\n") {
      at += 2;
      continue;
    }
    std::size_t end = std::min(text.find(' ', at), text.find("\\n", at));
    end = std::min(end, text.size());
    const std::string_view word = text.substr(at, end - at);
    at = end < text.size() && text[end] == ' ' ? end + 1 : end;
    if (word == "!") {
      wants_rank = true;
    } else if (wants_rank) {
      if (std::from_chars(word.data(), word.data() + word.size(), rank).ec != std::errc())
        throw std::runtime_error("a line has no rank");
      wants_rank = false;
    } else if (!word.empty()) {
      if (rank >= kRankMask) throw std::runtime_error("there are too many ranks");
      if (out.size() <= rank) out.resize(rank + 1);
      out[rank++] = decoded(word);
    }
  }
  return out;
}

template <class T>
void append(std::string& out, const T* values, std::size_t count) {
  out.append(reinterpret_cast<const char*>(values), count * sizeof(T));
}

void make_ranks(const char* from, const char* to) {
  const std::vector<std::string> tokens = tokens_by_rank(read(from));
  RanksHead head{kRanksMagic, static_cast<std::uint32_t>(tokens.size()),
                 static_cast<std::uint32_t>(std::bit_width(tokens.size())), 0};
  if ((std::size_t{1} << head.slot_bits) < 2 * tokens.size()) ++head.slot_bits;  // at most half full
  std::vector<std::uint32_t> slots(std::size_t{1} << head.slot_bits), begins;
  std::vector<std::uint32_t> pairs(kPairs, kNoRank);
  std::string bytes;
  std::array<bool, 256> single{};
  for (std::uint32_t rank = 0; rank < tokens.size(); ++rank) {
    begins.push_back(static_cast<std::uint32_t>(bytes.size()));
    const std::string& token = tokens[rank];
    if (token.empty()) continue;
    if (token.size() == 1) single[static_cast<unsigned char>(token[0])] = true;
    if (token.size() == 2) pairs[pair_index(token.data())] = rank;
    head.longest = std::max(head.longest, static_cast<std::uint32_t>(token.size()));
    bytes += token;
    const std::uint64_t hash = hash_of(token);
    std::size_t slot = hash & (slots.size() - 1);
    while (slots[slot] != 0) slot = (slot + 1) & (slots.size() - 1);
    slots[slot] = (rank + 1) | static_cast<std::uint32_t>(hash >> (32 + kRankBits)) << kRankBits;
  }
  begins.push_back(static_cast<std::uint32_t>(bytes.size()));
  if (std::ranges::find(single, false) != single.end()) throw std::runtime_error("a byte has no token");
  std::string out;
  append(out, &head, 1);
  append(out, slots.data(), slots.size());
  append(out, pairs.data(), pairs.size());
  append(out, begins.data(), begins.size());
  out += bytes;
  write(to, out);
}

CharClass class_of(UChar32 c) {
  if (c == '\r' || c == '\n') return CharClass::kNewline;
  if (u_hasBinaryProperty(c, UCHAR_WHITE_SPACE)) return CharClass::kSpace;
  const std::uint32_t mask = U_MASK(u_charType(c));
  if (mask & (U_GC_LU_MASK | U_GC_LT_MASK)) return CharClass::kUpper;
  if (mask & U_GC_LL_MASK) return CharClass::kLower;
  if (mask & U_GC_L_MASK) return CharClass::kOtherLetter;
  if (mask & U_GC_M_MASK) return CharClass::kMark;
  if (mask & U_GC_N_MASK) return CharClass::kNumber;
  return CharClass::kOther;
}

void make_classes(const char* to) {
  std::map<std::string, char> known;
  std::string index, patterns;
  for (std::uint32_t block = 0; block < kClassBlocks; ++block) {
    std::string pattern;
    for (std::uint32_t i = 0; i < kClassBlock; ++i)
      pattern += static_cast<char>(class_of(static_cast<UChar32>(block * kClassBlock + i)));
    const auto [found, is_new] = known.try_emplace(pattern, static_cast<char>(known.size()));
    if (is_new) patterns += pattern;
    index += found->second;
  }
  if (known.size() > 256) throw std::runtime_error("there are too many patterns of blocks");
  write(to, index + patterns);
}

}  // namespace

int main(int count, char** words) try {
  const std::string_view what = count > 1 ? words[1] : "";
  if (what == "ranks" && count == 4) {
    make_ranks(words[2], words[3]);
  } else if (what == "classes" && count == 3) {
    make_classes(words[2]);
  } else {
    std::fputs("usage: make_tables ranks FROM TO | classes TO\n", stderr);
    return 2;
  }
  return 0;
} catch (const std::exception& error) {
  std::fprintf(stderr, "make_tables: %s\n", error.what());
  return 1;
}
