#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <future>
#include <set>
#include <thread>

#include "platform/store/internal/pg_connection.h"
#include "platform/store/tests/database_suite.h"
#include "platform/store/tests/postgresql_server.h"

namespace fairlead::store {
namespace {

using namespace std::chrono_literals;

class PostgresqlPlace final : public TestPlace {
 public:
  Result<std::unique_ptr<Database>> open(async::BlockingPool& readers, std::span<const Migration> migrations) override {
    return open_postgresql(uri_, readers, migrations);
  }

 private:
  std::string uri_ = PostgresqlServer::shared().new_database();
};

std::unique_ptr<TestPlace> make_postgresql() {
  return std::make_unique<PostgresqlPlace>();
}

INSTANTIATE_TEST_SUITE_P(Postgresql, DatabaseSuite, testing::Values(&make_postgresql));

std::set<std::string> names(Database& database) {
  std::set<std::string> out;
  auto read = database.read_blocking([&](Connection& connection) {
    return connection.query("select name from items", {}, [&](const Row& row) -> Result<void> {
      out.emplace(row.text(0));
      return {};
    });
  });
  EXPECT_TRUE(read) << read.error().message;
  return out;
}

template <class Check>
bool within(std::chrono::milliseconds time, Check check) {
  const auto until = std::chrono::steady_clock::now() + time;
  while (!check()) {
    if (std::chrono::steady_clock::now() > until) return false;
    std::this_thread::sleep_for(5ms);
  }
  return true;
}

// Two processes, as far as the server can tell.
struct Two {
  std::string uri = PostgresqlServer::shared().new_database();
  async::BlockingPool pool{4};
  std::unique_ptr<Database> a = open_postgresql(uri, pool, kNotes).value();
  std::unique_ptr<Database> b = open_postgresql(uri, pool, kNotes).value();
  std::unique_ptr<PgConnection> beside = PgConnection::open(PgTarget::parse(uri).value()).value();
};

TEST(Postgresql, says_nothing_of_the_password_when_it_cannot_be_reached_or_understood) {
  async::BlockingPool pool(1);
  for (const char* uri : {"postgresql://u:hunter2@127.0.0.1:1/d", "postgresql://u:hunter2@[::1/d",
                          "postgresql://u:hunter2@h:port/d", "postgresql://u:hunter2@127.0.0.1:1/d?sslmode=hunter2"}) {
    auto opened = open(uri, pool, kNotes);
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().message.find("hunter2"), std::string::npos) << opened.error().message;
  }
}

TEST(Postgresql, refuses_text_that_it_cannot_keep_and_goes_on) {
  Two two;
  for (const std::string& text : {std::string("a\0b", 3), std::string("\xff\xfe")}) {
    auto done = add_note(*two.a, text);
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().code, "store_text");
    EXPECT_EQ(done.error().kind, ErrorKind::kInvalid);
  }
  EXPECT_TRUE(add_note(*two.a, "rope"));
}

TEST(Postgresql, keeps_one_order_of_writes_over_all_processes) {
  Two two;
  ASSERT_TRUE(add_note(*two.a, "counter", "0"));
  std::vector<std::thread> threads;
  std::atomic<int> faults{0};
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&, t] {
      Database& database = t % 2 == 0 ? *two.a : *two.b;
      for (int i = 0; i < 25; ++i) {
        auto done = database.write_blocking([](Connection& connection) -> Result<void> {
          int value = 0;
          FAIRLEAD_CHECK(connection.query("select note from items", {}, [&](const Row& row) -> Result<void> {
            value = std::stoi(std::string(row.text(0)));
            return {};
          }));
          const Value next[] = {std::to_string(value + 1)};
          FAIRLEAD_CHECK(connection.execute("update items set note = $1", next));
          return {};
        });
        if (!done) ++faults;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(faults, 0);
  ASSERT_TRUE(two.b->read_blocking([](Connection& connection) {
    return connection.query("select note from items", {}, [](const Row& row) -> Result<void> {
      EXPECT_EQ(row.text(0), "200");
      return {};
    });
  }));
}

TEST(Postgresql, sees_what_another_process_wrote_as_soon_as_that_has_returned) {
  Two two;
  for (int i = 0; i < 50; ++i) {
    ASSERT_TRUE(add_note(i % 2 == 0 ? *two.a : *two.b, std::to_string(i)));
    ASSERT_EQ(names(i % 2 == 0 ? *two.b : *two.a).size(), i + 1);
  }
}

TEST(Postgresql, tells_every_process_of_what_was_announced) {
  Two two;
  std::atomic<int> looks{0};
  two.b->follow([&] { ++looks; });
  ASSERT_TRUE(within(2s, [&] { return looks > 0; }));
  std::this_thread::sleep_for(100ms);  // it listens, and has half a second to the next look
  const int before = looks;
  const auto written = std::chrono::steady_clock::now();
  ASSERT_TRUE(two.a->write_blocking([](Connection& connection) -> Result<void> {
    connection.announce();
    FAIRLEAD_CHECK(connection.execute("insert into items values ('rope', '')"));
    return {};
  }));
  ASSERT_TRUE(within(2s, [&] { return looks > before; }));
  EXPECT_LT(std::chrono::steady_clock::now() - written, 300ms);
  two.b->stop_following();
  const int after = looks;
  ASSERT_TRUE(add_note(*two.a, "chain"));
  std::this_thread::sleep_for(700ms);
  EXPECT_EQ(looks, after);
}

TEST(Postgresql, does_not_wait_for_a_process_that_stands_still_within_a_write) {
  Two two;
  std::promise<void> begun;
  auto stalled = std::async(std::launch::async, [&] {
    return two.a->write_blocking([&](Connection& connection) -> Result<void> {
      FAIRLEAD_CHECK(connection.execute("insert into items values ('late', '')"));
      begun.set_value();
      std::this_thread::sleep_for(7s);
      return {};
    });
  });
  begun.get_future().wait();
  const auto from = std::chrono::steady_clock::now();
  auto done = add_note(*two.b, "prompt");
  EXPECT_TRUE(done) << done.error().message;
  EXPECT_LT(std::chrono::steady_clock::now() - from, 6s);
  auto late = stalled.get();
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, "store_unavailable");
  EXPECT_EQ(names(*two.b), std::set<std::string>{"prompt"});
  EXPECT_TRUE(add_note(*two.a, "again"));
}

TEST(Postgresql, says_that_it_cannot_know_when_the_connection_goes_while_it_commits) {
  Two two;
  ASSERT_TRUE(two.beside->run(
      "create function slow() returns trigger language plpgsql as 'begin perform pg_sleep(3); return null; end';"
      "create constraint trigger slow after insert on items deferrable initially deferred for each row execute "
      "function slow()"));
  auto writing = std::async(std::launch::async, [&] { return add_note(*two.a, "rope"); });
  ASSERT_TRUE(within(3s, [&] {
    int committing = 0;
    EXPECT_TRUE(
        two.beside->query("select count(pg_terminate_backend(pid)) from pg_stat_activity"
                          " where query = 'commit' and state = 'active' and datname = current_database()",
                          {}, [&](const Row& row) -> Result<void> {
                            committing = static_cast<int>(row.integer(0));
                            return {};
                          }));
    return committing == 1;
  }));
  auto done = writing.get();
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, "store_uncertain");
  ASSERT_TRUE(two.beside->run("drop trigger slow on items"));
  EXPECT_TRUE(add_note(*two.a, "chain"));
}

TEST(Postgresql, tells_apart_what_the_server_complains_of) {
  Two two;
  const std::pair<const char*, const char*> states[] = {
      {"53100", "store_full"},    {"25006", "store_read_only"}, {"23514", "store_conflict"}, {"40001", "store_busy"},
      {"XX001", "store_corrupt"}, {"42501", "store_read_only"}, {"22012", "store_error"}};
  for (const auto& [state, code] : states) {
    auto done = two.a->write_blocking([state](Connection& connection) -> Result<void> {
      const std::string sql = std::string("do 'begin raise exception using errcode = ''") + state + "''; end'";
      FAIRLEAD_CHECK(connection.execute(sql));
      return {};
    });
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().code, code) << state;
  }
}

TEST(Postgresql, refuses_a_database_whose_texts_are_not_utf8) {
  Two two;
  ASSERT_TRUE(two.beside->run("create database latin encoding 'LATIN1' locale 'C' template template0"));
  async::BlockingPool pool(1);
  auto opened = open_postgresql(PostgresqlServer::shared().uri("latin"), pool, kNotes);
  ASSERT_FALSE(opened);
  EXPECT_NE(opened.error().message.find("UTF8"), std::string::npos);
}

TEST(Postgresql, says_that_a_user_may_not_make_tables) {
  Two two;
  ASSERT_TRUE(two.beside->run("create role guest login"));
  async::BlockingPool pool(1);
  std::string uri = PostgresqlServer::shared().new_database();
  uri.replace(uri.find("user=fairlead"), 13, "user=guest");
  auto opened = open_postgresql(uri, pool, kNotes);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, "store_read_only");
}

TEST(Postgresql, loses_nothing_and_goes_on_when_the_server_is_started_anew) {
  PostgresqlServer server;
  async::BlockingPool pool(2);
  auto database = open_postgresql(server.new_database(), pool, kNotes).value();
  std::atomic<bool> stop{false};
  std::atomic<int> refused{0};
  std::set<std::string> kept[4], uncertain[4];
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; !stop; ++i) {
        const std::string name = std::to_string(t) + "/" + std::to_string(i);
        auto done = add_note(*database, name);
        if (done) {
          kept[t].insert(name);
        } else if (done.error().code == "store_uncertain") {
          uncertain[t].insert(name);
        } else {
          EXPECT_EQ(done.error().code, "store_unavailable") << done.error().message;
          ++refused;
          std::this_thread::sleep_for(5ms);
        }
      }
    });
  }
  for (const int signal : {SIGINT, SIGQUIT, SIGQUIT}) {
    std::this_thread::sleep_for(200ms);
    server.stop(signal);
    std::this_thread::sleep_for(100ms);
    server.start();
    EXPECT_TRUE(within(5s, [&] { return add_note(*database, "after " + std::to_string(refused)).has_value(); }));
  }
  stop = true;
  for (std::thread& thread : threads) thread.join();
  EXPECT_GT(refused, 0);
  const std::set<std::string> there = names(*database);
  std::set<std::string> known;
  for (int t = 0; t < 4; ++t) {
    EXPECT_GT(kept[t].size(), 10u);
    for (const std::string& name : kept[t]) EXPECT_TRUE(there.contains(name)) << name;
    known.insert(kept[t].begin(), kept[t].end());
    known.insert(uncertain[t].begin(), uncertain[t].end());
  }
  for (const std::string& name : there) EXPECT_TRUE(name.starts_with("after") || known.contains(name)) << name;
}

}  // namespace
}  // namespace fairlead::store
