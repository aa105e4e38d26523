#include "platform/shared/redis.h"

#include <hiredis/hiredis.h>
#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/write.hpp>

#include "base/digest.h"
#include "base/id.h"
#include "base/log.h"

namespace fairlead::shared {
namespace asio = boost::asio;
using asio::generic::stream_protocol;
using boost::system::error_code;
namespace {

constexpr log::Logger kLog{"shared"};
constexpr std::chrono::milliseconds kFirstPause{50}, kLongestPause{500};
constexpr std::size_t kMostWaiting = 100'000;

Reply reply_of(const redisReply& from) {
  Reply out;
  switch (from.type) {
    case REDIS_REPLY_INTEGER:
      out.kind = Reply::Kind::kInteger;
      out.integer = from.integer;
      break;
    case REDIS_REPLY_STRING:
    case REDIS_REPLY_STATUS:
    case REDIS_REPLY_ERROR:
      out.kind = from.type == REDIS_REPLY_ERROR ? Reply::Kind::kError : Reply::Kind::kText;
      out.text.assign(from.str, from.len);
      break;
    case REDIS_REPLY_ARRAY:
      out.kind = Reply::Kind::kList;
      out.list.reserve(from.elements);
      for (std::size_t i = 0; i < from.elements; ++i) out.list.push_back(reply_of(*from.element[i]));
      break;
    default:
      break;
  }
  return out;
}

Result<Reply> outcome_of(Reply reply) {
  if (reply.kind != Reply::Kind::kError) return reply;
  return fail(ErrorKind::kUpstream, "redis_error", std::move(reply.text));
}

// Whether it says that this server cannot do what it is there for, whatever it is asked: a replica, one that is
// loading, full, or locked. Before Redis 7 a script's errors have words before that.
bool is_of_no_use(const Reply& reply) {
  if (reply.kind != Reply::Kind::kError) return false;
  constexpr std::array<std::string_view, 8> kCodes = {"READONLY", "LOADING",    "MASTERDOWN", "OOM",
                                                      "MISCONF",  "NOREPLICAS", "NOAUTH",     "BUSY"};
  return std::ranges::any_of(kCodes, [&reply](std::string_view code) {
    return reply.text.starts_with(std::string(code) + " ") ||
           reply.text.find("-" + std::string(code) + " ") != std::string::npos;
  });
}

std::chrono::milliseconds jittered(std::chrono::milliseconds most) {
  const auto random = static_cast<unsigned char>(random_bytes(1)[0]);
  return most - most / 2 * random / 256;
}

}  // namespace

class Redis::Replies {
 public:
  Replies() : reader_(redisReaderCreate()) {}
  ~Replies() { redisReaderFree(reader_); }
  Replies(const Replies&) = delete;
  Replies& operator=(const Replies&) = delete;
  void feed(std::string_view bytes) { (void)redisReaderFeed(reader_, bytes.data(), bytes.size()); }
  // False: this is not what Redis speaks. Null: there is no whole one.
  bool next(std::unique_ptr<redisReply, decltype(&freeReplyObject)>& out) {
    void* reply = nullptr;
    const int status = redisReaderGetReply(reader_, &reply);
    out.reset(static_cast<redisReply*>(reply));
    return status == REDIS_OK;
  }

 private:
  redisReader* reader_;
};

Script::Script(std::string text) : text_(std::move(text)) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  EVP_Digest(text_.data(), text_.size(), digest.data(), &size, EVP_sha1(), nullptr);
  digest_ = to_hex({reinterpret_cast<const char*>(digest.data()), size});
}

Redis::Redis(async::Loop& loop, RedisOptions options)
    : loop_(loop),
      options_(std::move(options)),
      socket_(loop.executor()),
      pause_(loop.executor()),
      due_(
          loop.wheel(), [](void* self) { static_cast<Redis*>(self)->on_due(); }, this),
      life_(loop.executor()),
      transfers_(loop.executor()),
      why_("it has not been reached yet") {}

Redis::~Redis() = default;

Error Redis::unavailable() const {
  return {ErrorKind::kUnavailable, "redis_unavailable",
          "Redis at " + options_.name() + " cannot be used: " + why_ + "."};
}

void Redis::start(Greeting greeting) {
  greeting_ = std::move(greeting);
  life_.spawn(live());
}

async::Task<void> Redis::stop() {
  stopping_ = true;
  pause_.cancel();
  drop("the server is being stopped");
  co_await life_.join();
}

void Redis::drop(std::string reason) {
  ready_ = false;
  why_ = std::move(reason);
  if (!socket_.is_open()) return;
  error_code ignored;
  socket_.close(ignored);
}

async::Task<void> Redis::live() {
  std::chrono::milliseconds pause = kFirstPause;
  bool told = false;
  while (!stopping_) {
    auto connected = co_await connect();
    if (connected && !stopping_) {
      open_ = true;
      replies_ = std::make_unique<Replies>();
      transfers_.spawn(read());
      connected = co_await introduce();
      if (connected && !stopping_ && socket_.is_open()) {
        ready_ = true;
        pause = kFirstPause;
        told = false;
        kLog.info("redis_connected", {{"server", options_.name()}, {"loop", loop_.index()}});
      } else if (!connected) {
        drop(connected.error().message);
      }
      co_await transfers_.join();
    } else if (!connected) {
      drop(connected.error().message);
    }
    open_ = false;
    ready_ = false;
    fail_pending();
    if (stopping_) break;
    ++errors_;
    if (!told) kLog.warning("redis_away", {{"server", options_.name()}, {"reason", why_}, {"loop", loop_.index()}});
    told = true;
    error_code ignored;
    pause_.expires_after(jittered(pause));
    co_await pause_.async_wait(asio::redirect_error(async::use_task, ignored));
    pause = std::min(pause * 2, kLongestPause);
  }
}

async::Task<Result<void>> Redis::connect() {
  error_code error;
  std::vector<stream_protocol::endpoint> endpoints;
  if (!options_.unix_path.empty()) {
    endpoints.emplace_back(asio::local::stream_protocol::endpoint(options_.unix_path));
  } else {
    asio::ip::basic_resolver<asio::ip::tcp, async::Executor> resolver(loop_.executor());
    const auto found =
        co_await resolver.async_resolve(options_.host, options_.port, asio::redirect_error(async::use_task, error));
    if (!error)
      for (const auto& one : found) endpoints.emplace_back(one.endpoint());
  }
  for (const stream_protocol::endpoint& endpoint : endpoints) {
    if (stopping_) break;
    error_code ignored;
    socket_.close(ignored);
    due_.arm_in(options_.timeout);  // closes the socket
    co_await socket_.async_connect(endpoint, asio::redirect_error(async::use_task, error));
    if (!error) break;
  }
  due_.disarm();
  if (error) co_return fail(ErrorKind::kUnavailable, "redis_unavailable", error.message());
  if (stopping_ || !socket_.is_open())
    co_return fail(ErrorKind::kUnavailable, "redis_unavailable", "it is not reached");
  if (options_.unix_path.empty()) socket_.set_option(asio::ip::tcp::no_delay(true), error);
  co_return Result<void>{};
}

async::Task<Result<void>> Redis::introduce() {
  if (!options_.password.empty()) {
    std::vector<std::string> login = {"AUTH"};
    if (!options_.user.empty()) login.push_back(options_.user);
    login.emplace_back(options_.password);
    auto known = co_await ask(std::move(login));
    if (!known) co_return fail(std::move(known).error());
  }
  if (options_.database != 0) {
    std::vector<std::string> select = {"SELECT", std::to_string(options_.database)};
    auto selected = co_await ask(std::move(select));
    if (!selected) co_return fail(std::move(selected).error());
  }
  co_return co_await greeting_();
}

async::Task<void> Redis::read() {
  std::array<char, 16 * 1024> buffer;
  error_code error;
  for (;;) {
    const std::size_t size =
        co_await socket_.async_read_some(asio::buffer(buffer), asio::redirect_error(async::use_task, error));
    if (error) break;
    replies_->feed({buffer.data(), size});
    if (!take_replies()) break;
  }
  if (socket_.is_open())
    drop(error ? error == asio::error::eof ? "it closed the connection" : error.message()
               : "its answer is not Redis's protocol");
  open_ = false;
  fail_pending();
}

bool Redis::take_replies() {
  std::unique_ptr<redisReply, decltype(&freeReplyObject)> reply(nullptr, &freeReplyObject);
  for (;;) {
    if (!replies_->next(reply)) return false;
    if (!reply) return true;
    if (pending_.empty()) return false;
    Done done = std::move(pending_.front().done);
    pending_.pop_front();
    if (pending_.empty())
      due_.disarm();
    else
      due_.arm_at(pending_.front().due);
    Reply answer = reply_of(*reply);
    if (is_of_no_use(answer)) {
      drop(std::move(answer.text));
      done(fail(unavailable()));
    } else {
      done(outcome_of(std::move(answer)));
    }
  }
}

void Redis::on_due() {
  drop("it did not answer within " + std::to_string(options_.timeout.count()) + " ms");
}

void Redis::fail_pending() {
  due_.disarm();
  out_.clear();
  while (!pending_.empty()) {
    Done done = std::move(pending_.front().done);
    pending_.pop_front();
    done(fail(unavailable()));
  }
}

void Redis::send(std::span<const std::string> arguments, Done done) {
  if (!open_ || !socket_.is_open() || pending_.size() >= kMostWaiting) {
    // Never before it returns: who waits for it has not begun to.
    Error error = pending_.size() < kMostWaiting
                      ? unavailable()
                      : Error{ErrorKind::kUnavailable, "redis_unavailable", "Too many commands wait for Redis."};
    asio::post(loop_.executor(), [done = std::move(done), error = std::move(error)] { done(fail(error)); });
    return;
  }
  out_ += "*" + std::to_string(arguments.size()) + "\r\n";
  for (const std::string& one : arguments) {
    out_ += "$" + std::to_string(one.size()) + "\r\n";
    out_ += one;
    out_ += "\r\n";
  }
  const auto due = std::chrono::steady_clock::now() + options_.timeout;
  if (pending_.empty()) due_.arm_at(due);
  pending_.push_back({std::move(done), due});
  if (is_writing_) return;
  is_writing_ = true;
  transfers_.spawn(write());
}

async::Task<void> Redis::write() {
  error_code error;
  while (!error && !out_.empty()) {
    writing_.clear();
    std::swap(writing_, out_);
    co_await asio::async_write(socket_, asio::buffer(writing_), asio::redirect_error(async::use_task, error));
  }
  is_writing_ = false;
  if (error && socket_.is_open()) drop(error.message());
}

void Redis::run(const Script& script, std::vector<std::string> arguments, Done done) {
  arguments.insert(arguments.begin(), {"EVALSHA", script.digest(), "0"});
  auto kept = std::make_shared<std::vector<std::string>>(std::move(arguments));
  send(*kept, [this, kept, &script, done = std::move(done)](Result<Reply> reply) {
    const bool unknown = !reply && reply.error().code == "redis_error" && reply.error().message.starts_with("NOSCRIPT");
    if (!unknown) return done(std::move(reply));
    (*kept)[0] = "EVAL";
    (*kept)[1] = script.text();
    send(*kept, done);
  });
}

namespace {

// A coroutine's end is moved, a std::function is copied.
template <class Begin>
async::Task<Result<Reply>> awaited(Begin begin) {
  co_return co_await asio::async_initiate<const asio::use_awaitable_t<async::Executor>&, void(Result<Reply>)>(
      [](auto handler, Begin start) {
        auto shared = std::make_shared<decltype(handler)>(std::move(handler));
        start([shared](Result<Reply> reply) { std::move (*shared)(std::move(reply)); });
      },
      async::use_task, std::move(begin));
}

}  // namespace

async::Task<Result<Reply>> Redis::ask(std::vector<std::string> arguments) {
  auto begin = [this, arguments = std::move(arguments)](Done done) { send(arguments, std::move(done)); };
  co_return co_await awaited(std::move(begin));
}

async::Task<Result<Reply>> Redis::ask(const Script& script, std::vector<std::string> arguments) {
  auto begin = [this, &script, arguments = std::move(arguments)](Done done) {
    run(script, arguments, std::move(done));
  };
  co_return co_await awaited(std::move(begin));
}

}  // namespace fairlead::shared
