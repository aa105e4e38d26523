// `{file: support-reply.md}` in a spec stands for that file's text.
#pragma once
#include <boost/json/value.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "resources/service.h"

namespace fairlead::resources {

struct InlineFault {
  std::string pointer;  // of the object that names the file
  std::string message, hint;
};

// Puts texts in place throughout `value`. Paths are relative to the folder of `yaml_file` and stay inside the upload.
std::vector<InlineFault> inline_files(boost::json::value& value, const std::string& yaml_file, const Files& files);

// The text file that the value stands for, as a path from the root of the folder; nothing if it stands for itself.
std::optional<std::string> named_file(const boost::json::value& value, std::string_view yaml_file);

}  // namespace fairlead::resources
