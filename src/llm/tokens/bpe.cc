#include "llm/tokens/bpe.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <functional>

#include "llm/tokens/internal/embedded.h"
#include "llm/tokens/internal/splitter.h"
#include "llm/tokens/internal/tables.h"

namespace fairlead::llm {
namespace {

using namespace internal;

constexpr std::size_t kShort = 64;  // bytes of a piece that is merged by looking at all of its pairs each time

constexpr std::size_t kCut = 16 * 1024;  // bytes that are merged at a time of a piece without end

struct Counter {
  std::int64_t count = 0;
  void token(std::uint32_t /*rank*/) { ++count; }
};
struct Collector {
  std::vector<std::uint32_t> ranks;
  void token(std::uint32_t rank) { ranks.push_back(rank); }
};

}  // namespace

Bpe::Bpe(std::string_view name, const char* table, Pattern pattern) : name_(name), pattern_(pattern) {
  RanksHead head{};
  std::memcpy(&head, table, sizeof head);
  const auto* const slots = reinterpret_cast<const std::uint32_t*>(table + sizeof head);  // aligned: embedded.cc
  slots_ = {slots, std::size_t{1} << head.slot_bits};
  pairs_ = slots + slots_.size();
  begins_ = pairs_ + kPairs;
  bytes_ = reinterpret_cast<const char*>(begins_ + head.count + 1);
  count_ = head.count;
  longest_ = head.longest;
}

std::string_view Bpe::token(std::uint32_t rank) const {
  return rank < count_ ? std::string_view(bytes_ + begins_[rank], begins_[rank + 1] - begins_[rank])
                       : std::string_view();
}

const Bpe& Bpe::cl100k_base() {
  static const Bpe kBpe("cl100k_base", fairlead_cl100k_base, Pattern::kCl100k);
  return kBpe;
}

const Bpe& Bpe::o200k_base() {
  static const Bpe kBpe("o200k_base", fairlead_o200k_base, Pattern::kO200k);
  return kBpe;
}

std::uint32_t Bpe::rank_of(std::string_view bytes) const {
  if (bytes.size() > longest_) return kNoRank;
  const std::uint64_t hash = hash_of(bytes);
  const auto tag = static_cast<std::uint32_t>(hash >> (32 + kRankBits));
  for (std::size_t slot = hash & (slots_.size() - 1);; slot = (slot + 1) & (slots_.size() - 1)) {
    const std::uint32_t found = slots_[slot];
    if (found == 0) return kNoRank;
    if (found >> kRankBits != tag) continue;
    const std::uint32_t rank = (found & kRankMask) - 1;
    if (token(rank) == bytes) return rank;
  }
}

// Merges the pair of the lowest rank, the first of several, until no pair has one.
template <class Sink>
void Bpe::merge_short(std::string_view piece, Sink& sink) const {
  struct Part {
    std::uint32_t begin, rank;  // of the token that this part and the next one make
  };
  std::array<Part, kShort + 1> parts;
  std::size_t count = piece.size();  // the last one only ends the one before
  const auto pair = [&](std::size_t i) {
    return i + 2 <= count ? rank_of(piece.substr(parts[i].begin, parts[i + 2].begin - parts[i].begin)) : kNoRank;
  };
  for (std::uint32_t i = 0; i <= count; ++i)
    parts[i] = {i, i + 2 <= count ? pairs_[pair_index(piece.data() + i)] : kNoRank};
  for (;;) {
    std::size_t best = 0;
    for (std::size_t i = 1; i + 1 < count; ++i)
      if (parts[i].rank < parts[best].rank) best = i;
    if (parts[best].rank == kNoRank) break;
    std::copy(parts.begin() + static_cast<std::ptrdiff_t>(best) + 2,
              parts.begin() + static_cast<std::ptrdiff_t>(count) + 1,
              parts.begin() + static_cast<std::ptrdiff_t>(best) + 1);
    --count;
    parts[best].rank = pair(best);
    if (best > 0) parts[best - 1].rank = pair(best - 1);
  }
  for (std::size_t i = 0; i < count; ++i)
    sink.token(rank_of(piece.substr(parts[i].begin, parts[i + 1].begin - parts[i].begin)));
}

// The same by a heap of the pairs, each with the place where it begins; those that are no longer there are passed over.
template <class Sink>
void Bpe::merge_long(std::string_view piece, Sink& sink) const {
  const auto size = static_cast<std::uint32_t>(piece.size());
  // Of the part that begins at each byte: where the next one and the one before begin. What was merged away is its own
  // next.
  std::vector<std::uint32_t> next(size + 1), before(size + 1);
  struct Pair {
    std::uint32_t rank, begin, end;
    auto operator<=>(const Pair&) const = default;
  };
  std::vector<Pair> heap;
  heap.reserve(size);
  const auto pair_at = [&](std::uint32_t begin) -> Pair {
    const std::uint32_t middle = next[begin];
    if (middle >= size) return {kNoRank, begin, middle};
    const std::uint32_t end = next[middle];
    return {rank_of(piece.substr(begin, end - begin)), begin, end};
  };
  for (std::uint32_t i = 0; i <= size; ++i) {
    next[i] = i + 1;
    before[i] = i - 1;  // of the first: no place
  }
  for (std::uint32_t i = 0; i + 1 < size; ++i)
    if (const std::uint32_t rank = pairs_[pair_index(piece.data() + i)]; rank != kNoRank)
      heap.push_back({rank, i, i + 2});
  std::ranges::make_heap(heap, std::greater());
  const auto push = [&](std::uint32_t begin) {
    if (const Pair pair = pair_at(begin); pair.rank != kNoRank) {
      heap.push_back(pair);
      std::ranges::push_heap(heap, std::greater());
    }
  };
  while (!heap.empty()) {
    std::ranges::pop_heap(heap, std::greater());
    const Pair best = heap.back();
    heap.pop_back();
    const std::uint32_t middle = next[best.begin];
    // Still two parts, and the same ones?
    if (middle == best.begin || middle >= size || next[middle] != best.end) continue;
    next[best.begin] = best.end;
    next[middle] = middle;
    before[best.end] = best.begin;
    push(best.begin);
    if (best.begin > 0) push(before[best.begin]);
  }
  for (std::uint32_t begin = 0; begin < size; begin = next[begin])
    sink.token(rank_of(piece.substr(begin, next[begin] - begin)));
}

template <class Sink>
void Bpe::encode_with(std::string_view text, Sink& sink) const {
  Splitter splitter(text);
  for (;;) {
    const std::string_view piece = pattern_ == Pattern::kO200k ? splitter.next_o200k() : splitter.next_cl100k();
    if (piece.empty()) return;
    if (const std::uint32_t rank = rank_of(piece); rank != kNoRank)
      sink.token(rank);
    else if (piece.size() <= kShort)
      merge_short(piece, sink);
    else
      for (std::size_t at = 0; at < piece.size(); at += kCut) merge_long(piece.substr(at, kCut), sink);
  }
}

std::int64_t Bpe::count(std::string_view text) const {
  Counter out;
  encode_with(text, out);
  return out.count;
}

std::vector<std::uint32_t> Bpe::encode(std::string_view text) const {
  Collector out;
  encode_with(text, out);
  return std::move(out.ranks);
}

}  // namespace fairlead::llm
