// One connection of a server: reads heads, runs handlers, writes answers, one call after another.
#pragma once
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "platform/http/internal/buffer.h"
#include "platform/http/internal/chunk_decoder.h"
#include "platform/http/internal/head_parser.h"
#include "platform/http/internal/lazy_timer.h"
#include "platform/http/internal/shard.h"
#include "platform/http/internal/transport.h"

namespace fairlead::http {

// Lives as long as serve() runs and the socket operations that it left behind. Loop-affine.
class Connection final : public Exchange, public std::enable_shared_from_this<Connection> {
 public:
  Connection(std::shared_ptr<Shard> shard, int descriptor, const sockaddr_storage& peer);

  async::Task<void> serve();
  Shard& shard() { return *shard_; }
  void drain();
  void cancel_call();
  void abort();

  const RequestHead& head() const override { return parser_.request(); }
  std::string_view path_parameter(std::string_view name) const override;
  std::string_view remote_address() const override;
  async::Task<Result<std::span<char>>> read_body() override;
  void add_header(std::string_view name, std::string_view value) override;
  async::Task<Result<void>> respond(int status, std::string_view content_type, std::string_view body) override;
  void begin_stream(int status, std::string_view content_type) override;
  async::Task<Result<void>> write(std::string_view bytes) override;
  using Exchange::finish;
  async::Task<Result<void>> finish(std::string_view last) override;
  bool answered() const override { return answered_; }
  async::Cancellation& cancellation() override { return cancellation_; }
  async::Loop& loop() override { return shard_->loop(); }

 private:
  using Time = LazyTimer::Time;
  // What the connection waits for, which says what its timer means.
  enum class Phase : std::uint8_t { kHandshake, kIdle, kHead, kBody, kHandling, kWriting, kLeaving };
  enum class Body : std::uint8_t { kNone, kUnread, kRead, kFailed };
  using Pieces = std::span<iovec>;

  const ServerLimits& limits() const { return shard_->state().options.limits; }
  void wait_in(Phase phase, Time due) { phase_ = phase, timer_.set(due); }
  void on_due();

  // connection.cc
  async::Task<bool> read_head();
  void begin_call();
  async::Task<void> call_handler();
  async::Task<void> refuse(int status, std::string_view code, std::string_view message);
  async::Task<bool> end_call();
  async::Task<void> leave();

  // connection_input.cc
  void expect_body();
  async::Task<Result<void>> fill_body();
  async::Task<Result<void>> read_sized_body(std::size_t size);
  async::Task<Result<void>> read_chunked_body();
  async::Task<Result<void>> read_more(char* where, std::size_t room, std::size_t& got);
  bool decode_chunks(bool keep);
  async::Task<bool> discard_body();
  bool body_can_be_discarded() const;

  // connection_output.cc
  void write_head(int status, std::string_view content_type, std::optional<std::size_t> length);
  async::Task<Result<void>> send(std::string_view more, std::string_view end);
  async::Task<Result<void>> send_rest(Pieces pieces);
  std::unexpected<Error> gone();

  // connection_watch.cc: is the client still there while a handler works? (docs/decisions/0005-half-close.md)
  void watch();
  void on_watched_read(Transport::ErrorCode error, std::size_t got);
  void look_after_peer();
  void look_soon();
  async::Task<void> stop_watching();

  std::shared_ptr<Shard> shard_;
  Transport transport_;
  LazyTimer timer_;
  Buffer input_;  // head, body if it fits, and what follows
  Buffer body_;   // a body that does not fit, or came in chunks
  HeadParser parser_;
  ChunkDecoder chunks_;
  async::Cancellation cancellation_;
  RouteMatch match_;
  const Route* route_ = nullptr;
  mutable std::vector<std::string> decoded_parameters_;
  mutable std::string remote_text_;
  std::string out_;            // what has been made and not sent
  std::string extra_headers_;  // of add_header()
  sockaddr_storage peer_;

  Phase phase_ = Phase::kIdle;
  Body body_state_ = Body::kNone;
  bool timed_out_ = false;
  bool drain_ = false;

  // Of the call in progress.
  std::size_t head_size_ = 0;
  std::size_t body_in_input_ = 0;    // bytes of the body that lie in input_ behind the head
  std::uint64_t body_received_ = 0;  // bytes of the body seen so far
  std::span<char> body_view_;
  Time body_started_{};
  bool handling_ = false;
  bool answered_ = false;
  bool answer_started_ = false;  // a byte of it may have gone out
  bool complete_ = false;        // and the last one has
  bool streaming_ = false;
  bool chunked_answer_ = false;
  bool events_ = false;  // it is an event stream, written in whole events
  bool keep_ = true;     // another request may follow
  bool linger_ = false;  // the client may still be sending: let it read the answer before the socket goes
  bool gone_ = false;

  bool watching_ = false;
  bool peer_finished_ = false;  // the client has ended its side
  bool probed_ = false;
  Time watch_due_ = Time::max();
};

}  // namespace fairlead::http
