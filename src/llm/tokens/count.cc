#include "llm/tokens/count.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "llm/tokens/bpe.h"
#include "llm/tokens/internal/attachments.h"
#include "llm/tokens/internal/by_ranks.h"
#include "llm/tokens/internal/model_table.h"

namespace fairlead::llm {
namespace {

// What templates, hidden instructions and the wrapping of tools come to beyond the bytes that a request spends on the
// same in JSON: the largest that is published is Anthropic's for tools (Tool use, Pricing: 159 to 735 tokens).
constexpr std::int64_t kFrame = 128, kToolFrame = 1024, kOwnTool = 1024;

struct Bytes {
  std::size_t ascii = 0, other = 0;
  std::size_t expanding = 0;  // characters that a tokeniser which normalises makes many of
  std::size_t all() const { return ascii + other; }
};

// U+FDF0 to U+FDFF, whose compatibility forms (Unicode NFKC) have up to 33 bytes: as they are, or escaped.
std::size_t count_expanding(std::string_view json) {
  std::size_t out = 0;
  for (std::size_t at = json.find('\xEF'); at != std::string_view::npos; at = json.find('\xEF', at + 1))
    if (at + 1 < json.size() && json[at + 1] == '\xB7') ++out;
  for (std::size_t at = json.find("\\u"); at != std::string_view::npos; at = json.find("\\u", at + 2)) {
    const std::string_view digits = json.substr(at + 2, 2);
    if (digits.size() == 2 && (digits[0] | 0x20) == 'f' && (digits[1] | 0x20) == 'd') ++out;
  }
  return out;
}

Bytes bytes_of(std::string_view json) {
  constexpr std::uint64_t kHighBits = 0x8080'8080'8080'8080;
  std::size_t other = 0, at = 0;
  for (; at + 8 <= json.size(); at += 8) {
    std::uint64_t eight;
    std::memcpy(&eight, json.data() + at, 8);
    if ((eight & kHighBits) != 0) other += static_cast<std::size_t>(std::popcount(eight & kHighBits));
  }
  for (; at < json.size(); ++at) other += static_cast<unsigned char>(json[at]) >> 7;
  return {json.size() - other, other,
          other > 0 || json.find('\\') != std::string_view::npos ? count_expanding(json) : 0};
}

// Bytes that are counted by ranks: some 20 ms of work, which an event loop can bear now and then.
constexpr std::size_t kMostCounted = 256 * 1024;

const Bpe* bpe_of(internal::KnownRanks known) {
  switch (known.ranks) {
    case internal::Ranks::kO200k:
      return &Bpe::o200k_base();
    case internal::Ranks::kCl100k:
      return &Bpe::cl100k_base();
    case internal::Ranks::kNone:
      break;
  }
  return nullptr;
}

// Images apart.
bool is_large(const CountedRequest& request) {
  std::size_t bytes = 0;
  for (const Member& member : request.members) bytes += member.json.size();
  return bytes > kMostCounted && bytes - internal::attachments_of(request.format, request.members).bytes > kMostCounted;
}

// English and code have some 4 bytes to a token; what is not ASCII (two to four bytes a character) about as many.
std::int64_t likely_of(const Bytes& bytes) {
  return static_cast<std::int64_t>((bytes.all() + 3) / 4);
}

}  // namespace

std::string_view to_string(CountedBy by) {
  switch (by) {
    case CountedBy::kTokenizer:
      return "tokenizer";
    case CountedBy::kRanks:
      return "ranks";
    case CountedBy::kEstimate:
      break;
  }
  return "estimate";
}

TokenCount estimate_input(const CountedRequest& request, const Route& route) {
  const internal::Attachments attachments = internal::attachments_of(request.format, request.members);
  Bytes text, tools, rest;
  for (const Member& member : request.members) {
    if (!internal::is_input(member.name)) continue;
    const bool is_tools = member.name == "tools" || member.name == "functions";
    const Bytes bytes = bytes_of(member.json);
    Bytes& sum = is_tools ? tools : internal::is_text(member.name) ? text : rest;
    sum.ascii += bytes.ascii;
    sum.other += bytes.other;
    sum.expanding += bytes.expanding;
  }
  text.ascii -= std::min(text.ascii, attachments.bytes);
  TokenCount out;
  out.likely = likely_of(text) + likely_of(tools);
  // A template may write a tool's schema with more white space than it was sent with.
  const std::size_t expanding = text.expanding + tools.expanding + rest.expanding;
  out.most = static_cast<std::int64_t>(text.all() + rest.all() + 2 * tools.all() + 30 * expanding) + kFrame +
             (tools.all() > 0 ? kToolFrame : 0) + kOwnTool * static_cast<std::int64_t>(attachments.own_tools);
  for (const internal::Image& image : attachments.images) {
    const internal::ImageTokens tokens = internal::tokens_of(image, route);
    out.likely += tokens.likely;
    out.most += tokens.most;
  }
  if (attachments.unbounded)
    out.most = std::max(out.most, route.context_length > 0 ? route.context_length : kLongestContext);
  return out;
}

TokenCount count_input(const CountedRequest& request, const Route& route) {
  const internal::KnownRanks known = internal::ranks_of(route);
  const Bpe* const bpe = bpe_of(known);
  if (bpe == nullptr || is_large(request)) return estimate_input(request, route);
  const TokenCount counted = internal::count_by_ranks(request, route, *bpe);
  if (known.documented) return counted;
  TokenCount out = estimate_input(request, route);
  out.likely = counted.likely;
  return out;
}

async::Task<TokenCount> count_input_exactly(CountedRequest request, const Route& route, CallContext context) {
  auto counted = co_await route.provider->count(request.format, request.members, context);
  if (counted) co_return TokenCount{*counted, *counted, CountedBy::kTokenizer};
  co_return count_input(request, route);
}

std::int64_t count_text(std::string_view text, const Route& route) {
  const Bpe* const bpe = bpe_of(internal::ranks_of(route));
  if (bpe == nullptr) return likely_of(bytes_of(text));
  if (text.size() <= kMostCounted) return bpe->count(text);
  // Its beginning stands for the rest.
  const double counted = static_cast<double>(bpe->count(text.substr(0, kMostCounted)));
  return static_cast<std::int64_t>(counted * static_cast<double>(text.size()) / kMostCounted);
}

}  // namespace fairlead::llm
