// A folder's files as documents, with the place of everything in them.
#pragma once
#include <boost/json/object.hpp>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "platform/config/yaml.h"
#include "platform/json/schema.h"
#include "resources/kind.h"
#include "resources/service.h"

namespace fairlead::resources {

struct CompiledKind {
  Kind kind;
  json::Schema schema;
};

// One YAML document that names its kind and itself.
struct SourceDocument {
  std::string file;
  config::Document yaml;
  const CompiledKind* kind = nullptr;
  std::string name;
  std::optional<int> version;
  std::optional<std::vector<std::string>> labels;
  boost::json::object spec;  // `{file: …}` in place, normalised

  std::string place() const;  // "models.yaml:3:1"
};

struct SourceFolder {
  std::vector<SourceDocument> documents;  // in the order of the files and within them
  std::vector<Fault> faults;
};

// Reads every file and checks each spec against its kind's schema. The kinds outlive the answer.
SourceFolder read_folder(const Files& files, std::span<const CompiledKind> kinds);

// A fault at what a JSON pointer names, or the nearest above it. What the sentence suggests at its end ("did you mean
// `x`?", "known: x, y") becomes the hint, unless one is given.
Fault fault_at(const SourceDocument& document, std::string_view pointer, std::string_view sentence,
               std::string hint = "");

// "/messages/0/system" as people write it: "messages[0].system".
std::string readable_path(std::string_view pointer);

}  // namespace fairlead::resources
