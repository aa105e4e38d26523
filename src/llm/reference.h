// How a resource is named where one may be called: `name`, `name@label`, `name@7`, each with `kind:` in front or not.
#pragma once
#include <string_view>

namespace fairlead::llm {

// Views into the text; `kind` and `version` are empty where they are not said.
struct Reference {
  std::string_view kind, name, version;

  static Reference parse(std::string_view text) {
    Reference out;
    if (const auto colon = text.find(':'); colon != std::string_view::npos) {
      out.kind = text.substr(0, colon);
      text.remove_prefix(colon + 1);
    }
    if (const auto at = text.find('@'); at != std::string_view::npos) {
      out.version = text.substr(at + 1);
      text = text.substr(0, at);
    }
    out.name = text;
    return out;
  }
};

}  // namespace fairlead::llm
