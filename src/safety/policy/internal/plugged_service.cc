// A service that is asked over HTTP.
#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include "platform/json/text.h"
#include "safety/policy/internal/plugged.h"
#include "safety/policy/internal/text.h"

namespace fairlead::policy {
namespace {

namespace bj = boost::json;

constexpr std::size_t kLargestAnswer = 4 * 1024 * 1024;

std::unexpected<Error> senseless(std::string_view why) {
  return fail(ErrorKind::kUpstream, "detector_invalid", "Its answer makes no sense: " + std::string(why) + ".");
}

// In characters.
struct ToldSpan {
  std::size_t start = 0, end = 0;
  std::string_view entity;  // of the spec; empty: it was not asked for
  double score = 1;
};

Result<ToldSpan> told_span(const bj::value& value, const DetectorSpec& spec) {
  const bj::object* const object = value.if_object();
  if (object == nullptr) return senseless("a span is not an object");
  const bj::value* entity = object->if_contains("entity_type");
  if (entity == nullptr) entity = object->if_contains("entity");
  if (entity == nullptr || !entity->is_string()) return senseless("a span has neither `entity_type` nor `entity`");
  const auto wanted = std::ranges::find(spec.entities, std::string_view(entity->get_string()));
  if (wanted == spec.entities.end()) return ToldSpan{};
  const auto number = [object](std::string_view name) -> std::int64_t {
    const bj::value* const one = object->if_contains(name);
    return one != nullptr && one->is_int64() ? one->get_int64() : -1;
  };
  const std::int64_t start = number("start"), end = number("end");
  if (start < 0 || end <= start)
    return senseless("a span's `start` and `end` are not the offsets of a part of the text");
  ToldSpan out{static_cast<std::size_t>(start), static_cast<std::size_t>(end), *wanted, 1};
  if (const bj::value* const score = object->if_contains("score"); score != nullptr && !score->is_null()) {
    if (!score->is_number()) return senseless("a span's `score` is not a number");
    out.score = std::clamp(score->to_number<double>(), 0.0, 1.0);
  }
  return out;
}

class Service final : public Plugged {
 public:
  Service(DetectorSpec spec, http::Origin origin, SecretText header_lines,
          std::function<http::Client&(async::Loop&)> client)
      : spec_(std::move(spec)),
        origin_(std::move(origin)),
        header_lines_(std::move(header_lines)),
        client_(std::move(client)) {}
  const DetectorSpec& spec() const override { return spec_; }

  async::Task<Result<std::vector<Found>>> find(std::string_view text, const Asking& asking) override {
    std::string body = R"({"text":)";
    json::append_string(body, text);
    body += R"(,"language":)";
    json::append_string(body, spec_.language);
    body += '}';
    http::ClientRequest request;
    request.method = http::Method::kPost;
    request.header_lines = header_lines_;
    request.body = body;
    request.content_type = "application/json";
    request.deadline = asking.deadline;
    auto response = co_await client_(asking.loop).send(origin_, request, asking.cancellation);
    if (!response) co_return fail(std::move(response).error());
    const int status = (*response)->status();
    if (status < 200 || status > 299) {
      (*response)->dismiss();
      co_return fail(ErrorKind::kUpstream, "upstream_error", "It answered with status " + std::to_string(status) + ".");
    }
    auto answer = co_await (*response)->read_all(kLargestAnswer);
    if (!answer) co_return fail(std::move(answer).error());
    co_return read_spans(*answer, text, spec_);
  }

 private:
  const DetectorSpec spec_;
  const http::Origin origin_;
  const SecretText header_lines_;
  const std::function<http::Client&(async::Loop&)> client_;
};

}  // namespace

Result<std::vector<Found>> read_spans(std::string_view answer, std::string_view text, const DetectorSpec& spec) {
  const auto value = json::parse(answer);
  if (!value) return senseless("it is not JSON");
  const bj::value* const spans = value->is_object() ? value->get_object().if_contains("spans") : &*value;
  if (spans == nullptr || !spans->is_array()) return senseless("it is neither a list of spans nor has one as `spans`");
  std::vector<ToldSpan> told;
  for (const bj::value& one : spans->get_array()) {
    FAIRLEAD_TRY(const ToldSpan span, told_span(one, spec));
    if (!span.entity.empty()) told.push_back(span);
  }
  std::ranges::stable_sort(told, {}, &ToldSpan::start);
  // From characters to bytes, in one pass over the text: where each begins, and then where each ends.
  std::vector<Found> out(told.size());
  std::vector<std::size_t> by_end(told.size());
  for (std::size_t i = 0; i < told.size(); ++i) by_end[i] = i;
  std::ranges::stable_sort(by_end, {}, [&told](std::size_t i) { return told[i].end; });
  std::size_t at = 0, characters = 0, begun = 0, ended = 0;
  while (ended < told.size()) {
    while (begun < told.size() && told[begun].start == characters) out[begun++].start = at;
    while (ended < told.size() && told[by_end[ended]].end == characters) out[by_end[ended++]].end = at;
    if (at >= text.size()) break;
    at += std::max<std::size_t>(character_at(text, at).size, 1);
    ++characters;
  }
  if (ended < told.size()) return senseless("a span ends behind the text; offsets are of Unicode characters");
  for (std::size_t i = 0; i < told.size(); ++i) {
    out[i].entity = told[i].entity;
    out[i].score = told[i].score;
    out[i].why = "found by " + spec.title();
  }
  return out;
}

std::shared_ptr<Plugged> make_service(DetectorSpec spec, http::Origin origin, SecretText header_lines,
                                      std::function<http::Client&(async::Loop&)> client) {
  return std::make_shared<Service>(std::move(spec), std::move(origin), std::move(header_lines), std::move(client));
}

}  // namespace fairlead::policy
