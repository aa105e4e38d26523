#include "gateway/internal/sealed_file.h"

#include <algorithm>

#include "base/digest.h"

namespace fairlead::gateway::internal {
namespace {

constexpr std::size_t kPlain = 256 * 1024;  // bytes of a piece's content
constexpr std::size_t kNonceBytes = 12, kTagBytes = 16;

std::string sealed_place(const StoredFile& file, std::string_view part) {
  std::string out = "fairlead file";
  for (const std::string_view one : {std::string_view(file.project), std::string_view(file.id), part}) {
    out += '\0';
    out += one;
  }
  return out;
}

std::size_t pieces_of(const StoredFile& file) {
  return (static_cast<std::size_t>(file.bytes) + kPlain - 1) / kPlain;
}

std::string place_of_piece(const StoredFile& file, std::size_t number) {
  return sealed_place(file, std::to_string(number) + (number + 1 == pieces_of(file) ? " last" : ""));
}

std::optional<std::string> open_with(const access::KeyRing* keys, std::string_view bytes, const std::string& place) {
  if (keys == nullptr || bytes.size() < kNonceBytes + kTagBytes) return std::nullopt;
  const access::Sealed sealed{std::string(bytes.substr(0, kNonceBytes)), std::string(bytes.substr(kNonceBytes))};
  for (const access::MasterKey& key : *keys)
    if (const auto opened = key.open(sealed, place)) return std::string(opened->data(), opened->size());
  return std::nullopt;
}

}  // namespace

std::string seal_file(const access::MasterKey& key, const StoredFile& file, std::string_view content) {
  std::string out;
  out.reserve(content.size() + (pieces_of(file) * (kNonceBytes + kTagBytes)));
  for (std::size_t number = 0; number < pieces_of(file); ++number) {
    const access::Sealed sealed = key.seal(content.substr(number * kPlain, kPlain), place_of_piece(file, number));
    out += sealed.nonce;
    out += sealed.box;
  }
  return out;
}

Result<std::string> open_file(const access::KeyRing* keys, const StoredFile& file, std::istream& in,
                              std::int64_t offset, std::size_t size) {
  const std::size_t first = static_cast<std::size_t>(offset) / kPlain;
  const std::size_t begin = static_cast<std::size_t>(offset) % kPlain;
  std::string out;
  for (std::size_t number = first; number < pieces_of(file) && out.size() < begin + size; ++number) {
    constexpr std::size_t kWhole = kPlain + kNonceBytes + kTagBytes;
    std::string bytes(kWhole, '\0');
    in.clear();
    in.seekg(static_cast<std::streamoff>(number * kWhole));
    in.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    bytes.resize(static_cast<std::size_t>(std::max<std::streamsize>(in.gcount(), 0)));
    const auto opened = open_with(keys, bytes, place_of_piece(file, number));
    if (!opened)
      return fail(ErrorKind::kInternal, "file_damaged",
                  "The file `" + file.id +
                      "` is encrypted and cannot be opened: it was changed, or the privacy key that it was uploaded "
                      "under is not in the ring (docs/reference/policies.md, \"Files\").");
    out += *opened;
  }
  return begin < out.size() ? out.substr(begin, size) : std::string();
}

std::string seal_filename(const access::MasterKey& key, const StoredFile& file) {
  const access::Sealed sealed = key.seal(file.filename, sealed_place(file, "name"));
  return to_base64url(sealed.nonce + sealed.box);
}

std::optional<std::string> open_filename(const access::KeyRing* keys, const StoredFile& file) {
  std::string bytes;
  if (!from_base64(file.filename, bytes)) return std::nullopt;
  return open_with(keys, bytes, sealed_place(file, "name"));
}

}  // namespace fairlead::gateway::internal
