#include "gateway/files.h"

#include <algorithm>
#include <charconv>

#include "gateway/internal/caller.h"
#include "gateway/internal/file_checks.h"
#include "gateway/internal/reading.h"
#include "platform/http/multipart.h"
#include "platform/http/problem.h"
#include "platform/json/text.h"

namespace fairlead::gateway {
namespace {

constexpr std::int64_t kInOnePiece = 1 << 20;
constexpr std::size_t kPiece = 256 * 1024;
constexpr std::size_t kMaxFilename = 255;

std::string file_json(const StoredFile& file) {
  std::string out;
  internal::ObjectWriter writer(out);
  writer.text("id", file.id);
  writer.text("object", "file");
  writer.number("bytes", file.bytes);
  writer.number("created_at", file.created_at_us / 1'000'000);
  if (file.expires_at_us > 0) writer.number("expires_at", file.expires_at_us / 1'000'000);
  writer.text("filename", file.filename);
  writer.text("purpose", file.purpose);
  writer.text("status", "processed");
  writer.end();
  return out;
}

// The last part of the path that a client may have given, if it can be shown.
Result<std::string> filename_of(const std::string& given) {
  const std::size_t slash = given.find_last_of("/\\");
  const std::string name = slash == std::string::npos ? given : given.substr(slash + 1);
  const bool control = std::ranges::any_of(name, [](unsigned char c) { return c < 0x20 || c == 0x7f; });
  if (name.empty() || name.size() > kMaxFilename || control || json::valid_utf8_prefix(name) != name.size())
    return internal::invalid_value("file", "its filename must be 1 to 255 bytes of UTF-8 without control characters");
  return name;
}

Result<std::int64_t> lifetime_us(std::string_view seconds) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(seconds.data(), seconds.data() + seconds.size(), number);
  if (error != std::errc() || end != seconds.data() + seconds.size() || number < 3600 || number > 2'592'000)
    return internal::invalid_value("expires_after[seconds]", "it must be from 3600 to 2592000");
  return number * 1'000'000;
}

struct Upload {
  StoredFile file;  // expires_at_us: how long after its creation
  std::string_view content;
};

Result<Upload> read_form(std::string_view content_type, std::string_view body) {
  FAIRLEAD_TRY(const std::vector<http::FormPart> parts, http::parse_form(content_type, body));
  Upload upload;
  bool given = false, anchored = false;
  for (const http::FormPart& part : parts) {
    if (part.name == "file") {
      if (given) return internal::invalid_value("file", "one file in a request");
      if (!part.filename) return internal::invalid_value("file", "it must be sent as a file, with a filename");
      given = true;
      FAIRLEAD_TRY(upload.file.filename, filename_of(*part.filename));
      upload.content = part.body;
    } else if (part.name == "purpose") {
      upload.file.purpose = part.body;
      FAIRLEAD_CHECK(internal::check_purpose(part.body));
    } else if (part.name == "expires_after[seconds]") {
      FAIRLEAD_TRY(upload.file.expires_at_us, lifetime_us(part.body));
    } else if (part.name == "expires_after[anchor]") {
      if (part.body != "created_at") return internal::invalid_value("expires_after[anchor]", "it must be created_at");
      anchored = true;
    } else {
      return fail(ErrorKind::kInvalid, "unknown_parameter",
                  "Unknown parameter. Known are file, purpose, expires_after[anchor] and expires_after[seconds].");
    }
  }
  if (!given) return internal::missing("file");
  if (upload.file.purpose.empty()) return internal::missing("purpose");
  if (anchored != (upload.file.expires_at_us > 0))
    return internal::missing(anchored ? "expires_after[seconds]" : "expires_after[anchor]");
  return upload;
}

Result<FileQuery> query_of(const http::Exchange& exchange) {
  FileQuery query;
  FAIRLEAD_TRY(query.limit, internal::number_parameter(exchange, "limit", 10'000, 1, 10'000));
  FAIRLEAD_TRY(query.oldest_first, internal::oldest_first(exchange));
  query.after = http::query_parameter(exchange.head().query, "after").value_or("");
  query.purpose = http::query_parameter(exchange.head().query, "purpose").value_or("");
  return query;
}

std::string list_json(const std::vector<StoredFile>& files, std::size_t limit) {
  const std::size_t count = std::min(files.size(), limit);
  std::string out = R"({"object":"list","data":[)";
  for (std::size_t i = 0; i < count; ++i) {
    if (i > 0) out += ',';
    out += file_json(files[i]);
  }
  out += R"(],"first_id":)" + json::quoted(count == 0 ? "" : files.front().id);
  out += R"(,"last_id":)" + json::quoted(count == 0 ? "" : files[count - 1].id);
  out += R"(,"has_more":)";
  out += files.size() > limit ? "true}" : "false}";
  return out;
}

}  // namespace

Result<std::string> Files::project_of(http::Exchange& exchange) const {
  const std::shared_ptr<const Snapshot> snapshot = snapshots_.current(exchange.loop());
  FAIRLEAD_TRY(const access::Principal* caller, internal::caller_of(exchange, *snapshot, clock_.unix_micros()));
  return caller->project;
}

// Nobody knows yet what a file will be sent to: where there are privacy policies, it is kept as nobody can read it.
bool Files::is_sealed(http::Exchange& exchange, const std::string& project) const {
  const Project* const found = snapshots_.current(exchange.loop())->project(project);
  return found != nullptr && found->has_privacy();
}

async::Task<Result<StoredFile>> Files::upload(http::Exchange& exchange) const {
  auto project = project_of(exchange);
  if (!project) co_return fail(std::move(project).error());
  auto body = co_await exchange.read_body();
  if (!body) co_return fail(std::move(body).error());
  auto upload = read_form(exchange.head().header("content-type").value_or(""), {body->data(), body->size()});
  if (!upload) co_return fail(std::move(upload).error());
  StoredFile file = std::move(upload->file);
  file.project = *std::move(project);
  file.is_sealed = is_sealed(exchange, file.project);
  std::string content(upload->content);
  auto created = co_await store_.create(std::move(file), std::move(content));
  co_return created;
}

async::Task<void> Files::create(http::Exchange& exchange) const {
  auto file = co_await upload(exchange);
  if (!file) {
    co_await http::respond_error(exchange, std::move(file).error());
    co_return;
  }
  const std::string body = file_json(*file);
  co_await exchange.respond(200, "application/json", body);
}

async::Task<void> Files::list(http::Exchange& exchange) const {
  auto project = project_of(exchange);
  auto query = project ? query_of(exchange) : Result<FileQuery>(fail(project.error()));
  if (!query) {
    co_await http::respond_error(exchange, std::move(query).error());
    co_return;
  }
  const auto limit = static_cast<std::size_t>(query->limit);
  query->project = *std::move(project);
  auto files = co_await store_.list(*std::move(query));
  if (!files) {
    co_await http::respond_error(exchange, std::move(files).error());
    co_return;
  }
  const std::string body = list_json(*files, limit);
  co_await exchange.respond(200, "application/json", body);
}

async::Task<Result<StoredFile>> Files::find(http::Exchange& exchange) const {
  auto project = project_of(exchange);
  if (!project) co_return fail(std::move(project).error());
  std::string wanted = *std::move(project), id(exchange.path_parameter("id"));
  auto found = co_await store_.find(std::move(wanted), std::move(id));
  co_return found;
}

async::Task<void> Files::get(http::Exchange& exchange) const {
  auto file = co_await find(exchange);
  if (!file) {
    co_await http::respond_error(exchange, std::move(file).error());
    co_return;
  }
  const std::string body = file_json(*file);
  co_await exchange.respond(200, "application/json", body);
}

async::Task<void> Files::content(http::Exchange& exchange) const {
  auto file = co_await find(exchange);
  if (!file) {
    co_await http::respond_error(exchange, std::move(file).error());
    co_return;
  }
  // A browser must neither show nor guess what somebody uploaded.
  exchange.add_header("x-content-type-options", "nosniff");
  exchange.add_header("content-disposition", "attachment");
  const std::size_t piece = file->bytes <= kInOnePiece ? static_cast<std::size_t>(file->bytes) : kPiece;
  for (std::int64_t at = 0; at < file->bytes;) {
    StoredFile wanted = *file;
    auto bytes = co_await store_.read(std::move(wanted), at, piece);
    if (!bytes || bytes->empty()) {
      Error error = bytes ? Error{ErrorKind::kInternal, "file_damaged", "The file is shorter than it was."}
                          : std::move(bytes).error();
      if (!exchange.answered()) co_await http::respond_error(exchange, std::move(error));
      co_return;  // in the middle: the client sees that it breaks off
    }
    at += static_cast<std::int64_t>(bytes->size());
    if (file->bytes <= kInOnePiece) {
      co_await exchange.respond(200, "application/octet-stream", *bytes);
      co_return;
    }
    if (!exchange.answered()) exchange.begin_stream(200, "application/octet-stream");
    auto sent = co_await exchange.write(*bytes);
    if (!sent) co_return;
  }
  co_await exchange.finish();
}

async::Task<void> Files::remove(http::Exchange& exchange) const {
  auto project = project_of(exchange);
  if (!project) {
    co_await http::respond_error(exchange, std::move(project).error());
    co_return;
  }
  const std::string id(exchange.path_parameter("id"));
  std::string wanted = id;
  auto removed = co_await store_.remove(*std::move(project), std::move(wanted));
  if (!removed) {
    co_await http::respond_error(exchange, std::move(removed).error());
    co_return;
  }
  const std::string body = R"({"id":)" + json::quoted(id) + R"(,"object":"file","deleted":true})";
  co_await exchange.respond(200, "application/json", body);
}

}  // namespace fairlead::gateway
