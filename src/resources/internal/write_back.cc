#include "resources/internal/write_back.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/digest.h"
#include "platform/config/yaml.h"
#include "platform/config/yaml_edit.h"
#include "platform/json/member.h"
#include "platform/json/text.h"
#include "resources/internal/inline_files.h"

namespace fairlead::resources {
namespace {

namespace bj = boost::json;
using config::YamlEdit;

std::string digest_of(const bj::object& spec) {
  return sha256_hex(json::canonical(spec));
}

// What makes one spec of another, each step on what those before it left.
class Steps {
 public:
  std::vector<YamlEdit> edits;

  void objects(const std::string& at, const bj::object& from, const bj::object& to) {
    for (const auto& [name, before] : from) {
      const std::string pointer = at + "/" + json::pointer_token(name);
      if (const bj::value* after = to.if_contains(name)) {
        values(pointer, before, *after);
      } else {
        edits.push_back({YamlEdit::Kind::kRemove, pointer, {}});
      }
    }
    for (const auto& [name, after] : to)
      if (!from.contains(name)) edits.push_back({YamlEdit::Kind::kInsert, at + "/" + json::pointer_token(name), after});
  }

 private:
  void values(const std::string& at, const bj::value& from, const bj::value& to) {
    if (from == to) return;
    if (from.is_object() && to.is_object()) return objects(at, from.get_object(), to.get_object());
    if (from.is_array() && to.is_array()) return arrays(at, from.get_array(), to.get_array());
    edits.push_back({YamlEdit::Kind::kReplace, at, to});
  }

  void arrays(const std::string& at, const bj::array& from, const bj::array& to) {
    const std::size_t shorter = std::min(from.size(), to.size());
    std::size_t head = 0, tail = 0;
    while (head < shorter && from[head] == to[head]) ++head;
    while (tail < shorter - head && from[from.size() - 1 - tail] == to[to.size() - 1 - tail]) ++tail;
    const std::size_t paired = shorter - head - tail;
    const auto item = [&at](std::size_t index) { return at + "/" + std::to_string(index); };
    for (std::size_t i = head; i < head + paired; ++i) values(item(i), from[i], to[i]);
    for (std::size_t i = from.size() - tail; i-- > head + paired;)
      edits.push_back({YamlEdit::Kind::kRemove, item(i), {}});
    for (std::size_t i = head + paired; i < to.size() - tail; ++i)
      edits.push_back({YamlEdit::Kind::kInsert, item(i), to[i]});
  }
};

class Writer {
 public:
  Writer(const Project& project, Files files, std::span<const CompiledKind> kinds, bool overwrite)
      : project_(project), files_(std::move(files)), kinds_(kinds), overwrite_(overwrite) {}

  PulledFiles write() {
    const Files before = files_;
    SourceFolder folder = read_folder(files_, kinds_);
    if (!folder.faults.empty()) {
      out_.faults = std::move(folder.faults);
      return std::move(out_);
    }
    for (const auto& [key, resource] : project_.resources) one(resource, folder.documents);
    undo_shared_texts();
    for (const auto& [path, text] : files_) {
      const auto old = before.find(path);
      if (old == before.end() || old->second != text) out_.files.emplace(path, text);
    }
    return std::move(out_);
  }

 private:
  void one(const Resource& resource, const std::vector<SourceDocument>& documents) {
    const Version& latest = *resource.versions.at(resource.labels.find(kLatest)->second);
    const SourceDocument* newest = nullptr;  // the document without a version, else the one with the highest
    bool has_it = false;
    for (const SourceDocument& document : documents) {
      if (document.kind->kind.name != resource.kind || document.name != resource.name) continue;
      has_it |= digest_of(document.spec) == latest.digest && (!document.version || *document.version == latest.version);
      const auto rank = [](const SourceDocument& one) { return one.version.value_or(1 << 30); };
      if (newest == nullptr || rank(document) > rank(*newest)) newest = &document;
    }
    Pulled pulled{resource.kind, resource.name, latest.version, "", Pulled::How::kInPlace};
    if (has_it && !(newest != nullptr && !newest->version && digest_of(newest->spec) != latest.digest)) {
      ++out_.same;
      out_.known[resource.kind + "/" + resource.name] = latest.digest;
      return;
    }
    if (newest == nullptr) {
      pulled.file = folder_of(resource.kind) + "/" + resource.name + ".yaml";
      pulled.how = Pulled::How::kNew;
      add_document(pulled.file, to_yaml(latest));
    } else if (newest->version) {
      pulled.file = newest->file;
      pulled.how = Pulled::How::kNew;
      add_document(pulled.file, to_yaml(latest, true));
    } else {
      pulled.file = newest->file;
      const std::string digest = digest_of(newest->spec);
      const bool is_known =
          std::ranges::any_of(resource.versions, [&](const auto& entry) { return entry.second->digest == digest; });
      if (!is_known && !overwrite_) {
        pulled.how = Pulled::How::kKept;
        out_.written.push_back(std::move(pulled));
        return;
      }
      if (!in_place(*newest, latest)) {
        pulled.how = Pulled::How::kRewritten;
        rewrite(latest, pulled.file);
      }
    }
    out_.known[resource.kind + "/" + resource.name] = latest.digest;
    wanted_.emplace_back(&latest, out_.written.size());
    out_.written.push_back(std::move(pulled));
  }

  std::string folder_of(const std::string& kind) const {
    for (const CompiledKind& known : kinds_)
      if (known.kind.name == kind && !known.kind.plural.empty()) return known.kind.plural;
    return kind + "s";
  }

  void add_document(const std::string& path, const std::string& text) {
    std::string& file = files_[path];
    if (!file.empty() && !file.ends_with('\n')) file += '\n';
    if (!file.empty()) file += "---\n";
    file += text;
  }

  struct Found {
    SourceDocument document;
    std::size_t index = 0;  // in its file
  };
  // The document without a version, as its file stands now.
  std::optional<Found> find(const std::string& kind, const std::string& name, const std::string& path) const {
    Files one;
    for (const auto& [file, text] : files_)
      if (file == path || !(file.ends_with(".yaml") || file.ends_with(".yml"))) one.emplace(file, text);
    SourceFolder folder = read_folder(one, kinds_);
    const auto parsed = config::parse_yaml(files_.at(path));
    if (!folder.faults.empty() || !parsed || parsed->size() != folder.documents.size()) return std::nullopt;
    for (std::size_t i = 0; i < folder.documents.size(); ++i) {
      SourceDocument& document = folder.documents[i];
      if (document.kind->kind.name == kind && document.name == name && !document.version)
        return Found{std::move(document), i};
    }
    return std::nullopt;
  }

  // Edits the values that differ. False: the files are as they were.
  bool in_place(const SourceDocument& source, const Version& wanted) {
    Files before = files_;
    Steps steps;
    steps.objects("", source.spec, wanted.spec);
    for (YamlEdit& edit : steps.edits) {
      if (!step(source.file, wanted, std::move(edit))) break;
    }
    const auto now = find(wanted.kind, wanted.name, source.file);
    if (now && digest_of(now->document.spec) == wanted.digest) return true;
    files_ = std::move(before);
    return false;
  }

  bool step(const std::string& path, const Version& wanted, YamlEdit edit) {
    const auto now = find(wanted.kind, wanted.name, path);
    if (!now) return false;
    const bj::value& whole = now->document.yaml.value;
    boost::system::error_code error;
    const bj::value* here = whole.find_pointer(edit.pointer, error);
    if (here == nullptr && edit.kind == YamlEdit::Kind::kRemove) return true;  // a default that nobody wrote
    if (here == nullptr && edit.kind == YamlEdit::Kind::kReplace) edit.kind = YamlEdit::Kind::kInsert;
    // A part of what an alias or a default stands for: the nearest that is written there gets its whole value.
    while (edit.kind == YamlEdit::Kind::kInsert) {
      const std::string above = edit.pointer.substr(0, edit.pointer.rfind('/'));
      const bj::value* const parent = whole.find_pointer(above, error);
      if (parent != nullptr && parent->is_structured()) break;
      if (above.empty()) return false;
      const bj::value spec(wanted.spec);
      const bj::value* const value = spec.find_pointer(above, error);
      if (value == nullptr) return false;
      edit = {parent != nullptr ? YamlEdit::Kind::kReplace : YamlEdit::Kind::kInsert, above, *value};
    }
    if (edit.kind == YamlEdit::Kind::kReplace && edit.value.is_string()) {
      here = whole.find_pointer(edit.pointer, error);
      const auto file = here != nullptr ? named_file(*here, path) : std::nullopt;
      if (file && files_.contains(*file)) {
        files_[*file] = edit.value.get_string();
        return true;
      }
    }
    auto edited = config::edit_yaml(files_.at(path), now->index, edit);
    if (!edited) return false;
    files_[path] = *std::move(edited);
    return true;
  }

  void rewrite(const Version& wanted, const std::string& path) {
    const auto now = find(wanted.kind, wanted.name, path);
    if (!now) return;
    bj::object document{{"kind", wanted.kind}, {"name", wanted.name}};
    if (const bj::value* labels = now->document.yaml.value.as_object().if_contains("labels"))
      document["labels"] = *labels;
    for (const auto& [name, value] : wanted.spec) document[name] = value;
    auto edited = config::edit_yaml(files_.at(path), now->index, {YamlEdit::Kind::kReplace, "", std::move(document)});
    if (edited) files_[path] = *std::move(edited);
  }

  // Two documents may have named one text file, and want different texts now.
  void undo_shared_texts() {
    const SourceFolder folder = read_folder(files_, kinds_);
    for (const auto& [version, index] : wanted_) {
      const auto is_it = [version = version](const SourceDocument& one) {
        return one.kind->kind.name == version->kind && one.name == version->name &&
               digest_of(one.spec) == version->digest;
      };
      if (std::ranges::any_of(folder.documents, is_it)) continue;
      out_.written[index].how = Pulled::How::kRewritten;
      rewrite(*version, out_.written[index].file);
    }
  }

  const Project& project_;
  Files files_;
  std::span<const CompiledKind> kinds_;
  bool overwrite_;
  PulledFiles out_;
  std::vector<std::pair<const Version*, std::size_t>> wanted_;  // what was written, and where it is told
};

}  // namespace

PulledFiles write_back(const Project& project, const Files& folder, std::span<const CompiledKind> kinds,
                       bool overwrite) {
  return Writer(project, folder, kinds, overwrite).write();
}

std::string to_yaml(const Version& version, bool with_version) {
  bj::object document;
  document["kind"] = version.kind;
  document["name"] = version.name;
  if (with_version) document["version"] = version.version;
  for (const auto& [name, value] : version.spec) document[name] = value;
  return config::to_yaml(document);
}

}  // namespace fairlead::resources
