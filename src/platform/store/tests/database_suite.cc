#include "platform/store/tests/database_suite.h"

#include <atomic>
#include <future>
#include <thread>

#include "platform/async/task_group.h"
#include "platform/store/whole_id.h"

namespace fairlead::store {
namespace {

const std::vector<Migration>& first_schema() {
  static const std::vector<Migration> schema = {{"shop", 1,
                                                 "create table items (name text not null primary key, amount bigint "
                                                 "not null, price double precision, note text, data blob)"}};
  return schema;
}

Result<void> put(Connection& connection, const std::string& name, std::int64_t amount) {
  const Value row[] = {name, amount};
  return execute(connection, "insert into items (name, amount) values ($1, $2)", row);
}

Result<std::int64_t> count(Connection& connection) {
  std::int64_t rows = 0;
  auto done = connection.query("select count(*) from items", {}, [&](const Row& row) -> Result<void> {
    rows = row.integer(0);
    return {};
  });
  if (!done) return fail(std::move(done).error());
  return rows;
}

Result<void> add(Database& database, const std::string& name, std::int64_t amount = 1) {
  return database.write_blocking([=](Connection& connection) { return put(connection, name, amount); });
}

}  // namespace

const std::vector<Migration> kNotes = {{"shop", 1, "create table items (name text not null primary key, note text)"}};

Result<void> add_note(Database& database, const std::string& name, const std::string& note) {
  return database.write_blocking([&](Connection& connection) {
    const Value row[] = {name, note};
    return execute(connection, "insert into items values ($1, $2)", row);
  });
}

std::int64_t count(Database& database) {
  std::int64_t rows = -1;
  auto done = database.read_blocking([&](Connection& connection) -> Result<void> {
    FAIRLEAD_TRY(rows, count(connection));
    return {};
  });
  EXPECT_TRUE(done) << done.error().message;
  return rows;
}

void DatabaseSuite::SetUp() {
  auto opened = reopen(first_schema());
  ASSERT_TRUE(opened) << opened.error().message;
}

Result<void> DatabaseSuite::reopen(std::span<const Migration> migrations) {
  database_.reset();
  FAIRLEAD_TRY(database_, place_->open(pool_, migrations));
  return {};
}

TEST_P(DatabaseSuite, AnIdIsFoundByTheBeginningThatNoOtherHas) {
  for (const char* const name : {"key_1", "key_12", "key_2", "key_30", "key_31", "key_32", "key_33"})
    ASSERT_TRUE(add(*database_, name, 7));
  ASSERT_TRUE(add(*database_, "key_4", 8));
  const auto found = [&](const std::string& start) {
    std::string out;
    auto read = database_->read_blocking([&](Connection& connection) -> Result<void> {
      FAIRLEAD_TRY(out, whole_id(connection,
                                 "select id from (select name as id, amount from items) as all_items where amount = $1",
                                 {std::int64_t{7}}, start));
      return {};
    });
    return read ? out : read.error().code + ": " + read.error().message;
  };
  EXPECT_EQ(found("key_1"), "key_1") << "the whole of one is that one";
  EXPECT_EQ(found("key_12"), "key_12");
  EXPECT_EQ(found("key_2"), "key_2");
  EXPECT_EQ(found("key_4"), "") << "of those that are asked for";
  EXPECT_EQ(found("key_3"),
            "ambiguous_id: More than one id begins with `key_3`: key_30, key_31, key_32, key_33. Give more of it.");
  EXPECT_EQ(found("k"),
            "ambiguous_id: More than one id begins with `k`: key_1, key_12, key_2, key_30, key_31 and others. "
            "Give more of it.");
  for (const std::string nothing : {"", "key_9", "%", "key_1\n", "é"}) EXPECT_EQ(found(nothing), "") << nothing;
}

TEST_P(DatabaseSuite, keeps_what_was_written_across_a_restart) {
  ASSERT_TRUE(add(*database_, "rope", 12));
  ASSERT_TRUE(reopen(first_schema()));
  EXPECT_EQ(count(*database_), 1);
}

TEST_P(DatabaseSuite, gives_every_type_back_as_it_was) {
  const std::string text = "ünïcode 🙂, 'quotes', \\x41 and $1";
  constexpr char kBytes[] = "zero\0inside, \xff\xfe no UTF-8";
  const std::string bytes(kBytes, sizeof kBytes);
  ASSERT_TRUE(database_->write_blocking([&](Connection& connection) -> Result<void> {
    const Value row[] = {text, std::int64_t{-9'223'372'036'854'775'807 - 1}, 0.1, nullptr, bytes};
    auto done =
        connection.execute("insert into items (name, amount, price, note, data) values ($1, $2, $3, $4, $5)", row);
    if (!done) return fail(std::move(done).error());
    EXPECT_EQ(*done, 1);
    return {};
  }));
  int rows = 0;
  ASSERT_TRUE(database_->read_blocking([&](Connection& connection) {
    constexpr std::string_view kAll = "select name, amount, price, note, data from items";
    return connection.query(kAll, {}, [&](const Row& row) -> Result<void> {
      ++rows;
      EXPECT_EQ(row.text(0), text);
      EXPECT_EQ(row.integer(1), std::numeric_limits<std::int64_t>::min());
      EXPECT_EQ(row.real(2), 0.1);
      EXPECT_TRUE(row.is_null(3));
      EXPECT_EQ(row.text(3), "");
      EXPECT_EQ(row.text(4), bytes);
      EXPECT_FALSE(row.is_null(0));
      return {};
    });
  }));
  EXPECT_EQ(rows, 1);
}

TEST_P(DatabaseSuite, binds_placeholders_by_their_number) {
  ASSERT_TRUE(add(*database_, "rope", 7));
  const Value parameters[] = {std::int64_t{7}, std::string("rope")};
  int rows = 0;
  ASSERT_TRUE(database_->read_blocking([&](Connection& connection) {
    return connection.query("select 1 from items where name = $2 and amount = $1 and $1 = amount", parameters,
                            [&](const Row&) -> Result<void> {
                              ++rows;
                              return {};
                            });
  }));
  EXPECT_EQ(rows, 1);
}

TEST_P(DatabaseSuite, infers_no_parameter_to_be_narrower_than_it_is) {
  ASSERT_TRUE(add(*database_, "rope", 5'000'000'000));
  const Value parameters[] = {std::int64_t{5'000'000'001}, std::string(""), std::int64_t{1}};
  int rows = 0;
  ASSERT_TRUE(database_->read_blocking([&](Connection& connection) {
    return connection.query(
        "select 1 from items where ($1 = 0 or amount < $1) and ($2 = '' or name = $2) order by name limit $3",
        parameters, [&](const Row&) -> Result<void> {
          ++rows;
          return {};
        });
  }));
  EXPECT_EQ(rows, 1);
}

TEST_P(DatabaseSuite, orders_texts_by_their_bytes) {
  for (const char* name : {"b", "B", "a", "A", "_", "é", "a-b", "aa"}) ASSERT_TRUE(add(*database_, name));
  std::string order;
  ASSERT_TRUE(database_->read_blocking([&](Connection& connection) {
    return connection.query("select name from items where name > '' order by name", {},
                            [&](const Row& row) -> Result<void> {
                              order += std::string(row.text(0)) + " ";
                              return {};
                            });
  }));
  EXPECT_EQ(order, "A B _ a a-b aa b é ");
}

TEST_P(DatabaseSuite, does_not_commit_a_work_that_passes_over_the_failure_of_a_statement) {
  ASSERT_TRUE(add(*database_, "rope"));
  auto done = database_->write_blocking([](Connection& connection) -> Result<void> {
    FAIRLEAD_CHECK(put(connection, "chain", 1));
    auto failed = connection.execute("insert into nowhere values (1)");
    EXPECT_FALSE(failed);
    return fail(std::move(failed).error());
  });
  EXPECT_EQ(done.error().code, "store_error");
  EXPECT_EQ(count(*database_), 1);
}

TEST_P(DatabaseSuite, refuses_a_statement_given_too_few_or_too_many_parameters) {
  const Value three[] = {std::string("a"), std::int64_t{1}, std::int64_t{2}};
  for (const std::size_t given : {0, 1, 3}) {
    auto done = database_->write_blocking([&](Connection& connection) -> Result<void> {
      auto ran = connection.execute("insert into items (name, amount) values ($1, $2)", std::span(three, given));
      if (!ran) return fail(std::move(ran).error());
      return {};
    });
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().code, "store_error");
  }
}

TEST_P(DatabaseSuite, rolls_back_a_work_that_returns_an_error) {
  auto done = database_->write_blocking([](Connection& connection) -> Result<void> {
    FAIRLEAD_CHECK(put(connection, "rope", 1));
    return fail(ErrorKind::kConflict, "changed_my_mind", "No.");
  });
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, "changed_my_mind");
  EXPECT_EQ(count(*database_), 0);
}

TEST_P(DatabaseSuite, calls_a_broken_constraint_a_conflict) {
  ASSERT_TRUE(add(*database_, "rope"));
  auto again = add(*database_, "rope");
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, "store_conflict");
  EXPECT_EQ(again.error().kind, ErrorKind::kConflict);
}

TEST_P(DatabaseSuite, refuses_a_write_within_a_read) {
  auto done = database_->read_blocking([](Connection& connection) { return put(connection, "rope", 1); });
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, "store_read_only");
  EXPECT_EQ(count(*database_), 0);
}

TEST_P(DatabaseSuite, counts_the_rows_that_a_statement_changed) {
  for (const char* name : {"a", "b", "c"}) ASSERT_TRUE(add(*database_, name, 5));
  ASSERT_TRUE(database_->write_blocking([](Connection& connection) -> Result<void> {
    auto changed = connection.execute("update items set amount = 6 where name <> 'a'");
    EXPECT_EQ(changed.value_or(-1), 2);
    auto none = connection.execute("delete from items where name = 'z'");
    EXPECT_EQ(none.value_or(-1), 0);
    return {};
  }));
}

TEST_P(DatabaseSuite, lets_a_query_run_inside_a_query_with_the_same_sql) {
  for (const char* name : {"a", "b"}) ASSERT_TRUE(add(*database_, name));
  int pairs = 0;
  ASSERT_TRUE(database_->read_blocking([&](Connection& connection) {
    constexpr std::string_view kSql = "select name from items order by name";
    return connection.query(kSql, {}, [&](const Row& outer) -> Result<void> {
      const std::string name(outer.text(0));
      FAIRLEAD_CHECK(connection.query(kSql, {}, [&](const Row&) -> Result<void> {
        ++pairs;
        return {};
      }));
      EXPECT_EQ(outer.text(0), name);
      return {};
    });
  }));
  EXPECT_EQ(pairs, 4);
}

TEST_P(DatabaseSuite, ends_a_query_with_the_error_of_its_callback) {
  for (const char* name : {"a", "b"}) ASSERT_TRUE(add(*database_, name));
  int seen = 0;
  auto done = database_->read_blocking([&](Connection& connection) {
    return connection.query("select name from items", {}, [&](const Row&) -> Result<void> {
      ++seen;
      return fail(ErrorKind::kNotFound, "enough", "Enough.");
    });
  });
  EXPECT_EQ(done.error().code, "enough");
  EXPECT_EQ(seen, 1);
}

TEST_P(DatabaseSuite, reads_one_state_while_others_write) {
  ASSERT_TRUE(add(*database_, "first"));
  ASSERT_TRUE(database_->read_blocking([&](Connection& connection) -> Result<void> {
    FAIRLEAD_TRY(const auto before, count(connection));
    EXPECT_TRUE(add(*database_, "second"));  // from the writer's thread, durable before the read goes on
    FAIRLEAD_TRY(const auto after, count(connection));
    EXPECT_EQ(before, after);
    return {};
  }));
  EXPECT_EQ(count(*database_), 2);
}

TEST_P(DatabaseSuite, loses_nothing_when_many_write_at_once) {
  constexpr int kThreads = 8, kEach = 50;
  std::vector<std::thread> threads;
  std::atomic<int> refused{0}, own_rows_unseen{0};
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kEach; ++i) {
        const bool fails = i % 5 == 4;  // a failing one must not take its group along
        const std::string name = std::to_string(t) + "/" + std::to_string(i);
        auto done = database_->write_blocking([=](Connection& connection) -> Result<void> {
          FAIRLEAD_CHECK(put(connection, name, i));
          if (fails) return fail(ErrorKind::kInvalid, "wanted", "Wanted.");
          return {};
        });
        if (!done) ++refused;
        if (done && count(*database_) < (i - i / 5)) ++own_rows_unseen;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(refused, kThreads * kEach / 5);
  EXPECT_EQ(own_rows_unseen, 0);
  EXPECT_EQ(count(*database_), kThreads * kEach * 4 / 5);
}

TEST_P(DatabaseSuite, serialises_writes_that_read_first) {
  ASSERT_TRUE(add(*database_, "counter", 0));
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 25; ++i) {
        auto done = database_->write_blocking([](Connection& connection) -> Result<void> {
          std::int64_t value = 0;
          FAIRLEAD_CHECK(connection.query("select amount from items where name = 'counter'", {},
                                          [&](const Row& row) -> Result<void> {
                                            value = row.integer(0);
                                            return {};
                                          }));
          const Value next[] = {value + 1};
          auto changed = connection.execute("update items set amount = $1 where name = 'counter'", next);
          if (!changed) return fail(std::move(changed).error());
          return {};
        });
        EXPECT_TRUE(done);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  ASSERT_TRUE(database_->read_blocking([](Connection& connection) {
    return connection.query("select amount from items", {}, [](const Row& row) -> Result<void> {
      EXPECT_EQ(row.integer(0), 200);
      return {};
    });
  }));
}

namespace {

async::Task<void> write_then_read(Database& database, std::string name, std::thread::id loop,
                                  std::promise<std::int64_t>& seen) {
  Database::Work writing = [name](Connection& connection) { return put(connection, name, 1); };
  auto written = co_await database.write(std::move(writing));
  EXPECT_TRUE(written);
  EXPECT_EQ(std::this_thread::get_id(), loop);  // resumed where it was
  auto rows = std::make_shared<std::int64_t>(0);
  Database::Work reading = [rows, loop](Connection& connection) -> Result<void> {
    EXPECT_NE(std::this_thread::get_id(), loop);  // off the loop
    FAIRLEAD_TRY(*rows, count(connection));
    return {};
  };
  auto read = co_await database.read(std::move(reading));
  EXPECT_TRUE(read);
  EXPECT_EQ(std::this_thread::get_id(), loop);
  seen.set_value(*rows);
}

}  // namespace

TEST_P(DatabaseSuite, writes_and_reads_from_a_loop_without_blocking_it) {
  async::Runtime runtime(1);
  async::TaskGroup tasks(runtime.loop(0).executor());
  std::promise<std::int64_t> seen;
  runtime.loop(0).post([&] { tasks.spawn(write_then_read(*database_, "rope", std::this_thread::get_id(), seen)); });
  runtime.start();
  EXPECT_EQ(seen.get_future().get(), 1);
  runtime.stop();
}

TEST_P(DatabaseSuite, applies_what_is_missing_of_the_migrations) {
  ASSERT_TRUE(add(*database_, "rope"));
  auto schema = first_schema();
  schema.push_back({"shop", 2, "alter table items add column colour text; update items set colour = 'blue'"});
  schema.push_back({"dock", 1, "create table ships (name text)"});
  for (int again = 0; again < 2; ++again) {
    auto opened = reopen(schema);
    ASSERT_TRUE(opened) << opened.error().message;
  }
  ASSERT_TRUE(database_->read_blocking([](Connection& connection) {
    return connection.query("select colour from items", {}, [](const Row& row) -> Result<void> {
      EXPECT_EQ(row.text(0), "blue");
      return {};
    });
  }));
}

TEST_P(DatabaseSuite, refuses_a_store_of_a_newer_release) {
  auto schema = first_schema();
  schema.push_back({"shop", 2, "create table later (name text)"});
  ASSERT_TRUE(reopen(schema));
  auto older = reopen(first_schema());
  ASSERT_FALSE(older);
  EXPECT_EQ(older.error().code, "store_newer");
  ASSERT_TRUE(reopen(schema));
}

TEST_P(DatabaseSuite, refuses_a_released_migration_that_was_changed) {
  auto schema = first_schema();
  schema[0].sql += " ";
  auto opened = reopen(schema);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, "store_migration");
}

TEST_P(DatabaseSuite, leaves_the_store_as_it_was_when_a_migration_fails) {
  auto schema = first_schema();
  schema.push_back({"shop", 2, "create table half (name text)"});
  schema.push_back({"shop", 3, "create table nonsense ("});
  EXPECT_FALSE(reopen(schema));
  schema.pop_back();
  schema.back().sql = "create table half (other text)";  // would clash if the first try had left anything
  auto opened = reopen(schema);
  EXPECT_TRUE(opened) << opened.error().message;
}

TEST_P(DatabaseSuite, finishes_what_it_was_given_before_it_closes) {
  async::Runtime runtime(1);
  std::atomic<int> done{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      if (add(*database_, std::to_string(t))) ++done;
    });
  }
  for (std::thread& thread : threads) thread.join();
  ASSERT_TRUE(reopen(first_schema()));
  EXPECT_EQ(count(*database_), done);
}

}  // namespace fairlead::store
