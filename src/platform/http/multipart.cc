#include "platform/http/multipart.h"

#include <algorithm>

#include "platform/http/message.h"

namespace fairlead::http {
namespace {

constexpr std::size_t kMaxParts = 64;
constexpr std::size_t kMaxHead = 8 * 1024;
constexpr std::size_t kMaxBoundary = 70;

std::unexpected<Error> invalid(std::string what) {
  return fail(ErrorKind::kInvalid, "invalid_multipart", "The form in the request's body makes no sense: " + what + ".");
}

std::string_view trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

// The value of `; name=value` behind the first word of a header; quoted or not. Nothing if it is not there.
std::optional<std::string> parameter(std::string_view header, std::string_view name) {
  std::size_t at = std::min(header.find(';'), header.size());
  while (at < header.size()) {
    ++at;  // ';'
    const std::size_t equals = header.find('=', at);
    if (equals == std::string_view::npos) return std::nullopt;
    const std::string_view key = trimmed(header.substr(at, equals - at));
    std::string value;
    at = equals + 1;
    if (at < header.size() && header[at] == '"') {
      for (++at; at < header.size() && header[at] != '"'; ++at) {
        if (header[at] == '\\' && at + 1 < header.size()) ++at;
        value += header[at];
      }
      if (at == header.size()) return std::nullopt;  // never closed
      at = std::min(header.find(';', at), header.size());
    } else {
      const std::size_t end = std::min(header.find(';', at), header.size());
      value = trimmed(header.substr(at, end - at));
      at = end;
    }
    if (equal_ignoring_case(key, name)) return value;
  }
  return std::nullopt;
}

Result<FormPart> read_head(std::string_view head) {
  FormPart part;
  bool named = false;
  while (!head.empty()) {
    const std::size_t end = std::min(head.find("\r\n"), head.size());
    const std::string_view line = head.substr(0, end);
    head.remove_prefix(std::min(head.size(), end + 2));
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) return invalid("a line in the head of a part has no colon");
    const std::string_view name = trimmed(line.substr(0, colon)), value = trimmed(line.substr(colon + 1));
    if (equal_ignoring_case(name, "content-type")) part.content_type = value;
    if (!equal_ignoring_case(name, "content-disposition")) continue;
    if (named || !equal_ignoring_case(trimmed(value.substr(0, value.find(';'))), "form-data"))
      return invalid("a part must have one Content-Disposition, which is form-data");
    auto field = parameter(value, "name");
    if (!field) return invalid("a part has no name");
    named = true;
    part.name = std::move(*field);
    part.filename = parameter(value, "filename");
  }
  if (!named) return invalid("a part has no Content-Disposition");
  return part;
}

}  // namespace

Result<std::vector<FormPart>> parse_form(std::string_view content_type, std::string_view body) {
  const std::string_view type = trimmed(content_type.substr(0, content_type.find(';')));
  const auto boundary = parameter(content_type, "boundary");
  if (!equal_ignoring_case(type, "multipart/form-data") || !boundary || boundary->empty() ||
      boundary->size() > kMaxBoundary)
    return fail(ErrorKind::kInvalid, "invalid_content_type",
                "This route takes multipart/form-data, with a boundary of 1 to 70 characters in its Content-Type.");
  const std::string delimiter = "\r\n--" + *boundary;
  // The first delimiter may stand at the very beginning, without a line break before it.
  std::size_t at = 0;
  if (!body.starts_with(std::string_view(delimiter).substr(2))) {
    at = body.find(delimiter);
    if (at == std::string_view::npos) return invalid("its boundary is not in it");
    at += 2;
  }
  at += delimiter.size() - 2;
  std::vector<FormPart> parts;
  for (;;) {
    if (body.substr(at).starts_with("--")) return parts;
    const std::size_t line_end = body.find("\r\n", at);
    if (line_end == std::string_view::npos || !trimmed(body.substr(at, line_end - at)).empty())
      return invalid("it ends without its last boundary");
    const std::size_t head_start = line_end + 2;
    const std::size_t head_end = body.find("\r\n\r\n", line_end);
    if (head_end == std::string_view::npos || head_end > head_start + kMaxHead)
      return invalid("the head of a part does not end within 8 KiB");
    if (parts.size() == kMaxParts) return invalid("it has more than 64 parts");
    FAIRLEAD_TRY(FormPart part,
                 read_head(body.substr(std::min(head_start, head_end), head_end - std::min(head_start, head_end))));
    const std::size_t body_start = head_end + 4;
    const std::size_t end = body.find(delimiter, body_start);
    if (end == std::string_view::npos) return invalid("it ends without its last boundary");
    part.body = body.substr(body_start, end - body_start);
    parts.push_back(std::move(part));
    at = end + delimiter.size();
  }
}

}  // namespace fairlead::http
