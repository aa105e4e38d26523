#include "base/secret.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <cstring>
#include <new>

namespace {

// The block that is watched, and what it held when it was given back.
const void* watched = nullptr;
char left[64];

}  // namespace

void operator delete(void* memory, std::size_t size) noexcept {
  if (memory != nullptr && memory == watched) std::memcpy(left, memory, size < sizeof left ? size : sizeof left);
  std::free(memory);
}
void operator delete(void* memory) noexcept {
  std::free(memory);
}
void* operator new(std::size_t size) {
  if (void* memory = std::malloc(size)) return memory;
  throw std::bad_alloc();
}

namespace fairlead {
namespace {

constexpr char kSecret[] = "sk-0123456789abcdef-0123456789";

bool is_left() {
  return std::memcmp(left, kSecret, sizeof kSecret - 1) == 0;
}

void watch(const void* memory) {
  watched = memory;
  std::memset(left, 'x', sizeof left);
}

}  // namespace

TEST(Secret, is_overwritten_when_it_goes_grows_or_is_assigned) {
  {
    const std::string plain(kSecret);
    watch(plain.data());
  }
  EXPECT_TRUE(is_left()) << "the test sees nothing";
  {
    const SecretText secret(kSecret);
    watch(secret.data());
  }
  EXPECT_EQ(std::string(left, sizeof kSecret - 1), std::string(sizeof kSecret - 1, '\0'));
  SecretText grows(kSecret);
  watch(grows.data());
  grows.append(1000, 'y');
  EXPECT_EQ(left[0], '\0');
  SecretText assigned(kSecret);
  watch(assigned.data());
  assigned = SecretText("sk-another-one-of-some-length");
  EXPECT_EQ(left[0], '\0');
  watched = nullptr;
}

TEST(Secret, wipes_a_string_with_what_it_held_before) {
  std::string text(kSecret);
  const std::size_t size = text.size();
  text.resize(3);
  const char* const bytes = text.data();
  wipe(text);
  EXPECT_TRUE(text.empty());
  for (std::size_t i = 0; i < size && i < text.capacity(); ++i) EXPECT_EQ(bytes[i], '\0') << i;
}

}  // namespace fairlead
