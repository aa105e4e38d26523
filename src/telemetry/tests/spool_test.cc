#include "telemetry/internal/spool.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>

#include <filesystem>
#include <fstream>
#include <limits>
#include <thread>

#include "telemetry/internal/byte_queue.h"
#include "telemetry/internal/codec.h"
#include "telemetry/internal/crc32c.h"
#include "telemetry/internal/fields.h"
#include "telemetry/tests/support.h"

namespace fairlead::telemetry {
namespace {

using ::testing::ElementsAre;
using ::testing::SizeIs;

TEST(Crc32c, MatchesThePublishedVectors) {
  EXPECT_EQ(crc32c(std::string(32, '\0')), 0x8a9136aau);  // RFC 3720, B.4
  EXPECT_EQ(crc32c(std::string(32, '\xff')), 0x62a8ab43u);
  EXPECT_EQ(crc32c("123456789"), 0xe3069283u);
  EXPECT_EQ(crc32c("6789", crc32c("12345")), 0xe3069283u);
}

// Equal in every field of the tables.
void expect_same(const CallRecord& a, const CallRecord& b) {
  for (const auto& field : call_fields()) {
    const FieldRef left = field.ref(const_cast<CallRecord&>(a)), right = field.ref(const_cast<CallRecord&>(b));
    std::visit([&](auto* value) { EXPECT_EQ(*value, **std::get_if<decltype(value)>(&right)) << field.column; }, left);
  }
  ASSERT_EQ(a.attempts.size(), b.attempts.size());
  for (std::size_t i = 0; i < a.attempts.size(); ++i) {
    EXPECT_EQ(a.attempts[i].provider, b.attempts[i].provider);
    EXPECT_EQ(a.attempts[i].upstream_model, b.attempts[i].upstream_model);
    EXPECT_EQ(a.attempts[i].duration_us, b.attempts[i].duration_us);
    EXPECT_EQ(a.attempts[i].error_code, b.attempts[i].error_code);
    EXPECT_EQ(a.attempts[i].error_message, b.attempts[i].error_message);
  }
}

TEST(Codec, GivesBackWhatItTook) {
  for (const CallRecord& record : {full_record(), CallRecord{}, record_of("bank", "x")}) {
    std::string bytes;
    encode(bytes, record);
    const auto back = decode(bytes);
    ASSERT_TRUE(back);
    expect_same(record, *back);
  }
}

TEST(Codec, KeepsEveryFieldOfTheTableApart) {
  const CallRecord full = full_record(), empty;
  for (const auto& field : call_fields()) {
    // The full record differs from an empty one in each field, or the tests here would not see it lost.
    const FieldRef a = field.ref(const_cast<CallRecord&>(full)), b = field.ref(const_cast<CallRecord&>(empty));
    std::visit([&](auto* value) { EXPECT_NE(*value, **std::get_if<decltype(value)>(&b)) << field.column; }, a);
    for (const auto& other : call_fields()) {
      EXPECT_EQ(field.number == other.number, field.column == other.column) << field.column << " " << other.column;
    }
    EXPECT_LT(field.number, kAttemptsNumber);
  }
}

// Each number as long as numbers get, behind bytes that are there already and in a string without room.
TEST(Codec, GivesBackWhatIsLongest) {
  CallRecord record;
  for (const auto& field : call_fields()) {
    struct {
      void operator()(std::string* value) const { *value = std::string(70'000, 'x'); }
      void operator()(std::int64_t* value) const { *value = std::numeric_limits<std::int64_t>::min(); }
      void operator()(int* value) const { *value = std::numeric_limits<int>::min(); }
      void operator()(double* value) const { *value = -1e300; }
      void operator()(bool* value) const { *value = !*value; }
      void operator()(std::vector<std::string>* value) const { *value = {"", std::string(300, 'y'), ""}; }
    } const longest;
    std::visit(longest, field.ref(record));
  }
  record.operation.clear();  // is "chat" in a new one
  record.attempts.assign(3, {std::string(200, 'p'), "m", std::numeric_limits<std::int64_t>::min(), "code", "message"});
  std::string bytes = "before";
  bytes.shrink_to_fit();
  encode(bytes, record);
  ASSERT_EQ(bytes.substr(0, 6), "before");
  const auto back = decode(std::string_view(bytes).substr(6));
  ASSERT_TRUE(back);
  expect_same(record, *back);
}

TEST(Codec, SkipsFieldsOfANewerOne) {
  std::string bytes;
  encode(bytes, record_of("bank", "x"));
  bytes += std::string("\xb8\x3e\x05", 3);  // number 999, a varint
  bytes += std::string(
      "\xba\x3e\x03"
      "abc",
      6);  // 999, bytes
  bytes += std::string(
      "\xb9\x3e"
      "12345678",
      10);  // 999, eight bytes
  const auto back = decode(bytes);
  ASSERT_TRUE(back);
  EXPECT_EQ(back->id, "x");
}

TEST(Codec, SurvivesDamage) {
  std::string bytes;
  encode(bytes, full_record());
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    decode(bytes.substr(0, i));  // must end, whatever it says
    std::string changed = bytes;
    changed[i] = static_cast<char>(changed[i] ^ 0xff);
    decode(changed);
  }
}

TEST(ByteQueue, HandsOverWholePiecesInOrder) {
  ByteQueue queue(1 << 20);
  std::atomic<bool> done = false;
  std::string received;
  std::thread consumer([&] {
    for (bool last = false; !last;) {
      last = done;
      std::vector<iovec> out;
      const std::size_t size = queue.peek(out);
      for (const auto& part : out) received.append(static_cast<const char*>(part.iov_base), part.iov_len);
      queue.pop(size);
    }
  });
  std::string sent;
  for (int i = 0; i < 200'000; ++i) {
    std::string piece = std::to_string(i) + (i % 1000 == 0 ? std::string(100'000, 'x') : "") + "\n";
    while (!queue.push(piece)) std::this_thread::yield();
    sent += piece;
  }
  done = true;
  consumer.join();
  EXPECT_TRUE(received == sent);
  EXPECT_EQ(queue.size(), 0u);
}

TEST(ByteQueue, IsBounded) {
  ByteQueue queue(10);
  EXPECT_TRUE(queue.push("12345678"));
  EXPECT_FALSE(queue.push("abc"));
  EXPECT_TRUE(queue.push("ab"));
  std::vector<iovec> out;
  EXPECT_EQ(queue.peek(out), 10u);
  EXPECT_EQ(queue.pop(8), 8u);
  EXPECT_TRUE(queue.push("abc"));
  EXPECT_EQ(queue.pushed(), 13u);
}

iovec part_of(const std::string& text) {
  return {const_cast<char*>(text.data()), text.size()};
}

std::string frame_of(const std::string& id) {
  std::string frame;
  append_frame(frame, record_of("bank", id));
  return frame;
}

std::unique_ptr<SpoolWriter> writer_in(const std::string& folder, std::int64_t segment_bytes = 1 << 20) {
  static const SystemClock clock;
  auto writer = SpoolWriter::create(folder, segment_bytes, clock);
  EXPECT_TRUE(writer) << writer.error().message;
  return std::move(*writer);
}

void append_ids(SpoolWriter& writer, int from, int to) {
  for (int i = from; i < to; ++i) {
    const std::string frame = frame_of(std::to_string(i));
    const iovec part = part_of(frame);
    ASSERT_TRUE(writer.append({&part, 1}));
  }
}

// Wherever a crash cuts the last write, what came before it is read and nothing else is.
TEST(Spool, IsReadUpToATornFrameAtEveryByte) {
  const TempFolder folder;
  {
    auto writer = writer_in(folder.path());
    append_ids(*writer, 0, 3);
  }
  const std::string path = segment_path(folder.path(), list_segments(folder.path()).front());
  std::ifstream file(path, std::ios::binary);
  const std::string whole{std::istreambuf_iterator<char>(file), {}};
  const std::size_t frame = frame_of("0").size();
  ASSERT_EQ(whole.size(), 8 + 3 * frame);
  for (std::size_t size = 0; size <= whole.size(); ++size) {
    std::filesystem::resize_file(path, size);
    std::ofstream(path, std::ios::binary) << whole.substr(0, size);
    std::int64_t records = 0;
    const auto read = read_spool(folder.path(), {}, kEverything, {}, [&](const EncodedRecord& record) -> Result<void> {
      EXPECT_EQ(record.call().text(kIdNumber), std::to_string(records));
      ++records;
      return {};
    });
    ASSERT_TRUE(read) << read.error().message;
    const std::size_t expected = size < 8 ? 0 : (size - 8) / frame;
    EXPECT_EQ(records, static_cast<std::int64_t>(expected)) << size;
    EXPECT_EQ(read->damaged_bytes, static_cast<std::int64_t>(size < 8 ? size : (size - 8) % frame)) << size;
  }
}

TEST(Spool, IsReadUpToADamagedByte) {
  const TempFolder folder;
  {
    auto writer = writer_in(folder.path());
    append_ids(*writer, 0, 3);
  }
  const std::string path = segment_path(folder.path(), list_segments(folder.path()).front());
  std::ifstream file(path, std::ios::binary);
  const std::string whole{std::istreambuf_iterator<char>(file), {}};
  const std::size_t frame = frame_of("0").size();
  for (std::size_t at = 0; at < whole.size(); ++at) {
    std::string changed = whole;
    changed[at] = static_cast<char>(changed[at] ^ 0x10);
    std::ofstream(path, std::ios::binary) << changed;
    EXPECT_THAT(ids_in_spool(folder.path()), SizeIs(at < 8 ? 0 : (at - 8) / frame)) << at;
  }
}

TEST(Spool, GoesOnInANewSegmentAfterARestart) {
  const TempFolder folder;
  for (int run = 0; run < 3; ++run) {
    auto writer = writer_in(folder.path());
    append_ids(*writer, run * 2, run * 2 + 2);
  }
  EXPECT_THAT(list_segments(folder.path()), SizeIs(3));
  EXPECT_THAT(ids_in_spool(folder.path()), ElementsAre("0", "1", "2", "3", "4", "5"));
}

TEST(Spool, TurnsToANewSegmentWhenOneIsFull) {
  const TempFolder folder;
  auto writer = writer_in(folder.path(), 200);
  append_ids(*writer, 0, 20);
  EXPECT_GT(list_segments(folder.path()).size(), 3u);
  EXPECT_THAT(ids_in_spool(folder.path()), SizeIs(20));
}

TEST(Spool, IsReadInPortions) {
  const TempFolder folder;
  auto writer = writer_in(folder.path(), 300);
  append_ids(*writer, 0, 20);
  SpoolPosition place;
  std::vector<std::string> ids;
  for (;;) {
    const auto read = read_spool(folder.path(), place, writer->written(), {.records = 3},
                                 [&](const EncodedRecord& record) -> Result<void> {
                                   ids.emplace_back(record.call().text(kIdNumber));
                                   return {};
                                 });
    ASSERT_TRUE(read) << read.error().message;
    place = read->next;
    EXPECT_EQ(read->damaged_bytes, 0);
    if (read->records == 0) break;
  }
  EXPECT_THAT(ids, SizeIs(20));
  EXPECT_EQ(ids.back(), "19");
  EXPECT_EQ(place, writer->written());
  append_ids(*writer, 20, 21);
  ids.clear();
  const auto read = read_spool(folder.path(), place, writer->written(), {.records = 3},
                               [&](const EncodedRecord& record) -> Result<void> {
                                 ids.emplace_back(record.call().text(kIdNumber));
                                 return {};
                               });
  ASSERT_TRUE(read);
  EXPECT_THAT(ids, ElementsAre("20"));
}

TEST(Spool, ReadsNoFurtherThanItIsTold) {
  const TempFolder folder;
  auto writer = writer_in(folder.path());
  append_ids(*writer, 0, 2);
  const SpoolPosition upto = writer->written();
  append_ids(*writer, 2, 4);
  const auto read = read_spool(folder.path(), {}, upto, {}, [](const EncodedRecord&) { return Result<void>{}; });
  ASSERT_TRUE(read);
  EXPECT_EQ(read->records, 2);
  EXPECT_EQ(read->next, upto);
}

TEST(Spool, ReadsFramesThatAreLargerThanItsWindow) {
  const TempFolder folder;
  auto writer = writer_in(folder.path());
  CallRecord record = record_of("bank", "large");
  record.output_text.assign(3 * 1024 * 1024, 'x');
  std::string frames;
  append_frame(frames, record_of("bank", "before"));
  append_frame(frames, record);
  append_frame(frames, record_of("bank", "after"));
  const iovec part = part_of(frames);
  ASSERT_TRUE(writer->append({&part, 1}));
  EXPECT_THAT(ids_in_spool(folder.path()), ElementsAre("before", "large", "after"));
}

// A write that stops in the middle (the file size limit stands in for a full disk) leaves nothing behind, and the same
// frames can be written again when there is room.
TEST(Spool, TakesBackAWriteThatFailed) {
  const TempFolder folder;
  auto writer = writer_in(folder.path());
  append_ids(*writer, 0, 2);
  const auto before = std::filesystem::file_size(segment_path(folder.path(), list_segments(folder.path()).front()));
  std::string frames;
  for (int i = 2; i < 100; ++i) frames += frame_of(std::to_string(i));
  const iovec part = part_of(frames);
  rlimit was{};
  ::getrlimit(RLIMIT_FSIZE, &was);
  ::signal(SIGXFSZ, SIG_IGN);
  const rlimit tight{before + 100, was.rlim_max};
  ::setrlimit(RLIMIT_FSIZE, &tight);
  const auto failed = writer->append({&part, 1});
  ::setrlimit(RLIMIT_FSIZE, &was);
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code, "spool_unwritable") << failed.error().message;
  EXPECT_EQ(std::filesystem::file_size(segment_path(folder.path(), list_segments(folder.path()).front())), before);
  ASSERT_TRUE(writer->append({&part, 1}));
  EXPECT_THAT(ids_in_spool(folder.path()), SizeIs(100));
}

TEST(Spool, SaysThatItCannotBeWritten) {
  const SystemClock clock;
  const auto writer = SpoolWriter::create("/proc/nowhere", 1 << 20, clock);
  ASSERT_FALSE(writer);
  EXPECT_EQ(writer.error().code, "spool_unwritable");
}

}  // namespace
}  // namespace fairlead::telemetry
