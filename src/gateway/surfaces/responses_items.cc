// What a response keeps and repeats of its request.
#include <fmt/format.h>

#include <utility>

#include "gateway/internal/reading.h"
#include "gateway/surfaces/responses_request.h"
#include "platform/json/text.h"

namespace fairlead::gateway {
namespace {

using internal::Array;
using internal::Document;
using internal::Element;
using internal::find;
using internal::Object;
using internal::ObjectWriter;
using internal::text_at;

std::string_view prefix_of(std::string_view type) {
  if (type == "function_call") return "fc_";
  if (type == "function_call_output") return "fco_";
  if (type == "reasoning") return "rs_";
  return "msg_";
}

// A part of a message with the members that the API always gives.
void write_part(std::string& out, Object part) {
  ObjectWriter writer(out);
  const std::string_view type = text_at(part, "type");
  for (const auto& [key, value] : part)
    if (!value.is_null()) writer.raw(key, simdjson::minify(value));
  if (type == "input_image" && !find(part, "detail")) writer.text("detail", "auto");
  if (type == "output_text" && !find(part, "annotations")) writer.raw("annotations", "[]");
  if (type == "output_text" && !find(part, "logprobs")) writer.raw("logprobs", "[]");
  writer.end();
}

void write_content(std::string& out, Element content, bool of_assistant) {
  out += '[';
  if (content.is_string()) {
    ObjectWriter part(out);
    part.text("type", of_assistant ? "output_text" : "input_text");
    part.text("text", content.get_string().value_unsafe());
    if (of_assistant) {
      part.raw("annotations", "[]");
      part.raw("logprobs", "[]");
    }
    part.end();
  } else if (content.is_array()) {
    const Array parts = content.get_array().value_unsafe();
    bool first = true;
    for (const Element one : parts) {
      if (!one.is_object()) continue;
      if (!std::exchange(first, false)) out += ',';
      write_part(out, one.get_object().value_unsafe());
    }
  }
  out += ']';
}

void write_item(std::string& out, Object item, const std::string& id) {
  std::string_view type = text_at(item, "type");
  if (type.empty()) type = "message";
  const bool of_assistant = text_at(item, "role") == "assistant";
  ObjectWriter writer(out);
  if (text_at(item, "id").empty()) writer.text("id", std::string(prefix_of(type)) + id);
  if (!find(item, "type")) writer.text("type", type);
  if (type != "reasoning" && !find(item, "status")) writer.text("status", "completed");
  for (const auto& [key, value] : item) {
    if (value.is_null() || (key == "id" && text_at(item, "id").empty())) continue;
    if (type == "message" && key == "content") {
      write_content(writer.member(key), value, of_assistant);
    } else {
      writer.raw(key, simdjson::minify(value));
    }
  }
  writer.end();
}

// A member of the request on one line: an event of a stream is one. Empty if it was not given.
std::string compact(const llm::RequestBody& body, std::string_view name) {
  const llm::Member* const given = body.member(name);
  if (!given || given->json == "null") return {};
  const auto document = Document::parse(given->json);
  return document ? simdjson::minify(document->root()) : std::string();
}

// The request's tools, with the members that the API always gives.
void write_tools(std::string& out, Element tools) {
  out += '[';
  if (tools.is_array()) {
    const Array list = tools.get_array().value_unsafe();
    bool first = true;
    for (const Element one : list) {
      if (!one.is_object()) continue;
      if (!std::exchange(first, false)) out += ',';
      const Object tool = one.get_object().value_unsafe();
      ObjectWriter writer(out);
      for (const auto& [key, value] : tool)
        if (!value.is_null()) writer.raw(key, simdjson::minify(value));
      if (!find(tool, "strict")) writer.raw("strict", "false");
      if (!find(tool, "parameters")) writer.raw("parameters", "null");
      writer.end();
    }
  }
  out += ']';
}

}  // namespace

std::string items_of(const llm::RequestBody& body, std::string_view id) {
  const llm::Member* const input = body.member("input");
  auto document = Document::parse(input ? input->json : "null");
  std::string out = "[";
  if (document && document->root().is_string()) {
    ObjectWriter item(out);
    item.text("id", fmt::format("msg_{}_in0", id));
    item.text("type", "message");
    item.text("status", "completed");
    item.text("role", "user");
    write_content(item.member("content"), document->root(), false);
    item.end();
  } else if (document && document->root().is_array()) {
    const Array items = document->root().get_array().value_unsafe();
    std::size_t i = 0;
    for (const Element one : items) {
      if (!one.is_object()) continue;
      if (i > 0) out += ',';
      write_item(out, one.get_object().value_unsafe(), fmt::format("{}_in{}", id, i));
      ++i;
    }
  }
  out += ']';
  return out;
}

std::string repeated_members(const llm::RequestBody& body) {
  struct Default {
    std::string_view name, json;
  };
  static constexpr Default kDefaults[] = {{"background", "false"},
                                          {"instructions", "null"},
                                          {"max_output_tokens", "null"},
                                          {"max_tool_calls", "null"},
                                          {"metadata", "{}"},
                                          {"parallel_tool_calls", "true"},
                                          {"previous_response_id", "null"},
                                          {"reasoning", R"({"effort":null,"summary":null})"},
                                          {"service_tier", R"("default")"},
                                          {"store", "true"},
                                          {"temperature", "1.0"},
                                          {"text", R"({"format":{"type":"text"}})"},
                                          {"tool_choice", R"("auto")"},
                                          {"top_logprobs", "0"},
                                          {"top_p", "1.0"},
                                          {"truncation", R"("disabled")"}};
  std::string out;
  for (const Default& one : kDefaults) {
    const std::string given = compact(body, one.name);
    out += fmt::format(R"("{}":{},)", one.name, given.empty() ? one.json : given);
  }
  for (const std::string_view name : {"user", "safety_identifier", "prompt_cache_key", "prompt_cache_retention"})
    if (const std::string given = compact(body, name); !given.empty()) out += fmt::format(R"("{}":{},)", name, given);
  out += R"("tools":)";
  const llm::Member* const tools = body.member("tools");
  auto document = Document::parse(tools ? tools->json : "[]");
  if (document)
    write_tools(out, document->root());
  else
    out += "[]";
  return out;
}

}  // namespace fairlead::gateway
