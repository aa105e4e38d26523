#include "platform/http/internal/client_connection.h"

#include <algorithm>
#include <array>
#include <boost/asio/redirect_error.hpp>
#include <cassert>

#include "base/append.h"

namespace fairlead::http {
namespace asio = boost::asio;
namespace {

constexpr int kInterimAnswers = 16;
constexpr std::size_t kHeaderLines = 256;

}  // namespace

ClientConnection::ClientConnection(async::Loop& loop, const ClientOptions& options, std::string name)
    : options_(options),
      name_(std::move(name)),
      transport_(loop),
      timer_(
          loop.wheel(), [](void* self) { static_cast<ClientConnection*>(self)->on_due(); }, this),
      parser_(HeadLimits{options.head_bytes, kHeaderLines, HeadLimits{}.target_bytes}) {}

void ClientConnection::on_due() {
  if (on_idle_) return on_idle_(owner_, *this);
  timed_out_ = true;
  transport_.close();
}

void ClientConnection::cancel() {
  cancelled_ = true;
  transport_.close();
}

void ClientConnection::wait_idle(std::chrono::milliseconds timeout, IdleCallback callback, void* owner) {
  on_idle_ = callback;
  owner_ = owner;
  timer_.set(LazyTimer::now() + timeout);
}

Error ClientConnection::failure(Transport::ErrorCode error, std::string_view doing) const {
  const std::string where = "`" + name_ + "`";
  if (cancelled_) return {ErrorKind::kCancelled, "cancelled", "The request was cancelled."};
  if (timed_out_)
    return {ErrorKind::kTimeout, "upstream_timeout", "The upstream " + where + " did not answer in time."};
  return {
      ErrorKind::kUpstream, "upstream_reset",
      "The upstream " + where + " closed the connection while " + std::string(doing) + ": " + error.message() + "."};
}

Error ClientConnection::invalid(std::string_view why) const {
  return {ErrorKind::kUpstream, "upstream_invalid",
          "The upstream `" + name_ + "` gave an answer that is not valid HTTP: " + std::string(why)};
}

async::Task<Result<void>> ClientConnection::connect(std::vector<Endpoint> endpoints, const TlsContext* tls,
                                                    std::string host, std::chrono::milliseconds timeout) {
  Transport::ErrorCode error = asio::error::host_not_found;
  for (const Endpoint& endpoint : endpoints) {
    if (cancelled_) break;
    timed_out_ = false;
    timer_.set(LazyTimer::now() + timeout);
    transport_.close();
    co_await transport_.connect(endpoint, error);
    if (!error) break;
  }
  timer_.clear();
  if (cancelled_) co_return fail(failure(error, {}));
  if (error) {
    const std::string why = timed_out_ ? "no answer in time" : error.message();
    co_return fail(ErrorKind::kUnavailable, "upstream_unreachable",
                   "Cannot connect to the upstream `" + name_ + "`: " + why + ".");
  }
  transport_.set_no_delay();
  if (!tls) co_return Result<void>{};
  timer_.set(LazyTimer::now() + timeout);
  co_await transport_.connect_tls(*tls, std::move(host), error);
  timer_.clear();
  if (!error) co_return Result<void>{};
  if (given_up()) co_return fail(failure(error, {}));
  co_return fail(ErrorKind::kUpstream, "upstream_tls",
                 "No TLS connection to the upstream `" + name_ + "`: " + transport_.tls_failure(error) + ".");
}

// False if the request cannot be written as one.
bool ClientConnection::write_head(const Origin& origin, const ClientRequest& request) {
  const auto printable = [](char c) { return static_cast<unsigned char>(c) > 0x20 && c != 0x7f; };
  if (!std::all_of(request.target.begin(), request.target.end(), printable)) return false;
  const bool with_body = !request.content_type.empty();
  const bool wants_length =
      request.method == Method::kPost || request.method == Method::kPut || request.method == Method::kPatch;
  out_.clear();
  append_all(out_, to_string(request.method), " ", origin.prefix, request.target,
             origin.prefix.empty() && request.target.empty() ? "/" : "", " HTTP/1.1\r\nhost: ", origin.host_header,
             with_body ? "\r\ncontent-type: " : "", request.content_type);
  if (with_body || wants_length)
    append_all(out_, "\r\ncontent-length: ", std::to_string(with_body ? request.body.size() : 0));
  append_all(out_, "\r\n", request.header_lines, "\r\n");
  return true;
}

// When the wait that begins now has lasted too long.
LazyTimer::Time ClientConnection::due() const {
  return read_timeout_.count() > 0 ? std::min(deadline_, LazyTimer::now() + read_timeout_) : deadline_;
}

async::Task<Result<void>> ClientConnection::exchange(const Origin& origin, const ClientRequest& request) {
  assert(request.method != Method::kOther);
  on_idle_ = nullptr;
  answered_ = ended_ = surplus_ = false;
  head_only_ = request.method == Method::kHead;
  deadline_ = request.deadline;
  read_timeout_ = request.read_timeout;
  timer_.set(due());
  input_.clear();
  if (!write_head(origin, request))
    co_return fail(ErrorKind::kInvalid, "invalid_url", "The path of the request holds a space or a control character.");

  Transport::ErrorCode error;
  std::string_view body = request.content_type.empty() ? std::string_view() : request.body;
  if (out_.size() + body.size() <= kOneSend) {
    out_.append(body);
    body = {};
    if (transport_.send_soon(out_)) co_return co_await read_head(true);
  }
  const std::array<iovec, 2> pieces = {iovec{out_.data(), out_.size()},
                                       iovec{const_cast<char*>(body.data()), body.size()}};
  const std::size_t total = out_.size() + body.size();
  const std::size_t sent = transport_.is_open() ? transport_.send_now(pieces) : 0;
  if (sent != total) {
    const std::size_t of_head = std::min(sent, out_.size());
    out_.erase(0, of_head);
    co_await send(body.substr(sent - of_head), error);
    if (error && (given_up() || !transport_.is_open())) co_return fail(failure(error, "the request was sent"));
  }
  // An upstream may refuse a request before it has taken all of it: after a failed write its answer may still be there.
  co_return co_await read_head(!error);
}

// Sends out_ and `body`.
async::Task<void> ClientConnection::send(std::string_view body, Transport::ErrorCode& error) {
  std::array<iovec, 2> all = {iovec{out_.data(), out_.size()}, iovec{const_cast<char*>(body.data()), body.size()}};
  std::span<iovec> pieces = all;
  std::size_t sent = 0;
  while (true) {
    while (!pieces.empty() && sent >= pieces.front().iov_len) {
      sent -= pieces.front().iov_len;
      pieces = pieces.subspan(1);
    }
    if (pieces.empty()) co_return;
    pieces.front().iov_base = static_cast<char*>(pieces.front().iov_base) + sent;
    pieces.front().iov_len -= sent;
    sent = co_await transport_.write_some(pieces, error);
    if (error) co_return;
  }
}

async::Task<Result<void>> ClientConnection::read_head(bool sent) {
  parser_.reset();
  int interim = 0;
  auto status = HeadParser::Status::kNeedMore;
  while (true) {
    while (status == HeadParser::Status::kNeedMore) {
      if (input_.room() == 0) {
        input_.grow();
        parser_.reset();
      }
      Transport::ErrorCode error;
      const std::size_t got = co_await transport_.read(input_.free_space(), input_.room(), error);
      if (error) co_return fail(failure(error, sent ? "its answer was awaited" : "the request was sent"));
      answered_ = true;
      input_.commit(got);
      status = parser_.parse_response(input_.text());
    }
    if (status == HeadParser::Status::kFault) co_return fail(invalid(parser_.fault().message));
    if (parser_.response().status >= 200) co_return begin_body();
    if (parser_.response().status == 101 || ++interim > kInterimAnswers)
      co_return fail(invalid("Too many or wrong interim answers."));
    input_.consume(parser_.head_size());
    parser_.reset();
    status = parser_.parse_response(input_.text());
  }
}

Result<void> ClientConnection::begin_body() {
  const ResponseHead& answer = parser_.response();
  const bool no_body = head_only_ || answer.status == 204 || answer.status == 304;
  framing_ = no_body || answer.content_length ? Framing::kLength
             : answer.chunked                 ? Framing::kChunked
                                              : Framing::kUntilClose;
  remaining_ = no_body ? 0 : answer.content_length.value_or(0);
  chunks_.reset();
  ended_ = framing_ == Framing::kLength && remaining_ == 0;
  fresh_ = input_.size() - parser_.head_size();
  surplus_ = ended_ && fresh_ > 0;
  const std::uint64_t rest = framing_ != Framing::kLength ? kRoomForBody : remaining_ - std::min(remaining_, fresh_);
  if (!ended_ && input_.make_room(rest)) {
    parser_.reset();
    parser_.parse_response(input_.text());
  }
  return {};
}

std::optional<std::uint64_t> ClientConnection::remaining() const {
  if (framing_ == Framing::kLength) return remaining_;
  return std::nullopt;
}

// What the bytes that have come mean: empty means that more are needed, or that the body has ended.
Result<std::string_view> ClientConnection::take_fresh() {
  char* const data = input_.data() + parser_.head_size();
  const std::size_t size = std::exchange(fresh_, 0);
  if (framing_ == Framing::kUntilClose) return std::string_view(data, size);
  if (framing_ == Framing::kLength) {
    const auto taken = static_cast<std::size_t>(std::min<std::uint64_t>(size, remaining_));
    remaining_ -= taken;
    ended_ = remaining_ == 0;
    surplus_ = taken < size;
    return std::string_view(data, taken);
  }
  const ChunkDecoder::Step step = chunks_.decode(data, size);
  if (chunks_.failed()) return fail(invalid(chunks_.fault()));
  ended_ = chunks_.done();
  surplus_ = step.consumed < size;
  return std::string_view(data, step.payload);
}

async::Task<Result<std::string_view>> ClientConnection::read() {
  while (!ended_) {
    if (fresh_ == 0) {
      input_.take_back(input_.size() - parser_.head_size());
      timer_.set(due());
      Transport::ErrorCode error;
      const std::size_t got =
          co_await transport_.read(input_.free_space(), std::min(input_.room(), Buffer::kUsual), error);
      if (error == asio::error::eof && framing_ == Framing::kUntilClose && !given_up()) {
        ended_ = true;
        break;
      }
      if (error) {
        transport_.close();
        co_return fail(failure(error, "its answer was read"));
      }
      input_.commit(got);
      fresh_ = got;
    }
    auto bytes = take_fresh();
    if (!bytes) transport_.close();
    if (!bytes || !bytes->empty()) co_return bytes;
  }
  co_return std::string_view();
}

bool ClientConnection::begin_rest(std::chrono::milliseconds timeout) {
  if (given_up() || surplus_ || chunks_.failed() || !transport_.is_open() || !parser_.response().keep_alive ||
      framing_ == Framing::kUntilClose)
    return false;
  deadline_ = LazyTimer::now() + timeout;
  read_timeout_ = std::chrono::milliseconds(0);
  return true;
}

bool ClientConnection::reusable() {
  if (given_up() || !transport_.is_open() || !parser_.response().keep_alive || framing_ == Framing::kUntilClose)
    return false;
  // What has come already may be all of the rest.
  if (!ended_ && fresh_ > 0 && !take_fresh()) return false;
  if (!ended_ || surplus_) return false;
  input_.clear();
  input_.release();
  return true;
}

}  // namespace fairlead::http
