// The texts within a JSON value: found for scanning, and replaced in it without touching the rest.
#pragma once
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "safety/policy/internal/finding.h"

namespace fairlead::policy {

class JsonDocument {
 public:
  enum class Kind : std::uint8_t {
    kConversation,  // messages and what else a client writes: types, roles and ids are no texts, nor are numbers
    kData,          // variables, arguments of tools: all of it is, and the names of members count as words near
    kName,          // a text by which a program knows somebody
  };
  struct Piece {
    std::size_t begin = 0, end = 0;  // in the source, with quotes
    std::string decoded;             // of a text with escapes; else `text` views the source
    TextJob job;
    bool number = false;
    std::string url_head;                  // of a text file that came as base64: "data:text/plain;base64,"
    std::unique_ptr<JsonDocument> nested;  // JSON in a string
  };

  // `json` has been accepted by a parser, and outlives this. Errors: invalid_json; privacy_blocked if there are images
  // and the like, and they may not pass.
  static Result<std::unique_ptr<JsonDocument>> read(std::string_view json, Kind kind, bool passes_media, int depth = 0);

  // Every text, those of nested documents too.
  void jobs(std::vector<TextJob*>& out);
  // Whether a job has a text instead.
  bool changed() const;
  std::string write() const;

 private:
  class Reader;
  std::string_view source_;
  std::deque<Piece> pieces_;
};

// What a JSON string (with its quotes) says. `out` is used if it has escapes. A text that is no JSON string: nothing.
std::string_view decode_string(std::string_view quoted, std::string& out);

// Steps through JSON text. `at` behind the value; npos: it is malformed.
std::size_t skip_value(std::string_view json, std::size_t at);
std::size_t skip_space(std::string_view json, std::size_t at);
std::size_t skip_string(std::string_view json, std::size_t at);  // at its quote

}  // namespace fairlead::policy
