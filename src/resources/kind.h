// What the resources room must know of a kind; each room that owns one gives it, `app` lists them.
#pragma once
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace fairlead::resources {

// One version of a resource, as stored. Immutable.
struct Version {
  std::string kind, project, name;
  int version = 0;
  std::string digest;  // SHA-256, hex, of the canonical spec
  boost::json::object spec;
  std::string author, message;
  std::int64_t created_at_us = 0;
  bool from_folder = false;  // applied from a folder, and not written in the console
};

// A fault in a spec: where (JSON pointer into the spec, RFC 6901) and what.
struct SpecError {
  std::string pointer;
  std::string message;  // a sentence; "Did you mean `x`?" at its end is shown as the hint
  std::string hint{};   // what to do, if the message does not end with it
};

// Where a spec names one of the project's secrets (access/secrets.h).
struct SecretReference {
  std::string pointer;  // of what names it
  std::string name;
};

// Variables to see a version with.
struct Example {
  std::string title;  // "test 2 (a locale that we do not have)"
  boost::json::object given;
};

// What a spec can be checked against: the project as it will be after the apply.
class Catalogue {
 public:
  virtual ~Catalogue() = default;
  // The newest spec, or null. Valid until the check returns.
  virtual const boost::json::object* find(std::string_view kind, std::string_view name) const = 0;
  virtual std::vector<std::string> names(std::string_view kind) const = 0;
  // The version that a label or a number points to. Valid until the check returns. Errors: resource_not_found,
  // version_not_found, label_not_found.
  virtual Result<const Version*> at(std::string_view kind, std::string_view name, std::string_view /*ref*/) const {
    return fail(ErrorKind::kNotFound, "resource_not_found",
                std::string(kind) + " `" + std::string(name) + "` does not exist.");
  }
};

// What a room tells of its kind. The functions are called from any thread.
struct Kind {
  std::string name;    // "prompt"
  std::string schema;  // JSON Schema (draft 2020-12) of the spec, without kind, name, version and labels
  // Adds defaults: gives the spec as it is stored and digested. Called before the schema is checked, when `{file: …}`
  // texts are in place; must bear any spec. May be empty.
  std::function<void(boost::json::object& spec)> normalise;
  // What the schema cannot say: references to other resources, templates that must compile. May be empty.
  std::function<std::vector<SpecError>(std::string_view name, const boost::json::object& spec, const Catalogue& others)>
      check;
  // Clients call it by its bare name (`model: "support-reply"`), so no two such resources of a project share one.
  bool addressable = false;
  std::string plural{};  // the folder that pull puts it in; empty: the name and an s
  // The secrets that a spec names; that they exist is checked here. May be empty.
  std::function<std::vector<SecretReference>(const boost::json::object& spec)> secrets{};
  // What the spec's own tests give it; `check` has run them. May be empty.
  std::function<std::vector<Example>(const boost::json::object& spec)> examples{};
  // What the variables make of a spec that passed `check`, for a person to compare with another version: an object.
  // Errors are those that a caller would get. May be empty.
  std::function<Result<boost::json::object>(std::string_view name, const boost::json::object& spec,
                                            const boost::json::object& given, const Catalogue& others)>
      render{};
};

}  // namespace fairlead::resources
