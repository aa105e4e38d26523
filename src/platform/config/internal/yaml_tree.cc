#include "platform/config/internal/yaml_tree.h"

#include <yaml.h>

#include <algorithm>
#include <memory>

namespace fairlead::config::internal {
namespace {

std::unexpected<Error> cannot(std::string why) {
  return fail(ErrorKind::kInvalid, "cannot_edit", std::move(why));
}

// libyaml counts characters; a text is cut by bytes.
std::vector<std::size_t> offsets_of(std::string_view text) {
  std::vector<std::size_t> out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if ((static_cast<unsigned char>(text[i]) & 0xc0) != 0x80) out.push_back(i);
  }
  out.push_back(text.size());
  return out;
}

class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text), offsets_(offsets_of(text)) {
    yaml_parser_initialize(&parser_);
    yaml_parser_set_input_string(&parser_, reinterpret_cast<const unsigned char*>(text.data()), text.size());
  }
  ~Reader() { yaml_parser_delete(&parser_); }
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

  Result<std::vector<YamlNode>> read() {
    for (bool ended = false; !ended;) {
      yaml_event_t event;
      if (yaml_parser_parse(&parser_, &event) == 0) return cannot("The YAML cannot be read.");
      take(event);
      ended = event.type == YAML_STREAM_END_EVENT;
      yaml_event_delete(&event);
    }
    return std::move(documents_);
  }

 private:
  std::size_t offset(const yaml_mark_t& mark) const { return offsets_[std::min(mark.index, offsets_.size() - 1)]; }

  void take(const yaml_event_t& event) {
    YamlNode node;
    node.begin = offset(event.start_mark);
    node.end = offset(event.end_mark);
    switch (event.type) {
      case YAML_SCALAR_EVENT:
        scalar(event, node);
        return place(std::move(node));
      case YAML_ALIAS_EVENT:
        node.kind = YamlNode::Kind::kAlias;
        return place(std::move(node));
      case YAML_MAPPING_START_EVENT:
        node.kind = YamlNode::Kind::kMap;
        node.flow = event.data.mapping_start.style == YAML_FLOW_MAPPING_STYLE;
        open_.push_back(std::move(node));
        return;
      case YAML_SEQUENCE_START_EVENT:
        node.kind = YamlNode::Kind::kList;
        node.flow = event.data.sequence_start.style == YAML_FLOW_SEQUENCE_STYLE;
        open_.push_back(std::move(node));
        return;
      case YAML_MAPPING_END_EVENT:
      case YAML_SEQUENCE_END_EVENT:
        return close(node.end);
      default:
        return;
    }
  }

  void scalar(const yaml_event_t& event, YamlNode& node) const {
    const auto& data = event.data.scalar;
    node.text.assign(reinterpret_cast<const char*>(data.value), data.length);
    const bool block = data.style == YAML_LITERAL_SCALAR_STYLE || data.style == YAML_FOLDED_SCALAR_STYLE;
    node.quote = data.style == YAML_SINGLE_QUOTED_SCALAR_STYLE   ? '\''
                 : data.style == YAML_DOUBLE_QUOTED_SCALAR_STYLE ? '"'
                 : block                                         ? '|'
                                                                 : '\0';
    while (block && node.end > node.begin && (text_[node.end - 1] == '\n' || text_[node.end - 1] == ' ')) --node.end;
  }

  void close(std::size_t end) {
    YamlNode node = std::move(open_.back());
    open_.pop_back();
    node.end = node.flow || node.children.empty() ? end : node.children.back().end;
    place(std::move(node));
  }

  void place(YamlNode node) {
    if (!open_.empty()) {
      open_.back().children.push_back(std::move(node));
      return;
    }
    const bool nothing = node.kind == YamlNode::Kind::kScalar && node.quote == 0 &&
                         (node.text.empty() || node.text == "~" || node.text == "null");
    if (!nothing) documents_.push_back(std::move(node));
  }

  std::string_view text_;
  std::vector<std::size_t> offsets_;
  yaml_parser_t parser_;
  std::vector<YamlNode> open_, documents_;
};

}  // namespace

Result<std::vector<YamlNode>> yaml_trees(std::string_view text) {
  return Reader(text).read();
}

}  // namespace fairlead::config::internal
