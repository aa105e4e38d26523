#include "platform/json/internal/uri.h"

#include <cctype>

namespace fairlead::json::internal {
namespace {

struct Parts {
  std::string_view scheme, authority, path, query, fragment;
  bool has_scheme = false, has_authority = false, has_query = false, has_fragment = false;
};

Parts parts_of(std::string_view uri) {
  Parts parts;
  if (const std::size_t hash = uri.find('#'); hash != uri.npos) {
    parts.fragment = uri.substr(hash + 1);
    parts.has_fragment = true;
    uri = uri.substr(0, hash);
  }
  if (const std::size_t mark = uri.find('?'); mark != uri.npos) {
    parts.query = uri.substr(mark + 1);
    parts.has_query = true;
    uri = uri.substr(0, mark);
  }
  if (const std::size_t colon = uri.find_first_of(":/");
      colon != uri.npos && colon > 0 && uri[colon] == ':' && std::isalpha(static_cast<unsigned char>(uri[0]))) {
    parts.scheme = uri.substr(0, colon);
    parts.has_scheme = true;
    uri.remove_prefix(colon + 1);
  }
  if (uri.starts_with("//")) {
    const std::size_t end = uri.find('/', 2);
    parts.authority = uri.substr(2, end == uri.npos ? uri.npos : end - 2);
    parts.has_authority = true;
    uri = end == uri.npos ? std::string_view() : uri.substr(end);
  }
  parts.path = uri;
  return parts;
}

std::string without_dots(std::string_view path) {
  std::string out;
  while (!path.empty()) {
    if (path.starts_with("../")) {
      path.remove_prefix(3);
    } else if (path.starts_with("./") || path.starts_with("/./")) {
      path.remove_prefix(2);
    } else if (path == "/.") {
      path = "/";
    } else if (path.starts_with("/../") || path == "/..") {
      path = path == "/.." ? std::string_view("/") : path.substr(3);
      const std::size_t cut = out.rfind('/');
      out.resize(cut == out.npos ? 0 : cut);
    } else if (path == "." || path == "..") {
      path = {};
    } else {
      const std::size_t end = path.find('/', 1);
      out += path.substr(0, end);
      path = end == path.npos ? std::string_view() : path.substr(end);
    }
  }
  return out;
}

std::string merged(const Parts& base, std::string_view path) {
  if (base.has_authority && base.path.empty()) return "/" + std::string(path);
  const std::size_t cut = base.path.rfind('/');
  return std::string(base.path.substr(0, cut == base.path.npos ? 0 : cut + 1)) + std::string(path);
}

}  // namespace

std::string resolve_uri(std::string_view base_text, std::string_view reference) {
  const Parts base = parts_of(base_text), given = parts_of(reference);
  Parts whole = given;
  std::string path;
  if (given.has_scheme || given.has_authority) {
    path = without_dots(given.path);
  } else if (given.path.empty()) {
    path = base.path;
    if (!given.has_query) {
      whole.query = base.query;
      whole.has_query = base.has_query;
    }
  } else {
    path = without_dots(given.path.starts_with('/') ? std::string(given.path) : merged(base, given.path));
  }
  if (!given.has_scheme) {
    whole.scheme = base.scheme;
    whole.has_scheme = base.has_scheme;
    if (!given.has_authority) {
      whole.authority = base.authority;
      whole.has_authority = base.has_authority;
    }
  }
  std::string out;
  if (whole.has_scheme) (out += whole.scheme) += ':';
  if (whole.has_authority) (out += "//") += whole.authority;
  out += path;
  if (whole.has_query) (out += '?') += whole.query;
  if (whole.has_fragment) (out += '#') += whole.fragment;
  return out;
}

SplitUri split_fragment(std::string_view uri) {
  const std::size_t hash = uri.find('#');
  if (hash == uri.npos) return {uri, {}};
  return {uri.substr(0, hash), uri.substr(hash + 1)};
}

std::string percent_decoded(std::string_view text) {
  const auto digit = [](char c) { return c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10; };
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size() && std::isxdigit(static_cast<unsigned char>(text[i + 1])) &&
        std::isxdigit(static_cast<unsigned char>(text[i + 2]))) {
      out += static_cast<char>(digit(text[i + 1]) * 16 + digit(text[i + 2]));
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

std::string pointer_escaped(std::string_view token) {
  std::string out;
  for (const char c : token) {
    if (c == '~') {
      out += "~0";
    } else if (c == '/') {
      out += "~1";
    } else {
      out += c;
    }
  }
  return out;
}

std::string pointer_unescaped(std::string_view token) {
  std::string out;
  for (std::size_t i = 0; i < token.size(); ++i) {
    if (token[i] == '~' && i + 1 < token.size() && (token[i + 1] == '0' || token[i + 1] == '1')) {
      out += token[++i] == '0' ? '~' : '/';
    } else {
      out += token[i];
    }
  }
  return out;
}

}  // namespace fairlead::json::internal
