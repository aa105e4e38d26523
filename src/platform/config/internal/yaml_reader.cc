#include <yaml-cpp/depthguard.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <charconv>
#include <cmath>
#include <istream>
#include <optional>
#include <streambuf>

#include "platform/config/internal/scalar.h"
#include "platform/config/yaml.h"
#include "platform/json/text.h"

namespace fairlead::config {
namespace {

namespace bj = boost::json;

constexpr std::size_t kDeepest = 64;
constexpr std::size_t kMostBytes = 8 * 1024 * 1024;  // of a file
constexpr std::size_t kMostValues = 200'000;         // of a file, what aliases stand for counted
constexpr std::size_t kMostAliasedBytes = 16 * 1024 * 1024;

struct Stop {  // leaves yaml-cpp's parser, which knows no other way
  Fault fault;
};

std::string pointer_token(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '~') {
      out += "~0";
    } else if (c == '/') {
      out += "~1";
    } else {
      out += c;
    }
  }
  return out;
}

// Where lines begin, to turn yaml-cpp's columns, which count bytes, into characters.
class Lines {
 public:
  explicit Lines(std::string_view text) : text_(text), begins_{0} {
    for (std::size_t i = 0; i < text.size(); ++i) {
      if (text[i] == '\n') begins_.push_back(i + 1);
    }
  }
  Position position(const YAML::Mark& mark) const {
    if (mark.line < 0 || static_cast<std::size_t>(mark.line) >= begins_.size()) return {};
    const std::size_t begin = begins_[static_cast<std::size_t>(mark.line)];
    const std::size_t end = std::min(text_.size(), begin + static_cast<std::size_t>(std::max(mark.column, 0)));
    return {mark.line + 1, 1 + static_cast<int>(json::count_characters(text_.substr(begin, end - begin)))};
  }
  std::string_view line(int number) const {
    if (number < 1 || static_cast<std::size_t>(number) > begins_.size()) return {};
    const std::string_view rest = text_.substr(begins_[static_cast<std::size_t>(number) - 1]);
    return rest.substr(0, rest.find('\n'));
  }

 private:
  std::string_view text_;
  std::vector<std::size_t> begins_;
};

// Builds the value of one document from yaml-cpp's events.
class Builder final : public YAML::EventHandler {
 public:
  Builder(const Lines& lines, std::size_t& values, std::size_t& aliased_bytes)
      : lines_(lines), values_(values), aliased_bytes_(aliased_bytes) {}

  Document document;
  bool empty = true;

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    if (wants_key()) stop(mark, "a key is missing or is null", "write a key as text; put `null` and `~` in quotes");
    add(mark, anchor, nullptr, 8);
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& text) override {
    const bool plain = tag == "?";
    if (!plain && tag != "!") refuse_tag(mark, tag);
    if (wants_key()) return key(mark, text, plain, anchor);
    if (!plain) return add(mark, anchor, bj::value(text), text.size());
    auto value = internal::core_scalar(text);
    if (!value) stop(mark, value.error(), "put it in quotes if it is text");
    empty = false;
    add(mark, anchor, *std::move(value), text.size());
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    if (wants_key()) stop(mark, "an alias cannot be a key");
    const auto found = anchors_.find(anchor);
    if (found == anchors_.end()) stop(mark, "an alias cannot stand inside of what it stands for");
    values_ += found->second.values;
    aliased_bytes_ += found->second.bytes;
    if (values_ > kMostValues || aliased_bytes_ > kMostAliasedBytes) stop(mark, "aliases make the document too large");
    if (open_.size() + found->second.depth > kDeepest) too_deep(mark);
    const Anchored copy = found->second;
    add(mark, 0, copy.value, copy.bytes, copy.values, copy.depth);
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(mark, tag, anchor, bj::array());
  }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(mark, tag, anchor, bj::object());
  }
  void OnSequenceEnd() override { close(); }
  void OnMapEnd() override { close(); }

 private:
  struct Anchored {
    bj::value value;
    std::size_t values, bytes, depth;
  };
  struct Open {
    bj::value value;
    YAML::Mark mark;
    YAML::anchor_t anchor;
    std::string pointer;
    std::optional<std::string> key;  // of an object: the key whose value comes next
    Position key_position;
    std::size_t values = 1, bytes = 8, depth = 1;
  };

  [[noreturn]] void stop(const YAML::Mark& mark, std::string message, std::string hint = {}) const {
    throw Stop{{lines_.position(mark), std::move(message), std::move(hint)}};
  }
  [[noreturn]] void too_deep(const YAML::Mark& mark) const {
    stop(mark, "nested more than " + std::to_string(kDeepest) + " deep");
  }
  [[noreturn]] void refuse_tag(const YAML::Mark& mark, const std::string& tag) const {
    stop(mark, "the tag " + tag + " is not supported", "write the value without a tag; quotes make it text");
  }

  bool wants_key() const { return !open_.empty() && open_.back().value.is_object() && !open_.back().key; }

  void key(const YAML::Mark& mark, const std::string& text, bool plain, YAML::anchor_t anchor) {
    Open& map = open_.back();
    if (anchor) stop(mark, "a key cannot have an anchor");
    if (plain && text == "<<")
      stop(mark, "merge keys (`<<`) are not part of YAML 1.2", "write the members out, or alias a whole value");
    if (map.value.get_object().contains(text)) {
      const auto first = document.places.find(map.pointer + "/" + pointer_token(text));
      stop(mark, "the key `" + text + "` is there twice",
           first == document.places.end() ? "" : "the first one is in line " + std::to_string(first->second.key.line));
    }
    map.key = text;
    map.key_position = lines_.position(mark);
  }

  std::string next_pointer() const {
    if (open_.empty()) return "";
    const Open& top = open_.back();
    return top.pointer + "/" + (top.key ? pointer_token(*top.key) : std::to_string(top.value.get_array().size()));
  }

  void note_place(const YAML::Mark& mark, std::string pointer) {
    const Position at = lines_.position(mark);
    document.places[std::move(pointer)] = {!open_.empty() && open_.back().key ? open_.back().key_position : at, at};
  }

  void open(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, bj::value value) {
    if (tag != "?" && tag != "!" && !tag.empty()) refuse_tag(mark, tag);
    if (wants_key()) stop(mark, "a key cannot be a list or a mapping", "put a template such as `{{ name }}` in quotes");
    if (open_.size() >= kDeepest) too_deep(mark);
    empty = false;
    std::string pointer = next_pointer();
    note_place(mark, pointer);
    open_.push_back({std::move(value), mark, anchor, std::move(pointer), std::nullopt, {}});
  }

  void close() {
    Open top = std::move(open_.back());
    open_.pop_back();
    if (top.anchor) anchors_[top.anchor] = {top.value, top.values, top.bytes, top.depth};
    place(std::move(top.value), top.values, top.bytes, top.depth);
  }

  void add(const YAML::Mark& mark, YAML::anchor_t anchor, bj::value value, std::size_t bytes, std::size_t values = 1,
           std::size_t depth = 0) {
    if (++values_ > kMostValues) stop(mark, "more than " + std::to_string(kMostValues) + " values in one file");
    note_place(mark, next_pointer());
    if (!value.is_null()) empty = false;
    if (anchor) anchors_[anchor] = {value, values, bytes, depth};
    place(std::move(value), values, bytes, depth);
  }

  void place(bj::value value, std::size_t values, std::size_t bytes, std::size_t depth) {
    if (open_.empty()) {
      document.value = std::move(value);
      return;
    }
    Open& top = open_.back();
    top.values += values;
    top.bytes += bytes;
    top.depth = std::max(top.depth, depth + 1);
    if (top.key) {
      top.bytes += top.key->size();
      top.value.get_object().emplace(*top.key, std::move(value));
      top.key.reset();
    } else {
      top.value.get_array().push_back(std::move(value));
    }
  }

  const Lines& lines_;
  std::size_t& values_;
  std::size_t& aliased_bytes_;
  std::vector<Open> open_;
  std::map<YAML::anchor_t, Anchored> anchors_;
};

struct ViewBuffer : std::streambuf {
  explicit ViewBuffer(std::string_view text) {
    char* begin = const_cast<char*>(text.data());
    setg(begin, begin, begin + text.size());
  }
};

// yaml-cpp's words for what people get wrong most, in ours.
Fault translate(const Lines& lines, const YAML::Exception& thrown) {
  const std::string_view said = thrown.msg;
  std::string message(said), hint;
  const Position at = lines.position(thrown.mark);
  const std::string_view line = lines.line(at.line);
  if (const std::size_t tab = line.find('\t'); tab != line.npos && tab <= line.find_first_not_of(" \t")) {
    return {{at.line, static_cast<int>(tab) + 1}, "a tab where the indentation is wanted", "indent with spaces"};
  }
  if (said.find("tab") != said.npos) {
    message = "a tab where spaces are wanted";
    hint = "indent with spaces";
  } else if (said.find("illegal map value") != said.npos) {
    message = "a second `:` in the line, or a key that is indented wrong";
    hint = "put text with `: ` in it in quotes";
  } else if (said.find("unknown token") != said.npos) {
    message = "a character that means something to YAML";
    hint = "put the text that it is in in quotes";
  } else if (said.find("end of map not found") != said.npos || said.find("end of sequence not found") != said.npos) {
    message = "the indentation does not fit what stands above";
  } else if (said.find("flow not found") != said.npos) {
    message = "a `[` or `{` without its end";
    hint = "put text that begins with `{` or `[`, such as `{{ name }}`, in quotes";
  } else if (said.find("referenced anchor") != said.npos) {
    message = "there is no anchor above that this alias could stand for";
    hint = "put text that begins with `*` in quotes";
  }
  return {at, std::move(message), std::move(hint)};
}

std::optional<Fault> unreadable(const Lines& lines, std::string_view text) {
  if (text.size() > kMostBytes)
    return Fault{{}, "the file is larger than " + std::to_string(kMostBytes >> 20) + " MiB", ""};
  const std::size_t good = std::min(json::valid_utf8_prefix(text), text.find('\0'));
  if (good >= text.size()) return std::nullopt;
  const std::string_view before = text.substr(0, good);
  const auto line = static_cast<int>(std::count(before.begin(), before.end(), '\n'));
  const std::size_t begin = before.rfind('\n') + 1;  // npos + 1 is 0
  YAML::Mark mark;
  mark.line = line;
  mark.column = static_cast<int>(good - begin);
  return Fault{lines.position(mark), "this is not text in UTF-8", "save the file as UTF-8"};
}

}  // namespace

std::expected<std::vector<Document>, Fault> parse_yaml(std::string_view text) {
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  const Lines lines(text);
  if (auto fault = unreadable(lines, text)) return std::unexpected(*std::move(fault));
  std::vector<Document> documents;
  std::size_t values = 0, aliased_bytes = 0;
  try {
    ViewBuffer buffer(text);
    std::istream in(&buffer);
    YAML::Parser parser(in);
    while (true) {
      Builder builder(lines, values, aliased_bytes);
      if (!parser.HandleNextDocument(builder)) break;
      if (!builder.empty) documents.push_back(std::move(builder.document));
    }
  } catch (const Stop& stopped) {
    return std::unexpected(stopped.fault);
  } catch (const YAML::DeepRecursion& thrown) {
    return std::unexpected(Fault{lines.position(thrown.mark), "nested too deep", ""});
  } catch (const YAML::Exception& thrown) {
    return std::unexpected(translate(lines, thrown));
  } catch (const std::exception& thrown) {
    return std::unexpected(Fault{{}, thrown.what(), ""});
  }
  return documents;
}

Result<std::vector<Document>> load_yaml(std::string_view text, std::string_view file_name) {
  auto documents = parse_yaml(text);
  if (documents) return *std::move(documents);
  const Fault& fault = documents.error();
  return fail(ErrorKind::kInvalid, "invalid_yaml",
              std::string(file_name) + ":" + std::to_string(fault.position.line) + ":" +
                  std::to_string(fault.position.column) + ": " + fault.message +
                  (fault.hint.empty() ? "" : "\n  " + fault.hint));
}

Place Document::position(std::string_view pointer) const {
  while (true) {
    if (const auto found = places.find(pointer); found != places.end()) return found->second;
    if (pointer.empty()) return {};
    const std::size_t slash = pointer.rfind('/');
    pointer = pointer.substr(0, slash == pointer.npos ? 0 : slash);
  }
}

}  // namespace fairlead::config
