// Uploaded files as they lie on the disk under a privacy policy.
#include "gateway/internal/sealed_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

namespace fairlead::gateway {
namespace {

constexpr std::size_t kPiece = 256 * 1024, kSealedPiece = kPiece + 28;

struct SealedFile : testing::Test {
  SealedFile() { keys.push_back(access::MasterKey::random()); }
  static std::string text_of(std::size_t size) {
    std::string text;
    while (text.size() < size) text += std::to_string(text.size()) + " Мария\n";
    text.resize(size);
    return text;
  }
  StoredFile file_of(std::size_t bytes) {
    StoredFile file{.project = "bank", .id = "file-1", .filename = "Мария.txt", .purpose = "user_data"};
    file.bytes = static_cast<std::int64_t>(bytes);
    return file;
  }
  Result<std::string> read(const StoredFile& file, const std::string& sealed, std::size_t offset = 0,
                           std::size_t size = std::string::npos / 2) {
    std::istringstream in(sealed);
    return internal::open_file(&keys, file, in, static_cast<std::int64_t>(offset), size);
  }
  access::KeyRing keys;
};

TEST_F(SealedFile, OpensWholeAndInPartsOfAnySize) {
  for (const std::size_t size : {std::size_t{1}, kPiece - 1, kPiece, kPiece + 1, 3 * kPiece + 7}) {
    const std::string content = text_of(size);
    const StoredFile file = file_of(size);
    const std::string sealed = internal::seal_file(keys[0], file, content);
    EXPECT_EQ(sealed.find("Мария"), std::string::npos);
    EXPECT_EQ(read(file, sealed).value(), content) << size;
    for (const std::size_t offset : {std::size_t{0}, size / 2, size - 1, kPiece - 3})
      for (const std::size_t part : {std::size_t{1}, std::size_t{5}, kPiece + 9}) {
        const std::string expected = offset < size ? content.substr(offset, part) : "";
        EXPECT_EQ(read(file, sealed, offset, part).value(), expected) << size << " from " << offset;
      }
    EXPECT_EQ(read(file, sealed, size, 10).value(), "");
  }
}

TEST_F(SealedFile, IsOpenedByAnOlderKeyOfTheRing) {
  const StoredFile file = file_of(3);
  const std::string sealed = internal::seal_file(keys[0], file, "abc");
  StoredFile named = file;
  named.filename = internal::seal_filename(keys[0], file);
  EXPECT_EQ(named.filename.find("Мария"), std::string::npos);
  keys.insert(keys.begin(), access::MasterKey::random());
  EXPECT_EQ(read(file, sealed).value(), "abc");
  EXPECT_EQ(internal::open_filename(&keys, named), "Мария.txt");
  keys.pop_back();
  EXPECT_EQ(read(file, sealed).error().code, "file_damaged");
  EXPECT_EQ(internal::open_filename(&keys, named), std::nullopt);
  EXPECT_EQ(internal::open_filename(nullptr, named), std::nullopt);
}

TEST_F(SealedFile, TakesNoPieceOfAnotherPlaceFileOrProject) {
  const std::string content = text_of(2 * kPiece + 100);
  const StoredFile file = file_of(content.size());
  const std::string sealed = internal::seal_file(keys[0], file, content);
  std::string swapped = sealed.substr(kSealedPiece, kSealedPiece) + sealed.substr(0, kSealedPiece);
  swapped += sealed.substr(2 * kSealedPiece);
  EXPECT_FALSE(read(file, swapped));
  EXPECT_FALSE(read(file, sealed.substr(0, sealed.size() - 1)));
  EXPECT_FALSE(read(file, sealed.substr(0, 2 * kSealedPiece)));
  std::string bent = sealed;
  bent[kSealedPiece + 40] ^= 1;
  EXPECT_EQ(read(file, bent, 0, kPiece).value(), content.substr(0, kPiece)) << "the piece before is whole";
  EXPECT_FALSE(read(file, bent, kPiece, 1));
  // Shortened with its row: the last piece says that it is.
  EXPECT_FALSE(read(file_of(2 * kPiece), sealed.substr(0, 2 * kSealedPiece), kPiece, 1));
  StoredFile other = file;
  other.id = "file-2";
  EXPECT_FALSE(read(other, sealed));
  other = file;
  other.project = "shop";
  EXPECT_FALSE(read(other, sealed));
}

}  // namespace
}  // namespace fairlead::gateway
