#include "gateway/surfaces/passed_on.h"

#include <fmt/format.h>

#include "gateway/internal/body.h"
#include "gateway/internal/reading.h"

namespace fairlead::gateway {
namespace {

using internal::Array;
using internal::Document;
using internal::Element;
using internal::invalid_value;
using internal::missing;
using internal::Object;
using internal::object_of;
using internal::required_text;
using internal::text_of;
using internal::wrong_type;

constexpr std::size_t kMaxInputs = 2048;

Result<void> check_tokens(std::string_view param, Array tokens) {
  std::size_t i = 0;
  for (const Element one : tokens)
    FAIRLEAD_CHECK(internal::integer_of(fmt::format("{}[{}]", param, i++), one, 0, INT32_MAX));
  if (i == 0) return invalid_value(param, "it must not be empty");
  return {};
}

Result<void> check_embeddings_input(Element input) {
  if (input.is_string()) {
    if (input.get_string_length().value_unsafe() == 0) return invalid_value("input", "it must not be empty");
    return {};
  }
  if (!input.is_array()) return wrong_type("input", "a string or an array", input);
  const Array list = input.get_array().value_unsafe();
  Element first;
  if (list.at(0).get(first)) return invalid_value("input", "it must not be empty");
  if (first.is_int64()) return check_tokens("input", list);
  std::size_t i = 0;
  for (const Element one : list) {
    const std::string param = fmt::format("input[{}]", i++);
    if (i > kMaxInputs) return invalid_value("input", "at most 2048 inputs in a request");
    if (first.is_string()) {
      FAIRLEAD_TRY(const std::string_view text, text_of(param, one));
      if (text.empty()) return invalid_value(param, "it must not be empty");
    } else if (first.is_array() && one.is_array()) {
      FAIRLEAD_CHECK(check_tokens(param, one.get_array().value_unsafe()));
    } else {
      return wrong_type(param, first.is_array() ? "an array of tokens" : "a string, a token or an array of tokens",
                        one);
    }
  }
  return {};
}

Result<void> check_moderations_input(Element input) {
  if (input.is_string()) return {};
  if (!input.is_array()) return wrong_type("input", "a string or an array", input);
  const Array list = input.get_array().value_unsafe();
  std::size_t i = 0;
  for (const Element one : list) {
    const std::string param = fmt::format("input[{}]", i++);
    if (one.is_string()) continue;
    if (!one.is_object()) return wrong_type(param, "a string or an object", one);
    const Object part = one.get_object().value_unsafe();
    FAIRLEAD_TRY(const std::string_view type, required_text(param, part, "type"));
    if (type == "text") {
      FAIRLEAD_CHECK(required_text(param, part, "text"));
    } else if (type == "image_url") {
      const auto image = internal::find(part, "image_url");
      if (!image) return missing(param + ".image_url");
      FAIRLEAD_TRY(const Object object, object_of(param + ".image_url", *image));
      FAIRLEAD_CHECK(required_text(param + ".image_url", object, "url"));
    } else {
      return invalid_value(param + ".type", "it must be text or image_url");
    }
  }
  if (i == 0) return invalid_value("input", "it must not be empty");
  return {};
}

Result<void> check_member(const llm::Member& member) {
  if (member.json == "null" || member.name == "model") return {};
  FAIRLEAD_TRY(const Document document, Document::parse(member.json));
  const Element value = document.root();
  if (member.name == "user") FAIRLEAD_CHECK(text_of("user", value));
  if (member.name == "dimensions") FAIRLEAD_CHECK(internal::integer_of("dimensions", value, 1, 65536));
  if (member.name == "encoding_format") {
    FAIRLEAD_TRY(const std::string_view format, text_of("encoding_format", value));
    if (format != "float" && format != "base64")
      return invalid_value("encoding_format", "it must be 'float' or 'base64'");
  }
  return {};
}

// Parses the required member and lets `check` look at it.
Result<void> check_input(const SurfaceCall& call, Result<void> (*check)(Element)) {
  const llm::Member* const input = call.body.member("input");
  if (!input || input->json == "null") return missing("input");
  FAIRLEAD_TRY(const Document document, Document::parse(input->json));
  return check(document.root());
}

std::unexpected<Error> not_given(const SurfaceCall& call, std::string_view what, std::string_view who) {
  return fail(ErrorKind::kUnsupported, "unsupported_by_model",
              fmt::format("The {} `{}` gives no {}: call a model with a route over a provider that does ({}).",
                          call.call.target_kind, call.call.target_name, what, who),
              "model");
}

}  // namespace

Result<void> EmbeddingsSurface::read(std::span<char> body, SurfaceCall& call) const {
  FAIRLEAD_CHECK(internal::read_body(body, call));
  call.call.request.stream = false;  // there is no such thing here
  if (call.body.model.empty()) return missing("model");
  for (const llm::Member& member : call.body.members) FAIRLEAD_CHECK(check_member(member));
  return check_input(call, check_embeddings_input);
}

Result<void> EmbeddingsSurface::to_chat(SurfaceCall& call) const {
  return not_given(call, "embeddings", "type `openai`, for one");
}

Result<void> ModerationsSurface::read(std::span<char> body, SurfaceCall& call) const {
  FAIRLEAD_CHECK(internal::read_body(body, call));
  call.call.request.stream = false;
  if (call.body.model.empty()) {
    call.call.request.model = call.body.model = "omni-moderation-latest";
    if (!call.body.member("model")) call.body.members.push_back({"model", R"("omni-moderation-latest")"});
  }
  return check_input(call, check_moderations_input);
}

Result<void> ModerationsSurface::to_chat(SurfaceCall& call) const {
  return not_given(call, "moderations", "type `openai`, for one");
}

}  // namespace fairlead::gateway
