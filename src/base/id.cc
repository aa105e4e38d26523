#include "base/id.h"

#include <sys/random.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <random>

namespace fairlead {
namespace {

constexpr std::string_view kAlphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

struct Generator {
  std::mt19937_64 random;
  std::uint64_t last_millis = 0;
  std::uint64_t high = 0;  // 16 of the 80 random bits
  std::uint64_t low = 0;   // 64 of them

  Generator() {
    std::array<std::uint32_t, 8> seed;
    const std::string bytes = random_bytes(sizeof seed);
    std::memcpy(seed.data(), bytes.data(), sizeof seed);
    std::seed_seq sequence(seed.begin(), seed.end());
    random.seed(sequence);
  }
};

}  // namespace

std::string random_bytes(std::size_t bytes) {
  std::string out(bytes, '\0');
  std::size_t done = 0;
  while (done < bytes) {
    const ssize_t n = getrandom(out.data() + done, bytes - done, 0);
    if (n > 0) {
      done += static_cast<std::size_t>(n);
    } else if (errno != EINTR) {
      std::abort();
    }
  }
  return out;
}

std::string new_id(std::int64_t unix_micros) {
  thread_local Generator generator;
  const std::uint64_t millis = static_cast<std::uint64_t>(unix_micros) / 1000;
  if (millis == generator.last_millis) {
    if (++generator.low == 0) ++generator.high;
  } else {
    generator.last_millis = millis;
    generator.low = generator.random();
    generator.high = generator.random() & 0x7fff;  // the top bit stays free, so that counting up cannot run over
  }
  std::string out(26, '0');
  std::uint64_t time = millis;
  for (int i = 9; i >= 0; --i, time >>= 5) out[i] = kAlphabet[time & 31];
  unsigned __int128 rest = (static_cast<unsigned __int128>(generator.high) << 64) | generator.low;
  for (int i = 25; i >= 10; --i, rest >>= 5) out[i] = kAlphabet[static_cast<unsigned>(rest & 31)];
  return out;
}

bool is_id(std::string_view text) {
  return text.size() == 26 && std::ranges::all_of(text, [](char c) { return kAlphabet.contains(c); });
}

std::int64_t id_millis(std::string_view id) {
  std::int64_t millis = 0;
  for (const char c : id.substr(0, 10)) millis = millis * 32 + static_cast<std::int64_t>(kAlphabet.find(c));
  return millis;
}

Error ambiguous_id(std::string_view start, const std::vector<std::string>& ids) {
  std::string message = "More than one id begins with `" + std::string(start) + "`: ";
  for (std::size_t i = 0; i < std::min(ids.size(), kNamedIds); ++i) message += (i > 0 ? ", " : "") + ids[i];
  message += ids.size() > kNamedIds ? " and others. Give more of it." : ". Give more of it.";
  return {ErrorKind::kInvalid, "ambiguous_id", std::move(message), "id"};
}

}  // namespace fairlead
