#include "platform/journal/internal/blobs.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <optional>
#include <utility>

#include "base/digest.h"
#include "platform/journal/internal/rows.h"

namespace fairlead::journal {

using store::Connection;
using store::Row;
using store::Value;

namespace {

// A reference is "blob:DIGEST:SIZE:REST", where SIZE bytes of REST come before the blob. No JSON begins so.
constexpr std::string_view kBlob = "blob:";
constexpr std::size_t kDigest = 64, kHead = kBlob.size() + kDigest + 1;

constexpr int kLevels = 12;         // that are looked into
constexpr std::size_t kAtOnce = 8;  // blobs of one query

// Behind the closing quote of the string that begins at `at`.
std::size_t end_of_string(std::string_view text, std::size_t at) {
  for (std::size_t quote = text.find('"', at + 1); quote != text.npos; quote = text.find('"', quote + 1)) {
    std::size_t before = quote;
    while (text[before - 1] == '\\') --before;
    if ((quote - before) % 2 == 0) return quote + 1;
  }
  return text.size();
}

// Behind the value that begins at `at`; `at` itself: none begins there.
std::size_t end_of_value(std::string_view text, std::size_t at) {
  int depth = 0;
  while (at < text.size()) {
    const char c = text[at];
    if (c == '"') {
      at = end_of_string(text, at);
      if (depth == 0) return at;
      continue;
    }
    if (c == '{' || c == '[') ++depth;
    if (c == '}' || c == ']') --depth;
    if (depth < 0 || (depth == 0 && c == ',')) return at;
    ++at;
    if (depth == 0 && (c == '}' || c == ']')) return at;
  }
  return at;
}

// The member or element of it that is large while the others together are not; empty: there is none.
std::string_view large_part(std::string_view text) {
  constexpr std::string_view kBetween = " \t\r\n,:";
  if (text.front() != '{' && text.front() != '[') return {};
  std::size_t at = text.find_first_not_of(kBetween, 1);
  while (at < text.size() && at <= kInline) {
    const std::size_t end = end_of_value(text, at);
    if (end - at > kInline) return text.size() - (end - at) <= kInline ? text.substr(at, end - at) : "";
    if (end == at) break;
    at = text.find_first_not_of(kBetween, end);
  }
  return {};
}

struct Reference {
  std::string_view digest, before, after;
};

std::optional<Reference> reference_of(std::string_view text) {
  if (text.size() <= kHead || text[kHead - 1] != ':') return std::nullopt;
  const std::size_t colon = text.find(':', kHead);
  if (colon == text.npos) return std::nullopt;
  std::size_t before = 0;
  const auto read = std::from_chars(text.data() + kHead, text.data() + colon, before);
  const std::string_view rest = text.substr(colon + 1);
  if (read.ec != std::errc() || read.ptr != text.data() + colon || before > rest.size()) return std::nullopt;
  return Reference{text.substr(kBlob.size(), kDigest), rest.substr(0, before), rest.substr(before)};
}

std::unexpected<Error> is_gone() {
  return fail(ErrorKind::kInternal, "store_corrupt", "A text that a run refers to is not in the store.");
}

Result<void> read_blobs(Connection& connection, std::map<std::string, std::string, std::less<>>& blobs) {
  std::string sql = "select digest, data from journal_blobs where digest in (";
  for (std::size_t i = 1; i <= kAtOnce; ++i) sql += (i == 1 ? "$" : ", $") + std::to_string(i);
  sql += ")";
  std::size_t found = 0;
  for (auto next = blobs.begin(); next != blobs.end();) {
    std::vector<Value> digests;
    for (; next != blobs.end() && digests.size() < kAtOnce; ++next) digests.emplace_back(next->first);
    digests.resize(kAtOnce, digests.back());
    FAIRLEAD_CHECK(connection.query(sql, digests, [&](const Row& row) -> Result<void> {
      ++found;
      blobs.find(row.text(0))->second = row.text(1);
      return {};
    }));
  }
  return found == blobs.size() ? Result<void>() : is_gone();
}

}  // namespace

std::string_view core_of(std::string_view text) {
  std::string_view core = text;
  for (int level = 0; level < kLevels; ++level) {
    const std::string_view part = large_part(core);
    if (part.empty()) break;
    core = part;
  }
  return core;
}

Error value_too_large(const std::string& what, std::size_t size, std::size_t most, std::string param) {
  constexpr std::size_t kKiB = 1024, kMiB = 1024 * 1024;
  const std::string bound = most % kMiB == 0   ? std::to_string(most / kMiB) + " MiB"
                            : most % kKiB == 0 ? std::to_string(most / kKiB) + " KiB"
                                               : std::to_string(most) + " bytes";
  return {ErrorKind::kTooLarge, "value_too_large",
          what + " has " + std::to_string(size) + " bytes of JSON, and may have " + bound +
              ": the setting `runs.largest_value` raises that.",
          std::move(param)};
}

bool is_large(std::string_view text) {
  return text.size() > kInline || refers(text);
}

std::string kept(std::string text, const std::string& run, std::vector<Blob>& blobs) {
  if (!is_large(text)) return text;
  const std::string_view core = core_of(text);
  const std::size_t before = static_cast<std::size_t>(core.data() - text.data());
  std::string digest = sha256_hex(core);
  std::string out = std::string(kBlob) + digest + ":" + std::to_string(before) + ":" + text.substr(0, before) +
                    text.substr(before + core.size());
  if (core.size() < text.size()) text = std::string(core);
  blobs.push_back({run, std::move(digest), std::move(text)});
  return out;
}

Result<void> write_blobs(Connection& connection, const std::vector<Blob>& blobs) {
  for (const Blob& blob : blobs) {
    const Value use[] = {blob.digest, blob.run};
    FAIRLEAD_TRY(const auto used,
                 connection.execute("insert into journal_blob_uses (digest, run) select $1, id from journal_runs where"
                                    " id = $2 on conflict do nothing",
                                    use));
    if (used == 0) continue;
    const Value digest[] = {blob.digest};
    FAIRLEAD_TRY(const bool is_there, any_row(connection, "select 1 from journal_blobs where digest = $1", digest));
    if (is_there) continue;
    const Value values[] = {blob.digest, blob.data};
    FAIRLEAD_CHECK(execute(connection, "insert into journal_blobs (digest, data) values ($1, $2)", values));
  }
  return {};
}

bool refers(std::string_view text) {
  return text.starts_with(kBlob);
}

Result<void> expand(Connection& connection, const std::vector<std::string*>& texts) {
  if (texts.empty()) return {};
  std::map<std::string, std::string, std::less<>> blobs;
  for (const std::string* const text : texts) {
    const auto reference = reference_of(*text);
    if (!reference) return is_gone();
    blobs.emplace(reference->digest, "");
  }
  FAIRLEAD_CHECK(read_blobs(connection, blobs));
  for (std::string* const text : texts) {
    const Reference reference = *reference_of(*text);
    const std::string& data = blobs.find(reference.digest)->second;
    std::string whole;
    whole.reserve(reference.before.size() + data.size() + reference.after.size());
    whole.append(reference.before).append(data).append(reference.after);
    *text = std::move(whole);
  }
  return {};
}

Result<void> purge_blobs(Connection& connection, const std::string& run) {
  std::vector<std::string> digests;
  const Value of_run[] = {run};
  FAIRLEAD_CHECK(connection.query("delete from journal_blob_uses where run = $1 returning digest", of_run,
                                  [&](const Row& row) -> Result<void> {
                                    digests.emplace_back(row.text(0));
                                    return {};
                                  }));
  for (const std::string& digest : digests) {
    const Value unused[] = {digest};
    FAIRLEAD_CHECK(execute(connection,
                           "delete from journal_blobs where digest = $1 and not exists (select 1 from"
                           " journal_blob_uses where digest = $1)",
                           unused));
  }
  return {};
}

}  // namespace fairlead::journal
