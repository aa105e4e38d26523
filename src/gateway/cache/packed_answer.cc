#include "gateway/cache/packed_answer.h"

#include <bit>
#include <cstdint>
#include <cstring>
#include <limits>

namespace fairlead::gateway::cache {
namespace {

// Another number for another order of members: what was written before is then read by nobody.
constexpr std::string_view kFormat = "fairlead answer 1\n";
static_assert(std::endian::native == std::endian::little);

std::string_view view(const Sha256& digest) {
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

// Writes or reads each member in turn: the order of both is said once, in members().
struct Writer {
  std::string& out;
  void operator()(std::int64_t number) { out.append(reinterpret_cast<const char*>(&number), sizeof number); }
  void operator()(const std::string& text) {
    (*this)(static_cast<std::int64_t>(text.size()));
    out += text;
  }
};

struct Reader {
  std::string_view left;
  bool whole = true;
  std::int64_t number() {
    std::int64_t out = 0;
    whole = whole && left.size() >= sizeof out;
    if (!whole) return 0;
    std::memcpy(&out, left.data(), sizeof out);
    left.remove_prefix(sizeof out);
    return out;
  }
  template <class Number>
  void operator()(Number& out) {
    const std::int64_t read = number();
    whole = whole && read >= std::int64_t{std::numeric_limits<Number>::min()} &&
            read <= std::int64_t{std::numeric_limits<Number>::max()};
    if (whole) out = static_cast<Number>(read);
  }
  void operator()(llm::Format& out) {
    const std::int64_t read = number();
    whole = whole && read >= 0 && read <= static_cast<std::int64_t>(llm::Format::kCountTokens);
    if (whole) out = static_cast<llm::Format>(read);
  }
  void operator()(std::string& out) {
    const std::int64_t size = number();
    whole = whole && size >= 0 && static_cast<std::uint64_t>(size) <= left.size();
    if (!whole) return;
    out = left.substr(0, static_cast<std::size_t>(size));
    left.remove_prefix(static_cast<std::size_t>(size));
  }
};

template <class Answer, class Each>
void members(Answer& answer, Each& each) {
  auto& outcome = answer.outcome;
  auto& usage = outcome.usage;
  each(answer.streamed);
  each(answer.has_usage);
  each(answer.wire);
  each(usage.input);
  each(usage.cached_input);
  each(usage.cache_write);
  each(usage.cache_write_1h);
  each(usage.output);
  each(usage.reasoning);
  each(usage.reported);
  each(outcome.finish_reason);
  each(outcome.upstream_model);
  each(outcome.upstream_id);
  each(outcome.content_started);
  each(answer.provider);
  each(answer.model);
  each(answer.model_version);
  each(answer.made_at_us);
}

}  // namespace

std::string pack(const KeptAnswer& answer, const Sha256& key, std::string_view secret) {
  std::string out(view(key));
  out.reserve(answer.bytes() + 512);
  out += kFormat;
  Writer writer{out};
  writer(static_cast<std::int64_t>(answer.format));
  members(answer, writer);
  const Sha256 tag = hmac_sha256(secret, out);
  out += view(tag);
  return out.substr(key.size());
}

std::shared_ptr<const KeptAnswer> unpack(std::string_view packed, const Sha256& key, std::string_view secret) {
  if (packed.size() < kFormat.size() + key.size() || !packed.starts_with(kFormat)) return nullptr;
  const std::string_view tag = packed.substr(packed.size() - key.size());
  packed.remove_suffix(key.size());
  const Sha256 expected = hmac_sha256(secret, std::string(view(key)).append(packed));
  if (!equal_in_constant_time(tag, view(expected))) return nullptr;
  auto out = std::make_shared<KeptAnswer>();
  Reader reader{packed.substr(kFormat.size())};
  reader(out->format);
  members(*out, reader);
  if (!reader.whole || !reader.left.empty()) return nullptr;
  return out;
}

}  // namespace fairlead::gateway::cache
