#include "platform/lake/lake.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "platform/json/text.h"

namespace fairlead::lake {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class TempFolder {
 public:
  TempFolder() {
    std::string pattern = ::testing::TempDir() + "lakeXXXXXX";
    path_ = ::mkdtemp(pattern.data());
  }
  ~TempFolder() { std::filesystem::remove_all(path_); }
  std::string file(std::string_view name) const { return path_ + "/" + std::string(name); }

 private:
  std::string path_;
};

Table events() {
  return {"events",
          {{"id", ColumnType::kText},
           {"at", ColumnType::kTime},
           {"size", ColumnType::kInteger},
           {"share", ColumnType::kReal},
           {"good", ColumnType::kBoolean},
           {"tags", ColumnType::kTexts},
           {"code", ColumnType::kNumber}}};
}

Options options_at(const std::string& path) {
  return {path, {events()}};
}

Result<void> append_event(Batch& batch, std::string_view tenant, std::string_view id, std::int64_t size = 1) {
  FAIRLEAD_TRY(Rows* const rows, batch.rows(tenant, "events"));
  rows->text(id);
  rows->time(1'700'000'000'123'456 + size);
  rows->integer(size);
  rows->real(0.5);
  rows->boolean(true);
  const std::string_view tags[] = {"a", "b"};
  rows->texts(tags);
  rows->null();
  return rows->end_row();
}

std::vector<std::string> rows_of(Lake& lake, std::string_view tenant, std::string_view sql,
                                 std::span<const Parameter> parameters = {}) {
  const auto answer = lake.query(tenant, sql, parameters, RowShape::kObjects, {});
  if (!answer) return {answer.error().message};
  return answer->rows;
}

TEST(Lake, KeepsWhatWasAppended) {
  const TempFolder folder;
  {
    auto lake = Lake::open(options_at(folder.file("lake.duckdb")));
    ASSERT_TRUE(lake) << lake.error().message;
    ASSERT_TRUE((*lake)->write([](Batch& batch) { return append_event(batch, "bank", "one"); }));
  }
  auto lake = Lake::open(options_at(folder.file("lake.duckdb")));
  ASSERT_TRUE(lake) << lake.error().message;
  EXPECT_THAT(
      rows_of(**lake, "bank", "SELECT * FROM events"),
      ElementsAre(
          R"({"id":"one","at":"2023-11-14T22:13:20.123457Z","size":1,"share":0.5,"good":true,"tags":["a","b"],"code":null})"));
}

// Rows that differ in every way in which a column is laid out: null or not, short enough to be kept in its place or
// not, lists of no, one and many elements.
Result<void> append_varied(Batch& batch, std::int64_t i) {
  FAIRLEAD_TRY(Rows* const rows, batch.rows("bank", "events"));
  const std::string text(static_cast<std::size_t>(i % 29), static_cast<char>('a' + i % 26));
  const std::vector<std::string_view> tags(static_cast<std::size_t>(i % 5), text);
  i % 7 == 0 ? rows->null() : rows->text(text);
  i % 3 == 0 ? rows->null() : rows->time(i);
  rows->integer(i);
  i % 2 == 0 ? rows->null() : rows->real(static_cast<double>(i) / 4);
  rows->boolean(i % 2 == 0);
  rows->texts(tags);
  i % 4 == 0 ? rows->null() : rows->integer(-i);
  return rows->end_row();
}

TEST(Lake, KeepsEveryRowOfALargeBatch) {
  const TempFolder folder;
  const std::int64_t count = kBulkRows + 4'321;
  {
    auto lake = Lake::open(options_at(folder.file("lake.duckdb")));
    ASSERT_TRUE(lake) << lake.error().message;
    for (const auto& [from, to] : {std::pair<std::int64_t, std::int64_t>{0, 100}, {100, count}}) {
      ASSERT_TRUE((*lake)->write([&, from = from, to = to](Batch& batch) -> Result<void> {
        for (std::int64_t i = from; i < to; ++i) FAIRLEAD_CHECK(append_varied(batch, i));
        return {};
      }));
    }
  }
  auto lake = Lake::open(options_at(folder.file("lake.duckdb")));
  ASSERT_TRUE(lake) << lake.error().message;
  EXPECT_THAT(
      rows_of(
          **lake, "bank",
          "SELECT count(*) AS n, count(DISTINCT size) AS different, min(size) AS least, max(size) AS most FROM events"),
      ElementsAre("{\"n\":" + std::to_string(count) + ",\"different\":" + std::to_string(count) +
                  ",\"least\":0,\"most\":" + std::to_string(count - 1) + "}"));
  EXPECT_THAT(
      rows_of(
          **lake, "bank",
          "WITH wanted AS (SELECT *, repeat(chr((97 + size % 26)::INTEGER), (size % 29)::INTEGER) AS text FROM events) "
          "SELECT count(*) AS wrong FROM wanted WHERE "
          "id IS DISTINCT FROM CASE WHEN size % 7 = 0 THEN NULL ELSE text END "
          "OR \"at\" IS DISTINCT FROM CASE WHEN size % 3 = 0 THEN NULL ELSE make_timestamp(size) END "
          "OR share IS DISTINCT FROM CASE WHEN size % 2 = 0 THEN NULL ELSE size / 4 END "
          "OR good IS DISTINCT FROM (size % 2 = 0) "
          "OR tags IS DISTINCT FROM list_transform(range(size % 5), lambda i: text) "
          "OR code IS DISTINCT FROM CASE WHEN size % 4 = 0 THEN NULL ELSE -size END"),
      ElementsAre(R"({"wrong":0})"));
}

TEST(Lake, CommitsAllOfABatchOrNothing) {
  const TempFolder folder;
  auto lake = Lake::open(options_at(folder.file("lake.duckdb")));
  ASSERT_TRUE(lake) << lake.error().message;
  const auto written = (*lake)->write([](Batch& batch) -> Result<void> {
    FAIRLEAD_CHECK(append_event(batch, "bank", "one"));
    FAIRLEAD_CHECK(batch.set_note("place", 7));
    return fail(ErrorKind::kCancelled, "cancelled", "no");
  });
  EXPECT_FALSE(written);
  EXPECT_THAT(rows_of(**lake, "bank", "SELECT count(*) AS n FROM events"), ElementsAre(R"({"n":0})"));
  EXPECT_EQ((*lake)->note("place").value(), std::nullopt);
  // The tenant's tables were made in the transaction that failed; the next one makes them again.
  ASSERT_TRUE((*lake)->write([](Batch& batch) -> Result<void> {
    FAIRLEAD_CHECK(append_event(batch, "bank", "two"));
    return batch.set_note("place", 8);
  }));
  EXPECT_EQ((*lake)->note("place").value(), 8);
  EXPECT_THAT(rows_of(**lake, "bank", "SELECT id FROM events"), ElementsAre(R"({"id":"two"})"));
}

TEST(Lake, KeepsTenantsApart) {
  const TempFolder folder;
  auto lake = Lake::open(options_at(folder.file("lake.duckdb")));
  ASSERT_TRUE(lake) << lake.error().message;
  // Names that differ in case alone, and one that would break out of quotes.
  for (const std::string tenant : {"bank", "Bank", "b\"; drop schema main; --'"}) {
    ASSERT_TRUE((*lake)->write([&](Batch& batch) { return append_event(batch, tenant, tenant); }));
  }
  for (const std::string tenant : {"bank", "Bank", "b\"; drop schema main; --'"}) {
    EXPECT_THAT(rows_of(**lake, tenant, "SELECT id FROM events"), ElementsAre("{\"id\":" + json::quoted(tenant) + "}"));
  }
  EXPECT_THAT(rows_of(**lake, "unknown", "SELECT id FROM events"), ElementsAre());
}

TEST(Lake, MendsTextThatIsNotUtf8) {
  const TempFolder folder;
  auto lake = Lake::open(options_at(folder.file("lake.duckdb")));
  ASSERT_TRUE(lake) << lake.error().message;
  const std::string broken = std::string("a\xff") + "b\xc3\xa9\xe2\x82" + std::string("\0z", 2);
  const auto written = (*lake)->write([&](Batch& batch) { return append_event(batch, "bank", broken); });
  ASSERT_TRUE(written) << written.error().message;
  EXPECT_THAT(rows_of(**lake, "bank", "SELECT id FROM events"),
              ElementsAre("{\"id\":\"a\xef\xbf\xbd"
                          "b\xc3\xa9\xef\xbf\xbd\xef\xbf\xbd\\u0000z\"}"));
}

TEST(Lake, BindsParameters) {
  const TempFolder folder;
  auto lake = Lake::open(options_at(folder.file("lake.duckdb")));
  ASSERT_TRUE(lake) << lake.error().message;
  ASSERT_TRUE((*lake)->write([](Batch& batch) -> Result<void> {
    for (int i = 0; i < 5; ++i) FAIRLEAD_CHECK(append_event(batch, "bank", "id'" + std::to_string(i), i));
    return {};
  }));
  const Parameter parameters[] = {std::string("id'3"), std::int64_t{2}};
  EXPECT_THAT(rows_of(**lake, "bank", "SELECT size FROM events WHERE id = $1 AND size > $2", parameters),
              ElementsAre(R"({"size":3})"));
}

TEST(Lake, AddsColumnsToTablesThatAreThere) {
  const TempFolder folder;
  Table table = events();
  {
    auto lake = Lake::open(options_at(folder.file("lake.duckdb")));
    ASSERT_TRUE((*lake)->write([](Batch& batch) { return append_event(batch, "bank", "old"); }));
  }
  table.columns.push_back({"note", ColumnType::kText});
  {
    auto lake = Lake::open({folder.file("lake.duckdb"), {table, {"others", {{"id", ColumnType::kText}}}}});
    ASSERT_TRUE(lake) << lake.error().message;
    EXPECT_THAT(rows_of(**lake, "bank", "SELECT id, note FROM events"), ElementsAre(R"({"id":"old","note":null})"));
    EXPECT_THAT(rows_of(**lake, "bank", "SELECT id FROM others"), ElementsAre());
  }
  const auto older = Lake::open(options_at(folder.file("lake.duckdb")));
  ASSERT_FALSE(older);
  EXPECT_EQ(older.error().code, "lake_newer");
}

TEST(Lake, RemovesWhatIsOlder) {
  const TempFolder folder;
  auto lake = Lake::open(options_at(folder.file("lake.duckdb")));
  ASSERT_TRUE((*lake)->write([](Batch& batch) -> Result<void> {
    for (int i = 0; i < 10; ++i)
      FAIRLEAD_CHECK(append_event(batch, i % 2 == 0 ? "bank" : "shop", std::to_string(i), i));
    return {};
  }));
  EXPECT_EQ((*lake)->remove_before("events", "at", 1'700'000'000'123'456 + 6).value(), 6);
  EXPECT_THAT(rows_of(**lake, "bank", "SELECT id FROM events ORDER BY id"),
              ElementsAre(R"({"id":"6"})", R"({"id":"8"})"));
}

TEST(Lake, RemovesWhatIsNotUsed) {
  const TempFolder folder;
  const Options options{folder.file("lake.duckdb"), {events(), {"kept", {{"size", ColumnType::kInteger}}}}};
  auto lake = Lake::open(options);
  ASSERT_TRUE((*lake)->write([](Batch& batch) -> Result<void> {
    for (const std::string_view tenant : {"bank", "shop"}) {
      FAIRLEAD_TRY(Rows* const kept, batch.rows(tenant, "kept"));
      for (int size = 0; size < 4; ++size) {
        kept->integer(size);
        FAIRLEAD_CHECK(kept->end_row());
      }
    }
    FAIRLEAD_CHECK(append_event(batch, "bank", "a", 1));
    return append_event(batch, "shop", "b", 3);
  }));
  ASSERT_TRUE((*lake)->remove_unused("kept", "size", "events"));
  EXPECT_THAT(rows_of(**lake, "bank", "SELECT size FROM kept"), ElementsAre(R"({"size":1})"));
  EXPECT_THAT(rows_of(**lake, "shop", "SELECT size FROM kept"), ElementsAre(R"({"size":3})"));
}

TEST(Lake, BringsTheRowsOfAFormerTableWhereTheyBelong) {
  const TempFolder folder;
  const std::string path = folder.file("lake.duckdb");
  {
    auto lake = Lake::open(options_at(path));
    ASSERT_TRUE((*lake)->write([](Batch& batch) -> Result<void> {
      FAIRLEAD_CHECK(append_event(batch, "bank", "one", 1));
      return append_event(batch, "shop", "two", 2);
    }));
  }
  FormerTable former{events(), {"INSERT INTO sizes SELECT size, id, note FROM events"}};
  former.table.columns.push_back({"note", ColumnType::kText});  // which the file lacks
  const Table sizes{
      "sizes", {{"size", ColumnType::kInteger}, {"id", ColumnType::kText}, {"note", ColumnType::kText}}, false};
  Options options{path, {sizes}, 64 * 1024 * 1024, {{"events", "SELECT id, size AS bytes FROM sizes"}}, {former}};
  FormerTable broken = former;
  broken.statements.emplace_back("INSERT INTO nowhere SELECT 1");
  options.former = {broken};
  EXPECT_FALSE(Lake::open(options));  // and changes nothing
  options.former = {former};
  for (int times = 0; times < 2; ++times) {
    auto lake = Lake::open(options);
    ASSERT_TRUE(lake) << lake.error().message;
    EXPECT_THAT(rows_of(**lake, "bank", "SELECT * FROM events"), ElementsAre(R"({"id":"one","bytes":1})"));
    EXPECT_THAT(rows_of(**lake, "shop", "SELECT * FROM events"), ElementsAre(R"({"id":"two","bytes":2})"));
    EXPECT_THAT(rows_of(**lake, "nobody", "SELECT * FROM events"), ElementsAre());
  }
}

TEST(Lake, WritesAndReadsBesideEachOther) {
  const TempFolder folder;
  auto lake = Lake::open(options_at(folder.file("lake.duckdb")));
  std::thread writer([&] {
    for (int i = 0; i < 50; ++i) {
      ASSERT_TRUE((*lake)->write([&](Batch& batch) -> Result<void> {
        FAIRLEAD_CHECK(append_event(batch, "bank", "x"));
        return append_event(batch, "bank", "y");
      }));
    }
  });
  for (int i = 0; i < 50; ++i) {
    // A batch is seen whole or not at all.
    const auto rows = rows_of(**lake, "bank", "SELECT count(*) % 2 AS odd FROM events");
    EXPECT_THAT(rows, ElementsAre(R"({"odd":0})"));
  }
  writer.join();
  EXPECT_THAT(rows_of(**lake, "bank", "SELECT count(*) AS n FROM events"), ElementsAre(R"({"n":100})"));
}

TEST(Lake, SaysWhatIsWrongWithItsFile) {
  const TempFolder folder;
  {
    std::ofstream(folder.file("noise.duckdb")) << std::string(8192, 'x');
    const auto lake = Lake::open(options_at(folder.file("noise.duckdb")));
    ASSERT_FALSE(lake);
    EXPECT_EQ(lake.error().code, "lake_corrupt") << lake.error().message;
    EXPECT_THAT(lake.error().message, HasSubstr("noise.duckdb"));
  }
  const auto nowhere = Lake::open(options_at(folder.file("no/such/lake.duckdb")));
  ASSERT_FALSE(nowhere);
  EXPECT_EQ(nowhere.error().code, "lake_error") << nowhere.error().message;
}

// Runs `child` in a process of its own, which holds the lake until `parent` is done.
TEST(Lake, IsLockedAgainstOtherProcesses) {
  const TempFolder folder;
  int to_child[2], to_parent[2];
  ASSERT_EQ(::pipe(to_child), 0);
  ASSERT_EQ(::pipe(to_parent), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    ::close(to_child[1]);
    auto lake = Lake::open(options_at(folder.file("lake.duckdb")));
    char byte = lake ? 'y' : 'n';
    static_cast<void>(::write(to_parent[1], &byte, 1));
    static_cast<void>(::read(to_child[0], &byte, 1));
    ::_exit(0);
  }
  char byte = 0;
  ASSERT_EQ(::read(to_parent[0], &byte, 1), 1);
  ASSERT_EQ(byte, 'y');
  const auto lake = Lake::open(options_at(folder.file("lake.duckdb")));
  ::close(to_child[1]);
  ::waitpid(child, nullptr, 0);
  ASSERT_FALSE(lake);
  EXPECT_EQ(lake.error().code, "lake_locked") << lake.error().message;
  EXPECT_TRUE(Lake::open(options_at(folder.file("lake.duckdb"))));
}

}  // namespace
}  // namespace fairlead::lake
