// bodies_fuzz [SECONDS [SEED [SUBJECT]]]: mutates chunked bodies (chunks), server-sent events (events) and forms
// (forms) until the time is up, and compares what is read with what a plain reader of the same grammar reads, whole and
// split. Exits 1 and prints the text at the first fault.
#include <cstring>
#include <memory>
#include <optional>

#include "base/tests/fuzz.h"
#include "platform/http/internal/chunk_decoder.h"
#include "platform/http/multipart.h"
#include "platform/http/sse.h"
#include "platform/http/tests/fuzz/mutations.h"

namespace fairlead::http {
namespace {

using Random = std::mt19937_64;

// Chunked bodies.

std::vector<std::string> chunk_seeds() {
  return {"5\r\nhello\r\n6;x=y\r\n world\r\n0\r\nA: b\r\n\r\n",
          "1\r\na\r\n0\r\n\r\n",
          "00a\r\n0123456789\r\n0\r\n\r\n",
          "A;a;b=\"c\"\r\n0123456789\r\nfF\r\n" + std::string(255, 'x') + "\r\n0;last\r\nA: b\r\nC:\r\n\r\n",
          "fffffffffffffff\r\n",
          "0\r\n\r\nGET / HTTP/1.1\r\n"};
}

// The payload, how it ended, and how much was consumed.
std::string decode(std::string_view coding, Random* split) {
  ChunkDecoder decoder;
  std::string body;
  std::size_t at = 0;
  while (at < coding.size() && !decoder.done() && !decoder.failed()) {
    const std::size_t size = split != nullptr ? 1 + (*split)() % 7 : coding.size();
    std::string piece(coding.substr(at, size));  // its own block: a step over its end is seen
    const auto step = decoder.decode(piece.data(), piece.size());
    if (step.consumed > piece.size() || step.payload > step.consumed) return "more than was there";
    body.append(piece, 0, step.payload);
    at += step.consumed;
    if (step.consumed == 0 && !decoder.failed() && !decoder.done()) return "no step";
  }
  if (decoder.failed()) return "failed";
  return body + (decoder.done() ? "|done " + std::to_string(at) : "|more");
}

// RFC 9112 §7.1 read in one go, for bodies that are whole; nothing: not one.
std::optional<std::string> plainly_decoded(std::string_view coding) {
  std::string body;
  for (std::size_t at = 0;;) {
    const std::size_t end = coding.find("\r\n", at);
    if (end == std::string_view::npos) return std::nullopt;
    std::size_t size = 0, digits = 0;
    for (; std::isxdigit(static_cast<unsigned char>(coding[at + digits])); ++digits) {
      if (size > (SIZE_MAX >> 8)) return std::nullopt;
      const char digit = coding[at + digits];
      size = size * 16 + static_cast<std::size_t>(digit <= '9' ? digit - '0' : (digit | 0x20) - 'a' + 10);
    }
    if (digits == 0) return std::nullopt;
    at = end + 2;
    if (size == 0) {
      while (!coding.substr(at).starts_with("\r\n")) {
        const std::size_t line = coding.find("\r\n", at);
        if (line == std::string_view::npos) return std::nullopt;
        at = line + 2;
      }
      return body + "|done " + std::to_string(at + 2);
    }
    if (size > coding.size() || coding.size() - at < size + 2 || coding.substr(at + size, 2) != "\r\n")
      return std::nullopt;
    body += coding.substr(at, size);
    at += size + 2;
  }
}

std::string judge_chunks(const std::string& text, Random& random) {
  const std::string whole = decode(text, nullptr);
  if (whole != decode(text, &random)) return "it is read otherwise when split";
  if (whole.find("|done") == std::string::npos)
    return whole == "no step" || whole.starts_with("more than") ? whole : "";
  const auto plain = plainly_decoded(text);
  return plain && *plain != whole ? "a plain reader reads otherwise: " + *plain : "";
}

// Server-sent events.

std::vector<std::string> event_seeds() {
  return {"event: a\ndata: b\ndata: c\n\ndata:d\n\n",
          "\xEF\xBB\xBF: hi\r\ndata: {\"a\": 1}\r\n\r\nid: 7\rretry: 3\rdata\r\r",
          ":\n\n\n\nevent\ndata: x\n\nevent: y\n\ndata:  two\n\n", "data: [DONE]\n\n", "data: a"};
}

// https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation, on a whole stream.
std::string plain_events(std::string_view text) {
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  std::string out, event, data;
  bool any = false;
  while (!text.empty()) {
    const std::size_t end = text.find_first_of("\r\n");
    if (end == std::string_view::npos) break;
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end + (text.substr(end).starts_with("\r\n") ? 2 : 1));
    if (line.empty()) {
      if (any) out += (event.empty() ? "message" : event) + "=" + data.substr(0, data.size() - 1) + "|";
      event.clear(), data.clear(), any = false;
      continue;
    }
    const std::size_t colon = std::min(line.find(':'), line.size());
    std::string_view value = line.substr(std::min(line.size(), colon + 1));
    if (value.starts_with(' ')) value.remove_prefix(1);
    if (line.substr(0, colon) == "event") event = value;
    if (line.substr(0, colon) == "data") any = true, data.append(value).append("\n");
  }
  return out;
}

std::string parsed_events(std::string_view text, Random* split) {
  SseParser parser;
  std::string out;
  while (!text.empty()) {
    const std::size_t size = split != nullptr ? 1 + (*split)() % 5 : text.size();
    const std::string piece(text.substr(0, size));
    text.remove_prefix(piece.size());
    const auto fed = parser.feed(
        piece, [&out](const ServerSentEvent& one) { out.append(one.event).append("=").append(one.data).append("|"); });
    if (!fed) return "refused";
  }
  return out;
}

std::string judge_events(const std::string& text, Random& random) {
  const std::string whole = parsed_events(text, nullptr);
  if (whole != parsed_events(text, &random)) return "it is read otherwise when split";
  return whole == plain_events(text) ? "" : "a plain reader reads otherwise: " + plain_events(text);
}

// Forms.

constexpr std::string_view kFormType = "multipart/form-data; boundary=xYz";

std::vector<std::string> form_seeds() {
  return {
      "--xYz\r\nContent-Disposition: form-data; name=\"purpose\"\r\n\r\nbatch\r\n--xYz\r\nContent-Disposition: "
      "form-data; "
      "name=\"file\"; filename=\"a\\\"b.jsonl\"\r\nContent-Type: application/jsonl\r\n\r\n{}\r\n\r\n--xYz--\r\n",
      "preamble\r\n--xYz  \r\ncontent-disposition:form-data;name=a\r\n\r\n\r\n--xYz--", "--xYz--\r\n",
      "--xYz\r\n\r\n\r\n--xYz--"};
}

std::string judge_forms(const std::string& text, Random& random) {
  const std::vector<std::string> types = {std::string(kFormType)};
  const std::string type = random() % 4 == 0 ? mutate(types[0], types, random) : types[0];
  const auto parts = parse_form(type, text);
  if (!parts)
    return parts.error().kind == ErrorKind::kInvalid && !parts.error().message.empty() ? ""
                                                                                       : "a fault is not explained";
  const char* at = text.data();
  for (const FormPart& part : *parts) {
    if (part.body.data() < at || part.body.data() + part.body.size() > text.data() + text.size())
      return "a part lies outside of the body, or before the one in front of it";
    at = part.body.data() + part.body.size();
    if (type == kFormType && part.body.find("\r\n--xYz") != std::string_view::npos) return "a part holds a boundary";
  }
  return "";
}

// `judge` says what is wrong; nothing if all is well.
FuzzSubject subject(const char* name, std::vector<std::string> seeds,
                    std::string (*judge)(const std::string& text, Random& random),
                    const std::shared_ptr<Random>& random) {
  return {name, [seeds = std::move(seeds), judge, random](std::string& text) {
            text = mutate(seeds[(*random)() % seeds.size()], seeds, *random);
            return judge(text, *random);
          }};
}

std::vector<FuzzSubject> subjects(std::uint64_t seed) {
  const auto random = std::make_shared<Random>(seed);
  return {subject("chunks", chunk_seeds(), judge_chunks, random),
          subject("events", event_seeds(), judge_events, random), subject("forms", form_seeds(), judge_forms, random)};
}

}  // namespace
}  // namespace fairlead::http

int main(int argc, char** argv) {
  return fairlead::fuzz(argc, argv, fairlead::http::subjects);
}
