#include "safety/pii/http/routes.h"

#include <atomic>
#include <boost/json/object.hpp>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "access/control_plane.h"
#include "platform/json/text.h"
#include "safety/pii/json.h"
#include "safety/pii/scanner.h"

namespace fairlead::pii {
namespace {

namespace bj = boost::json;

constexpr std::size_t kOnTheLoop = 1'024;  // bytes that a loop scans itself: less than a hundred microseconds
constexpr std::size_t kMostTexts = 10'000;

struct Request {
  std::vector<std::string> texts;
  bool many = false;
  bj::object options;  // none: as usual
  std::size_t bytes = 0;
};

Result<Request> request_of(bj::object body) {
  Request out;
  const bj::value* const text = body.if_contains("text");
  const bj::value* const texts = body.if_contains("texts");
  if ((text != nullptr) == (texts != nullptr))
    return fail(ErrorKind::kInvalid, "missing_required_parameter",
                "The body has either `text`, a string, or `texts`, a list of strings.", "text");
  const auto take = [&out](const bj::value& value, std::string param) -> Result<void> {
    if (!value.is_string())
      return fail(ErrorKind::kInvalid, "invalid_type", "`" + param + "` must be a string.", param);
    out.texts.emplace_back(value.get_string());
    out.bytes += out.texts.back().size();
    return {};
  };
  if (text != nullptr) {
    FAIRLEAD_CHECK(take(*text, "text"));
  } else {
    out.many = true;
    const bj::array* const list = texts->if_array();
    if (list == nullptr)
      return fail(ErrorKind::kInvalid, "invalid_type", "`texts` must be a list of strings.", "texts");
    if (list->size() > kMostTexts)
      return fail(ErrorKind::kInvalid, "invalid_value",
                  "`texts` has more than " + std::to_string(kMostTexts) + " texts. Send them in parts.", "texts");
    for (std::size_t i = 0; i < list->size(); ++i) FAIRLEAD_CHECK(take((*list)[i], "texts[" + std::to_string(i) + "]"));
  }
  // What clients of Presidio's analyzer say besides: both languages are found here in one pass.
  if (const bj::value* const language = body.if_contains("language"); language != nullptr && !language->is_string())
    return fail(ErrorKind::kInvalid, "invalid_type", "`language` must be a string.", "language");
  for (const std::string_view member : {"text", "texts", "language"}) body.erase(member);
  out.options = std::move(body);
  return out;
}

bj::object scanned(const Scanner& scanner, const Request& request) {
  bj::array results;
  for (const std::string& text : request.texts) results.push_back(bj::object{{"spans", to_json(scanner.scan(text))}});
  if (!request.many) return std::move(results[0].get_object());
  bj::object out;
  out["results"] = std::move(results);
  return out;
}

// The scanner that has no options, made when it is first asked for: it takes 10 MB and longer than all else at a start,
// for nothing where nobody asks. Any thread.
class Usual {
 public:
  const Scanner* if_made() const { return made_.load(std::memory_order_acquire); }
  // Blocks while it is made.
  Result<const Scanner*> get() {
    const std::lock_guard lock(mutex_);
    if (scanner_ == nullptr) {
      FAIRLEAD_TRY(scanner_, Scanner::create({}));
      made_.store(scanner_.get(), std::memory_order_release);
    }
    return scanner_.get();
  }

 private:
  std::mutex mutex_;
  std::shared_ptr<const Scanner> scanner_;
  std::atomic<const Scanner*> made_{nullptr};
};

Result<bj::object> answer_of(Usual& usual, const Request& request) {
  if (request.options.empty()) {
    FAIRLEAD_TRY(const Scanner* const scanner, usual.get());
    return scanned(*scanner, request);
  }
  FAIRLEAD_TRY(ScannerOptions options, options_of(request.options));
  FAIRLEAD_TRY(const std::shared_ptr<const Scanner> scanner, Scanner::create(std::move(options)));
  return scanned(*scanner, request);
}

async::Task<void> answer(http::Exchange& exchange, std::shared_ptr<Usual> usual, async::BlockingPool& blocking) {
  auto body = co_await access::read_object(exchange);
  if (!body) co_return co_await access::refuse(exchange, std::move(body).error());
  auto request = request_of(*std::move(body));
  if (!request) co_return co_await access::refuse(exchange, std::move(request).error());
  const Scanner* const made = usual->if_made();
  if (made != nullptr && request->options.empty() && request->bytes <= kOnTheLoop) {
    bj::object small = scanned(*made, *request);
    co_return co_await access::respond_json(exchange, 200, std::move(small));
  }
  auto scanning = blocking.run(
      [usual, asked = std::make_shared<Request>(*std::move(request))] { return answer_of(*usual, *asked); });
  auto found = co_await std::move(scanning);
  if (!found) co_return co_await access::refuse(exchange, std::move(found).error());
  co_await access::respond_json(exchange, 200, *std::move(found));
}

}  // namespace

void add_routes(http::Router& router, const access::Guard& guard, async::BlockingPool& blocking) {
  const auto usual = std::make_shared<Usual>();
  router.add(
      http::Method::kPost, "/api/v1/privacy/scan",
      guard.protect(access::Scope::kRead, [usual, &blocking](http::Exchange& exchange, const access::Principal&) {
        return answer(exchange, usual, blocking);
      }));
}

}  // namespace fairlead::pii
