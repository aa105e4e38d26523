#include "providers/gigachat/token.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <optional>

#include "base/id.h"
#include "providers/internal/answer_body.h"

namespace fairlead::providers::gigachat {
namespace {

using namespace std::chrono_literals;

constexpr auto kRefreshBefore = 60s;  // of a life of half an hour
constexpr auto kLeastLife = 5s;       // a token that expires sooner is not sent
constexpr std::size_t kBodyLimit = 64 * 1024;

// Version 4 of RFC 9562.
std::string uuid() {
  std::string bytes = random_bytes(16);
  bytes[6] = static_cast<char>((bytes[6] & 0x0F) | 0x40);
  bytes[8] = static_cast<char>((bytes[8] & 0x3F) | 0x80);
  std::string out;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) out += '-';
    out += fmt::format("{:02x}", static_cast<unsigned char>(bytes[i]));
  }
  return out;
}

}  // namespace

// A request for a token under way on one loop, and who waits for it. Loop-affine.
struct TokenSource::Flight {
  using Timer = boost::asio::basic_waitable_timer<std::chrono::steady_clock,
                                                  boost::asio::wait_traits<std::chrono::steady_clock>, async::Executor>;
  explicit Flight(async::Loop& loop) : landed(loop.executor()) {}
  bool in_the_air = false;
  std::uint64_t landings = 0;
  std::optional<Error> error;  // of the last landing
  Timer landed;                // never fires by itself: cancelled at the landing

  // Whoever asks for a token holds one of these, so that the others wake whatever becomes of it.
  class Pilot {
   public:
    explicit Pilot(std::shared_ptr<Flight> flight) : flight_(std::move(flight)) {
      flight_->in_the_air = true;
      flight_->error.reset();
      flight_->landed.expires_at(std::chrono::steady_clock::time_point::max());
    }
    ~Pilot() {
      flight_->in_the_air = false;
      ++flight_->landings;
      flight_->landed.cancel();
    }
    Pilot(const Pilot&) = delete;
    Pilot& operator=(const Pilot&) = delete;

   private:
    std::shared_ptr<Flight> flight_;
  };
};

Result<std::unique_ptr<TokenSource>> TokenSource::create(TokenOptions options) {
  FAIRLEAD_TRY(http::Origin origin, http::Origin::parse(options.auth_url));
  return std::unique_ptr<TokenSource>(new TokenSource(std::move(options), std::move(origin)));
}

SecretText TokenSource::kept(std::chrono::milliseconds margin) {
  const std::int64_t now_ms = options_.clock->unix_micros() / 1000;
  const std::lock_guard lock(mutex_);
  return expires_at_ms_ - margin.count() > now_ms ? token_ : SecretText();
}

std::shared_ptr<TokenSource::Flight> TokenSource::flight_of(async::Loop& loop) {
  const std::lock_guard lock(mutex_);
  std::shared_ptr<Flight>& flight = flights_[loop.index()];
  if (!flight) flight = std::make_shared<Flight>(loop);
  return flight;
}

void TokenSource::forget(std::string_view token) {
  const std::lock_guard lock(mutex_);
  if (token_ == token) expires_at_ms_ = 0;
}

async::Task<Result<SecretText>> TokenSource::get(llm::CallContext context) {
  const std::shared_ptr<Flight> flight = flight_of(context.loop);
  for (;;) {
    SecretText token = kept(kRefreshBefore);
    if (token.empty() && flight->in_the_air) token = kept(kLeastLife);
    if (!token.empty()) co_return token;
    if (!flight->in_the_air) {
      const Flight::Pilot pilot(flight);
      auto fetched = co_await fetch(context);
      if (fetched) co_return *std::move(fetched);
      // Who has gone away has said nothing about the credentials: the next one tries.
      if (fetched.error().kind != ErrorKind::kCancelled) flight->error = fetched.error();
      // The old token may still do.
      token = kept(kLeastLife);
      if (!token.empty()) co_return token;
      co_return fail(std::move(fetched).error());
    }
    const std::uint64_t landings = flight->landings;
    const async::Cancellation::Registration wake(
        context.cancellation, [](void* timer) { static_cast<Flight::Timer*>(timer)->cancel(); }, &flight->landed);
    boost::system::error_code ignored;
    co_await flight->landed.async_wait(boost::asio::redirect_error(async::use_task, ignored));
    if (context.cancellation.requested())
      co_return fail(context.cancellation.reason(), "cancelled", "The call was cancelled.");
    if (flight->landings != landings && flight->error) co_return fail(*flight->error);
  }
}

async::Task<Result<SecretText>> TokenSource::fetch(llm::CallContext context) {
  const std::string body = "scope=" + http::percent_encode(options_.scope);
  SecretText header_lines;
  header_lines.append("accept: application/json\r\nrquid: ").append(uuid());
  header_lines.append("\r\nauthorization: Basic ").append(options_.key).append("\r\n");
  http::ClientRequest request;
  request.method = http::Method::kPost;
  request.header_lines = header_lines;
  request.body = body;
  request.content_type = "application/x-www-form-urlencoded";
  request.deadline = context.deadline;
  request.read_timeout = options_.timeout;
  auto response = co_await options_.client(context.loop).send(origin_, request, context.cancellation);
  if (!response) co_return fail(std::move(response).error());
  auto text = co_await (*response)->read_all(kBodyLimit);
  const int status = (*response)->status();
  if (status < 200 || status >= 300) {
    Error error = llm::upstream_error(status, text ? std::string_view(*text) : std::string_view(),
                                      (*response)->headers(), options_.secrets);
    // The request for a token is Fairlead's own; what is wrong with it is the operator's.
    if (error.kind == ErrorKind::kInvalid)
      error = {ErrorKind::kUpstream, "upstream_auth", "The provider gave out no token: " + error.message};
    co_return fail(std::move(error));
  }
  if (!text) co_return fail(std::move(text).error());
  simdjson::dom::parser parser;
  simdjson::dom::object object;
  std::string_view token;
  std::int64_t expires_at_ms = 0;
  if (parser.parse(*text).get_object().get(object) || object.at_key("access_token").get_string().get(token) ||
      object.at_key("expires_at").get_int64().get(expires_at_ms) || token.empty() ||
      !std::ranges::all_of(token, [](unsigned char c) { return c > ' ' && c < 127; }))
    co_return internal::invalid_answer("it holds no token");
  const std::lock_guard lock(mutex_);
  token_ = token;
  expires_at_ms_ = expires_at_ms;
  co_return token_;
}

}  // namespace fairlead::providers::gigachat
