// What connections hold of memory while they wait.
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <string>

#include "platform/async/runtime.h"
#include "platform/http/internal/buffer.h"
#include "platform/http/internal/transport.h"

namespace fairlead::http {
namespace {

TEST(BufferTest, GrowsAsMuchAsItsMessageTakes) {
  Buffer buffer;
  buffer.grow();
  EXPECT_EQ(buffer.capacity(), Buffer::kFirst);
  buffer.commit(600);
  EXPECT_FALSE(buffer.make_room(0)) << "all of it is there";
  EXPECT_FALSE(buffer.make_room(3'000)) << "the rest fits";
  EXPECT_TRUE(buffer.make_room(10'000));
  EXPECT_EQ(buffer.capacity(), Buffer::kUsual);
  EXPECT_EQ(buffer.size(), 600U);
  EXPECT_FALSE(buffer.make_room(1'000'000)) << "enough for a good part of it";
  buffer.commit(buffer.room());
  EXPECT_TRUE(buffer.make_room(1));
  EXPECT_EQ(buffer.capacity(), Buffer::kUsual + kRoomForBody);
  buffer.clear();
  buffer.release();
  EXPECT_EQ(buffer.capacity(), 0U);
}

TEST(BufferTest, OfALengthThatIsNotKnownGrowsByMuch) {
  Buffer buffer;
  for (const std::size_t wanted : {Buffer::kFirst, Buffer::kUsual, 2 * Buffer::kUsual}) {
    buffer.grow();
    EXPECT_EQ(buffer.capacity(), wanted);
    buffer.commit(buffer.room());
  }
}

TEST(TransportTest, KeepsLittleMemoryForWhatItHasSent) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends.data()), 0);
  async::Runtime runtime(1);
  Transport transport(runtime.loop(0), AF_UNIX, ends[0]);
  std::string first(8'000, 'a'), second(7'000, 'b'), third = "c";
  ASSERT_TRUE(transport.send_soon(first));
  ASSERT_TRUE(transport.send_soon(second)) << "behind the first";
  EXPECT_LE(second.capacity(), kKeptOfOut) << "of the one that sends";
  ASSERT_TRUE(transport.flush());
  ASSERT_TRUE(transport.send_soon(third));
  EXPECT_LE(third.capacity(), kKeptOfOut) << "it got what was put off before in exchange";
  transport.close();
  ::close(ends[1]);
}

}  // namespace
}  // namespace fairlead::http
