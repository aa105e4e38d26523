#include "platform/config/yaml_edit.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <vector>

#include "platform/config/internal/yaml_tree.h"
#include "platform/config/yaml.h"
#include "platform/json/text.h"

namespace fairlead::config {
namespace {

namespace bj = boost::json;
using internal::YamlNode;
using Kind = YamlNode::Kind;

std::unexpected<Error> cannot(std::string_view why) {
  return fail(ErrorKind::kInvalid, "cannot_edit", std::string(why));
}

std::vector<std::string> steps_of(std::string_view pointer) {
  std::vector<std::string> out;
  for (const char c : pointer) {
    if (c == '/') {
      out.emplace_back();
    } else if (!out.empty()) {
      out.back() += c;
    }
  }
  for (std::string& step : out) {
    for (const auto& [escape, plain] : {std::pair("~1", "/"), std::pair("~0", "~")})
      for (std::size_t at = 0; (at = step.find(escape, at)) != step.npos; ++at) step.replace(at, 2, plain);
  }
  return out;
}

std::optional<std::size_t> index_of(const std::string& step) {
  std::size_t index = 0;
  const auto [end, error] = std::from_chars(step.data(), step.data() + step.size(), index);
  if (error != std::errc() || end != step.data() + step.size()) return std::nullopt;
  return index;
}

std::string without_last_newline(std::string text) {
  if (text.ends_with('\n')) text.pop_back();
  return text;
}

// Every line but the first moves to the right.
std::string indented(const std::string& text, std::size_t columns) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    out += text[i];
    if (text[i] == '\n' && i + 1 < text.size() && text[i + 1] != '\n') out.append(columns, ' ');
  }
  return out;
}

bool is_scalar(const bj::value& value) {
  if (const auto* object = value.if_object()) return object->empty();
  if (const auto* array = value.if_array()) return array->empty();
  return true;
}

class Editor {
 public:
  Editor(std::string_view text, const YamlNode& root) : text_(text), root_(root) {}

  Result<std::string> edit(const YamlEdit& edit) {
    if (edit.pointer.empty())
      return spliced(root_.begin, root_.end, indented(without_last_newline(to_yaml(edit.value)), column(root_.begin)));
    const std::vector<std::string> steps = steps_of(edit.pointer);
    std::vector<Entry> way{{nullptr, 0, &root_}};
    for (std::size_t i = 0; i < steps.size(); ++i) {
      const YamlNode& here = *way.back().node;
      in_flow_ |= here.flow;
      const auto at = find(here, steps[i]);
      const bool last = i + 1 == steps.size();
      if (last && edit.kind == YamlEdit::Kind::kInsert) return insert(here, steps[i], edit.value);
      if (!at) return cannot("There is no " + edit.pointer + ".");
      way.push_back({&here, *at, &here.children[*at]});
    }
    return edit.kind == YamlEdit::Kind::kRemove ? remove(way) : replace(way.back(), edit.value);
  }

 private:
  struct Entry {
    const YamlNode* parent;
    std::size_t at;  // of the value among the parent's children
    const YamlNode* node;
  };

  static std::optional<std::size_t> find(const YamlNode& node, const std::string& step) {
    if (node.kind == Kind::kMap) {
      for (std::size_t i = 0; i + 1 < node.children.size(); i += 2)
        if (node.children[i].text == step) return i + 1;
    } else if (node.kind == Kind::kList) {
      if (const auto index = index_of(step); index && *index < node.children.size()) return index;
    }
    return std::nullopt;
  }

  std::size_t line_begin(std::size_t at) const { return at == 0 ? 0 : text_.rfind('\n', at - 1) + 1; }
  std::size_t line_end(std::size_t at) const { return std::min(text_.find('\n', at), text_.size()); }
  std::size_t column(std::size_t at) const {
    return json::count_characters(text_.substr(line_begin(at), at - line_begin(at)));
  }

  std::string spliced(std::size_t begin, std::size_t end, std::string_view with) const {
    std::string out(text_.substr(0, begin));
    out += with;
    out += text_.substr(end);
    return out;
  }

  // Where an entry of a block begins: its key, or its dash.
  Result<std::size_t> entry_begin(const YamlNode& parent, std::size_t at) const {
    if (parent.kind == Kind::kMap) return parent.children[at - 1].begin;
    std::size_t here = parent.children[at].begin;
    while (here > 0 && (text_[here - 1] == ' ' || text_[here - 1] == '\n' || text_[here - 1] == '\r')) --here;
    if (here == 0 || text_[here - 1] != '-') return cannot("An item's dash was not found.");
    return here - 1;
  }

  // A whole entry of a block as text, to stand at `columns`.
  static std::string entry_text(const YamlNode& parent, std::string_view key, const bj::value& value,
                                std::size_t columns) {
    const std::string text =
        parent.kind == Kind::kMap ? to_yaml(bj::object{{key, value}}) : to_yaml(bj::array({value}));
    return indented(without_last_newline(text), columns);
  }

  Result<std::string> replace(const Entry& entry, const bj::value& value) const {
    const YamlNode& node = *entry.node;
    if (in_flow_) return spliced(node.begin, node.end, json::to_text(value));
    FAIRLEAD_TRY(const std::size_t begin, entry_begin(*entry.parent, entry.at));
    const std::string_view key =
        entry.parent->kind == Kind::kMap ? std::string_view(entry.parent->children[entry.at - 1].text) : "";
    const bool was_scalar = node.kind == Kind::kScalar || node.kind == Kind::kAlias || node.flow;
    const bool whole = !was_scalar || !is_scalar(value);
    std::string text =
        whole ? entry_text(*entry.parent, key, value, column(begin)) : scalar_text(node, value, column(begin));
    if (!whole && node.begin == node.end) text.insert(0, " ");  // `key:` with nothing behind it
    const std::size_t end = line_end(node.end);
    text.insert(std::min(text.find('\n'), text.size()), text_.substr(node.end, end - node.end));  // a comment
    return spliced(whole ? begin : node.begin, end, text);
  }

  static std::string scalar_text(const YamlNode& was, const bj::value& value, std::size_t columns) {
    const bj::string* const string = value.if_string();
    if (string != nullptr && string->find('\n') == string->npos) {
      const std::string_view text(*string);
      if (was.quote == '"') return json::to_text(value);
      if (was.quote == '\'' && text.find('\'') == text.npos &&
          std::ranges::all_of(text, [](unsigned char c) { return c >= 0x20 && c != 0x7f; }))
        return "'" + std::string(text) + "'";
    }
    const std::string text = without_last_newline(to_yaml(bj::object{{"k", value}}));
    return indented(text.substr(3), columns);  // without "k: "
  }

  Result<std::string> remove(const std::vector<Entry>& way) const {
    const Entry& entry = way.back();
    const YamlNode& parent = *entry.parent;
    const bool map = parent.kind == Kind::kMap;
    if (parent.children.size() == (map ? 2u : 1u)) {  // nothing would be left, and that reads as null
      if (way.size() < 3) return cannot("The document would be empty.");
      const bj::value empty = map ? bj::value(bj::object()) : bj::value(bj::array());
      if (parent.flow) return spliced(parent.begin, parent.end, json::to_text(empty));
      return replace(way[way.size() - 2], empty);
    }
    const std::size_t first = map ? entry.at - 1 : entry.at, next = entry.at + 1;
    if (in_flow_) {
      if (next < parent.children.size()) return spliced(parent.children[first].begin, parent.children[next].begin, "");
      return spliced(parent.children[first - 1].end, entry.node->end, "");
    }
    FAIRLEAD_TRY(const std::size_t begin, entry_begin(parent, entry.at));
    const std::size_t line = line_begin(begin);
    if (text_.substr(line, begin - line).find_first_not_of(' ') == std::string_view::npos)
      return spliced(line, std::min(line_end(entry.node->end) + 1, text_.size()), "");
    if (next >= parent.children.size()) return cannot("It shares its line with what is above it.");
    FAIRLEAD_TRY(const std::size_t after, entry_begin(parent, map ? next + 1 : next));
    return spliced(begin, after, "");
  }

  Result<std::string> insert(const YamlNode& parent, const std::string& step, const bj::value& value) const {
    const bool map = parent.kind == Kind::kMap;
    if (!map && parent.kind != Kind::kList) return cannot("What it is put into is neither a list nor a mapping.");
    const std::size_t count = parent.children.size() / (map ? 2 : 1);
    const std::size_t index = map ? count : std::min(index_of(step).value_or(count), count);
    if (in_flow_) {
      const std::string text = map ? json::quoted(step) + ": " + json::to_text(value) : json::to_text(value);
      if (count == 0) return spliced(parent.begin + 1, parent.begin + 1, text);
      if (index == 0) return spliced(parent.children[0].begin, parent.children[0].begin, text + ", ");
      const std::size_t end = parent.children[(map ? 2 : 1) * index - 1].end;
      return spliced(end, end, ", " + text);
    }
    FAIRLEAD_TRY(const std::size_t first, entry_begin(parent, map ? 1 : 0));
    const std::size_t columns = column(first);
    const std::string text = entry_text(parent, step, value, columns);
    if (index == 0) return spliced(first, first, text + "\n" + std::string(columns, ' '));
    const std::size_t end = line_end(parent.children[(map ? 2 : 1) * index - 1].end);
    return spliced(end, end, "\n" + std::string(columns, ' ') + text);
  }

  std::string_view text_;
  const YamlNode& root_;
  bool in_flow_ = false;
};

}  // namespace

Result<std::string> edit_yaml(std::string_view text, std::size_t document, const YamlEdit& edit) {
  FAIRLEAD_TRY(const std::vector<YamlNode> roots, internal::yaml_trees(text));
  if (document >= roots.size()) return cannot("There is no such document.");
  return Editor(text, roots[document]).edit(edit);
}

}  // namespace fairlead::config
