#include "gateway/internal/file_checks.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <string>

#include "gateway/internal/reading.h"
#include "platform/json/text.h"

namespace fairlead::gateway::internal {
namespace {

constexpr std::size_t kMB = 1'000'000;

std::unexpected<Error> invalid(std::string what) {
  return fail(ErrorKind::kInvalid, "invalid_file", "Invalid 'file': " + std::move(what) + ".", "file");
}

// A line of a batch: a request, and the name that its answer will have.
Result<void> check_batch_line(Object line, std::set<std::string, std::less<>>& names) {
  const std::string_view name = text_at(line, "custom_id");
  if (name.empty()) return invalid("it has no custom_id");
  if (!names.emplace(name).second) return invalid("its custom_id stands in an earlier line");
  if (text_at(line, "method") != "POST") return invalid("its method must be POST");
  if (!text_at(line, "url").starts_with("/v1/")) return invalid("its url must begin with /v1/");
  const auto body = find(line, "body");
  if (!body || !body->is_object()) return invalid("its body must be an object");
  return {};
}

Result<void> check_example(Object line) {
  const auto messages = find(line, "messages");
  if (messages && messages->is_array()) return {};
  if (find(line, "prompt") || find(line, "input")) return {};
  return invalid("an example has messages, a prompt or an input");
}

Result<void> check_lines(std::string_view purpose, std::string_view content) {
  simdjson::dom::parser parser;
  std::set<std::string, std::less<>> names;
  std::size_t number = 0, lines = 0;
  while (!content.empty()) {
    ++number;
    const std::size_t end = std::min(content.find('\n'), content.size());
    const std::string_view line = content.substr(0, end);
    content.remove_prefix(std::min(content.size(), end + 1));
    if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    Object object;
    Result<void> checked;
    if (parser.parse(line.data(), line.size()).get_object().get(object)) {
      checked = invalid("it is not a JSON object");
    } else if (purpose == "batch") {
      checked = check_batch_line(object, names);
    } else if (purpose == "fine-tune") {
      checked = check_example(object);
    }
    if (!checked) {
      Error error = std::move(checked).error();
      error.message.insert(std::string_view("Invalid 'file': ").size(), fmt::format("line {}: ", number));
      return fail(std::move(error));
    }
    ++lines;
  }
  if (lines == 0) return invalid("it has no lines");
  return {};
}

bool is_image(std::string_view content) {
  using namespace std::string_view_literals;
  return content.starts_with("\x89PNG\r\n\x1a\n"sv) || content.starts_with("\xff\xd8\xff"sv) ||
         content.starts_with("GIF87a"sv) || content.starts_with("GIF89a"sv) ||
         (content.starts_with("RIFF"sv) && content.substr(0, 12).ends_with("WEBP"sv));
}

bool is_office(std::string_view filename, std::string_view content) {
  using namespace std::string_view_literals;
  const bool named = filename.ends_with(".docx") || filename.ends_with(".xlsx") || filename.ends_with(".pptx");
  return named && content.starts_with("PK\x03\x04"sv);
}

bool is_text(std::string_view content) {
  return content.find('\0') == std::string_view::npos && json::valid_utf8_prefix(content) == content.size();
}

Result<void> check_image(std::string_view /*filename*/, std::string_view content) {
  return is_image(content) ? Result<void>() : invalid("it is no PNG, JPEG, GIF or WebP");
}

Result<void> check_document(std::string_view filename, std::string_view content) {
  if (content.starts_with("%PDF-") || is_image(content) || is_office(filename, content) || is_text(content)) return {};
  return invalid("it is no PDF, no image, no text in UTF-8, and no .docx, .xlsx or .pptx");
}

struct Purpose {
  std::string_view name;
  std::size_t most;
  Result<void> (*check)(std::string_view filename, std::string_view content);
};

constexpr Purpose kPurposes[] = {
    {"assistants", 512 * kMB, check_document},
    {"batch", 200 * kMB,
     [](std::string_view /*name*/, std::string_view content) { return check_lines("batch", content); }},
    {"evals", 512 * kMB,
     [](std::string_view /*name*/, std::string_view content) { return check_lines("evals", content); }},
    {"fine-tune", 512 * kMB,
     [](std::string_view /*name*/, std::string_view content) { return check_lines("fine-tune", content); }},
    {"user_data", 50 * kMB, check_document},
    {"vision", 20 * kMB, check_image},
};

}  // namespace

Result<void> check_purpose(std::string_view purpose) {
  if (std::ranges::any_of(kPurposes, [purpose](const Purpose& one) { return one.name == purpose; })) return {};
  return fail(ErrorKind::kInvalid, "invalid_value",
              "Invalid 'purpose': it must be assistants, batch, evals, fine-tune, user_data or vision.", "purpose");
}

Result<void> check_file(std::string_view purpose, std::string_view filename, std::string_view content) {
  for (const Purpose& one : kPurposes) {
    if (one.name != purpose) continue;
    if (content.empty()) return invalid("it is empty");
    if (content.size() > one.most)
      return fail(ErrorKind::kInvalid, "file_too_large",
                  fmt::format("Invalid 'file': it has {} bytes, and a file for {} may have {}.", content.size(),
                              purpose, one.most),
                  "file");
    return one.check(filename, content);
  }
  return check_purpose(purpose);
}

}  // namespace fairlead::gateway::internal
