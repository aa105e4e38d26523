#include "llm/tokens/internal/attachments.h"

#include <simdjson.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "llm/tokens/internal/image_size.h"

namespace fairlead::llm::internal {
namespace {

using simdjson::dom::element;
using simdjson::dom::object;

constexpr std::array<std::string_view, 7> kNoInput = {
    "model", "fairlead", "metadata", "user", "safety_identifier", "prompt_cache_key", "service_tier"};
// Members that bring what is not in the request.
constexpr std::array<std::string_view, 5> kStored = {"previous_response_id", "conversation", "web_search_options",
                                                     "mcp_servers", "container"};
constexpr std::array<std::string_view, 7> kHolders = {"messages", "input",     "system",      "tools",
                                                      "prompt",   "functions", "instructions"};

// A name that only parts which are no plain text have; or a whole string that is the same. Quotes are few, and inside
// of strings they are escaped.
bool may_have_parts(std::string_view json) {
  for (std::size_t at = json.find('"'); at != json.npos; at = json.find('"', at + 1)) {
    const std::string_view rest = json.substr(at);
    if (rest.starts_with("\"type\"") || rest.starts_with("\"audio\"")) return true;
  }
  return false;
}

std::string_view text_in(const object& from, std::string_view name) {
  std::string_view out;
  return from[name].get(out) ? std::string_view() : out;
}

class Walk {
 public:
  explicit Walk(Attachments& out) : out_(out) {}

  void value(const element& one, int depth = 0) {
    if (depth > 256) return;
    if (simdjson::dom::array list; !one.get(list))
      for (const element each : list) value(each, depth + 1);
    if (!one.is_object()) return;
    const object whole = one.get_object().value_unsafe();
    if (const std::string_view type = text_in(whole, "type"); !type.empty() && attached(type, whole)) return;
    object audio;
    if (!whole["audio"].get(audio) && !text_in(audio, "id").empty()) out_.unbounded = true;  // an answer of before
    for (const auto& member : whole) value(member.value, depth + 1);
  }

  void tool(const object& tool) {
    const std::string_view type = text_in(tool, "type");
    if (type.empty() || type == "function" || type == "custom") return;
    const bool client_runs_it =
        type.starts_with("computer") || type.starts_with("bash_") || type.starts_with("text_editor_");
    if (client_runs_it)
      ++out_.own_tools;
    else
      out_.unbounded = true;
  }

 private:
  // False: look inside.
  bool attached(std::string_view type, const object& part) {
    // What a tool is given is text to the model, whatever it looks like.
    if (type == "text" || type == "input_text" || type == "output_text" || type.ends_with("tool_use")) return true;
    if (type == "image_url" || type == "input_image" || type == "image" || type == "computer_screenshot") {
      image(part);
      return true;
    }
    if (type == "document" || type == "file" || type == "input_file") {
      element source;
      object inner;
      const bool is_text = !part["source"].get(source) && !source.get(inner) && text_in(inner, "type") == "text";
      out_.unbounded = out_.unbounded || !is_text;
      return true;
    }
    if (type == "item_reference" || type == "video_url" || type == "container_upload") out_.unbounded = true;
    return false;
  }

  void image(const object& part) {
    Image found{.low = text_in(part, "detail") == "low"};
    std::string_view data = text_in(part, "image_url");  // of responses
    for (const std::string_view holder : {"image_url", "source"}) {
      object inner;
      if (part[holder].get(inner)) continue;
      data = text_in(inner, holder == "source" ? "data" : "url");
      found.low = found.low || text_in(inner, "detail") == "low";
    }
    if (data.starts_with("data:")) data.remove_prefix(std::min(data.find(',') + 1, data.size()));
    out_.bytes += data.size();
    if (const ImageSize size = image_size(data); size.width > 0) {
      found.width = size.width;
      found.height = size.height;
    }
    out_.images.push_back(found);
  }

  Attachments& out_;
};

}  // namespace

bool is_input(std::string_view member) {
  return std::ranges::find(kNoInput, member) == kNoInput.end();
}

bool is_text(std::string_view member) {
  return std::ranges::find(kHolders, member) != kHolders.end() || member == "suffix" || member == "response_format";
}

Attachments attachments_of(Format format, std::span<const Member> members) {
  Attachments out;
  Walk walk(out);
  for (const Member& member : members) {
    if (std::ranges::find(kStored, member.name) != kStored.end() && member.json != "null") out.unbounded = true;
    if (format == Format::kResponses && member.name == "prompt" && member.json != "null") out.unbounded = true;
    if (std::ranges::find(kHolders, member.name) == kHolders.end() || !may_have_parts(member.json)) continue;
    simdjson::dom::parser parser;
    element root;
    if (parser.parse(member.json.data(), member.json.size()).get(root)) continue;
    if (member.name != "tools") {
      walk.value(root);
    } else if (simdjson::dom::array tools; !root.get(tools)) {
      for (const element one : tools)
        if (object tool; !one.get(tool)) walk.tool(tool);
    }
  }
  return out;
}

}  // namespace fairlead::llm::internal
