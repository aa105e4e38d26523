// Small JSON texts, written member by member.
#pragma once
#include <string>
#include <string_view>

#include "platform/json/text.h"

namespace fairlead::providers::internal {

class JsonObject {
 public:
  // The text to which the member's value is to be appended.
  std::string& member(std::string_view name) {
    text_ += text_.empty() ? '{' : ',';
    json::append_string(text_, name);
    text_ += ':';
    return text_;
  }
  void raw(std::string_view name, std::string_view json) { member(name) += json; }
  void text(std::string_view name, std::string_view value) { json::append_string(member(name), value); }
  bool empty() const { return text_.empty(); }
  std::string finish() && { return text_.empty() ? "{}" : std::move(text_) + "}"; }

 private:
  std::string text_;
};

class JsonArray {
 public:
  std::string& next() {
    text_ += text_.empty() ? '[' : ',';
    return text_;
  }
  void raw(std::string_view json) { next() += json; }
  void text(std::string_view value) { json::append_string(next(), value); }
  bool empty() const { return text_.empty(); }
  std::string finish() && { return text_.empty() ? "[]" : std::move(text_) + "]"; }

 private:
  std::string text_;
};

}  // namespace fairlead::providers::internal
