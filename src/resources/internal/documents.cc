#include "resources/internal/documents.h"

#include <algorithm>
#include <boost/json/array.hpp>
#include <limits>
#include <utility>

#include "base/suggest.h"
#include "resources/internal/inline_files.h"
#include "resources/project.h"

namespace fairlead::resources {
namespace {

namespace bj = boost::json;

constexpr std::string_view kNameRule =
    "a name is 1 to 63 lower-case letters, digits, `.`, `_` or `-`, and begins with a letter or a digit";

bool is_yaml(std::string_view path) {
  return path.ends_with(".yaml") || path.ends_with(".yml");
}

bool is_hidden(std::string_view path) {
  return path.starts_with('.') || path.find("/.") != std::string_view::npos;
}

std::string unescaped(std::string_view segment) {  // RFC 6901
  std::string out;
  for (std::size_t i = 0; i < segment.size(); ++i) {
    if (segment[i] == '~' && i + 1 < segment.size()) {
      out += segment[++i] == '1' ? '/' : '~';
    } else {
      out += segment[i];
    }
  }
  return out;
}

// Splits what a sentence suggests from what it says.
std::pair<std::string, std::string> split_hint(std::string_view sentence) {
  std::size_t cut = sentence.size();
  for (const std::string_view start : {"; did you mean", " Did you mean", "; known:"})
    cut = std::min(cut, sentence.rfind(start));
  std::string message(sentence.substr(0, cut));
  std::string hint(cut < sentence.size() ? sentence.substr(sentence.find_first_not_of("; ", cut)) : std::string_view());
  if (message.ends_with('.') && !message.ends_with("..")) message.pop_back();
  if (hint.starts_with('D')) hint[0] = 'd';
  return {std::move(message), std::move(hint)};
}

class Reader {
 public:
  Reader(const Files& files, std::span<const CompiledKind> kinds) : files_(files), kinds_(kinds) {}

  SourceFolder read() {
    for (const auto& [path, text] : files_) {
      if (!is_yaml(path) || is_hidden(path) || path == "fairlead.yaml" || path == "fairlead.yml") continue;
      auto documents = config::parse_yaml(text);
      if (!documents) {
        const config::Fault& fault = documents.error();
        folder_.faults.push_back({path, fault.position.line, fault.position.column, fault.message, fault.hint});
        continue;
      }
      for (config::Document& document : *documents) read_document(path, std::move(document));
    }
    return std::move(folder_);
  }

 private:
  void read_document(const std::string& path, config::Document yaml) {
    SourceDocument document;
    document.file = path;
    document.yaml = std::move(yaml);
    const std::size_t faults_before = folder_.faults.size();
    if (!document.yaml.value.is_object()) {
      return fault(document, "", "a resource must be a mapping that begins with `kind` and `name`");
    }
    const bj::object& top = document.yaml.value.get_object();
    read_kind(document, top);
    read_name(document, top);
    read_version(document, top);
    read_labels(document, top);
    if (document.kind != nullptr) read_spec(document, top);
    if (folder_.faults.size() == faults_before) folder_.documents.push_back(std::move(document));
  }

  void read_kind(SourceDocument& document, const bj::object& top) {
    std::vector<std::string> names;
    std::string list;
    for (const CompiledKind& kind : kinds_) {
      names.push_back(kind.kind.name);
      list += (list.empty() ? "" : ", ") + kind.kind.name;
    }
    const bj::value* kind = top.if_contains("kind");
    if (kind == nullptr) return fault(document, "", "`kind` is missing", "known kinds: " + list);
    if (!kind->is_string()) return fault(document, "/kind", "`kind` must be text", "known kinds: " + list);
    const std::string_view wanted = kind->get_string();
    for (const CompiledKind& known : kinds_) {
      if (known.kind.name == wanted) document.kind = &known;
    }
    if (document.kind != nullptr) return;
    const std::string_view near = nearest(wanted, names);
    fault(document, "/kind", "unknown kind `" + std::string(wanted) + "`",
          (near.empty() ? "" : "did you mean `" + std::string(near) + "`? ") + ("known kinds: " + list));
  }

  void read_name(SourceDocument& document, const bj::object& top) {
    const bj::value* name = top.if_contains("name");
    if (name == nullptr) return fault(document, "", "`name` is missing", std::string(kNameRule));
    if (!name->is_string()) return fault(document, "/name", "`name` must be text", std::string(kNameRule));
    document.name = name->get_string();
    if (!is_name(document.name))
      fault(document, "/name", "`" + document.name.substr(0, 80) + "` cannot be a name", std::string(kNameRule));
  }

  void read_version(SourceDocument& document, const bj::object& top) {
    const bj::value* version = top.if_contains("version");
    if (version == nullptr) return;
    const std::int64_t number = version->is_int64() ? version->get_int64() : 0;
    if (number < 1 || number > std::numeric_limits<int>::max() - 1)
      return fault(document, "/version", "`version` must be a whole number from 1");
    document.version = static_cast<int>(number);
  }

  void read_labels(SourceDocument& document, const bj::object& top) {
    const bj::value* labels = top.if_contains("labels");
    if (labels == nullptr) return;
    if (!labels->is_array()) return fault(document, "/labels", "`labels` must be a list of names");
    document.labels.emplace();
    std::size_t index = 0;
    for (const bj::value& label : labels->get_array()) {
      const std::string pointer = "/labels/" + std::to_string(index++);
      if (!label.is_string()) {
        fault(document, pointer, "a label must be text");
        continue;
      }
      const std::string text(label.get_string());
      if (text == kLatest) {
        fault(document, pointer, "`latest` is kept by the system and cannot be given");
      } else if (!is_name(text) || text.find_first_not_of("0123456789") == std::string::npos) {
        fault(document, pointer, "`" + text.substr(0, 80) + "` cannot be a label",
              std::string(kNameRule) + "; it is not a number");
      } else if (std::find(document.labels->begin(), document.labels->end(), text) == document.labels->end()) {
        document.labels->push_back(text);
      }
    }
  }

  void read_spec(SourceDocument& document, const bj::object& top) {
    bj::value spec(bj::object_kind);
    for (const auto& [member, value] : top) {
      if (member != "kind" && member != "name" && member != "version" && member != "labels")
        spec.get_object().emplace(member, value);
    }
    const auto inlined = inline_files(spec, document.file, files_);
    for (const InlineFault& found : inlined) fault(document, found.pointer, found.message, found.hint);
    if (!inlined.empty()) return;  // the schema would only say that a text is missing
    document.spec = std::move(spec.get_object());
    if (document.kind->kind.normalise) document.kind->kind.normalise(document.spec);
    for (const json::SchemaError& error : document.kind->schema.validate(document.spec)) schema_fault(document, error);
  }

  // The schema says "must be text"; a person wants to know what must.
  void schema_fault(const SourceDocument& document, const json::SchemaError& error) {
    const bool about_member = error.message.starts_with("unknown member");
    const std::size_t parent = error.pointer.find_last_of('/');
    std::string message = error.message;
    if (about_member) {
      const std::string path =
          readable_path(std::string_view(error.pointer).substr(0, parent == std::string::npos ? 0 : parent));
      const std::size_t end = message.find('`', message.find('`') + 1);
      if (!path.empty() && end != std::string::npos) message.insert(end + 1, " in `" + path + "`");
    } else {
      const std::string path = readable_path(error.pointer);
      message = (path.empty() ? document.kind->kind.name : "`" + path + "`") + " " + message;
    }
    Fault made = fault_at(document, error.pointer, message);
    if (about_member) {
      const config::Position key = document.yaml.position(error.pointer).key;
      made.line = key.line;
      made.column = key.column;
    }
    folder_.faults.push_back(std::move(made));
  }

  void fault(const SourceDocument& document, std::string_view pointer, std::string_view message,
             std::string hint = "") {
    folder_.faults.push_back(fault_at(document, pointer, message, std::move(hint)));
  }

  const Files& files_;
  std::span<const CompiledKind> kinds_;
  SourceFolder folder_;
};

}  // namespace

std::string SourceDocument::place() const {
  const config::Position start = yaml.position("").key;
  return file + ":" + std::to_string(start.line) + ":" + std::to_string(start.column);
}

Fault fault_at(const SourceDocument& document, std::string_view pointer, std::string_view sentence, std::string hint) {
  const config::Position position = document.yaml.position(pointer).value;
  auto [message, suggestion] = split_hint(sentence);
  return {document.file, position.line, position.column, std::move(message),
          hint.empty() ? std::move(suggestion) : std::move(hint)};
}

std::string readable_path(std::string_view pointer) {
  std::string path;
  while (!pointer.empty()) {
    pointer.remove_prefix(1);
    const std::size_t end = std::min(pointer.find('/'), pointer.size());
    const std::string segment = unescaped(pointer.substr(0, end));
    pointer.remove_prefix(end);
    if (!segment.empty() && segment.find_first_not_of("0123456789") == std::string::npos && !path.empty()) {
      path += "[" + segment + "]";
    } else {
      path += (path.empty() ? "" : ".") + segment;
    }
  }
  return path;
}

SourceFolder read_folder(const Files& files, std::span<const CompiledKind> kinds) {
  return Reader(files, kinds).read();
}

}  // namespace fairlead::resources
