#include "models/internal/fetch.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <vector>

namespace fairlead::models {
namespace {

constexpr int kRedirects = 5;
constexpr std::chrono::seconds kHeadTimeout{60};
constexpr std::chrono::milliseconds kReadTimeout{60'000};
constexpr std::size_t kFetchedChunk = 1024 * 1024;

std::unexpected<Error> source_failed(std::string message) {
  return fail(ErrorKind::kUpstream, "model_source", std::move(message));
}

struct Target {
  http::Origin origin;
  std::string base;  // "https://host:port"
  std::string path;  // with its query
};

Result<Target> parse_target(const std::string& url) {
  const auto scheme = url.find("://");
  if (!url.starts_with("https://") && !url.starts_with("http://")) {
    return fail(ErrorKind::kInvalid, "invalid_source", "A model is fetched from an http:// or https:// URL.", "source");
  }
  const auto path = url.find_first_of("/?#", scheme + 3);
  Target out;
  out.base = url.substr(0, path);
  if (path != std::string::npos)
    out.path = url.substr(path, url.find('#') == std::string::npos ? path : url.find('#') - path);
  if (!out.path.starts_with('/')) out.path.insert(0, "/");
  FAIRLEAD_TRY(out.origin, http::Origin::parse(out.base));
  return out;
}

// RFC 3986 §5.2, as far as servers use it.
Result<std::string> redirected(const Target& from, std::string_view location) {
  std::string next;
  if (location.find("://") != std::string_view::npos) {
    next = location;
  } else if (location.starts_with("//")) {
    next = from.base.substr(0, from.base.find(':') + 1) + std::string(location);
  } else if (location.starts_with('/')) {
    next = from.base + std::string(location);
  } else {
    const std::string path = from.path.substr(0, from.path.find('?'));
    next = from.base + path.substr(0, path.rfind('/') + 1) + std::string(location);
  }
  if (from.base.starts_with("https://") && !next.starts_with("https://")) {
    return source_failed("The source redirects from https to `" + next.substr(0, 200) + "`, which is not followed.");
  }
  return next;
}

// The first byte and the whole size of "bytes 100-199/200"; false if it says anything else.
bool parse_content_range(std::string_view text, std::uint64_t& from, std::uint64_t& total) {
  if (!text.starts_with("bytes ")) return false;
  text.remove_prefix(6);
  const auto dash = text.find('-');
  const auto slash = text.find('/');
  if (dash == std::string_view::npos || slash == std::string_view::npos) return false;
  const auto read = [](std::string_view digits, std::uint64_t& out) {
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), out);
    return error == std::errc() && end == digits.data() + digits.size();
  };
  return read(text.substr(0, dash), from) && read(text.substr(slash + 1), total);
}

std::string range_lines(const PartFile& part) {
  std::string out = "accept: */*\r\naccept-encoding: identity\r\nuser-agent: fairlead\r\n";
  if (part.size() == 0 || part.etag().empty()) return out;
  return out + "range: bytes=" + std::to_string(part.size()) + "-\r\nif-range: " + part.etag() + "\r\n";
}

// Makes the part file end where the answer begins.
Result<void> align(const http::ClientResponse& response, PartFile& part, FetchProgress& progress) {
  std::uint64_t from = 0, total = 0;
  if (response.status() == 206) {
    if (!parse_content_range(response.header("content-range").value_or(""), from, total) || from != part.size()) {
      return source_failed("The source answered with another range than was asked for.");
    }
    progress.total = total;
  } else {
    const std::string_view length = response.header("content-length").value_or("0");
    std::from_chars(length.data(), length.data() + length.size(), total);
    progress.total = total;
    // Only a strong tag says that two answers are the same byte for byte.
    const std::string etag(response.header("etag").value_or(""));
    FAIRLEAD_CHECK(part.restart(etag.starts_with('"') ? etag : ""));
  }
  progress.fetched = part.size();
  return {};
}

}  // namespace

async::Task<Result<void>> fetch_url(http::Client& client, std::string url, PartFile& part, FetchProgress& progress,
                                    async::Cancellation& cancellation) {
  for (int redirects = 0; redirects <= kRedirects; ++redirects) {
    auto target = parse_target(url);
    if (!target) co_return fail(std::move(target).error());
    const std::string lines = range_lines(part);
    http::ClientRequest request;
    request.target = target->path;
    request.header_lines = lines;
    request.deadline = std::chrono::steady_clock::now() + kHeadTimeout;
    request.read_timeout = kReadTimeout;
    auto sent = co_await client.send(target->origin, request, cancellation);
    if (!sent) co_return fail(std::move(sent).error());
    std::unique_ptr<http::ClientResponse> response = *std::move(sent);
    const int status = response->status();
    if (status == 301 || status == 302 || status == 303 || status == 307 || status == 308) {
      auto next = redirected(*target, response->header("location").value_or(""));
      if (!next) co_return fail(std::move(next).error());
      url = *std::move(next);
      continue;
    }
    if (status == 416) {  // what is here is no part of what is there any more
      if (auto emptied = part.restart(""); !emptied) co_return fail(std::move(emptied).error());
      continue;
    }
    if (status != 200 && status != 206)
      co_return source_failed("The source answered with status " + std::to_string(status) + ".");
    if (auto aligned = align(*response, part, progress); !aligned) co_return fail(std::move(aligned).error());
    for (;;) {
      auto bytes = co_await response->read();
      if (!bytes) {
        if (bytes.error().code == "cancelled") co_return fail(std::move(bytes).error());
        co_return source_failed("The transfer broke after " + std::to_string(part.size()) + " bytes (" +
                                bytes.error().message + "). Add the model again to go on.");
      }
      if (bytes->empty()) break;
      if (auto kept = part.append(*bytes); !kept) co_return fail(std::move(kept).error());
      progress.fetched = part.size();
    }
    if (progress.total != 0 && part.size() != progress.total) {
      co_return source_failed("The transfer ended after " + std::to_string(part.size()) + " of " +
                              std::to_string(progress.total.load()) + " bytes. Add the model again to go on.");
    }
    co_return Result<void>{};
  }
  co_return source_failed("The source redirects more than " + std::to_string(kRedirects) + " times.");
}

Result<void> copy_file(const std::string& path, PartFile& part, FetchProgress& progress,
                       const std::atomic<bool>& cancelled) {
  const UniqueFd from(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat found {};
  if (from.get() < 0 || fstat(from.get(), &found) != 0) {
    return fail(ErrorKind::kInvalid, "model_source", path + " cannot be read: " + std::strerror(errno) + ".");
  }
  if (!S_ISREG(found.st_mode)) return fail(ErrorKind::kInvalid, "model_source", path + " is not a file.");
  // A tag of our own, so that a copy of a file that has changed is not gone on with.
  const std::string tag = std::to_string(found.st_size) + "-" + std::to_string(found.st_mtim.tv_sec) + "." +
                          std::to_string(found.st_mtim.tv_nsec);
  if (part.etag() != tag) FAIRLEAD_CHECK(part.restart(tag));
  progress.total = static_cast<std::uint64_t>(found.st_size);
  std::vector<char> buffer(kFetchedChunk);
  for (;;) {
    progress.fetched = part.size();
    if (cancelled) return fail(ErrorKind::kCancelled, "cancelled", "Copying " + path + " was given up.");
    const ssize_t count = pread(from.get(), buffer.data(), buffer.size(), static_cast<off_t>(part.size()));
    if (count < 0)
      return fail(ErrorKind::kUnavailable, "model_source", path + " cannot be read: " + std::strerror(errno) + ".");
    if (count == 0) return {};
    FAIRLEAD_CHECK(part.append({buffer.data(), static_cast<std::size_t>(count)}));
  }
}

}  // namespace fairlead::models
